//! Networks from a file, which is read again now and then.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use alces_conf::Options;
use alces_event::Timestamp;
use ipnet::IpNet;
use jiff::SignedDuration;

use crate::{
    context::{Clock, Context},
    files::Files,
    network::{Networks, network},
};

/// The networks of a file, one for all workers.
pub(crate) struct List {
    path: PathBuf,
    separator: String,
    interval: SignedDuration,
    files: Arc<dyn Files>,
    clock: Clock,
    state: RwLock<State>,
}

struct State {
    networks: Networks,
    next: Timestamp,
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").field("path", &self.path).finish_non_exhaustive()
    }
}

impl List {
    pub(crate) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        let path = options.text("network_path");
        let interval = options.integer("refresh_interval", 0..=i64::from(i32::MAX)).unwrap_or(600);
        let separator = options.text("separator").map_or("\n".to_owned(), |text| text.node);
        let path = path?;
        let interval = SignedDuration::from_secs(interval);
        let file = PathBuf::from(&path.node);
        let networks = match load(context.files, &file, &separator) {
            Ok(networks) => networks,
            Err(reason) => {
                options.error(&path.span, format!("cannot read networks from `{}`: {reason}", path.node));
                return None;
            }
        };
        let state = RwLock::new(State { networks, next: later((context.clock)(), interval) });
        let (files, clock) = (context.files.handle(), context.clock.clone());
        Some(Self { path: file, separator, interval, files, clock, state })
    }

    pub(crate) fn holds(&self, address: &IpNet) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).networks.hold(address)
    }

    /// Reads the file again when it is time. What cannot be read, or holds no network, leaves those that are known.
    pub(crate) fn refresh(&self) {
        let now = (self.clock)();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if now < state.next {
                return;
            }
            state.next = later(now, self.interval);
        }
        // Read without the lock: workers go on meanwhile.
        let loaded = load(&*self.files, &self.path, &self.separator);
        if let Some(networks) = loaded.ok().filter(|networks| !networks.is_empty()) {
            self.state.write().unwrap_or_else(PoisonError::into_inner).networks = networks;
        }
    }
}

fn later(now: Timestamp, interval: SignedDuration) -> Timestamp {
    now.checked_add(interval).unwrap_or(Timestamp::MAX)
}

/// The networks of a file; what is none is passed over.
fn load(files: &dyn Files, path: &std::path::Path, separator: &str) -> std::io::Result<Networks> {
    let bytes = files.read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.split(separator).filter_map(|written| network(written.trim())).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        path::Path,
        sync::{
            Mutex,
            atomic::{AtomicI64, Ordering},
        },
    };

    use super::*;

    /// A file that is another at each time it is read.
    struct Changing(Mutex<Vec<&'static str>>);

    impl Files for Changing {
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            let text = self.0.lock().unwrap().pop();
            text.map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn list(&self, _: &Path, _: &str) -> io::Result<Vec<PathBuf>> {
            Ok(Vec::new())
        }

        fn handle(&self) -> Arc<dyn Files> {
            Arc::new(Self(Mutex::new(self.0.lock().unwrap().clone())))
        }
    }

    #[test]
    fn the_file_is_read_again_when_it_is_time() {
        let second = Arc::new(AtomicI64::new(0));
        let clock = {
            let second = Arc::clone(&second);
            move || Timestamp::from_second(second.load(Ordering::Relaxed)).unwrap()
        };
        let list = List {
            path: PathBuf::new(),
            separator: ";".to_owned(),
            interval: SignedDuration::from_secs(60),
            files: Arc::new(Changing(Mutex::new(vec!["no networks", "11.0.0.0/8; what?"]))),
            clock: Arc::new(clock),
            state: RwLock::new(State {
                networks: network("10.0.0.0/8").into_iter().collect(),
                next: Timestamp::from_second(60).unwrap(),
            }),
        };
        let asked = [network("10.1.1.1").unwrap(), network("11.1.1.1").unwrap()];
        // Not yet; another; none that can be used; gone.
        for (at, expect) in [
            (59, [true, false]),
            (60, [false, true]),
            (119, [false, true]),
            (120, [false, true]),
            (999, [false, true]),
        ] {
            second.store(at, Ordering::Relaxed);
            list.refresh();
            assert_eq!(asked.map(|address| list.holds(&address)), expect, "{at}");
        }
        assert!(list.files.read(Path::new("")).is_err());
    }
}

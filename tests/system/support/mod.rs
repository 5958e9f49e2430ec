//! One helper per idea.

pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod engine;
pub(crate) mod fake;
pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod wire;

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long anything may take before a test fails. Generous: machines are busy and a slow pass is a pass.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Asks again and again until there is an answer, or fails with what was waited for.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        pause();
    }
}

/// Between two questions over HTTP, where nothing can wake us.
#[allow(clippy::disallowed_methods, reason = "polling another process over HTTP: there is no event to await")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// A port of 127.0.0.1 that nobody uses just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Held by tests whose programs take the usual ports (5044, 5601, 9200): the seed's port cannot be changed, and the demo
/// takes the usual ones where they are free.
pub(crate) fn usual_ports() -> MutexGuard<'static, ()> {
    static PORTS: Mutex<()> = Mutex::new(());
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder with the built binaries and peers.
pub(crate) fn target() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_alces"));
    binary.parent().and_then(|profile| profile.parent()).unwrap().to_owned()
}

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

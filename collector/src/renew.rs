//! What is made of files, and made again when they change: certificates are replaced while the collector runs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_plugin::{Files, Stamp};
use tracing::{info, warn};
use xxhash_rust::xxh3::Xxh3;

/// Files are looked at when what is made of them is used, but not more often than this.
const EVERY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(5) };

/// Why something cannot be made, and of which of the files, if it is one of them.
#[derive(Debug)]
pub(crate) struct Wrong {
    file: Option<usize>,
    reason: String,
}

impl Wrong {
    /// Of a file, by its place among the paths.
    pub(crate) fn of(file: usize, reason: impl ToString) -> Self {
        Self { file: Some(file), reason: reason.to_string() }
    }
}

/// Makes something of the contents of files.
type Make<T> = dyn Fn(&[Vec<u8>]) -> Result<Arc<T>, Wrong> + Send + Sync;

/// What is made of files. Who uses it asks for it each time; it is then made anew if the files have changed. Where that fails, what was made
/// before stays, and it is said.
///
/// The files are read by who asks, as a certificate is a small file and is seldom another one.
pub(crate) struct Renewed<T> {
    files: Arc<dyn Files>,
    paths: Vec<PathBuf>,
    make: Box<Make<T>>,
    state: Mutex<State<T>>,
}

struct State<T> {
    made: Arc<T>,
    /// Of the contents that it is made of.
    print: u128,
    stamps: Vec<Option<Stamp>>,
    /// Why what the files hold now cannot be used.
    problem: Option<String>,
    looked: Instant,
}

/// What a look at the files found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    New,
    Broken(String),
}

impl<T> Renewed<T> {
    /// Makes it the first time. None where that fails, which is then recorded at the file's name.
    pub(crate) fn read(
        context: &Context<'_>,
        options: &mut Options<'_>,
        paths: &[Spanned<String>],
        make: impl Fn(&[Vec<u8>]) -> Result<Arc<T>, Wrong> + Send + Sync + 'static,
    ) -> Option<Arc<Self>> {
        let files = context.files.handle();
        let names: Vec<PathBuf> = paths.iter().map(|path| PathBuf::from(&path.node)).collect();
        // Before they are read: what changes in between is seen at the next look.
        let stamps = stamps(&*files, &names);
        let contents: Vec<Option<Vec<u8>>> = paths
            .iter()
            .map(|path| {
                let read = context.files.read(Path::new(&path.node));
                read.map_err(|error| {
                    options.error(&path.span, format!("`{}` cannot be read: {error}", path.node));
                })
                .ok()
            })
            .collect();
        let contents: Vec<Vec<u8>> = contents.into_iter().collect::<Option<_>>()?;
        let made = make(&contents).map_err(|wrong| match wrong.file.and_then(|file| paths.get(file)) {
            Some(path) => options.error(&path.span, wrong.reason),
            None => options.error_here(wrong.reason),
        });
        let (made, print) = (made.ok()?, print(&contents));
        let state = Mutex::new(State { made, print, stamps, problem: None, looked: Instant::now() });
        Some(Arc::new(Self { files, paths: names, make: Box::new(make), state }))
    }

    /// What the files say now.
    pub(crate) fn now(&self) -> Arc<T> {
        let mut state = locked(&self.state);
        if state.looked.elapsed() >= EVERY {
            state.looked = Instant::now();
            match self.look(&mut state) {
                Found::Nothing => {}
                Found::New => {
                    info!(files = ?self.paths, "certificates have changed: new connections use them");
                }
                Found::Broken(reason) => {
                    warn!(
                        reason,
                        "certificates have changed and cannot be used: new connections use those from before"
                    );
                }
            }
        }
        state.made.clone()
    }

    /// Broken once for each change, not with each look.
    fn look(&self, state: &mut State<T>) -> Found {
        let stamps = stamps(&*self.files, &self.paths);
        let changed = stamps != state.stamps;
        if !changed && !stamps.contains(&None) {
            return Found::Nothing;
        }
        state.stamps = stamps;
        match self.again(state.print) {
            Ok(None) => {
                state.problem = None;
                Found::Nothing
            }
            Ok(Some((made, print))) => {
                (state.made, state.print, state.problem) = (made, print, None);
                Found::New
            }
            Err(reason) if changed || state.problem.as_ref() != Some(&reason) => {
                state.problem = Some(reason.clone());
                Found::Broken(reason)
            }
            Err(_) => Found::Nothing,
        }
    }

    /// What the files make now, where they hold something else than what was used last.
    fn again(&self, used: u128) -> Result<Option<(Arc<T>, u128)>, String> {
        let read = |path: &PathBuf| {
            self.files.read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let contents: Vec<Vec<u8>> = self.paths.iter().map(read).collect::<Result<_, _>>()?;
        let print = print(&contents);
        if print == used {
            return Ok(None);
        }
        match (self.make)(&contents) {
            Ok(made) => Ok(Some((made, print))),
            Err(Wrong { file, reason }) => Err(match file.and_then(|file| self.paths.get(file)) {
                Some(path) => format!("{}: {reason}", path.display()),
                None => reason,
            }),
        }
    }
}

/// Makes a thing of another that is renewed, or of nothing where there is no such other.
type Derive<S, T> = dyn Fn(Option<&S>) -> Result<T, String> + Send + Sync;

/// What is made of something that is renewed, as a client is of its certificates: made anew when that is.
pub(crate) struct Follows<S, T> {
    source: Option<Arc<Renewed<S>>>,
    make: Box<Derive<S, T>>,
    made: Mutex<(Option<Arc<S>>, T)>,
}

impl<S, T: Clone> Follows<S, T> {
    /// Makes it the first time. Without a source it stays as it is.
    pub(crate) fn new(
        source: Option<Arc<Renewed<S>>>,
        make: impl Fn(Option<&S>) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let now = source.as_ref().map(|source| source.now());
        let made = make(now.as_deref())?;
        Ok(Self { source, make: Box::new(make), made: Mutex::new((now, made)) })
    }

    /// What is made of the source as it is now.
    pub(crate) fn now(&self) -> T {
        let mut made = locked(&self.made);
        if let Some(now) = self.source.as_ref().map(|source| source.now())
            && made.0.as_ref().is_none_or(|used| !Arc::ptr_eq(used, &now))
        {
            match (self.make)(Some(&now)) {
                Ok(new) => made.1 = new,
                Err(reason) => {
                    warn!(reason, "certificates have changed and cannot be used: those from before stay");
                }
            }
            made.0 = Some(now);
        }
        made.1.clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stamps(files: &dyn Files, paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    paths.iter().map(|path| files.stamp(path)).collect()
}

/// Tells contents from others, wherever one file ends and the next begins.
fn print(contents: &[Vec<u8>]) -> u128 {
    let mut hasher = Xxh3::new();
    for content in contents {
        hasher.update(&content.len().to_le_bytes());
        hasher.update(content);
    }
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use alces_filters::Disk;

    use super::*;

    /// What is made of a number that two files hold the halves of.
    fn number(contents: &[Vec<u8>]) -> Result<Arc<u32>, Wrong> {
        let [one, other] = contents else { panic!("two files") };
        let text = |at: usize, bytes: &[u8]| {
            std::str::from_utf8(bytes).unwrap().parse::<u32>().map_err(|error| Wrong::of(at, error))
        };
        Ok(Arc::new(text(0, one)? * 10 + text(1, other)?))
    }

    #[test]
    fn what_changes_is_used_and_what_is_broken_is_said_once_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["one", "other"].map(|name| dir.path().join(name));
        let mut written = SystemTime::UNIX_EPOCH;
        // A time of its own for each change, as the file system's may be a coarse one.
        let mut write = |at: usize, text: &str| {
            std::fs::write(&paths[at], text).unwrap();
            written += Duration::from_secs(1);
            std::fs::File::options().write(true).open(&paths[at]).unwrap().set_modified(written).unwrap();
        };
        write(0, "4");
        write(1, "2");
        let contents = paths.each_ref().map(|path| std::fs::read(path).unwrap());
        let state = State {
            made: number(&contents).unwrap(),
            print: print(&contents),
            stamps: stamps(&Disk, &paths),
            problem: None,
            looked: Instant::now(),
        };
        let renewed = Renewed {
            files: Arc::new(Disk),
            paths: paths.to_vec(),
            make: Box::new(number),
            state: Mutex::new(state),
        };
        let look = || {
            let mut state = renewed.state.lock().unwrap();
            let found = renewed.look(&mut state);
            let place = dir.path().display().to_string();
            format!("{} {found:?}", state.made).replace(&place, "DIR")
        };
        let mut said = vec![look()];
        for (at, text) in [(0, "x"), (0, "4"), (1, "y"), (1, "z"), (1, "3")] {
            write(at, text);
            said.extend([look(), look()]);
        }
        std::fs::remove_file(&paths[0]).unwrap();
        said.extend([look(), look()]);
        write(0, "7");
        said.extend([look(), look()]);
        insta::assert_snapshot!(said.join("\n"), @r#"
        42 Nothing
        42 Broken("DIR/one: invalid digit found in string")
        42 Nothing
        42 Nothing
        42 Nothing
        42 Broken("DIR/other: invalid digit found in string")
        42 Nothing
        42 Broken("DIR/other: invalid digit found in string")
        42 Nothing
        43 New
        43 Nothing
        43 Broken("DIR/one cannot be read: No such file or directory (os error 2)")
        43 Nothing
        73 New
        73 Nothing
        "#);
    }

    #[test]
    fn contents_are_told_apart_by_where_they_end() {
        let of = |contents: [&str; 2]| print(&contents.map(|text| text.as_bytes().to_vec()));
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
    }
}

//! How far each file was read, and delivered: Logstash's sincedb, in its own format, so that both can go on where the other ended.
//!
//! A line is `INODE MAJOR MINOR OFFSET SECONDS PATH`; the last two may be missing, as older Logstash has it. A packed file's offset is
//! that of its unpacked bytes, and `-1` when it was read to its end.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use alces_event::Timestamp;

/// Logstash's way to say that nothing is kept.
const NOWHERE: &str = "/dev/null";

/// What a file is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    inode: u64,
    major: u32,
    minor: u32,
}

impl FileId {
    pub(super) fn of(meta: &Metadata) -> Self {
        let device = meta.dev();
        Self { inode: meta.ino(), major: rustix::fs::major(device), minor: rustix::fs::minor(device) }
    }
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    At(u64),
    /// A packed file, to its end.
    End,
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    position: Position,
    /// Seconds of the epoch.
    seen: f64,
    path: String,
}

/// The positions of all files, and where they are kept.
#[derive(Debug, Default)]
pub(super) struct Sincedb {
    /// None where nothing is kept.
    path: Option<PathBuf>,
    known: BTreeMap<FileId, Known>,
    changed: bool,
}

impl Sincedb {
    /// Reads it; what was not seen for `keep` is forgotten.
    pub(super) fn open(path: &Path, now: Timestamp, keep: Duration) -> io::Result<Self> {
        if path == Path::new(NOWHERE) {
            return Ok(Self::default());
        }
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut known: BTreeMap<_, _> = text.lines().filter_map(|line| parse(line, seconds(now))).collect();
        known.retain(|_, known: &mut Known| seconds(now) - known.seen <= keep.as_secs_f64());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut sincedb = Self { path: Some(path.to_owned()), known, changed: true };
        // At once, so that one that cannot be written is found before anything was read.
        sincedb.save()?;
        Ok(sincedb)
    }

    /// Where it is kept.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(NOWHERE))
    }

    pub(super) fn get(&self, id: FileId) -> Option<Position> {
        self.known.get(&id).map(|known| known.position)
    }

    /// Whether it was seen under that name, as far as is known. A new file may have the number of one that is gone.
    pub(super) fn is_of(&self, id: FileId, path: &str) -> bool {
        self.known.get(&id).is_none_or(|known| known.path.is_empty() || known.path == path)
    }

    pub(super) fn set(&mut self, id: FileId, position: Position, path: &str, now: Timestamp) {
        self.known.insert(id, Known { position, seen: seconds(now), path: path.to_owned() });
        self.changed = true;
    }

    pub(super) fn forget(&mut self, id: FileId) {
        self.changed |= self.known.remove(&id).is_some();
    }

    /// The file may be another's by now.
    pub(super) fn is_to_be_saved(&mut self) {
        self.changed = true;
    }

    /// Writes it, as a whole or not at all, where it has changed.
    pub(super) fn save(&mut self) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| self.changed) else { return Ok(()) };
        let mut text = String::new();
        for (FileId { inode, major, minor }, Known { position, seen, path }) in &self.known {
            let offset = match position {
                Position::At(offset) => offset.to_string(),
                Position::End => "-1".to_owned(),
            };
            text += &format!("{inode} {major} {minor} {offset} {seen:.6} {}\n", path.replace('\n', " "));
        }
        crate::files::replace(path, text.as_bytes())?;
        self.changed = false;
        Ok(())
    }
}

fn seconds(now: Timestamp) -> f64 {
    now.as_microsecond() as f64 / 1e6
}

fn parse(line: &str, now: f64) -> Option<(FileId, Known)> {
    let mut words = line.splitn(6, ' ');
    let inode = words.next()?.parse().ok()?;
    let (major, minor) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let position = match words.next()? {
        "-1" => Position::End,
        offset => Position::At(offset.parse().ok()?),
    };
    let seen = words.next().and_then(|seen| seen.parse().ok()).unwrap_or(now);
    let path = words.next().unwrap_or_default().to_owned();
    Some((FileId { inode, major, minor }, Known { position, seen, path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_logstashs_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sincedb");
        fs::write(&path, "7 8 9 100 1000.5 /var/log/a b.log\n1 0 2 5\nnonsense\n3 0 2 9 1.0 /old\n").unwrap();
        let keep = Duration::from_secs(100);
        let mut found = Sincedb::open(&path, at(1010), keep).unwrap();
        let id = |inode, major, minor| FileId { inode, major, minor };
        assert_eq!(found.get(id(7, 8, 9)), Some(Position::At(100)));
        assert_eq!(found.get(id(1, 0, 2)), Some(Position::At(5)));
        assert_eq!(found.get(id(3, 0, 2)), None);
        assert!(found.is_of(id(7, 8, 9), "/var/log/a b.log") && !found.is_of(id(7, 8, 9), "/var/log/c.log"));
        assert!(found.is_of(id(1, 0, 2), "/any"));
        found.set(id(4, 0, 2), Position::End, "/p.gz", at(1011));
        found.forget(id(1, 0, 2));
        found.save().unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "4 0 2 -1 1011.000000 /p.gz\n7 8 9 100 1000.500000 /var/log/a b.log\n"
        );
        assert_eq!(Sincedb::open(&path, at(1010), keep).unwrap().get(id(4, 0, 2)), Some(Position::End));
        assert!(Sincedb::open(dir.path(), at(0), keep).is_err());
        Sincedb::open(Path::new(NOWHERE), at(0), keep).unwrap().save().unwrap();
    }
}

//! What the system says of folders: that a file in them was written to, or that names have come and gone.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tracing::{debug, warn};

/// What the system said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A file was written to, cut or deleted.
    Written(PathBuf),
    /// There is another file, or one has another name.
    Names,
    /// More happened than could be told.
    Lost,
}

/// Folders that are watched.
pub(super) struct Notices {
    fd: Option<OwnedFd>,
    folders: HashMap<i32, PathBuf>,
    watched: HashSet<PathBuf>,
    /// Folders for which the system says nothing.
    deaf: HashSet<PathBuf>,
}

/// Bytes of notices that are read at once.
const BUFFER: usize = 16 << 10;

impl Notices {
    pub(super) fn new() -> Self {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .inspect_err(|error| warn!(%error, "the system tells nothing of files: looking again and again"))
            .ok();
        Self { fd, folders: HashMap::new(), watched: HashSet::new(), deaf: HashSet::new() }
    }

    /// Watches these folders, and no others. Whether some are new.
    pub(super) fn watch(&mut self, folders: impl IntoIterator<Item = PathBuf>) -> bool {
        let wanted: HashSet<PathBuf> = folders.into_iter().collect();
        let Some(fd) = &self.fd else {
            self.deaf = wanted;
            return false;
        };
        self.folders.retain(|watch, folder| {
            let keep = wanted.contains(folder);
            if !keep {
                self.watched.remove(folder);
                // It may be gone, and its watch with it.
                let _ = inotify::remove_watch(fd, *watch);
            }
            keep
        });
        self.deaf.retain(|folder| wanted.contains(folder));
        let mut new = false;
        for folder in wanted {
            if self.watched.contains(&folder) || self.deaf.contains(&folder) {
                continue;
            }
            let flags = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::MOVE
                | WatchFlags::DELETE
                | WatchFlags::ATTRIB
                | WatchFlags::ONLYDIR;
            let added = match is_told_of(&folder) {
                true => inotify::add_watch(fd, &folder, flags).map_err(io::Error::from),
                false => Err(io::ErrorKind::Unsupported.into()),
            };
            match added {
                Ok(watch) => {
                    new = true;
                    self.watched.insert(folder.clone());
                    self.folders.insert(watch, folder);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    debug!(folder = %folder.display(), %error, "nothing is told of it: looking again and again");
                    self.deaf.insert(folder);
                }
            }
        }
        new
    }

    /// Whether nothing is told of files in this folder.
    pub(super) fn is_deaf(&self, folder: &Path) -> bool {
        self.deaf.contains(folder)
    }

    /// Whether there are folders of which nothing is told.
    pub(super) fn any_deaf(&self) -> bool {
        !self.deaf.is_empty()
    }

    /// What to wait for.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Gives out what was said since the last time.
    pub(super) fn read(&mut self, mut each: impl FnMut(Notice)) {
        let Some(fd) = &self.fd else { return };
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(fd, &mut buffer);
        let mut gone = Vec::new();
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                each(Notice::Lost);
            }
            if flags.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
                each(Notice::Names);
            }
            let (Some(folder), Some(name)) = (self.folders.get(&event.wd()), event.file_name()) else {
                continue;
            };
            if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                each(Notice::Names);
            } else {
                each(Notice::Written(folder.join(OsStr::from_bytes(name.to_bytes()))));
            }
        }
        for watch in gone {
            if let Some(folder) = self.folders.remove(&watch) {
                self.watched.remove(&folder);
            }
        }
    }
}

/// Whether the file system tells of what happens on it: not of what other machines or programs do behind it.
fn is_told_of(folder: &Path) -> bool {
    /// NFS, SMB, SMB 2, CIFS, FUSE, 9P, AFS, Ceph, Coda, `virtiofs` (FUSE too): `statfs(2)`.
    const DEAF: [u32; 9] = [
        0x6969,
        0x517B,
        0xFE53_4D42,
        0xFF53_4D42,
        0x6573_5546,
        0x0102_1997,
        0x5346_414F,
        0x00C3_6400,
        0x7375_7245,
    ];
    rustix::fs::statfs(folder).is_ok_and(|stat| !DEAF.contains(&(stat.f_type as u32)))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    fn read(notices: &mut Notices) -> Vec<Notice> {
        let mut out = Vec::new();
        notices.read(|notice| out.push(notice));
        out.dedup();
        out
    }

    #[test]
    fn files_that_are_written_come_and_go_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut notices = Notices::new();
        assert!(notices.watch([dir.path().to_owned()]));
        assert!(!notices.watch([dir.path().to_owned()]));
        let path = dir.path().join("a");
        let written = || Notice::Written(path.clone());
        let mut file = fs::File::create(&path).unwrap();
        assert_eq!(read(&mut notices), [Notice::Names]);
        file.write_all(b"a").unwrap();
        assert_eq!(read(&mut notices), [written()]);
        fs::rename(&path, dir.path().join("b")).unwrap();
        assert_eq!(read(&mut notices), [written(), Notice::Names]);
        fs::remove_file(dir.path().join("b")).unwrap();
        assert_eq!(read(&mut notices), [Notice::Written(dir.path().join("b"))]);
        assert!(!notices.is_deaf(dir.path()) && !notices.any_deaf());
        // It holds the folder.
        drop(file);
        dir.close().unwrap();
        assert_eq!(read(&mut notices), [Notice::Names]);
        assert_eq!(read(&mut notices), []);
    }
}

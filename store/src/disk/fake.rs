//! A disk for tests: real files in a folder, and beside them a journal of what of it would be there after a power cut.
//!
//! Of bytes that were not synced any beginning may be there, with zeros for a part of it; of names that were not synced any of the changes. A file
//! whose sync failed may have lost what was to be synced for good, as Linux has it, though it still shows it. At a call that the test chooses the
//! power goes: an [`Image`] of one possible rest is taken, from which the test makes another disk.

use super::DiskFile;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A folder whose journal is kept. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct FakeDisk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    world: Mutex<World>,
}

/// An open file's place in the journal.
#[derive(Debug)]
pub(crate) struct FakeFile {
    disk: FakeDisk,
    inode: usize,
}

/// What a power cut left: paths beneath the root; folders have no bytes.
pub(crate) type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Bytes that will never be durable, as a sync of them failed.
    lost: Range<usize>,
}

#[derive(Debug)]
enum Change {
    Gave(PathBuf, Node),
    Took(PathBuf),
}

impl Change {
    fn path(&self) -> &Path {
        match self {
            Self::Gave(path, _) | Self::Took(path) => path,
        }
    }
}

#[derive(Debug, Default)]
struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// What happened to names since their folder was synced.
    unsynced: Vec<Change>,
    full: bool,
    /// After so many calls one fails, as this.
    fail_in: Option<(u32, io::ErrorKind)>,
    /// After so many calls the power goes.
    cut_in: Option<u32>,
    image: Option<Image>,
    dice: u64,
    calls: u64,
    failures: u64,
}

static DISKS: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

fn due<T: Copy>(count: &mut Option<T>, left: impl Fn(&mut T) -> &mut u32) -> Option<T> {
    let now = count.as_mut()?;
    let calls = left(now);
    if *calls == 0 {
        return count.take();
    }
    *calls -= 1;
    None
}

impl World {
    fn dice(&mut self, sides: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % sides.max(1)
    }

    /// Before each call: the power may go, and the call may be told to fail.
    fn call(&mut self, grows: bool) -> io::Result<()> {
        self.calls += 1;
        if due(&mut self.cut_in, |left| left).is_some() {
            self.image = Some(self.power_cut());
        }
        let failed = due(&mut self.fail_in, |(left, _)| left).map(|(_, kind)| kind);
        match failed.or((grows && self.full).then_some(io::ErrorKind::StorageFull)) {
            Some(kind) => {
                self.failures += 1;
                Err(io::Error::new(kind, "the fake disk was told to fail"))
            }
            None => Ok(()),
        }
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn give(&mut self, path: PathBuf, node: Node) {
        self.names.insert(path.clone(), node);
        self.unsynced.push(Change::Gave(path, node));
    }

    fn take(&mut self, path: PathBuf) {
        self.names.remove(&path);
        self.unsynced.push(Change::Took(path));
    }

    /// One of the states in which the disk may be when the power goes now.
    fn power_cut(&mut self) -> Image {
        let mut names = self.durable.clone();
        // Mostly some changes are there and some are not; at times none is, or all are.
        let mood = self.dice(4);
        for at in 0..self.unsynced.len() {
            if mood == 0 || mood > 1 && self.dice(2) == 0 {
                continue;
            }
            match &self.unsynced[at] {
                Change::Gave(path, node) => drop(names.insert(path.clone(), *node)),
                Change::Took(path) => drop(names.remove(path)),
            }
        }
        let reachable = |path: &Path| {
            let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
            above.into_iter().all(|above| names.get(above) == Some(&Node::Folder))
        };
        let kept: Vec<(PathBuf, Node)> = names
            .iter()
            .filter(|(path, _)| reachable(path))
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        kept.into_iter()
            .map(|(path, node)| match node {
                Node::Folder => (path, None),
                Node::File(inode) => (path, Some(self.rest(inode))),
            })
            .collect()
    }

    /// What may be there of a file.
    fn rest(&mut self, inode: usize) -> Vec<u8> {
        let Inode { now, durable, lost } = &self.inodes[inode];
        let (mut now, durable) = (now.clone(), durable.clone());
        zero(&mut now, lost);
        let same = now.iter().zip(&durable).take_while(|(a, b)| a == b).count();
        if same < durable.len() && self.dice(2) == 0 {
            // A cut that was not synced.
            return durable;
        }
        let length = if self.dice(3) == 0 { now.len() } else { same + self.dice(now.len() - same + 1) };
        let mut bytes = now[..length].to_vec();
        if bytes.len() > same && self.dice(2) == 0 {
            // The length got there and some bytes did not: the last ones, or others.
            let from = same + self.dice(bytes.len() - same);
            let to = if self.dice(2) == 0 { bytes.len() } else { from + self.dice(bytes.len() - from + 1) };
            bytes[from..to].fill(0);
        }
        bytes
    }
}

fn zero(bytes: &mut [u8], range: &Range<usize>) {
    let end = range.end.min(bytes.len());
    if let Some(bytes) = bytes.get_mut(range.start.min(end)..end) {
        bytes.fill(0);
    }
}

impl FakeDisk {
    /// A disk with what an image has, all of it durable. The folder must be empty.
    pub(crate) fn new(root: &Path, image: &Image) -> Self {
        let mut world = World::default();
        for (path, bytes) in image {
            let node = match bytes {
                None => {
                    std::fs::create_dir(root.join(path)).unwrap();
                    Node::Folder
                }
                Some(bytes) => {
                    std::fs::write(root.join(path), bytes).unwrap();
                    world.inodes.push(Inode { now: bytes.clone(), durable: bytes.clone(), lost: 0..0 });
                    Node::File(world.inodes.len() - 1)
                }
            };
            world.names.insert(path.clone(), node);
        }
        world.durable = world.names.clone();
        let disk = Self(Arc::new(Inner { root: root.to_owned(), world: Mutex::new(world) }));
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.retain(|disk| disk.strong_count() > 0);
        disks.push(Arc::downgrade(&disk.0));
        disk
    }

    /// The disk that a path is on.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.iter().filter_map(Weak::upgrade).find(|disk| path.starts_with(&disk.root)).map(Self)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.0.root).unwrap().to_owned()
    }

    /// Whether every call that needs space fails.
    pub(crate) fn set_full(&self, full: bool) {
        self.world().full = full;
    }

    /// One call fails, after so many that pass.
    pub(crate) fn fail_in(&self, fault: Option<(u32, io::ErrorKind)>) {
        self.world().fail_in = fault;
    }

    /// The power goes, after so many calls; `seed` chooses what is left.
    pub(crate) fn cut_in(&self, calls: u32, seed: u64) {
        let mut world = self.world();
        (world.cut_in, world.dice, world.image) = (Some(calls), seed, None);
    }

    /// Whether the power has gone.
    pub(crate) fn is_cut(&self) -> bool {
        self.world().image.is_some()
    }

    /// What is left since the power went; it goes now if it has not.
    pub(crate) fn image(&self) -> Image {
        let mut world = self.world();
        world.cut_in = None;
        match world.image.take() {
            Some(image) => image,
            None => world.power_cut(),
        }
    }

    /// How many calls failed on demand, and how many there were.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let world = self.world();
        (world.failures, world.calls)
    }

    pub(super) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        let mut world = self.world();
        world.call(true)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(0)?;
        let name = self.inside(path);
        let inode = match world.inode(&name) {
            Ok(inode) => {
                world.inodes[inode].now.clear();
                world.inodes[inode].lost = 0..0;
                inode
            }
            Err(_) => {
                world.inodes.push(Inode::default());
                let inode = world.inodes.len() - 1;
                world.give(name, Node::File(inode));
                inode
            }
        };
        Ok(DiskFile { file, fake: Some(FakeFile { disk: self.clone(), inode }) })
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<DiskFile> {
        let file = OpenOptions::new().append(true).open(path)?;
        let inode = self.world().inode(&self.inside(path))?;
        Ok(DiskFile { file, fake: Some(FakeFile { disk: self.clone(), inode }) })
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call(false)?;
        std::fs::rename(from, to)?;
        let inode = world.inode(&self.inside(from))?;
        world.take(self.inside(from));
        world.give(self.inside(to), Node::File(inode));
        Ok(())
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call(false)?;
        std::fs::remove_file(path)?;
        world.take(self.inside(path));
        Ok(())
    }

    pub(super) fn remove_all(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call(false)?;
        std::fs::remove_dir_all(path)?;
        let dir = self.inside(path);
        let gone: Vec<PathBuf> = world.names.keys().filter(|name| name.starts_with(&dir)).cloned().collect();
        gone.into_iter().rev().for_each(|name| world.take(name));
        Ok(())
    }

    pub(super) fn make_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call(true)?;
        std::fs::create_dir(path)?;
        world.give(self.inside(path), Node::Folder);
        Ok(())
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.call(false)?;
        // A folder that is gone has nothing to sync.
        File::open(dir)?;
        let dir = self.inside(dir);
        let (synced, left): (Vec<_>, Vec<_>) = std::mem::take(&mut world.unsynced)
            .into_iter()
            .partition(|change| change.path().parent() == Some(dir.as_path()));
        world.unsynced = left;
        for change in synced {
            match change {
                Change::Gave(path, node) => drop(world.durable.insert(path, node)),
                Change::Took(path) => drop(world.durable.remove(&path)),
            }
        }
        Ok(())
    }
}

impl FakeFile {
    pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.disk.world();
        let result = world.call(true);
        let length = if result.is_ok() { bytes.len() } else { world.dice(bytes.len() + 1) };
        file.write_all(&bytes[..length])?;
        world.inodes[self.inode].now.extend_from_slice(&bytes[..length]);
        result.map(|()| length)
    }

    pub(super) fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.call(false)?;
        file.set_len(length)?;
        let inode = &mut world.inodes[self.inode];
        inode.now.truncate(length as usize);
        let end = inode.lost.end.min(length as usize);
        inode.lost = inode.lost.start.min(end)..end;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let result = world.call(false);
        let forgets = result.is_err() && world.dice(2) == 0;
        let inode = &mut world.inodes[self.inode];
        if result.is_ok() {
            inode.durable = inode.now.clone();
            zero(&mut inode.durable, &inode.lost);
        } else if forgets {
            let same = inode.now.iter().zip(&inode.durable).take_while(|(a, b)| a == b).count();
            inode.lost = same..inode.now.len();
        }
        result
    }
}

//! A disk in memory that fails on demand, and forgets in a crash what was not synced.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Disk, DiskFile};

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct FakeDisk(Arc<Mutex<World>>);

/// An open file of a [`FakeDisk`].
#[derive(Debug)]
pub struct FakeFile {
    disk: FakeDisk,
    inode: usize,
}

#[derive(Debug, Default)]
struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What happened to names since the folder was synced.
    unsynced: Vec<Change>,
    full: bool,
    fail_write_in: Option<u32>,
    fail_read_in: Option<u32>,
    /// Chooses how much of a failed write is done.
    dice: u64,
    /// Counts what failed on demand.
    failures: u64,
}

#[derive(Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug)]
enum Change {
    Gave(String, usize),
    Took(String),
}

impl World {
    fn dice(&mut self, sides: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % sides.max(1)
    }

    /// A call that needs space (`grows`) or may be told to fail.
    fn write(&mut self, grows: bool) -> io::Result<()> {
        if grows && self.full || due(&mut self.fail_write_in) {
            self.failures += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn inode(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn give(&mut self, name: &str, inode: usize) {
        self.names.insert(name.to_owned(), inode);
        self.unsynced.push(Change::Gave(name.to_owned(), inode));
    }

    fn take(&mut self, name: &str) {
        self.names.remove(name);
        self.unsynced.push(Change::Took(name.to_owned()));
    }
}

fn due(count: &mut Option<u32>) -> bool {
    match count {
        Some(0) => {
            *count = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

impl FakeDisk {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file there, durable.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut world = self.world();
        world.inodes.push(Inode { now: bytes.to_vec(), durable: bytes.to_vec() });
        let inode = world.inodes.len() - 1;
        world.names.insert(name.to_owned(), inode);
        world.durable_names.insert(name.to_owned(), inode);
    }

    /// A file's bytes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.world();
        Some(world.inodes[*world.names.get(name)?].now.clone())
    }

    /// All names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.world().names.keys().cloned().collect()
    }

    /// Whether every call that needs space fails.
    pub fn set_full(&self, full: bool) {
        self.world().full = full;
    }

    /// One call that writes, syncs, renames or deletes fails for want of space, after so many that pass.
    pub fn fail_write_in(&self, calls: Option<u32>) {
        self.world().fail_write_in = calls;
    }

    /// One read fails, after so many that pass.
    pub fn fail_read_in(&self, calls: Option<u32>) {
        self.world().fail_read_in = calls;
    }

    /// How many calls failed on demand.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.world().failures
    }

    /// Power goes: of unsynced bytes a prefix stays, of unsynced names any of the changes. `seed` chooses.
    pub fn crash(&self, seed: u64) {
        let mut world = self.world();
        world.dice = seed;
        for change in std::mem::take(&mut world.unsynced) {
            if world.dice(2) == 0 {
                continue;
            }
            match change {
                Change::Gave(name, inode) => drop(world.durable_names.insert(name, inode)),
                Change::Took(name) => drop(world.durable_names.remove(&name)),
            }
        }
        world.names = world.durable_names.clone();
        for inode in 0..world.inodes.len() {
            let Inode { now, durable } = std::mem::take(&mut world.inodes[inode]);
            let same = now.iter().zip(&durable).take_while(|(a, b)| a == b).count();
            let bytes = if same < durable.len() && world.dice(2) == 0 {
                // A cut that was not synced.
                durable
            } else {
                let mut bytes = now[..same + world.dice(now.len() - same + 1)].to_vec();
                if bytes.len() > same && world.dice(3) == 0 {
                    // The length got there and the last bytes did not.
                    let zeros = 1 + world.dice(bytes.len() - same);
                    let from = bytes.len() - zeros;
                    bytes[from..].fill(0);
                }
                bytes
            };
            world.inodes[inode] = Inode { now: bytes.clone(), durable: bytes };
        }
        (world.full, world.fail_write_in, world.fail_read_in) = (false, None, None);
    }
}

impl Disk for FakeDisk {
    type File = FakeFile;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let world = self.world();
        let length = |inode: &usize| world.inodes[*inode].now.len() as u64;
        Ok(world.names.iter().map(|(name, inode)| (name.clone(), length(inode))).collect())
    }

    fn create(&self, name: &str) -> io::Result<FakeFile> {
        let mut world = self.world();
        world.write(true)?;
        let inode = if let Ok(inode) = world.inode(name) {
            world.inodes[inode].now.clear();
            inode
        } else {
            world.inodes.push(Inode::default());
            let inode = world.inodes.len() - 1;
            world.give(name, inode);
            inode
        };
        Ok(FakeFile { disk: self.clone(), inode })
    }

    fn open(&self, name: &str) -> io::Result<FakeFile> {
        let inode = self.world().inode(name)?;
        Ok(FakeFile { disk: self.clone(), inode })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let inode = world.inode(from)?;
        world.write(false)?;
        world.take(from);
        world.give(to, inode);
        Ok(())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        world.inode(name)?;
        world.write(false)?;
        world.take(name);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut world = self.world();
        world.write(false)?;
        world.unsynced.clear();
        world.durable_names = world.names.clone();
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        let result = world.write(true);
        let length = if result.is_ok() { bytes.len() } else { world.dice(bytes.len() + 1) };
        world.inodes[self.inode].now.extend_from_slice(&bytes[..length]);
        result
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        if due(&mut world.fail_read_in) {
            world.failures += 1;
            return Err(io::Error::other("EIO"));
        }
        let now = &world.inodes[self.inode].now;
        let bytes = (offset as usize).checked_add(into.len()).and_then(|end| now.get(offset as usize..end));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        world.write(false)?;
        world.inodes[self.inode].now.truncate(length as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut world = self.disk.world();
        world.write(false)?;
        let inode = &mut world.inodes[self.inode];
        inode.durable = inode.now.clone();
        Ok(())
    }
}

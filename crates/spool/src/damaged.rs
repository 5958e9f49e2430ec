//! What is kept of damage, for a person to look at.

use std::{collections::BTreeMap, io};

use crate::{Disk, DiskFile, segment};

const END: &str = ".damaged";
/// A piece between whole records is kept up to this size.
const PIECE: u64 = 64 << 10;

/// Names and lengths of what is kept, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Damaged {
    files: BTreeMap<String, u64>,
    /// Bytes that all of them may take.
    limit: u64,
}

impl Damaged {
    pub(crate) fn new(files: &[(String, u64)], limit: u64) -> Self {
        let files = files.iter().filter(|(name, _)| name.ends_with(END)).cloned().collect();
        Self { files, limit }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().sum()
    }

    /// Copies a small piece of a segment. Done as well as it goes: an error here stops nothing.
    pub(crate) fn keep_piece(
        &mut self,
        disk: &impl Disk,
        first: u64,
        file: &impl DiskFile,
        at: u64,
        end: u64,
    ) {
        let length = end - at;
        if length > PIECE || self.bytes() + length > self.limit {
            return;
        }
        let name = format!("{first:020}-{at}{END}");
        let mut bytes = vec![0; length as usize];
        let copy = file.read_at(at, &mut bytes).and_then(|()| disk.create(&name)?.append(&bytes));
        match copy {
            Ok(()) => drop(self.files.insert(name, length)),
            // A part of it may be there, on a disk that is full.
            Err(_) => drop(disk.delete(&name)),
        }
    }

    /// Sets a whole segment aside, and lets older ones go if that is too much.
    pub(crate) fn set_aside(&mut self, disk: &impl Disk, first: u64, length: u64) -> io::Result<()> {
        let name = segment::name(first);
        let aside = format!("{name}{END}");
        disk.rename(&name, &aside)?;
        self.files.insert(aside, length);
        while self.bytes() > self.limit && self.delete_oldest(disk) {}
        Ok(())
    }

    /// Makes room. Answers whether there was something.
    pub(crate) fn delete_oldest(&mut self, disk: &impl Disk) -> bool {
        let Some((name, _)) = self.files.pop_first() else { return false };
        let _ = disk.delete(&name);
        true
    }
}

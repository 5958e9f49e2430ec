//! The file that says how far records are acknowledged: the magic `ALSPPOS1`, the number (u64 LE), CRC-32 of both.

use std::io;

use crate::{Disk, DiskFile, record::NUMBER_LIMIT};

const NAME: &str = "position";
const NEW: &str = "position.new";
const MAGIC: &[u8; 8] = b"ALSPPOS1";
const LENGTH: u64 = 20;

/// What the folder says.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    /// Every number up to this one is acknowledged.
    Upto(u64),
    /// Nothing was ever acknowledged.
    Nothing,
    /// There is a file, and what it said is lost.
    Unreadable,
}

pub(crate) fn load(disk: &impl Disk, files: &[(String, u64)]) -> Stored {
    let Some((_, length)) = files.iter().find(|(name, _)| name == NAME) else { return Stored::Nothing };
    let mut bytes = [0; LENGTH as usize];
    let read = disk.open(NAME).and_then(|file| file.read_at(0, &mut bytes));
    if *length != LENGTH || read.is_err() || &bytes[..8] != MAGIC {
        return Stored::Unreadable;
    }
    let crc = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
    let number = bytes[8..16].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    if crc != crc32fast::hash(&bytes[..16]) || number >= NUMBER_LIMIT {
        return Stored::Unreadable;
    }
    Stored::Upto(number)
}

/// After a crash at any moment the folder holds the old position or the new one.
pub(crate) fn store(disk: &impl Disk, number: u64) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    let mut file = disk.create(NEW)?;
    file.append(&bytes)?;
    file.sync()?;
    disk.rename(NEW, NAME)?;
    disk.sync_folder()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeDisk;

    #[test]
    fn what_is_damaged_is_told_from_what_was_never_there() {
        let disk = FakeDisk::default();
        let load = || load(&disk, &disk.list().unwrap());
        assert_eq!(load(), Stored::Nothing);
        store(&disk, 0x1234_5678_9abc).unwrap();
        assert_eq!(load(), Stored::Upto(0x1234_5678_9abc));
        let bytes = disk.get(NAME).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            disk.put(NAME, &damaged);
            assert_eq!(load(), Stored::Unreadable);
            disk.put(NAME, &bytes[..at]);
            assert_eq!(load(), Stored::Unreadable);
        }
    }
}

//! A queue of records on disk: what the agent keeps until the collector has it. Records are opaque bytes; they come out in
//! the order in which they went in, at least once, until they are acknowledged.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use alces_spool::{Folder, Options, Spool};
//!
//! let mut spool = Spool::open(Folder::open(dir.path().join("spool"))?, Options::new(1 << 30))?;
//! spool.append(b"a batch")?;
//! spool.append(b"another")?;
//! spool.sync()?; // From here on both survive a crash, and can be read.
//! while let Some(record) = spool.read()? {
//!     spool.ack(record.number);
//! }
//! spool.save()?; // From here on neither comes again.
//! # Ok(())
//! # }
//! ```
//!
//! # The decision, and its price
//!
//! Disk queues of other shippers end in "delete the folder". Here nothing that is in the folder can stop [`Spool::open`], and
//! nothing has to be removed by hand. Three rules give that:
//!
//! - **Every record stands for itself.** It has a mark, its number, and checksums of its head and of its body; a segment has
//!   no head and there is no index. Damage costs the records that it touches: the reader goes on at the next head that checks,
//!   and a hole in the numbers says how many are lost. *Price:* 32 bytes a record, so a record ought to be a batch.
//! - **Only the last segment is ever less than durable.** A segment is synced before the next begins, so a crash can tear
//!   nothing but the end of the last one, and opening reads no more than that one. *Price:* one more fsync a segment, and
//!   other damage is found and counted when a reader comes to it, not at the start.
//! - **Nothing is read that is not durable**, and after a failed fsync everything since the last good one is taken back, because
//!   the system may have dropped those bytes and report success the next time. A number so means the same record for ever, unless
//!   damage took the last ones. *Price:* a record waits for the next [`Spool::sync`] before it can be shipped, and the caller keeps
//!   what it appended until then. For a log line its file does that.
//!
//! All I/O goes through [`Disk`], so that tests can cut the power; there is no thread, no clock and no async in here. A full
//! disk and I/O errors are a [`SpoolError`] and change nothing; the spool goes on when there is space again.
//!
//! # The folder
//!
//! | file | what it is |
//! |---|---|
//! | `lock` | held by the process that works here |
//! | `position` | how far records are acknowledged; written whole as `position.new`, synced, renamed, folder synced |
//! | `00000000000000000042.spool` | a segment: records from number 42 on, up to the next segment's first |
//! | `*.damaged` | pieces of up to 64 KiB that were no records, and segments that could not be read; the first to go at the cap |
//!
//! A record, all numbers little-endian, CRC-32 as in zip:
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 4 | mark `A1 CE 5D 01`; the last byte is the version of the format |
//! | 4 | 4 | CRC-32 of bytes 8 to 31 |
//! | 8 | 8 | number, from 1 on |
//! | 16 | 4 | length of the body in the file, at most 64 MiB |
//! | 20 | 4 | length of the body before compression, at most 64 MiB |
//! | 24 | 4 | flags: 1 = the body is a zstd frame; the others are 0 |
//! | 28 | 4 | CRC-32 of the body in the file |
//! | 32 | | body |
//!
//! `position`:
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 8 | `ALSPPOS1` |
//! | 8 | 8 | every record up to this number is done with |
//! | 16 | 4 | CRC-32 of bytes 0 to 15 |
//!
//! A body whose head is whole is never searched for heads, so a log line that looks like a record is not taken for one. Only
//! where a head is damaged could a record inside of its body pass, and only with a number that fits its place; CRC-32 is
//! against accidents.
//!
//! # What happens when
//!
//! | | |
//! |---|---|
//! | killed, or power lost | synced records are there; an unfinished one at the end is cut and counted (`torn_bytes`) |
//! | bytes of a segment changed | records that they touch are skipped and counted (`lost`, `damaged_bytes`) |
//! | a segment without one whole record | set aside and counted (`segments_set_aside`) |
//! | a read fails (EIO) | an error, the place does not move; [`Spool::set_aside`] when it does not pass. The last segment, when opening: set aside |
//! | `position` damaged | everything that is still in the folder comes once more (`position_lost`) |
//! | disk full while appending | an error, the part that was written is cut off |
//! | disk full while saving | segments that are acknowledged whole are deleted first, which makes the space |
//! | cap reached | [`SpoolError::Full`], or with [`OnFull::DropOldest`] the oldest segment goes and is counted (`dropped`) |
//!
//! # How the agent uses it
//!
//! `agent/src/buffer.rs`: only while no collector takes lines. A record is one batch with the ids of its lines, so that sending it again after
//! a crash changes nothing. Offsets in the registry move when a record is durable. What was appended is kept until then, and appended
//! again after `TakenBack`; after `Full` files are read no further.

#[cfg(any(test, feature = "fake"))]
pub mod fake;

mod damaged;
mod disk;
mod error;
mod folder;
mod gaps;
#[cfg(test)]
mod model;
mod options;
mod position;
mod read;
mod record;
mod recover;
mod segment;
mod spool;
mod stats;

pub use disk::{Disk, DiskFile};
pub use error::SpoolError;
pub use folder::Folder;
pub use options::{OnFull, Options};
pub use read::Record;
pub use spool::Spool;
pub use stats::Stats;

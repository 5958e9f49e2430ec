//! Appending, making durable, letting go.

use std::{collections::VecDeque, io};

use crate::{
    Disk, DiskFile, OnFull, Options, SpoolError, Stats,
    damaged::Damaged,
    gaps::Gaps,
    position,
    read::Reader,
    record::{HEAD, LIMIT, Press},
    segment::{self, Segment},
};

/// A queue of records in a folder. See the crate's head.
pub struct Spool<D: Disk> {
    pub(crate) disk: D,
    pub(crate) options: Options,
    /// Oldest first; no two have the same first number.
    pub(crate) segments: VecDeque<Segment>,
    /// The last segment while records may be appended to it. All before it are durable.
    pub(crate) active: Option<Active<D::File>>,
    /// The last segment as it was found, if the disk did not let us sync it when we opened. Then there is no active one.
    pub(crate) unproven: Option<D::File>,
    /// The number of the next record.
    pub(crate) next: u64,
    /// Every record up to this number is durable, or no more there.
    pub(crate) durable: u64,
    /// Every record up to this number is acknowledged, dropped or lost.
    pub(crate) done: u64,
    /// `done` as the folder has it.
    pub(crate) stored: u64,
    /// A position is in the folder that could not be read. It may come back and name numbers that are given anew, so a
    /// fresh one has to be in its place before anything else is durable.
    pub(crate) position_stale: bool,
    /// Lost numbers after `done`.
    pub(crate) gaps: Gaps,
    pub(crate) damaged: Damaged,
    pub(crate) reader: Reader<D::File>,
    pub(crate) press: Press,
    pub(crate) stats: Stats,
    pub(crate) frame: Vec<u8>,
}

pub(crate) struct Active<F> {
    file: F,
    /// Its name is not durable yet.
    unnamed: bool,
    /// Part of a record that could not be written is behind the whole ones.
    broken: bool,
}

impl<D: Disk> Spool<D> {
    /// Writes a record behind all others and answers its number. It is durable, and can be read, after [`Spool::sync`].
    ///
    /// # Errors
    /// `Full`, `TooLong` and `Io`: the record was not taken, nothing else has changed. `TakenBack`, when a segment was to
    /// be closed: this record was not taken either.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64, SpoolError> {
        let limit = (LIMIT as u64).min(self.options.cap_bytes.saturating_sub(HEAD as u64));
        if bytes.len() as u64 > limit {
            return Err(SpoolError::TooLong { bytes: bytes.len() as u64, limit });
        }
        let mut frame = std::mem::take(&mut self.frame);
        self.press.frame(self.next, bytes, &mut frame);
        let written = self.write(&frame);
        self.frame = frame;
        written?;
        self.next += 1;
        self.stats.appended += 1;
        Ok(self.next - 1)
    }

    fn write(&mut self, frame: &[u8]) -> Result<(), SpoolError> {
        let length = frame.len() as u64;
        self.prove()?;
        self.make_room(length)?;
        self.prepare(length)?;
        let (Some(active), Some(last)) = (&mut self.active, self.segments.back_mut()) else { return Ok(()) };
        if let Err(source) = active.file.append(frame) {
            active.broken = active.file.truncate(last.length).is_err();
            return Err(SpoolError::io("write", &last.name())(source));
        }
        last.length += length;
        Ok(())
    }

    /// An active segment that takes so many bytes.
    fn prepare(&mut self, length: u64) -> Result<(), SpoolError> {
        let limit = self.options.segment();
        let used = self.segments.back().map_or(0, |last| last.length);
        if let Some(active) = &mut self.active {
            if active.broken {
                active.broken = active.file.truncate(used).is_err();
            }
            if !active.broken && (used == 0 || used + length <= limit) {
                return Ok(());
            }
            self.close()?;
        }
        let name = segment::name(self.next);
        let file = self.disk.create(&name).map_err(SpoolError::io("create", &name))?;
        // One of the same name and no bytes is taken anew.
        self.segments.retain(|segment| segment.first != self.next);
        self.segments.push_back(Segment { first: self.next, length: 0, durable: 0 });
        self.active = Some(Active { file, unnamed: true, broken: false });
        Ok(())
    }

    /// Ends the active segment. Only the last segment is ever less than durable, so a crash can tear no other.
    fn close(&mut self) -> Result<(), SpoolError> {
        self.sync()?;
        self.active = None;
        if self.segments.back().is_some_and(|last| last.length == 0)
            && let Some(empty) = self.segments.pop_back()
        {
            let _ = self.disk.delete(&empty.name());
        }
        Ok(())
    }

    fn make_room(&mut self, length: u64) -> Result<(), SpoolError> {
        let cap = self.options.cap_bytes;
        if length > cap {
            return Err(SpoolError::TooLong { bytes: length, limit: cap });
        }
        while self.bytes() + length > cap {
            if self.damaged.delete_oldest(&self.disk) {
                continue;
            }
            if self.done + 1 == self.next && self.active.is_some() {
                // All is acknowledged, only the segment was not closed yet.
                self.close()?;
            }
            let before = self.segments.len();
            self.release()?;
            if self.segments.len() < before {
                continue;
            }
            if self.options.on_full == OnFull::Refuse {
                return Err(SpoolError::Full { used: self.bytes(), cap });
            }
            self.drop_oldest()?;
        }
        Ok(())
    }

    fn drop_oldest(&mut self) -> Result<(), SpoolError> {
        let last = self.segments.get(1).map_or(self.next, |second| second.first) - 1;
        let Some(oldest) = self.segments.front() else { return Ok(()) };
        let name = oldest.name();
        self.delete(&name)?;
        self.segments.pop_front();
        self.reader.close();
        if self.segments.is_empty() {
            (self.active, self.unproven) = (None, None);
        }
        self.durable = self.durable.max(last);
        self.stats.dropped += self.finish(last);
        self.settle();
        Ok(())
    }

    /// Makes all records durable that were appended so far. Does nothing if there are none.
    ///
    /// # Errors
    /// `TakenBack`: what was appended since the last sync is out of the spool again. After a failed sync the system may
    /// have dropped those bytes and still say at the next sync that all is well, so trying again would prove nothing.
    /// `Io`: something that must be durable before could not be made so; nothing has changed.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        self.prove()?;
        let (Some(active), Some(last)) = (&mut self.active, self.segments.back_mut()) else { return Ok(()) };
        if last.durable == last.length {
            return Ok(());
        }
        if self.position_stale {
            position::store(&self.disk, self.done).map_err(SpoolError::io("store", "position"))?;
            self.stored = self.done;
            self.position_stale = false;
        }
        let mut synced = active.file.sync();
        if synced.is_ok() && active.unnamed {
            synced = self.disk.sync_folder();
        }
        if let Err(source) = synced {
            return Err(self.take_back(source));
        }
        active.unnamed = false;
        last.durable = last.length;
        self.durable = self.next - 1;
        Ok(())
    }

    /// Forgets what is not durable. If the disk refuses even that, some of it may be there after a crash, as any record
    /// may that was appended and not synced; the name of the next segment says from where on it does not count.
    fn take_back(&mut self, source: io::Error) -> SpoolError {
        let (from, records) = (self.durable + 1, self.next - 1 - self.durable);
        self.next = from;
        self.stats.appended -= records;
        self.stats.taken_back += records;
        if let Some(mut active) = self.active.take()
            && let Some(last) = self.segments.back_mut()
        {
            last.length = last.durable;
            if last.length > 0 {
                let _ = active.file.truncate(last.length);
            } else {
                let _ = self.disk.delete(&segment::name(last.first));
                self.segments.pop_back();
            }
        }
        SpoolError::TakenBack { from, records, source }
    }

    /// Stores how far records are acknowledged and deletes the segments that hold nothing else.
    ///
    /// # Errors
    /// `Io`: after a crash some acknowledged records may be given again. Call it again later.
    pub fn save(&mut self) -> Result<(), SpoolError> {
        if self.done == self.stored && !self.position_stale {
            return self.release();
        }
        let mut stored = position::store(&self.disk, self.done);
        if stored.is_err() {
            // The disk may be full of what is acknowledged. To delete it says as much as the position would.
            self.release()?;
            stored = position::store(&self.disk, self.done);
        }
        stored.map_err(SpoolError::io("store", "position"))?;
        self.stored = self.done;
        self.position_stale = false;
        self.release()
    }

    /// Deletes closed segments that are done.
    pub(crate) fn release(&mut self) -> Result<(), SpoolError> {
        while let Some(oldest) = self.segments.front() {
            let end = self.segments.get(1).map_or(self.next, |second| second.first);
            let closed = self.segments.len() > 1 || self.active.is_none();
            if !closed || end > self.done + 1 {
                break;
            }
            let name = oldest.name();
            self.delete(&name)?;
            self.segments.pop_front();
            self.reader.close();
            if self.segments.is_empty() {
                self.unproven = None;
                self.durable = self.next - 1;
            }
        }
        Ok(())
    }

    /// A file that somebody has removed by hand is one that is gone.
    fn delete(&self, name: &str) -> Result<(), SpoolError> {
        match self.disk.delete(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SpoolError::io("delete", name)(error))
            }
            _ => Ok(()),
        }
    }

    /// Moves `done`, and answers how many of the numbers were not lost.
    pub(crate) fn finish(&mut self, upto: u64) -> u64 {
        if upto <= self.done {
            return 0;
        }
        let lost = self.gaps.forget(upto);
        let count = upto - self.done - lost;
        self.done = upto;
        count
    }

    /// Lost numbers need no acknowledgement.
    pub(crate) fn settle(&mut self) {
        while let Some(end) = self.gaps.from(self.done + 1) {
            self.finish(end);
        }
    }

    /// Ends the active segment if it is this one, so that it can be set aside.
    pub(crate) fn end_segment(&mut self, first: u64) -> Result<(), SpoolError> {
        if self.segments.back().is_some_and(|last| last.first == first) {
            self.prove()?;
            self.close()?;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum::<u64>() + self.damaged.bytes()
    }

    /// The number that the next record will have.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Every record up to this number is durable. Numbers begin with 1.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Every record up to this number is acknowledged, dropped or lost.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// What became of each record.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let pending = self.next - 1 - self.done - self.gaps.total();
        Stats { pending, bytes: self.bytes(), ..self.stats }
    }

    /// The disk that it was opened with.
    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fake::FakeDisk, record};

    fn open(disk: &FakeDisk, options: &Options) -> Spool<FakeDisk> {
        Spool::open(disk.clone(), options.clone()).unwrap()
    }

    /// Records as they are, three in a segment.
    fn threes(cap: u64) -> Options {
        Options { segment_bytes: 3 * 42, compression: None, ..Options::new(cap) }
    }

    fn fill(spool: &mut Spool<FakeDisk>, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            assert_eq!(spool.append(format!("record {number:03}").as_bytes()).unwrap(), number);
        }
        spool.sync().unwrap();
    }

    fn read(spool: &mut Spool<FakeDisk>) -> Vec<u64> {
        std::iter::from_fn(|| spool.read().unwrap()).map(|record| record.number).collect()
    }

    fn segments(disk: &FakeDisk) -> Vec<u64> {
        disk.names().iter().filter_map(|name| segment::first(name)).collect()
    }

    #[test]
    fn what_is_acknowledged_whole_is_deleted() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=8);
        assert_eq!(segments(&disk), [1, 4, 7]);
        assert_eq!(read(&mut spool), [1, 2, 3, 4, 5, 6, 7, 8]);
        spool.ack(5);
        spool.save().unwrap();
        assert_eq!(segments(&disk), [4, 7]);
        spool.rewind();
        assert_eq!(read(&mut spool), [6, 7, 8]);
        drop(spool);
        let mut spool = open(&disk, &threes(10_000));
        assert_eq!(read(&mut spool), [6, 7, 8]);
        spool.ack(100);
        spool.save().unwrap();
        assert_eq!((segments(&disk).len(), spool.done(), spool.next_number()), (0, 8, 9));
        drop(spool);
        assert_eq!(open(&disk, &threes(10_000)).next_number(), 9);
    }

    #[test]
    fn what_is_not_synced_is_not_read() {
        let mut spool = open(&FakeDisk::default(), &threes(10_000));
        spool.append(b"one").unwrap();
        assert_eq!(read(&mut spool), [] as [u64; 0]);
        spool.sync().unwrap();
        assert_eq!(read(&mut spool), [1]);
    }

    #[test]
    fn a_full_spool_refuses_until_something_is_acknowledged() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(12 * 42));
        fill(&mut spool, 1..=12);
        assert!(matches!(spool.append(b"record 013"), Err(SpoolError::Full { used: 504, cap: 504 })));
        assert_eq!(read(&mut spool).len(), 12);
        spool.ack(2);
        assert!(spool.append(b"record 013").unwrap_err().is_full());
        // Only whole segments make room, and nobody has to save for that.
        spool.ack(3);
        fill(&mut spool, 13..=15);
        assert!(matches!(spool.append(&[0; 1000]), Err(SpoolError::TooLong { bytes: 1000, limit: 472 })));
    }

    #[test]
    fn the_last_segment_makes_room_too() {
        let disk = FakeDisk::default();
        let options = Options { compression: None, ..Options::new(400) };
        let mut spool = open(&disk, &options);
        for number in 1..20 {
            assert_eq!(spool.append(&[1; 300]).unwrap(), number);
            spool.sync().unwrap();
            assert_eq!(read(&mut spool), [number]);
            spool.ack(number);
        }
    }

    #[test]
    fn the_oldest_goes_and_is_counted() {
        let disk = FakeDisk::default();
        let options = Options { on_full: OnFull::DropOldest, ..threes(12 * 42) };
        let mut spool = open(&disk, &options);
        fill(&mut spool, 1..=12);
        spool.read().unwrap();
        spool.ack(1);
        fill(&mut spool, 13..=16);
        assert_eq!(read(&mut spool), (7..=16).collect::<Vec<_>>());
        let stats = spool.stats();
        assert_eq!((stats.acknowledged, stats.dropped, stats.pending), (1, 5, 10));
        // One that takes the place of all.
        spool.append(&[0; 460]).unwrap();
        spool.sync().unwrap();
        assert_eq!(read(&mut spool), [17]);
        assert_eq!(spool.stats().dropped, 15);
    }

    #[test]
    fn a_disk_that_is_full_of_what_is_acknowledged_is_freed() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=9);
        read(&mut spool);
        spool.ack(6);
        disk.set_full(true);
        assert!(spool.append(b"x").unwrap_err().is_full());
        assert!(spool.save().unwrap_err().is_full());
        assert_eq!(segments(&disk), [7]);
        disk.set_full(false);
        spool.save().unwrap();
        fill(&mut spool, 10..=10);
        drop(spool);
        disk.crash(1);
        assert_eq!(read(&mut open(&disk, &threes(10_000))), [7, 8, 9, 10]);
    }

    #[test]
    fn a_position_that_comes_back_takes_no_new_record() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=3);
        read(&mut spool);
        spool.ack(3);
        drop(spool.save());
        drop(spool);
        drop(open(&disk, &threes(10_000)));
        assert!(segments(&disk).is_empty());
        disk.fail_read_in(Some(0));
        let mut spool = open(&disk, &threes(10_000));
        assert!(spool.stats().position_lost);
        fill(&mut spool, 1..=2);
        drop(spool);
        disk.crash(7);
        assert_eq!(read(&mut open(&disk, &threes(10_000))), [1, 2]);
    }

    /// A sync fails, the disk does not even cut the file, the records come again in a segment of their own.
    #[test]
    fn what_was_taken_back_does_not_come_twice() {
        let disk = FakeDisk::default();
        let options = Options { compression: None, ..Options::new(10_000) };
        let mut spool = open(&disk, &options);
        fill(&mut spool, 1..=2);
        spool.append(b"record 003, old").unwrap();
        let old = disk.get(&segment::name(1)).unwrap();
        disk.fail_write_in(Some(0));
        let error = spool.sync().unwrap_err();
        assert!(matches!(error, SpoolError::TakenBack { from: 3, records: 1, .. }));
        fill(&mut spool, 3..=4);
        drop(spool);
        disk.put(&segment::name(1), &old);
        let mut spool = open(&disk, &options);
        let all: Vec<_> = std::iter::from_fn(|| spool.read().unwrap()).map(|record| record.bytes).collect();
        assert_eq!(all, [b"record 001", b"record 002", b"record 003", b"record 004"]);
    }

    #[test]
    fn damage_is_skipped_counted_and_kept() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=9);
        drop(spool);
        let damage = |first: u64, at: usize, length: usize| {
            let mut bytes = disk.get(&segment::name(first)).unwrap();
            bytes[at..at + length].fill(b'#');
            disk.put(&segment::name(first), &bytes);
        };
        // A body, a whole segment, and a head.
        damage(1, 42 + 35, 1);
        damage(4, 0, 126);
        damage(7, 42, 10);
        let mut spool = open(&disk, &threes(10_000));
        assert_eq!(read(&mut spool), [1, 3, 7, 9]);
        spool.rewind();
        assert_eq!(read(&mut spool), [1, 3, 7, 9]);
        let stats = spool.stats();
        assert_eq!((stats.found, stats.lost, stats.pending), (9, 5, 4));
        assert_eq!((stats.damaged_bytes, stats.segments_set_aside), (42 + 126 + 42, 1));
        let name = |end| format!("{:020}{end}", 4);
        let kept: Vec<_> = disk.names().into_iter().filter(|name| name.ends_with(".damaged")).collect();
        assert_eq!(kept[1..3], [name("-0.damaged"), name(".spool.damaged")]);
        // The last record of all is lost: nobody waits for its acknowledgement.
        spool.ack(9);
        spool.save().unwrap();
        fill(&mut spool, 10..=11);
        drop(spool);
        damage(10, 0, 84);
        let mut spool = open(&disk, &threes(10_000));
        assert_eq!(read(&mut spool), [] as [u64; 0]);
        assert_eq!((spool.stats().segments_set_aside, spool.stats().pending), (1, 0));
    }

    #[test]
    fn a_lost_record_is_not_waited_for() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=7);
        drop(spool);
        disk.put(&segment::name(4), &disk.get(&segment::name(4)).unwrap()[..42]);
        let mut spool = open(&disk, &threes(10_000));
        for _ in 1..=4 {
            spool.read().unwrap();
        }
        spool.ack(4);
        assert_eq!(spool.read().unwrap().unwrap().number, 7);
        assert_eq!((spool.done(), spool.stats().lost, spool.stats().pending), (6, 2, 1));
    }

    #[test]
    fn a_segment_that_cannot_be_read_is_set_aside() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=8);
        for _ in 1..=4 {
            spool.read().unwrap();
        }
        disk.fail_read_in(Some(0));
        assert!(matches!(spool.read(), Err(SpoolError::Io { doing: "read", .. })));
        // Once more it would pass; this is for one that does not.
        assert!(spool.set_aside().unwrap());
        assert!(!spool.set_aside().unwrap());
        assert_eq!(read(&mut spool), [7, 8]);
        assert_eq!((spool.stats().lost, spool.stats().segments_set_aside), (2, 1));
        // And the one that is being written.
        spool.ack(6);
        spool.rewind();
        disk.fail_read_in(Some(0));
        assert!(spool.read().is_err());
        assert!(spool.set_aside().unwrap());
        assert_eq!(read(&mut spool), [] as [u64; 0]);
        fill(&mut spool, 9..=9);
        assert_eq!(read(&mut spool), [9]);
        let stats = spool.stats();
        assert_eq!(stats.appended, stats.acknowledged + stats.lost + stats.pending);
    }

    #[test]
    fn a_number_that_does_not_fit_its_place_is_no_record() {
        let disk = FakeDisk::default();
        let (mut file, mut frame) = (Vec::new(), Vec::new());
        for number in [1, record::NUMBER_LIMIT - 1, 2, 1] {
            Press::new(None).unwrap().frame(number, b"whole", &mut frame);
            file.extend_from_slice(&frame);
        }
        disk.put(&segment::name(1), &file);
        let mut spool = open(&disk, &threes(10_000));
        assert_eq!(spool.next_number(), 3);
        assert_eq!(read(&mut spool), [1, 2]);
        assert_eq!((spool.stats().damaged_bytes, spool.stats().torn_bytes), (37, 37));
    }

    #[test]
    fn a_rewind_before_setting_aside_skips_nothing() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=7);
        for _ in 1..=3 {
            spool.read().unwrap();
        }
        disk.fail_read_in(Some(0));
        assert!(spool.read().is_err());
        spool.rewind();
        assert!(spool.set_aside().unwrap());
        assert_eq!(read(&mut spool), [1, 2, 3, 7]);
    }

    #[test]
    fn an_rm_by_hand_stops_nothing() {
        let disk = FakeDisk::default();
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=9);
        disk.delete(&segment::name(1)).unwrap();
        disk.delete(&segment::name(4)).unwrap();
        for _ in 0..2 {
            assert!(spool.read().is_err());
            assert!(spool.set_aside().unwrap());
        }
        assert_eq!(read(&mut spool), [7, 8, 9]);
        spool.ack(8);
        spool.save().unwrap();
        assert_eq!(segments(&disk), [7]);
        let stats = spool.stats();
        assert_eq!((stats.lost, stats.acknowledged, stats.pending), (6, 2, 1));
    }

    #[test]
    fn strangers_in_the_folder_are_left_alone() {
        let disk = FakeDisk::default();
        for name in ["readme", "1.spool", "x.spool", "position.new"] {
            disk.put(name, b"mine");
        }
        let mut spool = open(&disk, &threes(10_000));
        fill(&mut spool, 1..=3);
        assert_eq!(disk.get("1.spool").unwrap(), b"mine");
        assert_eq!(disk.get("readme").unwrap(), b"mine");
    }
}

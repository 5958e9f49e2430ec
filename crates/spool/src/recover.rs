//! Opening a folder with whatever is in it.

use crate::{
    Disk, DiskFile, Options, Spool, SpoolError, Stats,
    damaged::Damaged,
    gaps::Gaps,
    position::{self, Stored},
    read::Reader,
    record::{self, Press},
    segment::{self, Segment},
};

impl<D: Disk> Spool<D> {
    /// Opens a folder with whatever is in it. Only the last segment is read: what a crash has left unfinished is at its
    /// end, and is cut off. Other damage is met, skipped and counted by the reader.
    ///
    /// # Errors
    /// `Io` if the folder cannot be listed, or if the disk fails both to read the last segment and to give it another
    /// name. Nothing that is in a file is an error.
    pub fn open(disk: D, options: Options) -> Result<Self, SpoolError> {
        let press = Press::new(options.compression).map_err(SpoolError::io("prepare", "zstd"))?;
        let files = disk.list().map_err(SpoolError::io("list", "."))?;
        let position = position::load(&disk, &files);
        let mut segments: Vec<Segment> = files
            .iter()
            .filter_map(|(name, length)| segment::first(name).map(|first| (first, *length)))
            .map(|(first, length)| Segment { first, length, durable: length })
            .collect();
        segments.sort_unstable_by_key(|segment| segment.first);
        let done = if let Stored::Upto(number) = position { number } else { 0 };
        let damaged = Damaged::new(&files, options.cap_bytes / 2);
        let mut spool = Self {
            disk,
            options,
            segments: segments.into(),
            active: None,
            unproven: None,
            next: done + 1,
            durable: done,
            done,
            stored: done,
            position_stale: position == Stored::Unreadable,
            gaps: Gaps::default(),
            damaged,
            reader: Reader::default(),
            press,
            stats: Stats { position_lost: position == Stored::Unreadable, ..Stats::default() },
            frame: Vec::new(),
        };
        spool.recover()?;
        Ok(spool)
    }

    /// Settles where the last segment ends and which numbers there are.
    fn recover(&mut self) -> Result<(), SpoolError> {
        while let Some(last) = self.segments.back() {
            let (first, length) = (last.first, last.length);
            self.next = self.next.max(first);
            let scanned = self.disk.open(&segment::name(first)).and_then(|file| {
                let scan = scan(&file, first, length, &mut self.press)?;
                Ok((file, scan))
            });
            match scanned {
                Ok((mut file, Scan { end, last: Some(number), .. })) => {
                    self.next = self.next.max(number + 1);
                    self.stats.torn_bytes += length - end;
                    if end < length {
                        let _ = file.truncate(end);
                    }
                    if let Some(last) = self.segments.back_mut() {
                        (last.length, last.durable) = (end, 0);
                    }
                    self.unproven = Some(file);
                    break;
                }
                // Only the beginning of a record, or nothing: what a crash leaves of a new segment.
                Ok((_, scan)) if scan.torn => {
                    self.stats.torn_bytes += length;
                    self.segments.pop_back();
                    let _ = self.disk.delete(&segment::name(first));
                }
                unreadable => {
                    self.segments.pop_back();
                    let aside = self.damaged.set_aside(&self.disk, first, length);
                    // Its name will be given to another: no loss if it holds no record, but who knows what the disk
                    // does not let us read.
                    if unreadable.is_err() {
                        aside.map_err(SpoolError::io("set aside", &segment::name(first)))?;
                    }
                    self.stats.segments_set_aside += 1;
                }
            }
        }
        // A segment that is gone was acknowledged or dropped.
        self.done = self.done.max(self.segments.front().map_or(self.next, |oldest| oldest.first) - 1);
        self.durable = self.segments.back().map_or(self.next, |last| last.first) - 1;
        self.durable = self.durable.max(self.done);
        self.stats.found = self.next - 1 - self.done;
        let _ = self.prove();
        self.rewind();
        let _ = self.release();
        Ok(())
    }

    /// Makes durable what was found: the process before may have been killed without the machine.
    pub(crate) fn prove(&mut self) -> Result<(), SpoolError> {
        let (Some(file), Some(last)) = (&mut self.unproven, self.segments.back_mut()) else { return Ok(()) };
        file.sync().map_err(SpoolError::io("sync", &last.name()))?;
        self.disk.sync_folder().map_err(SpoolError::io("sync", "."))?;
        last.durable = last.length;
        self.durable = self.next - 1;
        self.unproven = None;
        Ok(())
    }
}

/// What the last segment holds.
struct Scan {
    /// Where its last whole record ends.
    end: u64,
    /// That record's number.
    last: Option<u64>,
    /// There is no whole record, and the bytes look like the beginning of one that was never finished.
    torn: bool,
}

fn scan(file: &impl DiskFile, first: u64, length: u64, press: &mut Press) -> std::io::Result<Scan> {
    let mut scan = Scan { end: 0, last: None, torn: false };
    let mut at = 0;
    while let Some((found, head)) = record::find(file, at, length)? {
        at = found + head.frame();
        let after = scan.last.map_or(first, |last| last + 1);
        if head.number >= after
            && segment::plausible(first, head.number, found)
            && press.open(&head, record::body(file, found, &head)?).is_some()
        {
            (scan.end, scan.last) = (at, Some(head.number));
        }
    }
    if scan.last.is_none() {
        let mut start = [0; 4];
        let start = &mut start[..length.min(4) as usize];
        file.read_at(0, start)?;
        // Bytes that were never written come back as zeros.
        scan.torn = record::MARK.starts_with(start) || start.iter().all(|byte| *byte == 0);
    }
    Ok(scan)
}

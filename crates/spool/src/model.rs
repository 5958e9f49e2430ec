//! The spool against a dull model, on a disk that fails, forgets and rots.
//!
//! The model knows what was appended under each number, up to where it must be durable, and which numbers damage or a
//! dropped segment may have taken. Whatever happens: no other number is ever missing, none comes twice unless the reader
//! went back, bytes are right, and counters add up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::{Disk as _, OnFull, Options, Spool, SpoolError, fake::FakeDisk, record, segment};

#[derive(Clone, Debug)]
enum Op {
    Append {
        length: usize,
        fill: u8,
    },
    Sync,
    Read(u8),
    /// All that was read but so many.
    Ack(u64),
    Save,
    Rewind,
    /// Goes on without a segment, if a read has just failed.
    SetAside,
    /// The process ends, or is killed.
    Restart,
    /// The machine stops.
    Crash(u64),
    Full(bool),
    FailWriteIn(u32),
    FailReadIn(u32),
    /// One bit of one file changes while the spool is closed.
    Flip {
        file: usize,
        at: usize,
        bit: u8,
    },
    /// The end of one file goes while the spool is closed.
    Cut {
        file: usize,
        bytes: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..160_usize, any::<u8>()).prop_map(|(length, fill)| Op::Append { length, fill }),
        6 => Just(Op::Sync),
        6 => (1..6_u8).prop_map(Op::Read),
        4 => (0..3_u64).prop_map(Op::Ack),
        3 => Just(Op::Save),
        2 => Just(Op::Rewind),
        1 => Just(Op::SetAside),
        1 => Just(Op::Restart),
        2 => any::<u64>().prop_map(Op::Crash),
        2 => any::<bool>().prop_map(Op::Full),
        2 => (0..8_u32).prop_map(Op::FailWriteIn),
        2 => (0..8_u32).prop_map(Op::FailReadIn),
        1 => (any::<usize>(), any::<usize>(), 0..8_u8).prop_map(|(file, at, bit)| Op::Flip { file, at, bit }),
        1 => (any::<usize>(), 1..200_usize).prop_map(|(file, bytes)| Op::Cut { file, bytes }),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    (300..3000_u64, 1..600_u64, any::<bool>(), any::<bool>()).prop_map(|(cap, segment, drop, zstd)| Options {
        cap_bytes: cap,
        segment_bytes: segment,
        on_full: if drop { OnFull::DropOldest } else { OnFull::Refuse },
        compression: zstd.then_some(1),
    })
}

struct Run {
    disk: FakeDisk,
    options: Options,
    spool: Option<Spool<FakeDisk>>,
    /// Makes every record's bytes its own.
    serial: u64,
    /// All that was ever appended under a number.
    ever: BTreeMap<u64, Vec<Vec<u8>>>,
    /// What a number must give.
    sure: BTreeMap<u64, Vec<u8>>,
    /// Up to here nothing may be missing.
    durable: u64,
    /// Acknowledged, dropped or lost, as the spool must know it.
    done: u64,
    /// As it was saved: what is not above may not come again.
    saved: u64,
    next: u64,
    /// The first number that was not in the folder when it was opened.
    found: u64,
    /// The number that the reader gives next.
    expect: u64,
    /// Numbers that may be gone: damaged, dropped, or done, until they are given again.
    risky: BTreeSet<u64>,
    dropped: u64,
    failures: u64,
    /// Damage has met the file of the position.
    position_hit: bool,
}

impl Run {
    fn new(options: Options) -> Self {
        let mut run = Self {
            disk: FakeDisk::default(),
            options,
            spool: None,
            serial: 0,
            ever: BTreeMap::new(),
            sure: BTreeMap::new(),
            durable: 0,
            done: 0,
            saved: 0,
            next: 1,
            found: 1,
            expect: 1,
            risky: BTreeSet::new(),
            dropped: 0,
            failures: 0,
            position_hit: false,
        };
        run.open();
        run
    }

    fn spool(&mut self) -> &mut Spool<FakeDisk> {
        self.spool.as_mut().unwrap()
    }

    fn may_be_missing(&self, number: u64) -> bool {
        self.risky.contains(&number)
    }

    fn must_be_excused(&self, mut numbers: impl Iterator<Item = u64>) {
        let missing = numbers.find(|number| !self.may_be_missing(*number));
        assert_eq!(missing, None, "lost; durable up to {}, done up to {}", self.durable, self.done);
    }

    fn failed(&mut self, error: &SpoolError) {
        let failures = self.disk.failures();
        assert!(failures > self.failures, "no call failed, and yet: {error}");
        self.failures = failures;
    }

    fn open(&mut self) {
        self.spool = None;
        let before = self.disk.names();
        let failures = self.disk.failures();
        let opened = Spool::open(self.disk.clone(), self.options.clone()).or_else(|error| {
            // A segment that the disk can neither read nor rename. Bytes alone are never the reason.
            assert!(self.disk.failures() >= failures + 2, "{error}");
            Spool::open(self.disk.clone(), self.options.clone())
        });
        let spool = opened.expect("opening never fails");
        let stats = spool.stats();
        if stats.segments_set_aside > 0 {
            self.take_risks(&before);
        }
        let next = spool.next_number();
        self.must_be_excused(next..=self.durable);
        let highest = self.ever.last_key_value().map_or(0, |(number, _)| *number);
        assert!(next <= highest + 1, "{next} was never given");
        assert!(!stats.position_lost || self.position_hit || self.disk.failures() > failures);
        assert!(stats.position_lost || spool.done() >= self.saved, "{} {}", spool.done(), self.saved);
        self.must_be_excused(1..=spool.done());
        // What was not durable may be there or not, or as it was before it was taken back.
        let durable = self.durable;
        self.sure.retain(|number, _| *number <= durable && *number < next);
        (self.next, self.done, self.durable) = (next, spool.done(), spool.durable());
        self.found = next;
        self.saved = self.saved.min(self.done);
        self.expect = self.done + 1;
        self.dropped = 0;
        self.failures = self.disk.failures();
        self.spool = Some(spool);
    }

    /// Segments that are not there any more may have held anything.
    fn take_risks(&mut self, before: &[String]) {
        let after = self.disk.names();
        for name in before.iter().filter(|name| !after.contains(name)) {
            if let Some(first) = segment::first(name) {
                self.risky.extend(self.range(before, first));
            }
        }
    }

    /// The numbers that a segment may hold.
    fn range(&self, names: &[String], first: u64) -> std::ops::Range<u64> {
        let next = names.iter().filter_map(|name| segment::first(name)).find(|other| *other > first);
        first..next.unwrap_or(self.next.max(first + 1))
    }

    /// Numbers of the records in a segment that have bytes in this range.
    fn touched(&self, name: &str, from: usize, to: usize) -> BTreeSet<u64> {
        let Some(first) = segment::first(name) else { return BTreeSet::new() };
        let bytes = self.disk.get(name).unwrap();
        let (mut at, mut numbers) = (0, BTreeSet::new());
        let mut last = first - 1;
        while at < bytes.len() {
            let head = bytes.get(at..at + 32).filter(|head| {
                head[..4] == record::MARK && head[4..8] == crc32fast::hash(&head[8..]).to_le_bytes()
            });
            let Some(head) = head else {
                // Older damage: anything after it.
                numbers.extend(self.range(&self.disk.names(), first).filter(|number| *number > last));
                break;
            };
            last = u64::from_le_bytes(head[8..16].try_into().unwrap());
            let end = at + 32 + u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize;
            if from < end && at < to {
                numbers.insert(last);
            }
            at = end;
        }
        numbers
    }

    fn file(&self, file: usize) -> Option<(String, Vec<u8>)> {
        let names = self.disk.names();
        let name = names.get(file % names.len().max(1))?;
        let bytes = self.disk.get(name)?;
        (!bytes.is_empty()).then(|| (name.clone(), bytes))
    }

    /// Damages a file.
    fn put(&mut self, name: &str, bytes: &[u8]) {
        self.position_hit |= name.starts_with("position");
        self.disk.put(name, bytes);
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Append { length, fill } => self.append(*length, *fill),
            Op::Sync => match self.spool().sync() {
                Ok(()) => {
                    assert_eq!(self.spool().durable(), self.next - 1);
                    self.synced();
                }
                Err(error) => self.refused(&error),
            },
            Op::Read(times) => {
                for _ in 0..*times {
                    if !self.read() {
                        break;
                    }
                }
            }
            Op::Ack(back) => {
                let number = (self.expect - 1).saturating_sub(*back);
                self.spool().ack(number);
                let done = self.spool().done();
                assert!(done >= number);
                self.must_be_excused(self.done.max(number) + 1..=done);
                self.risky.extend(self.done + 1..=done);
                self.done = done;
                self.expect = self.expect.max(done + 1);
            }
            Op::Save => match self.spool().save() {
                Ok(()) => self.saved = self.done,
                Err(error) => self.failed(&error),
            },
            Op::Rewind => {
                self.spool().rewind();
                self.expect = self.done + 1;
            }
            Op::SetAside => {
                self.disk.fail_write_in(None);
                let before = self.disk.names();
                self.spool().set_aside().unwrap();
                self.synced();
                self.take_risks(&before);
            }
            Op::Restart => self.open(),
            Op::Crash(seed) => {
                self.spool = None;
                self.disk.crash(*seed);
                self.open();
            }
            Op::Full(full) => self.disk.set_full(*full),
            Op::FailWriteIn(calls) => self.disk.fail_write_in(Some(*calls)),
            Op::FailReadIn(calls) => self.disk.fail_read_in(Some(*calls)),
            Op::Flip { file, at, bit } => {
                self.spool = None;
                if let Some((name, mut bytes)) = self.file(*file) {
                    let at = at % bytes.len();
                    self.risky.extend(self.touched(&name, at, at + 1));
                    bytes[at] ^= 1 << bit;
                    self.put(&name, &bytes);
                }
                self.open();
            }
            Op::Cut { file, bytes: cut } => {
                self.spool = None;
                if let Some((name, bytes)) = self.file(*file) {
                    let left = bytes.len().saturating_sub(*cut);
                    self.risky.extend(self.touched(&name, left, bytes.len()));
                    self.put(&name, &bytes[..left]);
                }
                self.open();
            }
        }
        self.add_up();
    }

    fn append(&mut self, length: usize, fill: u8) {
        self.serial += 1;
        let mut bytes = self.serial.to_le_bytes().to_vec();
        bytes.extend(std::iter::repeat_n(fill, length));
        let result = self.spool().append(&bytes);
        // An append may drop, and may close a segment.
        let (dropped, done) = (self.spool().stats().dropped, self.spool().done());
        if dropped > self.dropped {
            assert_eq!(self.options.on_full, OnFull::DropOldest);
            assert!(dropped - self.dropped <= done - self.done);
            // A segment that is dropped may be there again after a crash, and the next may not.
            self.risky.extend(self.done + 1..=done);
            (self.dropped, self.done) = (dropped, done);
            self.expect = self.expect.max(done + 1);
        }
        self.must_be_excused(self.done + 1..=done);
        self.done = done;
        self.synced();
        match result {
            Ok(number) => {
                assert_eq!(number, self.next);
                self.next += 1;
                self.ever.entry(number).or_default().push(bytes.clone());
                self.sure.insert(number, bytes);
                assert!(self.spool().stats().bytes <= self.options.cap_bytes);
            }
            Err(SpoolError::Full { used, cap }) => {
                assert_eq!(self.options.on_full, OnFull::Refuse);
                assert!(used + 32 + bytes.len() as u64 > cap);
            }
            Err(SpoolError::TooLong { limit, .. }) => assert!(limit < bytes.len() as u64 + 32),
            Err(error) => {
                // It may be there in full, if the disk would not take it back.
                self.ever.entry(self.next).or_default().push(bytes);
                self.refused(&error);
            }
        }
    }

    /// What is durable from now on is as sure as can be.
    fn synced(&mut self) {
        let (durable, done) = (self.spool().durable(), self.done);
        assert!(durable >= self.durable);
        // Damage to what was found stays damage.
        let before = self.durable.max(done).max(self.found - 1);
        self.risky.retain(|number| *number <= before || *number > durable);
        self.durable = durable;
    }

    /// An error of `append` or `sync`.
    fn refused(&mut self, error: &SpoolError) {
        self.failed(error);
        if let SpoolError::TakenBack { from, records, .. } = error {
            assert_eq!((*from, from + records), (self.spool().durable() + 1, self.next));
            self.next = *from;
            self.sure.retain(|number, _| number < from);
        }
        assert_eq!(self.spool().next_number(), self.next);
    }

    /// Answers whether there may be more.
    fn read(&mut self) -> bool {
        match self.spool().read() {
            Ok(Some(record)) => {
                assert!(record.number >= self.expect && record.number < self.next, "{}", record.number);
                self.must_be_excused(self.expect..record.number);
                let bytes = self.sure.entry(record.number).or_insert_with(|| record.bytes.clone());
                assert_eq!(*bytes, record.bytes);
                assert!(self.ever[&record.number].contains(&record.bytes));
                self.expect = record.number + 1;
                true
            }
            Ok(None) => {
                let durable = self.spool().durable();
                self.must_be_excused(self.expect..=durable);
                self.expect = self.expect.max(durable + 1);
                false
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    fn add_up(&mut self) {
        let (done, durable) = (self.spool().done(), self.spool().durable());
        self.must_be_excused(self.done + 1..=done);
        self.done = done;
        assert!(durable == self.durable || self.durable < self.found);
        self.durable = durable;
        self.expect = self.expect.max(done + 1);
        let s = self.spool().stats();
        assert_eq!(s.found + s.appended, s.acknowledged + s.dropped + s.lost + s.pending, "{s:?}");
    }

    /// With space and a sound disk everything comes, and the spool is as good as new.
    fn finish(&mut self) {
        self.disk.set_full(false);
        self.disk.fail_write_in(None);
        self.disk.fail_read_in(None);
        self.step(&Op::Sync);
        self.step(&Op::Rewind);
        let mut count = 0;
        while self.read() {
            count += 1;
            self.add_up();
        }
        assert_eq!(self.spool().stats().pending, count);
        self.step(&Op::Ack(0));
        self.step(&Op::Save);
        assert_eq!(self.spool().stats().pending, 0);
        let next = self.spool().next_number();
        assert_eq!(self.spool().append(b"good as new").unwrap(), next);
        self.spool().sync().unwrap();
        let record = self.spool().read().unwrap().unwrap();
        assert_eq!((record.number, record.bytes.as_slice()), (next, b"good as new".as_slice()));
        assert!(self.disk.list().unwrap().len() < 200);
    }
}

proptest! {
    // `PROPTEST_CASES` is eight times as many here: a case is some microseconds, and what is rare is what matters.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 8, ..ProptestConfig::default() })]

    #[test]
    fn nothing_synced_is_lost_or_doubled(options in options(), ops in prop::collection::vec(op(), 1..80)) {
        let mut run = Run::new(options);
        for op in &ops {
            run.step(op);
        }
        run.finish();
    }
}

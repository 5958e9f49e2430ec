//! The store against a dull twin, on a disk that fails at any call and forgets in a crash what was not synced.

use std::path::Path;

use alces_spool::fake::FakeDisk;
use proptest::prelude::*;

use super::*;
use crate::{marker::Position, registry::entry::Entry, tail::Inode};

#[derive(Clone, Debug)]
enum Op {
    Change(u64, u64),
    Forget(u64),
    Save,
    /// The process is killed; all that it has written is there.
    Kill,
    /// Power goes.
    Crash(u64),
    /// A call fails that writes, after so many that pass.
    Fail(u32),
    Full(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..8_u64, 1..1000_u64).prop_map(|(id, offset)| Op::Change(id, offset)),
        1 => (0..8_u64).prop_map(Op::Forget),
        6 => Just(Op::Save),
        1 => Just(Op::Kill),
        1 => any::<u64>().prop_map(Op::Crash),
        2 => (0..8_u32).prop_map(Op::Fail),
        1 => any::<bool>().prop_map(Op::Full),
    ]
}

struct Run {
    disk: FakeDisk,
    limits: Limits,
    store: Option<Store<FakeDisk>>,
    content: Content,
    changed: BTreeSet<u64>,
    /// What may be on the disk: what was last saved, and what was to be since and failed.
    may: Vec<Content>,
    saves: i64,
}

/// Without what is the store's own.
fn bare(content: &Content) -> Content {
    Content { generation: 0, ..content.clone() }
}

impl Run {
    fn new(limits: Limits) -> Self {
        let mut run = Self {
            disk: FakeDisk::default(),
            limits,
            store: None,
            content: Content::default(),
            changed: BTreeSet::new(),
            may: vec![Content::default()],
            saves: 0,
        };
        run.open();
        run
    }

    fn open(&mut self) {
        self.store = None;
        // A disk that fails once does not twice.
        let (store, content, opened) = Store::open(self.disk.clone(), self.limits)
            .or_else(|_| {
                self.disk.set_full(false);
                self.disk.fail_write_in(None);
                Store::open(self.disk.clone(), self.limits)
            })
            .unwrap();
        assert!(opened.broken.is_none());
        self.is_allowed(&content);
        (self.may, self.content) = (vec![bare(&content)], content);
        self.changed.clear();
        self.store = Some(store);
    }

    fn is_allowed(&self, content: &Content) {
        assert!(self.may.contains(&bare(content)), "{content:#?} is none of {:#?}", self.may);
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Change(id, offset) => {
                let key = Inode { device: 1, inode: id };
                let position = Position { offset, ..Position::default() };
                self.content.files.insert(id, Entry::new(Path::new("/a"), key, position));
                self.content.next_id = self.content.next_id.max(id + 1);
                self.changed.insert(id);
            }
            Op::Forget(id) => {
                if self.content.files.remove(&id).is_some() {
                    self.changed.insert(id);
                }
            }
            Op::Save => self.save(),
            Op::Kill => self.open(),
            Op::Crash(seed) => {
                self.disk.crash(seed);
                self.open();
            }
            Op::Fail(calls) => self.disk.fail_write_in(Some(calls)),
            Op::Full(full) => self.disk.set_full(full),
        }
        self.peek();
    }

    fn save(&mut self) {
        self.saves += 1;
        self.content.saved = self.saves;
        let store = self.store.as_mut().unwrap();
        match store.save(&mut self.content, &self.changed) {
            Ok(()) => {
                self.changed.clear();
                self.may = vec![bare(&self.content)];
            }
            Err(_) => self.may.push(bare(&self.content)),
        }
    }

    /// What another process sees at any time.
    fn peek(&self) {
        let read = |name: &str| self.disk.get(name).ok_or_else(|| io::ErrorKind::NotFound.into());
        match peek(read) {
            Ok(content) => self.is_allowed(&content),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
                assert!(self.may.contains(&Content::default()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 8, ..ProptestConfig::default() })]

    #[test]
    fn what_was_saved_is_there(
        small in prop_oneof![Just(0), Just(600)],
        journal in prop_oneof![Just(0), Just(500), Just(5000)],
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let mut run = Run::new(Limits { small, journal });
        ops.iter().for_each(|op| run.step(op));
        run.disk.set_full(false);
        run.disk.fail_write_in(None);
        [Op::Change(1, 1000), Op::Save, Op::Change(1, 1001), Op::Save, Op::Crash(1)].iter().for_each(|op| run.step(op));
        prop_assert_eq!(run.content.files[&1].offset, 1001);
        let names = run.disk.names();
        prop_assert!(names.len() <= 2, "{:?}", names);
    }
}

/// A new snapshot between two reads of one who peeks.
#[test]
fn who_peeks_sees_one_state() {
    let mut run = Run::new(Limits { small: 0, journal: 0 });
    let step = |run: &mut Run, offset| [Op::Change(1, offset), Op::Save].iter().for_each(|op| run.step(op));
    step(&mut run, 1);
    step(&mut run, 2);
    let run = std::cell::RefCell::new(run);
    let reads = std::cell::Cell::new(0);
    let content = peek(|name| {
        reads.set(reads.get() + 1);
        if reads.get() == 2 {
            // The journal that is about to be read goes.
            (3..9).for_each(|offset| step(&mut run.borrow_mut(), offset));
        }
        run.borrow().disk.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    });
    run.borrow().is_allowed(&content.unwrap());
}

#[test]
fn a_journal_of_another_snapshot_is_left_alone() {
    let mut run = Run::new(Limits { small: 0, journal: 1 << 20 });
    [Op::Change(1, 5), Op::Save, Op::Change(2, 6), Op::Save].iter().for_each(|op| run.step(op));
    let edited =
        String::from_utf8(run.disk.get(SNAPSHOT).unwrap()).unwrap().replace("\"offset\":5", "\"offset\":0");
    run.disk.put(SNAPSHOT, edited.as_bytes());
    let (_, content, opened) = Store::open(run.disk.clone(), run.limits).unwrap();
    assert_eq!((content.files.len(), content.files[&1].offset, content.next_id), (1, 0, 3));
    assert_eq!(opened.journal, Found { foreign: 1, ..Found::default() });
}

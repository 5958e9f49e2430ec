//! The one thread that writes: it decides about ids, appends to the log, makes a group durable with one fsync, feeds the
//! engines, answers, and commits once per refresh interval.

use crate::config::Config;
use crate::error::{ApiError, StoreError, is_full_disk};
use crate::ids::IdFilter;
use crate::index::Index;
use crate::mapping::{Batch, Mapped, Span};
use crate::quick::{QuickMap, id_key};
use crate::record::{self, Change, ChangesWriter, Record};
use crate::segments::{Engine, Incoming};
use crate::update::{Applied, Update};
use crate::wal::Wal;
use bytes::Bytes;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Requests are grouped up to this many bytes, so that the first of them does not wait for ever.
const GROUP_BYTES: usize = 64 * 1024 * 1024;
/// An index that nobody wrote to for this long gives back its memory and threads.
const IDLE: Duration = Duration::from_secs(30);

/// What to do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Index,
    Delete,
    /// Becomes `Index` when the writer has laid it over the present document.
    Update,
}

/// One change that has passed the mapping.
pub(crate) struct Op {
    pub(crate) index: Arc<Index>,
    pub(crate) kind: Kind,
    pub(crate) id: Arc<str>,
    /// The id's [`id_key`].
    pub(crate) key: u128,
    /// The store chose the id, so that nobody can have used it before.
    pub(crate) fresh: bool,
    pub(crate) source: Bytes,
    /// Its values in the request's batch.
    pub(crate) mapped: Span,
    /// Of an update; its source and values are known only when it is applied.
    pub(crate) update: Option<Update>,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) result: &'static str,
    pub(crate) version: u64,
    pub(crate) sequence: u64,
}

impl Done {
    /// The version that the engine is to take, if it is to take any.
    fn applied(&self) -> Option<u64> {
        (!matches!(self.result, "not_found" | "noop")).then_some(self.version)
    }
}

/// The outcomes of one bulk, in its order.
pub(crate) type Outcomes = Vec<Result<Done, ApiError>>;

/// An order to the writer.
pub(crate) enum Job {
    Bulk { ops: Vec<Op>, batch: Batch, refresh: bool, done: oneshot::Sender<Outcomes> },
    Grown { index: Arc<Index>, added: Value },
    Open { index: Arc<Index>, engine: Box<dyn Engine> },
    Close { uuid: u64, done: oneshot::Sender<()> },
    Refresh { done: oneshot::Sender<Result<(), ApiError>> },
    Stop,
}

/// Versions by [`id_key`]; 0 for what was deleted.
type Versions = QuickMap<u128, u64>;

/// What is taken back when the log cannot be written: index, id, and the version before.
type Undo = Vec<(u64, u128, Option<u64>)>;

struct Slot {
    index: Arc<Index>,
    engine: Option<Box<dyn Engine>>,
    /// Made when it is first needed: the ids of an index that nobody writes to need no memory.
    ids: Option<IdFilter>,
    /// Ids changed since the last seal: their version, 0 for deleted.
    tail: Versions,
    /// The same of seals that are not finished, with the sequence number of each.
    sealed: VecDeque<(u64, Versions)>,
    /// Something was taken since the last seal.
    dirty: bool,
    /// What the log says up to this is in the segments, or is none of this index's.
    floor: u64,
    /// The mapping on disk is older than the one in use.
    grown: bool,
    written: Instant,
}

/// Batches that are done, for the next requests.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<Batch>>);

impl Spare {
    /// More are not kept than requests are read at once on most machines, nor such as are unusually large.
    const KEPT: usize = 4;
    const LARGEST: usize = 16 << 20;

    pub(crate) fn take(&self) -> Batch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn put(&self, mut batch: Batch) {
        if batch.memory() > Self::LARGEST {
            return;
        }
        batch.clear();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < Self::KEPT {
            all.push(batch);
        }
    }
}

/// The writer's state.
pub(crate) struct Writer {
    config: Config,
    slots: QuickMap<u64, Slot>,
    wal: Wal,
    sequence: u64,
    /// Growths of mappings that could not be appended: they go before anything that comes later.
    unlogged: Vec<(u64, String)>,
    /// Where batches go when they are done.
    spare: Arc<Spare>,
    /// Room for the changes of a request.
    changes: ChangesWriter,
    /// Room for the records of a group.
    frames: Vec<u8>,
    /// A request with updates, which begins the next group: it reads what the groups before it wrote.
    next: Option<Job>,
}

impl Writer {
    /// Opens the engines of the given indexes, replays the log onto them and commits.
    pub(crate) fn open(
        config: Config,
        indexes: &[Arc<Index>],
        spare: Arc<Spare>,
    ) -> Result<Self, StoreError> {
        let mut slots = QuickMap::default();
        for index in indexes {
            let engine = index.open_engine()?;
            slots.insert(index.uuid, Slot::new(Arc::clone(index), Box::new(engine)));
        }
        let mut sequence =
            slots.values().filter_map(|s| s.engine.as_ref()).map(|e| e.committed()).max().unwrap_or(0);
        let dir = config.data_dir.join("wal");
        let mut replayed = 0u64;
        let wal = Wal::open(&dir, |payload| {
            let mut room = Vec::new();
            let Some((at, record)) = record::read(payload, &mut room) else {
                return Err(StoreError::Damaged {
                    path: dir.clone(),
                    reason: "it holds a record of unknown kind".into(),
                });
            };
            sequence = sequence.max(at);
            for slot in slots.values_mut() {
                replayed += slot.replay(at, &record)?;
            }
            Ok(at)
        })?;
        sequence = sequence.max(wal.highest());
        let mut writer = Self {
            config,
            slots,
            wal,
            sequence,
            spare,
            unlogged: vec![],
            frames: vec![],
            changes: ChangesWriter::default(),
            next: None,
        };
        if replayed > 0 {
            tracing::info!(changes = replayed, "replayed the write-ahead log");
        }
        match writer.commit() {
            // It serves what it can, and takes nothing until there is room.
            Err(error) if error.is_full_disk() => {
                tracing::error!(%error, "the disk has no room for what the log has; it is tried again");
            }
            other => other?,
        }
        Ok(writer)
    }

    /// Works until told to stop or until every sender is gone.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        let mut next = Instant::now() + self.config.refresh_interval;
        loop {
            let busy = self.slots.values().any(Slot::busy);
            let wait = if busy { next.saturating_duration_since(Instant::now()) } else { IDLE };
            let job = self.next.take().map_or_else(|| jobs.recv_timeout(wait), Ok);
            match job {
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(first) => {
                    if !busy {
                        next = Instant::now() + self.config.refresh_interval;
                    }
                    if self.group(first, jobs) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= next {
                if let Err(error) = self.refresh() {
                    tracing::error!(%error, "cannot write segments; the log keeps every acknowledged document, trying again");
                }
                next = Instant::now() + self.config.refresh_interval;
                self.rest();
            }
        }
        if let Err(error) = self.commit() {
            tracing::error!(%error, "cannot commit at the end; the next start replays the log");
        }
    }

    /// Takes `first` and whatever waits behind it as one group. True when it is time to stop.
    fn group(&mut self, first: Job, jobs: &Receiver<Job>) -> bool {
        let mut bulks = Vec::new();
        let mut refreshes = Vec::new();
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        let mut undo = Vec::new();
        let mut stop = false;
        let mut grown = std::mem::take(&mut self.unlogged);
        for (uuid, json) in &grown {
            self.sequence += 1;
            record::mapping(&mut frames, self.sequence, *uuid, json.as_bytes());
        }
        let mut job = Some(first);
        while let Some(current) = job.take() {
            match current {
                Job::Bulk { mut ops, mut batch, refresh, done } => {
                    let updates = ops.iter().any(|op| op.kind == Kind::Update);
                    if updates && (!frames.is_empty() || !bulks.is_empty()) {
                        self.next = Some(Job::Bulk { ops, batch, refresh, done });
                        break;
                    }
                    let outcomes = if updates {
                        self.update(&mut ops, &mut batch, &mut frames, &mut undo, &mut grown)
                    } else {
                        self.decide(&ops, &mut frames, &mut undo)
                    };
                    bulks.push((ops, batch, outcomes, refresh, done));
                    if updates {
                        break;
                    }
                }
                Job::Grown { index, added } => {
                    self.sequence += 1;
                    let json = added.to_string();
                    record::mapping(&mut frames, self.sequence, index.uuid, json.as_bytes());
                    grown.push((index.uuid, json));
                    if let Some(slot) = self.slots.get_mut(&index.uuid) {
                        slot.grown = true;
                    }
                }
                Job::Open { index, engine } => {
                    self.slots.insert(index.uuid, Slot::new(index, engine));
                }
                Job::Close { uuid, done } => {
                    // Should its removal fail, it is there again at the next start, and what it has must be found.
                    if let Some(slot) = self.slots.remove(&uuid).filter(|slot| slot.grown)
                        && let Err(error) = slot.index.save()
                    {
                        tracing::warn!(index = %slot.index.name, %error, "cannot write the mapping of an index that is deleted");
                    }
                    let _ = done.send(());
                }
                Job::Refresh { done } => refreshes.push(done),
                Job::Stop => stop = true,
            }
            if frames.len() < GROUP_BYTES && !stop {
                job = jobs.try_recv().ok();
            }
        }
        let durable = if frames.is_empty() { Ok(()) } else { self.wal.append(&frames, self.sequence) };
        // Kept for the next group, unless it is unusually large: fresh memory costs as much as the copying.
        if frames.capacity() <= 2 * GROUP_BYTES {
            self.frames = frames;
        }
        let failed = durable.err().map(|error| {
            tracing::error!(%error, "cannot append to the write-ahead log");
            self.unlogged = std::mem::take(&mut grown);
            for (uuid, id, before) in undo.drain(..).rev() {
                if let Some(slot) = self.slots.get_mut(&uuid) {
                    match before {
                        Some(version) => slot.tail.insert(id, version),
                        None => slot.tail.remove(&id),
                    };
                }
            }
            refused(&error)
        });
        // What was to come next would wait for ever behind growths that cannot be appended.
        if let Some(error) = &failed
            && let Some(Job::Bulk { ops, done, .. }) = self.next.take()
        {
            let _ = done.send(ops.iter().map(|_| Err(error.clone())).collect());
        }
        let mut refresh = !refreshes.is_empty();
        let mut answers = Vec::new();
        for (ops, batch, mut outcomes, wanted, done) in bulks {
            if let Some(error) = &failed {
                // Conflicts too: what they are with may be a change of this group.
                outcomes.iter_mut().for_each(|outcome| *outcome = Err(error.clone()));
            }
            refresh |= wanted;
            let todo: Vec<Option<u64>> =
                outcomes.iter().map(|outcome| outcome.as_ref().ok()?.applied()).collect();
            // An answer that does not wait for visibility does not wait for the engine either: what it says is in the log.
            if wanted {
                answers.push((outcomes, done));
            } else {
                let _ = done.send(outcomes);
            }
            self.apply(&ops, &batch, &todo);
            self.spare.put(batch);
        }
        self.seal_large();
        if refresh {
            let result = self.commit().map_err(|error| {
                tracing::error!(%error, "cannot commit on refresh; the log keeps every acknowledged document");
                ApiError::from(error)
            });
            refreshes.into_iter().for_each(|done| drop(done.send(result.clone())));
        }
        for (outcomes, done) in answers {
            let _ = done.send(outcomes);
        }
        stop
    }

    /// Judges every change by its id, and frames those that go ahead.
    fn decide(&mut self, ops: &[Op], frames: &mut Vec<u8>, undo: &mut Undo) -> Outcomes {
        let known = self.known(ops);
        let mut changes = std::mem::take(&mut self.changes);
        let outcomes = ops.iter().enumerate().map(|(at, op)| match known.get(&at) {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(version)) => self.judge(op, Some(*version), &mut changes, undo),
            None => self.judge(op, None, &mut changes, undo),
        });
        let outcomes = outcomes.collect();
        changes.finish(frames, self.sequence);
        self.changes = changes;
        outcomes
    }

    /// Judges one change by its id; `committed` is the version in the segments.
    fn judge(
        &mut self,
        op: &Op,
        committed: Option<u64>,
        changes: &mut ChangesWriter,
        undo: &mut Undo,
    ) -> Result<Done, ApiError> {
        let Some(slot) = self.slots.get_mut(&op.index.uuid) else {
            return Err(ApiError::no_index(&op.index.name));
        };
        if slot.engine.as_ref().is_some_and(|engine| engine.stuck()) {
            return Err(ApiError::full_disk());
        }
        let present = match slot.recent(op.key) {
            Some(0) => None,
            Some(version) => Some(version),
            None => committed,
        };
        let version = match (op.kind, present) {
            (Kind::Create, Some(version)) => {
                let reason = format!(
                    "[{}]: version conflict, document already exists (current version [{version}])",
                    op.id
                );
                let error = ApiError::new(409, "version_conflict_engine_exception", reason);
                return Err(error.of_document(&op.index.name));
            }
            (Kind::Delete, None) => {
                return Ok(Done { result: "not_found", version: 1, sequence: self.sequence });
            }
            (_, present) => present.map_or(1, |version| version + 1),
        };
        self.sequence += 1;
        let delete = op.kind == Kind::Delete;
        let before = slot.tail.insert(op.key, if delete { 0 } else { version });
        undo.push((op.index.uuid, op.key, before));
        changes.push(&Change { uuid: op.index.uuid, delete, version, id: &op.id, source: &op.source });
        let result = match (delete, version) {
            (true, _) => "deleted",
            (false, 1) => "created",
            _ => "updated",
        };
        Ok(Done { result, version, sequence: self.sequence })
    }

    /// Judges a request that has updates in it, one change after the other: each of them sees what those before it wrote. What was
    /// written before the request is committed first, so that it can be read.
    fn update(
        &mut self,
        ops: &mut [Op],
        batch: &mut Batch,
        frames: &mut Vec<u8>,
        undo: &mut Undo,
        grown: &mut Vec<(u64, String)>,
    ) -> Outcomes {
        if self.slots.values().any(|slot| slot.dirty || !slot.sealed.is_empty())
            && let Err(error) = self.commit()
        {
            tracing::error!(%error, "cannot commit before an update");
            let full = error.is_full_disk();
            let error = if full { ApiError::full_disk() } else { unavailable(error.to_string()) };
            return ops.iter().map(|_| Err(error.clone())).collect();
        }
        let mut changes = std::mem::take(&mut self.changes);
        // The documents that this request has changed; none where it deleted them.
        let mut own: HashMap<(u64, u128), Option<Bytes>> = HashMap::new();
        let mut outcomes = Vec::with_capacity(ops.len());
        // A small request can write one large document again and again.
        let mut written = 0;
        for op in ops {
            let key = (op.index.uuid, op.key);
            let before = match own.get(&key) {
                Some(source) => Ok(source.clone().map(|source| (None, source))),
                None => op.index.snapshot().map_or(Ok(None), |snapshot| {
                    let found = snapshot.get(&op.id)?;
                    Ok(found.map(|f| (Some(f.version), Bytes::from(f.source))))
                }),
            };
            let outcome = before.map_err(|error: StoreError| error.into()).and_then(|before| {
                if let Some(update) = op.update.take() {
                    if written > self.config.max_in_flight {
                        return Err(ApiError::new(
                            429,
                            "rejected_execution_exception",
                            "rejected execution of bulk: its updates write too many bytes; send fewer of them at a time",
                        ));
                    }
                    let over = update.apply(before.as_ref().map(|(_, source)| source.as_ref()))?;
                    match over {
                        Applied::Missing => {
                            let reason = format!("[{}]: document missing", op.id);
                            let error = ApiError::new(404, "document_missing_exception", reason);
                            return Err(error.of_document(&op.index.name));
                        }
                        Applied::Noop => {
                            let version = before.and_then(|(version, _)| version);
                            let version = version.or_else(|| self.tail(op)).unwrap_or(1);
                            return Ok(Done { result: "noop", version, sequence: self.sequence });
                        }
                        Applied::Document(document) => {
                            let source = Bytes::from(Value::Object(document).to_string());
                            let added = RefCell::new(Vec::new());
                            op.mapped =
                                op.index.map(&source, batch, &|growth| added.borrow_mut().push(growth))?;
                            for growth in added.into_inner() {
                                self.sequence += 1;
                                let json = growth.to_string();
                                record::mapping(frames, self.sequence, op.index.uuid, json.as_bytes());
                                grown.push((op.index.uuid, json));
                                if let Some(slot) = self.slots.get_mut(&op.index.uuid) {
                                    slot.grown = true;
                                }
                            }
                            written += source.len();
                            op.source = source;
                            op.kind = Kind::Index;
                        }
                    }
                }
                self.judge(op, before.and_then(|(version, _)| version), &mut changes, undo)
            });
            if outcome.is_ok() && op.kind != Kind::Update {
                own.insert(key, (op.kind != Kind::Delete).then(|| op.source.clone()));
            }
            outcomes.push(outcome);
            if changes.is_large() {
                changes.finish(frames, self.sequence);
            }
        }
        changes.finish(frames, self.sequence);
        self.changes = changes;
        outcomes
    }

    /// The version that a document got since the last commit.
    fn tail(&self, op: &Op) -> Option<u64> {
        self.slots.get(&op.index.uuid)?.recent(op.key)
    }

    /// Versions in the committed segments of the ids that may be there, by position in `ops`; an error where it cannot be told.
    fn known(&mut self, ops: &[Op]) -> QuickMap<usize, Result<u64, ApiError>> {
        let mut maybe: HashMap<u64, Vec<(usize, &str)>> = HashMap::new();
        for (at, op) in ops.iter().enumerate() {
            if let Some(slot) = self.slots.get_mut(&op.index.uuid)
                && !op.fresh
                && slot.recent(op.key).is_none()
                && slot.maybe(op.key)
            {
                maybe.entry(op.index.uuid).or_default().push((at, &op.id));
            }
        }
        let mut known = QuickMap::default();
        for (uuid, mut ids) in maybe {
            ids.sort_by_key(|(_, id)| *id);
            let Some(snapshot) = self.slots.get(&uuid).and_then(|slot| slot.index.snapshot()) else {
                continue;
            };
            // One request may name an id several times.
            let mut names: Vec<&str> = ids.iter().map(|(_, id)| *id).collect();
            names.dedup();
            match snapshot.versions(&names) {
                Ok(versions) => {
                    let found: HashMap<&str, u64> = names
                        .iter()
                        .zip(versions)
                        .filter_map(|(id, version)| Some((*id, version?)))
                        .collect();
                    known.extend(ids.iter().filter_map(|(at, id)| Some((*at, Ok(*found.get(id)?)))));
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look up ids");
                    let error = unavailable("the ids cannot be looked up".to_owned());
                    known.extend(ids.iter().map(|(at, _)| (*at, Err(error.clone()))));
                }
            }
        }
        known
    }

    /// Gives durable changes to the engines; `versions` says which, and as what.
    fn apply(&mut self, ops: &[Op], batch: &Batch, versions: &[Option<u64>]) {
        for (op, version) in ops.iter().zip(versions) {
            let (Some(version), Some(slot)) = (version, self.slots.get_mut(&op.index.uuid)) else { continue };
            let delete = op.kind == Kind::Delete;
            slot.put((&op.id, op.key), *version, delete, &op.source, batch.get(op.mapped));
        }
    }

    /// Seals what is large enough for a segment. Only between groups: a record of the log is in a segment whole or not at all.
    fn seal_large(&mut self) {
        let (rows, bytes, sequence) = (self.config.segment_rows, self.config.segment_bytes, self.sequence);
        for slot in self.slots.values_mut() {
            let held = slot.engine.as_ref().map_or((0, 0), |engine| engine.held());
            if (held.0 >= rows || held.1 >= bytes)
                && let Err(error) = slot.seal(sequence)
            {
                tracing::error!(index = %slot.index.name, %error, "cannot write a segment; the log keeps every acknowledged document");
            }
        }
    }

    /// Makes everything visible and lets the log forget it.
    fn commit(&mut self) -> Result<(), StoreError> {
        self.mend()?;
        // All are begun before the first is waited for.
        let mut result = Ok(());
        for slot in self.slots.values_mut() {
            result = result.and(slot.seal(self.sequence));
        }
        for slot in self.slots.values_mut() {
            result = result.and(slot.settle());
        }
        result.and(self.release())
    }

    /// Begins to make visible what was taken, and does not wait for it.
    fn refresh(&mut self) -> Result<(), StoreError> {
        self.mend()?;
        let mut result = Ok(());
        for slot in self.slots.values_mut() {
            result = result.and(slot.poll());
            result = result.and(slot.seal(self.sequence));
        }
        result.and(self.release())
    }

    /// Lets the log forget what all indexes have in segments.
    fn release(&mut self) -> Result<(), StoreError> {
        for slot in self.slots.values_mut().filter(|slot| slot.grown) {
            slot.index.save()?;
            slot.grown = false;
        }
        let needed = self.slots.values().filter(|slot| slot.busy()).map(|slot| slot.floor).min();
        let sequence = needed.unwrap_or(self.sequence);
        self.wal.release(sequence).map_err(StoreError::io(self.config.data_dir.join("wal")))
    }

    /// Opens failed engines again and replays the log onto them.
    fn mend(&mut self) -> Result<(), StoreError> {
        for slot in self.slots.values_mut().filter(|slot| slot.engine.is_none()) {
            let engine = slot.index.open_engine()?;
            slot.engine = Some(Box::new(engine));
            for (_, older) in std::mem::take(&mut slot.sealed).into_iter().rev() {
                for (id, version) in older {
                    slot.tail.entry(id).or_insert(version);
                }
            }
            let mut replay = |payload: &[u8]| match record::read(payload, &mut Vec::new()) {
                Some((at, record)) => slot.replay(at, &record).map(|_| ()),
                None => Ok(()),
            };
            if let Err(error) = self.wal.replay(&mut replay) {
                slot.engine = None;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives back what only writing needs.
    fn rest(&mut self) {
        if self.slots.values().all(|slot| !slot.busy() && slot.written.elapsed() > IDLE) {
            self.spare.clear();
            (self.frames, self.changes) = (Vec::new(), ChangesWriter::default());
        }
        for slot in self.slots.values_mut().filter(|s| !s.busy() && s.written.elapsed() > IDLE) {
            slot.ids = None;
            if let Some(engine) = &mut slot.engine {
                engine.rest();
            }
        }
    }
}

impl Slot {
    fn new(index: Arc<Index>, engine: Box<dyn Engine>) -> Self {
        let floor = engine.committed();
        Self {
            index,
            engine: Some(engine),
            ids: None,
            tail: Versions::default(),
            sealed: VecDeque::new(),
            dirty: false,
            floor,
            grown: false,
            written: Instant::now(),
        }
    }

    /// Something of it is not in segments yet.
    fn busy(&self) -> bool {
        self.dirty || self.grown || !self.sealed.is_empty() || self.engine.is_none()
    }

    /// The version that an id got and segments do not show yet; 0 if it was deleted.
    fn recent(&self, key: u128) -> Option<u64> {
        let sealed = || self.sealed.iter().rev().find_map(|(_, ids)| ids.get(&key));
        self.tail.get(&key).or_else(sealed).copied()
    }

    /// Whether segments may have this id.
    fn maybe(&mut self, key: u128) -> bool {
        let ids = match &mut self.ids {
            Some(ids) => ids,
            none => {
                let mut ids = IdFilter::new();
                if let Some(snapshot) = self.index.snapshot()
                    && let Err(error) = snapshot.each_id(&mut |id| ids.insert(id_key(id)))
                {
                    tracing::error!(index = %self.index.name, %error, "cannot read the ids");
                    return true;
                }
                self.tail
                    .keys()
                    .chain(self.sealed.iter().flat_map(|(_, ids)| ids.keys()))
                    .for_each(|key| ids.insert(*key));
                none.insert(ids)
            }
        };
        ids.maybe(key)
    }

    fn put(
        &mut self,
        (id, key): (&str, u128),
        version: u64,
        delete: bool,
        source: &[u8],
        mapped: Mapped<'_>,
    ) {
        self.dirty = true;
        self.written = Instant::now();
        if let Some(ids) = &mut self.ids {
            ids.insert(key);
        }
        let Some(engine) = &mut self.engine else { return };
        let mut result = Ok(());
        if delete || version > 1 {
            result = engine.delete(id);
        }
        if !delete && result.is_ok() {
            result = engine.add(Incoming { id, version, source, mapped });
        }
        if let Err(error) = result {
            tracing::error!(index = %self.index.name, %error, "the engine failed; it will be rebuilt from the log");
            self.engine = None;
        }
    }

    /// Begins to make a segment of what was taken.
    fn seal(&mut self, sequence: u64) -> Result<(), StoreError> {
        if self.dirty
            && let Some(engine) = &mut self.engine
        {
            let result = engine.seal(sequence);
            if result.is_ok() {
                self.sealed.push_back((sequence, std::mem::take(&mut self.tail)));
                self.dirty = false;
            }
            self.sealed_is_seen();
            return result;
        } else if !self.dirty && self.sealed.is_empty() {
            // Nothing in the log up to here is this index's that segments do not have.
            self.floor = self.floor.max(sequence);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        let result = self.engine.as_mut().map_or(Ok(()), |engine| engine.settle());
        self.sealed_is_seen();
        result
    }

    fn poll(&mut self) -> Result<(), StoreError> {
        let result = self.engine.as_mut().map_or(Ok(()), |engine| engine.poll());
        self.sealed_is_seen();
        result
    }

    /// Forgets the ids of seals that are finished.
    fn sealed_is_seen(&mut self) {
        if self.engine.as_ref().is_some_and(|engine| engine.broken()) {
            tracing::error!(index = %self.index.name, "the engine failed; it will be rebuilt from the log");
            self.engine = None;
            return;
        }
        let committed = self.engine.as_ref().map_or(0, |engine| engine.committed());
        self.sealed.retain(|(sequence, _)| *sequence > committed);
        self.floor = self.floor.max(committed);
    }

    /// Takes from a record of the log what is ours and not yet committed. Answers how many changes that was.
    fn replay(&mut self, at: u64, record: &Record<'_>) -> Result<u64, StoreError> {
        let dir = self.index.dir.clone();
        let damaged = |reason: String| StoreError::Damaged { path: dir.clone(), reason };
        match record {
            Record::Mapping { uuid, json } if *uuid == self.index.uuid => {
                let json = serde_json::from_slice(json).map_err(|e| damaged(e.to_string()))?;
                self.index.replay_mapping(&json).map_err(|e| damaged(e.reason))?;
                self.grown = true;
                Ok(0)
            }
            Record::Changes(changes) if self.engine.as_ref().is_some_and(|e| e.committed() < at) => {
                let (mut count, mut batch) = (0, Batch::default());
                let uuid = self.index.uuid;
                for change in changes.iter().filter(|change| change.uuid == uuid) {
                    let grown = Cell::new(self.grown);
                    let span = if change.delete {
                        Span::default()
                    } else {
                        // It was acknowledged under the mapping of its time: whatever this one says, it is kept. What it
                        // adds beyond the growths that the log told before is written down as well, before the log may forget the document.
                        self.index.map(change.source, &mut batch, &|_| grown.set(true)).unwrap_or_else(|error| {
                            let (index, id) = (&self.index.name, change.id);
                            tracing::error!(%index, id, reason = %error.reason, "a document of the log does not fit the mapping any more: it is kept, but not searched");
                            Span::default()
                        })
                    };
                    self.grown = grown.get();
                    let key = id_key(change.id);
                    self.tail.insert(key, if change.delete { 0 } else { change.version });
                    self.put((change.id, key), change.version, change.delete, change.source, batch.get(span));
                    batch.clear();
                    count += 1;
                }
                Ok(count)
            }
            _ => Ok(0),
        }
    }
}

/// What is answered when the log cannot be written.
fn refused(error: &std::io::Error) -> ApiError {
    if is_full_disk(error) {
        return ApiError::full_disk();
    }
    unavailable(format!("the write-ahead log cannot be written: {error}"))
}

/// 503: not now.
fn unavailable(reason: String) -> ApiError {
    ApiError::new(503, "unavailable_shards_exception", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_of_the_log_adds_to_the_mapping_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let index = crate::index::tests::blank(dir.path());
        index.save().unwrap();
        let engine = index.open_engine().unwrap();
        let mut slot = Slot::new(Arc::clone(&index), Box::new(engine));
        let (mut frames, mut changes) = (Vec::new(), ChangesWriter::default());
        changes.push(&Change { uuid: 1, delete: false, version: 1, id: "a", source: br#"{"n":1}"# });
        changes.finish(&mut frames, 1);
        let mut room = Vec::new();
        // Behind the length and the checksum.
        let (at, record) = record::read(&frames[8..], &mut room).unwrap();
        assert_eq!(slot.replay(at, &record).unwrap(), 1);
        assert!(slot.grown);
    }
}

//! The store against a dull model, on a disk that fails, is full, and loses what was not synced.
//!
//! The model knows of each id what was acknowledged last, and what was tried since and not acknowledged. Whatever happens: after a power cut at any call
//! to the disk each id has one of these, once; while the store runs, it has the former; and when the disk is well again, so is the store.

use super::fake::{FakeDisk, Image};
use crate::query::plan::{Context, Plan};
use crate::search::request::Request;
use crate::{Config, Store};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const INDEXES: [&str; 2] = ["a", "b"];
const IDS: usize = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    Index,
    Update,
    Upsert,
    Delete,
}

#[derive(Clone, Debug)]
enum Op {
    Bulk {
        items: Vec<(usize, usize, Action)>,
        refresh: bool,
    },
    Refresh,
    DeleteIndex(usize),
    /// The store is stopped and started.
    Restart,
    /// The power goes at a call to come.
    Cut {
        calls: u32,
        seed: u64,
    },
    /// A call to come fails.
    Fail {
        calls: u32,
        full: bool,
    },
    Full(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let action = prop_oneof![
        4 => Just(Action::Create),
        4 => Just(Action::Index),
        2 => Just(Action::Update),
        1 => Just(Action::Upsert),
        2 => Just(Action::Delete),
    ];
    let item = (0..INDEXES.len(), 0..IDS, action);
    prop_oneof![
        16 => (prop::collection::vec(item, 1..5), prop::bool::weighted(0.3)).prop_map(|(items, refresh)| Op::Bulk { items, refresh }),
        4 => Just(Op::Refresh),
        1 => (0..INDEXES.len()).prop_map(Op::DeleteIndex),
        1 => Just(Op::Restart),
        4 => (0..40_u32, any::<u64>()).prop_map(|(calls, seed)| Op::Cut { calls, seed }),
        3 => (0..25_u32, any::<bool>()).prop_map(|(calls, full)| Op::Fail { calls, full }),
        1 => any::<bool>().prop_map(Op::Full),
    ]
}

/// A document and its version; none where there is none.
type Document = Option<(u64, Value)>;

/// What is known of an id.
#[derive(Clone, Debug, Default)]
struct Known {
    sure: Document,
    /// What was tried since; versions are not known.
    maybe: Vec<Option<Value>>,
}

impl Known {
    fn is(&mut self, document: Document) {
        *self = Self { sure: document, maybe: Vec::new() };
    }

    fn source(&self) -> Option<&Value> {
        self.sure.as_ref().map(|(_, source)| source)
    }

    /// What an action makes of it, if it makes anything.
    fn after(&self, action: Action, document: &Value) -> Option<Option<Value>> {
        let laid_over = || {
            let mut whole = self.source()?.clone();
            let from = document.as_object()?.clone();
            whole.as_object_mut()?.extend(from);
            Some(whole)
        };
        match (action, self.source().is_some()) {
            (Action::Create, true) | (Action::Update | Action::Delete, false) => None,
            (Action::Create | Action::Index, _) | (Action::Upsert, false) => Some(Some(document.clone())),
            (Action::Update | Action::Upsert, true) => Some(laid_over()),
            (Action::Delete, true) => Some(None),
        }
    }
}

struct Run {
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
    disk: FakeDisk,
    store: Option<Store>,
    known: BTreeMap<(usize, usize), Known>,
    clock: Arc<AtomicI64>,
    /// Makes every document its own.
    serial: u64,
    /// The disk fails, or has failed since all was well.
    ill: bool,
    refresh_interval: Duration,
    rows: u32,
    cuts: u32,
}

impl Run {
    fn new(fast: bool, rows: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = FakeDisk::new(folder.path(), &Image::new());
        let mut run = Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            disk,
            folder,
            store: None,
            known: BTreeMap::new(),
            clock: Arc::new(AtomicI64::new(1_795_564_800_000)),
            serial: 0,
            ill: false,
            refresh_interval: Duration::from_millis(if fast { 1 } else { 60_000 }),
            rows,
            cuts: 0,
        };
        run.open();
        run
    }

    fn config(&self) -> Config {
        let clock = Arc::clone(&self.clock);
        Config {
            refresh_interval: self.refresh_interval,
            segment_rows: self.rows,
            clock: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
            ..Config::new(self.folder.path().join("store"))
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Starts the store. Where the disk fails it may not come up; where it is well it must.
    fn open(&mut self) {
        let failures = self.disk.counts().0;
        let opened = Store::open(self.config()).or_else(|error| {
            assert!(self.disk.counts().0 > failures, "no call failed, and yet: {error}");
            self.well();
            Store::open(self.config())
        });
        self.store = Some(opened.unwrap());
    }

    fn well(&mut self) {
        self.disk.set_full(false);
        self.disk.fail_in(None);
    }

    /// With a disk that is well the store is so again, by itself.
    fn recover(&mut self) {
        self.well();
        let mut refreshed = Ok(());
        // What failed is tried again, and its failure told once.
        for _ in 0..4 {
            let store = self.store().clone();
            refreshed = self.runtime.block_on(store.refresh());
        }
        refreshed.unwrap();
        self.ill = false;
    }

    /// The power goes, or has gone: what was on the disk then is all that is left.
    fn power_cut(&mut self) {
        self.cuts += 1;
        let image = self.disk.image();
        let before = (self.store.take(), std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()));
        self.well();
        drop(before);
        self.disk = FakeDisk::new(self.folder.path(), &image);
        self.ill = false;
        self.open();
        self.look(true);
    }

    /// All documents of an index, by what searches see.
    fn found(&self, name: &str) -> BTreeMap<String, (u64, Value)> {
        let mut found = BTreeMap::new();
        let Some(index) = self.store().index(name) else { return found };
        let snapshot = index.snapshot().unwrap();
        let matcher = snapshot.prepare(&Plan::All, false).unwrap();
        for segment in 0..snapshot.segments() {
            let mut rows = Vec::new();
            let mut take = |docs: &[u32], _: &[f32]| {
                rows.extend_from_slice(docs);
                ControlFlow::Continue(())
            };
            matcher.find(segment).unwrap().run(&mut take);
            for row in rows {
                let document = snapshot.fetch(segment, row).unwrap();
                let source: Value = serde_json::from_slice(&document.source).unwrap();
                // By its number, too: the columns and the ids must say the same as the sources.
                let query = json!({"query": {"term": {"n": source["n"]}}});
                let plan = Context { mapping: &index.mapping(), now: 0 }
                    .plan(&Request::parse(&query).unwrap().query)
                    .unwrap();
                let by_number = snapshot.prepare(&plan, false).unwrap();
                let hits: u64 = (0..snapshot.segments()).map(|at| by_number.count(at).unwrap()).sum();
                assert_eq!(hits, 1, "{source} {plan:?}");
                let same = snapshot.get(&document.id).unwrap().unwrap();
                assert_eq!((same.version, same.source), (document.version, document.source));
                let doubled = found.insert(document.id.clone(), (document.version, source));
                assert!(doubled.is_none(), "{name}/{} is there twice", document.id);
            }
        }
        assert_eq!(snapshot.count(), found.len() as u64);
        found
    }

    /// Each id has what it must have. `cut`: or what was tried since; then that is known now.
    fn look(&mut self, cut: bool) {
        for (at, name) in INDEXES.iter().enumerate() {
            let mut found = self.found(name);
            for id in 0..IDS {
                let now = found.remove(&id.to_string());
                let known = self.known.entry((at, id)).or_default();
                let source = now.as_ref().map(|(_, source)| source.clone());
                let fits = now == known.sure || cut && known.maybe.contains(&source);
                assert!(fits, "{name}/{id}: found {now:?}, known {known:?}");
                if cut {
                    known.is(now);
                }
            }
            assert!(found.is_empty(), "{found:?}");
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Bulk { items, refresh } => self.bulk(items, *refresh),
            Op::Refresh => {
                let store = self.store().clone();
                let refreshed = self.runtime.block_on(store.refresh());
                drop(store);
                if !self.disk.is_cut() {
                    match refreshed {
                        Ok(()) => self.look(false),
                        Err(error) => assert!(self.ill, "{error}"),
                    }
                }
            }
            Op::DeleteIndex(at) => {
                let store = self.store().clone();
                let Some(index) = store.index(INDEXES[*at]) else { return };
                let deleted = self.runtime.block_on(store.delete(&index));
                drop(store);
                let sure = deleted.is_ok() && !self.disk.is_cut();
                assert!(deleted.is_ok() || self.ill);
                for id in 0..IDS {
                    let known = self.known.entry((*at, id)).or_default();
                    let before = std::mem::take(known);
                    if !sure {
                        known.maybe = before.maybe;
                        known.maybe.push(before.sure.map(|(_, source)| source));
                    }
                }
            }
            Op::Restart => {
                let store = self.store.take().unwrap();
                self.runtime.block_on(store.close());
                drop(store);
                self.open();
                if !self.disk.is_cut() {
                    self.recover();
                    // What the log could not take back may be there.
                    self.look(true);
                }
            }
            Op::Cut { calls, seed } => self.disk.cut_in(*calls, *seed),
            Op::Fail { calls, full } => {
                self.ill = true;
                let kind = if *full { ErrorKind::StorageFull } else { ErrorKind::Other };
                self.disk.fail_in(Some((*calls, kind)));
            }
            Op::Full(full) => {
                self.ill |= *full;
                self.disk.set_full(*full);
            }
        }
        if self.disk.is_cut() {
            self.power_cut();
        }
    }

    fn bulk(&mut self, items: &[(usize, usize, Action)], refresh: bool) {
        let mut body = String::new();
        let mut documents = Vec::new();
        for (index, id, action) in items {
            self.serial += 1;
            let number = self.serial;
            // Fields come with time, so that the mapping grows.
            let field = format!("f{}", number / 9);
            let mut document = json!({"n": number, "id": id, field: number});
            // A text makes a segment ten times as slow to write.
            if number.is_multiple_of(64) {
                document["message"] = json!(format!("document {number} of id {id}"));
            }
            let name = match action {
                Action::Create => "create",
                Action::Index => "index",
                Action::Update | Action::Upsert => "update",
                Action::Delete => "delete",
            };
            body += &json!({name: {"_index": INDEXES[*index], "_id": id.to_string()}}).to_string();
            body += "\n";
            match action {
                Action::Update => body += &json!({"doc": document}).to_string(),
                Action::Upsert => body += &json!({"doc": document, "doc_as_upsert": true}).to_string(),
                Action::Create | Action::Index => body += &document.to_string(),
                Action::Delete => {}
            }
            if *action != Action::Delete {
                body += "\n";
            }
            documents.push(document);
        }
        let store = self.store().clone();
        let answer = self.runtime.block_on(async {
            let bulk = crate::bulk::parse(&store, &Bytes::from(body), None)?;
            bulk.run(&store, refresh, || 0).await
        });
        drop(store);
        let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
        let cut = self.disk.is_cut();
        for (at, ((index, id, action), document)) in items.iter().zip(&documents).enumerate() {
            let said = answer["items"][at].as_object().and_then(|item| item.values().next()).unwrap();
            let known = self.known.entry((*index, *id)).or_default();
            let after = known.after(*action, document);
            let status = said["status"].as_u64().unwrap();
            match (status, after) {
                (200 | 201, Some(after)) => {
                    let version = said["_version"].as_u64().unwrap();
                    if cut {
                        // It may have been answered after the power had gone. What comes next in the request builds on it.
                        known.maybe.push(known.source().cloned());
                        known.maybe.push(after.clone());
                        known.sure = after.map(|source| (version, source));
                    } else {
                        known.is(after.map(|source| (version, source)));
                    }
                }
                (404, None) if *action != Action::Create => {}
                (409, None) if *action == Action::Create => {}
                (429 | 500 | 503, after) if self.ill => known.maybe.extend(after),
                other => panic!("{action:?} of {index}/{id}: {other:?}, {said}, {known:?}"),
            }
        }
    }

    /// With a disk that is well all is there, and the store is as good as new.
    fn finish(&mut self) {
        if self.cuts.is_multiple_of(2) {
            self.power_cut();
        }
        self.recover();
        self.look(false);
        self.bulk(&[(0, 0, Action::Upsert), (1, 1, Action::Index)], true);
        self.look(false);
        self.step(&Op::Restart);
        // Nothing is set aside, and nothing left over that nobody names.
        let dirs: Vec<PathBuf> =
            INDEXES.iter().filter_map(|name| Some(self.store().index(name)?.dir.join("segments"))).collect();
        self.store = None;
        for dir in dirs {
            // None where nothing was ever taken.
            let text = std::fs::read_to_string(dir.join("manifest.json")).unwrap_or_default();
            let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
            assert!(manifest["set_aside"].as_array().is_none_or(Vec::is_empty), "{text}");
            for entry in std::fs::read_dir(&dir).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(name == "manifest.json" || text.contains(&name), "{name} is left; {text}");
            }
        }
    }
}

proptest! {
    // A case opens some stores and writes some hundred segments; `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_doubled_or_altered(
        fast in any::<bool>(), rows in 2..9_u32, ops in prop::collection::vec(op(), 1..60)
    ) {
        let mut run = Run::new(fast, rows);
        for op in &ops {
            run.step(op);
        }
        run.finish();
    }
}

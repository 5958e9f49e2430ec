//! The store as a whole: its indexes, its templates, and the way to the writer.

use crate::aliases::{Action, Aliases};
use crate::config::Config;
use crate::disk::{self, sync_dir};
use crate::error::{ApiError, StoreError};
use crate::files;
use crate::index::{Index, Recipe};
use crate::names::{self, Options};
use crate::pit::Pits;
use crate::query::ast::Query;
use crate::removal::Removals;
use crate::retention::Retention;
use crate::search::budget::Breaker;
use crate::search::gate::Gate;
use crate::search::run::Part;
use crate::security::Security;
use crate::security::roles::Scope;
use crate::templates::Templates;
use crate::writer::{Job, Spare, Writer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// What `/metrics` tells.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) indexed: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) bulks: AtomicU64,
    pub(crate) searches: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) rolled_over: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    /// Values whose fields had no room in their mapping.
    pub(crate) beyond: AtomicU64,
    pub(crate) in_flight: AtomicUsize,
}

/// An index that an expression means, and the filter of the alias by which it was named.
type Selected = (Arc<Index>, Option<Query>);

/// An open data folder. Cheap to clone; all clones are the same store, some of which show a part of its indexes only.
#[derive(Clone)]
pub struct Store(Arc<Inner>, Option<Arc<Scope>>);

struct Inner {
    config: Config,
    indexes: RwLock<BTreeMap<String, Arc<Index>>>,
    /// Held while indexes or templates change.
    changing: Mutex<()>,
    templates: RwLock<Templates>,
    aliases: RwLock<Aliases>,
    pits: Pits,
    jobs: mpsc::Sender<Job>,
    spare: Arc<Spare>,
    writer: Mutex<Option<JoinHandle<()>>>,
    counters: Counters,
    retention: Retention,
    security: Security,
    breaker: Arc<Breaker>,
    gate: Gate,
    ids: AtomicU64,
    removals: Removals,
    _lock: files::FolderLock,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::Stop);
        // The lock on the folder goes after the writer has let go of it.
        if let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

impl Store {
    /// Opens the folder, replays what the last run had acknowledged but not committed, and starts the writer thread.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has the folder; [`StoreError::Io`], [`StoreError::Damaged`] or
    /// [`StoreError::Engine`] if it cannot be read.
    pub fn open(config: Config) -> Result<Self, StoreError> {
        let lock = files::lock(&config.data_dir)?;
        let root = config.data_dir.join("indices");
        disk::make_dirs(&root)?;
        let retention = Retention::open(&config.data_dir)?;
        let security = Security::open(&config.data_dir)?;
        let templates = Templates::load(&config.data_dir.join("templates.json"))?;
        let mut aliases = Aliases::load(&config.data_dir.join("aliases.json"))?;
        let mut indexes = BTreeMap::new();
        let removals = Removals::default();
        for entry in std::fs::read_dir(&root).map_err(StoreError::io(&root))? {
            let dir = entry.map_err(StoreError::io(&root))?.path();
            match Index::load(&root, &dir)? {
                Some(index) => {
                    // What is found counts from now on; a kill may have come before it was durable.
                    sync_dir(&dir)?;
                    if let Some(older) = newest(&mut indexes, Arc::new(index)) {
                        removals.left(&older.name, &older.dir);
                    }
                }
                // A crash while the index was being made or deleted: nothing in it was ever acknowledged, or all was
                // given up.
                None => disk::remove_all(&dir).map_err(StoreError::io(&dir))?,
            }
        }
        sync_dir(&root)?;
        sync_dir(&config.data_dir)?;
        aliases.prune(|name| indexes.contains_key(name));
        let all: Vec<_> = indexes.values().cloned().collect();
        let spare = Arc::new(Spare::default());
        let writer = Writer::open(config.clone(), &all, Arc::clone(&spare))?;
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&queue))
            .map_err(StoreError::io(&config.data_dir))?;
        let seed = xxhash_rust::xxh3::xxh3_64(
            format!("{:?}{}", std::time::SystemTime::now(), std::process::id()).as_bytes(),
        );
        let breaker = Arc::new(Breaker::new(config.search_memory));
        let gate = Gate::new(config.searches_at_once, config.searches_waiting);
        let inner = Inner {
            config,
            indexes: RwLock::new(indexes),
            changing: Mutex::new(()),
            templates: RwLock::new(templates),
            aliases: RwLock::new(aliases),
            pits: Pits::default(),
            jobs,
            spare,
            writer: Mutex::new(Some(thread)),
            counters: Counters::default(),
            retention,
            security,
            breaker,
            gate,
            ids: AtomicU64::new(seed),
            removals,
            _lock: lock,
        };
        Ok(Self(Arc::new(inner), None))
    }

    /// Commits everything and stops the writer. Later writes are refused with 503.
    pub async fn close(&self) {
        self.send(Job::Stop);
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn retention(&self) -> &Retention {
        &self.0.retention
    }

    pub(crate) fn breaker(&self) -> &Arc<Breaker> {
        &self.0.breaker
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(crate) fn security(&self) -> &Security {
        &self.0.security
    }

    /// The store as somebody sees it who may touch these indexes only.
    pub(crate) fn scoped(&self, scope: Option<Arc<Scope>>) -> Self {
        Self(Arc::clone(&self.0), scope)
    }

    /// Refuses a name, or a pattern of names, that the caller may not touch.
    pub(crate) fn check_scope(&self, name: &str) -> Result<(), ApiError> {
        self.1.as_ref().map_or(Ok(()), |scope| scope.check(name))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(crate) fn now(&self) -> i64 {
        (self.0.config.clock)()
    }

    /// Room for the values of requests.
    pub(crate) fn spare(&self) -> &Spare {
        &self.0.spare
    }

    /// A closed writer drops the job, and with it the sender that its answer would have come from.
    pub(crate) fn send(&self, job: Job) {
        let _ = self.0.jobs.send(job);
    }

    /// An id that no other document has: 128 bits of a random start and a counter.
    pub(crate) fn new_id(&self) -> String {
        let count = self.0.ids.fetch_add(1, Ordering::Relaxed);
        format!("{:012x}{count:016x}", self.now() & 0xffff_ffff_ffff)
    }

    /// Names of all indexes, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.indexes.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The index of exactly this name.
    pub(crate) fn index(&self, name: &str) -> Option<Arc<Index>> {
        self.0.indexes.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The indexes that an expression means, by their names or aliases.
    pub(crate) fn resolve(&self, expression: &str, options: Options) -> Result<Vec<Arc<Index>>, ApiError> {
        Ok(self.selected(expression, options)?.into_iter().map(|(index, _)| index).collect())
    }

    /// The same, as searches see them now, with the filters of aliases.
    pub(crate) fn select(&self, expression: &str, options: Options) -> Result<Vec<Part>, ApiError> {
        let found = self.selected(expression, options)?;
        Ok(found.into_iter().filter_map(|(index, filter)| Part::new(index, filter)).collect())
    }

    fn selected(&self, expression: &str, options: Options) -> Result<Vec<Selected>, ApiError> {
        let expression = names::dated(expression, self.now())?;
        let indexes = self.0.indexes.read().unwrap_or_else(PoisonError::into_inner);
        let aliases = self.0.aliases.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<String> = indexes.keys().chain(aliases.names()).cloned().collect();
        all.sort();
        // By index: the filters of the aliases by which it was reached, none where it was reached without one.
        let mut found: BTreeMap<&String, Option<Vec<Query>>> = BTreeMap::new();
        for name in names::resolve(&expression, &all, options)? {
            if let Some((name, _)) = indexes.get_key_value(&name) {
                found.insert(name, None);
            }
            for (index, options) in aliases.of(&name) {
                let Some((index, _)) = indexes.get_key_value(index) else { continue };
                match (found.get_mut(index), Aliases::filter(options)) {
                    (Some(Some(filters)), Some(filter)) => filters.push(filter),
                    (Some(filters), None) => *filters = None,
                    (Some(None), Some(_)) => {}
                    (None, filter) => drop(found.insert(index, filter.map(|filter| vec![filter]))),
                }
            }
        }
        if let Some(scope) = &self.1 {
            // What a wildcard would mean beyond the caller's indexes is as if it were not there; what is named is refused.
            let named = |part: &&str| !part.contains('*') && !part.is_empty() && *part != "_all";
            let named: Vec<&str> = expression.split(',').filter(named).collect();
            for name in found.keys().filter(|name| !scope.holds(name)) {
                let meant = |part: &&str| part == name || aliases.of(part).any(|(index, _)| index == *name);
                if named.iter().any(meant) {
                    scope.check(name)?;
                }
            }
            found.retain(|name, _| scope.holds(name));
        }
        let one = |(name, filters): (&String, Option<Vec<Query>>)| {
            let filter = filters.map(|should| Query::Bool {
                must: vec![],
                filter: vec![],
                should,
                must_not: vec![],
                minimum: None,
            });
            Some((Arc::clone(indexes.get(name)?), filter))
        };
        Ok(found.into_iter().filter_map(one).collect())
    }

    pub(crate) fn pits(&self) -> &Pits {
        &self.0.pits
    }

    pub(crate) fn aliases(&self) -> Aliases {
        self.0.aliases.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes all changes and writes them to disk, or makes none.
    pub(crate) fn change_aliases(&self, actions: &[Action]) -> Result<(), ApiError> {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut aliases = self.aliases();
        let only = Options { ignore_unavailable: false, allow_no_indices: false };
        let names: Vec<String> = self.names();
        for action in actions {
            match action {
                Action::Add { indexes, aliases: added, options } => {
                    for index in names::resolve(&indexes.join(","), &names, only)? {
                        for alias in added {
                            self.check_alias(alias)?;
                            aliases.add(alias, &index, options.clone());
                        }
                    }
                }
                Action::Remove { indexes, aliases: removed, must_exist } => {
                    let mut found = false;
                    for index in names::resolve(&indexes.join(","), &names, only)? {
                        for alias in removed {
                            found |= aliases.remove(alias, &index);
                        }
                    }
                    if !found && *must_exist {
                        let name = removed.join(",");
                        return Err(ApiError::new(
                            404,
                            "aliases_not_found_exception",
                            format!("aliases [{name}] missing"),
                        ));
                    }
                }
            }
        }
        self.keep_aliases(aliases)
    }

    fn check_alias(&self, alias: &str) -> Result<(), ApiError> {
        // Capitals are allowed in an alias, unlike in an index.
        names::check(&alias.to_lowercase()).map_err(|e| {
            ApiError::new(
                400,
                "invalid_alias_name_exception",
                e.reason.replace("Invalid index name", "Invalid alias name"),
            )
        })?;
        if self.index(alias).is_some() {
            return Err(same_name(alias));
        }
        Ok(())
    }

    fn keep_aliases(&self, aliases: Aliases) -> Result<(), ApiError> {
        aliases.save(&self.0.config.data_dir.join("aliases.json"))?;
        *self.0.aliases.write().unwrap_or_else(PoisonError::into_inner) = aliases;
        Ok(())
    }

    /// The index to write to, made by its template if it is new.
    pub(crate) fn writable(&self, name: &str) -> Result<Arc<Index>, ApiError> {
        let index = self.write_target(name)?;
        self.check_scope(&index.name)?;
        Ok(index)
    }

    fn write_target(&self, name: &str) -> Result<Arc<Index>, ApiError> {
        // A data stream's first index has the stream's own name, and is not written to once there is a second.
        if let Some(index) = self.index(name)
            && !(index.data_stream && self.aliases().knows(name))
        {
            return Ok(index);
        }
        let name = names::dated(name, self.now())?;
        let behind = {
            let aliases = self.0.aliases.read().unwrap_or_else(PoisonError::into_inner);
            aliases.write_index(&name).transpose()?.map(str::to_owned)
        };
        match behind {
            Some(index) => self.index(&index).ok_or_else(|| ApiError::no_index(&index)),
            None => match self.index(&name) {
                Some(index) => Ok(index),
                None => self.create(&name, None, true),
            },
        }
    }

    /// Writes through an alias or data stream to another index from now on.
    pub(crate) fn write_through(&self, alias: &str, from: &str, to: &str) -> Result<(), ApiError> {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut aliases = self.aliases();
        let members: Vec<(String, _)> =
            aliases.of(alias).map(|(index, options)| (index.clone(), options.clone())).collect();
        let mut options =
            members.iter().find(|(index, _)| index == from).map_or_else(Default::default, |m| m.1.clone());
        for (index, mut options) in members {
            options.insert("is_write_index".into(), Value::Bool(false));
            aliases.add(alias, &index, options);
        }
        options.insert("is_write_index".into(), Value::Bool(true));
        aliases.add(alias, to, options);
        self.keep_aliases(aliases)
    }

    /// Makes an index. `body` may hold `mappings` and `settings` that go beyond the template's.
    pub(crate) fn create(
        &self,
        name: &str,
        body: Option<&Value>,
        present_is_fine: bool,
    ) -> Result<Arc<Index>, ApiError> {
        self.create_as(name, None, body, present_is_fine)
    }

    /// The same for a further index of a data stream, by the template of that.
    pub(crate) fn create_as(
        &self,
        name: &str,
        stream: Option<&str>,
        body: Option<&Value>,
        present_is_fine: bool,
    ) -> Result<Arc<Index>, ApiError> {
        names::check(name)?;
        self.check_scope(name)?;
        if self.aliases().knows(name) {
            let mut error = ApiError::new(
                400,
                "invalid_index_name_exception",
                format!("Invalid index name [{name}], already exists as alias"),
            );
            error.index = Some(name.to_owned());
            return Err(error);
        }
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = self.index(name) {
            if present_is_fine {
                return Ok(index);
            }
            let mut error = ApiError::new(
                400,
                "resource_already_exists_exception",
                format!("index [{name}/{:016x}] already exists", index.uuid),
            );
            error.index = Some(name.to_owned());
            return Err(error);
        }
        let (open, most) = (self.names().len(), self.0.config.max_indices);
        if open >= most {
            return Err(ApiError::new(
                400,
                "validation_exception",
                format!(
                    "Validation Failed: 1: this action would add [1] total shards, but this cluster currently has \
                     [{open}]/[{most}] maximum shards open;"
                ),
            ));
        }
        let mut start = self.templates().start(stream.unwrap_or(name))?;
        start.data_stream |= stream.is_some();
        for (key, value) in body.and_then(Value::as_object).into_iter().flatten() {
            match key.as_str() {
                "mappings" => start.mapping.merge_json(value)?,
                "settings" => start.settings = value.clone(),
                "aliases" => {
                    for (alias, options) in value.as_object().into_iter().flatten() {
                        // Those of a template were judged when that was put.
                        self.check_scope(alias)?;
                        let options =
                            crate::aliases::check(options.as_object().cloned().unwrap_or_default())?;
                        start.aliases.push((alias.clone(), options));
                    }
                }
                other => return Err(ApiError::parsing(format!("unknown key [{other}] for create index"))),
            }
        }
        // First, so that a wrong one makes no index, and a crash leaves at most an alias of nothing.
        if !start.aliases.is_empty() {
            let mut aliases = self.aliases();
            for (alias, options) in std::mem::take(&mut start.aliases) {
                self.check_alias(&alias)?;
                if alias == name {
                    return Err(same_name(&alias));
                }
                aliases.add(&alias, name, options);
            }
            self.keep_aliases(aliases)?;
        }
        self.0.removals.finish(name)?;
        let root = self.0.config.data_dir.join("indices");
        let created = self.now();
        let unique = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let uuid = xxhash_rust::xxh3::xxh3_64(format!("{name}{created}{unique}").as_bytes());
        let index = Arc::new(Index::new(
            &root,
            Recipe {
                name: name.to_owned(),
                uuid,
                created,
                settings: start.settings,
                data_stream: start.data_stream,
                template: start.template,
                mapping: start.mapping,
            },
        ));
        let made = index.open_engine().and_then(|engine| {
            index.save()?;
            sync_dir(&root)?;
            Ok(engine)
        });
        let engine = match made {
            Ok(engine) => engine,
            Err(error) => {
                // Or else it would be there at the next start, beside one of the same name that is made meanwhile.
                let _ = self.0.removals.remove(name, &index.dir);
                return Err(error.into());
            }
        };
        self.send(Job::Open { index: Arc::clone(&index), engine: Box::new(engine) });
        self.0
            .indexes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Arc::clone(&index));
        Ok(index)
    }

    /// Adds fields to an index's mapping.
    pub(crate) fn put_mapping(&self, index: &Arc<Index>, json: &Value) -> Result<(), ApiError> {
        index.grow_by(json, &|added| self.send(Job::Grown { index: Arc::clone(index), added }))
    }

    /// Deletes an index and its files.
    pub(crate) async fn delete(&self, index: &Arc<Index>) -> Result<(), ApiError> {
        {
            let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
            // An older one first: it would be found without this one.
            self.0.removals.finish(&index.name)?;
            let mut indexes = self.0.indexes.write().unwrap_or_else(PoisonError::into_inner);
            if indexes.get(&index.name).is_none_or(|present| present.uuid != index.uuid) {
                return Err(ApiError::no_index(&index.name));
            }
            indexes.remove(&index.name);
        }
        let (done, closed) = oneshot::channel();
        self.send(Job::Close { uuid: index.uuid, done });
        let _ = closed.await;
        self.0.removals.remove(&index.name, &index.dir)?;
        // Last: an alias of an index that is no more means nothing, and an index without its alias would.
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut aliases = self.aliases();
        if self.index(&index.name).is_none() && aliases.remove("_all", &index.name) {
            self.keep_aliases(aliases)?;
        }
        Ok(())
    }

    /// Makes every acknowledged document visible.
    pub(crate) async fn refresh(&self) -> Result<(), ApiError> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Refresh { done });
        answer.await.map_err(|_| ApiError::new(503, "node_closed_exception", "the store is shutting down"))?
    }

    pub(crate) fn templates(&self) -> Templates {
        self.0.templates.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the templates and writes them to disk, or changes nothing.
    pub(crate) fn change_templates<T>(
        &self,
        change: impl FnOnce(&mut Templates) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let _one_at_a_time = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut templates = self.templates();
        let result = change(&mut templates)?;
        templates.save(&self.0.config.data_dir.join("templates.json"))?;
        *self.0.templates.write().unwrap_or_else(PoisonError::into_inner) = templates;
        Ok(result)
    }
}

/// Takes an index among those that were found. Two have one name where a disk failed, or the process ended, while one of them was deleted,
/// or could not be made: the later one is the one that was used, and the other is answered.
fn newest(indexes: &mut BTreeMap<String, Arc<Index>>, index: Arc<Index>) -> Option<Arc<Index>> {
    let name = index.name.clone();
    let Some(other) = indexes.get(&name) else {
        indexes.insert(name, index);
        return None;
    };
    let (old, new) = if other.created <= index.created { (other, &index) } else { (&index, other) };
    tracing::error!(index = %name, left = %old.dir.display(), used = %new.dir.display(), "two folders have an index of this name; the older one is left where it is until the other goes");
    let (old, new) = (Arc::clone(old), Arc::clone(new));
    indexes.insert(name, new);
    Some(old)
}

fn same_name(alias: &str) -> ApiError {
    let reason = format!(
        "Invalid alias name [{alias}]: an index or data stream exists with the same name as the alias"
    );
    ApiError::new(400, "invalid_alias_name_exception", reason)
}

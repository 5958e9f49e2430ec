//! Several dashboards and one that watches: its lease, and the copy of its file, are kept in an index of the engine.
//!
//! The protocol is `alces_alerts::lease`. A term is a document `term-N` that is made once; a copy is a document `copy-E` of who took over in term
//! E, written anew whenever its file has changed; a message is sent **after** a copy with it was written: so who takes over knows of all that
//! anybody was told. The copy of the greatest E counts, so that one who lost the lease without knowing it changes nothing.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alces_alerts::lease::{Lease, Step, Term, Timing};
use alces_alerts::{Ledger, LedgerError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Board;
use crate::app::App;
use crate::backend::{Backend, Search};
use crate::error::BackendError;

/// How often it is looked whether the file has changed, and at most between two steps.
const TICK: Duration = Duration::from_millis(500);
/// After a question that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// Who holds the lease and cannot reach the engine goes on for so long after each try: who does not reach it either cannot take over, and that
/// the engine is away is itself worth telling.
const ALONE: Duration = Duration::from_secs(5);
/// Terms that are kept.
const KEPT: u64 = 20;
/// A copy that unpacks to more is none of ours, bytes.
const LARGEST: u64 = 256 << 20;

/// What the others of the process know of it.
pub(crate) struct Shared {
    /// The index.
    index: String,
    /// The ledger's own path: copies stand beside it for a moment.
    file: PathBuf,
    role: RwLock<Role>,
    /// Something was changed that is to be published.
    pub(super) changed: Notify,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// It does not watch; who does, as far as is known.
    Waits(Option<Term>),
    /// It watches, up to a moment.
    Leads {
        until: Instant,
        /// Messages up to this one are in the copy that was published last.
        newest: i64,
    },
}

impl Shared {
    pub(super) fn new(index: String, file: PathBuf) -> Self {
        Self { index, file, role: RwLock::new(Role::Waits(None)), changed: Notify::new() }
    }

    fn role(&self) -> Role {
        self.role.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn become_role(&self, role: Role) {
        *self.role.write().unwrap_or_else(PoisonError::into_inner) = role;
    }

    /// The engine cannot be written to: who holds the lease goes on, and tells what nobody could take over.
    fn goes_on_alone(&self) {
        self.become_role(Role::Leads { until: Instant::now() + ALONE, newest: i64::MAX });
    }

    /// Whether this dashboard watches.
    pub(super) fn leads(&self) -> bool {
        self.newest_to_send().is_some()
    }

    /// Up to which place messages may be sent, so that all that they rest on can be taken over; none where another one sends.
    pub(super) fn newest_to_send(&self) -> Option<i64> {
        match self.role() {
            Role::Leads { until, newest } if Instant::now() < until => Some(newest),
            _ => None,
        }
    }

    /// Where the dashboard is that watches in place of this one: an empty text while nobody is known to.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        match self.role() {
            Role::Leads { .. } => None,
            Role::Waits(term) => Some(term.map(|term| term.address).unwrap_or_default()),
        }
    }
}

/// Why it cannot be agreed upon who watches, or what is known cannot be handed over.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Engine(#[from] BackendError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the copy of another dashboard cannot be read")]
    Odd,
}

impl Trouble {
    /// Whether nobody else could take over either. An engine that wants other credentials from this one may take another one's.
    const fn is_everybodys(&self) -> bool {
        matches!(self, Self::Engine(error) if !matches!(error, BackendError::Refused { .. }))
    }
}

/// Keeps, wants or follows the lease for as long as the dashboard runs.
pub(super) async fn run(app: Arc<App>, board: Arc<Board>, address: String) {
    let Some(shared) = &board.lease else { return };
    let begun = Instant::now();
    let mut secret = [0; 16];
    // Another name at each start: who comes back has to take over from itself, with what it had published.
    let me = match getrandom::fill(&mut secret) {
        Ok(()) => STANDARD.encode(secret),
        Err(error) => return tracing::error!(%error, "there is no randomness: this dashboard does not watch"),
    };
    let mut lease = Lease::new(me);
    let mut at = Place::default();
    // Trouble is told once.
    let mut told = false;
    loop {
        let now = begun.elapsed();
        let mut done = step(&app.backend, shared, &mut lease, now, &address).await.map_err(Trouble::from);
        if done.is_ok()
            && let Err(trouble) = at.follow(&app, &board, shared, &lease, begun).await
        {
            done = Err(trouble);
        }
        let wait = match done {
            // Who watches looks whether its file has changed, too.
            Ok(wait) if at.epoch.is_some() => wait.min(TICK),
            Ok(wait) => wait,
            Err(_) => AGAIN,
        };
        if let Err(trouble) = &done {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(error = %trouble, "dashboards cannot agree who watches alerts");
            }
            if trouble.is_everybodys() {
                lease.unanswered(begun.elapsed());
                if at.epoch.is_some() {
                    shared.goes_on_alone();
                }
            }
        } else {
            told = false;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.changed.notified() => {}
        }
    }
}

/// Takes the next step of the protocol; how long the one after it can wait.
async fn step(
    backend: &Backend,
    shared: &Shared,
    lease: &mut Lease,
    now: Duration,
    address: &str,
) -> Result<Duration, BackendError> {
    match lease.next(now) {
        Step::Rest(wait) => Ok(wait),
        Step::Look => {
            lease.looked(newest_term(backend, &shared.index).await?, now);
            Ok(Duration::ZERO)
        }
        Step::Claim(number) => {
            if number == 1 {
                backend.prepare(&shared.index, &mapping()).await?;
            }
            let term = json!({"kind": "term", "number": number, "holder": lease.me(), "address": address});
            let won = backend.create(&shared.index, &format!("term-{number}"), &term).await?;
            lease.claimed(number, won, address, now);
            if won && number > KEPT {
                backend.remove(&shared.index, &format!("term-{}", number - KEPT)).await?;
            }
            Ok(Duration::ZERO)
        }
    }
}

/// How far this dashboard has followed.
#[derive(Default)]
struct Place {
    /// The term in which it took over, while it holds the lease.
    epoch: Option<u64>,
    /// The newest copy that was taken or published: epoch, and number within it.
    copy: Option<(u64, u64)>,
    /// What of the file was published, and up to which message.
    published: Option<((u64, i64), i64)>,
}

impl Place {
    /// Publishes what has changed, or takes what another one has published.
    async fn follow(
        &mut self,
        app: &App,
        board: &Board,
        shared: &Shared,
        lease: &Lease,
        begun: Instant,
    ) -> Result<(), Trouble> {
        let Some(epoch) = lease.held(begun.elapsed()) else {
            if self.epoch.take().is_some() {
                tracing::warn!("another dashboard watches alerts now");
            }
            self.published = None;
            shared.become_role(Role::Waits(lease.other().cloned()));
            return self.take(&app.backend, board, shared).await;
        };
        let until = Instant::now() + Timing::HELD.saturating_sub(lease.age(begun.elapsed()));
        let mut before = None;
        if self.epoch != Some(epoch) {
            // All that the one before has told of, before anything is told.
            self.take(&app.backend, board, shared).await?;
            before = self.copy.take().map(|(epoch, _)| epoch).filter(|before| *before < epoch);
        }
        let changes = board.ledger(Ledger::changes).await?;
        let known = self.published.filter(|(published, _)| *published == changes);
        let newest = match known {
            Some((_, newest)) => newest,
            None => self.publish(app, board, shared, epoch).await?,
        };
        shared.become_role(Role::Leads { until, newest });
        if known.is_none() {
            // There may be messages that have waited for it.
            board.posted.notify_one();
        }
        if self.epoch.replace(epoch) != Some(epoch) {
            tracing::info!(term = epoch, "this dashboard watches alerts");
        }
        if let Some(before) = before {
            app.backend.remove(&shared.index, &format!("copy-{before}")).await?;
        }
        Ok(())
    }

    /// Publishes a copy; up to which message.
    async fn publish(
        &mut self,
        app: &App,
        board: &Board,
        shared: &Shared,
        epoch: u64,
    ) -> Result<i64, Trouble> {
        let (file, now) = (shared.file.clone(), (app.clock)().as_millisecond());
        let copied = board.ledger(move |ledger| ledger.copy(&file, now)).await?;
        let number = self.copy.map_or(1, |(_, number)| number + 1);
        let copy = json!({"kind": "copy", "number": epoch, "seq": number, "data": STANDARD.encode(pack(&copied.bytes))});
        app.backend.write(&shared.index, &format!("copy-{epoch}"), &copy).await?;
        (self.copy, self.published) = (Some((epoch, number)), Some((copied.changes, copied.newest)));
        Ok(copied.newest)
    }

    /// Takes the newest copy, if it is not known yet.
    async fn take(&mut self, backend: &Backend, board: &Board, shared: &Shared) -> Result<(), Trouble> {
        let place = |found: &Value| found["number"].as_u64().zip(found["seq"].as_u64());
        let Some(found) = newest(backend, &shared.index, "copy", &["number", "seq"]).await? else {
            return Ok(());
        };
        if self.copy.is_some() && self.copy == place(&found) {
            return Ok(());
        }
        let whole = newest(backend, &shared.index, "copy", &["number", "seq", "data"]).await?;
        let whole = whole.ok_or(Trouble::Odd)?;
        let packed = whole["data"].as_str().and_then(|data| STANDARD.decode(data).ok());
        let bytes = packed.and_then(|packed| unpack(&packed)).ok_or(Trouble::Odd)?;
        let file = shared.file.clone();
        board.ledger(move |ledger| ledger.become_copy(&bytes, &file)).await?;
        self.copy = Some(place(&whole).ok_or(Trouble::Odd)?);
        Ok(())
    }
}

fn mapping() -> Value {
    json!({"mappings": {"dynamic": false, "properties": {"kind": {"type": "keyword"}, "number": {"type": "long"}}}})
}

/// The document of a kind with the greatest number.
async fn newest(
    backend: &Backend,
    index: &str,
    kind: &str,
    fields: &[&str],
) -> Result<Option<Value>, BackendError> {
    let body = json!({"query": {"term": {"kind": kind}}, "sort": [{"number": {"order": "desc", "unmapped_type": "long"}}], "size": 1, "_source": fields});
    let answer = backend.msearch(&[Search { index: index.to_owned(), body }]).await?.into_iter().next();
    let answer =
        answer.unwrap_or_else(|| Err("no answer".into())).map_err(|reason| backend.refused(reason))?;
    if answer.pointer("/_shards/failed").and_then(Value::as_u64).is_some_and(|failed| failed > 0) {
        return Err(backend.refused("a shard does not answer".into()));
    }
    Ok(answer.pointer("/hits/hits/0/_source").cloned())
}

async fn newest_term(backend: &Backend, index: &str) -> Result<Option<Term>, BackendError> {
    let found = newest(backend, index, "term", &["number", "holder", "address"]).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // A page links there.
    let is_web = |address: &str| address.starts_with("https://") || address.starts_with("http://");
    Ok(found.and_then(|t| {
        let address = Some(text(&t["address"])).filter(|a| is_web(a)).unwrap_or_default();
        Some(Term { number: t["number"].as_u64()?, holder: text(&t["holder"]), address })
    }))
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    // To memory it cannot fail; were it to, the copy would be refused by who unpacks it.
    let written = packer.write_all(bytes).and_then(|()| packer.finish());
    written.unwrap_or_default()
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut unpacker = ZlibDecoder::new(packed).take(LARGEST);
    unpacker.read_to_end(&mut bytes).ok()?;
    (unpacker.limit() > 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_comes_back_whole_or_not_at_all() {
        let bytes: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        let packed = pack(&bytes);
        assert_eq!(unpack(&packed), Some(bytes));
        assert_eq!(unpack(&packed[..packed.len() / 2]), None);
        assert_eq!(unpack(b"no zlib"), None);
    }

    #[tokio::test]
    async fn who_does_not_watch_sends_nothing_and_who_does_what_was_published() {
        let shared = Shared::new("alces-alerts".into(), PathBuf::new());
        assert_eq!((shared.newest_to_send(), shared.elsewhere()), (None, Some(String::new())));
        let leads = |seconds| Role::Leads { until: Instant::now() + Duration::from_secs(seconds), newest: 7 };
        shared.become_role(leads(60));
        assert_eq!((shared.newest_to_send(), shared.elsewhere()), (Some(7), None));
        shared.become_role(leads(0));
        assert_eq!((shared.newest_to_send(), shared.leads()), (None, false), "its time is over");
        shared.goes_on_alone();
        assert_eq!(shared.newest_to_send(), Some(i64::MAX), "nobody could take over");
    }

    #[test]
    fn who_is_refused_does_not_go_on_alone() {
        let url = || "http://es01:9200/".to_owned();
        assert!(Trouble::from(BackendError::Unreachable { url: url() }).is_everybodys());
        assert!(
            Trouble::from(BackendError::Status { url: url(), status: 429, reason: "full".into() })
                .is_everybodys()
        );
        assert!(!Trouble::from(BackendError::Refused { url: url(), status: 403 }).is_everybodys());
        assert!(!Trouble::Odd.is_everybodys());
    }
}

//! Several dashboards and one that watches: its lease, and the copy of its file, are kept in an index of the engine.
//!
//! The protocol is `alces_alerts::lease`. A term is a document `term-N` that is made once; a copy is a document `copy-E` of who took over in term
//! E, written anew whenever its file has changed, and **before** a message of that change is sent: so who takes over knows of all that anybody was
//! told. The copy of the greatest E counts, so that one who lost the lease without knowing it changes nothing.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alces_alerts::Ledger;
use alces_alerts::lease::{Lease, Step, Term, Timing};
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
    /// Where copies stand for a moment: beside the file.
    folder: PathBuf,
    role: RwLock<Role>,
    /// Whether messages may leave that the last change has made.
    published: AtomicBool,
    /// Something was changed that is to be published.
    pub(super) changed: Notify,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// It does not watch; who does, as far as is known.
    Waits(Option<Term>),
    /// It watches, up to a moment.
    Leads(Instant),
}

impl Shared {
    pub(super) fn new(index: String, folder: PathBuf) -> Self {
        let (role, published) = (RwLock::new(Role::Waits(None)), AtomicBool::new(false));
        Self { index, folder, role, published, changed: Notify::new() }
    }

    fn role(&self) -> Role {
        self.role.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn become_role(&self, role: Role) {
        *self.role.write().unwrap_or_else(PoisonError::into_inner) = role;
    }

    /// Whether this dashboard watches.
    pub(super) fn leads(&self) -> bool {
        matches!(self.role(), Role::Leads(until) if Instant::now() < until)
    }

    /// Whether messages may be sent: all that they rest on can be taken over.
    pub(super) fn may_send(&self) -> bool {
        self.leads() && self.published.load(SeqCst)
    }

    /// Something was changed whose messages must wait until it is published.
    pub(super) fn holds_back(&self) {
        self.published.store(false, SeqCst);
        self.changed.notify_one();
    }

    /// Where the dashboard is that watches in place of this one: an empty text while nobody is known to.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        match self.role() {
            Role::Leads(_) => None,
            Role::Waits(term) => Some(term.map(|term| term.address).unwrap_or_default()),
        }
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
    let mut at = Place { epoch: None, copy: None, changes: None, told: false };
    loop {
        let now = begun.elapsed();
        let wait = match step(&app.backend, shared, &mut lease, now, &address).await {
            Ok(wait) => {
                at.told = false;
                wait
            }
            Err(error) => {
                if !std::mem::replace(&mut at.told, true) {
                    tracing::warn!(%error, "who watches alerts cannot be agreed upon");
                }
                if at.epoch.is_some() {
                    shared.published.store(true, SeqCst);
                    shared.become_role(Role::Leads(Instant::now() + ALONE));
                }
                AGAIN
            }
        };
        if !at.told
            && let Err(error) = at.follow(&app, &board, shared, &lease, begun).await
        {
            tracing::warn!(%error, "what is known of alerts could not be handed over");
        }
        tokio::select! {
            () = tokio::time::sleep(wait.min(TICK)) => {}
            () = shared.changed.notified() => {}
        }
    }
}

/// Takes the next step of the protocol.
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
struct Place {
    /// The term in which it took over, while it holds the lease.
    epoch: Option<u64>,
    /// The newest copy that was taken or published: epoch, and number within it.
    copy: Option<(u64, u64)>,
    /// What of the file was published.
    changes: Option<(u64, i64)>,
    /// The engine does not answer, which was said.
    told: bool,
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
    ) -> Result<(), String> {
        let Some(epoch) = lease.held(begun.elapsed()) else {
            if self.epoch.take().is_some() {
                tracing::warn!("another dashboard watches alerts now");
            }
            shared.published.store(false, SeqCst);
            shared.become_role(Role::Waits(lease.other().cloned()));
            return self.take(&app.backend, board, shared).await;
        };
        let until = Instant::now() + Timing::HELD.saturating_sub(lease.age(begun.elapsed()));
        if self.epoch != Some(epoch) {
            // All that the one before has told of, before anything is told.
            self.take(&app.backend, board, shared).await?;
            let before = self.copy.map(|(epoch, _)| epoch);
            self.copy = None;
            self.publish(app, board, shared, epoch).await?;
            self.epoch = Some(epoch);
            tracing::info!(term = epoch, "this dashboard watches alerts");
            shared.become_role(Role::Leads(until));
            board.posted.notify_one();
            if let Some(before) = before.filter(|before| *before < epoch) {
                let gone = app.backend.remove(&shared.index, &format!("copy-{before}")).await;
                gone.map_err(|error| error.to_string())?;
            }
            return Ok(());
        }
        shared.become_role(Role::Leads(until));
        let changes = board.ledger(Ledger::changes).await.map_err(|error| error.to_string())?;
        if self.changes != Some(changes) || !shared.published.load(SeqCst) {
            self.publish(app, board, shared, epoch).await?;
            board.posted.notify_one();
        }
        Ok(())
    }

    async fn publish(&mut self, app: &App, board: &Board, shared: &Shared, epoch: u64) -> Result<(), String> {
        // Before the copy is made: what is changed meanwhile is published next time.
        shared.published.store(true, SeqCst);
        let (folder, now) = (shared.folder.clone(), (app.clock)().as_millisecond());
        let done = board.ledger(move |ledger| Ok((ledger.changes()?, ledger.copy(&folder, now)?))).await;
        let sent = match done {
            Ok((changes, bytes)) => {
                let number = self.copy.map_or(1, |(_, number)| number + 1);
                let copy = json!({"kind": "copy", "number": epoch, "seq": number, "data": STANDARD.encode(pack(&bytes))});
                let sent = app.backend.write(&shared.index, &format!("copy-{epoch}"), &copy).await;
                sent.map(|()| (self.copy, self.changes) = (Some((epoch, number)), Some(changes)))
                    .map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if sent.is_err() {
            shared.published.store(false, SeqCst);
        }
        sent
    }

    /// Takes the newest copy, if it is not known yet.
    async fn take(&mut self, backend: &Backend, board: &Board, shared: &Shared) -> Result<(), String> {
        let odd = || "the copy of another dashboard cannot be read".to_owned();
        let found =
            newest(backend, &shared.index, "copy", &["number", "seq"]).await.map_err(|e| e.to_string())?;
        let Some(found) = found else { return Ok(()) };
        let number = |name: &str| found[name].as_u64().ok_or_else(odd);
        let place = (number("number")?, number("seq")?);
        if self.copy == Some(place) {
            return Ok(());
        }
        let whole = newest(backend, &shared.index, "copy", &["number", "seq", "data"]).await;
        let whole = whole.map_err(|e| e.to_string())?.ok_or_else(odd)?;
        let packed = STANDARD.decode(whole["data"].as_str().ok_or_else(odd)?).map_err(|_| odd())?;
        let place = whole["number"].as_u64().zip(whole["seq"].as_u64()).ok_or_else(odd)?;
        let bytes = unpack(&packed).ok_or_else(odd)?;
        let folder = shared.folder.clone();
        board
            .ledger(move |ledger| ledger.become_copy(&bytes, &folder))
            .await
            .map_err(|error| error.to_string())?;
        self.copy = Some(place);
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
    async fn who_does_not_watch_sends_nothing() {
        let shared = Shared::new("alces-alerts".into(), PathBuf::new());
        assert_eq!(
            (shared.leads(), shared.may_send(), shared.elsewhere()),
            (false, false, Some(String::new()))
        );
        shared.become_role(Role::Leads(Instant::now() + Duration::from_secs(60)));
        assert!(shared.leads() && !shared.may_send(), "nothing is published yet");
        shared.published.store(true, SeqCst);
        assert!(shared.may_send() && shared.elsewhere().is_none());
        shared.holds_back();
        assert!(!shared.may_send());
        shared.become_role(Role::Leads(Instant::now()));
        assert!(!shared.leads(), "its time is over");
    }
}

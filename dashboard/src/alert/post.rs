//! Sends what the ledger holds, until a receiver takes it.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alces_alerts::retry::{self, Answer, Next};
use alces_alerts::{Delivery, Ledger, Open, Preset, Receiver, Signer, refuses};
use ipnet::IpNet;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::task::JoinSet;
use url::{Host, Url};

use super::lease::Shared;
use super::{Board, mail};
use crate::app::App;

/// How long a receiver may take (Standard Webhooks: 15 to 30 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing is done where nothing waits: silences and files may change meanwhile.
const REST: Duration = Duration::from_secs(30);

/// A sign of life that is older says nothing, milliseconds.
const FRESH: i64 = 60_000;
/// How long messages wait that may not leave yet, before that is looked at again.
const HELD_BACK: Duration = Duration::from_millis(200);

/// Sends for as long as the dashboard runs. Receivers do not wait for each other; of one receiver a message waits for the one before it.
pub(super) async fn run(app: Arc<App>, board: Arc<Board>) {
    let mut sending: JoinSet<(String, bool)> = JoinSet::new();
    // Receivers that something is under way to.
    let mut busy: HashSet<String> = HashSet::new();
    // What was taken though the ledger could not say so: it must not be sent again and again.
    let taken: Arc<Mutex<HashSet<i64>>> = Arc::default();
    loop {
        let Some(newest) = board.lease.as_ref().map_or(Some(i64::MAX), Shared::newest_to_send) else {
            // What is under way ends meanwhile; who takes over is told.
            tokio::select! {
                () = board.posted.notified() => {}
                () = tokio::time::sleep(HELD_BACK) => {}
            }
            continue;
        };
        let now = (app.clock)().as_millisecond();
        match board.ledger(move |ledger| ledger.due(now)).await {
            Ok(mut due) => {
                // What nobody could take over yet waits a moment more.
                due.retain(|open| open.seq <= newest && !busy.contains(&open.delivery.receiver));
                for open in due {
                    busy.insert(open.delivery.receiver.clone());
                    let (app, board, taken) = (Arc::clone(&app), Arc::clone(&board), Arc::clone(&taken));
                    sending.spawn(async move {
                        let receiver = open.delivery.receiver.clone();
                        let kept = send(&app, &board, open, &taken).await;
                        (receiver, kept)
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "messages of alerts wait"),
        }
        let next = board.ledger(Ledger::next).await.ok().flatten();
        let now = (app.clock)().as_millisecond();
        let wait = next
            .filter(|_| busy.is_empty())
            .map_or(REST, |at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0).max(50)));
        tokio::select! {
            () = board.posted.notified() => {}
            Some(done) = sending.join_next() => match done {
                Ok((receiver, true)) => drop(busy.remove(&receiver)),
                // The ledger cannot be written: a moment later perhaps.
                Ok((receiver, false)) => {
                    tokio::time::sleep(REST).await;
                    busy.remove(&receiver);
                }
                Err(error) => {
                    tracing::error!(%error, "sending a message of an alert has failed");
                    busy.clear();
                }
            },
            () = tokio::time::sleep(wait.min(REST)) => {}
        }
    }
}

/// Sends once; whether the ledger knows what came of it.
async fn send(app: &App, board: &Board, open: Open, taken: &Mutex<HashSet<i64>>) -> bool {
    let rules = board.rules();
    let (id, seq) = (open.delivery.receiver.clone(), open.seq);
    let known =
        |taken: &Mutex<HashSet<i64>>| taken.lock().unwrap_or_else(PoisonError::into_inner).contains(&seq);
    let now = (app.clock)().as_millisecond();
    let receiver = rules.receivers.iter().find(|r| r.id == id);
    let (answer, wish, reason) = match receiver {
        _ if known(taken) => (Answer::Status(200), None, String::new()),
        None => (Answer::Status(410), None, "the receiver is no longer there".to_owned()),
        Some(receiver) if receiver.preset == Preset::Heartbeat && now - open.made > FRESH => {
            return board.ledger(move |ledger| ledger.forget(seq)).await.is_ok();
        }
        Some(receiver) => {
            let trying = attempt(receiver, &board.settings.allowed, &open.delivery, now / 1000);
            match tokio::time::timeout(PATIENCE, trying).await {
                Ok(Ok(said)) => (Answer::Status(said.status), said.wish, said.reason),
                Ok(Err(reason)) => (Answer::None, None, reason),
                Err(_) => (Answer::None, None, format!("no answer within {} s", PATIENCE.as_secs())),
            }
        }
    };
    let gone = receiver.is_none();
    let now = (app.clock)().as_millisecond();
    let next = retry::after(
        answer,
        open.attempts + 1,
        wish,
        open.made,
        now,
        chance(&open.delivery.id, open.attempts),
    );
    if next == Next::Done {
        taken.lock().unwrap_or_else(PoisonError::into_inner).insert(seq);
    }
    let kept = match next {
        Next::Done if receiver.is_some_and(|receiver| receiver.preset == Preset::Heartbeat) => {
            board.ledger(move |ledger| ledger.forget(seq)).await
        }
        Next::Done => board.ledger(move |ledger| ledger.end(seq, now, "taken")).await,
        Next::Again(at) => {
            tracing::warn!(
                receiver = id,
                reason,
                attempts = open.attempts + 1,
                "a message of an alert was not taken"
            );
            board.ledger(move |ledger| ledger.again(seq, now, at, &reason)).await
        }
        Next::GiveUp => {
            tracing::error!(receiver = id, reason, "a message of an alert is given up");
            board.ledger(move |ledger| ledger.end(seq, now, &reason)).await
        }
        // Who was taken out of the files may come back under its name.
        Next::Disable if gone => board.ledger(move |ledger| ledger.end(seq, now, &reason)).await,
        Next::Disable => {
            tracing::error!(
                receiver = id,
                "the receiver answered 410 (gone): nothing is sent to it until the rules are read again"
            );
            board
                .ledger(move |ledger| {
                    ledger.end(seq, now, "410: the receiver is gone")?;
                    ledger.disable(&id, now)
                })
                .await
        }
    };
    match kept {
        Ok(()) => {
            taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&seq);
            true
        }
        Err(error) => {
            tracing::warn!(%error, "what became of a message could not be kept");
            false
        }
    }
}

/// Spreads tries: of each message and try another part of the wait, and always the same.
fn chance(id: &str, attempts: u32) -> f64 {
    let sum = id
        .bytes()
        .fold(u64::from(attempts) + 1, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    (sum % 1000) as f64 / 1000.0
}

/// What a receiver has said.
pub(super) struct Said {
    /// A status of HTTP; for a mail what is nearest to it.
    pub(super) status: u16,
    /// How long it asks to wait, milliseconds.
    pub(super) wish: Option<i64>,
    /// In words.
    pub(super) reason: String,
}

/// Sends once. No reason holds the address or what lets us in: either may be a secret.
pub(super) async fn attempt(
    receiver: &Receiver,
    allowed: &[IpNet],
    message: &Delivery,
    seconds: i64,
) -> Result<Said, String> {
    if let Some(mail) = &receiver.mail {
        return mail::send(mail, allowed, message).await;
    }
    let (url, headers, body) = request(receiver, message)?;
    let signer = match receiver.secret_file.as_str() {
        "" => None,
        file => Some(Signer::parse(&read(file)?).map_err(|e| format!("{file}: {e}"))?),
    };
    let body = body.to_string();
    let client = client(&url, allowed).await?;
    let mut request = client
        .post(url)
        .headers(headers)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", seconds);
    if let Some(signer) = signer {
        request = request.header("webhook-signature", signer.header(&message.id, seconds, &body));
    }
    let answer = request.body(body).send().await.map_err(|error| {
        let error = error.without_url();
        if error.is_timeout() { format!("no answer within {} s", PATIENCE.as_secs()) } else { root(&error) }
    })?;
    let wish = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse::<i64>().ok());
    let status = answer.status().as_u16();
    if (200..300).contains(&status)
        && matches!(receiver.preset, Preset::Dingtalk | Preset::Feishu | Preset::Wecom)
    {
        says_no(answer).await?;
    }
    let wish = wish.map(|seconds| seconds.saturating_mul(1000));
    Ok(Said { status, wish, reason: format!("status {status}") })
}

pub(super) fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))
}

/// Where a message goes, with which headers, and its body: what lets us in is added here, so that neither the ledger nor a page has it.
fn request(receiver: &Receiver, message: &Delivery) -> Result<(Url, HeaderMap, Value), String> {
    let mut address = match (&receiver.url, &receiver.url_file, receiver.home()) {
        (url, ..) if !url.is_empty() => url.clone(),
        (_, file, _) if !file.is_empty() => read(file)?.trim().to_owned(),
        (.., home) => home.unwrap_or_default().to_owned(),
    };
    let token = match receiver.token_file.as_str() {
        "" => String::new(),
        file => read(file)?.trim().to_owned(),
    };
    let mut headers = HeaderMap::new();
    let mut body = message.body.clone();
    match receiver.preset {
        Preset::Telegram => address = format!("{}/bot{token}/sendMessage", address.trim_end_matches('/')),
        Preset::Pagerduty => body["routing_key"] = token.into(),
        Preset::Opsgenie => {
            address.push_str(body["path"].as_str().unwrap_or_default());
            body = body["body"].take();
            let mut key = HeaderValue::from_str(&format!("GenieKey {token}"))
                .map_err(|_| format!("{}: it is no key", receiver.token_file))?;
            key.set_sensitive(true);
            headers.insert(AUTHORIZATION, key);
        }
        _ => {}
    }
    let url = Url::parse(&address).map_err(|e| format!("its address is none: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its address begins neither with https:// nor with http://".into());
    }
    Ok((url, headers, body))
}

/// The robots of DingTalk, Feishu and WeCom refuse with status 200 and a code that is not 0.
async fn says_no(mut answer: reqwest::Response) -> Result<(), String> {
    let mut body = Vec::new();
    while let Ok(Some(part)) = answer.chunk().await {
        body.extend_from_slice(&part);
        if body.len() > 64 << 10 {
            break;
        }
    }
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let code =
        said.get("errcode").or_else(|| said.get("code")).and_then(serde_json::Value::as_i64).unwrap_or(0);
    if code == 0 { Ok(()) } else { Err(format!("the robot refused it with code {code}")) }
}

/// Addresses of a host that messages may be sent to.
pub(super) async fn addresses(
    host: &Host<String>,
    port: u16,
    allowed: &[IpNet],
) -> Result<Vec<SocketAddr>, String> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|e| format!("its name leads nowhere: {e}"))?
            .collect(),
        Host::Ipv4(address) => vec![(IpAddr::V4(*address), port).into()],
        Host::Ipv6(address) => vec![(IpAddr::V6(*address), port).into()],
    };
    let mut good = Vec::new();
    let mut refused = "its name leads nowhere";
    for address in addresses {
        match refuses(address.ip(), allowed) {
            None => good.push(address),
            Some(reason) => refused = reason,
        }
    }
    if good.is_empty() { Err(format!("nothing is sent there: {refused}")) } else { Ok(good) }
}

/// A client that meets no other address than one that was looked at: a name that leads elsewhere a moment later does not matter.
async fn client(url: &Url, allowed: &[IpNet]) -> Result<Client, String> {
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host().ok_or("its address has no host")?.to_owned();
    let good = addresses(&host, port, allowed).await?;
    let name = match &host {
        Host::Domain(name) => Some(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    };
    let mut roots = alces_tls::Roots::default();
    roots.add_system(rustls_native_certs::load_native_certs().certs);
    let tls = alces_tls::client(roots, None).map_err(|error| error.to_string())?;
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("alces/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(Arc::unwrap_or_clone(tls));
    if let Some(name) = name {
        builder = builder.resolve_to_addrs(name, &good);
    }
    builder.build().map_err(|error| root(&error.without_url()))
}

/// The innermost reason: the outer ones say only that a request failed.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn met(url: &str, allowed: &[&str]) -> Result<(), String> {
        let allowed: Vec<IpNet> = allowed.iter().map(|n| n.parse().expect("a network")).collect();
        client(&url.parse().expect("a URL"), &allowed).await.map(drop)
    }

    #[tokio::test]
    async fn a_receiver_is_no_way_into_the_machines_behind() {
        for inside in [
            "http://127.0.0.1:9200/",
            "http://localhost/",
            "http://[::1]/",
            "http://10.0.0.1/",
            "http://0x7f000001/",
        ] {
            assert!(met(inside, &[]).await.is_err_and(|e| e.contains("private network")), "{inside}");
        }
        assert!(
            met("http://169.254.169.254/latest/", &["0.0.0.0/0"])
                .await
                .is_err_and(|e| e.contains("metadata"))
        );
        assert_eq!(met("http://127.0.0.1:9/", &["127.0.0.0/8"]).await, Ok(()));
        assert_eq!(met("http://192.0.2.7/", &[]).await, Ok(()));
    }

    #[test]
    fn what_lets_us_in_is_in_no_message() {
        let folder = tempfile::tempdir().expect("a folder");
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, "s3cret\n").expect("written");
        let sent = |preset, body: Value| {
            let token_file = token_file.display().to_string();
            let receiver = Receiver { id: "ops".into(), preset, token_file, ..Receiver::default() };
            request(&receiver, &Delivery { id: "m".into(), receiver: "ops".into(), body }).expect("a request")
        };
        let (url, ..) = sent(Preset::Telegram, serde_json::json!({"chat_id": "1"}));
        assert_eq!(url.as_str(), "https://api.telegram.org/bots3cret/sendMessage");
        let (url, _, body) = sent(Preset::Pagerduty, serde_json::json!({"event_action": "resolve"}));
        assert_eq!((url.path(), &body["routing_key"]), ("/v2/enqueue", &"s3cret".into()));
        let close = serde_json::json!({"path": "/a/close?identifierType=alias", "body": {"source": "Alces"}});
        let (url, headers, body) = sent(Preset::Opsgenie, close);
        assert_eq!(url.as_str(), "https://api.opsgenie.com/v2/alerts/a/close?identifierType=alias");
        assert_eq!(
            (&headers[AUTHORIZATION], &body["source"]),
            (&HeaderValue::from_static("GenieKey s3cret"), &"Alces".into())
        );
    }

    #[test]
    fn tries_are_spread_and_always_the_same() {
        assert_eq!(chance("msg_1", 2), chance("msg_1", 2));
        assert!((0..50).all(|n| (0.0..1.0).contains(&chance("msg_abc", n))));
    }
}

//! Sends what the ledger holds, until a receiver takes it.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alces_alerts::retry::{self, Answer, Next};
use alces_alerts::{Ledger, Open, Preset, Receiver, Signer, refuses};
use ipnet::IpNet;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use tokio::task::JoinSet;
use url::{Host, Url};

use super::Board;
use crate::app::App;

/// How long a receiver may take (Standard Webhooks: 15 to 30 s).
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing is done where nothing waits: silences and files may change meanwhile.
const REST: Duration = Duration::from_secs(30);

/// Sends for as long as the dashboard runs. Receivers do not wait for each other; of one receiver a message waits for the one before it.
pub(super) async fn run(app: Arc<App>, board: Arc<Board>) {
    let mut sending: JoinSet<(String, bool)> = JoinSet::new();
    // Receivers that something is under way to.
    let mut busy: HashSet<String> = HashSet::new();
    // What was taken though the ledger could not say so: it must not be sent again and again.
    let taken: Arc<Mutex<HashSet<i64>>> = Arc::default();
    loop {
        let now = (app.clock)().as_millisecond();
        match board.ledger(move |ledger| ledger.due(now)).await {
            Ok(due) => {
                for open in
                    due.into_iter().filter(|open| !busy.contains(&open.delivery.receiver)).collect::<Vec<_>>()
                {
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
        Some(receiver) => {
            let trying = attempt(receiver, &board.settings.allowed, &open, now / 1000);
            match tokio::time::timeout(PATIENCE, trying).await {
                Ok(Ok((status, wish))) => (Answer::Status(status), wish, format!("status {status}")),
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
        Next::Done => board.ledger(move |ledger| ledger.end(seq, now, "taken")).await,
        Next::Again(at) => {
            tracing::warn!(
                receiver = id,
                reason,
                attempts = open.attempts + 1,
                "a message of an alert was not taken"
            );
            board.ledger(move |ledger| ledger.again(seq, at, &reason)).await
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

/// Sends once: the status, and how long the receiver asks to wait (milliseconds). The reason is without the address, which may be a secret.
async fn attempt(
    receiver: &Receiver,
    allowed: &[IpNet],
    open: &Open,
    seconds: i64,
) -> Result<(u16, Option<i64>), String> {
    let read = |file: &str| std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"));
    let address = if receiver.url.is_empty() { read(&receiver.url_file)? } else { receiver.url.clone() };
    let url = Url::parse(address.trim()).map_err(|e| format!("its address is none: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its address begins neither with https:// nor with http://".into());
    }
    let signer = match receiver.secret_file.as_str() {
        "" => None,
        file => Some(Signer::parse(&read(file)?).map_err(|e| format!("{file}: {e}"))?),
    };
    let body = open.delivery.body.to_string();
    let client = client(&url, allowed).await?;
    let mut request = client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &open.delivery.id)
        .header("webhook-timestamp", seconds);
    if let Some(signer) = signer {
        request = request.header("webhook-signature", signer.header(&open.delivery.id, seconds, &body));
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
    Ok((status, wish.map(|seconds| seconds.saturating_mul(1000))))
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

/// A client that meets no other address than one that was looked at: a name that leads elsewhere a moment later does not matter.
async fn client(url: &Url, allowed: &[IpNet]) -> Result<Client, String> {
    let port = url.port_or_known_default().unwrap_or(443);
    let (name, addresses): (Option<&str>, Vec<SocketAddr>) = match url.host() {
        Some(Host::Domain(name)) => {
            let found = tokio::net::lookup_host((name, port))
                .await
                .map_err(|e| format!("its name leads nowhere: {e}"))?;
            (Some(name), found.collect())
        }
        Some(Host::Ipv4(address)) => (None, vec![(IpAddr::V4(address), port).into()]),
        Some(Host::Ipv6(address)) => (None, vec![(IpAddr::V6(address), port).into()]),
        None => return Err("its address has no host".into()),
    };
    let mut good = Vec::new();
    let mut refused = "its name leads nowhere";
    for address in addresses {
        match refuses(address.ip(), allowed) {
            None => good.push(address),
            Some(reason) => refused = reason,
        }
    }
    if good.is_empty() {
        return Err(format!("nothing is sent there: {refused}"));
    }
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
fn root(error: &dyn std::error::Error) -> String {
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
    fn tries_are_spread_and_always_the_same() {
        assert_eq!(chance("msg_1", 2), chance("msg_1", 2));
        assert!((0..50).all(|n| (0.0..1.0).contains(&chance("msg_abc", n))));
    }
}

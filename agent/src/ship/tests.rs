//! The shipper against collectors on loopback that do as they are told.

use std::{collections::BTreeSet, path::Path};

use alces_lumberjack::{Limits, WindowReader, asks, encode_ack, encode_offer};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

use super::*;
use crate::{
    Compression,
    marker::{Marker, Position},
    registry::{Entry, FileId},
    tail::Inode,
};

/// What a window was when it came.
#[derive(Debug)]
struct Seen {
    host: usize,
    kind: char,
    asks: bool,
    documents: Vec<String>,
}

/// How a collector behaves.
#[derive(Clone)]
struct Manners {
    offers: bool,
    /// Hangs up on this many connections, each when the first window has come, before it acknowledges any.
    hangs_up: usize,
    /// Acknowledges nothing before this is true.
    may: watch::Receiver<bool>,
    /// Turns true when a window has come.
    came: watch::Sender<bool>,
}

fn manners() -> Manners {
    Manners { offers: false, hangs_up: 0, may: watch::channel(true).1, came: watch::channel(false).0 }
}

/// A collector; what it has acknowledged comes out of the channel.
async fn collector(host: usize, manners: Manners, seen: mpsc::UnboundedSender<Seen>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(serve(stream, host, manners.clone(), connection < manners.hangs_up, seen.clone()));
        }
    });
    address
}

async fn serve(
    mut stream: TcpStream,
    host: usize,
    mut manners: Manners,
    hangs_up: bool,
    seen: mpsc::UnboundedSender<Seen>,
) {
    let (mut reader, mut input) = (WindowReader::new(Limits::default()), BytesMut::new());
    if manners.offers {
        reader.allow_records();
    }
    let mut kind = None;
    while stream.read_buf(&mut input).await.is_ok_and(|n| n > 0) {
        loop {
            if !reader.is_inside_window() {
                kind = input.get(7).map(|kind| char::from(*kind)).or(kind);
            }
            let Some(window) = reader.next_window(&mut input).unwrap() else { break };
            if hangs_up {
                return;
            }
            manners.came.send_replace(true);
            let _ = manners.may.wait_for(|may| *may).await;
            let documents: Vec<_> =
                window.events.iter().map(|e| e.document().unwrap().into_owned()).collect();
            let asks = documents.first().is_some_and(|first| asks(first));
            if asks && manners.offers {
                stream.write_all(&encode_offer()).await.unwrap();
            }
            let text = |document: Vec<u8>| {
                let value: serde_json::Value = serde_json::from_slice(&document).unwrap();
                value["n"].to_string()
            };
            let documents = documents.into_iter().map(text).collect();
            let _ = seen.send(Seen { host, kind: kind.take().unwrap(), asks, documents });
            stream.write_all(&encode_ack(b'2', window.ack)).await.unwrap();
        }
    }
}

/// Documents `from..to` of the file, in one batch.
fn batch(file: FileId, from: usize, to: usize) -> Batch {
    let mut batch = Batch::default();
    for n in from..to {
        let position = Position { offset: n as u64 + 1, marker: Marker::default() };
        batch.push(format!("{{\"n\":{n}}}").as_bytes());
        batch.reach(file, position);
    }
    batch
}

/// Ships batches of these sizes, and returns what has come; everything has arrived once, in any order.
async fn check(
    sizes: &[usize],
    collectors: Vec<String>,
    tell: impl FnOnce(&mut Config),
    mut seen: mpsc::UnboundedReceiver<Seen>,
) -> Vec<Seen> {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(collectors, dir.path().to_owned());
    tell(&mut config);
    let mut registry = Registry::open(dir.path(), "seed").unwrap();
    let key = Inode { device: 1, inode: 1 };
    let file = registry.add(Entry::new(Path::new("/a"), key, Position::default()));
    let registry = Arc::new(Mutex::new(registry));
    let dialer = Dialer::new(None).unwrap();
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let shipper = Shipper {
        config,
        dialer,
        registry: registry.clone(),
        board: Arc::default(),
        buffer: None,
        clock,
        seed: 0,
    };
    let (out, batches) = tokio::sync::mpsc::channel(1);
    let (_stop, stopped) = oneshot::channel();
    let shipping = tokio::spawn(shipper.run(batches, stopped));
    let mut total = 0;
    for size in sizes {
        out.send(batch(file, total, total + size).into()).await.unwrap();
        total += size;
    }
    drop(out);
    let totals = shipping.await.unwrap();
    assert_eq!(totals.acknowledged, total as u64);
    assert_eq!(
        registry.lock().unwrap().entry(file).unwrap().offset,
        total as u64,
        "the registry is at the end"
    );
    let mut windows = Vec::new();
    while let Ok(window) = seen.try_recv() {
        windows.push(window);
    }
    let documents: Vec<_> = windows.iter().flat_map(|window| &window.documents).collect();
    assert_eq!(documents.len(), total, "each came once");
    assert_eq!(documents.into_iter().collect::<BTreeSet<_>>().len(), total);
    windows
}

#[tokio::test]
async fn windows_are_small_at_first_and_zlib_where_nobody_answers() {
    let (tx, seen) = mpsc::unbounded_channel();
    let collectors = vec![collector(0, manners(), tx).await];
    let windows = check(&[2048, 100], collectors, |config| config.windows_in_flight = 1, seen).await;
    let sizes: Vec<_> = windows.iter().map(|window| window.documents.len()).collect();
    assert_eq!(sizes, [64, 128, 256, 512, 1024, 64, 100]);
    assert!(windows.iter().all(|window| window.kind == 'C'));
    assert_eq!(
        windows.iter().map(|window| window.asks).collect::<Vec<_>>(),
        [true, false, false, false, false, false, false]
    );
}

#[tokio::test]
async fn a_collector_that_answers_gets_our_own_form_and_who_wants_zlib_does_not_ask() {
    let kinds = async |compression, window| {
        let (tx, seen) = mpsc::unbounded_channel();
        let collectors = vec![collector(0, Manners { offers: true, ..manners() }, tx).await];
        let tell = |config: &mut Config| {
            config.compression = compression;
            config.windows_in_flight = window;
        };
        let windows = check(&[200, 100], collectors, tell, seen).await;
        let asked = windows.iter().any(|window| window.asks);
        (windows.iter().map(|window| window.kind).collect::<String>(), asked)
    };
    assert_eq!(kinds(Compression::Auto, 1).await, ("CZZZ".to_owned(), true));
    assert_eq!(kinds(Compression::Zstd, 1).await, ("CZZZ".to_owned(), true));
    assert!(!kinds(Compression::Zlib(9), 2).await.1, "nobody asked");
    assert_eq!(kinds(Compression::None, 1).await, ("JBBB".to_owned(), true));
}

#[tokio::test]
async fn the_next_collector_is_taken_when_one_is_away_or_hangs_up() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let (tx, seen) = mpsc::unbounded_channel();
    let rude = collector(0, Manners { hangs_up: usize::MAX, ..manners() }, tx.clone()).await;
    let good = collector(1, manners(), tx).await;
    let windows = check(&[300; 20], vec![gone, rude, good], |_| {}, seen).await;
    assert!(windows.iter().all(|window| window.host == 1));
}

#[tokio::test]
async fn what_a_collector_did_not_acknowledge_is_sent_again() {
    let (tx, seen) = mpsc::unbounded_channel();
    let collectors = vec![collector(0, Manners { hangs_up: 2, ..manners() }, tx).await];
    check(&[100; 10], collectors, |_| {}, seen).await;
}

#[tokio::test]
async fn batches_are_shared_out_and_a_slow_collector_holds_up_nobody() {
    let (tx, mut all) = mpsc::unbounded_channel();
    // The first acknowledges when the second has acknowledged two windows, and that one nothing before the first has something.
    let (open, may) = watch::channel(false);
    let slow = Manners { may, ..manners() };
    let quick = Manners { may: slow.came.subscribe(), ..manners() };
    let slow = collector(0, slow, tx.clone()).await;
    let quick = collector(1, quick, tx).await;
    let (pass, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut quick = 0;
        while let Some(window) = all.recv().await {
            quick += window.host;
            let _ = pass.send(window);
            if quick == 2 {
                open.send_replace(true);
            }
        }
    });
    let tell = |config: &mut Config| {
        config.load_balance = true;
        config.windows_in_flight = 1;
    };
    let windows = check(&[60; 40], vec![slow, quick], tell, seen).await;
    let hosts: BTreeSet<_> = windows.iter().map(|window| window.host).collect();
    assert_eq!(hosts, BTreeSet::from([0, 1]));
}

#[tokio::test]
async fn a_shipper_that_is_told_to_stop_does_not_wait_for_a_collector_that_is_away() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new(vec![gone], dir.path().to_owned());
    let registry = Arc::new(Mutex::new(Registry::open(dir.path(), "seed").unwrap()));
    let dialer = Dialer::new(None).unwrap();
    let shipper = Shipper {
        config,
        dialer,
        registry,
        board: Arc::default(),
        buffer: None,
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        seed: 0,
    };
    let (out, batches) = tokio::sync::mpsc::channel(1);
    let (stop, stopped) = oneshot::channel();
    let shipping = tokio::spawn(shipper.run(batches, stopped));
    out.send(batch(FileId(0), 0, 10).into()).await.unwrap();
    drop(stop);
    assert_eq!(shipping.await.unwrap().acknowledged, 0);
    assert!(out.is_closed(), "nobody waits for it any more");
}

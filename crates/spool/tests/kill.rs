//! What was synced is there after `kill -9`, and what was acknowledged does not come again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use alces_spool::{Folder, Options, Spool, SpoolError};

fn open(path: &Path) -> Spool<Folder> {
    let mut options = Options::new(1 << 20);
    options.segment_bytes = 20_000;
    Spool::open(Folder::open(path).unwrap(), options).unwrap()
}

/// A record that can be told by its number: some hundred bytes that do not compress.
fn record(number: u64) -> Vec<u8> {
    let mut state = number;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(number);
        (state >> 56) as u8
    };
    (0..number % 700).map(step).collect()
}

/// Not a test of its own: the process that the other kills. Does nothing unless it is started as that.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the parent passes the folder in; a test binary takes no arguments of its own"
)]
fn victim() {
    let Ok(dir) = std::env::var("ALCES_SPOOL_VICTIM") else { return };
    let mut spool = open(Path::new(&dir));
    println!();
    loop {
        for _ in 0..5 {
            let number = spool.next_number();
            match spool.append(&record(number)) {
                Ok(given) => assert_eq!(given, number),
                Err(error) => assert!(matches!(error, SpoolError::Full { .. }), "{error}"),
            }
        }
        spool.sync().unwrap();
        println!("durable {}", spool.durable());
        let mut last = 0;
        for _ in 0..4 {
            let Some(given) = spool.read().unwrap() else { break };
            assert_eq!(given.bytes, record(given.number));
            last = given.number;
        }
        spool.ack(last.saturating_sub(1));
        spool.save().unwrap();
        println!("saved {}", spool.done());
    }
}

#[test]
fn kill_nine_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut durable, mut saved) = (0, 0);
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture"])
            .env("ALCES_SPOOL_VICTIM", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut heard = |line: String| {
            let number = |prefix| line.strip_prefix(prefix).and_then(|rest: &str| rest.parse().ok());
            durable = number("durable ").unwrap_or(durable);
            saved = number("saved ").unwrap_or(saved);
        };
        // The kill comes in the midst of something, and what was said until then is heard.
        lines.by_ref().take(60 + round * 23).for_each(&mut heard);
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(&mut heard);
        let mut spool = open(dir.path());
        assert!(spool.done() >= saved && spool.next_number() > durable);
        let mut expect = spool.done() + 1;
        while let Some(given) = spool.read().unwrap() {
            assert_eq!((given.number, given.bytes), (expect, record(expect)));
            expect += 1;
        }
        assert_eq!(expect, spool.next_number());
        let stats = spool.stats();
        assert_eq!((stats.lost, stats.damaged_bytes, stats.segments_set_aside), (0, 0, 0));
        assert_eq!(stats.pending, expect - 1 - spool.done());
    }
    assert!(durable > 200, "{durable}");
}

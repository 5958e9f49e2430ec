//! The same storm over our agent and over real Filebeat: `tests/bench/torture` runs it. No test: what Filebeat loses and doubles is
//! what is asked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a measurement that cannot go on must stop"
)]

mod agent;
mod log;
mod receiver;
mod rotate;
#[path = "../rough/mod.rs"]
#[allow(dead_code, reason = "of the tests")]
mod rough;
#[allow(dead_code, reason = "of the test")]
mod storm;
#[path = "../system/support/mod.rs"]
#[allow(dead_code, reason = "the system's tests use all of it")]
mod support;
#[allow(dead_code, unused_imports, reason = "its tests are run with the torture")]
mod verdict;

use std::time::Duration;

use agent::Kind;
use rotate::Rotation::{self, Copytruncate, Gzip, Recreate, Rename, Rewrite, Zstd};
use rough::{arrivals, book, disk, proxy, world};
use storm::{Outcome, Storm};

/// What is done, from the mildest on.
const STORMS: [(&str, bool, &[Rotation]); 6] = [
    ("renamed, no kills, good net", false, &[Rename]),
    ("renamed", true, &[Rename]),
    ("copied and cut", true, &[Copytruncate]),
    ("packed with gzip and zstd", true, &[Gzip, Zstd]),
    ("deleted, cut and written anew when read", true, &[Recreate, Rewrite]),
    ("all of it", true, &[Rename, Copytruncate, Gzip, Zstd, Recreate, Rewrite]),
];

const PROGRAMS: [(&str, Kind); 3] = [
    ("alces agent", Kind::Alces),
    ("Filebeat 7.17, log", Kind::Filebeat("log")),
    ("Filebeat 7.17, filestream", Kind::Filebeat("filestream")),
];

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (seconds, seed) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(1));
    println!("{seconds} seconds a storm, seed {seed}; the same writer, kills and net for each program\n");
    // All at once: what the machine does to one it does to all.
    let storms = STORMS.map(|(name, rough, rotations)| {
        let runs = PROGRAMS.map(|(program, kind)| {
            let storm = Storm {
                kind,
                // Filebeat takes seconds to begin: it is given the time to.
                kills: rough.then_some(2_000..10_000),
                weather: rough,
                // It waits half a minute for an acknowledgement, and up to a minute before it tries a receiver again.
                patience: Duration::from_secs(95),
                ..Storm::new(seed, seconds, rotations)
            };
            (program, std::thread::spawn(|| storm.run()))
        });
        (name, runs)
    });
    for (name, runs) in storms {
        println!("## {name}\n");
        println!(
            "| program | lines | files | kills | lost | doubled | altered | out of order | resent | CPU s | peak MB |\n|---|---|---|---|---|---|---|---|---|---|---|"
        );
        for (program, run) in runs {
            println!("| {program} | {} |", row(&run.join().unwrap()));
        }
        println!();
    }
}

fn row(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    format!(
        "{} | {} | {} | {} | {} | {} | {} | {} | {:.2} | {:.0}",
        outcome.lines,
        outcome.files,
        outcome.kills,
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.altered.len(),
        verdict.disorder.len(),
        outcome.resent,
        outcome.usage.cpu_seconds,
        outcome.usage.peak_mb
    )
}

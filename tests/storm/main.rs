//! The collector's storms: senders that send until they are acknowledged, an engine that misbehaves in all ways that engines and what stands
//! before them do, a collector that is killed at random moments. Every line must be in the engine exactly once, or in the dead-letter queue
//! with its reason.
//!
//! And the store's siege (`siege.rs`): writers that change documents of their own, a store that is killed at random moments, and a disk that is full.
//! What was acknowledged must be there, once, as it was acknowledged last.
//!
//! A storm takes some seconds. `ALCES_TORTURE_SECONDS=3600 cargo test --test storm NAME` goes on for an hour, and `ALCES_TORTURE_SEED` repeats
//! what was done: all but the moments, which are the machine's.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod clock;
mod collector;
mod engine;
mod http;
mod keep;
mod ledger;
mod lines;
mod mood;
#[path = "../rough/mod.rs"]
#[allow(dead_code, reason = "the agent's torture uses all of it")]
mod rough;
mod senders;
mod siege;
mod storm;
#[path = "../system/support/mod.rs"]
#[allow(dead_code, reason = "the system's tests use all of it")]
mod support;
mod verdict;

use collector::Queue;
use rough::{arrivals, book, disk, proxy, world};
use siege::Siege;
use storm::Storm;

fn storm(queue: Queue) -> Storm {
    Storm::new(rough::seed(), rough::seconds(), queue)
}

#[test]
fn kills_and_a_bad_engine() {
    storm(Queue::Memory).run().check();
}

#[test]
fn kills_and_a_bad_engine_behind_a_queue_on_disk() {
    storm(Queue::Disk).run().check();
}

#[test]
fn one_life_with_reloads() {
    Storm { kills: None, ..storm(Queue::Memory) }.run().check();
}

#[test]
fn one_life_with_reloads_and_a_queue_on_disk() {
    Storm { kills: None, ..storm(Queue::Disk) }.run().check();
}

#[test]
fn a_disk_that_is_full() {
    Storm { full_disk: true, ..storm(Queue::Disk) }.run().check();
}

#[test]
fn a_clock_that_jumps() {
    Storm { clock: true, ..storm(Queue::Disk) }.run().check();
}

fn siege() -> Siege {
    Siege { seed: rough::seed(), seconds: rough::seconds(), kills: None, full_disk: false }
}

#[test]
fn the_store_is_killed() {
    Siege { kills: Some(50..500), ..siege() }.run().check();
}

#[test]
fn the_store_on_a_disk_that_is_full() {
    Siege { full_disk: true, ..siege() }.run().check();
}

#[test]
fn the_store_is_killed_on_a_disk_that_is_full() {
    Siege { kills: Some(100..900), full_disk: true, ..siege() }.run().check();
}

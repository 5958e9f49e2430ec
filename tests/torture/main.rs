//! The agent's torture: a reference that writes down what it writes to logs that are rotated in all ways, an agent and a receiver that
//! are killed at random moments, a net that is cut, slow and silent, and a disk that is full. Every line must be there exactly once.
//!
//! A scenario takes some seconds. `ALCES_TORTURE_SECONDS=3600 cargo test --test torture NAME` goes on for an hour, and
//! `ALCES_TORTURE_SEED` repeats what was done to an agent that failed: all but the moments, which are the machine's.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod agent;
mod log;
mod real;
mod receiver;
mod rotate;
#[path = "../rough/mod.rs"]
mod rough;
mod storm;
#[path = "../system/support/mod.rs"]
#[allow(dead_code, reason = "the system's tests use all of it")]
mod support;
mod verdict;

use rotate::Rotation::{self, Copytruncate, Gzip, Recreate, Rename, Rewrite, Zstd};
use rough::{arrivals, book, disk, proxy, world};
use storm::Storm;

const ALL: &[Rotation] = &[Rename, Copytruncate, Gzip, Zstd, Recreate, Rewrite];

fn storm(rotations: &'static [Rotation]) -> Storm {
    Storm::new(rough::seed(), rough::seconds(), rotations)
}

#[test]
fn renamed_logs() {
    storm(&[Rename]).run().check();
}

#[test]
fn copied_and_cut_logs() {
    storm(&[Copytruncate]).run().check();
}

#[test]
fn packed_logs() {
    storm(&[Gzip, Zstd]).run().check();
}

#[test]
fn logs_deleted_and_cut_when_they_were_read() {
    storm(&[Recreate, Rewrite]).run().check();
}

#[test]
fn thousands_of_small_files() {
    Storm { small_files: 3000, logs: 1, ..storm(&[Rename]) }.run().check();
}

// A log that is cut and begins as before is told from the one before by what is on disk of its lines. While nothing can be written there
// the agent goes on shipping all the same; should it be killed then, such lines may come twice. So these are not both at once here.
#[test]
fn a_disk_that_is_full() {
    Storm { small_files: 300, full_disk: true, ..storm(&[Rename]) }.run().check();
}

#[test]
fn all_at_once() {
    Storm { small_files: 500, logs: 5, ..storm(ALL) }.run().check();
}

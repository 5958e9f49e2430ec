//! What becomes of a log when it is long or old enough.

use std::{
    fs::{self, File},
    io::{Read as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};

use crate::{
    log::{Log, Old, append_to},
    world::moment,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// `access.log` becomes `access.log.1`, is written to for a while, and a new one is made.
    Rename,
    /// It is copied to `access.log.1` and cut; nothing is written in between.
    Copytruncate,
    /// Renamed, and then this or the one before is packed.
    Gzip,
    Zstd,
    /// Deleted and made anew, when all that it held had arrived: otherwise no agent could know of it.
    Recreate,
    /// Cut and written anew in place, when all that it held had arrived.
    Rewrite,
}

/// Rotated files that stay, unless their lines have not arrived: those do.
const KEPT: usize = 5;

/// How long a log waits for its lines to arrive, while something arrives at all.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn rotate(log: &mut Log, how: Rotation) {
    let done = match how {
        Rotation::Rename => {
            rename(log, "renamed").await;
            "rename"
        }
        Rotation::Gzip => {
            rename(log, "renamed, packed with gzip").await;
            pack(log, ".gz").await;
            "gzip"
        }
        Rotation::Zstd => {
            rename(log, "renamed, packed with zstd").await;
            pack(log, ".zst").await;
            "zstd"
        }
        Rotation::Copytruncate => {
            shift(log);
            fs::copy(&log.path, name(&log.path, 1, "")).unwrap();
            log.file.set_len(0).unwrap();
            let numbers = log.generation("copied and cut");
            log.old.insert(0, Old { packed: "", numbers });
            "copytruncate"
        }
        Rotation::Recreate | Rotation::Rewrite => {
            if !log.world.wait(PATIENCE, |arrivals| arrivals.all(&log.numbers)).await {
                return;
            }
            if how == Rotation::Rewrite {
                log.file.set_len(0).unwrap();
                log.generation("cut and written anew");
                "rewrite"
            } else {
                fs::remove_file(&log.path).unwrap();
                log.file = append_to(&log.path);
                log.generation("deleted and made anew");
                "recreate"
            }
        }
    };
    *log.world.book().rotations.entry(done).or_default() += 1;
}

fn name(path: &Path, number: usize, packed: &str) -> PathBuf {
    PathBuf::from(format!("{}.{number}{packed}", path.display()))
}

/// Each rotated file gets the next number; what is too old goes.
fn shift(log: &mut Log) {
    while let Some(oldest) = log.old.last()
        && log.old.len() >= KEPT
        && log.world.arrivals().all(&oldest.numbers)
    {
        let _ = fs::remove_file(name(&log.path, log.old.len(), oldest.packed));
        log.old.pop();
        // The next file may get its inode.
        log.same_head();
    }
    for (at, old) in log.old.iter().enumerate().rev() {
        fs::rename(name(&log.path, at + 1, old.packed), name(&log.path, at + 2, old.packed)).unwrap();
    }
}

async fn rename(log: &mut Log, why: &str) {
    shift(log);
    fs::rename(&log.path, name(&log.path, 1, "")).unwrap();
    // A program writes on until it is told.
    if log.rng.bool() {
        moment(&mut log.rng, 0..100).await;
        let count = log.rng.u64(1..50);
        log.lines(count);
    }
    log.file = append_to(&log.path);
    let numbers = log.generation(why);
    log.old.insert(0, Old { packed: "", numbers });
}

/// As `gzip` does it: the packed file grows under its name, then the other one goes.
async fn pack(log: &mut Log, packed: &'static str) {
    // `delaycompress` leaves the newest one alone.
    let at = if log.old.len() > 1 { log.rng.usize(0..2) } else { 0 };
    if !log.old[at].packed.is_empty() {
        return;
    }
    let plain = name(&log.path, at + 1, "");
    let mut bytes = Vec::new();
    File::open(&plain).unwrap().read_to_end(&mut bytes).unwrap();
    let changed = fs::metadata(&plain).unwrap().modified().unwrap();
    let out = File::create(name(&log.path, at + 1, packed)).unwrap();
    let mut encoder: Box<dyn Write + Send> = if packed == ".gz" {
        Box::new(GzEncoder::new(out.try_clone().unwrap(), Compression::fast()))
    } else {
        Box::new(zstd::Encoder::new(out.try_clone().unwrap(), 1).unwrap().auto_finish())
    };
    for part in bytes.chunks(64 << 10) {
        encoder.write_all(part).unwrap();
        if log.rng.u8(..) < 64 {
            encoder.flush().unwrap();
            moment(&mut log.rng, 1..100).await;
        }
    }
    drop(encoder);
    out.set_modified(changed).unwrap();
    fs::remove_file(plain).unwrap();
    log.old[at].packed = packed;
}

//! Clocks, memory, files read line by line and shared out to two workers.

use crate::{Options, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// User and system time of this process, from Linux's clock of 100 ticks a second.
pub fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// A line of `/proc/self/status`, in MB.
pub fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
    line.trim_start_matches(':')
        .split_whitespace()
        .next()
        .and_then(|kb| kb.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}

/// Runs and prints CPU s, wall s, and the peak of the process.
pub fn timed(name: &str, work: impl FnOnce() -> Result<u64>) -> Result<()> {
    let (started, before) = (Instant::now(), cpu());
    let count = work()?;
    let wall = started.elapsed().as_secs_f64();
    println!(
        "{name}: {count} documents, {:.2} CPU s, {wall:.2} s, {:.0}/s, peak RSS {:.0} MB",
        cpu() - before,
        count as f64 / wall,
        memory("VmHWM")
    );
    Ok(())
}

/// Bytes on disk by kind.
#[derive(Default)]
pub struct Sizes(BTreeMap<String, u64>);

impl Sizes {
    pub fn add(&mut self, kind: &str, bytes: u64) {
        *self.0.entry(kind.to_owned()).or_default() += bytes;
    }

    pub fn print(&self, detailed: bool) {
        let mut groups = BTreeMap::<&str, u64>::new();
        for (kind, bytes) in &self.0 {
            *groups.entry(kind.split(' ').next().unwrap_or(kind)).or_default() += bytes;
            if detailed && *bytes > 100_000 {
                println!("    {kind}: {:.2} MB", *bytes as f64 / 1e6);
            }
        }
        let parts: Vec<String> =
            groups.iter().map(|(kind, bytes)| format!("{kind} {:.1}", *bytes as f64 / 1e6)).collect();
        println!("  MB by kind: {}", parts.join(", "));
    }
}

pub fn folder_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The lines that begin within a stretch of a file, and where.
pub struct Lines {
    file: BufReader<File>,
    at: u64,
    end: u64,
    line: Vec<u8>,
}

impl Lines {
    pub fn open(path: &Path, from: u64, end: u64) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
        let (mut line, mut at) = (Vec::new(), from);
        if from > 0 {
            file.seek(SeekFrom::Start(from - 1))?;
            at += file.read_until(b'\n', &mut line)? as u64 - 1;
        }
        Ok(Self { file, at, end, line })
    }

    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        if self.at >= self.end {
            return Ok(None);
        }
        self.line.clear();
        let count = self.file.read_until(b'\n', &mut self.line)?;
        if count == 0 {
            return Ok(None);
        }
        let at = self.at;
        self.at += count as u64;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(Some((at, &self.line)))
    }
}

/// Cuts the file into stretches of `segment=` MB and has `threads=` workers make a segment of each.
pub fn chunks(
    path: &Path,
    options: &Options,
    work: impl Fn(usize, Lines) -> Result<u64> + Sync,
) -> Result<u64> {
    let size = std::fs::metadata(path)?.len();
    let step = options.number("segment", 112) as u64 * 1_000_000;
    let next = AtomicU64::new(0);
    let total = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.number("threads", 2))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number * step >= size {
                            return Ok(());
                        }
                        let lines = Lines::open(path, number * step, ((number + 1) * step).min(size))?;
                        total.fetch_add(work(number as usize, lines)?, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })?;
    Ok(total.into_inner())
}

//! What a batch costs on disk: `cargo bench -p alces-spool`. A batch is 2,048 lines of the sample access log, as text; `thrpt` is
//! bytes of that text. `append+sync` waits for the disk after every batch. `TMPDIR` says which disk.

#![allow(clippy::unwrap_used, reason = "a bench that cannot read its input should stop")]

use std::{
    hint::black_box,
    io::{BufRead as _, BufReader},
};

use alces_spool::{Folder, OnFull, Options, Spool};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn batches() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/apache_access_10k.log.gz");
    let file = std::fs::File::open(path).unwrap();
    let lines: Vec<String> =
        BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(Result::unwrap).collect();
    lines.chunks_exact(2048).map(|batch| (batch.join("\n") + "\n").into_bytes()).collect()
}

fn open(dir: &tempfile::TempDir, level: Option<i32>) -> Spool<Folder> {
    let mut options = Options::new(1 << 30);
    (options.compression, options.on_full) = (level, OnFull::DropOldest);
    Spool::open(Folder::open(dir.path()).unwrap(), options).unwrap()
}

fn bench(c: &mut Criterion) {
    let batches = batches();
    let bytes: usize = batches.iter().map(Vec::len).sum();
    let levels = [("stored", None), ("zstd 1", Some(1)), ("zstd 3", Some(3))];
    for sync in [true, false] {
        let mut group = c.benchmark_group(if sync { "append+sync" } else { "append" });
        group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
        for (name, level) in levels {
            let dir = tempfile::tempdir().unwrap();
            let mut spool = open(&dir, level);
            group.bench_function(name, |bench| {
                bench.iter(|| {
                    for batch in &batches {
                        spool.append(black_box(batch)).unwrap();
                        if sync {
                            spool.sync().unwrap();
                        }
                    }
                });
            });
        }
        group.finish();
    }
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    for (name, level) in levels {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = open(&dir, level);
        for batch in &batches {
            spool.append(batch).unwrap();
        }
        spool.sync().unwrap();
        println!("{name}: {bytes} bytes of text are {} on disk", spool.stats().bytes);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                spool.rewind();
                while let Some(record) = spool.read().unwrap() {
                    black_box(record);
                }
            });
        });
    }
    group.finish();
    // A start with a gigabyte waiting: only the last segment is read.
    let mut group = c.benchmark_group("open");
    group.sample_size(10);
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(&dir, None);
    while spool.stats().bytes < 900 << 20 {
        for batch in &batches {
            spool.append(batch).unwrap();
        }
    }
    spool.sync().unwrap();
    drop(spool);
    group.bench_function("900 MiB", |bench| {
        bench.iter_batched(|| (), |()| open(&dir, None), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

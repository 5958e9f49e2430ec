//! What the write-ahead log costs: records of about a megabyte, each packed, summed up and synced.

use crate::{Result, measure};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

pub fn run(path: &Path, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    for way in ["plain", "plain, no fsync", "lz4", "zstd 1", "lz4, 8 MB groups"] {
        let mut written = 0u64;
        let mut packer = zstd::bulk::Compressor::new(1)?;
        measure::timed(&format!("wal {way}"), || {
            let mut input = File::open(path)?;
            let mut out = File::create(dir.join("wal"))?;
            let mut buffer = vec![0; if way.contains("8 MB") { 8 << 20 } else { 1 << 20 }];
            let mut groups = 0;
            loop {
                let mut full = 0;
                while full < buffer.len() {
                    match input.read(&mut buffer[full..])? {
                        0 => break,
                        n => full += n,
                    }
                }
                if full == 0 {
                    return Ok(groups);
                }
                let packed = match way {
                    "zstd 1" => packer.compress(&buffer[..full])?,
                    _ if way.starts_with("lz4") => lz4_flex::block::compress_prepend_size(&buffer[..full]),
                    _ => Vec::new(),
                };
                let record = if packed.is_empty() { &buffer[..full] } else { &packed };
                std::hint::black_box(xxhash_rust::xxh3::xxh3_64(record));
                out.write_all(record)?;
                if !way.contains("no fsync") {
                    out.sync_data()?;
                }
                written += record.len() as u64;
                groups += 1;
            }
        })?;
        println!("  {:.1} MB", written as f64 / 1e6);
    }
    std::fs::remove_file(dir.join("wal"))?;
    Ok(())
}

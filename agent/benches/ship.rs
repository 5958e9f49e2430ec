//! A shipper that is fed with batches, and a sink on loopback that acknowledges: `cargo bench -p alces-agent --features inside`.
//! CPU seconds are those of the shipper's one thread, with putting the lines into batches and without reading them. Behind
//! them, what a save of the registry costs.

#![allow(clippy::unwrap_used, missing_docs, reason = "a measurement that cannot go on must stop")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use alces_agent::{Compression, Config, inside};
use alces_lumberjack::{Limits, Payload, WindowReader, asks, encode_ack, encode_offer};
use bytes::BytesMut;
use rustix::time::{ClockId, clock_gettime};

const BATCHES: usize = 500;

fn main() {
    let texts = lines();
    let bytes: usize = texts.iter().map(String::len).sum::<usize>() / texts.len();
    println!("{} lines of {bytes} bytes, the best of 3", BATCHES * texts.len());
    println!("| packed | lines/CPU s | MB/CPU s | lines/s | wire |\n|---|---|---|---|---|");
    for (name, compression) in [
        ("lines, plain", Compression::None),
        ("lines, zstd", Compression::Auto),
        ("documents, zlib 1", Compression::Zlib(1)),
        ("documents, zlib 3", Compression::Zlib(3)),
    ] {
        let runs = (0..3).map(|_| run(compression, &texts));
        let (wall, cpu, wire) = runs.min_by_key(|(_, cpu, _)| *cpu).unwrap();
        let lines = (BATCHES * texts.len()) as f64;
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.1} % |",
            lines / cpu.as_secs_f64(),
            lines * bytes as f64 / cpu.as_secs_f64() / 1e6,
            lines / wall.as_secs_f64(),
            100.0 * wire as f64 / (lines * bytes as f64),
        );
    }
    saves();
}

/// What it costs that one file was acknowledged further, where many are known.
fn saves() {
    println!("\n| registry of | one save |\n|---|---|");
    for files in [10, 1_000, 10_000] {
        let dir = tempfile::tempdir().unwrap();
        println!("| {files} files | {:.2?} |", inside::save(dir.path(), files, 100).unwrap());
    }
}

/// One window's worth of access lines.
fn lines() -> Vec<String> {
    let line = |n: u32| {
        let (a, b) = (n.wrapping_mul(2_654_435_761) >> 24, n.wrapping_mul(40_503) % 9_973);
        format!(
            "10.1.{}.{} - - [25/Nov/2026:10:{:02}:{:02} +0000] \"GET /tickets/{b}/messages?page={} HTTP/1.1\" 200 {} \
             \"https://desk.example/tickets/{b}\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0 Safari/537.36\"",
            b % 256,
            a % 200,
            n / 60 % 60,
            n % 60,
            a % 7,
            b * 13,
            90 + a % 30,
        )
    };
    (0..2048).map(line).collect()
}

/// Wall time, CPU time of the shipper's thread, bytes on the wire.
fn run(compression: Compression, texts: &[String]) -> (Duration, Duration, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sink = std::thread::spawn(move || sink(listener.accept().unwrap().0));
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(vec![address], dir.path().to_owned());
    config.compression = compression;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (began, cpu) = (Instant::now(), thread_time());
    let shipped = runtime.block_on(inside::ship(config, texts, BATCHES)).unwrap();
    let (wall, cpu) = (began.elapsed(), thread_time() - cpu);
    assert_eq!(shipped, (BATCHES * texts.len()) as u64);
    drop(runtime);
    (wall, cpu, sink.join().unwrap())
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

fn sink(mut stream: TcpStream) -> u64 {
    let mut reader = WindowReader::new(Limits::default());
    reader.allow_records();
    let (mut input, mut piece) = (BytesMut::new(), vec![0; 1 << 20]);
    let (mut bytes, mut first) = (0, true);
    loop {
        let got = stream.read(&mut piece).unwrap();
        if got == 0 {
            return bytes;
        }
        bytes += got as u64;
        input.extend_from_slice(&piece[..got]);
        while let Some(window) = reader.next_window(&mut input).unwrap() {
            if std::mem::take(&mut first) && matches!(&window.events[0], Payload::Json(json) if asks(json)) {
                stream.write_all(&encode_offer()).unwrap();
            }
            stream.write_all(&encode_ack(b'2', window.ack)).unwrap();
        }
    }
}

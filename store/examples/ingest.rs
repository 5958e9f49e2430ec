//! Measures ingest and three panel queries: a million generated access documents through `_bulk` over HTTP.
//!
//! `cargo run --release -p alces-store --example ingest -- 1000000`

use alces_store::{Config, Store, serve_store};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const BATCH: usize = 2000;

fn main() -> Result<()> {
    let total: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let store = Store::open(Config::new(dir.path()))?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(serve_store(listener, store, std::future::pending()));
    let template = r#"{"index_patterns":["logs"],"template":{"mappings":{"properties":{"@timestamp":{"type":"date"},
        "status":{"type":"short"},"bytes":{"type":"long"},"took":{"type":"float"},"client":{"type":"ip"},
        "method":{"type":"keyword"},"path":{"type":"keyword"},"agent":{"type":"keyword"},"message":{"type":"text"}}}}}"#;
    call(&mut connect(address)?, "PUT", "/_index_template/t", template.as_bytes())?;

    let bodies: Vec<String> =
        (0..total.div_ceil(BATCH)).map(|at| body(at * BATCH, BATCH.min(total - at * BATCH))).collect();
    let megabytes = bodies.iter().map(String::len).sum::<usize>() / 1_000_000;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let queue = std::sync::Mutex::new(bodies.into_iter());
    std::thread::scope(|scope| -> Result<()> {
        let work = || -> Result<()> {
            let mut stream = connect(address)?;
            loop {
                let next = queue.lock().map_err(|_| "poisoned")?.next();
                let Some(body) = next else { return Ok(()) };
                let answer = call(&mut stream, "POST", "/_bulk", body.as_bytes())?;
                if !answer.contains("\"errors\":false") {
                    return Err(answer.chars().take(500).collect::<String>().into());
                }
            }
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })?;
    let mut stream = connect(address)?;
    call(&mut stream, "POST", "/_refresh", b"")?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{total} documents, {megabytes} MB: {seconds:.1} s, {:.0}/s, {:.1} CPU s (client included), peak {} MB",
        total as f64 / seconds,
        cpu_seconds() - cpu,
        peak_megabytes(),
    );
    println!("{}", call(&mut stream, "GET", "/_cat/indices?h=docs.count,store.size", b"")?.trim());
    for (name, query) in [
        (
            "10-minute histogram, percentiles, 5xx",
            r#"{"size":0,"aggs":{"t":{"date_histogram":{"field":"@timestamp","fixed_interval":"10m"},"aggs":{"p":{"percentiles":{"field":"took","percents":[50,95,99]}},"bad":{"filter":{"range":{"status":{"gte":500}}}}}}}}"#,
        ),
        (
            "terms top 10, percentiles",
            r#"{"size":0,"aggs":{"t":{"terms":{"field":"path","size":10},"aggs":{"p":{"percentiles":{"field":"took"}}}}}}"#,
        ),
        (
            "phrase, newest 50",
            r#"{"query":{"match_phrase":{"message":"cart checkout"}},"sort":[{"@timestamp":"desc"}],"size":50,"track_total_hits":true}"#,
        ),
        (
            "5xx, newest 50",
            r#"{"query":{"range":{"status":{"gte":500}}},"sort":[{"@timestamp":"desc"}],"size":50}"#,
        ),
    ] {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let started = Instant::now();
            call(&mut stream, "POST", "/logs/_search", query.as_bytes())?;
            best = best.min(started.elapsed().as_secs_f64());
        }
        println!("{name}: {:.1} ms", best * 1000.0);
    }
    Ok(())
}

fn body(from: usize, count: usize) -> String {
    let mut out = String::new();
    for n in from..from + count {
        // A cheap mix, so that values repeat as in logs but lines do not.
        let mix = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let path =
            ["/", "/cart", "/cart/checkout", "/login", "/api/items", "/static/app.js"][mix as usize % 6];
        let status = match mix % 100 {
            0..=1 => 503,
            2..=6 => 404,
            7..=12 => 302,
            _ => 200,
        };
        let word = ["cart checkout", "item viewed", "login ok", "asset served"][mix as usize / 7 % 4];
        let (bytes, took) = (mix % 50_000, (mix % 4000) as f64 / 1000.0);
        let _ = write!(
            out,
            "{{\"create\":{{\"_index\":\"logs\",\"_id\":\"web1-7f3a-{n:012}\"}}}}\n{{\"@timestamp\":{},\"status\":{status},\
             \"bytes\":{bytes},\"took\":{took},\"client\":\"10.{}.{}.{}\",\"method\":\"GET\",\"path\":\"{path}?id={}\",\
             \"agent\":\"Mozilla/5.0 (X11; Linux x86_64) Firefox/{}\",\"message\":\"GET {path} {status} {word} for user {} in session {mix:x}\"}}\n",
            1_795_000_000_000u64 + n as u64 * 86,
            mix % 4,
            mix / 3 % 256,
            mix / 11 % 256,
            mix % 500,
            100 + mix % 20,
            mix % 10_000,
        );
    }
    out
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn call(stream: &mut BufReader<TcpStream>, method: &str, path: &str, body: &[u8]) -> Result<String> {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(body)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().to_ascii_lowercase().strip_prefix("content-length: ") {
            Some(text) => length = text.parse()?,
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer)?)
}

/// User and system time of this process, from Linux's clock of 100 ticks a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

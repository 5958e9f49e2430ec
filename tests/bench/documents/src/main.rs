//! Bodies of `_bulk` for benches: access documents as the pipeline makes them of lines, the same for the same number, none like another.
//!
//! ```text
//! alces-bench-documents 1000000 logs > bulk.ndjson
//! ```
//! Each document is behind its action, `create` with an id as the agent makes them. Paths, referrers and browsers are those of the sample,
//! by how often they come there.

use std::borrow::Cow;
use std::io::{BufWriter, Read, Write};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [count, index] = args.as_slice() else {
        return Err("usage: alces-bench-documents COUNT INDEX".into());
    };
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    run(count.parse()?, index, &mut out)?;
    Ok(out.flush()?)
}

fn two(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
}

/// All documents are of one day, 2026-11-25: `10:00:00` of milliseconds since its begin.
fn clock(out: &mut Vec<u8>, millis: i64) {
    two(out, millis / 3_600_000);
    out.push(b':');
    two(out, millis / 60_000 % 60);
    out.push(b':');
    two(out, millis / 1000 % 60);
}

const RARE: &str = "zebrafinch";

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Zipf's law over `n` things.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(n: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=n).map(|rank| {
            sum += (rank as f64).powf(-s);
            sum
        });
        Self(sums.collect())
    }
    fn pick(&self, dice: &mut Dice) -> usize {
        let at = dice.unit() * self.0.last().copied().unwrap_or(0.0);
        self.0.partition_point(|sum| *sum < at).min(self.0.len() - 1)
    }
}

struct Agent {
    original: String,
    name: &'static str,
    version: String,
    os: Option<&'static str>,
}

fn agent(original: String) -> Agent {
    const NAMES: [(&str, &str); 12] = [
        ("Googlebot/", "Googlebot"),
        ("bingbot/", "bingbot"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Firefox/", "Firefox"),
        ("Version/", "Safari"),
        ("MSIE ", "IE"),
        ("Tiny Tiny RSS/", "Tiny Tiny RSS"),
        ("UniversalFeedParser/", "UniversalFeedParser"),
        ("curl/", "curl"),
        ("Wget/", "Wget"),
        ("Mozilla/", "Other"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Mac OS X", "Mac OS X"),
        ("Ubuntu", "Ubuntu"),
        ("Linux", "Linux"),
    ];
    let (mark, name) = NAMES.into_iter().find(|(mark, _)| original.contains(mark)).unwrap_or(("", "Other"));
    let rest = original.split_once(mark).map_or("", |(_, rest)| rest);
    let version = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let os = SYSTEMS.into_iter().find(|(mark, _)| original.contains(mark)).map(|(_, os)| os);
    Agent { original, name, version, os }
}

struct Sample {
    paths: Vec<String>,
    referrers: Vec<String>,
    agents: Vec<Agent>,
}

fn sample(dice: &mut Dice) -> Result<Sample> {
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../data/apache_access_10k.log.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(packed)?).read_to_string(&mut text)?;
    let (mut paths, mut referrers, mut agents): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    let clean =
        |text: &str| text.is_ascii() && !text.contains(['\\', '"', '\u{7f}']) && !text.contains(|c| c < ' ');
    for line in text.lines() {
        let parts: Vec<&str> = line.split('"').collect();
        let [_, request, _, referrer, _, agent, ..] = parts.as_slice() else { continue };
        let path = request.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
        for (text, list) in [(path, &mut paths), (*referrer, &mut referrers), (*agent, &mut agents)] {
            if clean(text) && text.len() > 1 {
                list.push(text.to_owned());
            }
        }
    }
    // By how often they come in the sample, so that rank means what it means there.
    let ranked = |list: Vec<String>| {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        list.into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
        let mut list: Vec<_> = counts.into_iter().collect();
        list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        list.into_iter().map(|(text, _)| text).collect::<Vec<_>>()
    };
    let (paths, referrers, mut agents) = (ranked(paths), ranked(referrers), ranked(agents));
    let base = agents.len();
    while agents.len() < 2000 {
        // Another release of a known one: digits change, the form stays.
        let of = &agents[dice.below(base as u64) as usize];
        let at = of.rfind("Chrome/").or(of.rfind("Firefox/")).or(of.rfind("Version/")).or(of.rfind('/'));
        let text: String = of
            .char_indices()
            .map(|(i, c)| {
                if at.is_some_and(|at| i > at) && c.is_ascii_digit() {
                    (b'0' + dice.below(10) as u8) as char
                } else {
                    c
                }
            })
            .collect();
        agents.push(text);
    }
    Ok(Sample { paths, referrers, agents: agents.into_iter().map(agent).collect() })
}

fn target(n: u64, total: u64, sample: &Sample, zipf: &Zipf, dice: &mut Dice) -> String {
    if n == total / 4 || n == total / 2 || n == total / 10 * 9 {
        return format!("/search?q={RARE}&page=1");
    }
    let id = dice.below(200_000).min(dice.below(200_000));
    match dice.below(100) {
        0 => format!("/cart/checkout?session={:016x}", dice.next()),
        1 => format!("/checkout/cart?session={:016x}", dice.next()),
        2..=3 => format!("/cart/items/{}", id % 5000),
        4..=11 => format!("/api/users/{}", id % 20_000),
        12..=19 => format!("/api/users/{}/orders/{}", id % 20_000, dice.below(4_000_000)),
        20..=25 => {
            let words = ["printer", "vpn", "password", "laptop", "mail", "screen", "access", "license"];
            format!(
                "/search?q={}+{}&page={}",
                words[dice.below(8) as usize],
                words[dice.below(8) as usize],
                dice.below(9) + 1
            )
        }
        26..=37 => format!("/tickets/{}", id),
        38..=42 => format!("/tickets/{}/comments?since={}", id, 1_764_028_800 + n / 12),
        43..=50 => "/api/health".to_owned(),
        51..=56 => format!("/static/app.{:08x}.js", dice.below(12) * 0x0135_79bd),
        _ => sample.paths[zipf.pick(dice)].clone(),
    }
}

fn run(total: u64, index: &str, out: &mut impl Write) -> Result<()> {
    let mut dice = Dice(20_261_125);
    let sample = sample(&mut dice)?;
    let paths = Zipf::new(sample.paths.len(), 1.0);
    let agents = Zipf::new(sample.agents.len(), 1.1);
    let referrers = Zipf::new(sample.referrers.len(), 1.0);
    let clients: Vec<String> = (0..60_000)
        .map(|_| std::net::Ipv4Addr::from(dice.next() as u32 & 0x7fff_ffff | 0x0100_0000).to_string())
        .collect();
    let client = Zipf::new(clients.len(), 0.9);
    let mut offset = 0u64;
    let (mut line, mut json) = (Vec::new(), Vec::new());
    for n in 0..total {
        // Rising, with a jitter that does not change the order.
        let slot = 86_400_000.0 / total as f64;
        let time = ((n as f64 + dice.unit()) * slot) as i64;
        let url = target(n, total, &sample, &paths, &mut dice);
        let path = url.split('?').next().unwrap_or("/").to_owned();
        let method = match dice.below(100) {
            0..=11 if url.starts_with("/api") || url.starts_with("/cart") => "POST",
            12..=13 if url.starts_with("/api") => "PUT",
            99 => "HEAD",
            _ => "GET",
        };
        let incident = (n * 1000 / total).abs_diff(610) < 7;
        let status = match dice.below(1000) {
            x if x < if incident { 200 } else { 6 } => [500, 502, 503, 504][dice.below(4) as usize],
            x if x < 230 => [404, 404, 404, 403, 401, 301, 304, 304][dice.below(8) as usize],
            _ => 200,
        };
        let bytes = match status {
            304 => 0,
            200 => (9.0 + 1.4 * dice.normal()).exp() as i64,
            _ => 200 + dice.below(400) as i64,
        };
        let slow = if status >= 500 {
            2.0
        } else if url.starts_with("/api") {
            0.7
        } else {
            0.0
        };
        let duration = (9.2 + slow + 1.1 * dice.normal()).exp() as i64 + 80;
        let agent = &sample.agents[agents.pick(&mut dice)];
        let referrer = match dice.below(10) {
            0..=3 => None,
            4..=6 => {
                Some(Cow::Owned(format!("https://helpdesk.example.com/tickets/{}", dice.below(200_000))))
            }
            _ => Some(Cow::Borrowed(sample.referrers[referrers.pick(&mut dice)].as_str())),
        };
        let address = clients[client.pick(&mut dice)].as_str();
        let version = if dice.below(20) == 0 { "1.0" } else { "1.1" };
        let host =
            ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6", "web-7", "web-8"][dice.below(8) as usize];
        line.clear();
        line.extend_from_slice(address.as_bytes());
        line.extend_from_slice(b" - - [");
        line.extend_from_slice(b"25/Nov/2026:");
        clock(&mut line, time);
        write!(
            line,
            " +0000] \"{method} {url} HTTP/{version}\" {status} {bytes} \"{}\" \"{}\" {duration}",
            referrer.as_deref().unwrap_or("-"),
            agent.original
        )?;
        let line = std::str::from_utf8(&line)?;
        json.clear();
        json.extend_from_slice(b"{\"@timestamp\":\"2026-11-25T");
        clock(&mut json, time);
        let line = serde_json::to_string(line)?;
        write!(json, ".{:03}Z\",\"source\":{{\"address\":\"{address}\"}},\"http\":{{\"version\":\"{version}\",\"request\":{{\"method\":\"{method}\"", time % 1000)?;
        if let Some(referrer) = &referrer {
            write!(json, ",\"referrer\":\"{referrer}\"")?;
        }
        write!(
            json,
            "}},\"response\":{{\"status_code\":{status},\"body\":{{\"bytes\":{bytes}}}}}}},\"url\":{{\"original\":\"{url}\",\"path\":\"{path}\"}},\
             \"event\":{{\"duration\":{duration},\"original\":{line}}},\"user_agent\":{{\"original\":\"{}\",\"name\":\"{}\"",
            agent.original, agent.name
        )?;
        if !agent.version.is_empty() {
            write!(json, ",\"version\":\"{}\"", agent.version)?;
        }
        if let Some(os) = agent.os {
            write!(json, ",\"os\":{{\"name\":\"{os}\"}}")?;
        }
        writeln!(json, "}},\"host\":{{\"name\":\"{host}\"}},\"message\":{line}}}")?;
        writeln!(out, "{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{}\"}}}}", id(host, offset))?;
        out.write_all(&json)?;
        offset += json.len() as u64;
    }
    Ok(())
}

/// The id of a document: its host and where it begins, as the agent makes them of file and offset.
fn id(host: &str, offset: u64) -> String {
    format!("{host}-7f3a-{offset:012}")
}

//! The spike that decided the store's engine. `store/DESIGN.md` has the figures and the decision, `results/` what it printed.
//!
//! ```text
//! cargo build --release --manifest-path store/spike/Cargo.toml     # `target/release/spike` beneath store/spike
//! spike generate 1000000 > access.ndjson       # the same bytes every time; `generate 1000000 bulk` makes bulk bodies of them
//! spike a access.ndjson                        # all in tantivy, as store/src/engine has it
//! spike a access.ndjson source=derived ...     # and tuned, see below
//! spike b access.ndjson                        # Parquet and token filters
//! spike c access.ndjson                        # Parquet, and a tantivy index of the words
//! spike d access.ndjson                        # tantivy's columns without its index, words by distinct value
//! spike wal access.ndjson                      # what the log costs: plain, LZ4, zstd 1, with an fsync each megabyte
//! spike merge a|d dir=DIR [into=DIR]           # merges what an ingest left into one segment
//! ```
//!
//! Settings are `name=value` behind the file: `dir=` (where to put the index), `words=uax|ascii`, `text=positions|freqs|basic`,
//! `threads=`, `segment=` (MB of JSON), `detail=1`; of (a) `fields=json|typed`, `source=full|rest|derived`, `exact=postings|columns`,
//! `store=lz4|LEVEL` (zstd), `block=`, `segments=single`, `commit=` (documents), `memory=`; of (b) and (c) `level=` (zstd), `page=`
//! (rows), `group=` (rows), `source=derived|plain` (is a text a template over the fields), `ids=0` (leave out ids; of (d) too),
//! `verify=1` of (d) (write each document back and compare).
//!
//! Each run ingests, opens what it wrote in a process of its own (`query`), prints memory at rest and the least of five of each query.

mod derive;
mod dict;
mod fields;
mod generate;
mod measure;
mod parq;
mod sketch;
mod tant;
mod wal;
mod words;

use sketch::Sketch;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tantivy::schema::IndexRecordOption;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
/// What a query found, in words, so that engines can be compared.
pub type Answer = String;

/// `name=value` arguments.
#[derive(Clone, Default)]
pub struct Options(HashMap<String, String>);

impl Options {
    pub fn get<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name).is_some_and(|v| v == value)
    }
    pub fn number(&self, name: &str, default: usize) -> usize {
        self.0.get(name).and_then(|n| n.parse().ok()).unwrap_or(default)
    }
    pub fn positions(&self) -> IndexRecordOption {
        match self.get("text", "positions") {
            "basic" => IndexRecordOption::Basic,
            "freqs" => IndexRecordOption::WithFreqs,
            _ => IndexRecordOption::WithFreqsAndPositions,
        }
    }
}

/// The set of queries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Query {
    Histogram,
    Terms,
    Phrase,
    Errors,
    ErrorsTotal,
    Rare,
}

const QUERIES: [(&str, Query); 6] = [
    ("Q1 10-minute histogram, p50 p95 p99, 5xx", Query::Histogram),
    ("Q2 top 10 of url.path, percentiles", Query::Terms),
    ("Q3 phrase, newest 50, total", Query::Phrase),
    ("Q4 5xx, newest 50", Query::Errors),
    ("Q4 with the total", Query::ErrorsTotal),
    ("Q5 rare word", Query::Rare),
];

/// Adds a stretch of three columns to the buckets of Q1. Times mostly rise, so the bucket is looked up when it changes.
pub fn histogram(
    times: &[i64],
    durations: &[i64],
    statuses: &[i64],
    buckets: &mut HashMap<i64, (Sketch, u64)>,
) {
    let mut at = 0;
    while at < times.len() {
        let key = times[at].div_euclid(600_000);
        let (low, high) = (key * 600_000, (key + 1) * 600_000);
        let bucket = buckets.entry(key).or_default();
        while at < times.len() && (low..high).contains(&times[at]) {
            bucket.0.add(durations[at]);
            bucket.1 += u64::from(statuses[at] >= 500);
            at += 1;
        }
    }
}

pub fn histogram_answer(buckets: &HashMap<i64, (Sketch, u64)>) -> Answer {
    let mut keys: Vec<_> = buckets.keys().collect();
    keys.sort_unstable();
    let total: u64 = buckets.values().map(|b| b.0.total).sum();
    let bad: u64 = buckets.values().map(|b| b.1).sum();
    let figures: Vec<[i64; 3]> =
        keys.iter().map(|key| [50.0, 95.0, 99.0].map(|p| buckets[key].0.percentile(p))).collect();
    let sum: i64 = figures.iter().flatten().sum();
    format!(
        "{} buckets, {total} documents, {bad} 5xx, first {:?}, sum of percentiles {sum}",
        keys.len(),
        figures.first()
    )
}

/// Terms that can be among the ten most frequent: `counts` by segment and ordinal. Whoever is among them has at least the tenth's sum
/// divided by the segments in one of these, and the tenth's sum is at least what the segments' own leaders add up to.
pub fn candidates(counts: &[&[u32]], text: impl Fn(usize, usize) -> String) -> Vec<String> {
    let mut partial: HashMap<String, u64> = HashMap::new();
    for (part, counts) in counts.iter().enumerate() {
        let mut best: Vec<(u32, usize)> = counts.iter().enumerate().map(|(ord, n)| (*n, ord)).collect();
        let keep = best.len().min(40);
        if keep < best.len() {
            best.select_nth_unstable_by(keep, |a, b| b.cmp(a));
        }
        for (n, ord) in &best[..keep] {
            *partial.entry(text(part, *ord)).or_default() += u64::from(*n);
        }
    }
    let mut sums: Vec<u64> = partial.into_values().collect();
    sums.sort_unstable_by(|a, b| b.cmp(a));
    let least = sums.get(9).copied().unwrap_or(0).div_ceil(counts.len().max(1) as u64).max(1);
    let mut out = std::collections::HashSet::new();
    for (part, counts) in counts.iter().enumerate() {
        for (ord, n) in counts.iter().enumerate() {
            if u64::from(*n) >= least {
                out.insert(text(part, ord));
            }
        }
    }
    out.into_iter().collect()
}

pub fn terms_answer(sums: &[(u64, String)], sketches: &[Sketch]) -> Answer {
    let rows = sums.iter().zip(sketches).map(|((n, term), s)| {
        debug_assert_eq!(*n, s.total);
        format!("{term} {n} {}/{}/{}", s.percentile(50.0), s.percentile(95.0), s.percentile(99.0))
    });
    rows.collect::<Vec<_>>().join("; ")
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut plain = vec![];
    let mut options = Options::default();
    for arg in &args {
        match arg.split_once('=') {
            Some((name, value)) => drop(options.0.insert(name.to_owned(), value.to_owned())),
            None => plain.push(arg.as_str()),
        }
    }
    words::SLOW.store(options.is("words", "uax"), std::sync::atomic::Ordering::Relaxed);
    match plain.as_slice() {
        ["generate", count, rest @ ..] => {
            let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
            generate::run(count.parse()?, rest == ["bulk"], &mut out)?;
            Ok(out.flush()?)
        }
        ["check", file] => check(Path::new(file)),
        ["wal", file] => wal::run(Path::new(file), &dir(&options)),
        ["parse", file] => measure::timed("parse alone", || {
            measure::chunks(Path::new(file), &options, |_, mut lines| {
                let (trie, mut count) = (fields::Trie::new(), 0);
                while let Some((_, line)) = lines.next()? {
                    std::hint::black_box(trie.parse(line)?);
                    count += 1;
                }
                Ok(count)
            })
        }),
        [kind @ ("a" | "b" | "c" | "d"), file] => ingest(kind, Path::new(file), &options, &args),
        ["merge", kind @ ("a" | "d")] => measure::timed(&format!("merge {kind}"), || match *kind {
            "a" => tant::merge(&dir(&options)),
            _ => dict::merge(&dir(&options), Path::new(options.get("into", "spike-merged"))),
        }),
        ["query", kind] => query(kind, &options),
        _ => Err("usage: spike generate N [bulk] | a|b|c|d|wal|parse|check FILE [name=value ...]".into()),
    }
}

fn dir(options: &Options) -> PathBuf {
    PathBuf::from(options.get("dir", "spike-data"))
}

/// Writing back gives the very bytes, templates their texts, and both ways of cutting words the same words.
fn check(file: &Path) -> Result<()> {
    let trie = fields::Trie::new();
    let mut lines = measure::Lines::open(file, 0, u64::MAX)?;
    let (mut out, mut template) = (vec![], vec![]);
    let mut deriver = derive::Deriver::default();
    let (mut count, mut bytes, mut templates) = (0u64, 0usize, std::collections::HashSet::new());
    while let Some((_, line)) = lines.next()? {
        let doc = trie.parse(line)?;
        out.clear();
        fields::render(&doc, &mut out);
        if out != line {
            return Err(format!(
                "written back otherwise:\n{}\n{}",
                String::from_utf8_lossy(line),
                String::from_utf8_lossy(&out)
            )
            .into());
        }
        deriver.template(&doc, fields::MESSAGE, &mut template);
        let message = doc.0[fields::MESSAGE].as_ref().map_or("", fields::Leaf::str);
        if derive::restore(&template, &doc) != message {
            return Err(format!("restored otherwise: {message}").into());
        }
        bytes += message.len();
        templates.insert(template.clone());
        words::check(message)?;
        count += 1;
    }
    println!("{count} documents are as they were; messages {bytes} bytes, {} templates", templates.len());
    Ok(())
}

fn ingest(kind: &str, file: &Path, options: &Options, args: &[String]) -> Result<()> {
    let dir = dir(options);
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    println!("== {}", args.iter().filter(|a| !a.contains('/')).cloned().collect::<Vec<_>>().join(" "));
    measure::timed("ingest", || match kind {
        "a" => tant::ingest(file, &dir, options),
        "d" => dict::ingest(file, &dir, options),
        _ => parq::ingest(file, &dir, options, kind == "c"),
    })?;
    println!("  on disk {:.1} MB", measure::folder_bytes(&dir) as f64 / 1e6);
    std::io::stdout().flush()?;
    let mut again = std::process::Command::new(std::env::current_exe()?);
    let rest = args.iter().filter(|arg| arg.contains('='));
    match again.arg("query").arg(kind).args(rest).status()?.success() {
        true => Ok(()),
        false => Err("the queries failed".into()),
    }
}

enum Opened {
    A(tant::Opened),
    B(parq::Opened),
    D(dict::Opened),
}

fn open(kind: &str, options: &Options) -> Result<Opened> {
    Ok(match kind {
        "a" => Opened::A(tant::open(&dir(options), options)?),
        "d" => Opened::D(dict::open(&dir(options))?),
        _ => Opened::B(parq::open(&dir(options), options)?),
    })
}

fn query(kind: &str, options: &Options) -> Result<()> {
    let before = measure::memory("RssAnon");
    let started = Instant::now();
    let opened = open(kind, options)?;
    let took = started.elapsed().as_secs_f64() * 1000.0;
    let mut sizes = measure::Sizes::default();
    let segments = match &opened {
        Opened::A(a) => a.sizes(&mut sizes)?,
        Opened::B(b) => b.sizes(&mut sizes)?,
        Opened::D(d) => d.sizes(&mut sizes)?,
    };
    sizes.print(options.is("detail", "1"));
    // Ten times the same segments: what ten times the documents would hold in memory.
    let many: Vec<Opened> = (0..9).map(|_| open(kind, options)).collect::<Result<_>>()?;
    println!(
        "  {segments} segments, opened in {took:.1} ms; at rest, opened ten times over: RSS {:.1} MB (anonymous {:.1} MB, {before:.1} before)",
        measure::memory("VmRSS"),
        measure::memory("RssAnon")
    );
    drop(many);
    for (name, query) in QUERIES {
        let (mut least, mut first, mut answer) = (f64::MAX, 0.0, String::new());
        for at in 0..5 {
            let started = Instant::now();
            answer = match &opened {
                Opened::A(a) => a.run(query)?,
                Opened::B(b) => b.run(query)?,
                Opened::D(d) => d.run(query)?,
            };
            let took = started.elapsed().as_secs_f64() * 1000.0;
            least = least.min(took);
            if at == 0 {
                first = took;
            }
        }
        println!("  {name}: {least:.2} ms (first {first:.1})\n      {answer}");
    }
    println!(
        "  after the queries: RSS {:.1} MB (anonymous {:.1} MB)",
        measure::memory("VmRSS"),
        measure::memory("RssAnon")
    );
    Ok(())
}

//! `alces dlq retry`, killed at any moment again and again, beside a collector that goes on appending: nothing is lost, and nothing doubled.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use alces_dlq::{Appender, Letter, Limits, Queue};
use jiff::Timestamp;

use crate::support::{fake::Fake, process::Process};

/// How often it is killed.
const KILLS: usize = 60;

/// Letters at the start, and those that come each time. More than one request takes, and some that are refused again.
const LETTERS: u64 = 1_500;
const MORE: u64 = 20;

/// Appends letters, as a collector does.
fn append(to: &Appender, numbers: std::ops::Range<u64>, hosts: &[String], with_bad: bool) {
    let documents: Vec<(String, String)> = numbers
        .map(|n| {
            let bad = if with_bad && n % 97 == 0 { ",\"bad\":true" } else { "" };
            let document = format!("{{\"n\":{n}{bad},\"message\":\"{}\"}}", "x".repeat((n % 700) as usize));
            // Some had an id from their sender, others had none.
            let id = if n % 3 == 0 { format!(",\"_id\":\"id-{n}\"") } else { String::new() };
            (
                document,
                format!("{{\"{}\":{{\"_index\":\"x\"{id}}}}}", if n % 2 == 0 { "create" } else { "index" }),
            )
        })
        .collect();
    let letters: Vec<Letter<'_>> = documents
        .iter()
        .map(|(document, action)| Letter {
            document: document.as_bytes(),
            metadata: b"{}",
            status: Some(400),
            reason: "why".to_owned(),
            index: Some("x".to_owned()),
            action: Some(action.as_bytes()),
            hosts,
        })
        .collect();
    assert_eq!(to.append("opensearch", Timestamp::now(), &letters).unwrap().kept, letters.len() as u64);
}

/// The letters in the queue: how often each is there, and the id that it is sent with.
fn letters(data: &Path) -> BTreeMap<u64, (u64, String)> {
    let mut found: BTreeMap<u64, (u64, String)> = BTreeMap::new();
    let Some(mut lines) = Queue::of_pipeline(data, "main").lines().unwrap() else { return found };
    while let Some(line) = lines.next().unwrap() {
        let entry = line.entry().unwrap_or_else(|| panic!("a damaged line at {}", line.start));
        let document: serde_json::Value = serde_json::from_str(entry.document()).unwrap();
        let letter = found.entry(document["n"].as_u64().unwrap()).or_default();
        letter.0 += 1;
        letter.1 = entry.id().unwrap();
    }
    found
}

/// Kills `alces dlq retry` at any moment, with these arguments more.
fn storm(through: bool) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let fake = Fake::start(rng.fork());
    let hosts = [format!("http://{}", fake.address)];
    let conf = dir.path().join("through.conf");
    std::fs::write(
        &conf,
        format!(
            "output {{ opensearch {{ hosts => \"{}\" index => \"x\" manage_template => false }} }}",
            hosts[0]
        ),
    )
    .unwrap();
    let retry = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["dlq", "retry", "--data-dir"]).arg(&data);
        if through {
            command.arg("--through").arg(&conf);
        }
        Process::start("dlq retry", &mut command)
    };
    let appender = Appender::new(&data, "main", Limits::default()).unwrap();
    let mut count = LETTERS;
    append(&appender, 0..count, &hosts, !through);
    let mut ids: BTreeMap<u64, String> = letters(&data).into_iter().map(|(n, (_, id))| (n, id)).collect();
    let beside = data.join("dead_letter_queue/main.ndjson.new");
    let mut ended = 0;
    for _ in 0..KILLS {
        let answered = fake.got().answered;
        let mut running = retry();
        append(&appender, count..count + MORE, &hosts, !through);
        count += MORE;
        match rng.u8(..3) {
            // At any time.
            0 => fake.wait_for_answers(u64::MAX, Duration::from_micros(rng.u64(..150_000))),
            // Between an answer and what is made of it.
            1 => {
                fake.wait_for_answers(answered + rng.u64(1..4), Duration::from_secs(2));
                fake.wait_for_answers(u64::MAX, Duration::from_micros(rng.u64(..4_000)));
            }
            // While letters are taken out.
            _ => {
                let end = Instant::now() + Duration::from_secs(2);
                while !beside.exists() && !running.has_ended() && Instant::now() < end {
                    std::hint::spin_loop();
                }
                fake.wait_for_answers(u64::MAX, Duration::from_micros(rng.u64(..400)));
            }
        }
        ended += usize::from(running.has_ended());
        running.kill();
        let left = letters(&data);
        ids.extend(left.iter().map(|(n, (_, id))| (*n, id.clone())));
        let got = fake.got();
        let lost: Vec<u64> = (0..count).filter(|n| !left.contains_key(n) && !got.taken.contains(n)).collect();
        assert!(lost.is_empty(), "seed {seed}: {} lost, as {:?}", lost.len(), lost.first());
    }
    println!("{KILLS} kills, {ended} of them of one that had ended; {} requests", fake.got().answered);
    assert!(ended < KILLS * 3 / 4, "it is hardly ever killed");
    fake.got().is_calm = true;
    let mut last = retry();
    let code = last.finish().code();
    let said = last.lines().join("\n");
    let got = fake.got();
    let left = letters(&data);
    let bad = |n: &u64| !through && n.is_multiple_of(97);
    assert_eq!(code, Some(i32::from(!through)), "{said}");
    assert!(
        left.keys().eq((0..count).filter(bad).collect::<Vec<_>>().iter()),
        "only those stay that are refused"
    );
    assert!(left.values().all(|(times, _)| *times == 1));
    assert!((0..count).all(|n| bad(&n) != got.taken.contains(&n)));
    for n in 0..count {
        let sent: Vec<&String> = got.ids.get(&n).into_iter().flatten().collect();
        assert_eq!(sent.len(), 1, "seed {seed}: letter {n} was sent as {sent:?}");
        // One that was taken out at once was never seen here.
        assert!(ids.get(&n).is_none_or(|id| id == sent[0]), "seed {seed}: letter {n} was sent as {sent:?}");
    }
}

#[test]
fn a_retry_that_is_killed_at_any_moment_loses_no_letter_and_sends_each_with_one_id() {
    storm(false);
}

#[test]
fn letters_on_their_way_through_a_pipeline_survive_kills_too() {
    storm(true);
}

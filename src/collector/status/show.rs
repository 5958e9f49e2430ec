//! The answer of `/_node/stats` as a page of text.

use std::{fmt::Write as _, time::Duration};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::dlq::text::{plain, size};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// What is there now. With what was there before, and how long ago that was, its numbers a second are of that time; else of all the
/// time that the collector has run.
pub(super) fn show(now: &Value, before: Option<(&Value, Duration)>) -> String {
    let up = Duration::from_millis(number(&now["process"]["uptime_in_millis"]));
    // One that was started anew since then counts from 0.
    let before = before.filter(|(before, _)| before["id"] == now["id"]);
    let (past, time) = before.map_or((&Value::Null, up), |(past, time)| (past, time));
    let seconds = time.as_secs_f64().max(0.001);
    let mut out = String::new();
    head(&mut out, now, past, seconds, up);
    for (id, pipeline) in now["pipelines"].as_object().into_iter().flatten() {
        out.push('\n');
        one(&mut out, id, pipeline, &past["pipelines"][id], seconds);
    }
    out
}

fn head(out: &mut String, now: &Value, past: &Value, seconds: f64, up: Duration) {
    let status = now["status"].as_str().unwrap_or("unknown");
    let colour = match status {
        "green" => AnsiColor::Green,
        "yellow" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    }
    .on_default()
    .bold();
    let cpu = |of: &Value| number(&of["process"]["cpu"]["total_in_millis"]) as f64;
    let _ = writeln!(
        out,
        "{BOLD}{} {}{BOLD:#} at {}  {colour}{status}{colour:#}  up {}  CPU {:.1} %  memory {}  reloads {}, failed {}",
        text(&now["name"]),
        text(&now["version"]),
        text(&now["http_address"]),
        age(up),
        (cpu(now) - cpu(past)).max(0.0) / seconds / 10.0,
        size(number(&now["process"]["mem"]["resident_in_bytes"])),
        number(&now["reloads"]["successes"]),
        number(&now["reloads"]["failures"]),
    );
}

/// What came of all events, which adds up.
fn accounts(events: &Value) -> String {
    let side = |names: &[(&str, &str)], always: &[&str]| {
        let terms = names.iter().filter_map(|(name, said)| {
            let count = number(&events[*name]);
            (count > 0 || always.contains(name)).then(|| format!("{} {said}", grouped(count)))
        });
        terms.collect::<Vec<_>>().join(" + ")
    };
    let came = side(&[("in", "in"), ("made", "made")], &["in"]);
    let became = [
        ("acknowledged", "acknowledged"),
        ("dead_lettered", "dead-lettered"),
        ("dropped", "dropped"),
        ("lost", "lost"),
        ("returned", "returned"),
        ("held", "held"),
    ];
    format!("{came} = {}", side(&became, &["acknowledged", "held"]))
}

fn one(out: &mut String, id: &str, pipeline: &Value, past: &Value, seconds: f64) {
    let events = &pipeline["events"];
    let rate = |name: &str| a_second(&events[name], &past["events"][name], seconds);
    let _ = write!(out, "{BOLD}{}{BOLD:#}  in {}/s  out {}/s", plain(id), rate("in"), rate("out"));
    let queue = &pipeline["queue"];
    match queue["type"].as_str() {
        Some("persisted") => {
            let (has, most) =
                (number(&queue["queue_size_in_bytes"]), number(&queue["max_queue_size_in_bytes"]));
            let _ = writeln!(out, "  queue {} of {} on disk", size(has), size(most));
        }
        _ => out.push_str("  queue in memory\n"),
    }
    let _ = writeln!(out, "  events: {}", accounts(events));
    let mut rows =
        vec![["plugin", "id", "in/s", "out/s", "events", "µs each", "held", "oldest"].map(str::to_owned)];
    for (kind, list) in [("input", "inputs"), ("filter", "filters"), ("output", "outputs")] {
        for plugin in pipeline["plugins"][list].as_array().into_iter().flatten() {
            let before = past["plugins"][list].as_array().into_iter().flatten();
            let before =
                before.into_iter().find(|before| before["id"] == plugin["id"]).unwrap_or(&Value::Null);
            rows.push(row(kind, plugin, before, seconds));
        }
    }
    table(out, &rows);
}

fn row(kind: &str, plugin: &Value, past: &Value, seconds: f64) -> [String; 8] {
    let events = &plugin["events"];
    let rate = |name: &str| match events.get(name) {
        Some(count) => a_second(count, &past["events"][name], seconds),
        None => String::new(),
    };
    let total = number(if kind == "input" { &events["out"] } else { &events["in"] });
    let each = match kind {
        // That of outputs is time under way, which is told by what is held.
        "filter" if total > 0 => {
            format!("{:.1}", number(&events["duration_in_millis"]) as f64 * 1000.0 / total as f64)
        }
        _ => String::new(),
    };
    let held = number(&plugin["held"]);
    let oldest = Duration::from_millis(number(&plugin["oldest_held_in_millis"]));
    [
        format!("{kind} {}", text(&plugin["name"])),
        text(&plugin["id"]),
        rate("in"),
        rate("out"),
        grouped(total),
        each,
        if kind == "filter" { String::new() } else { grouped(held) },
        if held > 0 { age(oldest) } else { String::new() },
    ]
}

/// Text to the left, numbers to the right.
fn table(out: &mut String, rows: &[[String; 8]]) {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::from(" ");
        for (at, cell) in row.iter().enumerate() {
            let width = widths[at];
            let _ = if at < 2 { write!(line, " {cell:<width$} ") } else { write!(line, " {cell:>width$} ") };
        }
        let line = line.trim_end();
        let _ = if number == 0 { writeln!(out, "{FAINT}{line}{FAINT:#}") } else { writeln!(out, "{line}") };
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or("-"))
}

fn a_second(now: &Value, before: &Value, seconds: f64) -> String {
    grouped((number(now).saturating_sub(number(before)) as f64 / seconds).round() as u64)
}

/// With commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn age(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stats(events: u64, cpu: u64) -> Value {
        json!({
            "id": "x", "name": "alces-collector", "version": "0.1.0", "http_address": "127.0.0.1:9600", "status": "green",
            "process": {"uptime_in_millis": 60_000, "cpu": {"total_in_millis": cpu}, "mem": {"resident_in_bytes": 48_234_496}},
            "reloads": {"successes": 1, "failures": 0},
            "pipelines": {"ma\u{1b}in": {
                "events": {"in": events + 100, "out": events, "acknowledged": events - 3, "dead_lettered": 3, "dropped": 0, "held": 100, "lost": 0, "returned": 0},
                "queue": {"type": "memory"},
                "plugins": {
                    "inputs": [{"id": "beats@a.conf:1", "name": "beats", "events": {"out": events}, "held": 100, "oldest_held_in_millis": 12_500}],
                    "filters": [{"id": "grok@a.conf:2", "name": "grok", "events": {"in": events, "out": events, "duration_in_millis": 60}}],
                    "outputs": [{"id": "out", "name": "opensearch", "events": {"in": events, "out": events}, "held": 0, "oldest_held_in_millis": 0}],
                },
            }},
        })
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_page() {
        let page = show(&stats(60_000, 3_000), Some((&stats(40_000, 2_000), Duration::from_secs(2))));
        insta::assert_snapshot!(bare(&page), @r"
        alces-collector 0.1.0 at 127.0.0.1:9600  green  up 60 s  CPU 50.0 %  memory 46.0 MiB  reloads 1, failed 0

        ma\u{1b}in  in 10,000/s  out 10,000/s  queue in memory
          events: 60,100 in = 59,997 acknowledged + 3 dead-lettered + 100 held
          plugin             id                in/s   out/s  events  µs each  held  oldest
          input beats        beats@a.conf:1          10,000  60,000            100    12 s
          filter grok        grok@a.conf:2   10,000  10,000  60,000      1.0
          output opensearch  out             10,000  10,000  60,000              0
        ");
    }

    #[test]
    fn another_process_counts_from_its_start() {
        let mut other = stats(1_000_000, 0);
        other["id"] = json!("y");
        let page = show(&stats(60_000, 3_000), Some((&other, Duration::from_secs(2))));
        assert!(page.contains("out 1,000/s"), "{page}");
    }
}

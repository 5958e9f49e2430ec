//! A status for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;
use jiff::{SignedDuration, Timestamp};

use super::{Collector, FileStatus, Status};

const FINE: Style = AnsiColor::Green.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default();
const HEAD: Style = Style::new().bold();

/// The status as text with colours; who prints it takes them off where there is no terminal.
pub(crate) fn show(status: &Status, now: Timestamp) -> String {
    let mut out = String::new();
    let agent = status.agent.get(..16).unwrap_or(&status.agent);
    let _ = match status.since {
        Some(since) => {
            writeln!(out, "agent {agent}: {FINE}runs{FINE:#} for {}", time(since.duration_until(now)))
        }
        None => writeln!(out, "agent {agent}: {WARNING}does not run{WARNING:#}; this is what it left"),
    };
    if let Some(spool) = &status.spool {
        let _ = write!(out, "spool: {} records, {} of {}", spool.records, size(spool.bytes), size(spool.max));
        if spool.dropped > 0 {
            let _ = write!(out, ", {WARNING}{} dropped{WARNING:#}", spool.dropped);
        }
        out.push('\n');
    }
    if !status.collectors.is_empty() {
        out.push('\n');
        let rows: Vec<_> = status.collectors.iter().map(collector).collect();
        table(&mut out, &["COLLECTOR", "", "ACKNOWLEDGED", "LAST ERROR"], &rows);
    }
    out.push('\n');
    if status.files.is_empty() {
        out.push_str("no files yet\n");
    } else {
        let rows: Vec<_> = status.files.iter().map(file).collect();
        table(&mut out, &["FILE", "SIZE", "READ", "ACKNOWLEDGED", "BEHIND", "FOR", "LAST ERROR"], &rows);
    }
    out
}

/// A text and how it looks.
type Cell = (String, Style);

fn plain(text: impl Into<String>) -> Cell {
    (text.into(), Style::new())
}

fn collector(collector: &Collector) -> Vec<Cell> {
    let state = if collector.connected { ("connected", FINE) } else { ("-", Style::new()) };
    vec![
        plain(&collector.address),
        (state.0.to_owned(), state.1),
        plain(collector.acknowledged.to_string()),
        (collector.last_error.clone().unwrap_or_default(), WARNING),
    ]
}

fn file(file: &FileStatus) -> Vec<Cell> {
    let unknown = || "-".to_owned();
    let behind = if file.lag_bytes > 0 { (size(file.lag_bytes), WARNING) } else { ("0".to_owned(), FINE) };
    vec![
        plain(file.path.display().to_string()),
        plain(file.size.map_or_else(unknown, size)),
        plain(file.offset.map_or_else(unknown, size)),
        plain(size(file.acknowledged)),
        behind,
        plain(
            file.lag_seconds
                .map_or_else(unknown, |seconds| time(SignedDuration::from_secs(seconds.cast_signed()))),
        ),
        (file.last_error.clone().unwrap_or_default(), WARNING),
    ]
}

/// Columns as wide as their widest cell; the last one is not filled up.
fn table(out: &mut String, head: &[&str], rows: &[Vec<Cell>]) {
    let head: Vec<Cell> = head.iter().map(|title| ((*title).to_owned(), HEAD)).collect();
    let rows: Vec<&Vec<Cell>> = std::iter::once(&head).chain(rows).collect();
    let wide = |at: usize| rows.iter().map(|row| row[at].0.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..head.len()).map(wide).collect();
    for row in rows {
        // Nothing stands behind the last cell that has a text.
        let last = row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or_default();
        for (at, ((text, style), width)) in row.iter().zip(&widths).enumerate().take(last + 1) {
            let _ = write!(out, "{style}{text}{style:#}");
            if at < last {
                let _ = write!(out, "{:1$}", "", width - text.chars().count() + 2);
            }
        }
        out.push('\n');
    }
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

/// The two largest units of a duration.
fn time(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Spool, *};

    fn file(path: &str, size: Option<u64>, acknowledged: u64) -> FileStatus {
        FileStatus {
            path: path.into(),
            device: 1,
            inode: 2,
            id: 3,
            size,
            offset: None,
            acknowledged,
            lag_bytes: size.unwrap_or(acknowledged) - acknowledged,
            lag_seconds: None,
            last_error: size.is_none().then(|| "it is gone".to_owned()),
        }
    }

    fn check(status: &Status) -> String {
        let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
        anstream::adapter::strip_str(&show(status, now)).to_string()
    }

    #[test]
    fn an_agent_that_runs() {
        let collector = |address: &str, connected, error: Option<&str>| Collector {
            address: address.to_owned(),
            connected,
            acknowledged: if connected { 123_456 } else { 0 },
            last_error: error.map(str::to_owned),
        };
        let mut behind = file("/var/log/nginx/access.log", Some(12_345_678), 12_000_000);
        behind.offset = Some(12_200_000);
        behind.lag_seconds = Some(75);
        let status = Status {
            agent: "0123456789abcdef0123456789abcdef".to_owned(),
            since: Some("2026-11-22T07:30:00Z".parse().unwrap()),
            collectors: vec![
                collector("logs1:5044", true, None),
                collector("logs2:5044", false, Some("connection refused")),
            ],
            spool: Some(Spool { bytes: 5_000_000, records: 12, max: 1_000_000_000, dropped: 3 }),
            files: vec![behind, file("/var/log/syslog", Some(500), 500), file("/tmp/a.log", None, 0)],
        };
        insta::assert_snapshot!(check(&status), @"
        agent 0123456789abcdef: runs for 3d 2h
        spool: 12 records, 5.0 MB of 1.0 GB, 3 dropped

        COLLECTOR              ACKNOWLEDGED  LAST ERROR
        logs1:5044  connected  123456
        logs2:5044  -          0             connection refused

        FILE                       SIZE     READ     ACKNOWLEDGED  BEHIND    FOR     LAST ERROR
        /var/log/nginx/access.log  12.3 MB  12.2 MB  12.0 MB       345.7 kB  1m 15s
        /var/log/syslog            500 B    -        500 B         0         -
        /tmp/a.log                 -        -        0 B           0         -       it is gone
        ");
    }

    #[test]
    fn an_agent_that_does_not_run() {
        let status = Status {
            agent: "0123".to_owned(),
            since: None,
            collectors: Vec::new(),
            spool: None,
            files: Vec::new(),
        };
        insta::assert_snapshot!(check(&status), @"
        agent 0123: does not run; this is what it left

        no files yet
        ");
    }

    #[test]
    fn times_have_two_units() {
        let told = [5, 65, 3_700, 90_000].map(|seconds| time(SignedDuration::from_secs(seconds)));
        assert_eq!(told, ["5s", "1m 5s", "1h 1m", "1d 1h"]);
    }
}

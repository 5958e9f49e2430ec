//! `alces dlq ls`.

use std::{collections::BTreeMap, io::Write};

use alces_dlq::{Entry, Queue};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    args::LsArgs,
    select::Selected,
    text::{count, kind, plain, plain_json, size},
};

/// So many kinds of reasons are told apart; the others are counted together.
const MOST_REASONS: usize = 1000;

/// Plugin, status and kind of reason.
type Reason = (String, Option<u16>, String);

/// What is in one queue.
#[derive(Debug, Default)]
struct Summary {
    letters: u64,
    bytes: u64,
    damaged: u64,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    /// By plugin, status and reason.
    reasons: BTreeMap<Reason, u64>,
}

impl Summary {
    fn of(queue: &Queue, selected: &Selected) -> std::io::Result<Self> {
        let mut summary = Self::default();
        let Some(mut lines) = queue.lines()? else { return Ok(summary) };
        while let Some(line) = lines.next()? {
            match line.entry() {
                Some(entry) if selected.takes(&entry) => summary.add(&entry, line.end - line.start),
                Some(_) => {}
                None => summary.damaged += u64::from(!line.is_empty()),
            }
        }
        Ok(summary)
    }

    fn add(&mut self, entry: &Entry<'_>, bytes: u64) {
        self.letters += 1;
        self.bytes += bytes;
        self.oldest = Some(self.oldest.map_or(entry.time, |oldest| oldest.min(entry.time)));
        self.newest = Some(self.newest.map_or(entry.time, |newest| newest.max(entry.time)));
        let key = (entry.plugin.clone().into_owned(), entry.status, kind(&entry.reason));
        let key = match self.reasons.len() < MOST_REASONS || self.reasons.contains_key(&key) {
            true => key,
            false => (key.0, None, "(other reasons)".to_owned()),
        };
        *self.reasons.entry(key).or_default() += 1;
    }

    /// The most frequent first.
    fn reasons(&self) -> Vec<(&Reason, u64)> {
        let mut reasons: Vec<_> = self.reasons.iter().map(|(key, count)| (key, *count)).collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    fn to_json(&self, queue: &Queue) -> Value {
        let reason = |((plugin, status, reason), count): (&Reason, u64)| json!({"plugin": plugin, "status": status, "reason": reason, "letters": count});
        json!({
            "pipeline": queue.pipeline(),
            "file": queue.path(),
            "letters": self.letters,
            "bytes": self.bytes,
            "damaged_lines": self.damaged,
            "oldest": self.oldest,
            "newest": self.newest,
            "reasons": self.reasons().into_iter().map(reason).collect::<Vec<_>>(),
        })
    }

    fn print(&self, queue: &Queue, out: &mut impl Write) -> std::io::Result<()> {
        write!(out, "{}: {}", plain(&queue.pipeline()), count(self.letters, "letter"))?;
        if let (Some(oldest), Some(newest)) = (self.oldest, self.newest) {
            write!(out, ", {}, {oldest:.0} to {newest:.0}", size(self.bytes))?;
        }
        writeln!(out)?;
        for ((plugin, status, reason), count) in self.reasons() {
            let status = status.map(|status| format!(" {status}")).unwrap_or_default();
            writeln!(out, "  {count:>8}  {}{status}: {}", plain(plugin), plain(reason))?;
        }
        if self.damaged > 0 {
            writeln!(out, "  {:>8}  damaged lines, torn by a crash or not ours", self.damaged)?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &LsArgs, queues: &[Queue], out: &mut impl Write) -> anyhow::Result<()> {
    let selected = Selected::new(&args.select, Timestamp::now())?;
    let mut all = Vec::new();
    for queue in queues {
        let summary = Summary::of(queue, &selected)
            .map_err(|error| anyhow::anyhow!("{}: {error}", queue.path().display()))?;
        match args.json {
            true => all.push(summary.to_json(queue)),
            false => summary.print(queue, out)?,
        }
    }
    if args.json {
        writeln!(out, "{}", plain_json_lines(&format!("{:#}", Value::Array(all))))?;
    } else if queues.is_empty() {
        writeln!(out, "There are no dead letters.")?;
    }
    Ok(())
}

/// Line by line, so that the ends of lines stay.
fn plain_json_lines(json: &str) -> String {
    json.lines().map(plain_json).collect::<Vec<_>>().join("\n")
}

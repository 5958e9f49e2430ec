//! `alces dlq show`.

use std::io::Write;

use alces_dlq::{Entry, Queue};
use jiff::Timestamp;

use super::{
    args::ShowArgs,
    select::Selected,
    text::{count, plain, plain_json},
};

pub(crate) fn run(args: &ShowArgs, queues: &[Queue], out: &mut impl Write) -> anyhow::Result<()> {
    let selected = Selected::new(&args.select, Timestamp::now())?;
    let (mut shown, mut more) = (0, 0);
    for queue in queues {
        let Some(mut lines) = queue.lines()? else { continue };
        while let Some(line) = lines.next()? {
            let Some(entry) = line.entry().filter(|entry| selected.takes(entry)) else { continue };
            if shown == args.limit {
                more += 1;
                continue;
            }
            shown += 1;
            match args.json {
                true => writeln!(out, "{}", plain_json(&String::from_utf8_lossy(line.bytes)))?,
                false => print(queue, &entry, out)?,
            }
        }
    }
    if more > 0 {
        eprintln!("… and {} more: --limit shows them", count(more, "letter"));
    } else if shown == 0 {
        eprintln!("There are no such letters.");
    }
    Ok(())
}

fn print(queue: &Queue, entry: &Entry<'_>, out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{:.3}  {}  {}", entry.time, plain(&queue.pipeline()), plain(&entry.plugin))?;
    if let Some(status) = entry.status {
        write!(out, " {status}")?;
    }
    let action = entry.action();
    if let Some(index) = action.as_ref().and_then(|action| action.index()) {
        write!(out, "  {}", plain(index))?;
    }
    if let Some(id) = entry.id() {
        write!(out, "  id {}", plain(&id))?;
    }
    writeln!(out, "\n  {}\n  {}", plain(&entry.reason), plain_json(entry.document()))
}

#[cfg(test)]
mod tests {
    use super::super::args::Select;
    use super::*;

    #[test]
    fn letters_are_shown_and_nothing_of_them_is_obeyed() {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::in_folder(dir.path(), "main");
        let letter = |reason: &str| {
            serde_json::json!({
                "time": "2026-01-01T00:00:00Z", "plugin": "opensearch", "status": 400, "reason": reason,
                "action": {"create": {"_index": "x", "_id": "7"}}, "event": {"a": "\u{9b}2J"}, "metadata": {},
            })
        };
        let text = format!("{}\ntorn\n{}\n", letter("bad\u{1b}"), letter("worse"));
        std::fs::write(queue.path(), text).unwrap();
        let shown = |reason: Option<&str>, json| {
            let mut out = Vec::new();
            let select = Select { reason: reason.map(str::to_owned), ..Select::default() };
            run(&ShowArgs { select, limit: 1, json }, std::slice::from_ref(&queue), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        insta::assert_snapshot!(shown(None, false), @r#"
        2026-01-01T00:00:00.000Z  main  opensearch 400  x  id 7
          bad\u{1b}
          {"a":"\u009b2J"}
        "#);
        insta::assert_snapshot!(shown(Some("WORSE"), true), @r#"{"action":{"create":{"_id":"7","_index":"x"}},"event":{"a":"\u009b2J"},"metadata":{},"plugin":"opensearch","reason":"worse","status":400,"time":"2026-01-01T00:00:00Z"}"#);
        assert_eq!(shown(Some("fine"), false), "");
    }
}

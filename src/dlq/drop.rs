//! `alces dlq drop`.

use std::io::{BufRead as _, IsTerminal as _, Write, stdin};

use alces_dlq::{Identity, Picked, Queue};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::{
    args::DropArgs,
    select::Selected,
    text::{count, plain, size},
};

pub(crate) fn run(args: &DropArgs, queues: &[Queue], out: &mut impl Write) -> anyhow::Result<()> {
    let selected = Selected::new(&args.select, Timestamp::now())?;
    if selected.is_all() && !args.all && !args.damaged {
        bail!("say which letters: --older-than AGE, --reason TEXT, --plugin NAME, --damaged or --all");
    }
    let (letters, damaged) = (!args.damaged, args.all || args.damaged);
    let mut picked = Vec::new();
    let (mut lines, mut bytes) = (0, 0);
    for queue in queues {
        let mut of_queue = Picked::default();
        let place = || queue.path().display().to_string();
        let Some(mut reading) = queue.lines().with_context(place)? else { continue };
        while let Some(line) = reading.next().with_context(place)? {
            let is_meant = match line.entry() {
                Some(entry) => letters && selected.takes(&entry),
                None => damaged,
            };
            if is_meant {
                of_queue.add(Identity::of(line.bytes));
                lines += 1;
                bytes += line.end - line.start;
            }
        }
        picked.push((queue, of_queue));
    }
    if lines == 0 {
        writeln!(out, "There are no such letters.")?;
        return Ok(());
    }
    let what = if args.damaged { "damaged line" } else { "letter" };
    let names: Vec<_> =
        picked.iter().filter(|(_, p)| !p.is_empty()).map(|(q, _)| plain(&q.pipeline())).collect();
    let question = format!("{} of {}, {}", count(lines, what), names.join(", "), size(bytes));
    if !args.yes && !is_wanted(&question, out)? {
        writeln!(out, "Nothing was dropped.")?;
        return Ok(());
    }
    // Those that were counted, and none that came since.
    let mut dropped = 0;
    for (queue, picked) in picked {
        dropped += queue.take_out(&picked).with_context(|| queue.path().display().to_string())?.lines;
    }
    writeln!(out, "Dropped {}.", count(dropped, what))?;
    Ok(())
}

fn is_wanted(question: &str, out: &mut impl Write) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        bail!("{question}: say --yes to drop them");
    }
    write!(out, "Drop {question}, for ever? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

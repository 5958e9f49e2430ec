//! A pattern tried on lines.

use std::{io::Write as _, time::Instant};

use alces_grok::{Outcome, PatternSet, Spans};
use alces_trial::{Fields, Finder, compile};

use super::{Failure, lines::Lines, show::Screen, tally::Tally};
use crate::cli::{GrokArgs, Only};

/// Tries the pattern on every line; whether at least one matched.
pub(crate) fn run(args: &GrokArgs, set: &PatternSet, pattern: &str) -> Result<bool, Failure> {
    let grok = compile(set, pattern)?;
    let fields = Fields::new(pattern, &grok)?;
    let mut lines = Lines::open(args.file.as_deref())?;
    let mut screen = Screen::new(args.color);
    let mut finder = Finder::new(set, pattern);
    let mut spans = Spans::default();
    let mut tally = Tally::default();
    while let Some(line) = lines.next()? {
        let start = Instant::now();
        let outcome = grok.matches(line, &mut spans);
        tally.add(outcome, start.elapsed());
        let shown = match args.only {
            None => true,
            Some(Only::Matches) => outcome == Outcome::Match,
            Some(Only::Misses) => outcome != Outcome::Match,
        };
        match outcome {
            _ if !shown => {}
            Outcome::Match if args.json => writeln!(screen.out, "{}", fields.json(line, &spans))?,
            _ if args.json => writeln!(screen.out, "null")?,
            Outcome::Match => screen.matched(line, &fields.kept(line, &spans).collect::<Vec<_>>())?,
            Outcome::NoMatch => screen.missed(line, &finder.find(line))?,
            Outcome::Exhausted => screen.exhausted(line)?,
        }
        if lines.may_block() {
            screen.out.flush()?;
        }
    }
    screen.out.flush()?;
    // Nobody has to read it.
    let _ = writeln!(std::io::stderr(), "{tally}");
    Ok(tally.any())
}

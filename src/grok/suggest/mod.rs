//! Patterns proposed for lines.
//!
//! In turns: a well-known pattern of the set where it takes a good part of the lines; else a well-known beginning and a pattern of
//! the rest; else a pattern of what the lines have in common. Each is tried on the lines with the real engine, and the next
//! turn is about those that it leaves.

mod align;
mod known;
mod names;
mod token;
mod write;

use std::{io::Write, path::Path};

use alces_grok::{Grok, Outcome, PatternSet, Spans};
use alces_trial::Fields;
use names::Names;
use token::Tokenizer;

use super::{Failure, lines::Lines, show::Screen};
use crate::cli::GrokArgs;

/// So many lines are a sample of any log.
const SAMPLE: usize = 10_000;

/// More patterns than these help nobody.
const MOST: usize = 5;

/// A pattern and the lines of the sample that it takes.
struct Suggestion {
    pattern: String,
    grok: Grok,
    matched: usize,
    example: usize,
}

/// Reads a sample and prints patterns for it; whether there are any.
pub(crate) fn run(args: &GrokArgs, set: PatternSet, file: &Path) -> Result<bool, Failure> {
    let mut lines = Lines::open(Some(file))?;
    let mut sample = Vec::new();
    while sample.len() < SAMPLE
        && let Some(line) = lines.next()?
    {
        if !line.trim().is_empty() {
            sample.push(line.to_owned());
        }
    }
    let sample: Vec<&str> = sample.iter().map(String::as_str).collect();
    let mut screen = Screen::new(args.color);
    let (json, sample): (Vec<&str>, Vec<&str>) = sample.into_iter().partition(|line| is_json(line));
    if !json.is_empty() {
        writeln!(screen.out, "lines that are JSON objects and want no grok: {}\n", json.len())?;
    }
    if sample.is_empty() {
        screen.out.flush()?;
        return Ok(false);
    }
    let suggestions = suggest(&set, &sample);
    print(&mut screen, &sample, &suggestions)?;
    screen.out.flush()?;
    Ok(!suggestions.is_empty())
}

fn is_json(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).is_ok()
}

fn suggest(set: &PatternSet, sample: &[&str]) -> Vec<Suggestion> {
    let mut tokenizer = Tokenizer::new(set);
    let mut suggestions: Vec<Suggestion> = Vec::new();
    let mut left: Vec<&str> = sample.to_vec();
    // The last line or two of a larger sample are what they are.
    while suggestions.len() < MOST && !left.is_empty() && (suggestions.is_empty() || left.len() > 1) {
        let Some(pattern) = turn(set, &mut tokenizer, &left) else { break };
        let Ok(grok) = Grok::compile(set, &pattern) else { break };
        let mut spans = Spans::default();
        let mut matches = |line: &str| grok.matches(line, &mut spans) == Outcome::Match;
        let before = left.len();
        let matched = sample.iter().filter(|line| matches(line)).count();
        let example = sample.iter().position(|line| left.contains(line) && matches(line));
        left.retain(|line| !matches(line));
        let Some(example) = example.filter(|_| left.len() < before) else { break };
        suggestions.push(Suggestion { pattern, grok, matched, example });
    }
    suggestions
}

/// One pattern for these lines.
fn turn(set: &PatternSet, tokenizer: &mut Tokenizer, lines: &[&str]) -> Option<String> {
    if let Some(known) = known::whole(set, lines).into_iter().next().filter(|k| k.matched * 5 >= lines.len())
    {
        return Some(known.pattern);
    }
    if let Some(known) = known::beginning(set, lines) {
        let mut names = Names::new(known.fields.iter().map(String::as_str));
        let rests: Vec<_> = known.rests.iter().map(|rest| tokenizer.cut(rest)).collect();
        let rest = write::pattern(&align::align_all(&rests), &mut names);
        return Some(format!("^{}{rest}$", known.pattern));
    }
    let tokens: Vec<_> = lines.iter().map(|line| tokenizer.cut(line)).collect();
    let columns = align::align(&tokens)?;
    Some(format!("^{}$", write::pattern(&columns, &mut Names::default())))
}

fn print<W: Write>(
    screen: &mut Screen<W>,
    sample: &[&str],
    suggestions: &[Suggestion],
) -> Result<(), Failure> {
    if suggestions.is_empty() {
        writeln!(screen.out, "the {} lines have nothing in common that a pattern could name", sample.len())?;
        return Ok(());
    }
    for (at, suggestion) in suggestions.iter().enumerate() {
        let share = 100.0 * suggestion.matched as f64 / sample.len() as f64;
        writeln!(
            screen.out,
            "{}. {} of {} lines ({share:.2} %)\n\n{}\n",
            at + 1,
            suggestion.matched,
            sample.len(),
            suggestion.pattern
        )?;
        let line = sample[suggestion.example];
        let mut spans = Spans::default();
        if suggestion.grok.matches(line, &mut spans) == Outcome::Match {
            let fields = Fields::new(&suggestion.pattern, &suggestion.grok)?;
            screen.matched(line, &fields.kept(line, &spans).collect::<Vec<_>>())?;
        }
        writeln!(screen.out)?;
    }
    let mut spans = Spans::default();
    let mut takes =
        |line: &str| suggestions.iter().any(|s| s.grok.matches(line, &mut spans) == Outcome::Match);
    let misses: Vec<&&str> = sample.iter().filter(|line| !takes(line)).collect();
    if let Some(first) = misses.first() {
        let first: String = first.chars().take(100).collect();
        let first = alces_trial::visible(&first);
        writeln!(screen.out, "lines that match none of these: {}, the first:\n{first}\n", misses.len())?;
    }
    writeln!(screen.out, "{}", filter(suggestions))?;
    Ok(())
}

/// The filter for a pipeline.
fn filter(suggestions: &[Suggestion]) -> String {
    let strings: Vec<String> = suggestions.iter().map(|s| write::conf_string(&s.pattern)).collect();
    let patterns = match &strings[..] {
        [sole] => sole.clone(),
        all => format!("[\n        {}\n      ]", all.join(",\n        ")),
    };
    // A capture named as the field that is matched would be appended to it.
    let own = suggestions.iter().any(|s| s.grok.captures().iter().any(|c| c.named && c.field == "message"));
    let overwrite = if own { "\n    overwrite => [\"message\"]" } else { "" };
    format!(
        "filter {{\n  grok {{\n    match => {{\n      \"message\" => {patterns}\n    }}{overwrite}\n  }}\n}}"
    )
}

//! Patterns of lines: what differs only in numbers, addresses and names is counted together, so that a new error stands out among the old.
//!
//! A small Drain (He et al., 2017: a tree of fixed depth by length and first token, then similarity), over a sample of the newest lines
//! of this period and of the one before.

use std::collections::HashMap;

use super::answers::Answers;
use super::context::Context;
use super::lines;
use super::picture::{Line, Nothing, Part, Pattern, Picture};
use super::plan::Plan;
use crate::board::Panel;
use crate::fields::shown;

/// Lines that are looked at in each period.
pub(crate) const SAMPLE: usize = 1000;
/// Of a line longer than this only the beginning is looked at (Loki: 3000).
const LONGEST: usize = 1000;
/// Tokens of a pattern; what is behind does not tell lines apart.
const TOKENS: usize = 60;
/// The share of tokens that must be the same (Loki's Drain: 0.3; the first token is the same already).
const SIMILAR: f64 = 0.5;
/// Patterns that are kept apart.
const MOST: usize = 300;
/// What stands for the differing part.
const ANY: &str = "<*>";

/// Searches that were asked for: now, and the period before.
#[derive(Debug)]
pub(crate) struct Wanted {
    now: usize,
    before: usize,
}

/// Asks for the lines of both periods.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Wanted {
    let query = context.query(panel);
    let fields = fields();
    let (from, to) = context.span();
    let back = context.compare.map_or(to - from, |c| c.back());
    let mut ask = |span| plan.lines((panel.source, span, &query), SAMPLE, &fields);
    Wanted { now: ask((from, to)), before: ask((from - back, to - back)) }
}

/// The fields that patterns are made of.
pub(crate) fn fields() -> Vec<&'static str> {
    std::iter::once("@timestamp").chain(shown::MESSAGE.iter().copied()).collect()
}

/// Makes the panel of what came back.
pub(crate) fn read(wanted: &Wanted, panel: &Panel, answers: &Answers) -> Part<Picture> {
    let now = lines::of(answers.whole(wanted.now)?);
    let before = lines::of(answers.whole(wanted.before)?);
    let patterns = find(&now.lines, &before.lines, panel.top.unwrap_or(10));
    Ok(if patterns.is_empty() { Picture::Empty(Nothing::NoLines) } else { Picture::Patterns(patterns) })
}

/// Lines that are alike, of several sets.
pub(crate) struct Cluster {
    tokens: Vec<String>,
    /// How many there are in each set.
    pub(crate) counts: Vec<u64>,
    /// Its oldest line in the last set, epoch milliseconds.
    first: Option<i64>,
    /// Its oldest line in all sets, epoch milliseconds.
    pub(crate) oldest: Option<i64>,
}

impl Cluster {
    /// The text that its lines share.
    pub(crate) fn text(&self) -> String {
        text(&self.tokens)
    }

    /// The longest part of the text that all of its lines have: what can be searched for.
    pub(crate) fn phrase(&self) -> String {
        let text = self.text();
        let parts = text.split(ANY).map(str::trim);
        parts.max_by_key(|p| p.len()).unwrap_or_default().to_owned()
    }
}

/// Groups the lines of several sets by their patterns. What comes first is there to be met by what follows.
pub(crate) fn cluster(sets: &[&[Line]]) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut tree: HashMap<(usize, String), Vec<usize>> = HashMap::new();
    for (set, line) in sets.iter().enumerate().flat_map(|(i, lines)| lines.iter().map(move |l| (i, l))) {
        let tokens = tokens(&line.message);
        let Some(head) = tokens.first() else { continue };
        let leaf = tree.entry((tokens.len(), head.clone())).or_default();
        let best = leaf.iter().map(|i| (*i, similarity(&clusters[*i].tokens, &tokens)));
        let best = best.filter(|(_, s)| *s >= SIMILAR).max_by(|a, b| a.1.total_cmp(&b.1));
        let i = match best {
            Some((i, _)) => i,
            None if clusters.len() >= MOST => continue,
            None => {
                clusters.push(Cluster {
                    tokens: tokens.clone(),
                    counts: vec![0; sets.len()],
                    first: None,
                    oldest: None,
                });
                leaf.push(clusters.len() - 1);
                clusters.len() - 1
            }
        };
        let cluster = &mut clusters[i];
        for (kept, token) in cluster.tokens.iter_mut().zip(&tokens) {
            if kept != token {
                ANY.clone_into(kept);
            }
        }
        cluster.counts[set] += 1;
        cluster.oldest = cluster.oldest.into_iter().chain(line.at).min();
        if set + 1 == sets.len() {
            cluster.first = cluster.first.into_iter().chain(line.at).min();
        }
    }
    clusters
}

/// The patterns of the lines of now: those that are new first, then the most frequent.
fn find(now: &[Line], before: &[Line], top: usize) -> Vec<Pattern> {
    let mut clusters = cluster(&[before, now]);
    clusters.retain(|c| c.counts[1] > 0);
    clusters.sort_by_key(|c| (c.counts[0] > 0, std::cmp::Reverse(c.counts[1])));
    clusters.truncate(top);
    let pattern =
        |c: Cluster| Pattern { text: c.text(), count: c.counts[1], before: c.counts[0], first: c.first };
    clusters.into_iter().map(pattern).collect()
}

/// Words of a line; what holds a digit, or stands in quotes, differs from line to line.
fn tokens(message: &str) -> Vec<String> {
    let end = message.char_indices().nth(LONGEST).map_or(message.len(), |(i, _)| i);
    let mut all: Vec<String> = Vec::new();
    for word in message[..end].split_whitespace().take(TOKENS) {
        let inner = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let quoted =
            word.starts_with(['"', '\'', '`']) && word.ends_with(['"', '\'', '`', ',', '.', ';', ')']);
        if inner.chars().any(|c| c.is_ascii_digit()) || (quoted && !inner.is_empty()) {
            let (head, tail) = word.split_once(inner).unwrap_or(("", ""));
            all.push(format!("{head}{ANY}{tail}"));
        } else {
            all.push(word.to_owned());
        }
    }
    all
}

fn similarity(a: &[String], b: &[String]) -> f64 {
    let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
    same as f64 / a.len().max(1) as f64
}

/// The tokens as a text, with several differing ones in a row as one.
fn text(tokens: &[String]) -> String {
    let mut out: Vec<&str> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if !(token == ANY && out.last() == Some(&ANY)) {
            out.push(token);
        }
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(messages: &[&str]) -> Vec<Line> {
        let line =
            |(i, m): (usize, &&str)| Line { message: (*m).to_owned(), at: Some(i as i64), ..Line::default() };
        messages.iter().enumerate().map(line).collect()
    }

    #[test]
    fn what_is_new_comes_first() {
        let before = lines(&["timeout after 30 s for user 17", "timeout after 31 s for user 99"]);
        let now = lines(&[
            "timeout after 12 s for user 5",
            "timeout after 12 s for user 6",
            "disk /dev/sda1 is full",
            "disk /dev/sdb2 is full",
        ]);
        let found = find(&now, &before, 10);
        let rows: Vec<_> = found.iter().map(|p| (p.text.as_str(), p.count, p.before, p.first)).collect();
        assert_eq!(
            rows,
            [("disk /<*> is full", 2, 0, Some(2)), ("timeout after <*> s for user <*>", 2, 2, Some(0))]
        );
    }

    #[test]
    fn words_that_differ_are_one_pattern() {
        let found = find(&lines(&["user amy could not log in", "user bob could not log in"]), &[], 10);
        assert_eq!(found.iter().map(|p| p.text.as_str()).collect::<Vec<_>>(), ["user <*> could not log in"]);
    }

    #[test]
    fn nothing_and_much_do_no_harm() {
        assert!(find(&lines(&["", "   "]), &[], 10).is_empty());
        let many: Vec<String> = (0..1000).map(|i| "x ".repeat(i % 70 + 1) + &"é".repeat(2000)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(find(&lines(&many), &[], 10).len() <= 10);
    }
}

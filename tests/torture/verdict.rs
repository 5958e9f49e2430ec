//! What was written held against what arrived.
//!
//! Order is that of first arrivals. A sender that goes back sends again from a place before which everything had arrived, so that
//! no resend can bring a line before one that stands above it in its file.

use std::collections::BTreeMap;

use crate::{arrivals::Arrivals, book::Book};

/// What is wrong; each text names a line.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    /// Ids with two texts, texts that are not what was written, and what is no line at all.
    pub(crate) altered: Vec<String>,
    pub(crate) disorder: Vec<String>,
    /// Heads that are missing (positive) without excuse, or too many.
    pub(crate) heads: i64,
}

pub(crate) fn judge(book: &Book, arrivals: &Arrivals) -> Verdict {
    let mut verdict = Verdict {
        doubled: arrivals.doubled.clone(),
        altered: arrivals.two_texts.iter().map(|text| format!("an id with a second text: {text}")).collect(),
        heads: missing_heads(book, arrivals),
        ..Verdict::default()
    };
    verdict.altered.extend(arrivals.foreign.iter().map(|text| format!("never written: {text}")));
    // By generation: when its last line came, and which that was.
    let mut last: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
    for (number, written) in book.lines().iter().enumerate() {
        let what = book.what(written.generation);
        let Some(first) = arrivals.first(number as u64) else {
            verdict.lost.push(format!("{number} of {what}"));
            continue;
        };
        if first.hash != written.hash {
            verdict.altered.push(format!("{number} of {what}: another text"));
        }
        let before = last.insert(written.generation, (first.at, number));
        if let Some((at, other)) = before
            && at > first.at
        {
            verdict.disorder.push(format!("{number} of {what} came before {other}"));
        }
    }
    verdict
}

fn missing_heads(book: &Book, arrivals: &Arrivals) -> i64 {
    let missing = book.heads as i64 - arrivals.heads as i64;
    if missing > 0 { (missing - book.same_heads as i64).max(0) } else { missing }
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.altered.is_empty()
            && self.disorder.is_empty()
            && self.heads == 0
    }

    /// The first of each kind, for people.
    pub(crate) fn tell(&self) -> String {
        let mut out = String::new();
        for (kind, list) in [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("altered", &self.altered),
            ("out of order", &self.disorder),
        ] {
            if !list.is_empty() {
                out += &format!("{} {kind}:\n", list.len());
                for line in list.iter().take(8) {
                    out += &format!("  {line}\n");
                }
            }
        }
        if self.heads != 0 {
            out += &format!("{} heads lost (or, below 0, doubled)\n", self.heads);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `written`: the generation of each line; `came`: id and text, where `3` is the third line's.
    #[track_caller]
    fn check(written: &[u32], came: &[(&str, &str)], expect: &str) {
        let mut book = Book::default();
        book.generation("a".to_owned());
        book.generation("b".to_owned());
        let texts: Vec<String> = written.iter().map(|generation| book.line(*generation, "x").1).collect();
        let mut arrivals = Arrivals::default();
        for (id, text) in came {
            let text = text.parse::<usize>().ok().map_or(*text, |number| texts[number].as_str());
            arrivals.take(id, text, "");
        }
        let verdict = judge(&book, &arrivals);
        let told = format!(
            "{}{}{}{} resent {}",
            verdict.lost.len(),
            verdict.doubled.len(),
            verdict.altered.len(),
            verdict.disorder.len(),
            arrivals.resent
        );
        assert_eq!(told, expect, "lost, doubled, altered, out of order:\n{}", verdict.tell());
        assert_eq!(verdict.is_good(), told.starts_with("0000"));
    }

    #[test]
    fn each_line_once_is_good() {
        check(&[0, 0, 1], &[("i", "0"), ("j", "1"), ("k", "2")], "0000 resent 0");
        check(&[0, 0], &[("i", "0"), ("i", "0"), ("j", "1"), ("i", "0")], "0000 resent 2");
        check(&[0, 1], &[("j", "1"), ("i", "0")], "0000 resent 0");
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        check(&[0, 0], &[("i", "0")], "1000 resent 0");
        check(&[0], &[("i", "0"), ("j", "0")], "0100 resent 0");
        check(&[0, 0], &[("i", "0"), ("i", "1")], "1010 resent 0");
        check(&[0], &[("i", "0"), ("j", "what is this")], "0010 resent 0");
        check(&[0], &[("i", "L000000000 y")], "0010 resent 0");
        check(&[0, 0], &[("j", "1"), ("i", "0")], "0001 resent 0");
    }

    #[test]
    fn a_line_that_is_too_long_must_arrive_cut() {
        let mut book = Book::default();
        let generation = book.generation("a".to_owned());
        let (_, text) = book.line(generation, &"x".repeat(crate::book::MAX_LINE));
        let judged = |text: &str| {
            let mut arrivals = Arrivals::default();
            arrivals.take("i", text, "");
            judge(&book, &arrivals).is_good()
        };
        assert!(judged(&text[..crate::book::MAX_LINE]));
        assert!(!judged(&text));
    }
}

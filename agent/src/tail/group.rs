//! Several lines that are one event, as Filebeat's `multiline` joins them.

use std::time::{Duration, Instant};

use crate::options::{Match, Multiline};

/// Lines that are not yet known to be a whole event.
#[derive(Debug)]
pub(crate) struct Group {
    text: String,
    /// Where the first line begins in the file.
    pub(crate) offset: u64,
    lines: usize,
    /// Something was left out.
    cut: bool,
    /// When the last line came.
    since: Instant,
}

/// A whole event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) text: String,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Of more than one line.
    pub(crate) several: bool,
    pub(crate) cut: bool,
}

/// Where a line that was added leaves the events: those that it completes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Completed {
    /// The one before the line, which the line does not belong to.
    pub(crate) before: Option<Joined>,
    /// The one that ends with the line.
    pub(crate) with: Option<Joined>,
}

/// A line, and what is known of it.
pub(crate) struct Part<'l> {
    pub(crate) text: &'l str,
    pub(crate) offset: u64,
    pub(crate) cut: bool,
}

impl Group {
    fn new(line: &Part<'_>, now: Instant) -> Self {
        Self { text: line.text.to_owned(), offset: line.offset, lines: 1, cut: line.cut, since: now }
    }

    fn push(&mut self, line: &Part<'_>, max_lines: usize, max_bytes: usize, now: Instant) {
        self.lines += 1;
        self.since = now;
        self.cut |= line.cut;
        if self.lines > max_lines || self.text.len() + 1 + line.text.len() > max_bytes {
            self.cut = true;
            return;
        }
        self.text.push('\n');
        self.text.push_str(line.text);
    }

    /// As the event that it is when no more comes.
    pub(crate) fn finish(self) -> Joined {
        Joined { text: self.text, offset: self.offset, several: self.lines > 1, cut: self.cut }
    }

    /// When it is whole because nothing has followed.
    pub(crate) fn due(&self, timeout: Duration) -> Instant {
        self.since + timeout
    }
}

/// Adds a line to those that wait. `max_bytes` of an event are kept.
pub(crate) fn add(
    rule: &Multiline,
    max_bytes: usize,
    waiting: &mut Option<Box<Group>>,
    line: &Part<'_>,
    now: Instant,
) -> Completed {
    let belongs = rule.pattern.as_ref().is_some_and(|pattern| pattern.is_match(line.text) != rule.negate);
    // Whether it may stand with those that wait, and whether the event ends with it.
    let (joins, ends) = match (rule.count_lines, rule.matching) {
        (Some(count), _) => (true, waiting.as_ref().map_or(0, |group| group.lines) + 1 >= count),
        (None, Match::After) => (belongs, false),
        (None, Match::Before) => (true, !belongs),
    };
    let ends = ends || rule.flush_pattern.as_ref().is_some_and(|pattern| pattern.is_match(line.text));
    let before = if joins { None } else { waiting.take() };
    match waiting {
        Some(group) => group.push(line, rule.max_lines, max_bytes, now),
        None => *waiting = Some(Box::new(Group::new(line, now))),
    }
    let with = if ends { waiting.take() } else { None };
    Completed { before: before.map(|group| group.finish()), with: with.map(|group| group.finish()) }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn rule(pattern: &str) -> Multiline {
        Multiline {
            pattern: Some(Regex::new(pattern).unwrap()),
            negate: false,
            matching: Match::After,
            count_lines: None,
            max_lines: 500,
            timeout: Duration::from_secs(5),
            flush_pattern: None,
        }
    }

    /// Lines are joined by `+`, what waits at the end stands behind `|`.
    #[track_caller]
    fn check(rule: &Multiline, lines: &str, expect: &str) {
        let mut waiting = None;
        let mut out = Vec::new();
        let show = |joined: Joined| {
            let (mark, text) = (if joined.cut { "…" } else { "" }, joined.text.replace('\n', "+"));
            assert_eq!(joined.several, text.contains('+') || joined.cut, "{text}");
            format!("{text}{mark}@{}", joined.offset)
        };
        for (offset, text) in lines.split(' ').enumerate() {
            let line = Part { text, offset: offset as u64, cut: false };
            let done = add(rule, 9, &mut waiting, &line, Instant::now());
            out.extend(done.before.map(show));
            out.extend(done.with.map(show));
        }
        out.extend(waiting.map(|group| format!("| {}", show(group.finish()))));
        assert_eq!(out.join(" "), expect);
    }

    #[test]
    fn as_filebeat_joins_them() {
        check(&rule("^x"), "a x1 x2 b c x3", "a+x1+x2@0 b@3 | c+x3@4");
        check(&Multiline { negate: true, ..rule("^x") }, "x1 a b x2 x3 c", "x1+a+b@0 x2@3 | x3+c@4");
        check(
            &Multiline { matching: Match::Before, ..rule("^x") },
            "x1 a b x2 x3 c x4",
            "x1+a@0 b@2 x2+x3+c@3 | x4@6",
        );
        check(
            &Multiline { matching: Match::Before, negate: true, ..rule("^x") },
            "a b x1 x2 c",
            "a+b+x1@0 x2@3 | c@4",
        );
        check(
            &Multiline { pattern: None, count_lines: Some(2), ..rule("") },
            "a b c d e",
            "a+b@0 c+d@2 | e@4",
        );
        check(
            &Multiline { flush_pattern: Some(Regex::new("^e").unwrap()), ..rule("^x|^e") },
            "a x e b",
            "a+x+e@0 | b@3",
        );
        // Lines that come first and belong to one before.
        check(&rule("^x"), "x1 x2 a", "x1+x2@0 | a@2");
    }

    #[test]
    fn what_is_too_much_is_left_out_and_said() {
        check(&Multiline { max_lines: 2, ..rule("^x") }, "a x1 x2 x3 b", "a+x1…@0 | b@4");
        check(&rule("^x"), "a xxxx xxxxx x b", "a+xxxx+x…@0 | b@4");
    }
}

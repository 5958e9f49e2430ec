//! A pattern made ready to run.

use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};

use crate::{
    Capture, GrokError, PatternSet, dialect,
    engine::{self, End, Machine, Optimise, Program, Refusal},
    expand::{self, Names, Reason},
    references::check_references,
};

/// Steps before a match is given up. A combined access line takes some hundreds; what takes a million is exploding.
const FUEL: u64 = 1_000_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Grok {
    engine: Engine,
    regex: String,
    captures: Vec<Capture>,
}

#[derive(Clone, Debug)]
enum Engine {
    /// Ours; capture `i` of the pattern is capture `i` of the program. Copies share it.
    Own(Arc<Program>),
    /// For what ours does not do (back references and the like), with the group number of each capture.
    Fancy(Arc<Regex>, Vec<usize>),
}

/// Where a capture stands: bytes `start..end` of the text.
pub type Span = (usize, usize);

/// A reusable buffer for the spans of one match, as many as [`Grok::captures`]; `None` where the group took no part.
#[derive(Debug)]
pub struct Spans {
    machine: Machine,
    budget: u64,
    left: u64,
    /// The budget is for several matches together, until [`Spans::refill`].
    shared: bool,
}

impl Default for Spans {
    fn default() -> Self {
        Self::with_budget(FUEL)
    }
}

impl Spans {
    /// The most steps that a match may take, if nothing else is said.
    pub const BUDGET: u64 = FUEL;

    /// With a number of steps of its own for each match: a step is a choice taken back, a round of a loop, or sixteen bytes of
    /// text.
    pub fn with_budget(steps: u64) -> Self {
        Self { machine: Machine::default(), budget: steps, left: steps, shared: false }
    }

    /// The budget counts for all matches together from one [`refill`](Self::refill) to the next.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    fn search(&mut self, program: &Program, text: &str) -> End {
        if !self.shared {
            self.left = self.budget;
        }
        let (end, left) = self.machine.search(program, text, self.left);
        self.left = left;
        end
    }

    /// Another one like it, with nothing in it.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { shared: self.shared, ..Self::with_budget(self.budget) }
    }

    /// The whole budget again.
    pub fn refill(&mut self) {
        self.left = self.budget;
    }

    /// The span of a capture, by its number in [`Grok::captures`].
    #[inline]
    pub fn get(&self, capture: usize) -> Option<Span> {
        self.machine.capture(capture)
    }
}

/// What came of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matched; the spans are filled.
    Match,
    /// It did not.
    NoMatch,
    /// It was given up after a fixed amount of work.
    Exhausted,
}

impl Grok {
    /// Expands and compiles `pattern` over `set`.
    ///
    /// # Errors
    /// Unknown or recursive names and broken regular expressions, each named.
    pub fn compile(set: &PatternSet, pattern: &str) -> Result<Self, GrokError> {
        Self::compile_with(set, pattern, Names::Given)
    }

    /// The same, where `%{IP}` captures too, into a field named like the pattern (Logstash's `named_captures_only => false`).
    ///
    /// # Errors
    /// As [`Grok::compile`].
    pub fn compile_all_names(set: &PatternSet, pattern: &str) -> Result<Self, GrokError> {
        Self::compile_with(set, pattern, Names::All)
    }

    fn compile_with(set: &PatternSet, pattern: &str, names: Names) -> Result<Self, GrokError> {
        Self::compile_how(set, pattern, names, Optimise::On)
    }

    /// Without optimisations: the dull twin, for the fuzzer.
    ///
    /// # Errors
    /// As [`Grok::compile`].
    #[cfg(feature = "twin")]
    pub fn compile_dull(set: &PatternSet, pattern: &str) -> Result<Self, GrokError> {
        Self::compile_how(set, pattern, Names::Given, Optimise::Off)
    }

    fn compile_how(
        set: &PatternSet,
        pattern: &str,
        names: Names,
        optimise: Optimise,
    ) -> Result<Self, GrokError> {
        let expanded = expand::expand(set, pattern, names)?;
        let engine = match engine::program(&expanded.regex, optimise) {
            Ok(program) => Engine::Own(program),
            Err(Refusal::Unsupported(_)) => fancy(&expanded)?,
            Err(Refusal::Broken(at, what)) => {
                return Err(expanded.error(at, Reason::Regex(what.to_owned())));
            }
        };
        Ok(Self { engine, regex: expanded.regex, captures: expanded.captures })
    }

    /// The regular expression that the pattern expands to, in Ruby's dialect: capture `i` is the group named `g{i}`, and a dot
    /// is meant to match a newline.
    pub fn regex(&self) -> &str {
        &self.regex
    }

    /// The captures in order of appearance.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// A literal that every text that matches holds, if one is known.
    pub(crate) fn required_literal(&self) -> Option<&[u8]> {
        match &self.engine {
            Engine::Own(program) => program.gate.as_ref()?.best(),
            Engine::Fancy(..) => None,
        }
    }

    /// Searches `text` for the leftmost match and fills `spans`. Allocates nothing once `spans` has been used.
    pub fn matches(&self, text: &str, spans: &mut Spans) -> Outcome {
        match &self.engine {
            Engine::Own(program) => match spans.search(program, text) {
                End::Match => Outcome::Match,
                End::NoMatch => Outcome::NoMatch,
                End::Exhausted => Outcome::Exhausted,
            },
            Engine::Fancy(regex, groups) => match regex.captures(text) {
                Ok(Some(found)) => {
                    let groups = groups.iter().map(|g| found.get(*g).map(|m| (m.start(), m.end())));
                    spans.machine.set_captures(groups);
                    Outcome::Match
                }
                Ok(None) => Outcome::NoMatch,
                Err(_) => Outcome::Exhausted,
            },
        }
    }
}

fn fancy(expanded: &expand::Expanded) -> Result<Engine, GrokError> {
    check_references(&expanded.regex).map_err(|e| expanded.whole_error(Reason::Regex(e)))?;
    let regex = RegexBuilder::new(&dialect::from_ruby(&expanded.regex))
        .backtrack_limit(FUEL as usize)
        .build()
        .map_err(|e| expanded.whole_error(Reason::Regex(e.to_string())))?;
    let mut groups = vec![0; expanded.captures.len()];
    for (number, name) in regex.capture_names().enumerate() {
        if let Some(at) = name.and_then(|n| n.strip_prefix('g')).and_then(|n| n.parse::<usize>().ok())
            && let Some(slot) = groups.get_mut(at)
        {
            *slot = number;
        }
    }
    Ok(Engine::Fancy(Arc::new(regex), groups))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    fn check(set: &PatternSet, pattern: &str, text: &str) -> String {
        let grok = Grok::compile(set, pattern).unwrap();
        let mut spans = Spans::default();
        match grok.matches(text, &mut spans) {
            Outcome::Match => grok
                .captures()
                .iter()
                .enumerate()
                .filter_map(|(at, c)| spans.get(at).map(|(a, b)| format!("{}={}", c.field, &text[a..b])))
                .collect::<Vec<_>>()
                .join("\n"),
            other => format!("{other:?}"),
        }
    }

    const LINE: &str = r#"83.149.9.216 - frank [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "http://x/" "Mozilla/5.0 (X)""#;

    #[test]
    fn combined_in_both_sets() {
        insta::assert_snapshot!(check(&PatternSet::ecs_v1(), "%{COMBINEDAPACHELOG}", LINE), @r"
        [source][address]=83.149.9.216
        [user][name]=frank
        timestamp=17/May/2015:10:05:03 +0000
        [http][request][method]=GET
        [url][original]=/a?b=c
        [http][version]=1.1
        [http][response][status_code]=200
        [http][response][body][bytes]=203023
        [http][request][referrer]=http://x/
        [user_agent][original]=Mozilla/5.0 (X)
        ");
        insta::assert_snapshot!(check(&PatternSet::legacy(), "%{COMBINEDAPACHELOG}", LINE), @r#"
        clientip=83.149.9.216
        ident=-
        auth=frank
        timestamp=17/May/2015:10:05:03 +0000
        verb=GET
        request=/a?b=c
        httpversion=1.1
        response=200
        bytes=203023
        referrer="http://x/"
        agent="Mozilla/5.0 (X)"
        "#);
    }

    #[test]
    fn a_pattern_that_explodes_ends() {
        let text = "a".repeat(5_000);
        assert_eq!(check(&PatternSet::default(), r"(?=x?)(?:.*a){30}$(?<!a)", &text), "Exhausted");
    }

    #[test]
    fn dot_matches_a_newline_and_classes_are_ascii() {
        assert_eq!(check(&PatternSet::ecs_v1(), "%{GREEDYDATA:all}", "a\nb"), "all=a\nb");
        assert_eq!(check(&PatternSet::ecs_v1(), r"^(?<d>\d)", "٣"), "NoMatch");
    }

    /// The `grok` crate (Oniguruma) is the dull twin for the legacy set.
    #[test]
    fn legacy_combined_equals_oniguruma_on_every_line_of_the_sample() {
        let ours = Grok::compile(&PatternSet::legacy(), "%{COMBINEDAPACHELOG}").unwrap();
        let theirs = grok::Grok::with_default_patterns().compile("%{COMBINEDAPACHELOG}", true).unwrap();
        let file =
            std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/apache_access_10k.log.gz"))
                .unwrap();
        let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
        let mut spans = Spans::default();
        let (mut compared, mut missed) = (0, 0);
        for line in lines {
            let line = line.unwrap();
            match (ours.matches(&line, &mut spans), theirs.match_against(&line)) {
                (Outcome::Match, Some(found)) => {
                    for (at, capture) in ours.captures().iter().enumerate() {
                        let mine = spans.get(at).map(|(a, b)| &line[a..b]);
                        assert_eq!(mine, found.get(&capture.field), "{} in {line}", capture.field);
                        compared += 1;
                    }
                }
                (Outcome::NoMatch, None) => missed += 1,
                (mine, theirs) => panic!("{mine:?} but {:?}: {line}", theirs.is_some()),
            }
        }
        assert_eq!((compared, missed), (9_999 * 12, 1));
    }
}

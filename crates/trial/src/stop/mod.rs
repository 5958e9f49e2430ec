//! Where a pattern stopped on a line that it does not match.
//!
//! The engine says only that nothing matched. So the pattern is cut into its elements, and ever longer beginnings of it are
//! tried: what the longest of them that matches leaves over is the place, and the element after it is what failed. Where that
//! element stands for a sequence of its own (`%{COMBINEDAPACHELOG}`), the same is done inside.

mod split;
mod words;

use std::collections::HashMap;

use alces_grok::{Grok, Outcome, PatternSet, Spans};
use split::{Element, Kind, split};

/// The field that holds the whole of a beginning, and the one of its last element.
const WHOLE: &str = "alces_whole";
const LAST: &str = "alces_last";

/// How deep definitions are followed; none that is sensible goes deeper.
const MAX_DEPTH: usize = 20;

/// The place where a pattern stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The byte of the line.
    pub at: usize,
    /// The element that does not match, last, with the definitions that lead to it.
    path: Vec<String>,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// It does not match there.
    Mismatch,
    /// It does not match there, and this optional element before it took nothing.
    AfterNothing(String),
    /// It is the first, and matches nowhere.
    Nowhere,
    /// It was sought after this element, which takes any text.
    After(String),
    /// The beginnings say nothing (an engine that gave up, say).
    Unknown,
}

/// Finds the places, and keeps what it has compiled.
pub struct Finder<'s> {
    set: &'s PatternSet,
    pattern: &'s str,
    /// Compiled beginnings by their text.
    beginnings: HashMap<String, Option<Grok>>,
    spans: Spans,
}

/// A beginning of the pattern and how it matched.
#[derive(Clone)]
struct Reached {
    /// The beginning, as a pattern.
    text: String,
    /// Where it ends.
    end: usize,
    /// Its last element, as written, with where that begins, and what is special about it.
    last: Option<(String, usize, Last)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Plain,
    TakesAnything,
    TookNothing,
}

impl<'s> Finder<'s> {
    /// For a pattern over a set of definitions.
    pub fn new(set: &'s PatternSet, pattern: &'s str) -> Self {
        Self { set, pattern, beginnings: HashMap::new(), spans: Spans::default() }
    }

    /// The place on a line that the pattern does not match.
    pub fn find(&mut self, line: &str) -> Stop {
        let nothing = Reached { text: String::new(), end: 0, last: None };
        self.walk(&nothing, self.pattern, line, 0).unwrap_or_else(|| Stop {
            at: 0,
            path: vec![self.pattern.to_owned()],
            why: Why::Unknown,
        })
    }

    /// The furthest stop of all alternatives of `text`, which is to match after what has been reached.
    fn walk(&mut self, reached: &Reached, text: &str, line: &str, depth: usize) -> Option<Stop> {
        let branches = split(text).ok()?;
        let stops = branches.iter().filter_map(|branch| self.branch(reached, text, branch, line, depth));
        // The first of equals.
        stops.reduce(|best, stop| if stop.at > best.at { stop } else { best })
    }

    fn branch(
        &mut self,
        reached: &Reached,
        text: &str,
        branch: &[Element<'_>],
        line: &str,
        depth: usize,
    ) -> Option<Stop> {
        // A beginning of a beginning that matches does so too, so the longest is found by halving.
        let (mut low, mut high) = (0, branch.len());
        let mut best = reached.clone();
        while low < high {
            let middle = (low + high).div_ceil(2);
            match self.reach(reached, &branch[..middle], line) {
                Some(found) => (low, best) = (middle, found),
                None => high = middle - 1,
            }
        }
        // Text that is sought after what takes any text is sought as a whole: one letter of it is found anywhere.
        if branch.get(low).is_some_and(is_letter) {
            let run = branch[..low].iter().rposition(|e| !is_letter(e)).map_or(0, |at| at + 1);
            let before =
                if run == 0 { Some(reached.clone()) } else { self.reach(reached, &branch[..run], line) };
            if let Some(before) = before.filter(|b| matches!(b.last, Some((.., Last::TakesAnything)))) {
                (low, best) = (run, before);
            }
        }
        let next = branch.get(low)?;
        let stop = self.plain(&best, text, next);
        Some(self.inside(&best, next, line, depth).filter(|inner| inner.1 || inner.0.at > stop.at).map_or(
            stop,
            |(mut inner, _)| {
                if matches!(next.kind, Kind::Reference { .. }) {
                    inner.path.insert(0, next.text.to_owned());
                }
                inner
            },
        ))
    }

    /// The stop at an element as a whole.
    fn plain(&self, reached: &Reached, text: &str, next: &Element<'_>) -> Stop {
        let (at, why) = match &reached.last {
            None if reached.text.is_empty() => (0, Why::Nowhere),
            Some((last, start, Last::TakesAnything)) => (*start, Why::After(last.clone())),
            Some((last, _, Last::TookNothing)) => (reached.end, Why::AfterNothing(last.clone())),
            _ => (reached.end, Why::Mismatch),
        };
        // Literal text is sought character by character, and named as far as it goes on.
        let wanted = if next.kind == Kind::Literal { literal(text, next) } else { next.text.to_owned() };
        Stop { at, path: vec![wanted], why }
    }

    /// The stop inside an element, and whether that says more even where nothing of it matched.
    fn inside(
        &mut self,
        reached: &Reached,
        next: &Element<'_>,
        line: &str,
        depth: usize,
    ) -> Option<(Stop, bool)> {
        if !next.quantifier.is_empty() || depth >= MAX_DEPTH {
            return None;
        }
        let (definition, always) = match next.kind {
            Kind::Reference { name, field, inline } => {
                let definition = inline.or_else(|| self.set.get(name))?.to_owned();
                let names_fields = self.names_fields(&definition, 0);
                if !names_fields && !is_sequence(&definition) {
                    return None;
                }
                let sole = split(&definition).is_ok_and(|branches| branches.len() == 1);
                (definition, names_fields && !field && sole)
            }
            Kind::Group(inner) if inner.contains("%{") => (inner.to_owned(), false),
            _ => return None,
        };
        Some((self.walk(reached, &definition, line, depth + 1)?, always))
    }

    /// Whether a definition leads to fields: then it is a whole line's, and its parts are what a person knows.
    fn names_fields(&self, definition: &str, depth: usize) -> bool {
        if definition.contains("(?<") && !definition.contains("(?<=") && !definition.contains("(?<!") {
            return true;
        }
        depth < MAX_DEPTH
            && references(definition).any(|inner| {
                inner.contains(':') || self.set.get(inner).is_some_and(|d| self.names_fields(d, depth + 1))
            })
    }

    /// Tries a beginning.
    fn reach(&mut self, reached: &Reached, elements: &[Element<'_>], line: &str) -> Option<Reached> {
        let (last, before) = elements.split_last()?;
        let before: String = before.iter().map(|e| e.text).collect();
        let text = format!("(?<{WHOLE}>{}{before}(?<{LAST}>{}))", reached.text, last.text);
        let set = self.set;
        let compiled = self.beginnings.entry(text).or_insert_with_key(|text| Grok::compile(set, text).ok());
        let grok = compiled.as_ref()?;
        if grok.matches(line, &mut self.spans) != Outcome::Match {
            return None;
        }
        let span = |field: &str| {
            let at = grok.captures().iter().position(|capture| capture.field == field)?;
            self.spans.get(at)
        };
        let (_, end) = span(WHOLE)?;
        let (start, last_end) = span(LAST)?;
        let special = if self.takes_anything(last, 0) {
            Last::TakesAnything
        } else if start == last_end && last.quantifier.starts_with(['?', '*']) {
            Last::TookNothing
        } else {
            Last::Plain
        };
        let text = format!("{}{before}{}", reached.text, last.text);
        Some(Reached { text, end, last: Some((last.text.to_owned(), start, special)) })
    }

    /// Whether an element can run on to the end of the line: `%{DATA}`, `.*`, a group with such an alternative.
    fn takes_anything(&self, element: &Element<'_>, depth: usize) -> bool {
        let inner = match element.kind {
            Kind::Any => return element.quantifier.starts_with(['*', '+']),
            Kind::Reference { name, inline, .. } => inline.or_else(|| self.set.get(name)),
            Kind::Group(inner) => Some(inner),
            Kind::Literal | Kind::Other => None,
        };
        let branches = inner.filter(|_| depth < MAX_DEPTH).and_then(|inner| split(inner).ok());
        branches.is_some_and(|branches| {
            branches.iter().any(|b| matches!(&b[..], [sole] if self.takes_anything(sole, depth + 1)))
        })
    }
}

/// What stands between `%{` and `}`.
fn references(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("%{").filter_map(|(at, _)| {
        let inner = &text[at + 2..];
        inner.find('}').map(|end| &inner[..end])
    })
}

/// Whether a definition is names one after the other, as dates are. `%{IP}`, which is one thing to a person, is not.
fn is_sequence(definition: &str) -> bool {
    split(definition).is_ok_and(|branches| {
        let names = |branch: &Vec<Element<'_>>| {
            branch.iter().filter(|e| matches!(e.kind, Kind::Reference { .. })).count()
        };
        branches.len() == 1 && branches.iter().all(|branch| names(branch) > 1)
    })
}

/// A literal character that stands once.
fn is_letter(element: &Element<'_>) -> bool {
    element.kind == Kind::Literal && element.quantifier.is_empty()
}

/// The literal text from an element on.
fn literal(text: &str, from: &Element<'_>) -> String {
    let rest = split(&text[from.at..]).unwrap_or_default();
    let run = rest.first().map(Vec::as_slice).unwrap_or_default();
    let run: String = run.iter().take_while(|e| is_letter(e)).map(|e| e.text).collect();
    if run.is_empty() { from.text.to_owned() } else { run }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, line: &str) -> String {
        let set = PatternSet::legacy();
        let mut finder = Finder::new(&set, pattern);
        let grok = Grok::compile(&set, pattern).unwrap();
        assert_eq!(grok.matches(line, &mut Spans::default()), Outcome::NoMatch, "it matches");
        let stop = finder.find(line);
        assert_eq!(finder.find(line), stop, "from the cache");
        format!("{line}\n{}^\n{}", " ".repeat(line[..stop.at].chars().count()), stop.words(line))
    }

    #[test]
    fn an_element_of_the_pattern() {
        insta::assert_snapshot!(check("%{WORD:verb} %{INT:bytes} %{INT:ms}", "GET 12 abcdef"), @"
        GET 12 abcdef
               ^
        stopped at column 8: `%{INT:ms}` does not match `abcdef`
        ");
        insta::assert_snapshot!(check("^%{IP:ip}", "host 1.2.3.4"), @"
        host 1.2.3.4
        ^
        stopped at column 1: `%{IP:ip}` does not match `host 1.2.3.4`
        ");
        insta::assert_snapshot!(check("%{IP:ip} x", "no address"), @"
        no address
        ^
        stopped at column 1: `%{IP:ip}` matches nowhere in the line
        ");
        insta::assert_snapshot!(check("status=%{INT:status} end", "ä status=200 and"), @"
        ä status=200 and
                     ^
        stopped at column 14: `end` does not match `and`
        ");
        insta::assert_snapshot!(check("%{INT:a} %{INT:b}", "12 "), @"
        12 
           ^
        stopped at column 4: `%{INT:b}` does not match the end of the line
        ");
    }

    #[test]
    fn inside_definitions() {
        insta::assert_snapshot!(check("%{COMBINEDAPACHELOG}", r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 abc "-" "curl""#), @r#"
        1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 abc "-" "curl"
                                                                      ^
        stopped at column 63: `%{COMBINEDAPACHELOG}` → `%{HTTPD_COMBINEDLOG}` → `%{HTTPD_COMMONLOG}` → `(?:-|%{NUMBER:bytes})` does not match `abc "-" "curl"`
        "#);
        insta::assert_snapshot!(check("%{COMBINEDAPACHELOG}", r#"1.2.3.4 - - [17/Foo/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "curl""#), @r#"
        1.2.3.4 - - [17/Foo/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"
                        ^
        stopped at column 17: `%{COMBINEDAPACHELOG}` → `%{HTTPD_COMBINEDLOG}` → `%{HTTPD_COMMONLOG}` → `%{HTTPDATE:timestamp}` → `%{MONTH}` does not match `Foo/2015:10:05:03 +0000]…`
        "#);
        insta::assert_snapshot!(check("%{COMBINEDAPACHELOG}", r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"#), @r#"
        1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "curl
                                                                            ^
        stopped at column 69: `%{COMBINEDAPACHELOG}` → `%{HTTPD_COMBINEDLOG}` → `%{QS:agent}` does not match `"curl`
        "#);
        insta::assert_snapshot!(check("%{COMBINEDAPACHELOG}", ""), @"
        ^
        stopped at column 1: `%{COMBINEDAPACHELOG}` → `%{HTTPD_COMBINEDLOG}` → `%{HTTPD_COMMONLOG}` → `%{IPORHOST:clientip}` matches nowhere in the line
        ");
    }

    #[test]
    fn after_what_takes_any_text() {
        insta::assert_snapshot!(check("%{DATA:x} => %{INT:n}", "one -> 2"), @"
        one -> 2
        ^
        stopped at column 1: ` => ` matches nowhere in `one -> 2`, which `%{DATA:x}` would take
        ");
        insta::assert_snapshot!(check("a %{GREEDYDATA:x} end", "a b c"), @"
        a b c
          ^
        stopped at column 3: ` end` matches nowhere in `b c`, which `%{GREEDYDATA:x}` would take
        ");
        insta::assert_snapshot!(check("a %{DATA:x} => %{INT:n}", "a b => c"), @"
        a b => c
               ^
        stopped at column 8: `%{INT:n}` does not match `c`
        ");
    }

    #[test]
    fn an_optional_element_that_took_nothing_is_named() {
        insta::assert_snapshot!(check(r#"^%{WORD:w}(?: HTTP/%{NUMBER:v})?""#, r#"x HTTP/one""#), @r#"
        x HTTP/one"
         ^
        stopped at column 2: `"` does not match ` HTTP/one"`, and `(?: HTTP/%{NUMBER:v})?` before it took nothing
        "#);
    }

    #[test]
    fn the_alternative_that_comes_furthest() {
        insta::assert_snapshot!(check("^%{INT:a}: x|^%{INT:a} %{WORD:b} y|^z", "12 foo z"), @"
        12 foo z
               ^
        stopped at column 8: `y` does not match `z`
        ");
        insta::assert_snapshot!(check("k(?:=%{INT:n}|: %{WORD:w})", "k: ?"), @"
        k: ?
           ^
        stopped at column 4: `%{WORD:w}` does not match `?`
        ");
    }

    proptest::proptest! {
        /// Of any pattern that compiles and any line that it does not match, something is said.
        #[test]
        fn any_miss_has_a_stop(
            pattern in r"([ab|().+ ]|%\{INT:n\}|%\{DATA:d\}|%\{HTTPDATE\}|\(\?:a\||\[ab\]\*){1,8}",
            line in "[ab1 ä:/]{0,12}",
        ) {
            let set = PatternSet::legacy();
            if let Ok(grok) = Grok::compile(&set, &pattern)
                && grok.matches(&line, &mut Spans::default()) == Outcome::NoMatch
            {
                let stop = Finder::new(&set, &pattern).find(&line);
                assert!(line.is_char_boundary(stop.at));
                assert_ne!(stop.why, Why::Unknown, "{pattern} on {line}");
            }
        }
    }
}

//! Where in a pattern an error is.

use std::ops::Range;

use alces_conf::{Diagnostic, Source, closest};
use alces_grok::{Grok, GrokError, PatternSet, Reason};

/// Compiles a pattern; an error names the place in it.
///
/// # Errors
/// What is wrong, with its place in the pattern or in a definition.
pub fn compile(set: &PatternSet, pattern: &str) -> Result<Grok, Box<Diagnostic>> {
    Grok::compile(set, pattern).map_err(|error| explain(set, pattern, &error))
}

/// An error at the first place of `text` in the pattern.
pub(crate) fn at_text(pattern: &str, text: &str, message: String) -> Box<Diagnostic> {
    let start = pattern.find(text);
    let span = start.map_or(0..pattern.len(), |start| start..start + text.len());
    Box::new(Source::new("pattern", pattern).error(&span, message))
}

fn explain(set: &PatternSet, pattern: &str, error: &GrokError) -> Box<Diagnostic> {
    let mut source = Source::new("pattern", pattern);
    let span = match (&error.reason, set.get(&error.within)) {
        (Reason::Unknown(name), Some(definition)) => {
            source = Source::new(&format!("definition of %{{{}}}", error.within), definition);
            reference(definition, name)
        }
        _ => None,
    };
    let mut diagnostic = source.error(&span.unwrap_or(error.span.clone()), error.to_string());
    if let Reason::Unknown(name) = &error.reason
        && let Some(near) = near(set, name)
    {
        diagnostic = diagnostic.with_help(format!("did you mean `%{{{near}}}`?"));
    }
    Box::new(diagnostic)
}

/// The name that was meant; letters in the wrong order are the commonest slip.
fn near<'s>(set: &'s PatternSet, name: &str) -> Option<&'s str> {
    let letters = |name: &str| {
        let mut letters: Vec<char> = name.chars().collect();
        letters.sort_unstable();
        letters
    };
    let mut names: Vec<&str> = set.names().collect();
    names.sort_unstable_by_key(|candidate| (letters(candidate) != letters(name), *candidate));
    closest(name, names)
}

fn reference(text: &str, name: &str) -> Option<Range<usize>> {
    let open = format!("%{{{name}");
    text.match_indices(&open).find_map(|(at, _)| {
        let end = at + text[at..].find('}')? + 1;
        text[at + open.len()..].starts_with(['}', ':', '=']).then_some(at..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str) -> String {
        let mut set = PatternSet::ecs_v1();
        set.add("MINE", "a %{NOWHERE} b");
        set.add("LOOP", "%{LOOP}");
        compile(&set, pattern).unwrap_err().to_string()
    }

    #[test]
    fn names() {
        insta::assert_snapshot!(check("%{IP:ip} %{WROD:w}"), @"
        pattern:1:10: pattern `%{WROD}` is not defined
          |
        1 | %{IP:ip} %{WROD:w}
          |          ^^^^^^^^^
          = help: did you mean `%{WORD}`?
        ");
        insta::assert_snapshot!(check("%{MINE}"), @"
        definition of %{MINE}:1:3: pattern `%{NOWHERE}` is not defined, used in `%{MINE}`
          |
        1 | a %{NOWHERE} b
          |   ^^^^^^^^^^
        ");
        insta::assert_snapshot!(check("x %{LOOP}"), @"
        pattern:1:3: pattern `%{LOOP}` contains itself
          |
        1 | x %{LOOP}
          |   ^^^^^^^
        ");
        insta::assert_snapshot!(check("x %{IP"), @"
        pattern:1:3: `%{IP` is not `%{NAME}`, `%{NAME:field}` or `%{NAME:field:int}`
          |
        1 | x %{IP
          |   ^^^^
        ");
    }

    #[test]
    fn regular_expressions() {
        insta::assert_snapshot!(check("%{IP:ip} (a|b"), @"
        pattern:1:10: the regular expression is broken: a group without its `)`
          |
        1 | %{IP:ip} (a|b
          |          ^
        ");
        insta::assert_snapshot!(check("%{IP:ip} a) b"), @"
        pattern:1:11: the regular expression is broken: an unmatched `)`
          |
        1 | %{IP:ip} a) b
          |           ^
        ");
        insta::assert_snapshot!(check("%{IP:ip} [z-a] b"), @"
        pattern:1:11: the regular expression is broken: a range whose ends are swapped
          |
        1 | %{IP:ip} [z-a] b
          |           ^
        ");
        insta::assert_snapshot!(check("%{IP:ip} [abc"), @"
        pattern:1:10: the regular expression is broken: a `[` without its `]`
          |
        1 | %{IP:ip} [abc
          |          ^
        ");
        insta::assert_snapshot!(check("*a"), @"
        pattern:1:1: the regular expression is broken: a repetition of nothing
          |
        1 | *a
          | ^
        ");
    }
}

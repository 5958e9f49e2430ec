//! `%{NAME:field:cast}` and `(?<name>…)` to one regular expression and a table of captures.

use std::ops::Range;

use crate::PatternSet;

/// What a capture's text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// It stays text.
    None,
    /// A whole number, read as Ruby's `to_i` does: a prefix, never a failure.
    Int,
    /// A number, read as Ruby's `to_f` does.
    Float,
}

/// One capture of a pattern, in order of appearance. A field that is captured in several places appears several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The field it goes to, as written: `clientip`, `[source][address]`.
    pub field: String,
    /// What its text becomes.
    pub cast: Cast,
    /// Whether it was named by `%{NAME:field}` or `(?<field>…)`, and not only by its pattern's name.
    pub named: bool,
}

/// Why a pattern cannot be compiled, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", inside(.within))]
pub struct GrokError {
    /// The bytes of the pattern; of an error in a definition, those of the reference that leads there.
    pub span: Range<usize>,
    /// The definition in which it is; empty for the pattern itself.
    pub within: String,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A name that no set defines.
    #[error("pattern `%{{{0}}}` is not defined")]
    Unknown(String),
    /// A definition that leads back to itself.
    #[error("pattern `%{{{0}}}` contains itself")]
    Recursive(String),
    /// `%{` without `}`, or something between them that is no name.
    #[error("`{0}` is not `%{{NAME}}`, `%{{NAME:field}}` or `%{{NAME:field:int}}`")]
    Syntax(String),
    /// A cast that there is not. Logstash says nothing and captures text.
    #[error("`{0}` is no cast: a field is text, `:int` or `:float`")]
    Cast(String),
    /// The expanded pattern is longer than any sensible one.
    #[error("the pattern expands to more than {MAX_LEN} characters")]
    TooLong,
    /// The regular expression is broken.
    #[error("the regular expression is broken: {0}")]
    Regex(String),
}

fn inside(within: &str) -> String {
    if within.is_empty() { String::new() } else { format!(", used in `%{{{within}}}`") }
}

/// Guards against definitions that double themselves at each level.
const MAX_LEN: usize = 1 << 20;

/// The expanded regex, in which capture `i` is the group named `g{i}`.
pub(crate) struct Expanded {
    pub(crate) regex: String,
    pub(crate) captures: Vec<Capture>,
    places: Vec<Place>,
    pattern: String,
}

/// Where a piece of the regex comes from.
struct Place {
    /// The first byte of the piece.
    at: usize,
    /// The bytes of the pattern.
    span: Range<usize>,
    /// Byte by byte, or from a definition.
    within: Option<String>,
}

impl Expanded {
    /// An error of the whole.
    pub(crate) fn whole_error(&self, reason: Reason) -> GrokError {
        GrokError { span: 0..self.pattern.len(), within: String::new(), reason }
    }

    /// An error at a byte of the regex.
    pub(crate) fn error(&self, at: usize, reason: Reason) -> GrokError {
        let place = self.places.iter().rev().find(|place| place.at <= at);
        let (span, within) = match place {
            None => (0..0, String::new()),
            Some(Place { span, within: Some(name), .. }) => (span.clone(), name.clone()),
            Some(place) => {
                let from = (place.span.start + at - place.at).min(self.pattern.len());
                let start = self.pattern.floor_char_boundary(from);
                (start..self.pattern.ceil_char_boundary(start + 1), String::new())
            }
        };
        GrokError { span, within, reason }
    }
}

/// Which references capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Those with a field.
    Given,
    /// All; `%{IP}` goes to the field `IP`.
    All,
}

pub(crate) fn expand(set: &PatternSet, pattern: &str, names: Names) -> Result<Expanded, GrokError> {
    let out = Expanded {
        regex: String::new(),
        captures: Vec::new(),
        places: Vec::new(),
        pattern: pattern.to_owned(),
    };
    let mut expander = Expander { set, out, stack: Vec::new(), names, top: 0..pattern.len() };
    expander.text(pattern)?;
    Ok(expander.out)
}

struct Expander<'p> {
    set: &'p PatternSet,
    out: Expanded,
    stack: Vec<String>,
    names: Names,
    /// The bytes of the pattern that are being read.
    top: Range<usize>,
}

impl Expander<'_> {
    fn text(&mut self, text: &str) -> Result<(), GrokError> {
        let mut rest = text;
        let outermost = self.stack.is_empty();
        let mut known = false;
        while let Some(c) = rest.chars().next() {
            if self.out.regex.len() > MAX_LEN {
                return Err(self.error(Reason::TooLong));
            }
            let start = text.len() - rest.len();
            if outermost {
                self.top = start..text.len();
            }
            if !std::mem::replace(&mut known, true) {
                self.place();
            }
            if c == '\\' {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                self.out.regex.push_str(&rest[..end]);
                rest = &rest[end..];
            } else if rest.starts_with("%{") {
                // Logstash's pattern allows anything before the brace that closes.
                let end = rest.find('}').ok_or_else(|| self.error(Reason::Syntax(rest.to_owned())))?;
                if outermost {
                    self.top = start..start + end + 1;
                }
                self.reference(&rest[2..end])?;
                rest = &rest[end + 1..];
                known = false;
            } else if let Some((name, after)) = named_group(rest) {
                self.open(name, Cast::None, true);
                rest = after;
                known = false;
            } else {
                self.out.regex.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        Ok(())
    }

    fn place(&mut self) {
        let (at, span) = (self.out.regex.len(), self.top.clone());
        self.out.places.push(Place { at, span, within: self.stack.last().cloned() });
    }

    fn error(&self, reason: Reason) -> GrokError {
        GrokError { span: self.top.clone(), within: self.stack.last().cloned().unwrap_or_default(), reason }
    }

    fn open(&mut self, field: &str, cast: Cast, named: bool) {
        self.out.regex.push_str(&format!("(?<g{}>", self.out.captures.len()));
        self.out.captures.push(Capture { field: field.to_owned(), cast, named });
    }

    fn reference(&mut self, inner: &str) -> Result<(), GrokError> {
        // `%{NAME=definition}` defines on the spot.
        let (head, inline) = match inner.split_once('=') {
            Some((head, definition)) => (head, Some(definition)),
            None => (inner, None),
        };
        let mut parts = head.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let field = parts.next();
        let cast = match parts.next() {
            None => Cast::None,
            Some("int") => Cast::Int,
            Some("float") => Cast::Float,
            Some(other) => return Err(self.error(Reason::Cast(other.to_owned()))),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(self.error(Reason::Syntax(format!("%{{{inner}}}"))));
        }
        if self.stack.iter().any(|open| open == name) {
            return Err(GrokError {
                within: String::new(),
                ..self.error(Reason::Recursive(name.to_owned()))
            });
        }
        let set = self.set;
        let definition =
            inline.or_else(|| set.get(name)).ok_or_else(|| self.error(Reason::Unknown(name.to_owned())))?;
        self.stack.push(name.to_owned());
        self.place();
        match field {
            Some(field) => self.open(field, cast, true),
            None if self.names == Names::All => self.open(name, cast, false),
            None => self.out.regex.push_str("(?:"),
        }
        self.text(definition)?;
        self.stack.pop();
        self.out.regex.push(')');
        Ok(())
    }
}

/// `(?<name>` but not `(?<=` and `(?<!`.
fn named_group(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("(?<")?;
    let end = inner.find('>')?;
    let name = &inner[..end];
    let fine = !name.is_empty()
        && !name.starts_with(['=', '!'])
        && name.chars().all(|c| c.is_alphanumeric() || "_@[].-".contains(c));
    fine.then(|| (name, &inner[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str) -> String {
        let mut set = PatternSet::default();
        set.add_file("INT [0-9]+\nPAIR %{INT:a:int},%{INT}\nLOOP x%{LOOP}\nBAD %{NOWHERE}").unwrap();
        match expand(&set, pattern, Names::Given) {
            Ok(expanded) => {
                let fields: Vec<_> =
                    expanded.captures.iter().map(|c| format!("{}:{:?}", c.field, c.cast)).collect();
                format!("{} {}", expanded.regex, fields.join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn expansion() {
        insta::assert_snapshot!(check("%{PAIR:both} (?<rest>.*)(?<!x)"),
            @r"(?<g0>(?<g1>[0-9]+),(?:[0-9]+)) (?<g2>.*)(?<!x) both:None a:Int rest:None");
        insta::assert_snapshot!(check("%{WORD2=[a-z]+:w}"), @"(?:[a-z]+:w)");
    }

    #[test]
    fn errors_know_their_place() {
        let place = |pattern: &str| {
            let mut set = PatternSet::default();
            set.add_file("INT [0-9]+\nOPEN a(b").unwrap();
            let error = crate::Grok::compile(&set, pattern).unwrap_err();
            (pattern[error.span.clone()].to_owned(), error.span.start, error.to_string())
        };
        insta::assert_debug_snapshot!(place("é%{INT:a} %{WHAT:b}"), @r#"
        (
            "%{WHAT:b}",
            11,
            "pattern `%{WHAT}` is not defined",
        )
        "#);
        insta::assert_debug_snapshot!(place("%{INT:a} x[b-a]"), @r#"
        (
            "b",
            11,
            "the regular expression is broken: a range whose ends are swapped",
        )
        "#);
        insta::assert_debug_snapshot!(place("%{INT:a} x%{OPEN:c}"), @r#"
        (
            "%{OPEN:c}",
            10,
            "the regular expression is broken: a group without its `)`, used in `%{OPEN}`",
        )
        "#);
    }

    #[test]
    fn errors_name_the_pattern() {
        insta::assert_snapshot!(check("%{LOOP}"), @"pattern `%{LOOP}` contains itself");
        insta::assert_snapshot!(check("%{BAD}"), @"pattern `%{NOWHERE}` is not defined, used in `%{BAD}`");
        insta::assert_snapshot!(check("%{INT"), @"`%{INT` is not `%{NAME}`, `%{NAME:field}` or `%{NAME:field:int}`");
        insta::assert_snapshot!(check("%{INT:n:number}"), @"`number` is no cast: a field is text, `:int` or `:float`");
    }
}

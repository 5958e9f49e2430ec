//! `%{NAME:field:cast}` and `(?<name>…)` to one regular expression and a table of captures.

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

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrokError {
    /// A name that no set defines.
    #[error("pattern `%{{{name}}}` is not defined{}", inside(.within))]
    Unknown {
        /// The name.
        name: String,
        /// The definition that uses it, empty for the pattern itself.
        within: String,
    },
    /// A definition that leads back to itself.
    #[error("pattern `%{{{name}}}` contains itself")]
    Recursive {
        /// The name.
        name: String,
    },
    /// `%{` without `}`, or something between them that is no name.
    #[error("`{text}` is not `%{{NAME}}`, `%{{NAME:field}}` or `%{{NAME:field:int}}`")]
    Syntax {
        /// What stands there.
        text: String,
    },
    /// The expanded pattern is longer than any sensible one.
    #[error("the pattern expands to more than {MAX_LEN} characters")]
    TooLong,
    /// The regular expression is broken.
    #[error("the regular expression is broken: {reason}")]
    Regex {
        /// The engine's words.
        reason: String,
    },
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
}

pub(crate) fn expand(set: &PatternSet, pattern: &str) -> Result<Expanded, GrokError> {
    let mut expander = Expander { set, out: String::new(), captures: Vec::new(), stack: Vec::new() };
    expander.text(pattern)?;
    Ok(Expanded { regex: expander.out, captures: expander.captures })
}

struct Expander<'p> {
    set: &'p PatternSet,
    out: String,
    captures: Vec<Capture>,
    stack: Vec<String>,
}

impl Expander<'_> {
    fn text(&mut self, text: &str) -> Result<(), GrokError> {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if self.out.len() > MAX_LEN {
                return Err(GrokError::TooLong);
            }
            if c == '\\' {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
                self.out.push_str(&rest[..end]);
                rest = &rest[end..];
            } else if rest.starts_with("%{") {
                // Logstash's pattern allows anything before the brace that closes.
                let end = rest.find('}').ok_or_else(|| GrokError::Syntax { text: rest.to_owned() })?;
                self.reference(&rest[2..end])?;
                rest = &rest[end + 1..];
            } else if let Some((name, after)) = named_group(rest) {
                self.open(name, Cast::None, true);
                rest = after;
            } else {
                self.out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        Ok(())
    }

    fn open(&mut self, field: &str, cast: Cast, named: bool) {
        self.out.push_str(&format!("(?<g{}>", self.captures.len()));
        self.captures.push(Capture { field: field.to_owned(), cast, named });
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
            Some("int") => Cast::Int,
            Some("float") => Cast::Float,
            // Logstash ignores any other word.
            _ => Cast::None,
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(GrokError::Syntax { text: format!("%{{{inner}}}") });
        }
        if self.stack.iter().any(|open| open == name) {
            return Err(GrokError::Recursive { name: name.to_owned() });
        }
        let set = self.set;
        let definition = inline.or_else(|| set.get(name)).ok_or_else(|| GrokError::Unknown {
            name: name.to_owned(),
            within: self.stack.last().cloned().unwrap_or_default(),
        })?;
        match field {
            Some(field) => self.open(field, cast, true),
            None => self.out.push_str("(?:"),
        }
        self.stack.push(name.to_owned());
        self.text(definition)?;
        self.stack.pop();
        self.out.push(')');
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
        match expand(&set, pattern) {
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
    fn errors_name_the_pattern() {
        insta::assert_snapshot!(check("%{LOOP}"), @"pattern `%{LOOP}` contains itself");
        insta::assert_snapshot!(check("%{BAD}"), @"pattern `%{NOWHERE}` is not defined, used in `%{BAD}`");
        insta::assert_snapshot!(check("%{INT"), @"`%{INT` is not `%{NAME}`, `%{NAME:field}` or `%{NAME:field:int}`");
    }
}

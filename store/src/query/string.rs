//! `query_string`: Lucene's classic syntax → [`Query`].
//!
//! Words that stand side by side are one question, cut into words by each field; `AND`, `OR`, `NOT`, `+`, `-` and groups work as in Lucene's
//! `QueryParserBase.addClause`, which is not how precedence works elsewhere: `a AND b OR c` requires a and b, and likes c.

use super::ast::{Bounds, Minimum, Query};
use crate::error::ApiError;
use serde_json::Value;

type Result<T> = std::result::Result<T, ApiError>;

/// How deep groups may be nested.
const DEPTH: usize = 30;

/// What `query_string` is told beside its text.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Fields or patterns of them, with boosts as written (`title^2`).
    pub(crate) fields: Vec<String>,
    /// Words and clauses without an operator are all required.
    pub(crate) all: bool,
    /// Values that do not fit a field's type find nothing instead of failing.
    pub(crate) lenient: bool,
    pub(crate) minimum: Option<Minimum>,
    /// Slop of phrases that name none.
    pub(crate) slop: u32,
    pub(crate) leading_wildcard: bool,
    /// Where dates without a zone are.
    pub(crate) zone: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    /// A word as written, and whether a part of it is a wildcard that is not escaped.
    Word {
        text: String,
        raw: String,
        wild: bool,
    },
    Quoted(String),
    Regexp(String),
    Range {
        low: String,
        high: String,
        low_closed: bool,
        high_closed: bool,
    },
    /// `>=500`, without a field before it this is not one.
    Compare(String, String),
    Field(String),
    Boost(f32),
    /// `~` with what follows it.
    Tilde(String),
}

/// Parses the text.
pub(crate) fn parse(text: &str, options: &Options) -> Result<Query> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, options, text };
    let query = parser.clauses(None, 0)?;
    if parser.at < tokens.len() {
        return Err(parser.error("a `)` without its `(`"));
    }
    Ok(query)
}

fn failed(text: &str, why: &str) -> ApiError {
    ApiError::new(400, "query_shard_exception", format!("Failed to parse query [{text}]: {why}"))
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            c if c.is_whitespace() || c == '\u{3000}' => rest = after,
            '(' | ')' | '+' | '-' | '!' => {
                out.push(match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '+' => Token::Plus,
                    '-' => Token::Minus,
                    _ => Token::Not,
                });
                rest = after;
            }
            '&' if after.starts_with('&') => {
                out.push(Token::And);
                rest = &after[1..];
            }
            '|' if after.starts_with('|') => {
                out.push(Token::Or);
                rest = &after[1..];
            }
            '"' => {
                let (quoted, left) =
                    until(after, '"').ok_or_else(|| failed(text, "a quote is not closed"))?;
                out.push(Token::Quoted(unescape(quoted)));
                rest = left;
            }
            '/' => {
                let (inside, left) =
                    until(after, '/').ok_or_else(|| failed(text, "a `/` of an expression is not closed"))?;
                out.push(Token::Regexp(inside.replace("\\/", "/")));
                rest = left;
            }
            '[' | '{' => {
                let end = after.find([']', '}']).ok_or_else(|| failed(text, "a range is not closed"))?;
                let (low, high) = after[..end]
                    .split_once(" TO ")
                    .ok_or_else(|| failed(text, "a range is written [low TO high]"))?;
                let bare = |end: &str| unescape(end.trim().trim_matches('"'));
                out.push(Token::Range {
                    low: bare(low),
                    high: bare(high),
                    low_closed: c == '[',
                    high_closed: after.as_bytes()[end] == b']',
                });
                rest = &after[end + 1..];
            }
            '^' => {
                let length = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
                let boost =
                    after[..length].parse().map_err(|_| failed(text, "a `^` wants a number after it"))?;
                out.push(Token::Boost(boost));
                rest = &after[length..];
            }
            '~' => {
                let length = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
                out.push(Token::Tilde(after[..length].to_owned()));
                rest = &after[length..];
            }
            '>' | '<' if matches!(out.last(), Some(Token::Field(_))) => {
                let (sign, after) = match after.strip_prefix('=') {
                    Some(after) => (format!("{c}="), after),
                    None => (c.to_string(), after),
                };
                let (raw, left) = word(after);
                if raw.is_empty() {
                    return Err(failed(text, "a comparison wants a value after it"));
                }
                out.push(Token::Compare(sign, unescape(raw)));
                rest = left;
            }
            _ => {
                let (raw, left) = word(rest);
                if raw.is_empty() {
                    return Err(failed(
                        text,
                        &format!("`{c}` is not expected here; write `\\{c}` for the character"),
                    ));
                }
                if let Some(left) = left.strip_prefix(':') {
                    out.push(Token::Field(unescape(raw)));
                    rest = left;
                    continue;
                }
                out.push(match raw {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    "NOT" => Token::Not,
                    raw => Token::Word { text: unescape(raw), raw: raw.to_owned(), wild: wild(raw) },
                });
                rest = left;
            }
        }
    }
    Ok(out)
}

/// A word ends at a space or at a sign of the syntax that is not escaped.
fn word(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c.is_whitespace() || "()\"^~:[]{}!".contains(c) {
            return text.split_at(at);
        }
    }
    (text, "")
}

fn until(text: &str, end: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == end {
            return Some((&text[..at], &text[at + c.len_utf8()..]));
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

fn wild(raw: &str) -> bool {
    let mut escaped = false;
    raw.chars().any(|c| {
        let special = !escaped && (c == '*' || c == '?');
        escaped = !escaped && c == '\\';
        special
    })
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    options: &'a Options,
    text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Occur {
    Must,
    Should,
    MustNot,
}

impl Parser<'_> {
    fn error(&self, why: &str) -> ApiError {
        failed(self.text, why)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn clauses(&mut self, field: Option<&str>, depth: usize) -> Result<Query> {
        if depth > DEPTH {
            return Err(self.error("groups are nested too deeply"));
        }
        let mut clauses: Vec<(Occur, Query)> = Vec::new();
        loop {
            let (and, or) = match self.peek() {
                None | Some(Token::Close) => break,
                Some(Token::And) => (true, false),
                Some(Token::Or) => (false, true),
                _ => (false, false),
            };
            if and || or {
                if clauses.is_empty() {
                    return Err(self.error("an operator wants something before it"));
                }
                self.at += 1;
            }
            let mut modifier = None;
            if let Some(token @ (Token::Plus | Token::Minus | Token::Not)) = self.peek() {
                modifier = Some(*token == Token::Plus);
                self.at += 1;
            }
            let plain = !and && !or && modifier.is_none();
            let query = self.clause(field, depth, plain)?;
            // As Lucene does it: an AND requires what stands before it as well.
            if let Some(last) = clauses.last_mut()
                && last.0 != Occur::MustNot
            {
                if and {
                    last.0 = Occur::Must;
                } else if or && self.options.all {
                    last.0 = Occur::Should;
                }
            }
            let occur = match modifier {
                Some(false) => Occur::MustNot,
                // After an OR even a plus is a wish, where all are required else (as in Lucene).
                Some(true) if or && self.options.all => Occur::Should,
                Some(true) => Occur::Must,
                None if self.options.all => {
                    if or {
                        Occur::Should
                    } else {
                        Occur::Must
                    }
                }
                None if and => Occur::Must,
                None => Occur::Should,
            };
            clauses.push((occur, query));
        }
        if clauses.is_empty() {
            return if depth == 0 { Ok(Query::None) } else { Err(self.error("a group is empty")) };
        }
        if let [(Occur::Should | Occur::Must, _)] = clauses.as_slice()
            && (self.options.minimum.is_none() || depth > 0)
        {
            return Ok(clauses.remove(0).1);
        }
        let of = |occur: Occur| clauses.iter().filter(|(o, _)| *o == occur).map(|(_, q)| q.clone()).collect();
        let minimum = self.options.minimum.filter(|_| depth == 0);
        Ok(Query::Bool {
            must: of(Occur::Must),
            filter: Vec::new(),
            should: of(Occur::Should),
            must_not: of(Occur::MustNot),
            minimum,
        })
    }

    fn clause(&mut self, field: Option<&str>, depth: usize, plain: bool) -> Result<Query> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.error("an operator wants something after it"));
        };
        self.at += 1;
        let query = match token {
            // Only once: what a field is asked for has no field of its own.
            Token::Field(_) if matches!(self.peek(), Some(Token::Field(_))) => {
                return Err(self.error("a field wants a value after it; write `\\:` for the character"));
            }
            Token::Field(name) => return self.clause(Some(&name), depth, false),
            Token::Open => {
                let query = self.clauses(field, depth + 1)?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.error("a group is not closed"));
                }
                self.at += 1;
                query
            }
            Token::Quoted(text) => {
                let slop = match self.peek() {
                    Some(Token::Tilde(slop)) => {
                        let slop = slop
                            .parse()
                            .map_err(|_| self.error("a `~` after a phrase wants a whole number"))?;
                        self.at += 1;
                        slop
                    }
                    _ => self.options.slop,
                };
                if field == Some("_exists_") {
                    Query::Exists { field: text }
                } else {
                    self.on(
                        field,
                        Query::Phrase { field: String::new(), text: text.into(), slop, prefix: false },
                    )
                }
            }
            Token::Regexp(pattern) => {
                self.on(field, Query::Regexp { field: String::new(), pattern, insensitive: false })
            }
            Token::Range { low, high, low_closed, high_closed } => {
                let end = |text: String, closed| (text != "*").then_some((Value::String(text), closed));
                let bounds = Bounds {
                    low: end(low, low_closed),
                    high: end(high, high_closed),
                    format: None,
                    zone: self.options.zone.clone(),
                };
                self.on(field, Query::Range { field: String::new(), bounds })
            }
            Token::Compare(sign, value) => {
                let end = Some((Value::String(value), sign.len() == 2));
                let zone = self.options.zone.clone();
                let bounds = if sign.starts_with('>') {
                    Bounds { low: end, zone, ..Bounds::default() }
                } else {
                    Bounds { high: end, zone, ..Bounds::default() }
                };
                self.on(field, Query::Range { field: String::new(), bounds })
            }
            Token::Word { text, raw, wild } => self.word(field, text, raw, wild, plain)?,
            Token::Tilde(_) => {
                return Err(self.error("fuzzy words are not supported; write `\\~` for the character"));
            }
            Token::Boost(_) => return Err(self.error("a `^` wants something before it")),
            Token::And | Token::Or | Token::Not | Token::Plus | Token::Minus | Token::Close => {
                return Err(self.error("an operator wants something between it and the next one"));
            }
        };
        match self.peek() {
            Some(Token::Boost(by)) => {
                let by = *by;
                self.at += 1;
                Ok(Query::Boost(Box::new(query), by))
            }
            Some(Token::Tilde(_)) => {
                Err(self.error("fuzzy words are not supported; write `\\~` for the character"))
            }
            _ => Ok(query),
        }
    }

    fn word(
        &mut self,
        field: Option<&str>,
        text: String,
        raw: String,
        wild: bool,
        plain: bool,
    ) -> Result<Query> {
        if field == Some("_exists_") {
            return Ok(Query::Exists { field: text });
        }
        if wild {
            if raw == "*" {
                return Ok(match field {
                    None | Some("*") => Query::All,
                    Some(field) => Query::Exists { field: field.to_owned() },
                });
            }
            if raw.starts_with(['*', '?']) && !self.options.leading_wildcard {
                return Err(self.error("'*' or '?' not allowed as first character in WildcardQuery"));
            }
            return Ok(self.on(
                field,
                Query::Wildcard { field: String::new(), pattern: raw, insensitive: false, fold: true },
            ));
        }
        // Words side by side go to the fields together, which cut them in their own way.
        let mut text = text;
        while let (true, Some(Token::Word { text: more, wild: false, .. })) = (plain, self.peek()) {
            // A word that something follows which is about it alone does not belong to those before it.
            if matches!(
                self.tokens.get(self.at + 1),
                Some(Token::And | Token::Or | Token::Boost(_) | Token::Tilde(_))
            ) {
                break;
            }
            text.push(' ');
            text.push_str(more);
            self.at += 1;
        }
        Ok(self.on(
            field,
            Query::Match { field: String::new(), text: text.into(), all: self.options.all, minimum: None },
        ))
    }

    /// The query over the named field, or over all that were asked for.
    fn on(&self, field: Option<&str>, query: Query) -> Query {
        let fields = match field {
            Some(field) => vec![field.to_owned()],
            None => self.options.fields.clone(),
        };
        // Where all fields are asked, OpenSearch is lenient with those that are named as well.
        let lenient = self.options.lenient || self.options.fields.iter().any(|f| f == "*");
        Query::Many { fields, lenient, query: Box::new(query) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query as one line: `+` required, `-` forbidden.
    fn show(query: &Query) -> String {
        match query {
            Query::Bool { must, should, must_not, .. } => {
                let list = |sign: &str, all: &[Query]| {
                    all.iter().map(|q| format!("{sign}{}", show(q))).collect::<Vec<_>>()
                };
                let all = [list("+", must), list("", should), list("-", must_not)].concat();
                format!("({})", all.join(" "))
            }
            Query::Many { fields, query, .. } => format!("{}:{}", fields.join(","), show(query)),
            Query::Match { text, .. } => text.as_str().unwrap_or_default().to_owned(),
            Query::Phrase { text, slop, .. } => format!("{text}~{slop}"),
            Query::Wildcard { pattern, .. } => format!("w/{pattern}/"),
            Query::Regexp { pattern, .. } => format!("/{pattern}/"),
            Query::Exists { field } => format!("has {field}"),
            Query::Boost(query, by) => format!("{}^{by}", show(query)),
            Query::Range { bounds, .. } => {
                let end = |end: &Option<(Value, bool)>| {
                    end.as_ref().map_or("*".to_owned(), |(v, c)| format!("{v}{}", if *c { "=" } else { "" }))
                };
                format!("{}..{}", end(&bounds.low), end(&bounds.high))
            }
            other => format!("{other:?}"),
        }
    }

    fn read(text: &str, all: bool) -> Result<Query> {
        let options = Options {
            fields: vec!["f".into()],
            all,
            lenient: false,
            minimum: None,
            slop: 0,
            leading_wildcard: true,
            zone: None,
        };
        parse(text, &options)
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(show(&read(text, false).unwrap()), expect);
    }

    #[test]
    fn operators_as_in_lucene() {
        check("a", "f:a");
        check("a b c", "f:a b c");
        check("a OR b", "(f:a f:b)");
        check("a AND b OR c", "(+f:a +f:b f:c)");
        check("a OR b AND c", "(+f:b +f:c f:a)");
        check("a NOT b", "(f:a -f:b)");
        check("+a -b !c", "(+f:a -f:b -f:c)");
        check("(a OR b) AND c && d", "(+(f:a f:b) +f:c +f:d)");
        assert_eq!(show(&read("a OR b c", true).unwrap()), "(+f:c f:a f:b)");
    }

    #[test]
    fn fields_values_and_ranges() {
        check("level:error", "level:error");
        check("level:(error OR warn)", "(level:error level:warn)");
        check("host.name:web* path:*admin*", "(host.name:w/web*/ path:w/*admin*/)");
        check("status:>=500 took:<1.5", "(status:\"500\"=..* took:*..\"1.5\")");
        check("s:[400 TO 500} d:{* TO now-1h]", "(s:\"400\"=..\"500\" d:*..\"now-1h\"=)");
        check("_exists_:user", "has user");
        check("user:*", "has user");
        check("\"timed out\"~2^3 x", "(f:\"timed out\"~2^3 f:x)");
        check(r"path:\/a\ b\:c", "path:/a b:c");
        check("m:/ab[0-9]+/", "m:/ab[0-9]+/");
        check("", "None");
        check("*", "All");
    }

    #[test]
    fn what_cannot_be_read() {
        for text in [
            "(a",
            "a)",
            "\"a",
            "AND a",
            "a AND",
            "a^x",
            "a~",
            "[1 TO 2",
            "()",
            "a OR OR b",
            "+",
            "f:[1 2]",
            "a:b:c",
            "/a",
        ] {
            assert!(read(text, false).is_err(), "{text}");
        }
        let deep = "(".repeat(200) + "a" + &")".repeat(200);
        assert!(read(&deep, false).is_err());
        // Nor does it go deep by fields.
        assert!(read(&"a:".repeat(100_000), false).is_err());
    }
}

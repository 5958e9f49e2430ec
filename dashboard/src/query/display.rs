//! Query → canonical text, which parses to the same query: `AND` is a blank where nothing else is around it, values of
//! one field are a group, one-sided ranges are comparisons.
//!
//! Of a query near its limits the text can be over them: it may be longer than what was typed, and [`Query::and`] adds
//! up the terms of two.

use std::fmt::{Display, Formatter, Result, Write};

use super::Query;
use super::ast::{Bounds, Node, Piece, Term, Wanted, Word};
use super::lex::{ends, operator};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.0 {
            // An empty search box.
            Node::Everything => Ok(()),
            node => write_node(f, node, Around::Nothing),
        }
    }
}

/// What a node stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    And,
    Or,
    Not,
}

fn write_node(f: &mut Formatter<'_>, node: &Node, around: Around) -> Result {
    match node {
        Node::Everything => f.write_char('*'),
        Node::Term(term) => {
            write_field(f, term)?;
            let place = if term.field.is_some() { Where::Value } else { Where::Other };
            write_wanted(f, &term.wanted, place)
        }
        Node::Not(inner) => {
            f.write_char('-')?;
            write_node(f, inner, Around::Not)
        }
        Node::And(parts) if around == Around::Not => {
            f.write_char('(')?;
            write_all(f, parts, " ")?;
            f.write_char(')')
        }
        Node::And(parts) => write_all(f, parts, if around == Around::Or { " AND " } else { " " }),
        Node::Or(parts) => {
            let runs: Vec<&[Node]> = parts.chunk_by(of_one_field).collect();
            let parentheses = runs.len() > 1 && around != Around::Nothing;
            if parentheses {
                f.write_char('(')?;
            }
            for (i, run) in runs.iter().enumerate() {
                f.write_str(if i > 0 { " OR " } else { "" })?;
                write_run(f, run)?;
            }
            if parentheses { f.write_char(')') } else { Ok(()) }
        }
    }
}

fn write_all(f: &mut Formatter<'_>, parts: &[Node], between: &str) -> Result {
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i > 0 { between } else { "" })?;
        write_node(f, part, Around::And)?;
    }
    Ok(())
}

/// Whether both ask one field, which is then named once for both.
fn of_one_field(a: &Node, b: &Node) -> bool {
    let field = |node: &Node| match node {
        Node::Term(term) => term.field.as_ref().map(|field| field.name.clone()),
        _ => None,
    };
    field(a).is_some_and(|a| field(b) == Some(a))
}

/// Alternatives that ask one field, or a single one.
fn write_run(f: &mut Formatter<'_>, run: &[Node]) -> Result {
    if let [only] = run {
        return write_node(f, only, Around::Or);
    }
    for (i, node) in run.iter().enumerate() {
        let Node::Term(term) = node else { continue };
        if i == 0 {
            write_field(f, term)?;
            f.write_char('(')?;
        } else {
            f.write_str(" OR ")?;
        }
        write_wanted(f, &term.wanted, Where::Other)?;
    }
    f.write_char(')')
}

/// Where a word is written, which decides whether a colon in it needs a backslash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Behind its field: what follows the first colon is the value.
    Value,
    /// Without a field, in a group of values, or as a field's name.
    Other,
}

fn write_field(f: &mut Formatter<'_>, term: &Term) -> Result {
    let Some(field) = &term.field else { return Ok(()) };
    write_word(f, &Word(field.name.chars().map(Piece::Char).collect()), Where::Other)?;
    f.write_char(':')
}

fn write_wanted(f: &mut Formatter<'_>, wanted: &Wanted, place: Where) -> Result {
    match wanted {
        Wanted::Exists => f.write_char('*'),
        Wanted::Phrase(text) => write_phrase(f, text),
        Wanted::Word(word) => write_word(f, word, place),
        Wanted::Between(Bounds { low: Some(low), high: None }) => {
            f.write_str(if low.closed { ">=" } else { ">" })?;
            write_bound(f, &low.text)
        }
        Wanted::Between(Bounds { low: None, high: Some(high) }) => {
            f.write_str(if high.closed { "<=" } else { "<" })?;
            write_bound(f, &high.text)
        }
        Wanted::Between(Bounds { low: Some(low), high: Some(high) }) => {
            f.write_char(if low.closed { '[' } else { '{' })?;
            write_bound(f, &low.text)?;
            f.write_str(" TO ")?;
            write_bound(f, &high.text)?;
            f.write_char(if high.closed { ']' } else { '}' })
        }
        Wanted::Between(Bounds { low: None, high: None }) => f.write_str("[* TO *]"),
    }
}

fn write_phrase(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

/// An end of a range: plain if every character of it is, else in quotes.
fn write_bound(f: &mut Formatter<'_>, text: &str) -> Result {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '/' | '|' | ':' | '%' | ',');
    if !text.is_empty() && text.chars().all(plain) && !text.eq_ignore_ascii_case("to") {
        f.write_str(text)
    } else {
        write_phrase(f, text)
    }
}

fn write_word(f: &mut Formatter<'_>, word: &Word, place: Where) -> Result {
    if word.plain().is_some_and(|text| operator(&text).is_some()) {
        f.write_char('\\')?;
    }
    for (i, piece) in word.0.iter().enumerate() {
        match piece {
            Piece::Any => f.write_char('*')?,
            Piece::One => f.write_char('?')?,
            Piece::Char(c) => {
                let sign = matches!(c, '\\' | '*' | '?' | '<' | '>')
                    || ends(*c)
                    || (*c == ':' && place == Where::Other);
                if sign || (i == 0 && matches!(c, '-' | '!' | '[' | '{')) {
                    f.write_char('\\')?;
                }
                f.write_char(*c)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    /// A text is written so, and that is the same query.
    fn check(text: &str, canonical: &str) {
        let query = parse(text).expect(text);
        assert_eq!(query.to_string(), canonical, "{text}");
        assert_eq!(parse(canonical).expect(canonical), query, "{text}");
    }

    #[test]
    fn canonical_text() {
        check("  level:error   AND host:web* ", "level:error host:web*");
        check("a AND b OR NOT c", "a AND b OR -c");
        check("a (b OR c)", "a (b OR c)");
        check("not (a b)", "-(a b)");
        check("status:500 or status:503", "status:(500 OR 503)");
        check("-status:(500 OR 503) a", "-status:(500 OR 503) a");
        check("a:1 OR a:2 OR b", "a:(1 OR 2) OR b");
        check("a:(1 2)", "a:1 a:2");
        check("a:[1 TO *] b:{1 TO \"x y\"}", "a:>=1 b:{1 TO \"x y\"}");
        check("a:[\"to\" TO b]", "a:[\"to\" TO b]");
        check("* OR a", "* OR a");
        check("*", "");
        check("-*", "-*");
    }

    #[test]
    fn escapes() {
        check(r"\and \-a a\ b \(x\) a\:b", r"\and \-a a\ b \(x\) a\:b");
        check(r"url:http://x OR url:ftp\://y", r"url:(http\://x OR ftp\://y)");
        check(r#""C:\temp" "say \"x\"""#, r#""C:\\temp" "say \"x\"""#);
        check(r"f:\[a f:n-1 f:\*", r"f:\[a f:n-1 f:\*");
    }
}

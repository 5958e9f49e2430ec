//! Text → query. Written by hand and not with a parser library: whoever types into a search box needs to be told what
//! to write instead and where, and that is most of this file.
//!
//! ```text
//! either  = every ("OR" every)*
//! every   = one ("AND"? one)*
//! one     = ("NOT" | "-" | "!") one | "(" either ")" | phrase | word | field value
//! value   = ":" (word | phrase | range | comparison | "(" either of values ")") | comparison
//! ```

use super::ast::{Bounds, Edge, Field, Node, Piece, Place, Term, Wanted, Word};
use super::error::{Problem, QueryError, shown};
use super::lex::{Operator, Scanner, Stand};
use super::{CLAUSES, DEPTH, TEXT, WILDCARDS};

type Parsed<T> = Result<T, QueryError>;

/// Reads a whole text.
pub(super) fn node(text: &str) -> Parsed<Node> {
    if text.len() > TEXT {
        let start = (0..=TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let problem = Problem::TooLong { bytes: text.len() };
        return Err(QueryError::new(problem, Place { start, end: text.len() }));
    }
    let mut parser = Parser { scan: Scanner::new(text), clauses: 0, wildcards: 0, depth: 0, group: None };
    parser.scan.blanks();
    if parser.scan.peek().is_none() {
        return Ok(Node::Everything);
    }
    let node = parser.either()?;
    match parser.scan.peek() {
        None => Ok(node),
        // Nothing else ends a list of terms.
        Some(_) => Err(parser.here(Problem::StrayParenthesis)),
    }
}

struct Parser<'t> {
    scan: Scanner<'t>,
    /// Terms so far.
    clauses: usize,
    /// Terms with wildcards so far.
    wildcards: usize,
    /// How many parentheses and negations are around.
    depth: usize,
    /// The field of the group of values that is being read.
    group: Option<Field>,
}

impl Parser<'_> {
    /// An error at the next character, or at the end.
    fn here(&self, problem: Problem) -> QueryError {
        let start = self.scan.at();
        let end = start + self.scan.peek().map_or(0, char::len_utf8);
        QueryError::new(problem, Place { start, end })
    }

    fn either(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.every()?];
        while let Some((Operator::Or, place)) = self.scan.peek_operator() {
            self.behind(place)?;
            parts.push(self.every()?);
        }
        Ok(Node::any(parts))
    }

    fn every(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.one()?];
        loop {
            self.scan.blanks();
            match self.scan.peek_operator() {
                Some((Operator::And, place)) => self.behind(place)?,
                Some((Operator::Or, _)) => break,
                Some((Operator::Not, _)) => {}
                None if matches!(self.scan.peek(), None | Some(')')) => break,
                None => {}
            }
            parts.push(self.one()?);
        }
        Ok(Node::all(parts))
    }

    /// Goes behind an operator, where a term must begin.
    fn behind(&mut self, place: Place) -> Parsed<()> {
        self.scan.skip_to(place.end);
        self.scan.blanks();
        let other = matches!(self.scan.peek_operator(), Some((Operator::And | Operator::Or, _)));
        if other || matches!(self.scan.peek(), None | Some(')')) {
            let operator = self.scan.typed(place).to_owned();
            return Err(QueryError::new(Problem::NothingBehind { operator }, place));
        }
        Ok(())
    }

    fn enter(&mut self, place: Place) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH { Err(QueryError::new(Problem::TooDeep, place)) } else { Ok(()) }
    }

    fn one(&mut self) -> Parsed<Node> {
        let start = self.scan.at();
        match self.scan.peek_operator() {
            Some((Operator::Not, place)) => {
                self.behind(place)?;
                return self.negated(place);
            }
            Some((_, place)) => {
                let operator = self.scan.typed(place).to_owned();
                return Err(QueryError::new(Problem::NothingBefore { operator }, place));
            }
            None => {}
        }
        match self.scan.peek() {
            Some(sign @ ('-' | '!')) => {
                self.scan.take(sign);
                let place = self.scan.since(start);
                if self.scan.peek().is_none_or(|c| c.is_whitespace() || c == ')') {
                    return Err(QueryError::new(Problem::LoneSign { sign }, place));
                }
                self.negated(place)
            }
            Some('(') => {
                self.scan.take('(');
                let place = self.scan.since(start);
                self.enter(place)?;
                let inner = self.until_closed(place)?;
                self.depth -= 1;
                Ok(inner)
            }
            _ => match self.group.clone() {
                Some(field) => self.value_in_group(field),
                None => self.term(),
            },
        }
    }

    fn negated(&mut self, sign: Place) -> Parsed<Node> {
        self.enter(sign)?;
        let inner = self.one()?;
        self.depth -= 1;
        Ok(inner.not())
    }

    /// What is between an opening parenthesis at `open` and its end.
    fn until_closed(&mut self, open: Place) -> Parsed<Node> {
        self.scan.blanks();
        match self.scan.peek() {
            None => return Err(QueryError::new(Problem::OpenParenthesis, open)),
            Some(')') => {
                let place = Place { start: open.start, end: self.scan.at() + 1 };
                return Err(QueryError::new(Problem::EmptyParentheses, place));
            }
            Some(_) => {}
        }
        let inner = self.either()?;
        if self.scan.take(')') { Ok(inner) } else { Err(QueryError::new(Problem::OpenParenthesis, open)) }
    }

    /// A word or phrase, or a field and what it must hold.
    fn term(&mut self) -> Parsed<Node> {
        if let Some((text, place)) = self.scan.phrase()? {
            if self.scan.peek() == Some(':') {
                return Err(QueryError::new(Problem::QuotedField, place));
            }
            if text.is_empty() {
                return Err(QueryError::new(Problem::EmptyPhrase, place));
            }
            return self.clause(None, Wanted::Phrase(text), place);
        }
        let Some((word, place)) = self.scan.word(Stand::Free)? else {
            return Err(self.here(match self.scan.peek() {
                Some(':') => Problem::StrayColon,
                Some(')') => Problem::StrayParenthesis,
                _ => Problem::StrayComparison,
            }));
        };
        let end = self.scan.at();
        self.scan.blanks();
        let colon = self.scan.take(':');
        if !colon && !matches!(self.scan.peek(), Some('<' | '>')) {
            self.scan.skip_to(end);
            return self.free(word, place);
        }
        let Some(name) = word.plain() else {
            // `*:*` is what other search boxes call everything.
            return match self.scan.word(Stand::Value)? {
                Some((value, _)) if word.is_star() && value.is_star() => {
                    self.count(Place { start: place.start, end: self.scan.at() })?;
                    Ok(Node::Everything)
                }
                _ => Err(QueryError::new(Problem::PatternInField, place)),
            };
        };
        let field = Field { name, place };
        self.scan.blanks();
        match self.scan.peek() {
            None | Some(')') => Err(self.no_value(&field)),
            Some('(') => {
                let start = self.scan.at();
                self.scan.take('(');
                let open = self.scan.since(start);
                // Not counted as depth, as there is no group in a group.
                self.group = Some(field);
                let inner = self.until_closed(open)?;
                self.group = None;
                Ok(inner)
            }
            Some(_) => self.value(field, Stand::Value),
        }
    }

    fn no_value(&self, field: &Field) -> QueryError {
        let place = Place { start: field.place.start, end: self.scan.at() };
        QueryError::new(Problem::NoValue { field: shown(&field.name) }, place)
    }

    /// A word without a field.
    fn free(&mut self, word: Word, place: Place) -> Parsed<Node> {
        if word.is_star() {
            self.count(place)?;
            return Ok(Node::Everything);
        }
        if matches!(word.0.first(), Some(Piece::Any | Piece::One)) {
            let word = shown(self.scan.typed(place));
            return Err(QueryError::new(Problem::LeadingWildcard { word }, place));
        }
        self.clause(None, Wanted::Word(word), place)
    }

    fn value_in_group(&mut self, field: Field) -> Parsed<Node> {
        let start = self.scan.at();
        let name = shown(&field.name);
        if self.scan.peek() != Some(':') {
            let node = self.value(field, Stand::Free)?;
            if self.scan.peek() != Some(':') {
                return Ok(node);
            }
        }
        let place = Place { start, end: self.scan.at() + 1 };
        Err(QueryError::new(Problem::FieldInGroup { field: name }, place))
    }

    /// What a field must hold, but for a group.
    fn value(&mut self, field: Field, stand: Stand) -> Parsed<Node> {
        let start = self.scan.at();
        if let Some((text, place)) = self.scan.phrase()? {
            return self.clause(Some(field), Wanted::Phrase(text), place);
        }
        match self.scan.peek() {
            Some(open @ ('[' | '{')) => {
                let bounds = self.range(open)?;
                let wanted = match bounds {
                    Bounds { low: None, high: None } => Wanted::Exists,
                    bounds => Wanted::Between(bounds),
                };
                self.clause(Some(field), wanted, self.scan.since(start))
            }
            Some(sign @ ('<' | '>')) => {
                self.scan.take(sign);
                let closed = self.scan.take('=');
                self.scan.blanks();
                let (text, place) = match self.scan.phrase()? {
                    Some(phrase) => phrase,
                    None => match self.scan.word(Stand::Value)? {
                        None => return Err(self.no_value(&field)),
                        Some((word, place)) => (plain(&word, place)?, place),
                    },
                };
                let edge = Some(Edge { text, closed, place });
                let bounds = match sign {
                    '<' => Bounds { low: None, high: edge },
                    _ => Bounds { low: edge, high: None },
                };
                self.clause(Some(field), Wanted::Between(bounds), self.scan.since(start))
            }
            _ => {
                let Some((word, place)) = self.scan.word(stand)? else { return Err(self.no_value(&field)) };
                let wanted = if word.is_star() { Wanted::Exists } else { Wanted::Word(word) };
                self.clause(Some(field), wanted, place)
            }
        }
    }

    /// `[a TO b]`, with either bracket at either end.
    fn range(&mut self, open: char) -> Parsed<Bounds> {
        let start = self.scan.at();
        self.scan.take(open);
        let low = self.bound(start)?;
        match self.scan.word(Stand::Bound)?.and_then(|(word, _)| word.plain()) {
            Some(to) if to.eq_ignore_ascii_case("to") => {}
            _ => return Err(QueryError::new(Problem::BadRange, self.scan.since(start))),
        }
        let high = self.bound(start)?;
        let closed = self.scan.take(']');
        if !closed && !self.scan.take('}') {
            return Err(QueryError::new(Problem::BadRange, self.scan.since(start)));
        }
        let edge =
            |bound: Option<(String, Place)>, closed| bound.map(|(text, place)| Edge { text, closed, place });
        Ok(Bounds { low: edge(low, open == '['), high: edge(high, closed) })
    }

    /// One end of the range that began at `start`; `*` is none.
    fn bound(&mut self, start: usize) -> Parsed<Option<(String, Place)>> {
        self.scan.blanks();
        let found = match self.scan.phrase()? {
            Some(phrase) => Some(phrase),
            None => match self.scan.word(Stand::Bound)? {
                None => return Err(QueryError::new(Problem::BadRange, self.scan.since(start))),
                Some((word, _)) if word.is_star() => None,
                Some((word, place)) => Some((plain(&word, place)?, place)),
            },
        };
        self.scan.blanks();
        Ok(found)
    }

    fn count(&mut self, place: Place) -> Parsed<()> {
        self.clauses += 1;
        if self.clauses > CLAUSES { Err(QueryError::new(Problem::TooManyClauses, place)) } else { Ok(()) }
    }

    fn clause(&mut self, field: Option<Field>, wanted: Wanted, place: Place) -> Parsed<Node> {
        self.count(place)?;
        if let Wanted::Word(word) = &wanted
            && word.plain().is_none()
        {
            self.wildcards += 1;
            if self.wildcards > WILDCARDS {
                return Err(QueryError::new(Problem::TooManyWildcards, place));
            }
        }
        Ok(Node::Term(Term { field, wanted, place }))
    }
}

/// A value that has an order.
fn plain(word: &Word, place: Place) -> Parsed<String> {
    word.plain().ok_or_else(|| QueryError::new(Problem::PatternInRange, place))
}

#[cfg(test)]
mod tests {
    use super::super::{CLAUSES, DEPTH, TEXT, WILDCARDS, parse};

    /// A text is understood as the same query as another.
    fn same(a: &str, b: &str) {
        let parsed = |text: &str| parse(text).unwrap_or_else(|e| panic!("{text}: {e}\n{}", e.caret(text)));
        assert_eq!(parsed(a), parsed(b), "{a} and {b}");
    }

    /// A text is refused at `place` for a reason with `words`.
    fn refused(text: &str, place: &str, words: &str) {
        let error = parse(text).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert_eq!(&text[error.span()], place, "{text}: {error}");
    }

    #[test]
    fn not_before_and_before_or() {
        same("a b OR c", "(a AND b) OR c");
        same("a OR b c", "a OR (b AND c)");
        same("NOT a b", "(NOT a) AND b");
        same("a AND NOT b OR c", "(a AND (NOT b)) OR c");
        same("-(a OR b) c", "(NOT (a OR b)) AND c");
    }

    #[test]
    fn operators_have_several_spellings() {
        same("a and b", "a AND b");
        same("a && b || c", "a and b Or c");
        same("not a", "-a");
        same("!a", "NOT a");
        same("!level:error", "NOT level:error");
        same("not(a)b", "-a b");
        same("a and not b", "a -b");
        same("not not a", "a");
    }

    #[test]
    fn blanks_and_parentheses_change_nothing() {
        same("  a   b  ", "a b");
        same("((a)) (b (c))", "a b c");
        same("status : >= 500", "status:>=500");
        same("status>=500", "status:>=500");
        same("\"a\"\"b\"", "\"a\" \"b\"");
        same("", "  ");
        same("*", "*:*");
    }

    #[test]
    fn a_group_has_its_field_at_each_value() {
        same("status:(500 OR 503)", "status:500 OR status:503");
        same("status:(>=500 <600)", "status:>=500 status:<600");
        same("-status:(500 or (503 and not 504))", "NOT (status:500 OR (status:503 AND NOT status:504))");
        same("status:([1 TO 2] OR \"x\" OR *)", "status:[1 TO 2] OR status:\"x\" OR status:*");
    }

    #[test]
    fn ranges() {
        same("a:[1 TO *]", "a:>=1");
        same("a:{* TO 1}", "a:<1");
        same("a:[ 1 to \"2\" }", "a:[1 TO 2}");
        same("a:[* TO *]", "a:*");
        same("a:>\"now-1h\"", "a:>now-1h");
    }

    #[test]
    fn values_keep_their_signs() {
        same("url:http://x:80/", "url:http\\://x\\:80/");
        same("n:-5", "n:\\-5");
        same("level:and", "level:\\and");
        same("and:x", "\\and:x");
        same("a:**", "a:*");
        same(r"path:C:\\temp", r"path:C\:\\temp");
        assert_ne!(parse("a:[1 TO 2]").expect("parsed"), parse("a:{1 TO 2]").expect("parsed"));
        assert_ne!(parse("a*").expect("parsed"), parse("a\\*").expect("parsed"));
    }

    #[test]
    fn what_is_wrong_and_where() {
        refused("a \"b", "\"", "does not end");
        refused("a (b", "(", "does not end");
        refused("a) b", ")", "no `(`");
        refused("main()", "()", "nothing is between");
        refused("a ( )", "( )", "nothing is between");
        refused("(", "(", "does not end");
        refused("a OR", "OR", "nothing follows `OR`");
        refused("a and or b", "and", "nothing follows `and`");
        refused("AND b", "AND", "nothing is before");
        refused("-and b", "and", "nothing is before");
        refused("NOT", "NOT", "nothing follows `NOT`");
        refused("a - b", "-", "write `-term`");
        refused("a\\", "\\", "`\\\\`");
        refused("status:", "status:", "`status:*`");
        refused("(status:)", "status:", "`status:*`");
        refused("status:>", "status:>", "nothing follows");
        refused("status:(500 OR level:error)", "level:", "only values");
        refused("status:(:)", ":", "only values");
        refused("ho*:x", "ho*", "no wildcards");
        refused("\"a\":x", "\"a\"", "no quotes");
        refused(":x", ":", "field:value");
        refused("<html>", "<", "quotes");
        refused("a:b<c", "<", "quotes");
        refused("*out", "*out", "field:*out");
        refused("?", "?", "field:?");
        refused("\"\"", "\"\"", "nothing is between");
        refused("a:[1 2]", "[1 2", "two ends");
        refused("a:[1 TO", "[1 TO", "two ends");
        refused("a:[1]", "[1", "two ends");
        refused("a:[1* TO 2]", "1*", "no wildcards");
        refused("a:>*", "*", "no wildcards");
    }

    #[test]
    fn limits() {
        refused(&"ä".repeat(TEXT / 2 + 1), "ä", "at most 4096 bytes");
        assert!(parse(&"a ".repeat(CLAUSES)).is_ok());
        refused(&format!("{}b", "a ".repeat(CLAUSES)), "b", "at most 100 terms");
        assert!(parse(&"a* ".repeat(WILDCARDS)).is_ok());
        refused(&format!("{}b*", "a* ".repeat(WILDCARDS)), "b*", "at most 10 terms");
        let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        assert!(parse(&deep(DEPTH)).is_ok());
        refused(&deep(DEPTH + 1), "(", "at most 20 deep");
        refused(&"-".repeat(2000), "-", "at most 20 deep");
    }
}

//! The search language of boards: what Kibana's users type, as a small language of our own.
//!
//! [`parse()`] makes a [`Query`] of a text, [`Query::to_dsl`] makes what a backend is asked of it. What fields there are, and
//! which of them stand behind a word such as `status`, the caller tells through [`Names`]. `docs/search.md` is the
//! language on one page.

mod ast;
mod display;
mod dsl;
mod error;
mod lex;
mod names;
mod parse;
#[cfg(test)]
mod test_names;
#[cfg(test)]
mod twin;
mod values;

use serde_json::Value;

pub(crate) use error::QueryError;
pub(crate) use names::{Named, Names, Stored};

use ast::{Field, Node, Place, Term, Wanted};
use dsl::Unknown;

/// How long a text may be, in bytes.
pub(crate) const TEXT: usize = 4_096;

/// How many terms a query may have.
pub(crate) const CLAUSES: usize = 100;

/// How many parentheses and negations may be in one another.
pub(crate) const DEPTH: usize = 20;

/// How many terms may have wildcards.
pub(crate) const WILDCARDS: usize = 10;

/// A query that has been read. Two are equal if they mean the same terms in the same order, wherever those stood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query(Node);

/// Reads a text; an empty one is everything.
///
/// # Errors
/// A [`QueryError`] that says what to write instead, and where.
pub(crate) fn parse(text: &str) -> Result<Query, QueryError> {
    parse::node(text).map(Query)
}

impl Query {
    /// What matches every document.
    pub(crate) fn everything() -> Self {
        Self(Node::Everything)
    }

    /// What has exactly this value in this field: for links that narrow a search.
    pub(crate) fn exactly(field: &str, value: &str) -> Self {
        let field = Field { name: field.to_owned(), place: Place::default() };
        let wanted = Wanted::Phrase(value.to_owned());
        Self(Node::Term(Term { field: Some(field), wanted, place: Place::default() }))
    }

    /// What has exactly one of these values in this field; none where there are no values.
    pub(crate) fn one_of<'v>(field: &str, values: impl Iterator<Item = &'v str>) -> Option<Self> {
        let all: Vec<Node> = values.map(|value| Self::exactly(field, value).0).collect();
        (!all.is_empty()).then(|| Self(Node::any(all)))
    }

    /// What has these words in its message, one behind the other.
    pub(crate) fn phrase(text: &str) -> Self {
        let wanted = Wanted::Phrase(text.to_owned());
        Self(Node::Term(Term { field: None, wanted, place: Place::default() }))
    }

    /// The query in OpenSearch's DSL, for a `filter`.
    ///
    /// # Errors
    /// A [`QueryError`] where a field is not known or cannot hold its value; its place is one in the text that was parsed
    /// (of a query that [`Query::and`] made, in the text that the term came from).
    pub(crate) fn to_dsl(&self, names: &dyn Names) -> Result<Value, QueryError> {
        dsl::dsl(&self.0, names, Unknown::Refused)
    }

    /// Like [`Query::to_dsl`], but what asks a field that is not known matches nothing: a panel may be for fields that no
    /// line has yet.
    ///
    /// # Errors
    /// A [`QueryError`] where a field that is known cannot hold its value.
    pub(crate) fn to_dsl_lenient(&self, names: &dyn Names) -> Result<Value, QueryError> {
        dsl::dsl(&self.0, names, Unknown::Nothing)
    }

    /// Whether every document matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.0 == Node::Everything
    }

    /// The words and phrases without a field that are not negated, each once, to be highlighted; of a word with wildcards
    /// what is between them.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.0.words(&mut found);
        let mut out: Vec<String> = Vec::new();
        for word in found {
            if !word.is_empty() && !out.contains(&word) {
                out.push(word);
            }
        }
        out
    }

    /// The fields that it asks for by name, each once.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.0.fields(&mut found);
        found
    }

    /// Whether it asks for the text of lines, with words that name no field.
    pub(crate) fn asks_messages(&self) -> bool {
        self.0.asks_messages()
    }

    /// What matches both.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Node::Everything, node) | (node, Node::Everything) => Self(node),
            (a, b) => Self(Node::all(vec![a, b])),
        }
    }

    /// What does not match.
    pub(crate) fn not(self) -> Self {
        Self(self.0.not())
    }
}

/// For the fuzz target: any text is a query or an error whose place lies in it; a query's own text is the same query.
///
/// # Panics
/// Where that is not so.
pub fn fuzz(text: &str) {
    match parse(text) {
        Err(error) => {
            assert!(text.get(error.span()).is_some(), "a place outside of the text");
            assert!(!error.to_string().contains('\n'), "an error of several lines");
            assert_eq!(error.caret(text).lines().count(), 2, "a line and its carets");
        }
        Ok(query) => {
            let written = query.to_string();
            if written.len() <= TEXT {
                assert_eq!(parse(&written).as_ref(), Ok(&query), "{written}");
            }
            query.words();
            for stored in
                [Stored::Number, Stored::Keyword, Stored::Text, Stored::Date, Stored::Ip, Stored::Boolean]
            {
                for duration in [None, Some(1e-9)] {
                    let field = Named { name: "x".into(), stored, duration };
                    if let Err(error) = query.to_dsl(&Only(field)) {
                        assert!(text.get(error.span()).is_some(), "a place outside of the text");
                    }
                }
            }
        }
    }
}

/// Every word is this field.
struct Only(Named);

impl Names for Only {
    fn named(&self, _: &str) -> Vec<Named> {
        vec![self.0.clone()]
    }

    fn known(&self) -> Vec<String> {
        Vec::new()
    }

    fn message(&self) -> Vec<Named> {
        vec![self.0.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_to_highlight() {
        let query = parse(r#"time*out OR "a b" -no level:error (x x)"#).expect("parsed");
        assert_eq!(query.words(), ["time", "out", "a b", "x"]);
    }

    #[test]
    fn queries_can_be_put_together() {
        let query = parse("a OR b").expect("parsed").and(Query::exactly("url", "http://x \"y\"").not());
        assert_eq!(query.to_string(), r#"(a OR b) -url:"http://x \"y\"""#);
        assert_eq!(parse(&query.to_string()), Ok(query.clone()));
        assert_eq!(query.clone().and(Query::everything()), query);
        assert!(Query::everything().and(parse("*").expect("parsed")).is_everything());
        assert_eq!(query.clone().not().not(), query);
        assert!(!query.is_everything());
    }

    /// Text that is often a query: signs and words of the language in any order.
    fn nearly() -> impl Strategy<Value = String> {
        let pieces = [
            "a", "host", "status", "500", "5xx", "1.5s", "10.*", ":", ":", ":>", ":<=", ">", "(", ")", "[",
            "]", "{", "}", " TO ", " AND ", " or ", " not ", "-", "!", "*", "?", "\"", "\\", " ", "  ",
            "\"a b\"", "é", "&&", "\u{3000}", "now-1h", "[1 TO 2]", "*:*", "=", "\n",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|all| all.concat())
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_an_error_in_it(text in ".{0,60}") {
            fuzz(&text);
        }

        #[test]
        fn nearly_a_query(text in nearly()) {
            fuzz(&text);
        }

        #[test]
        fn any_value_can_be_linked_to(field in ".{1,12}", value in ".{0,12}") {
            let query = Query::exactly(&field, &value);
            prop_assert_eq!(parse(&query.to_string()), Ok(query));
        }
    }
}

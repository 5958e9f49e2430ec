//! What can be wrong with a query, in one line that says what to write instead.

use std::fmt::Write;
use std::ops::Range;

use super::ast::Place;
use super::{CLAUSES, DEPTH, TEXT, WILDCARDS};

/// Why a query cannot be used, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct QueryError {
    /// What is wrong.
    problem: Problem,
    /// Where.
    span: Range<usize>,
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The text is over its limit.
    #[error("a search has at most {TEXT} bytes, this one has {bytes}: leave out some terms")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Too many terms.
    #[error("a search has at most {CLAUSES} terms: use wildcards or a range in place of many values")]
    TooManyClauses,
    /// Parentheses and negations in one another.
    #[error("parentheses and negations go at most {DEPTH} deep: leave out those that change nothing")]
    TooDeep,
    /// Wildcards make a backend walk through all of a field's values.
    #[error(
        "a search has at most {WILDCARDS} terms with wildcards: write whole words, or a phrase in quotes"
    )]
    TooManyWildcards,
    /// A free word where messages are kept as one value each.
    #[error(
        "messages are kept as keywords here, in which at most {WILDCARDS} free words can be searched: name fields, or \
         write a phrase in quotes"
    )]
    TooManyFreeWords,
    /// A quote without its end.
    #[error(
        "this quote does not end: write `\"` behind the phrase, or `\\\"` for a quote that is searched for"
    )]
    OpenPhrase,
    /// `""` without a field.
    #[error("nothing is between these quotes: write the words to search for")]
    EmptyPhrase,
    /// `(` without `)`.
    #[error("this parenthesis does not end: write `)` behind the last term, or `\\(` to search for it")]
    OpenParenthesis,
    /// `)` without `(`.
    #[error("this `)` has no `(` before it: leave it out, or write `\\)` to search for it")]
    StrayParenthesis,
    /// `()`
    #[error("nothing is between these parentheses: write terms, or \"()\" in quotes to search for it")]
    EmptyParentheses,
    /// A range whose syntax is not complete.
    #[error("a range has two ends: write `[100 TO 200]`, `{{100 TO 200}}` without its ends, or `[100 TO *]`")]
    BadRange,
    /// A wildcard in an end of a range.
    #[error("an end of a range has no wildcards: write a value, or `*` alone in `[100 TO *]`")]
    PatternInRange,
    /// An operator with nothing behind it.
    #[error("nothing follows `{operator}`: write a term behind it, or \\{operator} to search for the word")]
    NothingBehind {
        /// As it was typed.
        operator: String,
    },
    /// An operator with nothing before it.
    #[error("nothing is before `{operator}`: write a term before it, or \\{operator} to search for the word")]
    NothingBefore {
        /// As it was typed.
        operator: String,
    },
    /// A minus with a space behind it.
    #[error(
        "`{sign}` stands directly before what is not wanted: write `{sign}term`, or \"{sign}\" in quotes"
    )]
    LoneSign {
        /// `-` or `!`.
        sign: char,
    },
    /// A backslash at the end.
    #[error("`\\` takes the next character as it is, and there is none: write `\\\\` to search for it")]
    LoneBackslash,
    /// `field:` and nothing.
    #[error("nothing follows `{field}`: write `{field}:value`, or `{field}:*` for any value")]
    NoValue {
        /// The field.
        field: String,
    },
    /// `a:(b:c)`
    #[error("inside `{field}:( )` are only values: close the parenthesis first, or write `\\:` in a value")]
    FieldInGroup {
        /// The field of the group.
        field: String,
    },
    /// `ho*:x`
    #[error("a field's name has no wildcards: write the whole name")]
    PatternInField,
    /// `"a":x`
    #[error("a field's name has no quotes: write it plain, with `\\` before blanks and signs")]
    QuotedField,
    /// `:` with nothing before it.
    #[error("`:` stands behind a field's name: write `field:value`, or `\\:` to search for it")]
    StrayColon,
    /// `<` or `>` with nothing before it.
    #[error(
        "a comparison stands behind a field's name: write `field:>1`, or quotes around what is searched for"
    )]
    StrayComparison,
    /// `*foo` without a field.
    #[error(
        "a word without a field cannot begin with a wildcard: write its first letters, or `field:{word}`"
    )]
    LeadingWildcard {
        /// The word.
        word: String,
    },
    /// Nobody knows the field.
    #[error("there is no field `{word}`: {}", suggestion(.near.as_deref()))]
    UnknownField {
        /// The field as it was written.
        word: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// No message field.
    #[error("there is no message field to search for words: write `field:value`")]
    NoMessage,
    /// Not a number.
    #[error("`{field}` is a number: write `{field}:200`, `{field}:>=1.5`, `{field}:>1MB` or `{field}:5xx`")]
    NotANumber {
        /// The field as it was written.
        field: String,
    },
    /// Not a duration.
    #[error("`{field}` is a duration: write `{field}:>500ms`, `{field}:<1.5s`, `{field}:>2m`, or seconds")]
    NotADuration {
        /// The field as it was written.
        field: String,
    },
    /// Not true or false.
    #[error("`{field}` is true or false: write `{field}:true` or `{field}:false`")]
    NotABoolean {
        /// The field as it was written.
        field: String,
    },
    /// Not a time.
    #[error(
        "`{field}` is a time: write `{field}:>now-1h`, `{field}:2026-11-23` or `{field}:[now-1d/d TO now]`"
    )]
    NotADate {
        /// The field as it was written.
        field: String,
    },
    /// Not an address.
    #[error("`{field}` is an IP address: write `{field}:10.0.0.1`, `{field}:10.0.0.0/8` or `{field}:10.*`")]
    NotAnAddress {
        /// The field as it was written.
        field: String,
    },
    /// A comparison of what has no order.
    #[error("`{field}` is text, which has no order: write `{field}:word` or `{field}:\"some words\"`")]
    NoOrder {
        /// The field as it was written.
        field: String,
    },
}

fn suggestion(near: Option<&str>) -> String {
    near.map_or("write the name of a field that the documents have".to_owned(), |near| {
        format!("did you mean `{near}`?")
    })
}

/// At most so many characters of a user's word are repeated in a message.
const REPEATED: usize = 40;

/// How many characters before and behind a place are shown of a long text.
const AROUND: usize = 60;

/// A word as a message can repeat it: one line, and not long.
pub(super) fn shown(word: &str) -> String {
    let mut out: String = word.chars().take(REPEATED).map(printable).collect();
    if word.chars().nth(REPEATED).is_some() {
        out.push('…');
    }
    out
}

/// One column for one character.
fn printable(c: char) -> char {
    if c.is_control() || c.is_whitespace() { ' ' } else { c }
}

impl QueryError {
    pub(super) fn new(problem: Problem, place: Place) -> Self {
        Self { problem, span: place.start..place.end }
    }

    /// What was probably meant in place of what stands there.
    pub(crate) fn suggestion(&self) -> Option<&str> {
        match &self.problem {
            Problem::UnknownField { near, .. } => near.as_deref(),
            _ => None,
        }
    }

    /// Where, in bytes of the query's text; empty where something is missing.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The query's text in one line, and beneath it carets under the place; of a long text only what is around it.
    pub(crate) fn caret(&self, text: &str) -> String {
        let chars = |to: usize| text.char_indices().take_while(|(at, _)| *at < to).count();
        let (start, end) = (chars(self.span.start), chars(self.span.end));
        let from = start.saturating_sub(AROUND);
        let (before, behind) = (if from > 0 { "…" } else { "" }, text.chars().count() > start + AROUND);
        let line: String = text.chars().skip(from).take(start - from + AROUND).map(printable).collect();
        let mut out = format!("{before}{line}{}\n", if behind { "…" } else { "" });
        let column = before.chars().count() + start - from;
        let width = (end.saturating_sub(start)).clamp(1, AROUND);
        // Writing to a string cannot fail.
        let _ = write!(out, "{:column$}{:^<width$}", "", "");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn carets_count_characters() {
        let text = "müller:(größe";
        let error = parse(text).expect_err("refused");
        insta::assert_snapshot!(format!("{}\n{error}", error.caret(text)), @r"
müller:(größe
       ^
this parenthesis does not end: write `)` behind the last term, or `\(` to search for it
");
    }

    #[test]
    fn of_a_long_text_the_place_is_shown() {
        let text = format!("{} )\t{}", "word ".repeat(100), "more ".repeat(100));
        let error = parse(&text).expect_err("refused");
        insta::assert_snapshot!(error.caret(&text), @r"
…ord word word word word word word word word word word word  ) more more more more more more more more more more more mor…
                                                             ^
");
        assert_eq!(error.caret(""), "\n^", "another text than the query's is no panic");
    }
}

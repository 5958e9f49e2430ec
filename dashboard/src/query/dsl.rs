//! Query → the `bool` DSL of the REST API, for a place where nothing is scored (`filter`).
//!
//! Only `match_all`, `bool`, `term`, `range`, `exists`, `wildcard`, `match` and `match_phrase` are written: never
//! `query_string`, whose syntax would be the user's, and nothing that runs code of theirs (`script`, `regexp`).

use alces_diagnostic::closest;
use serde_json::{Map, Value, json};

use super::ast::{Bounds, Edge, Node, Place, Term, Wanted, Word};
use super::error::{Problem, QueryError, shown};
use super::names::{Named, Names, Stored};
use super::{WILDCARDS, values};

/// What becomes of a field that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is an error.
    Refused,
    /// No document has it.
    Nothing,
}

/// Translates a query.
pub(super) fn dsl(node: &Node, names: &dyn Names, unknown: Unknown) -> Result<Value, QueryError> {
    Translator { names, unknown, contained: 0 }.node(node)
}

/// Matches nothing.
fn nothing() -> Value {
    json!({"bool": {"must_not": [{"match_all": {}}]}})
}

/// At least one of them.
fn any_of(mut clauses: Vec<Value>) -> Value {
    match clauses.len() {
        0 => nothing(),
        1 => clauses.remove(0),
        _ => json!({"bool": {"should": clauses, "minimum_should_match": 1}}),
    }
}

fn wildcard(field: &str, pattern: &str) -> Value {
    json!({"wildcard": {field: {"value": pattern}}})
}

fn term(field: &str, value: impl Into<Value>) -> Value {
    json!({"term": {field: {"value": value.into()}}})
}

struct Translator<'n> {
    names: &'n dyn Names,
    unknown: Unknown,
    /// Words so far that are searched for in the middle of keywords.
    contained: usize,
}

impl Translator<'_> {
    fn node(&mut self, node: &Node) -> Result<Value, QueryError> {
        Ok(match node {
            Node::Everything => json!({"match_all": {}}),
            Node::And(parts) => {
                let (mut filter, mut must_not) = (Vec::new(), Vec::new());
                for part in parts {
                    match part {
                        Node::Not(inner) => must_not.push(self.node(inner)?),
                        part => filter.push(self.node(part)?),
                    }
                }
                let mut body = Map::new();
                for (name, clauses) in [("filter", filter), ("must_not", must_not)] {
                    if !clauses.is_empty() {
                        body.insert(name.into(), clauses.into());
                    }
                }
                json!({"bool": body})
            }
            Node::Or(parts) => any_of(parts.iter().map(|part| self.node(part)).collect::<Result<_, _>>()?),
            // The negation is around all fields of a word: none of them may match.
            Node::Not(inner) => json!({"bool": {"must_not": [self.node(inner)?]}}),
            Node::Term(term) => self.term(term)?,
        })
    }

    /// One question to all fields of its word. A field that cannot hold the value (a number a word) cannot match; it is an
    /// error if none can.
    fn term(&mut self, term: &Term) -> Result<Value, QueryError> {
        let fields = match &term.field {
            Some(field) => self.names.named(&field.name),
            None => self.names.message(),
        };
        if fields.is_empty() {
            return match self.unknown {
                Unknown::Nothing => Ok(nothing()),
                Unknown::Refused => Err(self.not_known(term)),
            };
        }
        let (mut clauses, mut refused) = (Vec::new(), None);
        for field in &fields {
            let clause = match &term.field {
                Some(word) => Asked { word: &word.name, field, place: term.place }.clause(&term.wanted),
                None => self.free(field, term),
            };
            match clause {
                Ok(clause) => clauses.push(clause),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if clauses.is_empty() => Err(error),
            _ => Ok(any_of(clauses)),
        }
    }

    fn not_known(&self, term: &Term) -> QueryError {
        let Some(field) = &term.field else { return QueryError::new(Problem::NoMessage, term.place) };
        let known = self.names.known();
        // `Level` is `level`; a longer name's last part is meant more often than a slip of the finger.
        let lower = field.name.to_lowercase();
        let same = known.iter().find(|name| name.to_lowercase() == lower);
        let part = || known.iter().find(|name| name.rsplit('.').next() == Some(&*field.name));
        let near =
            same.map(String::as_str).or_else(|| closest(&field.name, known.iter().map(String::as_str)));
        let near = near.or_else(|| part().map(String::as_str)).map(str::to_owned);
        QueryError::new(Problem::UnknownField { word: shown(&field.name), near }, field.place)
    }

    /// A word or phrase in a message field.
    fn free(&mut self, field: &Named, term: &Term) -> Result<Value, QueryError> {
        if field.stored == Stored::Text {
            return Asked { word: &field.name, field, place: term.place }.clause(&term.wanted);
        }
        // A message that is one value (`event.original`, a mapping without text) is hardly ever only this word. Words of
        // text are found in any case, so these are too.
        let inner = match &term.wanted {
            Wanted::Word(word) => word.pattern(),
            Wanted::Phrase(text) => escaped(text),
            Wanted::Exists | Wanted::Between(_) => return Ok(json!({"exists": {"field": field.name}})),
        };
        self.contained += 1;
        if self.contained > WILDCARDS {
            return Err(QueryError::new(Problem::TooManyFreeWords, term.place));
        }
        Ok(json!({"wildcard": {&field.name: {"value": format!("*{inner}*"), "case_insensitive": true}}}))
    }
}

/// A text as the pattern of a `wildcard` query that matches only it.
fn escaped(text: &str) -> String {
    Word(text.chars().map(super::ast::Piece::Char).collect()).pattern()
}

/// A field that is asked, with what its errors need.
struct Asked<'a> {
    /// The field as it was written.
    word: &'a str,
    /// The field that stands behind it.
    field: &'a Named,
    /// Where the value stood.
    place: Place,
}

impl Asked<'_> {
    fn clause(&self, wanted: &Wanted) -> Result<Value, QueryError> {
        let name = self.field.name.as_str();
        match wanted {
            Wanted::Exists => Ok(json!({"exists": {"field": name}})),
            Wanted::Between(bounds) => self.between(bounds),
            Wanted::Phrase(text) => match self.field.stored {
                Stored::Text => Ok(json!({"match_phrase": {name: {"query": text}}})),
                Stored::Keyword => Ok(term(name, text.as_str())),
                _ => self.value(text),
            },
            Wanted::Word(word) => match word.plain() {
                Some(text) => self.word(&text),
                None => self.pattern(word),
            },
        }
    }

    /// The error that says what this field takes.
    fn refused(&self, place: Place) -> QueryError {
        let field = shown(self.word);
        let problem = match self.field.stored {
            Stored::Number if self.field.duration.is_some() => Problem::NotADuration { field },
            Stored::Number => Problem::NotANumber { field },
            Stored::Date => Problem::NotADate { field },
            Stored::Ip => Problem::NotAnAddress { field },
            Stored::Boolean => Problem::NotABoolean { field },
            Stored::Keyword | Stored::Text => Problem::NoOrder { field },
        };
        QueryError::new(problem, place)
    }

    fn number(&self, text: &str) -> Option<Value> {
        match self.field.duration {
            Some(unit) => values::duration(text, unit),
            None => values::number(text),
        }
    }

    /// A word without wildcards.
    fn word(&self, text: &str) -> Result<Value, QueryError> {
        let name = self.field.name.as_str();
        match (self.field.stored, values::class(text)) {
            (Stored::Number, Some(digit)) if self.field.duration.is_none() => {
                Ok(json!({"range": {name: {"gte": digit * 100, "lt": (digit + 1) * 100}}}))
            }
            // A field that really holds `5xx` matches this too.
            (Stored::Keyword, Some(digit)) => Ok(wildcard(name, &format!("{digit}??"))),
            (Stored::Keyword, None) => Ok(term(name, text)),
            (Stored::Text, _) => Ok(json!({"match": {name: {"query": text, "operator": "and"}}})),
            _ => self.value(text),
        }
    }

    /// A value of a field that is no text.
    fn value(&self, text: &str) -> Result<Value, QueryError> {
        let name = self.field.name.as_str();
        let clause = match self.field.stored {
            Stored::Number => self.number(text).map(|number| term(name, number)),
            Stored::Boolean => values::boolean(text).map(|value| term(name, value)),
            Stored::Ip => values::is_network(text).then(|| term(name, text)),
            // Both ends, as a day is no instant.
            Stored::Date => {
                values::is_date(text).then(|| json!({"range": {name: {"gte": text, "lte": text}}}))
            }
            Stored::Keyword | Stored::Text => Some(term(name, text)),
        };
        clause.ok_or_else(|| self.refused(self.place))
    }

    /// A word with wildcards.
    fn pattern(&self, word: &Word) -> Result<Value, QueryError> {
        let (name, pattern) = (self.field.name.as_str(), word.pattern());
        match self.field.stored {
            Stored::Keyword => Ok(wildcard(name, &pattern)),
            // Words of text are kept in lower case, and a wildcard query does not make its pattern so.
            Stored::Text => Ok(wildcard(name, &pattern.to_lowercase())),
            Stored::Ip => match values::network(&pattern) {
                Some(network) => Ok(term(name, network)),
                None => Err(self.refused(self.place)),
            },
            Stored::Number | Stored::Date | Stored::Boolean => Err(self.refused(self.place)),
        }
    }

    fn between(&self, bounds: &Bounds) -> Result<Value, QueryError> {
        let value = |edge: &Edge| {
            let text = edge.text.as_str();
            let value = match self.field.stored {
                Stored::Number => self.number(text),
                Stored::Date => values::is_date(text).then(|| text.into()),
                Stored::Ip => values::is_address(text).then(|| text.into()),
                Stored::Keyword => Some(text.into()),
                Stored::Text | Stored::Boolean => None,
            };
            value.ok_or_else(|| self.refused(edge.place))
        };
        let name = self.field.name.as_str();
        if self.field.stored == Stored::Keyword
            && let Some(clause) = statuses(name, bounds)
        {
            return Ok(clause);
        }
        let mut range = Map::new();
        if let Some(low) = &bounds.low {
            range.insert(if low.closed { "gte" } else { "gt" }.into(), value(low)?);
        }
        if let Some(high) = &bounds.high {
            range.insert(if high.closed { "lte" } else { "lt" }.into(), value(high)?);
        }
        Ok(json!({"range": {name: range}}))
    }
}

/// A comparison with numbers of three digits in a field that is kept as text, which in practice is a status.
///
/// Text is compared letter by letter, so `>=500` would also find `error` and `<400` also `-`, which nginx writes where
/// there is no status. So whole classes are patterns (`5??`), which only values of three characters match, and what
/// begins or ends within a class is a range whose open end is closed: among values of three digits the order of letters
/// is that of numbers. Other ends (`version:>=b`) are compared as text.
fn statuses(name: &str, bounds: &Bounds) -> Option<Value> {
    // The first status that is in, and the first that is not.
    let end = |edge: &Edge, more: bool| Some(values::status(&edge.text)? + u16::from(more));
    let low = bounds.low.as_ref().map_or(Some(100), |low| end(low, !low.closed))?;
    let high = bounds.high.as_ref().map_or(Some(1000), |high| end(high, high.closed))?;
    if low >= high {
        return Some(nothing());
    }
    if low % 100 == 0 && high % 100 == 0 {
        let classes = low / 100..high / 100;
        return Some(any_of(classes.map(|digit| wildcard(name, &format!("{digit}??"))).collect()));
    }
    Some(json!({"range": {name: {"gte": low.to_string(), "lte": (high - 1).to_string()}}}))
}

#[cfg(test)]
mod tests {
    use super::super::{WILDCARDS, parse, test_names::Fleet};

    /// What a text becomes, in one line.
    fn check(text: &str) -> String {
        let query = parse(text).expect(text);
        query.to_dsl(&Fleet::default()).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
    }

    /// A text that parses is refused at `place` for a reason with `words`.
    fn refused(text: &str, place: &str, words: &str) {
        let error = parse(text).expect(text).to_dsl(&Fleet::default()).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert_eq!(&text[error.span()], place, "{text}: {error}");
    }

    #[test]
    fn everything_and_nothing() {
        insta::assert_snapshot!(check(""), @r#"{"match_all":{}}"#);
        insta::assert_snapshot!(check("-*"), @r#"{"bool":{"must_not":[{"match_all":{}}]}}"#);
    }

    #[test]
    fn what_a_kibana_user_types() {
        insta::assert_snapshot!(
            check(r#"level:error host:web* status:>=500 -path:"/health" "timed out""#), @r#"{"bool":{"filter":[{"term":{"log.level":{"value":"error"}}},{"wildcard":{"host.name":{"value":"web*"}}},{"bool":{"minimum_should_match":1,"should":[{"range":{"http.response.status_code":{"gte":500}}},{"bool":{"minimum_should_match":1,"should":[{"wildcard":{"response":{"value":"5??"}}},{"wildcard":{"response":{"value":"6??"}}},{"wildcard":{"response":{"value":"7??"}}},{"wildcard":{"response":{"value":"8??"}}},{"wildcard":{"response":{"value":"9??"}}}]}}]}},{"match_phrase":{"message":{"query":"timed out"}}}],"must_not":[{"term":{"url.path":{"value":"/health"}}}]}}"#);
    }

    #[test]
    fn operators() {
        insta::assert_snapshot!(check("level:a OR level:b host:c"), @r#"{"bool":{"minimum_should_match":1,"should":[{"term":{"log.level":{"value":"a"}}},{"bool":{"filter":[{"term":{"log.level":{"value":"b"}}},{"term":{"host.name":{"value":"c"}}}]}}]}}"#);
        insta::assert_snapshot!(check("NOT (level:a OR level:b)"), @r#"{"bool":{"must_not":[{"bool":{"minimum_should_match":1,"should":[{"term":{"log.level":{"value":"a"}}},{"term":{"log.level":{"value":"b"}}}]}}]}}"#);
        insta::assert_snapshot!(check("-level:a -level:b"), @r#"{"bool":{"must_not":[{"term":{"log.level":{"value":"a"}}},{"term":{"log.level":{"value":"b"}}}]}}"#);
    }

    #[test]
    fn a_word_may_stand_for_several_fields() {
        insta::assert_snapshot!(check("status:404"), @r#"{"bool":{"minimum_should_match":1,"should":[{"term":{"http.response.status_code":{"value":404}}},{"term":{"response":{"value":"404"}}}]}}"#);
        insta::assert_snapshot!(check("-status:404"), @r#"{"bool":{"must_not":[{"bool":{"minimum_should_match":1,"should":[{"term":{"http.response.status_code":{"value":404}}},{"term":{"response":{"value":"404"}}}]}}]}}"#);
        insta::assert_snapshot!(check("status:*"), @r#"{"bool":{"minimum_should_match":1,"should":[{"exists":{"field":"http.response.status_code"}},{"exists":{"field":"response"}}]}}"#);
        // A number cannot be `-`; the old field can.
        insta::assert_snapshot!(check(r"status:\-"), @r#"{"term":{"response":{"value":"-"}}}"#);
    }

    #[test]
    fn classes() {
        insta::assert_snapshot!(check("status:5xx"), @r#"{"bool":{"minimum_should_match":1,"should":[{"range":{"http.response.status_code":{"gte":500,"lt":600}}},{"wildcard":{"response":{"value":"5??"}}}]}}"#);
        insta::assert_snapshot!(check("response:\"5xx\""), @r#"{"term":{"response":{"value":"5xx"}}}"#);
    }

    #[test]
    fn a_status_kept_as_text() {
        insta::assert_snapshot!(check("response:>=500"), @r#"{"bool":{"minimum_should_match":1,"should":[{"wildcard":{"response":{"value":"5??"}}},{"wildcard":{"response":{"value":"6??"}}},{"wildcard":{"response":{"value":"7??"}}},{"wildcard":{"response":{"value":"8??"}}},{"wildcard":{"response":{"value":"9??"}}}]}}"#);
        insta::assert_snapshot!(check("response:[400 TO 499]"), @r#"{"wildcard":{"response":{"value":"4??"}}}"#);
        insta::assert_snapshot!(check("response:<200"), @r#"{"wildcard":{"response":{"value":"1??"}}}"#);
        insta::assert_snapshot!(check("response:>=429"), @r#"{"range":{"response":{"gte":"429","lte":"999"}}}"#);
        insta::assert_snapshot!(check("response:<=404"), @r#"{"range":{"response":{"gte":"100","lte":"404"}}}"#);
        insta::assert_snapshot!(check("response:{404 TO 405}"), @r#"{"bool":{"must_not":[{"match_all":{}}]}}"#);
        insta::assert_snapshot!(check("host:>=web"), @r#"{"range":{"host.name":{"gte":"web"}}}"#);
    }

    #[test]
    fn durations_and_sizes() {
        insta::assert_snapshot!(check("request_time:>500ms"), @r#"{"bool":{"minimum_should_match":1,"should":[{"range":{"request_time":{"gt":0.5}}},{"range":{"event.duration":{"gt":500000000}}}]}}"#);
        insta::assert_snapshot!(check("request_time:[1.5s TO 2m}"), @r#"{"bool":{"minimum_should_match":1,"should":[{"range":{"request_time":{"gte":1.5,"lt":120}}},{"range":{"event.duration":{"gte":1500000000,"lt":120000000000}}}]}}"#);
        insta::assert_snapshot!(check("bytes:>1MB"), @r#"{"range":{"http.response.bytes":{"gt":1000000}}}"#);
        insta::assert_snapshot!(check("bytes:7"), @r#"{"term":{"http.response.bytes":{"value":7}}}"#);
        refused("bytes:>500ms", "500ms", "`bytes` is a number");
        refused("request_time:>1MB", "1MB", "`request_time` is a duration");
        refused("bytes:1*", "1*", "is a number");
        refused("bytes:\"a b\"", "\"a b\"", "is a number");
        refused("request_time:5xx", "5xx", "is a duration");
    }

    #[test]
    fn text() {
        insta::assert_snapshot!(check("Timeout"), @r#"{"match":{"message":{"operator":"and","query":"Timeout"}}}"#);
        insta::assert_snapshot!(check("message:Time*"), @r#"{"wildcard":{"message":{"value":"time*"}}}"#);
        insta::assert_snapshot!(check("message:\"a b\""), @r#"{"match_phrase":{"message":{"query":"a b"}}}"#);
        refused("message:>a", "a", "no order");
    }

    #[test]
    fn keywords() {
        insta::assert_snapshot!(check(r"path:*.php path:a\*b* path:'x"), @r#"{"bool":{"filter":[{"wildcard":{"url.path":{"value":"*.php"}}},{"wildcard":{"url.path":{"value":"a\\*b*"}}},{"term":{"url.path":{"value":"'x"}}}]}}"#);
    }

    #[test]
    fn times() {
        insta::assert_snapshot!(check("@timestamp:>now-1h"), @r#"{"range":{"@timestamp":{"gt":"now-1h"}}}"#);
        insta::assert_snapshot!(check("@timestamp:2026-11-23"), @r#"{"range":{"@timestamp":{"gte":"2026-11-23","lte":"2026-11-23"}}}"#);
        refused("@timestamp:yesterday", "yesterday", "now-1h");
        refused("@timestamp:2026*", "2026*", "is a time");
    }

    #[test]
    fn addresses() {
        insta::assert_snapshot!(check("client:10.0.0.0/8 client:10.1.* client:::1"), @r#"{"bool":{"filter":[{"term":{"client.ip":{"value":"10.0.0.0/8"}}},{"term":{"client.ip":{"value":"10.1.0.0/16"}}},{"term":{"client.ip":{"value":"::1"}}}]}}"#);
        insta::assert_snapshot!(check("client:[10.0.0.1 TO 10.0.0.9]"), @r#"{"range":{"client.ip":{"gte":"10.0.0.1","lte":"10.0.0.9"}}}"#);
        refused("client:[10.0.0.1 TO web]", "web", "IP address");
        refused("client:web", "web", "10.0.0.0/8");
    }

    #[test]
    fn booleans() {
        insta::assert_snapshot!(check("ok:TRUE"), @r#"{"term":{"ok":{"value":true}}}"#);
        refused("ok:1", "1", "`ok:true`");
        refused("ok:>false", "false", "`ok:true`");
    }

    #[test]
    fn unknown_fields() {
        refused("a levle:error", "levle", "did you mean `level`?");
        refused("Level:error", "Level", "did you mean `level`?");
        refused("duration:1", "duration", "did you mean `event.duration`?");
        refused("nonsense:1", "nonsense", "write the name of a field");
        let lenient = |text: &str| {
            let query = parse(text).expect(text);
            query.to_dsl_lenient(&Fleet::default()).expect(text).to_string()
        };
        insta::assert_snapshot!(lenient("nonsense:1 level:a"), @r#"{"bool":{"filter":[{"bool":{"must_not":[{"match_all":{}}]}},{"term":{"log.level":{"value":"a"}}}]}}"#);
        insta::assert_snapshot!(lenient("-nonsense:1"), @r#"{"bool":{"must_not":[{"bool":{"must_not":[{"match_all":{}}]}}]}}"#);
    }

    #[test]
    fn messages_that_are_keywords_are_searched_in_their_middle() {
        let keyword = Fleet { message: &["path"] };
        let query = parse(r#"Time?ut "a*b" x"#).expect("parsed");
        insta::assert_snapshot!(query.to_dsl(&keyword).expect("translated"), @r#"{"bool":{"filter":[{"wildcard":{"url.path":{"case_insensitive":true,"value":"*Time?ut*"}}},{"wildcard":{"url.path":{"case_insensitive":true,"value":"*a\\*b*"}}},{"wildcard":{"url.path":{"case_insensitive":true,"value":"*x*"}}}]}}"#);
        let many = parse(&"a ".repeat(WILDCARDS + 1)).expect("parsed");
        assert!(many.to_dsl(&keyword).expect_err("refused").to_string().contains("at most 10 free words"));
        let none = Fleet { message: &[] };
        assert!(query.to_dsl(&none).expect_err("refused").to_string().contains("no message field"));
    }
}

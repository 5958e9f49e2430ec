//! Lines as a file: CSV or NDJSON, page by page.

use serde_json::{Map, Value, json};

use super::hits::Hit;
use super::order::{Key, keys};
use super::state::State;
use crate::chart::csv::{field, line};
use crate::fields::{Fields, shown};
use crate::range::{Range, interval};
use crate::view::lines::path;
use crate::view::plan::{Span, within};

/// Lines of one page.
pub(crate) const PAGE: usize = 2000;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Csv,
    Ndjson,
}

impl Kind {
    /// By the ending of a file's name.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// What counts the lines of each stretch of time, so that they can be read stretch by stretch: a page out of a few thousand lines is found
/// much faster than one out of millions. None where the order is not that of time.
pub(crate) fn count(range: &Range, query: &Value, state: &State) -> Option<Value> {
    (state.sort.field == "@timestamp").then(|| {
        json!({
            "query": within((range.from, range.to), query), "size": 0, "track_total_hits": false,
            "aggs": {"t": {"date_histogram": {
                "field": "@timestamp", "fixed_interval": interval(range.step()), "min_doc_count": 1, "format": "epoch_millis",
            }}},
        })
    })
}

/// The stretches of a range, each of about a page, in the order of the file; without an answer the whole range is one.
pub(crate) fn stretches(range: &Range, state: &State, answer: Option<&Value>) -> Vec<Span> {
    let buckets = answer.and_then(|a| a.pointer("/aggregations/t/buckets")).and_then(Value::as_array);
    let Some(buckets) = buckets else { return vec![(range.from, range.to)] };
    let mut out: Vec<Span> = Vec::new();
    let (mut start, mut lines) = (range.from, 0);
    for bucket in buckets {
        let Some(at) = bucket["key"].as_f64() else { continue };
        let more = bucket["doc_count"].as_u64().unwrap_or(0);
        if lines > 0 && lines + more > PAGE as u64 {
            let end = (at as i64).clamp(range.from, range.to);
            out.push((start, end));
            (start, lines) = (end, 0);
        }
        lines += more;
    }
    out.push((start, range.to));
    if state.sort.descending {
        out.reverse();
    }
    out
}

/// What every page is asked with; a point in time and the place to go on from come besides.
pub(crate) fn ask(query: &Value, state: &State, fields: &Fields, kind: Kind) -> Value {
    let mut sort: Vec<Value> = keys(&state.sort, fields).iter().map(Key::json).collect();
    // Within a point in time the place in a segment is fixed: lines without an identity are told apart by it.
    sort.push(json!("_doc"));
    let mut body = json!({
        "query": query, "size": PAGE + 1, "track_total_hits": false, "sort": sort,
    });
    match kind {
        Kind::Ndjson if state.columns.is_empty() => {}
        _ => body["_source"] = json!(super::needed(&state.columns)),
    }
    body
}

/// The head of a file.
pub(crate) fn head(kind: Kind, columns: &[String]) -> String {
    match kind {
        Kind::Ndjson => String::new(),
        Kind::Csv if columns.is_empty() => {
            line(["time", "status", "level", "method", "url", "host", "message"].into_iter().map(field))
        }
        Kind::Csv => line(std::iter::once("@timestamp").chain(columns.iter().map(String::as_str)).map(field)),
    }
}

/// A line of a file.
pub(crate) fn row(kind: Kind, columns: &[String], hit: &Hit) -> String {
    match kind {
        Kind::Ndjson if columns.is_empty() => format!("{}\n", hit.source),
        Kind::Ndjson => {
            let names = std::iter::once("@timestamp").chain(columns.iter().map(String::as_str));
            let chosen: Map<String, Value> =
                names.filter_map(|n| Some((n.to_owned(), path(&hit.source, n)?.clone()))).collect();
            format!("{}\n", Value::Object(chosen))
        }
        Kind::Csv => {
            let lists: Vec<&[&str]> = if columns.is_empty() {
                vec![
                    &["@timestamp"],
                    shown::STATUS,
                    shown::LEVEL,
                    shown::METHOD,
                    shown::URL,
                    shown::HOST,
                    shown::MESSAGE,
                ]
            } else {
                Vec::new()
            };
            let usual = lists.iter().map(|names| {
                let mut values = names.iter().map(|name| hit.values(name));
                values.find(|v| !v.is_empty()).unwrap_or_default()
            });
            let chosen = (!columns.is_empty()).then_some("@timestamp").into_iter();
            let chosen = chosen.chain(columns.iter().map(String::as_str)).map(|name| hit.values(name));
            line(usual.chain(chosen).map(|values| field(&values.join("; "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::hits::hits;

    fn hit() -> Hit {
        let source = json!({"@timestamp": "2026-11-23T10:00:00Z", "host": {"name": "web-1"}, "tags": ["a", "b"], "message": "=cmd|'/c calc'!A1\nx,\"y\""});
        hits(&json!({"hits": {"hits": [{"_source": source}]}})).remove(0)
    }

    #[test]
    fn csv_runs_nothing_in_a_spreadsheet() {
        let all = head(Kind::Csv, &[]) + &row(Kind::Csv, &[], &hit());
        insta::assert_snapshot!(all.replace("\r\n", "\n"), @r#"
        time,status,level,method,url,host,message
        2026-11-23T10:00:00Z,,,,,web-1,"'=cmd|'/c calc'!A1
        x,""y"""
        "#);
        let columns = ["tags".to_owned(), "@x".to_owned(), "host.name".to_owned()];
        let chosen = head(Kind::Csv, &columns) + &row(Kind::Csv, &columns, &hit());
        assert_eq!(chosen, "'@timestamp,tags,'@x,host.name\r\n2026-11-23T10:00:00Z,a; b,,web-1\r\n");
    }

    #[test]
    fn the_range_is_read_stretch_by_stretch() {
        let noon = "2026-11-23T10:00:00Z".parse().expect("a time");
        let range = Range::parse("now-1h", "now", "", noon).expect("a range");
        let bucket = |at: i64, lines: u64| json!({"key": range.from + at, "doc_count": lines});
        let answer = json!({"aggregations": {"t": {"buckets": [
            bucket(-10, 1000), bucket(60_000, 900), bucket(90_000, 5000), bucket(120_000, 1)]}}});
        let mut state = State::default();
        let of = |state: &State, answer| {
            let all = stretches(&range, state, answer);
            all.into_iter().map(|(a, b)| (a - range.from, b - range.from)).collect::<Vec<_>>()
        };
        assert_eq!(of(&state, Some(&answer)), [(120_000, 3_600_000), (90_000, 120_000), (0, 90_000)]);
        assert_eq!(of(&state, None), [(0, 3_600_000)]);
        state.sort.descending = false;
        assert_eq!(of(&state, Some(&answer))[0], (0, 90_000));
        state.sort.field = "bytes".into();
        assert!(count(&range, &json!({"match_all": {}}), &state).is_none());
    }

    #[test]
    fn ndjson_is_the_document() {
        assert!(
            row(Kind::Ndjson, &[], &hit())
                .starts_with(r#"{"@timestamp":"2026-11-23T10:00:00Z","host":{"name":"web-1"}"#)
        );
        let chosen = row(Kind::Ndjson, &["tags".into(), "none".into()], &hit());
        assert_eq!(chosen, "{\"@timestamp\":\"2026-11-23T10:00:00Z\",\"tags\":[\"a\",\"b\"]}\n");
    }
}

//! The explorer: from a search to the lines behind it, their fields, and what stood around them.
//!
//! Pure: each file says what is asked of the backend and what the answers mean. `state` is what stands in the address, `hits` the lines of
//! an answer, `order` how they are sorted and where the next page begins, `severity` the histogram above them, `values` the values of a
//! field, `around` the lines beside a line, `complete` what the search box offers, `export` lines as a file,
//! `patterns` what they have in common and `carried` the patterns that they carry, `tail` lines as they pass, and `holds` whether a search finds one.

pub(crate) mod around;
pub(crate) mod carried;
pub(crate) mod complete;
pub(crate) mod export;
pub(crate) mod hits;
pub(crate) mod holds;
pub(crate) mod order;
pub(crate) mod patterns;
pub(crate) mod severity;
pub(crate) mod state;
pub(crate) mod tail;
pub(crate) mod values;

use serde_json::{Value, json};

use crate::fields::{Fields, shown};
use crate::query::{Names as _, Query, QueryError};
use crate::view::plan::{Span, within};
use order::{Key, keys};
use state::State;

/// Lines on a page.
pub(crate) const PAGE: usize = 100;

/// Of so many of the newest lines the names of their fields are looked at.
pub(crate) const SAMPLE: usize = 30;

/// A search as a query for the backend.
///
/// # Errors
/// A field that is not known, or a value that it cannot hold. While nothing has arrived no field is known, and nothing is wrong.
pub(crate) fn dsl(search: &Query, fields: &Fields) -> Result<Value, QueryError> {
    if fields.known().is_empty() { search.to_dsl_lenient(fields) } else { search.to_dsl(fields) }
}

/// The page of lines that a state asks for: one more than is shown, so that it is known whether there are older ones.
pub(crate) fn lines(span: Span, query: &Value, state: &State, fields: &Fields, seconds: u32) -> Value {
    let keys = keys(&state.sort, fields);
    let mut body = json!({
        "query": within(span, query), "timeout": format!("{seconds}s"), "size": PAGE + 1, "track_total_hits": true,
        "sort": keys.iter().map(Key::json).collect::<Vec<_>>(), "_source": needed(&state.columns),
    });
    // An order that the page before did not have has other values.
    if let Some(after) = state.after.as_ref().filter(|after| after.len() == keys.len()) {
        body["search_after"] = json!(after);
    }
    body
}

/// A few whole lines but for their text, whose fields are listed beside all lines.
pub(crate) fn sample(span: Span, query: &Value, seconds: u32) -> Value {
    json!({
        "query": within(span, query), "timeout": format!("{seconds}s"), "size": SAMPLE, "track_total_hits": false,
        "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
        "_source": {"excludes": shown::MESSAGE},
    })
}

/// One line by its id.
pub(crate) fn one(id: &str, seconds: u32) -> Value {
    // Ids are unique within an index only; the caller picks the index.
    json!({"query": {"ids": {"values": [id]}}, "timeout": format!("{seconds}s"), "size": 20})
}

/// What a list of lines shows of each.
pub(crate) fn needed(columns: &[String]) -> Vec<&str> {
    let own = std::iter::once("@timestamp").chain(shown::ALL.iter().flat_map(|names| names.iter().copied()));
    own.chain(columns.iter().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;
    use crate::query::parse;

    fn fields() -> Fields {
        Fields::from_caps(&caps(&[
            ("@timestamp", "date"),
            ("http.response.status_code", "long"),
            ("log.offset", "long"),
            ("message", "text"),
        ]))
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused_unless_nobody_knows_any() {
        let search = parse("stats:500").expect("parsed");
        assert_eq!(dsl(&search, &fields()).expect_err("refused").suggestion(), Some("status"));
        assert!(dsl(&search, &Fields::default()).is_ok());
    }

    #[test]
    fn a_page_goes_on_behind_the_one_before() {
        let all = json!({"match_all": {}});
        let mut state = State { after: Some(vec![json!(1000), json!(7)]), ..State::default() };
        let body = lines((0, 2000), &all, &state, &fields(), 5);
        assert_eq!(body["search_after"], json!([1000, 7]));
        state.sort.field = "http.response.status_code".into();
        let body = lines((0, 2000), &all, &state, &fields(), 5);
        assert!(body.get("search_after").is_none(), "of another order: {body}");
    }
}

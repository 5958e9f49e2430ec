//! The values of a field: the most frequent ones of all lines that a search finds.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::fields::Fields;
use crate::query::{Query, Stored};
use crate::view::answers::hits;
use crate::view::plan::{Span, within};

/// Values that are shown.
pub(crate) const SHOWN: usize = 10;

/// A value that is longer finds nothing: the field's index has its beginning at most.
const LONGEST: usize = 256;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Values {
    pub(crate) field: String,
    /// Lines that the search finds.
    pub(crate) lines: u64,
    /// How many of them have the field.
    pub(crate) with: u64,
    /// The most frequent values, each with its lines.
    #[schema(value_type = Vec<Vec<Value>>, example = json!([["200", 6], ["404", 2]]))]
    pub(crate) top: Vec<(String, u64)>,
    /// The smallest, the mean and the largest, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) figures: Option<[f64; 3]>,
}

/// What is asked for a field's values; none where the backend could not count them (full text, a field that is not there).
pub(crate) fn ask(span: Span, query: &Value, field: &str, fields: &Fields, seconds: u32) -> Option<Value> {
    // A word such as `status` is understood here too.
    let (name, stored) = fields.exact(field).or_else(|| fields.word(field).map(|f| (f.name, f.stored)))?;
    let mut aggs = json!({
        "top": {"terms": {"field": name, "size": SHOWN}},
        "with": {"filter": {"exists": {"field": name}}},
    });
    if stored == Stored::Number {
        for figure in ["min", "avg", "max"] {
            aggs[figure] = json!({figure: {"field": name}});
        }
    }
    Some(json!({
        "query": within(span, query), "timeout": format!("{seconds}s"), "size": 0, "track_total_hits": true, "aggs": aggs,
    }))
}

/// Reads what came back.
pub(crate) fn read(field: &str, answer: &Value) -> Values {
    let aggs = &answer["aggregations"];
    let buckets = aggs["top"]["buckets"].as_array().map_or(&[][..], |b| b);
    let top = buckets.iter().filter_map(|b| Some((key(b)?, b["doc_count"].as_u64()?))).collect();
    let figure = |name: &str| aggs[name]["value"].as_f64();
    Values {
        field: field.to_owned(),
        lines: hits(answer),
        with: aggs["with"]["doc_count"].as_u64().unwrap_or(0),
        top,
        figures: figure("min").zip(figure("avg")).zip(figure("max")).map(|((a, b), c)| [a, b, c]),
    }
}

/// A bucket's value as text: times and booleans have one beside their number.
pub(crate) fn key(bucket: &Value) -> Option<String> {
    let text = bucket["key_as_string"].as_str().or_else(|| bucket["key"].as_str());
    text.map(str::to_owned).or_else(|| bucket["key"].is_number().then(|| bucket["key"].to_string()))
}

/// The searches for the lines that have a value, and for those that do not, if that can be asked.
pub(crate) fn narrowed(search: &Query, field: &str, value: &str, fields: &Fields) -> Option<[Query; 2]> {
    let exact = fields.exact(field);
    let name = match (&exact, fields.stored(field)) {
        // A time is a range of its own; of the page's times nobody looks for one millisecond.
        (Some((_, Stored::Date)), _) | (None, None) => return None,
        (Some((name, _)), _) => name.as_str(),
        (None, Some(_)) => field,
    };
    let short = !value.is_empty() && value.len() <= LONGEST;
    let wanted = Query::exactly(name, value);
    // What the text of a search cannot hold is no link.
    let both = [search.clone().and(wanted.clone()), search.clone().and(wanted.not())];
    (short && both.iter().all(|q| q.to_string().len() <= crate::query::TEXT)).then_some(both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;
    use crate::query::parse;

    fn fields() -> Fields {
        Fields::from_caps(&caps(&[
            ("url.path", "text"),
            ("url.path.keyword", "keyword"),
            ("message", "text"),
            ("bytes", "long"),
            ("@timestamp", "date"),
        ]))
    }

    #[test]
    fn values_are_counted_where_they_can_be() {
        let all = json!({"match_all": {}});
        let ask = |field: &str| ask((0, 1000), &all, field, &fields(), 5);
        assert_eq!(ask("url.path").expect("asked")["aggs"]["top"]["terms"]["field"], "url.path.keyword");
        assert!(ask("bytes").expect("asked")["aggs"]["avg"].is_object());
        assert!(ask("message").is_none() && ask("nowhere").is_none());
    }

    #[test]
    fn answers() {
        let answer = json!({"hits": {"total": {"value": 10}}, "aggregations": {
            "top": {"buckets": [{"key": 200, "doc_count": 6}, {"key": 1, "key_as_string": "true", "doc_count": 2}, {"doc_count": 1}]},
            "with": {"doc_count": 9}, "min": {"value": 1.0}, "avg": {"value": 2.5}, "max": {"value": 4}}});
        let values = read("status", &answer);
        assert_eq!((values.lines, values.with, values.figures), (10, 9, Some([1.0, 2.5, 4.0])));
        assert_eq!(values.top, [("200".into(), 6), ("true".into(), 2)]);
        assert_eq!(read("x", &json!({})).top, []);
    }

    #[test]
    fn links_narrow_the_search() {
        let search = parse("level:error OR a").expect("parsed");
        let [only, without] = narrowed(&search, "url.path", "/a b", &fields()).expect("a link");
        assert_eq!(only.to_string(), r#"(level:error OR a) url.path.keyword:"/a b""#);
        assert_eq!(without.to_string(), r#"(level:error OR a) -url.path.keyword:"/a b""#);
        assert!(narrowed(&search, "message", "x y", &fields()).is_some());
        for (field, value) in
            [("@timestamp", "2026"), ("nowhere", "x"), ("url.path", ""), ("url.path", &*"x".repeat(300))]
        {
            assert!(narrowed(&search, field, value, &fields()).is_none(), "{field}");
        }
    }
}

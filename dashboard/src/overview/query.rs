//! The searches behind the first page. They stay within the part of the query language that the embedded store and
//! OpenSearch share.

use serde_json::{Value, json};

use crate::backend::Search;
use crate::config::Config;
use crate::fields::{Field, Fields, Idea, Stored, metric, shown};
use crate::range::{Range, interval};

/// The four classes of a status that the page tells apart, with their first digits.
pub(crate) const CLASSES: [(&str, u16); 4] = [("2xx", 2), ("3xx", 3), ("4xx", 4), ("5xx", 5)];

/// How many hosts get their own line.
pub(crate) const HOSTS: usize = 6;

/// The place of each search in the round trip.
pub(crate) mod place {
    pub(crate) const REQUESTS: usize = 0;
    pub(crate) const PREVIOUS: usize = 1;
    pub(crate) const URLS: usize = 2;
    pub(crate) const ERRORS: usize = 3;
    pub(crate) const LINES: usize = 4;
    pub(crate) const NEWEST: usize = 5;
    pub(crate) const HOSTS: usize = 6;
}

/// All searches of the page, in the order of [`place`].
pub(crate) fn searches(config: &Config, range: &Range, logs: &Fields, metrics: &Fields) -> Vec<Search> {
    let of_logs = |body| Search { index: config.logs.clone(), body };
    let now = (range.from, range.to);
    vec![
        of_logs(requests(range, logs)),
        of_logs(json!({
            "size": 0, "track_total_hits": true,
            "query": within(range.previous(), Some(any_status(logs))),
            "aggs": totals(logs),
        })),
        of_logs(urls(now, logs)),
        of_logs(errors(now, logs)),
        of_logs(json!({
            "size": 0, "track_total_hits": true,
            "query": within(now, None),
            "aggs": {
                "unparsed": {"filter": unparsed(logs)},
                "oldest": {"min": {"field": "@timestamp"}},
                "newest": {"max": {"field": "@timestamp"}},
            },
        })),
        of_logs(json!({
            "size": 0, "track_total_hits": false,
            "query": {"match_all": {}},
            "aggs": {"newest": {"max": {"field": "@timestamp"}}},
        })),
        Search { index: config.metrics.clone(), body: hosts(range, metrics) },
    ]
}

/// The question which of several possible fields the lines of the range carry.
pub(crate) fn probe(index: &str, range: &Range, fields: &Fields) -> Search {
    let body = json!({
        "size": 0, "track_total_hits": false,
        "query": within((range.from, range.to), None), "aggs": fields.probe(),
    });
    Search { index: index.to_owned(), body }
}

fn within((from, to): (i64, i64), also: Option<Value>) -> Value {
    let mut filter =
        vec![json!({"range": {"@timestamp": {"gte": from, "lt": to, "format": "epoch_millis"}}})];
    filter.extend(also);
    json!({"bool": {"filter": filter}})
}

/// Matches nothing: for a panel whose field does not exist.
fn nothing() -> Value {
    json!({"bool": {"must_not": [{"match_all": {}}]}})
}

fn any_of(mut clauses: Vec<Value>) -> Value {
    match clauses.len() {
        0 => nothing(),
        1 => clauses.remove(0),
        _ => json!({"bool": {"should": clauses, "minimum_should_match": 1}}),
    }
}

/// Lines whose status begins with `digit`; a status kept as text has three characters.
fn class(field: &Field, digit: u16) -> Value {
    match field.stored {
        Stored::Number => json!({"range": {&field.name: {"gte": digit * 100, "lt": (digit + 1) * 100}}}),
        Stored::Keyword => json!({"wildcard": {&field.name: {"value": format!("{digit}??")}}}),
    }
}

fn class_of_any(fields: &Fields, digit: u16) -> Value {
    any_of(fields.all(Idea::Status).iter().map(|f| class(f, digit)).collect())
}

/// Lines that tell of a request: those with a status.
fn any_status(fields: &Fields) -> Value {
    let of_field = |f: &Field| match f.stored {
        Stored::Number => vec![json!({"range": {&f.name: {"gte": 100, "lt": 600}}})],
        Stored::Keyword => (1..=5).map(|d| class(f, d)).collect(),
    };
    any_of(fields.all(Idea::Status).iter().flat_map(of_field).collect())
}

fn unparsed(fields: &Fields) -> Value {
    fields
        .best(Idea::Tags)
        .map_or_else(nothing, |f| json!({"term": {&f.name: {"value": "_grokparsefailure"}}}))
}

/// Classes and percentiles: the same for the whole range, each bucket and the range before.
fn totals(fields: &Fields) -> Value {
    let classes: serde_json::Map<String, Value> =
        CLASSES.iter().map(|(name, digit)| ((*name).into(), class_of_any(fields, *digit))).collect();
    let mut aggs = json!({"classes": {"filters": {"filters": classes}}});
    if let Some(time) = fields.best(Idea::RequestTime) {
        aggs["latency"] = json!({"percentiles": {"field": time.name, "percents": [50, 95, 99]}});
    }
    if let Some(time) = fields.best(Idea::UpstreamTime) {
        aggs["upstream"] = json!({"percentiles": {"field": time.name, "percents": [95]}});
    }
    aggs
}

fn requests(range: &Range, fields: &Fields) -> Value {
    let mut aggs = totals(fields);
    aggs["over_time"] = over_time(range, totals(fields));
    json!({
        "size": 0, "track_total_hits": true,
        "query": within((range.from, range.to), Some(any_status(fields))),
        "aggs": aggs,
    })
}

fn over_time(range: &Range, aggs: Value) -> Value {
    json!({
        "date_histogram": {
            "field": "@timestamp", "fixed_interval": interval(range.step()), "min_doc_count": 0,
            "format": "epoch_millis", "extended_bounds": {"min": range.from, "max": range.to - 1},
        },
        "aggs": aggs,
    })
}

fn urls(time: (i64, i64), fields: &Fields) -> Value {
    let query = within(time, Some(any_status(fields)));
    let Some(url) = fields.best(Idea::Url) else { return json!({"size": 0, "query": nothing()}) };
    let mut aggs = json!({"errors": {"filter": class_of_any(fields, 5)}});
    if let Some(time) = fields.best(Idea::RequestTime) {
        aggs["latency"] = json!({"percentiles": {"field": time.name, "percents": [95]}});
    }
    json!({
        "size": 0, "track_total_hits": false, "query": query,
        "aggs": {"urls": {"terms": {"field": url.name, "size": 10}, "aggs": aggs}},
    })
}

fn errors(time: (i64, i64), fields: &Fields) -> Value {
    const LEVELS: [&str; 13] = [
        "error",
        "ERROR",
        "Error",
        "err",
        "ERR",
        "critical",
        "CRITICAL",
        "crit",
        "alert",
        "emerg",
        "emergency",
        "fatal",
        "FATAL",
    ];
    let mut wanted: Vec<Value> = fields.all(Idea::Status).iter().map(|f| class(f, 5)).collect();
    let levels = fields.all(Idea::Level).iter().filter(|f| f.stored == Stored::Keyword);
    wanted.extend(levels.map(|f| json!({"terms": {&f.name: LEVELS}})));
    let mut source = vec!["@timestamp"];
    source.extend(shown::ALL.iter().flat_map(|names| names.iter()));
    json!({
        "size": 20, "track_total_hits": false,
        "query": within(time, Some(any_of(wanted))),
        "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
        "_source": source,
    })
}

fn hosts(range: &Range, fields: &Fields) -> Value {
    let series = over_time(
        range,
        json!({
            "cpu": {"avg": {"field": metric::CPU}},
            "memory": {"avg": {"field": metric::MEMORY}},
            // The fullest file system is the one that will hurt.
            "disk": {"max": {"field": metric::DISK}},
            "net_in": {"avg": {"field": metric::NET_IN}},
            "net_out": {"avg": {"field": metric::NET_OUT}},
        }),
    );
    // The busiest hosts are the ones worth a line; a host without CPU figures sorts last.
    let aggs = match fields.best(Idea::Host) {
        Some(host) => json!({"hosts": {
            "terms": {"field": host.name, "size": HOSTS, "order": {"busiest": "desc"}},
            "aggs": {"busiest": {"max": {"field": metric::CPU}}, "over_time": series},
        }}),
        None => json!({"over_time": series}),
    };
    json!({"size": 0, "track_total_hits": true, "query": within((range.from, range.to), None), "aggs": aggs})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;

    fn range() -> Range {
        Range::parse("now-1h", "now", "", "2026-11-23T10:00:00Z".parse().expect("a time")).expect("a range")
    }

    #[test]
    fn a_number_is_asked_by_range_and_text_by_pattern() {
        let number = Fields::from_caps(&caps(&[("http.response.status_code", "long")]));
        assert_eq!(
            class_of_any(&number, 5),
            json!({"range": {"http.response.status_code": {"gte": 500, "lt": 600}}})
        );
        let text = Fields::from_caps(&caps(&[("response", "text"), ("response.keyword", "keyword")]));
        assert_eq!(class_of_any(&text, 5), json!({"wildcard": {"response.keyword": {"value": "5??"}}}));
    }

    #[test]
    fn without_fields_nothing_is_matched_rather_than_everything() {
        let none = Fields::default();
        assert_eq!(any_status(&none), nothing());
        let config = Config::new("http://127.0.0.1:9200".parse().expect("a URL"));
        assert_eq!(searches(&config, &range(), &none, &none).len(), place::HOSTS + 1);
    }

    #[test]
    fn buckets_of_the_request_search() {
        let body =
            requests(&range(), &Fields::from_caps(&caps(&[("status", "long"), ("request_time", "float")])));
        let histogram = &body["aggs"]["over_time"]["date_histogram"];
        assert_eq!(histogram["fixed_interval"], "30s");
        assert_eq!(histogram["extended_bounds"]["max"], range().to - 1);
        assert_eq!(body["aggs"]["over_time"]["aggs"]["latency"]["percentiles"]["field"], "request_time");
    }
}

//! The field map: which field holds what, in ECS and in Logstash's legacy names.
//!
//! A shipped index template may type a field that no document has, so that a name exists is not enough: among the
//! names that can be asked, the one that most lines of the range carry is taken.

use serde_json::{Map, Value, json};

/// What the boards ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Idea {
    Status,
    Url,
    RequestTime,
    UpstreamTime,
    Level,
    Host,
    Tags,
}

/// One name under which an idea may be stored.
struct Candidate {
    name: &'static str,
    /// What one unit of the field is in the unit of the idea (durations: seconds).
    factor: f64,
}

const fn plain(name: &'static str) -> Candidate {
    Candidate { name, factor: 1.0 }
}

/// The map: for each idea the names in order of preference. Durations are in seconds but for ECS's nanoseconds.
const MAP: [(Idea, &[Candidate]); 7] = [
    (Idea::Status, &[plain("http.response.status_code"), plain("response"), plain("status")]),
    (Idea::Url, &[plain("url.original"), plain("url.path"), plain("request")]),
    (
        Idea::RequestTime,
        &[
            plain("nginx.request_time"),
            plain("request_time"),
            Candidate { name: "event.duration", factor: 1e-9 },
        ],
    ),
    (Idea::UpstreamTime, &[plain("nginx.upstream_response_time"), plain("upstream_response_time")]),
    (Idea::Level, &[plain("log.level"), plain("level")]),
    (Idea::Host, &[plain("host.name"), plain("host.hostname"), plain("host")]),
    (Idea::Tags, &[plain("tags")]),
];

/// Names that are only read out of a line, never aggregated; the first that is there is shown.
pub(crate) mod shown {
    pub(crate) const STATUS: &[&str] = &["http.response.status_code", "response", "status"];
    pub(crate) const URL: &[&str] = &["url.original", "url.path", "request"];
    pub(crate) const METHOD: &[&str] = &["http.request.method", "verb"];
    pub(crate) const HOST: &[&str] = &["host.name", "host.hostname", "host"];
    pub(crate) const LEVEL: &[&str] = &["log.level", "level"];
    pub(crate) const MESSAGE: &[&str] = &["message", "event.original"];
    pub(crate) const ALL: [&[&str]; 6] = [STATUS, URL, METHOD, HOST, LEVEL, MESSAGE];
}

/// Metricbeat's names of host metrics, and the agent's ready rates.
pub(crate) mod metric {
    pub(crate) const CPU: &str = "system.cpu.total.norm.pct";
    pub(crate) const MEMORY: &str = "system.memory.actual.used.pct";
    pub(crate) const DISK: &str = "system.filesystem.used.pct";
    pub(crate) const NET_IN: &str = "alces.network.in.bytes_per_s";
    pub(crate) const NET_OUT: &str = "alces.network.out.bytes_per_s";
}

/// How the values of a field are stored, which decides how a range of them is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Number,
    Keyword,
}

/// A field that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) stored: Stored,
    /// See [`Candidate::factor`].
    pub(crate) factor: f64,
}

/// The fields that a set of indices has for each idea; several where several exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    found: Vec<(Idea, Vec<Field>)>,
}

/// Every name to ask `_field_caps` about.
pub(crate) fn names() -> Vec<String> {
    let candidates = MAP.iter().flat_map(|(_, c)| c.iter());
    candidates.flat_map(|c| [c.name.to_owned(), format!("{}.keyword", c.name)]).collect()
}

impl Fields {
    /// Reads an answer of `_field_caps`.
    pub(crate) fn from_caps(caps: &Value) -> Self {
        let empty = Map::new();
        let caps = caps.get("fields").and_then(Value::as_object).unwrap_or(&empty);
        let found = MAP
            .iter()
            .map(|(idea, candidates)| {
                let usable = candidates.iter().filter_map(|c| {
                    let keyword = format!("{}.keyword", c.name);
                    let (name, stored) = usable(caps, c.name)
                        .map(|s| (c.name.to_owned(), s))
                        .or_else(|| usable(caps, &keyword).map(|s| (keyword.clone(), s)))?;
                    // A duration kept as text has no percentiles.
                    let numeric = matches!(idea, Idea::RequestTime | Idea::UpstreamTime);
                    (!numeric || stored == Stored::Number).then_some(Field { name, stored, factor: c.factor })
                });
                (*idea, usable.collect())
            })
            .collect();
        Self { found }
    }

    /// All fields of an idea, best first.
    pub(crate) fn all(&self, idea: Idea) -> &[Field] {
        self.found.iter().find(|(i, _)| *i == idea).map_or(&[], |(_, f)| f)
    }

    /// The field of an idea.
    pub(crate) fn best(&self, idea: Idea) -> Option<&Field> {
        self.all(idea).first()
    }

    /// The aggregations that count how many lines carry each field.
    pub(crate) fn probe(&self) -> Value {
        let mut filters = Map::new();
        for field in self.found.iter().flat_map(|(_, f)| f) {
            filters.insert(field.name.clone(), json!({"exists": {"field": field.name}}));
        }
        json!({"carry": {"filters": {"filters": filters}}})
    }

    /// Whether there is more than one choice for any idea, so that counting is worth a question.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.found.iter().any(|(_, f)| f.len() > 1)
    }

    /// Puts the fields that most lines carry first and drops those that none carries, as long as one is left.
    pub(crate) fn settle(&mut self, aggregations: &Value) {
        let carried = |f: &Field| {
            let bucket =
                aggregations.get("carry").and_then(|c| c.get("buckets")).and_then(|b| b.get(&f.name));
            bucket.and_then(|b| b.get("doc_count")).and_then(Value::as_u64).unwrap_or(0)
        };
        for (_, fields) in &mut self.found {
            fields.sort_by_key(|f| std::cmp::Reverse(carried(f)));
            if fields.iter().any(|f| carried(f) > 0) {
                fields.retain(|f| carried(f) > 0);
            }
        }
    }
}

/// How a field is stored, if it can be aggregated in every index that has it.
fn usable(caps: &Map<String, Value>, name: &str) -> Option<Stored> {
    let types = caps.get(name)?.as_object()?;
    let mut stored = None;
    for (kind, cap) in types {
        if kind == "unmapped" {
            continue;
        }
        if cap.get("aggregatable").and_then(Value::as_bool) != Some(true) {
            return None;
        }
        let this = match kind.as_str() {
            "long" | "integer" | "short" | "byte" | "unsigned_long" | "double" | "float" | "half_float"
            | "scaled_float" => Stored::Number,
            "keyword" | "constant_keyword" | "wildcard" | "ip" => Stored::Keyword,
            _ => return None,
        };
        // Number here and keyword there: neither question would be right for both.
        if stored.is_some_and(|s| s != this) {
            return None;
        }
        stored = Some(this);
    }
    stored
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn caps(fields: &[(&str, &str)]) -> Value {
        let mut map = Map::new();
        for (name, kind) in fields {
            map.insert(
                (*name).into(),
                json!({*kind: {"type": kind, "searchable": true, "aggregatable": *kind != "text"}}),
            );
        }
        json!({"fields": map})
    }

    #[test]
    fn ecs_before_legacy() {
        let fields = Fields::from_caps(&caps(&[("response", "long"), ("http.response.status_code", "long")]));
        assert_eq!(fields.best(Idea::Status).map(|f| f.name.as_str()), Some("http.response.status_code"));
        assert_eq!(fields.all(Idea::Status).len(), 2);
    }

    #[test]
    fn text_falls_back_to_its_keyword() {
        let fields = Fields::from_caps(&caps(&[("response", "text"), ("response.keyword", "keyword")]));
        let status = fields.best(Idea::Status).expect("found");
        assert_eq!((status.name.as_str(), status.stored), ("response.keyword", Stored::Keyword));
        assert!(Fields::from_caps(&caps(&[("response", "text")])).best(Idea::Status).is_none());
    }

    #[test]
    fn a_duration_must_be_a_number() {
        let fields = Fields::from_caps(&caps(&[("request_time", "keyword"), ("event.duration", "long")]));
        let time = fields.best(Idea::RequestTime).expect("found");
        assert_eq!((time.name.as_str(), time.factor), ("event.duration", 1e-9));
    }

    #[test]
    fn conflicting_types_are_not_used() {
        let mut both = caps(&[("response", "long")]);
        both["fields"]["response"]["keyword"] = json!({"type": "keyword", "aggregatable": true});
        assert!(Fields::from_caps(&both).best(Idea::Status).is_none());
    }

    #[test]
    fn the_name_that_lines_carry_wins() {
        let mut fields = Fields::from_caps(&caps(&[
            ("nginx.request_time", "float"),
            ("request_time", "float"),
            ("host.name", "keyword"),
        ]));
        assert!(fields.is_ambiguous());
        fields.settle(&json!({"carry": {"buckets": {
            "nginx.request_time": {"doc_count": 0}, "request_time": {"doc_count": 7}, "host.name": {"doc_count": 0}}}}));
        assert_eq!(fields.all(Idea::RequestTime).len(), 1);
        assert_eq!(fields.best(Idea::RequestTime).map(|f| f.name.as_str()), Some("request_time"));
        assert!(fields.best(Idea::Host).is_some(), "the only name stays");
    }
}

//! The field map: which field holds what, in ECS and in Logstash's legacy names.
//!
//! A shipped index template may type a field that no document has, so that a name exists is not enough: among the
//! names that can be asked, the one that most lines of the range carry is taken.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::query::{Named, Names, Stored};
use crate::sight::Mask;

/// What boards and searches ask for by one word, whatever the field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Idea {
    Status,
    Method,
    Url,
    RequestTime,
    UpstreamTime,
    Bytes,
    Level,
    Host,
    Tags,
    Vhost,
    Upstream,
    CacheStatus,
    Country,
    Client,
    UserAgent,
    Device,
    Version,
    Service,
    Error,
    Dataset,
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

/// An idea: its word, and its names in order of preference.
type Entry = (Idea, &'static str, &'static [Candidate]);

/// The map. Durations are in seconds but for ECS's nanoseconds.
const MAP: [Entry; 20] = [
    (Idea::Status, "status", &[plain("http.response.status_code"), plain("response"), plain("status")]),
    (Idea::Method, "method", &[plain("http.request.method"), plain("verb"), plain("method")]),
    (Idea::Url, "url", &[plain("url.original"), plain("url.path"), plain("request")]),
    (
        Idea::RequestTime,
        "request_time",
        &[
            plain("nginx.request_time"),
            plain("request_time"),
            Candidate { name: "event.duration", factor: 1e-9 },
        ],
    ),
    (
        Idea::UpstreamTime,
        "upstream_time",
        &[plain("nginx.upstream_response_time"), plain("upstream_response_time")],
    ),
    (Idea::Bytes, "bytes", &[plain("http.response.body.bytes"), plain("bytes")]),
    (Idea::Level, "level", &[plain("log.level"), plain("level")]),
    (Idea::Host, "host", &[plain("host.name"), plain("host.hostname"), plain("host")]),
    (Idea::Tags, "tags", &[plain("tags")]),
    (
        Idea::Vhost,
        "vhost",
        &[plain("url.domain"), plain("destination.domain"), plain("server_name"), plain("vhost")],
    ),
    (
        Idea::Upstream,
        "upstream",
        &[plain("nginx.upstream_addr"), plain("upstream_addr"), plain("nginx.error.upstream")],
    ),
    (
        Idea::CacheStatus,
        "cache_status",
        &[plain("nginx.upstream_cache_status"), plain("upstream_cache_status")],
    ),
    (
        Idea::Country,
        "country",
        &[
            plain("source.geo.country_iso_code"),
            plain("client.geo.country_iso_code"),
            plain("geoip.country_iso_code"),
            plain("geoip.country_code2"),
        ],
    ),
    (
        Idea::Client,
        "client",
        &[plain("source.ip"), plain("source.address"), plain("client.ip"), plain("clientip")],
    ),
    (Idea::UserAgent, "user_agent", &[plain("user_agent.name"), plain("ua.name")]),
    (Idea::Device, "device", &[plain("user_agent.device.name"), plain("ua.device")]),
    (Idea::Version, "version", &[plain("service.version"), plain("app.version")]),
    (Idea::Service, "service", &[plain("service.name"), plain("app.name")]),
    (Idea::Error, "error", &[plain("error.type"), plain("error.code"), plain("exception.class")]),
    (Idea::Dataset, "dataset", &[plain("event.dataset"), plain("data_stream.dataset"), plain("type")]),
];

impl Idea {
    /// The idea that a board's word means.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        MAP.iter().find(|(_, w, _)| *w == word).map(|(idea, ..)| *idea)
    }

    /// Whether its values are durations, so that they have percentiles and units of time.
    pub(crate) const fn is_duration(self) -> bool {
        matches!(self, Self::RequestTime | Self::UpstreamTime)
    }

    /// Whether only numbers make sense.
    const fn is_number(self) -> bool {
        self.is_duration() || matches!(self, Self::Bytes)
    }
}

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

/// A field that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) stored: Stored,
    /// What one unit of the field is in the unit of its idea; see [`Candidate`].
    pub(crate) factor: f64,
}

/// The search words, each with the names of all fields that it may stand for.
pub(crate) fn words() -> Vec<(&'static str, Vec<&'static str>)> {
    MAP.iter().map(|(_, word, candidates)| (*word, candidates.iter().map(|c| c.name).collect())).collect()
}

/// What is known of the fields of a set of indices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// For each idea the fields that hold it, best first.
    found: Vec<(Idea, Vec<Field>)>,
    /// The same before those were dropped that the range's lines do not carry.
    every: Vec<(Idea, Vec<Field>)>,
    /// What is not to be told of them.
    mask: Option<Mask>,
    /// Every field with how it is stored, and whether it can be aggregated.
    all: BTreeMap<String, (Stored, bool)>,
}

impl Fields {
    /// Reads an answer of `_field_caps`.
    pub(crate) fn from_caps(caps: &Value) -> Self {
        let empty = Map::new();
        let caps = caps.get("fields").and_then(Value::as_object).unwrap_or(&empty);
        let all: BTreeMap<_, _> = caps
            .iter()
            // `_id`, `_source` and their like are the engine's own.
            .filter(|(name, _)| !name.starts_with('_'))
            .filter_map(|(name, types)| Some((name.clone(), stored(types)?)))
            .collect();
        let found: Vec<(Idea, Vec<Field>)> = MAP
            .iter()
            .map(|(idea, _, candidates)| {
                let usable = candidates.iter().filter_map(|c| {
                    let (name, stored) = aggregatable(&all, c.name)?;
                    // A duration kept as text has no percentiles.
                    (!idea.is_number() || stored == Stored::Number).then_some(Field {
                        name,
                        stored,
                        factor: c.factor,
                    })
                });
                (*idea, usable.collect())
            })
            .collect();
        Self { every: found.clone(), found, all, mask: None }
    }

    /// From now on the values of these fields are not to be told.
    pub(crate) fn hide(&mut self, mask: &Mask) {
        self.mask = Some(mask.clone());
    }

    /// For questions that must hold of all lines, whichever names those of the range carry.
    pub(crate) const fn every(&self) -> Every<'_> {
        Every(self)
    }

    fn shown(&self, field: &Field) -> bool {
        self.mask.as_ref().is_none_or(|mask| !mask.covers(&field.name))
    }

    /// All fields of an idea, best first.
    pub(crate) fn all(&self, idea: Idea) -> &[Field] {
        self.found.iter().find(|(i, _)| *i == idea).map_or(&[], |(_, f)| f)
    }

    /// The field of an idea, unless it is masked.
    pub(crate) fn best(&self, idea: Idea) -> Option<&Field> {
        self.all(idea).first().filter(|f| self.shown(f))
    }

    /// The field that a board's word means and that can be aggregated: of an idea the best one, otherwise the field of that name. Of one
    /// that is masked there are no figures: a maximum is a value too.
    pub(crate) fn word(&self, word: &str) -> Option<Field> {
        self.by(word).filter(|f| self.shown(f))
    }

    /// Like [`Fields::word`], for one whose values are shown as [`Fields::label`] has them.
    pub(crate) fn by(&self, word: &str) -> Option<Field> {
        if let Some(idea) = Idea::from_word(word)
            && let Some(best) = self.all(idea).first()
        {
            return Some(best.clone());
        }
        aggregatable(&self.all, word).map(|(name, stored)| Field { name, stored, factor: 1.0 })
    }

    /// Whether a word stands for a field that is there and masked.
    pub(crate) fn is_masked(&self, word: &str) -> bool {
        self.by(word).is_some_and(|f| !self.shown(&f))
    }

    /// What is shown in place of a value of a field, where that is masked.
    pub(crate) fn label(&self, field: &str, value: &str) -> Option<String> {
        self.mask.as_ref().filter(|mask| mask.covers(field)).map(|mask| mask.of(value))
    }

    /// Every field by its own name, with how it is stored and whether it can be aggregated.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (&str, Stored, bool)> {
        self.all.iter().map(|(name, (stored, usable))| (name.as_str(), *stored, *usable))
    }

    /// The field of exactly this name that can be aggregated and sorted by, or its `.keyword`; no word of an idea. What is masked cannot: links to
    /// the next page hold the values that lines are sorted by.
    pub(crate) fn exact(&self, name: &str) -> Option<(String, Stored)> {
        aggregatable(&self.all, name)
            .filter(|(name, _)| self.mask.as_ref().is_none_or(|mask| !mask.covers(name)))
    }

    /// How the field of exactly this name is stored, if it can be searched.
    pub(crate) fn stored(&self, name: &str) -> Option<Stored> {
        self.all.get(name).map(|(stored, _)| *stored)
    }

    /// The aggregations that count how many lines carry each field of an idea that has several.
    pub(crate) fn probe(&self) -> Value {
        let mut filters = Map::new();
        for field in self.found.iter().filter(|(_, f)| f.len() > 1).flat_map(|(_, f)| f) {
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
            if fields.len() < 2 {
                continue;
            }
            fields.sort_by_key(|f| std::cmp::Reverse(carried(f)));
            if fields.iter().any(|f| carried(f) > 0) {
                fields.retain(|f| carried(f) > 0);
            }
        }
    }
}

impl Fields {
    fn named_in(&self, found: &[(Idea, Vec<Field>)], word: &str) -> Vec<Named> {
        if let Some(idea) = Idea::from_word(word) {
            let of = |f: &Field| Named {
                name: f.name.clone(),
                stored: f.stored,
                duration: idea.is_duration().then_some(f.factor),
            };
            let fields = found.iter().find(|(i, _)| *i == idea).map_or(&[][..], |(_, f)| f);
            let all: Vec<Named> = fields.iter().map(of).collect();
            if !all.is_empty() {
                return all;
            }
        }
        match self.all.get(word) {
            Some((stored, _)) => vec![Named { name: word.to_owned(), stored: *stored, duration: None }],
            None => Vec::new(),
        }
    }
}

/// Fields with all their names; see [`Fields::every`].
pub(crate) struct Every<'f>(&'f Fields);

impl Names for Every<'_> {
    fn named(&self, word: &str) -> Vec<Named> {
        self.0.named_in(&self.0.every, word)
    }

    fn known(&self) -> Vec<String> {
        self.0.known()
    }

    fn message(&self) -> Vec<Named> {
        self.0.message()
    }
}

impl Names for Fields {
    fn named(&self, word: &str) -> Vec<Named> {
        self.named_in(&self.found, word)
    }

    fn known(&self) -> Vec<String> {
        let ideas = self.found.iter().filter(|(_, f)| !f.is_empty());
        let words =
            ideas.filter_map(|(i, _)| MAP.iter().find(|(m, ..)| m == i).map(|(_, w, _)| (*w).to_owned()));
        words.chain(self.all.keys().cloned()).collect()
    }

    fn message(&self) -> Vec<Named> {
        let of = |name: &&str| {
            let (stored, _) = self.all.get(*name)?;
            Some(Named { name: (*name).to_owned(), stored: *stored, duration: None })
        };
        shown::MESSAGE.iter().filter_map(of).take(1).collect()
    }
}

/// A name or its `.keyword`, if it can be aggregated.
fn aggregatable(all: &BTreeMap<String, (Stored, bool)>, name: &str) -> Option<(String, Stored)> {
    let usable = |name: String| all.get(&name).filter(|(_, yes)| *yes).map(|(s, _)| (name.clone(), *s));
    usable(name.to_owned()).or_else(|| usable(format!("{name}.keyword")))
}

/// How a field is stored, and whether it can be aggregated in every index that has it. None where indices disagree: no question
/// would be right for all of them.
fn stored(types: &Value) -> Option<(Stored, bool)> {
    let (mut found, mut usable) = (None, true);
    for (kind, cap) in types.as_object()? {
        if kind == "unmapped" {
            continue;
        }
        let can = |what: &str| cap.get(what).and_then(Value::as_bool) == Some(true);
        // Kept to be read only (`event.original` is): the backend would refuse the whole search.
        if !can("searchable") {
            return None;
        }
        usable &= can("aggregatable");
        let this = match kind.as_str() {
            "long" | "integer" | "short" | "byte" | "unsigned_long" | "double" | "float" | "half_float"
            | "scaled_float" => Stored::Number,
            "keyword" | "constant_keyword" | "wildcard" | "flat_object" | "flattened" => Stored::Keyword,
            "text" | "match_only_text" => Stored::Text,
            "date" | "date_nanos" => Stored::Date,
            "ip" => Stored::Ip,
            "boolean" => Stored::Boolean,
            _ => return None,
        };
        if found.is_some_and(|s| s != this) {
            return None;
        }
        found = Some(this);
    }
    found.map(|s| (s, usable))
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

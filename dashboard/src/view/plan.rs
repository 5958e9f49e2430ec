//! What a page asks, gathered before anything is asked: questions over the same lines become one search, and the same figure is
//! counted once however many panels show it.
//!
//! Pure: a [`Plan`] becomes searches, and [`Answers`] are read by the places that the plan gave out.

use serde_json::{Map, Value, json};

use crate::board::Source;
use crate::board::metric::{Function, Metric};
use crate::fields::Fields;
use crate::range::interval;

/// A span of time, epoch milliseconds: from included, to excluded.
pub(crate) type Span = (i64, i64);

/// All that a page asks at once.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) asked: Vec<Asked>,
}

/// One search.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) source: Source,
    pub(crate) span: Span,
    /// Which lines, apart from their time.
    pub(crate) query: Value,
    pub(crate) shape: Shape,
    groups: Vec<Group>,
}

/// What a search is after.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Figures for each bucket of this width, milliseconds.
    OverTime(i64),
    /// Figures of the whole span.
    Total,
    /// The newest lines: how many, and which fields of them.
    Lines(usize, Vec<String>),
}

/// Figures over the same part of a search's lines.
#[derive(Debug, PartialEq)]
struct Group {
    filter: Option<Value>,
    percentiles: Vec<(String, Vec<f64>)>,
    others: Vec<Value>,
}

/// Where a figure will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) search: usize,
    group: usize,
    agg: Agg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agg {
    Docs,
    /// A percentile in hundredths, of the n-th field.
    Percentile(usize, u32),
    Other(usize),
}

/// A figure that could not be asked: its field does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoField(pub(crate) String);

impl Plan {
    fn search(&mut self, source: Source, span: Span, query: &Value, shape: Shape) -> usize {
        let same = |a: &Asked| a.source == source && a.span == span && a.shape == shape && a.query == *query;
        if let Some(i) = self.asked.iter().position(same) {
            return i;
        }
        self.asked.push(Asked { source, span, query: query.clone(), shape, groups: Vec::new() });
        self.asked.len() - 1
    }

    /// Asks for a figure: for each bucket of the span, or for the whole of it. `filter` is the part of `query`'s lines that it is over.
    ///
    /// # Errors
    /// [`NoField`] when the figure's field does not exist or cannot be aggregated.
    pub(crate) fn figure(
        &mut self,
        (source, span, query, shape): (Source, Span, &Value, Shape),
        filter: Option<&Value>,
        metric: &Metric,
        fields: &Fields,
    ) -> Result<Place, NoField> {
        let name = |word: &str| fields.word(word).map(|f| f.name).ok_or_else(|| NoField(word.to_owned()));
        let (percent, other) = match metric {
            Metric::Count | Metric::Rate | Metric::Share => (None, None),
            Metric::Percentile(p, word) => (Some((name(word)?, *p)), None),
            Metric::Of(function, word) => (None, Some(json!({function.word(): {"field": name(word)?}}))),
            Metric::SumRate(word) => (None, Some(json!({Function::Sum.word(): {"field": name(word)?}}))),
            Metric::Unique(word) => (None, Some(json!({"cardinality": {"field": name(word)?}}))),
            Metric::Age => (None, Some(json!({"max": {"field": "@timestamp"}}))),
        };
        let search = self.search(source, span, query, shape);
        let group = self.asked[search].group(filter);
        let here = &mut self.asked[search].groups[group];
        let agg = match (percent, other) {
            (Some((field, p)), _) => here.percentile(&field, p),
            (None, Some(agg)) => here.other(agg),
            (None, None) => Agg::Docs,
        };
        Ok(Place { search, group, agg })
    }

    /// Asks for an aggregation as it stands.
    pub(crate) fn raw(
        &mut self,
        (source, span, query, shape): (Source, Span, &Value, Shape),
        agg: Value,
    ) -> Place {
        let search = self.search(source, span, query, shape);
        let group = self.asked[search].group(None);
        let agg = self.asked[search].groups[group].other(agg);
        Place { search, group, agg }
    }

    /// Asks for the newest lines.
    pub(crate) fn lines(
        &mut self,
        (source, span, query): (Source, Span, &Value),
        how_many: usize,
        fields: &[&str],
    ) -> usize {
        let fields = fields.iter().map(|f| (*f).to_owned()).collect();
        self.search(source, span, query, Shape::Lines(how_many, fields))
    }
}

impl Asked {
    fn group(&mut self, filter: Option<&Value>) -> usize {
        if let Some(i) = self.groups.iter().position(|g| g.filter.as_ref() == filter) {
            return i;
        }
        self.groups.push(Group { filter: filter.cloned(), percentiles: Vec::new(), others: Vec::new() });
        self.groups.len() - 1
    }

    /// The aggregations of each bucket, or of the whole.
    pub(crate) fn aggs(&self) -> Map<String, Value> {
        let mut all = Map::new();
        for (i, group) in self.groups.iter().enumerate() {
            let mut inner = Map::new();
            for (j, (field, percents)) in group.percentiles.iter().enumerate() {
                inner.insert(format!("p{j}"), json!({"percentiles": {"field": field, "percents": percents}}));
            }
            for (j, agg) in group.others.iter().enumerate() {
                inner.insert(format!("m{j}"), agg.clone());
            }
            match &group.filter {
                Some(filter) => {
                    let mut agg = json!({"filter": filter});
                    if !inner.is_empty() {
                        agg["aggs"] = Value::Object(inner);
                    }
                    all.insert(format!("g{i}"), agg);
                }
                // Without a filter the figures stand in the bucket itself; names must not meet those of another group.
                None => all.extend(inner.into_iter().map(|(n, v)| (format!("g{i}{n}"), v))),
            }
        }
        all
    }

    /// The search's body, over `span` (which may be a part of its own). `seconds` is how long the engine may take.
    pub(crate) fn body(&self, span: Span, seconds: u32) -> Value {
        let mut body = json!({
            "query": within(span, &self.query),
            "timeout": format!("{seconds}s"),
        });
        match &self.shape {
            Shape::Lines(size, fields) => {
                body["size"] = json!(size);
                body["track_total_hits"] = json!(true);
                body["sort"] = json!([{"@timestamp": {"order": "desc", "unmapped_type": "date"}}]);
                body["_source"] = json!(fields);
            }
            Shape::Total => {
                body["size"] = json!(0);
                body["track_total_hits"] = json!(true);
                body["aggs"] = Value::Object(self.aggs());
            }
            Shape::OverTime(step) => {
                body["size"] = json!(0);
                body["track_total_hits"] = json!(false);
                let mut histogram = json!({"date_histogram": {
                    "field": "@timestamp", "fixed_interval": interval(*step), "min_doc_count": 1, "format": "epoch_millis",
                }});
                let aggs = self.aggs();
                if !aggs.is_empty() {
                    histogram["aggs"] = Value::Object(aggs);
                }
                body["aggs"] = json!({"t": histogram});
            }
        }
        if body["aggs"].as_object().is_some_and(Map::is_empty) {
            body.as_object_mut().map(|b| b.remove("aggs"));
        }
        body
    }
}

impl Group {
    fn percentile(&mut self, field: &str, percent: f64) -> Agg {
        let i = self.percentiles.iter().position(|(f, _)| f == field).unwrap_or_else(|| {
            self.percentiles.push((field.to_owned(), Vec::new()));
            self.percentiles.len() - 1
        });
        let percents = &mut self.percentiles[i].1;
        if !percents.contains(&percent) {
            percents.push(percent);
            percents.sort_by(f64::total_cmp);
        }
        Agg::Percentile(i, (percent * 100.0).round() as u32)
    }

    fn other(&mut self, agg: Value) -> Agg {
        let i = self.others.iter().position(|a| *a == agg).unwrap_or_else(|| {
            self.others.push(agg);
            self.others.len() - 1
        });
        Agg::Other(i)
    }
}

/// A query within a span of time.
pub(crate) fn within((from, to): Span, query: &Value) -> Value {
    let mut filter =
        vec![json!({"range": {"@timestamp": {"gte": from, "lt": to, "format": "epoch_millis"}}})];
    if query.get("match_all").is_none() {
        filter.push(query.clone());
    }
    json!({"bool": {"filter": filter}})
}

/// One figure, of a bucket or of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    /// Lines that the figure is over.
    pub(crate) docs: u64,
    /// Lines of the search, of which `docs` is a part.
    pub(crate) of: u64,
    /// The aggregation's value; none for a mere count, and for a set without values.
    pub(crate) value: Option<f64>,
}

impl Place {
    /// Reads the figure out of a bucket, or out of a whole answer (`of` is its number of lines).
    pub(crate) fn read(&self, aggs: &Value, of: u64) -> Cell {
        let (docs, value) = match aggs.get(format!("g{}", self.group)) {
            Some(group) => (group["doc_count"].as_u64().unwrap_or(0), self.value(|n| group.get(n))),
            None => (of, self.value(|n| aggs.get(format!("g{}{n}", self.group)))),
        };
        Cell { docs, of, value }
    }

    fn value<'a>(&self, find: impl Fn(&str) -> Option<&'a Value>) -> Option<f64> {
        let finite = |v: &Value| v.as_f64().filter(|v| v.is_finite());
        match self.agg {
            Agg::Docs => None,
            Agg::Percentile(i, percent) => percentile(find(&format!("p{i}"))?, percent),
            Agg::Other(i) => find(&format!("m{i}"))?.get("value").and_then(finite),
        }
    }

    /// The aggregation's answer as it stands, for [`Plan::raw`].
    pub(crate) fn raw<'a>(&self, aggs: &'a Value) -> Option<&'a Value> {
        match self.agg {
            Agg::Other(i) => aggs.get(format!("g{}m{i}", self.group)),
            _ => None,
        }
    }
}

/// A percentile (in hundredths) by whatever name the engine gives it: `95`, `95.0`, `99.9`. An empty one is null or "NaN".
fn percentile(agg: &Value, percent: u32) -> Option<f64> {
    let values = agg.get("values")?.as_object()?;
    let wanted = f64::from(percent) / 100.0;
    let (_, value) =
        values.iter().find(|(name, _)| name.parse::<f64>().is_ok_and(|n| (n - wanted).abs() < 1e-6))?;
    value.as_f64().filter(|v| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;

    const SPAN: Span = (1000, 61_000);

    fn fields() -> Fields {
        Fields::from_caps(&caps(&[("status", "long"), ("request_time", "float")]))
    }

    fn ask(plan: &mut Plan, filter: Option<&Value>, metric: &str) -> Place {
        let metric = Metric::parse(metric).expect("a figure");
        plan.figure((Source::Logs, SPAN, &json!({"match_all": {}}), Shape::Total), filter, &metric, &fields())
            .expect("asked")
    }

    #[test]
    fn figures_over_the_same_lines_are_one_search_and_one_aggregation() {
        let mut plan = Plan::default();
        let bad = json!({"range": {"status": {"gte": 500}}});
        let p95 = ask(&mut plan, None, "p95(request_time)");
        ask(&mut plan, None, "p50(request_time)");
        ask(&mut plan, Some(&bad), "count");
        let share = ask(&mut plan, Some(&bad), "share");
        insta::assert_snapshot!(plan.asked[0].body(SPAN, 5).to_string(), @r#"{"aggs":{"g0p0":{"percentiles":{"field":"request_time","percents":[50.0,95.0]}},"g1":{"filter":{"range":{"status":{"gte":500}}}}},"query":{"bool":{"filter":[{"range":{"@timestamp":{"format":"epoch_millis","gte":1000,"lt":61000}}}]}},"size":0,"timeout":"5s","track_total_hits":true}"#);
        let aggs = json!({"g0p0": {"values": {"50.0": 0.1, "95.0": 0.4}}, "g1": {"doc_count": 3}});
        assert_eq!(p95.read(&aggs, 60), Cell { docs: 60, of: 60, value: Some(0.4) });
        assert_eq!(share.read(&aggs, 60), Cell { docs: 3, of: 60, value: None });
    }

    #[test]
    fn a_field_that_does_not_exist_is_not_asked() {
        let mut plan = Plan::default();
        let metric = Metric::parse("p95(nowhere)").expect("a figure");
        let asked = plan.figure(
            (Source::Logs, SPAN, &json!({"match_all": {}}), Shape::Total),
            None,
            &metric,
            &fields(),
        );
        assert_eq!(asked, Err(NoField("nowhere".into())));
        assert!(plan.asked.is_empty());
    }

    #[test]
    fn a_percentile_without_values_is_unknown() {
        assert_eq!(percentile(&json!({"values": {"95.0": null}}), 9500), None);
        assert_eq!(percentile(&json!({"values": {"95.0": "NaN"}}), 9500), None);
        assert_eq!(percentile(&json!({"values": {"95": 0.25}}), 9500), Some(0.25));
        assert_eq!(percentile(&json!({"values": {"99.9": 0.5}}), 9990), Some(0.5));
    }
}

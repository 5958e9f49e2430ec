//! A drawing as JSON: the same figures as in its spec. Instants are epoch milliseconds, what is not known is `null`.

use serde_json::{Value, json};

use super::bars::Row;
use super::{Drawing, Kind};

/// The figures of a drawing; `kind` says which of the kinds, and so which other keys there are.
pub(crate) fn json(drawing: &Drawing) -> Value {
    match drawing {
        Drawing::Time(spec) => json!({
            "kind": match spec.kind {
                Kind::Lines => "lines",
                Kind::Area => "area",
                Kind::Stacked => "stacked",
                Kind::Band => "band",
            },
            "title": spec.title,
            "unit": spec.unit.word(),
            "from": spec.from,
            "to": spec.to,
            "step": spec.step,
            "times": spec.times,
            "series": spec.series.iter().map(|s| json!({
                "name": s.name,
                "ghost": s.ghost,
                "values": (0..spec.times.len()).map(|i| s.value(i)).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "marks": spec.marks.iter().map(|m| json!({ "at": m.at, "label": m.label })).collect::<Vec<_>>(),
            "late_from": spec.late_from,
            "limit": spec.limit.as_ref().map(|l| json!({ "value": l.value, "label": l.label })),
        }),
        Drawing::Heat(spec) => json!({
            "kind": "heat",
            "title": spec.title,
            "unit": spec.unit.word(),
            "from": spec.from,
            "to": spec.to,
            "step": spec.step,
            "times": spec.times,
            // JSON has no infinity: null is "no upper edge".
            "bounds": spec.bounds.iter().map(|b| b.is_finite().then_some(*b)).collect::<Vec<_>>(),
            "counts": (0..spec.times.len())
                .map(|t| (0..spec.buckets()).map(|b| spec.count(t, b)).collect::<Vec<_>>())
                .collect::<Vec<_>>(),
        }),
        Drawing::Bars(spec) => json!({
            "kind": "bars", "title": spec.title, "unit": spec.unit.word(), "rows": rows(&spec.rows),
        }),
        Drawing::Pie(spec) => json!({
            "kind": "pie", "title": spec.title, "unit": spec.unit.word(), "rows": rows(&spec.rows),
        }),
        Drawing::Map(spec) => json!({
            "kind": "map",
            "title": spec.title,
            "unit": spec.unit.word(),
            "values": spec.values.iter()
                .map(|(code, value)| json!({ "country": code.to_ascii_uppercase(), "value": value }))
                .collect::<Vec<_>>(),
        }),
    }
}

fn rows(rows: &[Row]) -> Vec<Value> {
    rows.iter().map(|r| json!({ "label": r.label, "value": r.value, "note": r.note })).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::spec::tests::small;
    use super::*;

    #[test]
    fn unknown_is_null() {
        insta::assert_snapshot!(json(&small().into()), @r#"{"from":0,"kind":"lines","late_from":null,"limit":null,"marks":[],"series":[{"ghost":false,"name":"p95","values":[10.0,20.0,null,5.0]}],"step":60000,"times":[0,60000,120000,180000],"title":"Latency","to":240000,"unit":"ms"}"#);
    }

    #[test]
    fn every_kind_names_itself() {
        let kinds: Vec<String> = samples::all(3)
            .iter()
            .map(|(_, d)| json(d)["kind"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(kinds, ["lines", "area", "stacked", "band", "heat", "bars", "pie", "map"]);
    }
}

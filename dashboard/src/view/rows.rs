//! Values of a field with their figures: tables, bars, slices, countries; and the names of the lines of a chart that is split.

use serde_json::{Map, Value, json};

use super::answers::Answers;
use super::chart::unit;
use super::context::Context;
use super::picture::{Nothing, Part, Picture, Row, Table};
use super::plan::{NoField, Place, Plan, Shape};
use crate::board::{Kind, Metric, Panel};
use crate::chart::{BarSpec, Drawing, MapSpec, PieSpec, Unit};
use crate::query::Query;

/// Rows that were asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    place: Place,
    total: Place,
    columns: Vec<Column>,
    /// The search word of the panel's `by`.
    by: String,
    /// The field behind it.
    field: String,
}

#[derive(Debug)]
struct Column {
    name: String,
    metric: Metric,
    unit: Unit,
    factor: f64,
    /// None where its field does not exist: then the column is left out.
    agg: Option<usize>,
    filtered: bool,
}

/// How many values a panel shows.
pub(crate) fn top(panel: &Panel) -> usize {
    panel.top.unwrap_or(match panel.kind {
        Kind::Table | Kind::Bar => 10,
        Kind::Map => 100,
        _ => 6,
    })
}

/// Asks for a panel's rows.
///
/// # Errors
/// [`NoField`] when the panel's `by` does not exist.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Result<Wanted, NoField> {
    // Checked when the board was read.
    let by = panel.by.clone().unwrap_or_default();
    let fields = context.fields(panel.source);
    let field = fields.by(&by).ok_or_else(|| NoField(by.clone()))?;
    let (mut aggs, mut columns, mut order) = (Map::new(), Vec::new(), None);
    for series in &panel.series {
        let Ok(metric) = Metric::parse(&series.metric) else { continue };
        let unit = series.unit.as_deref().and_then(Unit::from_word).unwrap_or_else(|| unit(panel));
        let factor = context.factor(panel.source, &metric, unit) * series.scale;
        let inner = match inner(context, panel, &metric) {
            Ok(inner) => inner,
            // A table without this column is still a table.
            Err(_) => {
                columns.push(Column {
                    name: series.name.clone(),
                    metric,
                    unit,
                    factor,
                    agg: None,
                    filtered: false,
                });
                continue;
            }
        };
        let part = context.part(panel.source, &series.filter);
        let name = format!("c{}", columns.len());
        let filtered = part.is_some();
        match (part, inner) {
            (Some(filter), Some(agg)) => {
                drop(aggs.insert(name.clone(), json!({"filter": filter, "aggs": {"v": agg}})));
            }
            (Some(filter), None) => drop(aggs.insert(name.clone(), json!({"filter": filter}))),
            (None, Some(agg)) => {
                // The engine itself can order by this, so that the order holds over all values.
                if panel.order.as_deref() == Some(series.name.as_str())
                    && !matches!(metric, Metric::Percentile(..))
                {
                    order = Some(json!({name.clone(): if panel.ascending { "asc" } else { "desc" }}));
                }
                aggs.insert(name.clone(), agg);
            }
            (None, None) => {}
        }
        columns.push(Column {
            name: series.name.clone(),
            metric,
            unit,
            factor,
            agg: Some(columns.len()),
            filtered,
        });
    }
    // Where we order ourselves, the best of more candidates than are shown.
    let top = top(panel);
    let size = if panel.order.is_some() && order.is_none() { (top * 5).clamp(50, 100) } else { top };
    let mut terms = json!({"field": field.name, "size": size});
    if let Some(order) = order {
        terms["order"] = order;
    }
    let mut agg = json!({"terms": terms});
    if !aggs.is_empty() {
        agg["aggs"] = Value::Object(aggs);
    }
    let query = context.query(panel);
    let (from, to) = context.span();
    let span = (from - i64::from(panel.lookback_hours) * 3_600_000, to);
    let at = (panel.source, span, &query, Shape::Total);
    let place = plan.raw(at.clone(), agg);
    let total = plan.figure(at, None, &Metric::Count, fields)?;
    Ok(Wanted { place, total, columns, by, field: field.name })
}

/// The aggregation behind a figure; none for a count.
pub(crate) fn inner(context: &Context<'_>, panel: &Panel, metric: &Metric) -> Result<Option<Value>, NoField> {
    let name = |word: &String| {
        context.fields(panel.source).word(word).map(|f| f.name).ok_or_else(|| NoField(word.clone()))
    };
    Ok(Some(match metric {
        Metric::Count | Metric::Rate | Metric::Share => return Ok(None),
        Metric::Percentile(p, word) => json!({"percentiles": {"field": name(word)?, "percents": [p]}}),
        Metric::Of(function, word) => json!({function.word(): {"field": name(word)?}}),
        Metric::SumRate(word) => json!({"sum": {"field": name(word)?}}),
        Metric::Unique(word) => json!({"cardinality": {"field": name(word)?}}),
        Metric::Age => json!({"max": {"field": "@timestamp"}}),
    }))
}

impl Wanted {
    /// How many lines the panel is about.
    pub(crate) fn lines(&self, answers: &Answers) -> Part<u64> {
        Ok(answers.total(self.total)?.docs)
    }

    /// The rows, in the panel's order.
    pub(crate) fn rows(&self, context: &Context<'_>, panel: &Panel, answers: &Answers) -> Part<Vec<Row>> {
        let all = answers.raw(self.place)?;
        let total = self.lines(answers)?;
        let range = context.range;
        let seconds = (range.to.min(range.now) - range.from).max(1) as f64 / 1000.0;
        let whole = context.filter(panel);
        let mut rows: Vec<Row> = Vec::new();
        for bucket in all["buckets"].as_array().map_or(&[][..], |b| b) {
            let Some(value) = label(bucket) else { continue };
            let docs = bucket["doc_count"].as_u64().unwrap_or(0);
            let cell = |column: &Column| {
                let agg = &bucket[format!("c{}", column.agg?)];
                let (docs, inner) =
                    if column.filtered { (agg["doc_count"].as_u64()?, &agg["v"]) } else { (docs, agg) };
                let value = match &column.metric {
                    Metric::Percentile(..) => inner["values"].as_object().and_then(|v| v.values().next()),
                    _ => inner.get("value"),
                };
                let value = value.and_then(Value::as_f64).filter(|v| v.is_finite());
                // A share of a filtered column is of its row, any other of all rows.
                let of = if column.filtered { bucket["doc_count"].as_u64().unwrap_or(0) } else { total };
                context.value(&column.metric, super::plan::Cell { docs, of, value }, seconds, column.factor)
            };
            let cells = match self.columns.as_slice() {
                [] => vec![Some(docs as f64)],
                columns => columns.iter().filter(|c| c.agg.is_some()).map(cell).collect(),
            };
            // What asks for a masked value stays here; a link to its lines would tell it.
            let search = Query::exactly(&self.by, &value);
            let hidden = context.fields(panel.source).label(&self.field, &value);
            let lines = match &hidden {
                Some(_) => whole.to_string(),
                None => whole.clone().and(search.clone()).to_string(),
            };
            let label = hidden.unwrap_or(value);
            rows.push(Row { label, cells, sparkline: Vec::new(), search: search.to_string(), lines });
        }
        self.sort(panel, &mut rows);
        rows.truncate(top(panel));
        Ok(rows)
    }

    fn sort(&self, panel: &Panel, rows: &mut [Row]) {
        let Some(order) = &panel.order else { return };
        let shown: Vec<&Column> = self.columns.iter().filter(|c| c.agg.is_some()).collect();
        let columns: Vec<usize> =
            order.split('×').filter_map(|name| shown.iter().position(|c| c.name == name.trim())).collect();
        let weight = |row: &Row| columns.iter().map(|c| row.cells[*c].unwrap_or(0.0)).product::<f64>();
        rows.sort_by(|a, b| {
            let (a, b) = (weight(a), weight(b));
            if panel.ascending { a.total_cmp(&b) } else { b.total_cmp(&a) }
        });
    }

    fn columns(&self) -> Vec<(String, Unit)> {
        match self.columns.as_slice() {
            [] => vec![("count".into(), Unit::Count)],
            columns => columns.iter().filter(|c| c.agg.is_some()).map(|c| (c.name.clone(), c.unit)).collect(),
        }
    }
}

/// A bucket's value, as people write it.
pub(crate) fn label(bucket: &Value) -> Option<String> {
    if let Some(text) = bucket["key_as_string"].as_str() {
        return Some(text.to_owned());
    }
    match &bucket["key"] {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// Makes the panel of its rows; `lines` is how many lines it is about. A template may type a field that none of them carries.
pub(crate) fn read(wanted: &Wanted, panel: &Panel, rows: Vec<Row>, lines: u64) -> Picture {
    if rows.is_empty() {
        return Picture::Empty(if lines > 0 {
            Nothing::NoField(wanted.by.clone())
        } else {
            Nothing::NoLines
        });
    }
    let values = || {
        rows.iter().map(|r| crate::chart::Row {
            label: r.label.clone(),
            value: r.cells.first().copied().flatten().unwrap_or(0.0),
            note: None,
        })
    };
    let unit = wanted.columns().first().map_or(Unit::Count, |(_, u)| *u);
    let title = panel.title.clone();
    match panel.kind {
        Kind::Bar => Picture::Drawing(Drawing::Bars(BarSpec { title, unit, rows: values().collect() })),
        Kind::Pie => Picture::Drawing(Drawing::Pie(PieSpec { title, unit, rows: values().collect() })),
        Kind::Map => {
            let values = values().map(|r| (r.label.to_ascii_uppercase(), r.value)).collect();
            Picture::Drawing(Drawing::Map(MapSpec { title, unit, values }))
        }
        _ => Picture::Table(Table { by: wanted.by.clone(), columns: wanted.columns(), rows }),
    }
}

//! A drawing as rows: what its table and its CSV hold.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::bars::Row;
use super::{Drawing, Unit, countries};

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The unit of its numbers, none for words and instants.
    pub(crate) unit: Option<Unit>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// An instant, epoch milliseconds.
    Time(i64),
    Text(String),
    /// In the unit of its column.
    Number(f64),
    /// Not known, which is not zero.
    Unknown,
}

/// Rows below named columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Data {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// The zone in which instants are written.
    pub(crate) zone: TimeZone,
    /// The distance of instants in milliseconds: how exactly they are written.
    pub(crate) step: i64,
}

fn column(name: impl Into<String>, unit: Option<Unit>) -> Column {
    Column { name: name.into(), unit }
}

fn number(value: Option<f64>) -> Cell {
    value.filter(|v| v.is_finite()).map_or(Cell::Unknown, Cell::Number)
}

/// The rows of a drawing.
pub(crate) fn data(drawing: &Drawing) -> Data {
    match drawing {
        Drawing::Time(spec) => {
            let names = spec.series.iter().map(|s| column(&s.name, Some(spec.unit)));
            let row = |(i, at): (usize, &i64)| {
                let values = spec.series.iter().map(|s| number(s.value(i)));
                std::iter::once(Cell::Time(*at)).chain(values).collect()
            };
            Data {
                columns: std::iter::once(column("Time", None)).chain(names).collect(),
                rows: spec.times.iter().enumerate().map(row).collect(),
                zone: spec.zone.clone(),
                step: spec.step,
            }
        }
        Drawing::Heat(spec) => {
            let names = (0..spec.buckets()).map(|b| column(spec.bucket_name(b), Some(Unit::Count)));
            let row = |(i, at): (usize, &i64)| {
                let counts = (0..spec.buckets()).map(|b| number(spec.count(i, b).map(|n| n as f64)));
                std::iter::once(Cell::Time(*at)).chain(counts).collect()
            };
            Data {
                columns: std::iter::once(column("Time", None)).chain(names).collect(),
                rows: spec.times.iter().enumerate().map(row).collect(),
                zone: spec.zone.clone(),
                step: spec.step,
            }
        }
        Drawing::Bars(spec) => {
            let noted = spec.rows.iter().any(|r| r.note.is_some());
            let mut columns = vec![column("Name", None), column("Value", Some(spec.unit))];
            if noted {
                columns.push(column("Note", None));
            }
            let row = |r: &Row| {
                let mut cells = vec![Cell::Text(r.label.clone()), number(Some(r.value))];
                if noted {
                    cells.push(Cell::Text(r.note.clone().unwrap_or_default()));
                }
                cells
            };
            timeless(columns, spec.rows.iter().map(row).collect())
        }
        Drawing::Pie(spec) => {
            let columns = vec![
                column("Name", None),
                column("Value", Some(spec.unit)),
                column("Share", Some(Unit::Percent)),
            ];
            let row = |s: super::pie::Slice| {
                vec![Cell::Text(s.label), number(Some(s.value)), number(Some(s.share * 100.0))]
            };
            timeless(columns, spec.slices().into_iter().map(row).collect())
        }
        Drawing::Map(spec) => {
            let columns =
                vec![column("Country", None), column("Code", None), column("Value", Some(spec.unit))];
            let mut values: Vec<&(String, f64)> = spec.values.iter().collect();
            values.sort_by(|a, b| b.1.total_cmp(&a.1));
            let row = |(code, value): &(String, f64)| {
                let name = countries::find(code).map_or("", |c| c.name);
                vec![Cell::Text(name.into()), Cell::Text(code.to_ascii_uppercase()), number(Some(*value))]
            };
            timeless(columns, values.into_iter().map(row).collect())
        }
    }
}

fn timeless(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Data {
    Data { columns, rows, zone: TimeZone::UTC, step: 1 }
}

impl Data {
    /// An instant in this table's zone, by a `strftime` format.
    pub(super) fn instant(&self, at: i64, format: &str) -> String {
        Timestamp::from_millisecond(at)
            .map_or_else(|_| at.to_string(), |t| t.to_zoned(self.zone.clone()).strftime(format).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_row_has_all_columns() {
        for (name, drawing) in samples::all(24) {
            let data = data(&drawing);
            assert!(!data.rows.is_empty(), "{name}");
            assert!(data.rows.iter().all(|r| r.len() == data.columns.len()), "{name}");
        }
    }

    #[test]
    fn a_ghost_is_a_column_of_its_own() {
        let data = data(&samples::stacked(12).into());
        let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Time", "2xx", "3xx", "4xx", "5xx", "day before"]);
    }
}

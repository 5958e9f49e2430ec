//! A drawing as CSV (RFC 4180): instants as RFC 3339 in the chart's zone, numbers with a point and without a unit, which
//! stands in the head; nothing where a value is not known.

use super::Drawing;
use super::data::{Cell, data};

/// The rows of a drawing as text, each ended by CR LF.
pub(crate) fn csv(drawing: &Drawing) -> String {
    let data = data(drawing);
    let head = data.columns.iter().map(|c| match c.unit {
        Some(unit) => field(&format!("{} ({})", c.name, unit.word())),
        None => field(&c.name),
    });
    let mut out = line(head);
    for row in &data.rows {
        out += &line(row.iter().map(|cell| match cell {
            Cell::Time(at) => data.instant(*at, "%Y-%m-%dT%H:%M:%S%:z"),
            Cell::Text(text) => field(text),
            Cell::Number(value) => value.to_string(),
            Cell::Unknown => String::new(),
        }));
    }
    out
}

/// Fields as a row.
pub(crate) fn line(fields: impl Iterator<Item = String>) -> String {
    let mut line = fields.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A spreadsheet would run what begins like a formula: an apostrophe makes it a text. Numbers may have a sign.
pub(crate) fn field(text: &str) -> String {
    let number =
        text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && text.parse::<f64>().is_ok();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::small;
    use super::*;

    #[test]
    fn gaps_are_empty() {
        insta::assert_snapshot!(csv(&small().into()).replace("\r\n", "|"), @"Time,p95 (ms)|1970-01-01T00:00:00+00:00,10|1970-01-01T00:01:00+00:00,20|1970-01-01T00:02:00+00:00,|1970-01-01T00:03:00+00:00,5|");
    }

    #[test]
    fn formulas_are_only_text() {
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(field("\tx"), "'\tx");
        assert_eq!(field("\r\"x\""), "\"'\r\"\"x\"\"\"");
        assert_eq!([field("-5"), field("+1.5e3"), field("-x")], ["-5", "+1.5e3", "'-x"]);
        assert_eq!(field("-inf"), "'-inf");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}

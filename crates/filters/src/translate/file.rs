//! Dictionaries as files: YAML, JSON and CSV.

use std::fmt;

use alces_event::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::dictionary::Entries;
use alces_plugin::csv::Dialect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
    Csv,
}

impl Format {
    /// By the end of the file's name.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1 {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "csv" => Self::Csv,
            _ => return None,
        })
    }

    /// The entries of a file; of a YAML one with so many letters at the most.
    pub(super) fn read(self, bytes: &[u8], most: usize) -> Result<Entries, String> {
        let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Json => {
                let table: Table = serde_json::from_str(text).map_err(|error| error.to_string())?;
                Ok(table.0)
            }
            Self::Yaml => {
                if text.chars().count() > most {
                    return Err(format!(
                        "it has more than {most} letters; `yaml_dictionary_code_point_limit` sets another bound"
                    ));
                }
                yaml(text)
            }
            Self::Csv => csv(text),
        }
    }
}

fn yaml(text: &str) -> Result<Entries, String> {
    // Bounded by the file's length already; aliases stay bounded.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
        },
    };
    let table: Result<Option<Table>, _> = serde_saphyr::from_str_with_options(text, options);
    table.map(|table| table.map(|table| table.0).unwrap_or_default()).map_err(|error| {
        let message = error.to_string();
        message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

/// Each line has a key and its value; what comes after them is passed over.
fn csv(text: &str) -> Result<Entries, String> {
    let dialect = Dialect::default();
    let mut entries = Entries::new();
    for (at, line) in text.lines().enumerate() {
        let cells = dialect.cells(line).map_err(|_| format!("line {} has a quote out of place", at + 1))?;
        let Some(key) = cells.first().and_then(|cell| cell.text()) else { continue };
        let value = cells.get(1).and_then(|cell| cell.text()).map_or(Value::Null, Value::from);
        entries.push((key.to_owned(), value));
    }
    Ok(entries)
}

/// Names with values in their order. Not an event's object: that searches its names one by one, and keeps them.
struct Table(Entries);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor).map(Self)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Entries::new();
        while let Some(entry) = map.next_entry::<String, Value>()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> String {
        let format = Format::of(name).unwrap();
        match format.read(text.as_bytes(), 1000) {
            Err(reason) => format!("error: {reason}"),
            Ok(entries) => {
                let show = |(key, value): &(String, Value)| {
                    format!("{key}={}", serde_json::to_string(&value.view_alone()).unwrap())
                };
                entries.iter().map(show).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn values_of_any_type() {
        insta::assert_snapshot!(check("d.json", r#"{"a":1,"b":[1.5,null,{"c":"x"}],"a b":true}"#), @r#"a=1 b=[1.5,null,{"c":"x"}] a b=true"#);
        insta::assert_snapshot!(check("d.yml", "\u{feff}# a comment\na: x\n\"100\": Continue\n0101: 7\nb:\n  - 1.5\n  - ~\n  - c: \"x\"\nlast: true\n"), @r#"a="x" 100="Continue" 0101=7 b=[1.5,null,{"c":"x"}] last=true"#);
        insta::assert_snapshot!(check("/x.y/d.csv", "a,b\n\n\"x,y\",\"q\"\"q\",more\nalone\n,none\nempty,\"\"\nnothing,\n"), @r#"a="b" x,y="q\"q" alone=null empty="" nothing=null"#);
        assert_eq!(check("d.yaml", ""), "");
    }

    #[test]
    fn what_is_wrong_with_a_file() {
        insta::assert_snapshot!(check("d.json", "{\"a\":1,"), @"error: EOF while parsing a value at line 1 column 7");
        insta::assert_snapshot!(check("d.json", "[1]"), @"error: invalid type: sequence, expected keys with values at line 1 column 0");
        insta::assert_snapshot!(check("d.csv", "a,b\nc,\"d\ne\""), @"error: line 2 has a quote out of place");
        assert!(check("d.yaml", "a: [1").starts_with("error: "));
        assert!(check("d.yaml", "- a").starts_with("error: "));
        assert!(check("d.yaml", &format!("a: {}", "é".repeat(1000))).contains("code_point_limit"));
        assert!(Format::Json.read(b"\xff", 1).is_err());
        assert_eq!(Format::of("d.txt"), None);
        assert_eq!(Format::of("yaml"), None);
    }

    #[test]
    fn as_many_entries_as_there_are() {
        let text: String = (0..300_000).map(|at| format!("k{at}: v\n")).collect();
        assert_eq!(Format::Yaml.read(text.as_bytes(), usize::MAX).unwrap().len(), 300_000);
    }
}

//! `csv`: a line is a row (logstash-codec-csv 1.1).

use std::borrow::Cow;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Object, Timestamp, Value, ValueRef, format_timestamp};
use alces_plugin::{
    Context,
    csv::{Cell, Conversions, Dialect, conversions, dialect},
    options::{field, field_option, plain_texts},
    ruby,
};
use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    Decoder, Encoder, Framing,
    lines::{LINE_BYTES, Lines},
    made,
    text::Text,
};

/// A compiled `csv { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Csv {
    text: Text,
    target: Option<FieldRef>,
    dialect: Dialect,
    /// The names of the columns, as far as they are known.
    columns: Vec<Option<String>>,
    autodetect: bool,
    autogenerate: bool,
    skip_empty: bool,
    conversions: Conversions,
    include_headers: bool,
}

impl Csv {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        _: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let csv = Self::read(context, options)?;
        Some(Box::new(Rows { lines: Lines::new("\n", LINE_BYTES), columns: csv.columns.clone(), csv }))
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        let csv = Self::read(context, options)?;
        let columns = options.texts("columns").unwrap_or_default();
        let fields = columns.iter().filter_map(|c| field(options, &c.node, &c.span)).collect();
        Some(Box::new(Write { csv, fields }))
    }

    fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        let text = Text::read(options, context);
        options.differs("convert", "`date` and `date_time` are in UTC, not in the machine's zone");
        let target = field_option(options, "target");
        let dialect = dialect(options);
        let columns = plain_texts(options, "columns").unwrap_or_default();
        let csv = Self {
            autodetect: options.boolean("autodetect_column_names").unwrap_or(false),
            autogenerate: options.boolean("autogenerate_column_names").unwrap_or(true),
            skip_empty: options.boolean("skip_empty_columns").unwrap_or(false),
            include_headers: options.boolean("include_headers").unwrap_or(false),
            conversions: conversions(options),
            columns: columns.into_iter().map(Some).collect(),
            target,
            dialect: dialect?,
            text: text?,
        };
        (csv.target.is_some() || !options.is_given("target")).then_some(csv)
    }
}

/// Rows of one stream.
#[derive(Clone, Debug)]
struct Rows {
    csv: Csv,
    columns: Vec<Option<String>>,
    lines: Lines,
}

impl Rows {
    fn row(csv: &Csv, columns: &mut Vec<Option<String>>, text: ByteString, now: Timestamp) -> Option<Event> {
        let Ok(cells) = csv.dialect.cells(&text) else {
            return Some(csv.text.failed(text, now, "_csvparsefailure"));
        };
        if cells.is_empty() {
            return None;
        }
        if csv.autodetect && columns.is_empty() {
            *columns = cells.iter().map(|cell| cell.text().map(str::to_owned)).collect();
            return None;
        }
        let mut event = csv.text.event(text.clone(), now);
        event.remove(&FieldRef::field("message"));
        let mut row = Object::with_capacity(cells.len());
        for (at, cell) in cells.into_iter().enumerate() {
            if csv.skip_empty && cell.text().is_none_or(str::is_empty) {
                continue;
            }
            let made;
            let name = match columns.get(at).and_then(Option::as_deref) {
                Some(name) => name,
                None if csv.autogenerate => {
                    made = format!("column{}", at + 1);
                    &made
                }
                None => continue,
            };
            let converted = cell.text().and_then(|text| csv.conversions.of(name)?.convert(text));
            let value = match (converted, cell) {
                (Some(value), _) => value,
                (None, Cell::Nothing) => Value::Null,
                (None, Cell::Part(part)) => event.share(part),
                (None, Cell::Text(text)) => Value::from(text),
            };
            row.set(Key::new(name), value);
        }
        made::fill(&mut event, row, csv.target.as_ref(), now);
        Some(event)
    }
}

impl Decoder for Rows {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        let Self { csv, columns, lines } = self;
        lines.cut(bytes, |cut| out.extend(Self::row(csv, columns, csv.text.text(cut.bytes()), now)));
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        if let Some(rest) = self.lines.rest() {
            out.extend(Self::row(&self.csv, &mut self.columns, self.csv.text.text(rest), now));
        }
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self { csv: self.csv.clone(), columns: self.csv.columns.clone(), lines: self.lines.fresh() })
    }
}

/// Events as rows.
#[derive(Debug)]
struct Write {
    csv: Csv,
    fields: Vec<FieldRef>,
}

impl Encoder for Write {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        let mut row = String::new();
        if self.fields.is_empty() {
            let mut time = String::new();
            format_timestamp(&mut time, event.timestamp());
            let values = event.fields().iter().map(|(_, value)| cell(value));
            self.csv.dialect.write([Some(time.into())].into_iter().chain(values), &mut row);
        } else {
            self.csv.dialect.write(self.fields.iter().map(|f| event.get(f).and_then(cell)), &mut row);
        }
        out.extend_from_slice(row.as_bytes());
    }

    fn header(&self, first: &Event, out: &mut Vec<u8>) {
        if !self.csv.include_headers {
            return;
        }
        let mut row = String::new();
        if self.fields.is_empty() {
            let names = first.fields().iter().map(|(key, _)| Some(key.as_str().into()));
            self.csv.dialect.write([Some("@timestamp".into())].into_iter().chain(names), &mut row);
        } else {
            let names = self.csv.columns.iter().map(|name| name.as_deref().map(Cow::from));
            self.csv.dialect.write(names, &mut row);
        }
        out.extend_from_slice(row.as_bytes());
    }
}

fn cell(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Str(text) => Some(text.into()),
        other => Some(ruby::to_s(other).into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode, errors_in, messages};

    const OFF: &str = "ecs_compatibility => disabled";

    #[test]
    fn rows_are_events() {
        insta::assert_snapshot!(decode("csv", b"big,bird\n\"a \"\"b\"\"\",,\"\"\r\n\nlast"), @r#"
        {"event":{"original":"big,bird"},"column1":"big","column2":"bird"}
        {"event":{"original":"\"a \"\"b\"\"\",,\"\""},"column1":"a \"b\"","column2":null,"column3":""}
        {"event":{"original":"last"},"column1":"last"}
        "#);
        insta::assert_snapshot!(decode(&format!(r#"csv {{ {OFF} columns => ["first", "@timestamp"] autogenerate_column_names => false separator => ";" quote_char => "'" charset => "CP1252" }}"#), b"f\xfcr;'2015-05-17T10:05:03Z';c"), @r#"{"@timestamp":"2015-05-17T10:05:03.000Z","first":"für"}"#);
    }

    #[test]
    fn the_header_is_found_in_the_first_line() {
        insta::assert_snapshot!(decode(&format!(r#"csv {{ {OFF} autodetect_column_names => true skip_empty_columns => true convert => {{ "b" => "integer" }} target => "row" }}"#), b"a,b\n1,2\n,x,y\n"), @r#"
        {"row":{"a":"1","b":2}}
        {"row":{"b":"x","column3":"y"}}
        "#);
    }

    #[test]
    fn what_is_no_row_is_kept_as_text() {
        insta::assert_snapshot!(messages(&format!("csv {{ {OFF} }}"), &[b"a\"b,c", b"a,b"]), @r#"
        {"message":"a\"b,c","tags":["_csvparsefailure"]}
        {"column1":"a","column2":"b"}
        "#);
    }

    #[test]
    fn events_are_rows() {
        let events = &[r#"{"a":"x,y","n":{"m":1.5},"l":["q",null]}"#, r#"{"a":"","n":{"m":null}}"#];
        insta::assert_snapshot!(encode(r#"csv { columns => ["a", "[n][m]", "l"] include_headers => true }"#, events), @r#"
        a,[n][m],l
        "x,y",1.5,"[""q"", nil]"
        "",,
        "#);
        insta::assert_snapshot!(encode("csv { include_headers => true }", events), @r#"
        @timestamp,a,n,l,@version
        2026-01-02T00:00:00.000Z,"x,y","{""m""=>1.5}","[""q"", nil]",1
        2026-01-02T00:00:00.000Z,"","{""m""=>nil}",1
        "#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors_in(r#"csv { separator => "" convert => { "a" => "int" } delimiter => "x" }"#), @r#"
        x.conf:1:45: `separator` of csv must not be empty
          |
        1 | input { stdin { codec => csv { separator => "" convert => { "a" => "int" } delimiter => "x" } } }
          |                                             ^^
        x.conf:1:68: `convert` of csv knows no `int`
          |
        1 | input { stdin { codec => csv { separator => "" convert => { "a" => "int" } delimiter => "x" } } }
          |                                                                    ^^^^^
          = help: `convert` knows integer, float, date, date_time, boolean
        x.conf:1:76: unknown option `delimiter` of csv
          |
        1 | input { stdin { codec => csv { separator => "" convert => { "a" => "int" } delimiter => "x" } } }
          |                                                                            ^^^^^^^^^
          = help: known options: autodetect_column_names, autogenerate_column_names, charset, columns, convert, ecs_compatibility, enable_metric, id, include_headers, quote_char, separator, skip_empty_columns, target
        "#);
    }
}

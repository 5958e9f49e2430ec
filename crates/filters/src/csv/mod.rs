//! `csv`: a line of comma separated values becomes fields (logstash-filter-csv 3.1).

mod convert;
pub(crate) mod row;

use std::sync::{Arc, OnceLock};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Value, ValueRef};

use crate::{
    common::{Common, field_option, plain_texts},
    context::Context,
    filter::Filter,
};
use convert::Conversions;
use row::{Cell, Dialect};

/// A compiled `csv { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Csv {
    source: FieldRef,
    target: Option<FieldRef>,
    dialect: Dialect,
    /// The names of the columns, given or found in the first line: the same for all workers.
    header: Arc<OnceLock<Vec<Option<String>>>>,
    /// The columns seen so far, made ready.
    columns: Vec<Option<Column>>,
    autodetect: bool,
    autogenerate: bool,
    skip_header: bool,
    skip_empty_rows: bool,
    skip_empty_columns: bool,
    conversions: Conversions,
    common: Common,
}

#[derive(Clone, Debug)]
struct Column {
    field: FieldRef,
    convert: Option<convert::Type>,
}

impl Csv {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.choice("ecs_compatibility", &[("disabled", ()), ("v1", ()), ("v8", ())]);
        options.no_effect("ecs_compatibility", "it does not change where the fields go");
        options.differs("convert", "`date` and `date_time` are in UTC, not in the machine's zone");
        options
            .differs("autodetect_column_names", "it works with any number of workers: the first line wins");
        let source = field_option(options, "source").unwrap_or_else(|| FieldRef::field("message"));
        let target = field_option(options, "target");
        let header = OnceLock::new();
        if let Some(columns) = plain_texts(options, "columns").filter(|columns| !columns.is_empty()) {
            let _ = header.set(columns.into_iter().map(Some).collect());
        }
        let dialect = row::read(options);
        let csv = Self {
            source,
            target,
            header: Arc::new(header),
            columns: Vec::new(),
            autodetect: options.boolean("autodetect_column_names").unwrap_or(false),
            autogenerate: options.boolean("autogenerate_column_names").unwrap_or(true),
            skip_header: options.boolean("skip_header").unwrap_or(false),
            skip_empty_rows: options.boolean("skip_empty_rows").unwrap_or(false),
            skip_empty_columns: options.boolean("skip_empty_columns").unwrap_or(false),
            conversions: convert::read(options),
            common,
            dialect: dialect?,
        };
        Some(Box::new(csv))
    }

    /// The column at `at`; `None` where it has no name and none is made.
    fn column(&mut self, at: usize) -> Option<&Column> {
        while self.columns.len() <= at {
            let at = self.columns.len();
            let given = self.header.get().and_then(|names| names.get(at)).and_then(Option::as_deref);
            let made;
            let name = match given {
                Some(name) => Some(name),
                None if self.autogenerate => {
                    made = format!("column{}", at + 1);
                    Some(made.as_str())
                }
                None => None,
            };
            let column = name.map(|name| {
                let key = Key::new(name);
                Column {
                    convert: self.conversions.of(name),
                    field: match &self.target {
                        Some(target) => target.child(key),
                        None => FieldRef::key(key),
                    },
                }
            });
            self.columns.push(column);
        }
        self.columns.get(at).and_then(Option::as_ref)
    }

    fn read(&mut self, event: &mut Event) -> Outcome {
        let text = match event.get(&self.source) {
            None | Some(ValueRef::Null | ValueRef::Bool(false)) => return Outcome::Nothing,
            Some(ValueRef::Str(text)) => text,
            Some(_) => return Outcome::Failed,
        };
        let Ok(cells) = self.dialect.cells(text) else { return Outcome::Failed };
        if self.autodetect && self.header.get().is_none() && !cells.is_empty() {
            let names = cells.iter().map(|cell| cell.text().map(str::to_owned)).collect();
            // Another worker may have been first: then this line is data.
            if self.header.set(names).is_ok() {
                event.cancel();
                return Outcome::Nothing;
            }
        }
        if self.skip_header
            && let Some(names) = self.header.get()
            && names.iter().map(Option::as_deref).eq(cells.iter().map(Cell::text))
        {
            event.cancel();
            return Outcome::Nothing;
        }
        if cells.is_empty() {
            return match (self.skip_empty_rows, text.is_empty()) {
                (true, _) => Outcome::Empty,
                (false, true) => Outcome::Failed,
                (false, false) => Outcome::Done,
            };
        }
        let values: Vec<Option<Value>> = cells
            .into_iter()
            .map(|cell| match cell {
                Cell::Nothing => (!self.skip_empty_columns).then_some(Value::Null),
                cell if self.skip_empty_columns && cell.text() == Some("") => None,
                Cell::Part(text) => Some(event.share(text)),
                Cell::Text(text) => Some(Value::from(text)),
            })
            .collect();
        for (at, value) in values.into_iter().enumerate() {
            let (Some(value), Some(column)) = (value, self.column(at)) else { continue };
            let field = &column.field;
            if !(event.can_set(field) && event.set(field, value)) {
                return Outcome::Failed;
            }
            if let Some(to) = column.convert
                && let Some(converted) =
                    event.get(field).and_then(ValueRef::as_str).and_then(|text| to.convert(text))
            {
                event.set(field, converted);
            }
        }
        Outcome::Done
    }
}

enum Outcome {
    Done,
    Nothing,
    Empty,
    Failed,
}

impl Filter for Csv {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.read(event) {
            Outcome::Done => self.common.apply(event),
            Outcome::Nothing => {}
            Outcome::Empty => event.tag("_csvskippedemptyfield"),
            Outcome::Failed => event.tag("_csvparsefailure"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_all, check_json, errors};

    /// What `csv { … }` makes of lines, without what every event has.
    #[track_caller]
    fn csv(conf: &str, lines: &[&str]) -> String {
        check_all(&format!(r#"csv {{ {conf} }} mutate {{ remove_field => ["message", "@version"] }}"#), lines)
            .replace(r#""@timestamp":"1970-01-01T00:00:00.000Z""#, "")
            .replace("{,", "{")
    }

    #[test]
    fn names_given_and_made() {
        insta::assert_snapshot!(csv("", &["big,bird,sesame street", "grüße"]), @r#"
        {"column1":"big","column2":"bird","column3":"sesame street"}
        {"column1":"grüße"}
        "#);
        insta::assert_snapshot!(csv(r#"columns => ["first", "last"]"#, &["big,bird,sesame street"]), @r#"{"first":"big","last":"bird","column3":"sesame street"}"#);
        insta::assert_snapshot!(csv(r#"columns => ["first", "last"] autogenerate_column_names => false target => "[data][x]""#, &["big,bird,sesame street"]), @r#"{"data":{"x":{"first":"big","last":"bird"}}}"#);
    }

    #[test]
    fn separators_and_quotes() {
        insta::assert_snapshot!(csv(r#"separator => ";" quote_char => "'""#, &["big,bird;'sesame; street';'it''s'"]), @r#"{"column1":"big,bird","column2":"sesame; street","column3":"it's"}"#);
        insta::assert_snapshot!(csv(r#"separator => "	""#, &["a	\"b	c\"	"]), @r#"{"column1":"a","column2":"b\tc","column3":null}"#);
        insta::assert_snapshot!(csv(r#"separator => "||" quote_char => "\x00""#, &[r#"a||"b||"#]), @r#"{"column1":"a","column2":"\"b","column3":null}"#);
    }

    #[test]
    fn empty_columns_and_rows() {
        insta::assert_snapshot!(csv("", &[r#"a,,"""#, "", "\n"]), @r#"
        {"column1":"a","column2":null,"column3":""}
        {"tags":["_csvparsefailure"]}
        {}
        "#);
        insta::assert_snapshot!(csv("skip_empty_columns => true skip_empty_rows => true", &[r#"a,,"",b"#, ""]), @r#"
        {"column1":"a","column4":"b"}
        {"tags":["_csvskippedemptyfield"]}
        "#);
    }

    #[test]
    fn the_header_is_found_and_skipped() {
        insta::assert_snapshot!(csv("autodetect_column_names => true", &["one,,three", "1,2,3,4", "one,,three"]), @r#"
        cancelled
        {"one":"1","column2":"2","three":"3","column4":"4"}
        {"one":"one","column2":null,"three":"three"}
        "#);
        insta::assert_snapshot!(csv("autodetect_column_names => true skip_header => true", &["one,two", "1,2", "one,two", "one,two,three"]), @r#"
        cancelled
        {"one":"1","two":"2"}
        cancelled
        {"one":"one","two":"two","column3":"three"}
        "#);
        insta::assert_snapshot!(csv(r#"columns => ["a", "b"] skip_header => true"#, &["a,b", "1,2"]), @r#"
        cancelled
        {"a":"1","b":"2"}
        "#);
    }

    #[test]
    fn columns_are_converted_where_they_can_be() {
        insta::assert_snapshot!(csv(
            r#"convert => { "column1" => "integer" "column2" => "float" "column3" => "boolean" "column4" => "date" "column5" => "date_time" }"#,
            &["7,1.5, TRUE ,2015-05-17,2015-05-17 10:05:03", "x,y,z,w,v", "1_000,2,false,,2015-05-17T10:05:03.5+02:00"]
        ), @r#"
        {"column1":7,"column2":1.5,"column3":true,"column4":"2015-05-17T00:00:00.000Z","column5":"2015-05-17T10:05:03.000Z"}
        {"column1":"x","column2":"y","column3":"z","column4":"w","column5":"v"}
        {"column1":1000,"column2":2.0,"column3":false,"column4":null,"column5":"2015-05-17T08:05:03.500Z"}
        "#);
    }

    #[test]
    fn what_is_no_csv_is_tagged() {
        for line in [r#"a,"b"#, r#"a"b,c"#, r#""a"b,c"#] {
            assert_eq!(csv(r#"add_tag => "ok""#, &[line]), r#"{"tags":["_csvparsefailure"]}"#, "{line}");
        }
        assert_eq!(csv(r#"add_tag => "ok""#, &["a"]), r#"{"column1":"a","tags":["ok"]}"#);
        assert!(check_json(r#"csv { source => "n" }"#, r#"{"n":7}"#).contains("_csvparsefailure"));
        assert_eq!(check_json(r#"csv { source => "n" add_tag => "ok" }"#, r#"{"m":7}"#), r#"{"m":7}"#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors(r#"csv { separator => "" quote_char => "ab" convert => { "a" => "int" } column => ["a"] }"#), @r#"
        x.conf:1:29: `separator` of csv must not be empty
          |
        1 | filter { csv { separator => "" quote_char => "ab" convert => { "a" => "int" } column => ["a"] } }
          |                             ^^
        x.conf:1:46: `quote_char` of csv is a single character
          |
        1 | filter { csv { separator => "" quote_char => "ab" convert => { "a" => "int" } column => ["a"] } }
          |                                              ^^^^
        x.conf:1:71: `convert` of csv knows no `int`
          |
        1 | filter { csv { separator => "" quote_char => "ab" convert => { "a" => "int" } column => ["a"] } }
          |                                                                       ^^^^^
          = help: `convert` knows integer, float, date, date_time, boolean
        x.conf:1:79: unknown option `column` of csv
          |
        1 | filter { csv { separator => "" quote_char => "ab" convert => { "a" => "int" } column => ["a"] } }
          |                                                                               ^^^^^^
          = help: did you mean `columns`?
        "#);
    }
}

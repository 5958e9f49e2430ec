//! What the explorer's address says besides time and search: `columns=a,b&sort=-a&view=patterns&after=[…]`.

use std::fmt;

use serde_json::Value;

/// Columns beside each other that can still be read.
const MOST_COLUMNS: usize = 12;
/// No field's name is longer, in bytes.
const LONGEST_NAME: usize = 300;
/// Values of `after`, and bytes of them.
const MOST_AFTER: usize = 8;
const LONGEST_AFTER: usize = 8192;

/// The explorer's own part of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// Fields that are columns; without any a line is shown as boards show it.
    pub(crate) columns: Vec<String>,
    pub(crate) sort: Sort,
    pub(crate) view: View,
    /// The sort values of the last line of the page before.
    pub(crate) after: Option<Vec<Value>>,
}

/// The order of lines: `-@timestamp`, `http.response.body.bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) descending: bool,
}

/// What is made of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Lines,
    Patterns,
    Tail,
}

/// What an address says and cannot mean.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StateError {
    #[error(
        "columns= has more than {MOST_COLUMNS} names, or one of more than {LONGEST_NAME} bytes. Leave some out"
    )]
    Columns,
    #[error("sort= is the name of a field, with - before it for the highest first: sort=-@timestamp")]
    Sort,
    #[error("view= is lines, patterns or live")]
    View,
    #[error("after= is not what an “older” link holds. Leave it out for the newest lines")]
    After,
}

impl Default for Sort {
    fn default() -> Self {
        Self { field: "@timestamp".into(), descending: true }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.field)
    }
}

impl State {
    /// Reads the words of an address; `of` gives a word's value, if it is there and not blank.
    ///
    /// # Errors
    /// [`StateError`], which says what would be understood.
    pub(crate) fn read(of: impl Fn(&str) -> Option<String>) -> Result<Self, StateError> {
        let mut columns: Vec<String> = Vec::new();
        for name in of("columns").unwrap_or_default().split(',').map(str::trim).filter(|n| !n.is_empty()) {
            if name.len() > LONGEST_NAME || columns.len() >= MOST_COLUMNS {
                return Err(StateError::Columns);
            }
            if !columns.iter().any(|c| c == name) {
                columns.push(name.to_owned());
            }
        }
        let sort = match of("sort") {
            None => Sort::default(),
            Some(text) => {
                let text = text.trim();
                let field = text.strip_prefix('-').unwrap_or(text);
                if field.is_empty() || field.len() > LONGEST_NAME {
                    return Err(StateError::Sort);
                }
                Sort { field: field.to_owned(), descending: text.starts_with('-') }
            }
        };
        let view = match of("view").as_deref() {
            None | Some("lines") => View::Lines,
            Some("patterns") => View::Patterns,
            Some("live") => View::Tail,
            Some(_) => return Err(StateError::View),
        };
        let after = of("after").map(|text| after(&text).ok_or(StateError::After)).transpose()?;
        Ok(Self { columns, sort, view, after })
    }

    /// What of it goes into every link, in the form of an address; the page of lines does not.
    pub(crate) fn address(&self) -> Vec<(&'static str, String)> {
        let sort = if self.sort == Sort::default() { String::new() } else { self.sort.to_string() };
        let view = match self.view {
            View::Lines => "",
            View::Patterns => "patterns",
            View::Tail => "live",
        };
        vec![("columns", self.columns.join(",")), ("sort", sort), ("view", view.into())]
    }

    /// The columns with one more, or without it where it is one.
    pub(crate) fn toggled(&self, column: &str) -> String {
        let mut columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        match columns.iter().position(|c| *c == column) {
            Some(i) => drop(columns.remove(i)),
            None => columns.push(column),
        }
        columns.join(",")
    }

    /// The order that a click on a column's head asks for: the highest first, and the other way round where it is so already.
    pub(crate) fn turned(&self, column: &str) -> String {
        let descending = !(self.sort.field == column && self.sort.descending);
        Sort { field: column.to_owned(), descending }.to_string()
    }
}

fn after(text: &str) -> Option<Vec<Value>> {
    let plain = |v: &Value| !matches!(v, Value::Array(_) | Value::Object(_));
    let values: Vec<Value> =
        (text.len() <= LONGEST_AFTER).then(|| serde_json::from_str(text).ok()).flatten()?;
    (values.len() <= MOST_AFTER && values.iter().all(plain)).then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(query: &str) -> Result<State, StateError> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        State::read(|name| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn an_address_there_and_back() {
        let state = read("columns=host.name,,bytes,host.name&sort=-bytes&view=patterns&after=[1,null,\"x\"]")
            .expect("read");
        assert_eq!(state.columns, ["host.name", "bytes"]);
        assert_eq!(state.after, Some(vec![json!(1), Value::Null, json!("x")]));
        let address: Vec<String> = state.address().into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(address, ["columns=host.name,bytes", "sort=-bytes", "view=patterns"]);
        assert!(read("").expect("read").address().iter().all(|(_, v)| v.is_empty()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(read("view=chart"), Err(StateError::View));
        assert_eq!(read("sort=-"), Err(StateError::Sort));
        for text in ["{}", "[[1]]", "[1", "[1,2,3,4,5,6,7,8,9]"] {
            assert_eq!(read(&format!("after={text}")), Err(StateError::After), "{text}");
        }
        let many = (0..13).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(read(&format!("columns={many}")), Err(StateError::Columns));
    }

    #[test]
    fn clicks() {
        let state = read("columns=a,b&sort=-a").expect("read");
        assert_eq!((state.toggled("a"), state.toggled("c")), ("b".into(), "a,b,c".into()));
        assert_eq!((state.turned("a"), state.turned("b")), ("a".into(), "-b".into()));
    }
}

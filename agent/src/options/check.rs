//! A tree held against the table: everything that is wrong, each with its place.

use alces_diagnostic::{Diagnostic, Env, Source, Span, closest, substitute};
use serde_json::{Map, Value as Json};

use super::{
    elsewhere::ELSEWHERE,
    kind::{Group, Kind, Row},
    read::{json, quoted, scalar},
    table::groups,
    values::{Value, Values},
    yaml::{Member, Node, What},
};

/// Reads one file; what is wrong is kept, and reading goes on.
pub(super) struct Checker<'c> {
    pub(super) source: &'c Source,
    pub(super) env: Env<'c>,
    pub(super) errors: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn error(&mut self, span: &Span, message: impl Into<String>, help: Option<String>) {
        let error = self.source.error(span, message);
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    /// The options of a group.
    pub(super) fn group(&mut self, group: &'static Group, members: &[Member], span: Span) -> Values {
        let mut values = Values::none(group);
        values.span = span;
        let mut seen: Vec<&str> = Vec::new();
        for member in members {
            let Some(row) = group.rows.iter().find(|row| row.name == member.name) else {
                let (message, help) = unknown(group, &member.name);
                self.error(&member.span, message, help);
                values.misspelt = true;
                continue;
            };
            if seen.contains(&row.name) {
                self.error(
                    &member.span,
                    format!("`{}` stands twice", row.name),
                    Some("take one away".to_owned()),
                );
                continue;
            }
            seen.push(row.name);
            let value = self.value(row, &member.value, &member.span);
            if let Some(value) = value {
                values.insert(row.name, value, member.value.place(self.source.text()));
            }
        }
        values
    }

    fn value(&mut self, row: &'static Row, node: &Node, name: &Span) -> Option<Value> {
        match (&node.what, row.kind) {
            // `name:` alone is the default, as if it were not there.
            (What::Nothing, _) => None,
            (What::Map(members), Kind::Group(group)) => {
                Some(Value::Group(self.group(group, members, name.clone())))
            }
            (What::Text { .. }, Kind::Group(group)) => {
                let words = (group.words)();
                let text = self.text(node)?;
                if words.contains(&text.as_str()) {
                    return Some(Value::Text(text));
                }
                let near = closest(&text, words.iter().copied());
                let help = match (near, words.is_empty()) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, true) => format!("write its options, as in `{}: {}`", row.name, row.example),
                    (None, false) => format!("write {}, or its options", quoted(&words)),
                };
                self.wrong(node, "no group of options", Some(help));
                None
            }
            (What::List(items), Kind::Groups(group)) => {
                let found: Vec<_> = items.iter().filter_map(|item| self.item(group, item)).collect();
                Some(Value::Groups(found))
            }
            (What::Map(members), Kind::Fields) => Some(Value::Fields(self.fields(members))),
            (What::List(items), Kind::Addresses | Kind::Texts | Kind::Patterns | Kind::Regexes) => {
                let found: Vec<_> = items.iter().filter_map(|item| self.scalar(row, item)).collect();
                Some(join(found))
            }
            (What::Text { .. }, _) => self.scalar(row, node),
            (What::List(_) | What::Map(_), _) => {
                let help = format!("write one, as in `{}: {}`", row.name, row.example);
                let what = if matches!(node.what, What::List(_)) { "a list" } else { "a map" };
                self.error(
                    &node.place(self.source.text()),
                    format!("`{}` is not {what}", row.name),
                    Some(help),
                );
                None
            }
        }
    }

    /// An item of a list of groups; a text in its place is the first option.
    pub(super) fn item(&mut self, group: &'static Group, node: &Node) -> Option<Values> {
        match &node.what {
            What::Map(members) => {
                let place = members.first().map_or(node.span.clone(), |member| member.span.clone());
                Some(self.group(group, members, place))
            }
            What::Text { .. } => {
                let row = group.rows.first()?;
                let value = self.scalar(row, node)?;
                let mut values = Values::none(group);
                values.span = node.span.clone();
                values.insert(row.name, value, node.span.clone());
                Some(values)
            }
            What::Nothing | What::List(_) => {
                let first = group.rows.first()?;
                let help = format!("write `- {}: {}`", first.name, first.example);
                self.error(
                    &node.place(self.source.text()),
                    format!("this is no part of {}", group.title),
                    Some(help),
                );
                None
            }
        }
    }

    fn scalar(&mut self, row: &Row, node: &Node) -> Option<Value> {
        if !matches!(node.what, What::Text { .. }) {
            self.wrong(node, "no text", None);
            return None;
        }
        let text = self.text(node)?;
        match scalar(row.kind, &text) {
            Ok(value) => Some(value),
            Err(reason) => {
                let near = match row.kind {
                    Kind::Word(words) => closest(&text, words.iter().copied()),
                    Kind::Bool => match text.to_ascii_lowercase().as_str() {
                        "yes" | "on" | "1" => Some("true"),
                        "no" | "off" | "0" => Some("false"),
                        _ => None,
                    },
                    _ => None,
                };
                self.wrong(node, &reason, near.map(|near| format!("did you mean `{near}`?")));
                None
            }
        }
    }

    /// The text of a scalar with its variables replaced.
    fn text(&mut self, node: &Node) -> Option<String> {
        let What::Text { text, .. } = &node.what else { return None };
        match substitute(text, self.env) {
            Ok(text) => Some(text),
            Err(name) => {
                let help = format!("set it in the agent's environment, or write ${{{name}:default}}");
                self.error(
                    &node.place(self.source.text()),
                    format!("the variable `{name}` is not set"),
                    Some(help),
                );
                None
            }
        }
    }

    /// A value that is not what is wanted, told as it is written: what a variable stands for may be a secret.
    fn wrong(&mut self, node: &Node, reason: &str, help: Option<String>) {
        let place = node.place(self.source.text());
        let written = self.source.text().get(place.clone()).unwrap_or_default().trim().to_owned();
        self.error(&place, format!("`{written}` is {reason}"), help);
    }

    fn fields(&mut self, members: &[Member]) -> Map<String, Json> {
        let mut fields = Map::new();
        for member in members {
            if fields.contains_key(&member.name) {
                self.error(
                    &member.span,
                    format!("`{}` stands twice", member.name),
                    Some("take one away".to_owned()),
                );
            }
            if let Some(value) = self.json(&member.value) {
                fields.insert(member.name.clone(), value);
            }
        }
        fields
    }

    fn json(&mut self, node: &Node) -> Option<Json> {
        match &node.what {
            What::Nothing => Some(Json::Null),
            What::Text { quoted, .. } => self.text(node).map(|text| json(&text, *quoted)),
            What::List(items) => Some(items.iter().filter_map(|item| self.json(item)).collect()),
            What::Map(members) => Some(Json::Object(self.fields(members))),
        }
    }
}

/// One value out of those of a list.
fn join(values: Vec<Value>) -> Value {
    let (mut texts, mut regexes) = (Vec::new(), Vec::new());
    let mut is_regex = false;
    for value in values {
        match value {
            Value::Texts(more) => texts.extend(more),
            Value::Regexes(more) => {
                is_regex = true;
                regexes.extend(more);
            }
            _ => {}
        }
    }
    if is_regex { Value::Regexes(regexes) } else { Value::Texts(texts) }
}

/// What to say of a name that the group has not.
fn unknown(group: &Group, name: &str) -> (String, Option<String>) {
    let own = || group.rows.iter().map(|row| row.name);
    if let Some((_, ours)) =
        ELSEWHERE.iter().find(|(theirs, ours)| *theirs == name && own().any(|o| o == *ours))
    {
        return (format!("unknown option `{name}`: it is `{ours}` here"), None);
    }
    if let Some(near) = closest(name, own()) {
        return (format!("unknown option `{name}`: did you mean `{near}`?"), None);
    }
    let message = format!("unknown option `{name}` of {}", group.title);
    let home = groups().into_iter().find(|other| other.rows.iter().any(|row| row.name == name));
    let help = match home {
        Some(home) => format!("it is an option of {}", home.title),
        None => format!("there are {}", quoted(&own().collect::<Vec<_>>())),
    };
    (message, Some(help))
}

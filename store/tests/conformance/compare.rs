//! Two answers → what differs in what matters.

use super::script::Rules;
use serde_json::{Map, Value};

/// What an engine answered: status, and the body as JSON, or as a string where it is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// What is of one engine alone wherever it stands: times, numbers of shards and of changes, addresses, words of an error that a person reads.
const OWN: [&str; 20] = [
    "took",
    "_shards",
    "shards_acknowledged",
    "_seq_no",
    "_primary_term",
    "_score",
    "max_score",
    "num_reduce_phases",
    "reason",
    "root_cause",
    "failed_shards",
    "caused_by",
    "grouped",
    "phase",
    "index_uuid",
    "resource.id",
    "resource.type",
    "terminated_early",
    "line",
    "col",
];

/// The differences, each as a line that starts with its path.
pub fn compare(theirs: &Answer, ours: &Answer, rules: &Rules) -> Vec<String> {
    let mut found = Vec::new();
    if theirs.status != ours.status {
        found.push(format!("status: {} there, {} here", theirs.status, ours.status));
    }
    let (mut theirs, mut ours) = (theirs.body.clone(), ours.body.clone());
    for value in [&mut theirs, &mut ours] {
        strip(value);
        for path in &rules.ignore {
            at(value, path, &mut |value| *value = Value::Null);
        }
        for path in &rules.unordered {
            at(value, path, &mut |value| {
                if let Value::Array(items) = value {
                    items.sort_by_key(Value::to_string);
                }
            });
        }
    }
    diff(&theirs, &ours, &mut String::new(), rules, &mut found);
    found
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // `index` of an error is inside of it; of a hit it is `_index`.
            // OpenSearch gives some aggregations an empty `meta` that nobody asked for.
            map.retain(|key, value| {
                !(OWN.contains(&key.as_str()) || (key == "meta" && *value == Value::Object(Map::new())))
            });
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Calls back with what is at a path such as `hits.hits[].sort` or `aggregations.*.value`.
pub fn at(value: &mut Value, path: &str, visit: &mut dyn FnMut(&mut Value)) {
    if path.is_empty() {
        visit(value);
        return;
    }
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, list) = head.strip_suffix("[]").map_or((head, false), |name| (name, true));
    let mut down = |value: &mut Value| match value {
        Value::Array(items) if list => items.iter_mut().for_each(|item| at(item, rest, visit)),
        other if !list => at(other, rest, visit),
        _ => {}
    };
    match value {
        value if name.is_empty() => down(value),
        Value::Object(map) if name == "*" => map.values_mut().for_each(down),
        // Names may hold dots: `\` stands for one.
        Value::Object(map) => {
            if let Some(value) = map.get_mut(&name.replace('\\', ".")) {
                down(value);
            }
        }
        Value::Array(items) => {
            if let Some(value) = name.parse().ok().and_then(|n: usize| items.get_mut(n)) {
                down(value);
            }
        }
        _ => {}
    }
}

fn diff(theirs: &Value, ours: &Value, path: &mut String, rules: &Rules, found: &mut Vec<String>) {
    let length = path.len();
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for name in names {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name.replace('.', "\\"));
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => diff(a, b, path, rules, found),
                    // What is ignored was made null.
                    (Some(Value::Null), None) | (None, Some(Value::Null)) if ignored(path, rules) => {}
                    (Some(a), None) => found.push(format!("{path}: {} there, absent here", short(a))),
                    (None, Some(b)) => found.push(format!("{path}: absent there, {} here", short(b))),
                    (None, None) => {}
                }
                path.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                found.push(format!(
                    "{path}: {} items there, {} here: {} / {}",
                    a.len(),
                    b.len(),
                    short(theirs),
                    short(ours)
                ));
                return;
            }
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                path.push_str(&format!("[{n}]"));
                diff(a, b, path, rules, found);
                path.truncate(length);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            // Sums are made in another order: the last bits of a float are not what is compared.
            let ratio = rules.near.iter().find(|(_, p)| same(p, path)).map_or(1e-9, |(ratio, _)| *ratio);
            if (a - b).abs() > ratio * a.abs().max(b.abs()) || theirs.is_f64() != ours.is_f64() {
                found.push(format!("{path}: {theirs} there, {ours} here"));
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {} there, {} here", short(a), short(b))),
    }
}

fn ignored(path: &str, rules: &Rules) -> bool {
    rules.ignore.iter().any(|p| same(p, path))
}

/// Whether a rule's path (`a[].b`) means a place (`a[3].b`).
fn same(rule: &str, path: &str) -> bool {
    let mut bare = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => {
                inside = true;
                bare.push(c);
            }
            ']' => {
                inside = false;
                bare.push(c);
            }
            _ if inside => {}
            c => bare.push(c),
        }
    }
    let (rule, path): (Vec<&str>, Vec<&str>) = (rule.split('.').collect(), bare.split('.').collect());
    rule.len() == path.len() && rule.iter().zip(&path).all(|(r, p)| *r == "*" || r == p)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 300 { text } else { format!("{}…", text.chars().take(300).collect::<String>()) }
}

//! What differs between the events that are expected and those that came.

use std::collections::BTreeSet;

use serde_json::Value;

/// One text for each difference.
pub(crate) fn events(expected: &[Value], came: &[Value]) -> Vec<String> {
    let mut differences = Vec::new();
    for (at, (expected, came)) in expected.iter().zip(came).enumerate() {
        let mut found = Vec::new();
        values(&mut String::new(), Some(expected), Some(came), &mut found);
        differences.extend(found.into_iter().map(|text| format!("event {}: {text}", at + 1)));
    }
    if expected.len() != came.len() {
        differences.push(format!("{} events are expected, {} came", expected.len(), came.len()));
    }
    differences
}

fn values(path: &mut String, expected: Option<&Value>, came: Option<&Value>, found: &mut Vec<String>) {
    if expected == came {
        return;
    }
    if let (Some(Value::Object(expected)), Some(Value::Object(came))) = (expected, came) {
        let keys: BTreeSet<&String> = expected.keys().chain(came.keys()).collect();
        for key in keys {
            let len = path.len();
            path.push('/');
            path.push_str(key);
            values(path, expected.get(key), came.get(key), found);
            path.truncate(len);
        }
        return;
    }
    found.push(match (expected, came) {
        (Some(expected), Some(came)) => format!("{path}: {expected} is expected, {came} came"),
        (Some(expected), None) => format!("{path}: {expected} is expected, nothing came"),
        (None, Some(came)) => format!("{path}: nothing is expected, {came} came"),
        (None, None) => return,
    });
}

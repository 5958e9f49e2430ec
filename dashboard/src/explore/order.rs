//! How lines are sorted, and where the next page begins.
//!
//! Pages go on behind the sort values of the last line (`search_after`), so those must tell lines apart: host, file and offset do, which
//! are a line's identity from the agent on. Lines without them may share all values: such a group is never cut by the end of a page.

use serde_json::{Value, json};

use super::hits::Hit;
use super::state::Sort;
use crate::fields::Fields;
use crate::query::Stored;

/// A field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    field: String,
    descending: bool,
    /// Its type for an index that does not have it.
    unmapped: &'static str,
}

impl Key {
    fn new(field: String, stored: Stored, descending: bool) -> Self {
        let unmapped = match stored {
            Stored::Number => "long",
            Stored::Date => "date",
            Stored::Ip => "ip",
            Stored::Boolean => "boolean",
            Stored::Keyword | Stored::Text => "keyword",
        };
        Self { field, descending, unmapped }
    }

    /// As the backend is asked.
    pub(crate) fn json(&self) -> Value {
        let order = if self.descending { "desc" } else { "asc" };
        json!({&self.field: {"order": order, "missing": "_last", "unmapped_type": self.unmapped}})
    }
}

/// What lines are sorted by: what is wished, time, and what makes a line one line. A field that cannot be sorted by is left out.
pub(crate) fn keys(sort: &Sort, fields: &Fields) -> Vec<Key> {
    let by_time = sort.field == "@timestamp";
    let newest_first = !by_time || sort.descending;
    let mut keys = Vec::new();
    if !by_time && let Some((field, stored)) = fields.exact(&sort.field) {
        keys.push(Key::new(field, stored, sort.descending));
    }
    keys.push(Key::new("@timestamp".into(), Stored::Date, newest_first));
    for (name, wanted) in
        [("log.offset", Stored::Number), ("host.name", Stored::Keyword), ("log.file.path", Stored::Keyword)]
    {
        if let Some((field, stored)) = fields.exact(name).filter(|(f, s)| *s == wanted && *f != sort.field) {
            keys.push(Key::new(field, stored, newest_first));
        }
    }
    keys
}

/// Cuts what was asked, which is one line more than `size`, to a page; the sort values behind which the next one begins, if there is one.
pub(crate) fn cut(hits: &mut Vec<Hit>, size: usize) -> Option<Vec<Value>> {
    if hits.len() <= size {
        return None;
    }
    let over = hits[size].sort.clone();
    // The group that the page's end would cut is left to the next page, unless it is all of this one.
    let whole = hits[..size].iter().rposition(|hit| hit.sort != over).map_or(size, |last| last + 1);
    hits.truncate(whole);
    hits.last().map(|hit| hit.sort.clone()).filter(|after| !after.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;

    fn hits(times: &[i64]) -> Vec<Hit> {
        times.iter().map(|t| Hit { sort: vec![json!(t)], ..Hit::default() }).collect()
    }

    fn page(times: &[i64], size: usize) -> (usize, Option<Value>) {
        let mut hits = hits(times);
        let after = cut(&mut hits, size);
        (hits.len(), after.map(|a| a[0].clone()))
    }

    #[test]
    fn a_group_of_equals_is_not_cut() {
        assert_eq!(page(&[9, 8, 7], 3), (3, None));
        assert_eq!(page(&[9, 8, 7, 6], 3), (3, Some(json!(7))));
        assert_eq!(page(&[9, 8, 7, 7], 3), (2, Some(json!(8))));
        assert_eq!(page(&[7, 7, 7, 7], 3), (3, Some(json!(7))), "nothing else can be done");
        assert_eq!(page(&[], 3), (0, None));
    }

    #[test]
    fn a_lines_identity_is_part_of_the_order() {
        let fields = Fields::from_caps(&caps(&[
            ("log.offset", "long"),
            ("host.name", "text"),
            ("host.name.keyword", "keyword"),
            ("bytes", "long"),
            ("message", "text"),
        ]));
        let names = |sort: &str, descending| {
            let all = keys(&Sort { field: sort.into(), descending }, &fields);
            all.iter()
                .map(|k| format!("{}{}", if k.descending { "-" } else { "" }, k.field))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names("@timestamp", true), "-@timestamp -log.offset -host.name.keyword");
        assert_eq!(names("@timestamp", false), "@timestamp log.offset host.name.keyword");
        assert_eq!(names("bytes", false), "bytes -@timestamp -log.offset -host.name.keyword");
        assert_eq!(
            names("message", false),
            "-@timestamp -log.offset -host.name.keyword",
            "full text has no order"
        );
    }
}

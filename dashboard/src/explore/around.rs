//! The lines beside a line, as `grep -C` shows them: of the same file by offset; of the same host by time, where the line has no file.
//!
//! A file that was rotated has a successor with the same name and the same offsets. So the neighbours by offset are looked for in stretches
//! of time around the line, all asked at once, and the shortest one that has enough of them is taken.

use serde_json::{Value, json};

use super::hits::Hit;
use crate::fields::Fields;
use crate::query::Stored;

/// Lines before and behind, and the most that can be asked for.
pub(crate) const BESIDE: usize = 10;
pub(crate) const MOST: usize = 200;

/// Half widths of the stretches, milliseconds.
const STRETCHES: [i64; 4] = [60_000, 600_000, 10_800_000, 86_400_000];

/// How the neighbours are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Of one file, by offset.
    Offset { host: String, path: String },
    /// Of one host, by time.
    Host(String),
    /// Of all lines, by time: the line does not say where it is from.
    Time,
}

/// What is asked for the neighbours of a line.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) by: By,
    /// The searches: for each stretch the lines before, and those behind.
    pub(crate) bodies: Vec<Value>,
    beside: usize,
}

/// Plans the searches; nothing where the line has no time.
pub(crate) fn plan(hit: &Hit, beside: usize, fields: &Fields, seconds: u32) -> Option<Wanted> {
    let at = hit.line.at?;
    let first = |name: &str| hit.values(name).into_iter().next();
    let exact =
        |name: &str, wanted: Stored| fields.exact(name).filter(|(_, s)| *s == wanted).map(|(field, _)| field);
    let term = |field: String, value: &str| json!({"term": {field: {"value": value}}});
    let host = fields.word("host").map(|f| f.name).zip(hit.line.host.clone());
    let file = exact("log.file.path", Stored::Keyword).zip(first("log.file.path"));
    let offset = exact("log.offset", Stored::Number).and_then(|_| hit.number("log.offset"));
    let (by, filters, offset) = match (host, file, offset) {
        (Some((a, host)), Some((b, path)), Some(offset)) => {
            let filters = vec![term(a, &host), term(b, &path)];
            (By::Offset { host, path }, filters, Some(offset))
        }
        (Some((a, host)), ..) => (By::Host(host.clone()), vec![term(a, &host)], None),
        _ => (By::Time, Vec::new(), None),
    };
    let mut bodies = Vec::new();
    for stretch in STRETCHES {
        for before in [true, false] {
            let order = if before { "desc" } else { "asc" };
            let (low, high) = (at - stretch, at + stretch);
            let mut filter = filters.clone();
            let sort = if let Some(offset) = offset {
                let end = if before { "lt" } else { "gt" };
                filter.push(time(low, high));
                filter.push(json!({"range": {"log.offset": {end: offset}}}));
                json!([{"log.offset": {"order": order, "unmapped_type": "long"}}])
            } else {
                filter.push(if before { time(low, at - 1) } else { time(at, high) });
                json!([{"@timestamp": {"order": order, "unmapped_type": "date"}}])
            };
            let mut query = json!({"bool": {"filter": filter}});
            if offset.is_none() {
                query["bool"]["must_not"] = json!([{"ids": {"values": [hit.id]}}]);
            }
            bodies.push(json!({
                "query": query, "timeout": format!("{seconds}s"), "size": beside, "track_total_hits": false, "sort": sort,
                "_source": super::needed(&[]),
            }));
        }
    }
    Some(Wanted { by, bodies, beside })
}

fn time(low: i64, high: i64) -> Value {
    json!({"range": {"@timestamp": {"gte": low, "lte": high, "format": "epoch_millis"}}})
}

impl Wanted {
    /// The lines before, oldest first, and those behind.
    ///
    /// # Errors
    /// The backend's reason for having no answer.
    pub(crate) fn read(&self, answers: &[Result<Value, String>]) -> Result<[Vec<Hit>; 2], String> {
        let side = |side: usize| -> Result<Vec<Hit>, String> {
            let mut found = Vec::new();
            for answer in answers.iter().skip(side).step_by(2) {
                found = super::hits::hits(answer.as_ref().map_err(Clone::clone)?);
                if found.len() >= self.beside {
                    break;
                }
            }
            Ok(found)
        };
        let (mut before, behind) = (side(0)?, side(1)?);
        before.reverse();
        Ok([before, behind])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;

    fn fields() -> Fields {
        Fields::from_caps(&caps(&[
            ("host.name", "keyword"),
            ("log.file.path", "keyword"),
            ("log.offset", "long"),
        ]))
    }

    fn hit(source: Value) -> Hit {
        let answer = json!({"hits": {"hits": [{"_id": "i", "_index": "logs", "_source": source}]}});
        super::super::hits::hits(&answer).remove(0)
    }

    #[test]
    fn a_file_by_offset() {
        let hit = hit(json!({"@timestamp": "2026-11-23T10:00:00Z", "host": {"name": "web-1"},
            "log": {"offset": 300, "file": {"path": "/a.log"}}}));
        let wanted = plan(&hit, 5, &fields(), 5).expect("planned");
        assert_eq!(wanted.by, By::Offset { host: "web-1".into(), path: "/a.log".into() });
        assert_eq!(wanted.bodies.len(), 8);
        insta::assert_snapshot!(wanted.bodies[1]["query"], @r#"{"bool":{"filter":[{"term":{"host.name":{"value":"web-1"}}},{"term":{"log.file.path":{"value":"/a.log"}}},{"range":{"@timestamp":{"format":"epoch_millis","gte":1795427940000,"lte":1795428060000}}},{"range":{"log.offset":{"gt":300}}}]}}"#);
    }

    #[test]
    fn without_a_file_the_hosts_lines_and_without_a_host_all() {
        let by = |source| plan(&hit(source), 5, &fields(), 5).map(|w| w.by);
        let time = "2026-11-23T10:00:00Z";
        assert_eq!(
            by(json!({"@timestamp": time, "host": {"name": "web-1"}})),
            Some(By::Host("web-1".into()))
        );
        assert_eq!(by(json!({"@timestamp": time})), Some(By::Time));
        assert_eq!(by(json!({"message": "x"})), None);
    }

    #[test]
    fn the_shortest_stretch_with_enough_lines() {
        let wanted =
            plan(&hit(json!({"@timestamp": "2026-11-23T10:00:00Z"})), 2, &fields(), 5).expect("planned");
        let answer = |ids: &[&str]| {
            Ok(json!({"hits": {"hits": ids.iter().map(|id| json!({"_id": id})).collect::<Vec<_>>()}}))
        };
        let answers = [
            answer(&["b"]),
            answer(&[]),
            answer(&["b", "a"]),
            answer(&["d"]),
            answer(&["x", "x"]),
            answer(&["d"]),
            answer(&[]),
            answer(&["d"]),
        ];
        let [before, behind] = wanted.read(&answers).expect("read");
        let ids = |hits: &[Hit]| hits.iter().map(|h| h.id.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!((ids(&before), ids(&behind)), ("a b".into(), "d".into()));
        assert!(wanted.read(&[Err("gone".into())]).is_err());
    }
}

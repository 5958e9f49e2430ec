//! What is sent: documents in the shape that Filebeat and Metricbeat give theirs.

use std::{fmt::Write as _, io::Write as _, path::Path, sync::Arc};

use alces_event::write_text;
use alces_lumberjack::Template;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::warn;

use crate::{Config, Input, registry::FileId};

/// What stands in every document of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) agent_id: String,
    pub(crate) host_name: String,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

const ECS: &str = "8.11.0";

/// Members that are the agent's to write.
const OWN: [&str; 4] = ["@timestamp", "@metadata", "message", "log"];

impl Origin {
    /// What the ids of this agent's documents begin with.
    fn id(&self) -> &str {
        self.agent_id.get(..16).unwrap_or(&self.agent_id)
    }

    /// One measurement; `fields` is what was measured, under `system` or `alces`.
    pub(crate) fn metric(&self, now: Timestamp, dataset: &str, part: &str, fields: Value) -> Vec<u8> {
        let id = format!("{}-{dataset}{part}-{}", self.id(), now.as_millisecond());
        let mut document = json!({
            "@timestamp": stamp(now),
            "@metadata": {"beat": "alces", "type": "_doc", "version": VERSION, "_id": id},
            "event": {"kind": "metric", "module": "system", "dataset": dataset},
            "host": {"name": self.host_name},
            "agent": self.agent(),
            "ecs": {"version": ECS},
        });
        if let (Some(document), Value::Object(fields)) = (document.as_object_mut(), fields) {
            document.extend(fields);
        }
        document.to_string().into_bytes()
    }

    fn agent(&self) -> Value {
        json!({"id": self.agent_id, "name": self.host_name, "type": "alces", "version": VERSION})
    }
}

/// The documents of one input: all that is the same in each is written once.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    id: String,
    /// What stands behind the line's own members, with the closing brace.
    rest: Vec<u8>,
}

impl Stamp {
    /// For the lines of `input`, with the fields and tags of agent and input.
    pub(crate) fn new(origin: &Origin, config: &Config, input: &Input) -> Self {
        let mut rest = Map::new();
        rest.insert("input".into(), json!({"type": "log"}));
        rest.insert("host".into(), json!({"name": origin.host_name}));
        rest.insert("agent".into(), origin.agent());
        rest.insert("ecs".into(), json!({"version": ECS}));
        if let Some(dataset) = &input.dataset {
            rest.insert("event".into(), json!({"dataset": dataset}));
        }
        let tags: Vec<_> = config.tags.iter().chain(&input.tags).collect();
        if !tags.is_empty() {
            rest.insert("tags".into(), json!(tags));
        }
        let of_input = input.fields_under_root.unwrap_or(config.fields_under_root);
        for (fields, under_root) in [(&config.fields, config.fields_under_root), (&input.fields, of_input)] {
            for (name, value) in fields {
                if !under_root {
                    let below = rest.entry("fields").or_insert_with(|| json!({}));
                    merge(below, json!({ name: value }));
                } else if OWN.contains(&name.as_str()) {
                    warn!(field = %name, "a field with `fields_under_root` has the name of one of the agent's: it is left out");
                } else {
                    merge(rest.entry(name).or_insert(Value::Null), value.clone());
                }
            }
        }
        // The members follow others.
        let mut text = Value::Object(rest).to_string().into_bytes();
        if let Some(first) = text.first_mut() {
            *first = b',';
        }
        Self { id: origin.id().to_owned(), rest: text }
    }

    /// What stands in all documents of a file's turn.
    pub(crate) fn begin(&self, file: FileId, path: &Path, now: Timestamp) -> Arc<Template> {
        let mut start = Vec::with_capacity(160);
        // Writing to a `Vec` does not fail.
        let _ = write!(
            start,
            r#"{{"@timestamp":"{}","@metadata":{{"beat":"alces","type":"_doc","version":"{VERSION}","_id":"{}-{:x}-"#,
            stamp(now),
            self.id,
            file.0
        );
        let mut place = br#","file":{"path":"#.to_vec();
        write_text(&path.to_string_lossy(), &mut place);
        place.push(b'}');
        Arc::new(Template { start, place, rest: self.rest.clone() })
    }
}

/// Objects are joined, everything else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn stamp(now: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    let _ = write!(text, "{now:.3}");
    text
}

#[cfg(test)]
mod tests {
    use alces_lumberjack::Line;

    use super::*;

    fn document(config: &Config, line: &Line<'_>) -> String {
        let origin = Origin { agent_id: "0123456789abcdef0123".to_owned(), host_name: "web01".to_owned() };
        let template = Stamp::new(&origin, config, &config.inputs[0]);
        let mut out = Vec::new();
        let time = "2026-11-25T10:00:00.1234Z".parse().unwrap();
        template.begin(FileId(26), Path::new("/a\"b.log"), time).write(line, &mut out);
        serde_json::from_slice::<Value>(&out).unwrap();
        String::from_utf8(out).unwrap().replace(VERSION, "VERSION")
    }

    #[test]
    fn as_filebeat_gives_its_own() {
        let mut config = Config::usual().with_inputs(vec![Input::new(Vec::new(), Vec::new())]);
        let line = Line { text: "a \"b\"\t", offset: 300, cut: false, several: false };
        insta::assert_snapshot!(document(&config, &line), @r#"{"@timestamp":"2026-11-25T10:00:00.123Z","@metadata":{"beat":"alces","type":"_doc","version":"VERSION","_id":"0123456789abcdef-1a-12c-1a7cf26"},"message":"a \"b\"\t","log":{"offset":300,"file":{"path":"/a\"b.log"}},"agent":{"id":"0123456789abcdef0123","name":"web01","type":"alces","version":"VERSION"},"ecs":{"version":"8.11.0"},"host":{"name":"web01"},"input":{"type":"log"}}"#);
        let object = |json: Value| json.as_object().unwrap().clone();
        config.fields = object(json!({"env": "test", "host": {"rack": 7}}));
        config.tags = vec!["a".to_owned()];
        config.inputs[0].fields = object(json!({"env": "live", "message": "x"}));
        config.inputs[0].tags = vec!["b".to_owned()];
        config.inputs[0].dataset = Some("nginx.access".to_owned());
        let line = Line { text: "", offset: 0, cut: true, several: true };
        insta::assert_snapshot!(document(&config, &line).split_once("},\"agent").unwrap().0, @r#"{"@timestamp":"2026-11-25T10:00:00.123Z","@metadata":{"beat":"alces","type":"_doc","version":"VERSION","_id":"0123456789abcdef-1a-0-38d394c2"},"message":"","log":{"offset":0,"file":{"path":"/a\"b.log"},"flags":["multiline","truncated"]"#);
        let rest = |config: &Config| document(config, &line).split_once("\"ecs\"").unwrap().1.to_owned();
        insta::assert_snapshot!(rest(&config), @r#":{"version":"8.11.0"},"event":{"dataset":"nginx.access"},"fields":{"env":"live","host":{"rack":7},"message":"x"},"host":{"name":"web01"},"input":{"type":"log"},"tags":["a","b"]}"#);
        config.fields_under_root = true;
        insta::assert_snapshot!(rest(&config), @r#":{"version":"8.11.0"},"env":"live","event":{"dataset":"nginx.access"},"host":{"name":"web01","rack":7},"input":{"type":"log"},"tags":["a","b"]}"#);
    }
}

//! What is sent: documents in the shape that Filebeat and Metricbeat give theirs.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::registry::FileId;

/// What stands in every document of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) agent_id: String,
    pub(crate) host_name: String,
}

#[derive(Serialize)]
struct LineDocument<'d> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    #[serde(rename = "@metadata")]
    metadata: Metadata,
    message: &'d str,
    log: Log<'d>,
    input: Input,
    host: Host<'d>,
    agent: Agent<'d>,
    ecs: Ecs,
}

#[derive(Serialize)]
struct Metadata {
    beat: &'static str,
    r#type: &'static str,
    version: &'static str,
    _id: String,
}

#[derive(Serialize)]
struct Log<'d> {
    offset: u64,
    file: LogFile<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
struct LogFile<'d> {
    path: &'d str,
}

#[derive(Serialize)]
struct Input {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Host<'d> {
    name: &'d str,
}

#[derive(Serialize)]
struct Agent<'d> {
    id: &'d str,
    name: &'d str,
    r#type: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Ecs {
    version: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A line and where it came from.
pub(crate) struct Line<'d> {
    pub(crate) text: &'d str,
    pub(crate) path: &'d str,
    pub(crate) file: FileId,
    pub(crate) offset: u64,
    pub(crate) cut: bool,
}

impl Origin {
    /// The same line of the same file of the same agent always has the same id.
    fn line_id(&self, file: FileId, offset: u64) -> String {
        format!("{}-{:x}-{offset:x}", self.agent_id.get(..16).unwrap_or(&self.agent_id), file.0)
    }

    pub(crate) fn line(&self, now: Timestamp, line: &Line<'_>) -> Vec<u8> {
        let document = LineDocument {
            timestamp: stamp(now),
            metadata: metadata(self.line_id(line.file, line.offset)),
            message: line.text,
            log: Log {
                offset: line.offset,
                file: LogFile { path: line.path },
                flags: line.cut.then_some(["truncated"]),
            },
            input: Input { r#type: "log" },
            host: Host { name: &self.host_name },
            agent: self.agent(),
            ecs: Ecs { version: "8.11.0" },
        };
        let mut out = Vec::with_capacity(line.text.len() + 512);
        // Strings and numbers always serialise.
        let _ = serde_json::to_writer(&mut out, &document);
        out
    }

    /// One measurement; `fields` is what was measured, under `system` or `alces`.
    pub(crate) fn metric(&self, now: Timestamp, dataset: &str, part: &str, fields: Value) -> Vec<u8> {
        let id = format!(
            "{}-{dataset}{part}-{}",
            self.agent_id.get(..16).unwrap_or_default(),
            now.as_millisecond()
        );
        let mut document = json!({
            "@timestamp": stamp(now),
            "@metadata": metadata(id),
            "event": {"kind": "metric", "module": "system", "dataset": dataset},
            "host": {"name": self.host_name},
            "agent": self.agent(),
            "ecs": {"version": "8.11.0"},
        });
        if let (Some(document), Value::Object(fields)) = (document.as_object_mut(), fields) {
            document.extend(fields);
        }
        document.to_string().into_bytes()
    }

    fn agent(&self) -> Agent<'_> {
        Agent { id: &self.agent_id, name: &self.host_name, r#type: "alces", version: VERSION }
    }
}

fn metadata(id: String) -> Metadata {
    Metadata { beat: "alces", r#type: "_doc", version: VERSION, _id: id }
}

fn stamp(now: Timestamp) -> String {
    format!("{now:.3}")
}

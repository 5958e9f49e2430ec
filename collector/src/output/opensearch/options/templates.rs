//! The index templates that are put in place before the first event.

use std::path::Path;

use alces_conf::{Options, Spanned};
use alces_filters::{Context, EcsMode};

/// Ours: name and content of each; see the files.
const OURS: [(&str, &str); 3] = [
    ("alces-logs", include_str!("../../../../../pipelines/templates/alces-logs.json")),
    ("alces-logstash", include_str!("../../../../../pipelines/templates/alces-logstash.json")),
    ("alces-metrics", include_str!("../../../../../pipelines/templates/alces-metrics.json")),
];

/// The index templates.
#[derive(Clone)]
pub(crate) struct Templates {
    pub(crate) list: Vec<IndexTemplate>,
    /// Whether one that is there is put again: somebody may have changed it.
    pub(crate) overwrite: bool,
}

/// One of them.
#[derive(Clone)]
pub(crate) struct IndexTemplate {
    pub(crate) name: String,
    /// JSON.
    pub(crate) content: String,
    /// `_index_template`, or `_template` of before.
    pub(crate) api: &'static str,
}

impl Templates {
    pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let manage = options.boolean("manage_template").unwrap_or(true);
        let overwrite = options.boolean("template_overwrite").unwrap_or(false);
        let apis = [("auto", None), ("composable", Some("_index_template")), ("legacy", Some("_template"))];
        let api = options.choice("template_api", &apis).flatten();
        let name = options.text("template_name").map(|name| name.node);
        options.differs(
            "template",
            "without it three of ours are put, for logs, for `logstash-*` and for metrics",
        );
        let list = match options.text("template") {
            _ if !manage => Vec::new(),
            Some(path) => {
                let usual = if context.ecs == EcsMode::V8 { "ecs-logstash" } else { "logstash" };
                let name = name.unwrap_or_else(|| usual.to_owned());
                given(context, options, &path, name, api).into_iter().collect()
            }
            None => OURS
                .iter()
                .map(|(name, content)| IndexTemplate {
                    name: (*name).to_owned(),
                    content: (*content).to_owned(),
                    api: "_index_template",
                })
                .collect(),
        };
        Self { list, overwrite }
    }
}

fn given(
    context: &Context<'_>,
    options: &mut Options<'_>,
    path: &Spanned<String>,
    name: String,
    api: Option<&'static str>,
) -> Option<IndexTemplate> {
    let mut wrong = |what: String| options.error(&path.span, format!("`{}` {what}", path.node));
    let bytes = match context.files.read(Path::new(&path.node)) {
        Ok(bytes) => bytes,
        Err(error) => {
            wrong(format!("cannot be read: {error}"));
            return None;
        }
    };
    let content: serde_json::Value = match serde_json::from_slice(&bytes) {
        Ok(content) => content,
        Err(error) => {
            wrong(format!("is no JSON: {error}"));
            return None;
        }
    };
    if content.get("index_patterns").is_none() {
        wrong("has no `index_patterns`: it is no index template".to_owned());
        return None;
    }
    // What belongs to indices stands in `template` since there are composable ones.
    let usual = if content.get("template").is_some_and(serde_json::Value::is_object) {
        "_index_template"
    } else {
        "_template"
    };
    Some(IndexTemplate { name, content: content.to_string(), api: api.unwrap_or(usual) })
}

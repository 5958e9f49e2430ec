//! What a plugin of a pipeline is called.

use alces_conf::{Plugin, Source, Value};

/// What a plugin of a pipeline is called in counters, warnings and the monitoring API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its `id`, or what it is and where it stands: `grok@web.conf:2`.
    pub id: String,
    /// What it is: `grok`.
    pub name: String,
}

impl Label {
    /// For a plugin of a file.
    pub fn new(source: &Source, plugin: &Plugin) -> Self {
        let name = plugin.name.node.clone();
        let given = plugin.attributes.iter().find(|attribute| attribute.name.node == "id");
        let id = match given.map(|attribute| &attribute.value.node) {
            Some(Value::String(id) | Value::Bareword(id)) => id.clone(),
            _ => {
                let file = source.name().rsplit('/').next().unwrap_or_default();
                let line = source.error(&plugin.name.span, "").line();
                format!("{name}@{file}:{line}")
            }
        };
        Self { id, name }
    }
}

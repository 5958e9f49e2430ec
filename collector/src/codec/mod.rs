//! How an event is written by outputs that write text.

mod rubydebug;

use alces_conf::{Diagnostic, Options, Plugin, closest};
use alces_event::Event;
use alces_filters::Context;

/// A codec of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// For people: every field on a line, as Ruby prints it.
    RubyDebug {
        /// Whether `@metadata` is printed too.
        metadata: bool,
    },
    /// One JSON object a line.
    JsonLines,
    /// One dot an event.
    Dots,
}

const CODECS: &[&str] = &["dots", "json_lines", "rubydebug"];

impl Codec {
    pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Option<Self>, Vec<Diagnostic>) {
        let mut options = Options::new(context.source, context.env, plugin);
        let codec = match plugin.name.node.as_str() {
            "rubydebug" => Self::RubyDebug { metadata: options.boolean("metadata").unwrap_or(false) },
            // Logstash's `json` writes no newline between events; on a terminal or in a pipe nobody wants that.
            "json_lines" | "json" => Self::JsonLines,
            "dots" => Self::Dots,
            unknown => {
                let error = context.source.error(&plugin.name.span, format!("unknown codec `{unknown}`"));
                let help = match closest(unknown, CODECS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("codecs that are there: {}", CODECS.join(", ")),
                };
                return (None, vec![error.with_help(help)]);
            }
        };
        (Some(codec), options.finish())
    }

    /// Appends one event.
    pub(crate) fn write(self, out: &mut Vec<u8>, event: &Event) {
        match self {
            Self::RubyDebug { metadata } => rubydebug::write(out, event, metadata),
            Self::JsonLines => {
                // Strings and numbers always serialise.
                let _ = serde_json::to_writer(&mut *out, event);
                out.push(b'\n');
            }
            Self::Dots => out.push(b'.'),
        }
    }
}

//! What all codecs have in common, and the table of them.

use std::fmt;

use alces_conf::{Diagnostic, OptionInfo, Options, Plugin, Spanned, unknown_plugin};
use alces_event::{Event, Timestamp};
use alces_plugin::Context;
use bytes::Bytes;

use crate::{
    cef::Cef, csv::Csv, dots::Dots, json::Json, json_lines::JsonLines, line::Line, msgpack::Msgpack,
    multiline::Multiline, plain::Plain, rubydebug::RubyDebug,
};

/// How an input cuts what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It does not: bytes come in pieces of any size. As Logstash's streaming inputs do, `plain` is read as `line` then, and
    /// `json` as `json_lines`; and the codecs keep each event's line as `[event][original]`, which those inputs do there.
    Stream,
    /// Each piece is one message, complete in itself. After each one the decoder is flushed.
    Messages,
}

/// Bytes of one stream into events.
pub trait Decoder: Send + Sync {
    /// Takes what came, and appends the events that are complete.
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>);

    /// Appends what is held back: at the end of the stream, and when it is [due](Self::due). The stream may go on.
    fn flush(&mut self, _now: Timestamp, _out: &mut Vec<Event>) {}

    /// When what is held back wants to be flushed, should nothing more come.
    fn due(&self) -> Option<Timestamp> {
        None
    }

    /// The same codec for another stream.
    fn fresh(&self) -> Box<dyn Decoder>;
}

/// Events into bytes.
pub trait Encoder: fmt::Debug + Send + Sync {
    /// Appends an event.
    fn encode(&self, event: &Event, out: &mut Vec<u8>);

    /// Appends what stands once before the first event of all.
    fn header(&self, _first: &Event, _out: &mut Vec<u8>) {}
}

/// A checked codec of an input: makes a decoder for each stream.
pub struct DecoderPlan {
    name: &'static str,
    first: Box<dyn Decoder>,
}

impl DecoderPlan {
    /// The codec's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A decoder for a new stream.
    pub fn stream(&self) -> Box<dyn Decoder> {
        self.first.fresh()
    }
}

impl Clone for DecoderPlan {
    fn clone(&self) -> Self {
        Self { name: self.name, first: self.first.fresh() }
    }
}

impl fmt::Debug for DecoderPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecoderPlan").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads the options of a codec for an input.
type Decodes = fn(&Context<'_>, &mut Options<'_>, Framing) -> Option<Box<dyn Decoder>>;

/// Reads the options of a codec for an output.
type Encodes = fn(&Context<'_>, &mut Options<'_>) -> Option<Box<dyn Encoder>>;

/// All codecs, in the order of their names: how each is read for an input and for an output. Both read all options.
const CODECS: &[(&str, Option<Decodes>, Option<Encodes>)] = &[
    ("cef", Some(Cef::decoder), Some(Cef::encoder)),
    ("csv", Some(Csv::decoder), Some(Csv::encoder)),
    ("dots", None, Some(Dots::encoder)),
    ("json", Some(Json::decoder), Some(Json::encoder)),
    ("json_lines", Some(JsonLines::decoder), Some(JsonLines::encoder)),
    ("line", Some(Line::decoder), Some(Line::encoder)),
    ("msgpack", Some(Msgpack::decoder), Some(Msgpack::encoder)),
    ("multiline", Some(Multiline::decoder), None),
    ("plain", Some(Plain::decoder), Some(Plain::encoder)),
    ("rubydebug", None, Some(RubyDebug::encoder)),
];

/// Checks and compiles the codec of an input.
pub fn decoder(
    context: &Context<'_>,
    plugin: &Plugin,
    framing: Framing,
) -> (Option<DecoderPlan>, Vec<Diagnostic>) {
    let (name, decodes, _) = match known(context, plugin) {
        Ok(known) => *known,
        Err(error) => return (None, vec![error]),
    };
    let Some(decodes) = decodes else {
        return (
            None,
            vec![one_way(context, plugin, "output", "inputs", |(_, decodes, _)| decodes.is_some())],
        );
    };
    let mut options = common(context, plugin);
    let plan = decodes(context, &mut options, framing).map(|first| DecoderPlan { name, first });
    (plan, options.finish())
}

/// Checks and compiles the codec of an output.
pub fn encoder(context: &Context<'_>, plugin: &Plugin) -> (Option<Box<dyn Encoder>>, Vec<Diagnostic>) {
    let encodes = match known(context, plugin) {
        Ok((_, _, encodes)) => encodes,
        Err(error) => return (None, vec![error]),
    };
    let Some(encodes) = encodes else {
        return (
            None,
            vec![one_way(context, plugin, "input", "outputs", |(_, _, encodes)| encodes.is_some())],
        );
    };
    let mut options = common(context, plugin);
    let encoder = encodes(context, &mut options);
    (encoder, options.finish())
}

/// All codecs with their options.
pub fn describe(context: &Context<'_>) -> Vec<(&'static str, Vec<OptionInfo>)> {
    let described = |(name, decodes, encodes): &(&'static str, Option<Decodes>, Option<Encodes>)| {
        let plugin =
            Plugin { name: Spanned { node: (*name).to_owned(), span: 0..0 }, attributes: Vec::new() };
        let mut options = common(context, &plugin);
        match (decodes, encodes) {
            (Some(decodes), _) => drop(decodes(context, &mut options, Framing::Messages)),
            (None, Some(encodes)) => drop(encodes(context, &mut options)),
            (None, None) => {}
        }
        (*name, options.described().to_vec())
    };
    CODECS.iter().map(described).collect()
}

type Row = (&'static str, Option<Decodes>, Option<Encodes>);

fn known(context: &Context<'_>, plugin: &Plugin) -> Result<&'static Row, Diagnostic> {
    let name = plugin.name.node.as_str();
    CODECS.iter().find(|(known, _, _)| *known == name).ok_or_else(|| {
        let names: Vec<_> = CODECS.iter().map(|(known, _, _)| *known).collect();
        unknown_plugin(context.source, "codec", &plugin.name, &names)
    })
}

fn one_way(
    context: &Context<'_>,
    plugin: &Plugin,
    place: &str,
    wanted: &str,
    fits: fn(&Row) -> bool,
) -> Diagnostic {
    let names: Vec<_> = CODECS.iter().filter(|row| fits(row)).map(|(name, _, _)| *name).collect();
    context
        .source
        .error(&plugin.name.span, format!("the codec `{}` is for an {place} only", plugin.name.node))
        .with_help(format!("codecs of {wanted}: {}", names.join(", ")))
}

/// The options that every codec has.
fn common<'c>(context: &Context<'c>, plugin: &'c Plugin) -> Options<'c> {
    let mut options = Options::new(context.source, context.env, plugin);
    options.text("id");
    options.no_effect("enable_metric", "every plugin is measured");
    options
}

#[cfg(test)]
mod tests {
    use crate::test_support::{errors_in, errors_out};

    #[test]
    fn what_is_not_there_or_goes_one_way_only_is_named() {
        insta::assert_snapshot!(errors_in("jsn"), @r#"
        x.conf:1:26: unknown codec `jsn`
          |
        1 | input { stdin { codec => jsn } }
          |                          ^^^
          = help: did you mean `json`?
        "#);
        insta::assert_snapshot!(errors_in("avro"), @r#"
        x.conf:1:26: the codec `avro` of Logstash is not supported yet
          |
        1 | input { stdin { codec => avro } }
          |                          ^^^^
          = help: `alces plugins` lists what is there
        "#);
        insta::assert_snapshot!(errors_in("rubydebug"), @r#"
        x.conf:1:26: the codec `rubydebug` is for an output only
          |
        1 | input { stdin { codec => rubydebug } }
          |                          ^^^^^^^^^
          = help: codecs of inputs: cef, csv, json, json_lines, line, msgpack, multiline, plain
        "#);
        insta::assert_snapshot!(errors_out("multiline"), @r#"
        x.conf:1:26: the codec `multiline` is for an input only
          |
        1 | input { stdin { codec => multiline } }
          |                          ^^^^^^^^^
          = help: codecs of outputs: cef, csv, dots, json, json_lines, line, msgpack, plain, rubydebug
        "#);
        insta::assert_snapshot!(errors_out(r#"line { formt => "x" charset => "klingon" }"#), @r#"
        x.conf:1:57: `klingon` is not a character set that is known
          |
        1 | input { stdin { codec => line { formt => "x" charset => "klingon" } } }
          |                                                         ^^^^^^^^^
          = help: write its name as in `UTF-8`, `ISO-8859-1`, `CP1252` or `Shift_JIS`
        x.conf:1:33: unknown option `formt` of line
          |
        1 | input { stdin { codec => line { formt => "x" charset => "klingon" } } }
          |                                 ^^^^^
          = help: did you mean `format`?
        "#);
    }
}

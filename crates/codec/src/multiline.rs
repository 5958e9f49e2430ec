//! `multiline`: lines that belong together are one event (logstash-codec-multiline 3.1).

use std::time::Duration;

use alces_conf::Options;
use alces_event::{Event, Timestamp};
use alces_grok::{Grok, Outcome, PatternSet, Spans};
use alces_plugin::{
    Context, EcsMode,
    context::ecs_option,
    patterns::{locate, pattern_files},
};
use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    Decoder, Framing,
    lines::{LINE_BYTES, Lines},
    text::Text,
};

/// A compiled `multiline { … }`.
pub(crate) struct Multiline {
    pattern: Grok,
    negate: bool,
    what: What,
    tag: String,
    max_lines: usize,
    max_bytes: usize,
    auto_flush: Option<Duration>,
    text: Text,
    spans: Spans,
    lines: Lines,
    held: Held,
}

/// The lines of the event that is under way.
#[derive(Clone, Debug, Default)]
struct Held {
    lines: Vec<ByteString>,
    bytes: usize,
    /// When the last bytes came.
    last: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Previous,
    Next,
}

impl Multiline {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        _: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let mut set = match ecs_option(options, context.ecs) {
            EcsMode::Disabled => PatternSet::legacy(),
            EcsMode::V8 => PatternSet::ecs_v1(),
        };
        pattern_files(context, options, "*", &mut set);
        options.differs("patterns_dir", "folders only, not single files");
        let pattern = match options.text("pattern") {
            None => {
                if !options.is_given("pattern") {
                    options.error_here(
                        "multiline wants `pattern => \"^\\s\"`, which lines belong to another one",
                    );
                }
                None
            }
            Some(text) => {
                Grok::compile(&set, &text.node).map_err(|error| locate(options, &set, &text, &error)).ok()
            }
        };
        let what = options.choice("what", &[("previous", What::Previous), ("next", What::Next)]);
        if !options.is_given("what") {
            options.error_here(
                "multiline wants `what => \"previous\"` or `\"next\"`, where such a line belongs to",
            );
        }
        let text = Text::read(options, context);
        let codec = Self {
            negate: options.boolean("negate").unwrap_or(false),
            tag: options.text("multiline_tag").map_or("multiline".to_owned(), |tag| tag.node),
            max_lines: options
                .integer("max_lines", 1..=i64::from(u32::MAX))
                .map_or(500, |most| most as usize),
            max_bytes: size(options, "max_bytes").unwrap_or(10 << 20),
            auto_flush: seconds(options, "auto_flush_interval"),
            pattern: pattern?,
            what: what?,
            text: text?,
            spans: Spans::default(),
            lines: Lines::new("\n", LINE_BYTES),
            held: Held::default(),
        };
        Some(Box::new(codec))
    }

    fn line(&mut self, line: ByteString, now: Timestamp, out: &mut Vec<Event>) {
        // A pattern that explodes does not match.
        let matches = self.pattern.matches(&line, &mut self.spans) == Outcome::Match;
        let belongs = matches != self.negate;
        match self.what {
            What::Previous => {
                if !belongs || self.is_over() {
                    self.emit(now, out);
                }
                self.hold(line);
            }
            What::Next => {
                self.hold(line);
                if !belongs || self.is_over() {
                    self.emit(now, out);
                }
            }
        }
    }

    fn hold(&mut self, line: ByteString) {
        self.held.bytes += line.len();
        self.held.lines.push(line);
    }

    fn has_too_many_lines(&self) -> bool {
        self.held.lines.len() > self.max_lines
    }

    fn has_too_many_bytes(&self) -> bool {
        self.held.bytes >= self.max_bytes
    }

    fn is_over(&self) -> bool {
        self.has_too_many_lines() || self.has_too_many_bytes()
    }

    fn emit(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let (lines, bytes) = (self.has_too_many_lines(), self.has_too_many_bytes());
        let held = std::mem::take(&mut self.held.lines);
        self.held.bytes = 0;
        let (text, many) = match &held[..] {
            [] => return,
            [one] => (one.clone(), false),
            more => {
                let more: Vec<&str> = more.iter().map(|line| &**line).collect();
                (ByteString::from(more.join("\n")), true)
            }
        };
        let mut event = self.text.event(text, now);
        let tags = [
            (many && !self.tag.is_empty(), self.tag.as_str()),
            (bytes, "multiline_codec_max_bytes_reached"),
            (lines, "multiline_codec_max_lines_reached"),
        ];
        tags.into_iter().filter(|(wanted, _)| *wanted).for_each(|(_, tag)| event.tag(tag));
        out.push(event);
    }
}

/// Reads a size as in `10 MiB`: `kB` is 1000 bytes, `KiB` is 1024.
fn size(options: &mut Options<'_>, name: &'static str) -> Option<usize> {
    let text = options.text(name)?;
    let read = || {
        let text = text.node.trim();
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text.get(..at)?.parse().ok()?;
        let unit = text.get(at..)?.trim().to_ascii_lowercase();
        let (unit, base) = match unit.strip_suffix("ib") {
            Some(unit) => (unit, 1024_f64),
            None => (unit.strip_suffix('b').unwrap_or(&unit), 1000_f64),
        };
        let power = ["", "k", "m", "g", "t"].iter().position(|known| *known == unit)?;
        Some((number * base.powi(power as i32)) as usize).filter(|size| *size > 0)
    };
    let size = read();
    if size.is_none() {
        let message = format!("option `{name}` of {} wants a size, as in `10 MiB`", options.plugin());
        options.error(&text.span, message);
    }
    size
}

/// Reads a number of seconds.
fn seconds(options: &mut Options<'_>, name: &'static str) -> Option<Duration> {
    let text = options.text(name)?;
    let read = text.node.parse().ok().and_then(|s: f64| Duration::try_from_secs_f64(s).ok());
    if read.is_none() {
        let message = format!("option `{name}` of {} wants a number of seconds", options.plugin());
        options.error(&text.span, message);
    }
    read
}

impl Decoder for Multiline {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        self.held.last = Some(now);
        let mut lines = Vec::new();
        let text = self.text;
        self.lines.cut(bytes, |cut| lines.push(text.text(cut.bytes())));
        lines.into_iter().for_each(|line| self.line(line, now, out));
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        if let Some(rest) = self.lines.rest() {
            self.line(self.text.text(rest), now, out);
        }
        self.emit(now, out);
        self.held.last = None;
    }

    fn due(&self) -> Option<Timestamp> {
        let holds = !self.held.lines.is_empty() || !self.lines.is_empty();
        let (after, last) = (self.auto_flush?, self.held.last.filter(|_| holds)?);
        last.checked_add(after).ok()
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self {
            pattern: self.pattern.clone(),
            tag: self.tag.clone(),
            spans: self.spans.fresh(),
            lines: self.lines.fresh(),
            held: Held::default(),
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{decode, decoder, errors_in, now, pieces, show};

    const OFF: &str = "ecs_compatibility => disabled";

    #[test]
    fn lines_belong_to_the_one_before() {
        insta::assert_snapshot!(decode(r#"multiline { pattern => "^\s" what => "previous" }"#, b"error\n  at a\n\tat b\r\nnext\nlast"), @r#"
        {"message":"error\n  at a\n\tat b","event":{"original":"error\n  at a\n\tat b"},"tags":["multiline"]}
        {"message":"next","event":{"original":"next"}}
        {"message":"last","event":{"original":"last"}}
        "#);
    }

    #[test]
    fn lines_belong_to_the_next() {
        insta::assert_snapshot!(decode(&format!(r#"multiline {{ {OFF} pattern => "\\$" what => next multiline_tag => "m" }}"#), b"a \\\nb\nc\nd\\"), @r#"
        {"message":"a \\\nb","tags":["m"]}
        {"message":"c"}
        {"message":"d\\"}
        "#);
    }

    #[test]
    fn grok_patterns_and_negation() {
        insta::assert_snapshot!(decode(&format!(r#"multiline {{ {OFF} pattern => "^%{{TIMESTAMP_ISO8601}} " negate => true what => "previous" multiline_tag => "" charset => "CP1252" }}"#), b"2015-05-17 10:05:03 a\nb\xfc\n\n2015-05-17 10:05:04 c\n"), @r#"
        {"message":"2015-05-17 10:05:03 a\nbü\n"}
        {"message":"2015-05-17 10:05:04 c"}
        "#);
    }

    #[test]
    fn an_event_has_limits() {
        let conf =
            |limit: &str| format!(r#"multiline {{ {OFF} pattern => "^ " what => "previous" {limit} }}"#);
        insta::assert_snapshot!(decode(&conf("max_lines => 2"), b"a\n b\n c\n d\n e\n"), @r#"
        {"message":"a\n b\n c","tags":["multiline","multiline_codec_max_lines_reached"]}
        {"message":" d\n e","tags":["multiline"]}
        "#);
        insta::assert_snapshot!(decode(&conf("max_bytes => \"4 B\""), b"a\n bc\n d\n e\n"), @r#"
        {"message":"a\n bc","tags":["multiline","multiline_codec_max_bytes_reached"]}
        {"message":" d\n e","tags":["multiline","multiline_codec_max_bytes_reached"]}
        "#);
    }

    #[test]
    fn what_is_held_back_is_due_after_a_while() {
        let mut codec = decoder(
            &format!(
                r#"multiline {{ {OFF} pattern => "^ " what => "previous" auto_flush_interval => 1.5 }}"#
            ),
            Framing::Stream,
        );
        let mut out = Vec::new();
        assert_eq!(codec.due(), None);
        codec.decode(Bytes::from_static(b"a\n b\n par"), now(), &mut out);
        assert_eq!(codec.due().unwrap().to_string(), "2026-01-02T00:00:01.5Z");
        codec.flush(now(), &mut out);
        assert_eq!(codec.due(), None);
        codec.decode(Bytes::from_static(b"t\n"), now(), &mut out);
        codec.flush(now(), &mut out);
        insta::assert_snapshot!(show(out), @r#"
        {"message":"a\n b\n par","tags":["multiline"]}
        {"message":"t"}
        "#);
        assert!(pieces(r#"multiline { pattern => "a" what => "next" }"#, &[]).is_empty());
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors_in("multiline { }"), @r#"
        x.conf:1:26: multiline wants `pattern => "^\s"`, which lines belong to another one
          |
        1 | input { stdin { codec => multiline { } } }
          |                          ^^^^^^^^^
        x.conf:1:26: multiline wants `what => "previous"` or `"next"`, where such a line belongs to
          |
        1 | input { stdin { codec => multiline { } } }
          |                          ^^^^^^^^^
        "#);
        insta::assert_snapshot!(errors_in(r#"multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" }"#), @r#"
        x.conf:1:139: /does/not/exist: No such file or directory (os error 2)
          |
        1 | input { stdin { codec => multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" } } }
          |                                                                                                                                           ^^^^^^^^^^^^^^^^^
        x.conf:1:50: pattern `%{NOPE}` is not defined
          |
        1 | input { stdin { codec => multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" } } }
          |                                                  ^^^^^^^
        x.conf:1:67: option `what` of multiline wants one of `previous`, `next`
          |
        1 | input { stdin { codec => multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" } } }
          |                                                                   ^^^^^^^^
        x.conf:1:89: option `max_bytes` of multiline wants a size, as in `10 MiB`
          |
        1 | input { stdin { codec => multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" } } }
          |                                                                                         ^^^^^^
        x.conf:1:119: option `auto_flush_interval` of multiline wants a number of seconds
          |
        1 | input { stdin { codec => multiline { pattern => "%{NOPE}" what => "before" max_bytes => "much" auto_flush_interval => "x" patterns_dir => "/does/not/exist" } } }
          |                                                                                                                       ^^^
        "#);
    }
}

//! `cef`: the Common Event Format of ArcSight (logstash-codec-cef 6.2).

mod fields;
mod read;
mod time;
mod write;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Timestamp};
use alces_plugin::{
    Clock, Context, EcsMode,
    context::ecs_option,
    options::{field_option, template},
};
use bytes::Bytes;

use crate::{
    Decoder, Encoder, Framing,
    lines::{LINE_BYTES, Lines},
    text::Text,
};
use fields::{Device, Fields};
use read::Reader;
use time::Times;
use write::Writer;

/// A compiled `cef { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Cef {
    reader: Reader,
    lines: Option<Lines>,
}

/// All options, read for either direction.
struct Read {
    reader: Reader,
    writer: Writer,
    delimiter: Option<String>,
}

impl Cef {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        framing: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let Read { mut reader, delimiter, .. } = read(context, options)?;
        let delimiter = match framing {
            // Else a piece with two messages in it could not be read.
            Framing::Stream => Some(delimiter.unwrap_or_else(|| "\n".to_owned())),
            Framing::Messages => delimiter,
        };
        reader.text = reader.text.keeping(framing == Framing::Stream);
        Some(Box::new(Self { reader, lines: delimiter.map(|d| Lines::new(&d, LINE_BYTES)) }))
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        let Read { mut writer, delimiter, .. } = read(context, options)?;
        writer.end = delimiter.unwrap_or_default();
        Some(Box::new(writer))
    }
}

fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<Read> {
    options.unsupported("deprecated_v1_fields", "Logstash has none either since version 6 of this codec");
    options.unsupported("sev", "write `severity`");
    let ecs = ecs_option(options, context.ecs);
    let device = options.choice("device", &[("observer", Device::Observer), ("host", Device::Host)]);
    let shortens = options.boolean("reverse_mapping").unwrap_or(false);
    let fields = Fields::new(ecs, device.unwrap_or(Device::Observer), shortens);
    options.differs("delimiter", "an input that reads a stream takes a newline where none is given");
    let delimiter = options.text("delimiter").filter(|d| !d.node.is_empty());
    let delimiter = delimiter.map(|d| d.node.replace("\\r", "\r").replace("\\n", "\n"));
    let times = Times::read(options, Clock::clone(&context.clock));
    let raw = field_option(options, "raw_data_field");
    let header = [
        ("vendor", "Elasticsearch"),
        ("product", "Logstash"),
        ("version", "1.0"),
        ("signature", "Logstash"),
        ("name", "Logstash"),
        ("severity", "6"),
    ];
    let header = header.map(|(name, default)| {
        let given = options.text(name);
        let template = given.and_then(|text| template(options, &text.node, &text.span));
        (template, default)
    });
    let writes = options.texts("fields").unwrap_or_default();
    let writes: Vec<_> = writes
        .iter()
        .filter_map(|name| {
            let field = alces_plugin::options::field(options, &name.node, &name.span)?;
            Some((field, fields.written(&name.node)))
        })
        .collect();
    Some(Read {
        writer: Writer { header, fields: writes, end: String::new() },
        reader: Reader { text: Text::utf8(ecs == EcsMode::V8), fields, times: times?, raw },
        delimiter,
    })
}

impl Decoder for Cef {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        let Self { reader, lines } = self;
        match lines {
            None => out.push(reader.message(bytes, now)),
            Some(lines) => lines.cut(bytes, |cut| out.push(reader.message(cut.bytes(), now))),
        }
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let rest = self.lines.as_mut().and_then(Lines::rest);
        out.extend(rest.map(|rest| self.reader.message(rest, now)));
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self { reader: self.reader.clone(), lines: self.lines.as_ref().map(Lines::fresh) })
    }
}

/// A field of the event by a name that need not be a reference.
fn named(name: &str) -> Option<FieldRef> {
    FieldRef::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode, errors_in, messages};

    const OFF: &str = "cef { ecs_compatibility => disabled }";
    const MESSAGE: &[u8] = b"CEF:0|security|threatmanager|1.0|100|trojan successfully stopped|10|src=10.0.0.192 dst=12.121.122.82 spt=1232";

    #[test]
    fn ecs_names_and_full_names() {
        insta::assert_snapshot!(messages("cef", &[MESSAGE]), @r#"{"cef":{"version":"0","name":"trojan successfully stopped"},"observer":{"vendor":"security","product":"threatmanager","version":"1.0"},"event":{"code":"100","severity":"10"},"source":{"ip":"10.0.0.192","port":"1232"},"destination":{"ip":"12.121.122.82"}}"#);
        insta::assert_snapshot!(messages(OFF, &[MESSAGE]), @r#"{"cefVersion":"0","deviceVendor":"security","deviceProduct":"threatmanager","deviceVersion":"1.0","deviceEventClassId":"100","name":"trojan successfully stopped","severity":"10","sourceAddress":"10.0.0.192","destinationAddress":"12.121.122.82","sourcePort":"1232"}"#);
    }

    #[test]
    fn escapes_in_the_header_and_in_values() {
        insta::assert_snapshot!(messages(OFF, &[
            br"CEF:0|secu\|rity|threat\\|1.0|100|a\=b|10|msg=a\=b \\ c\nd | e foo.bar[x]=1 x=",
            br"CEF:0|v|p|1|c|n|3|msg=keys with spaces = in them a=b=c d==e",
        ]), @r#"
        {"cefVersion":"0","deviceVendor":"secu|rity","deviceProduct":"threat\\","deviceVersion":"1.0","deviceEventClassId":"100","name":"a\\=b","severity":"10","message":"a=b \\ c\nd | e foo.bar[x]=1","x":""}
        {"cefVersion":"0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3","message":"keys with spaces = in them","a":"b=c","d":"=e"}
        "#);
    }

    #[test]
    fn a_syslog_header_quotes_and_lists() {
        insta::assert_snapshot!(messages("cef", &[b"Syslogdate Sysloghost CEF:0|v|p|1|c|n|3|\r\n"]), @r#"{"log":{"syslog":{"header":"Syslogdate Sysloghost"}},"cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3"}}"#);
        insta::assert_snapshot!(messages(OFF, &[b"Syslogdate Sysloghost \"CEF:0|v|p|1|c|n|3|", b"\"CEF:0|v|p|1|c|n|3|ad.list[0]=x ad.list[1]=y destinationLatitude=1\""]), @r#"
        {"syslog":"Syslogdate Sysloghost","cefVersion":"\"CEF:0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3"}
        {"cefVersion":"0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3","ad.list":{"0":"x","1":"y"},"destinationLatitude":"1"}
        "#);
    }

    #[test]
    fn names_that_mean_the_same() {
        insta::assert_snapshot!(messages("cef { device => host }", &[b"CEF:0|v|p|1|c|n|3|dvc=1.1.1.1 dvchost=h deviceExternalId=i cs15=x cs15Label=y sntdom=d sourceLatitude=1.5 slong=2 fileHash=h"]), @r#"{"cef":{"version":"0","name":"n","device_custom_string_15":{"value":"x","label":"y"}},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3"},"host":{"ip":"1.1.1.1","name":"h","id":"i"},"source":{"registered_domain":"d","geo":{"location":{"lat":"1.5","lon":"2"}}},"file":{"hash":"h"}}"#);
        insta::assert_snapshot!(messages(OFF, &[b"CEF:0|v|p|1|c|n|3|dlat=1 destinationLatitude=2 cfp1=1.5 cfp1Label=l"]), @r#"{"cefVersion":"0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3","destinationGeoLatitude":"1","destinationLatitude":"2","deviceCustomFloatingPoint1":"1.5","deviceCustomFloatingPoint1Label":"l"}"#);
    }

    #[test]
    fn times_are_read_in_ecs_mode() {
        let check = |times: &str| {
            let message = format!("CEF:0|v|p|1|c|n|3|{times}");
            messages(r#"cef { default_timezone => "Europe/Berlin" }"#, &[message.as_bytes()])
        };
        insta::assert_snapshot!(check("rt=1431857103123 start=May 17 2015 12:05:03 end=May 17 2015 12:05:03.123456 UTC art=May 17 12:05:03.500"), @r#"{"@timestamp":"2015-05-17T10:05:03.123Z","cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3","start":"2015-05-17T10:05:03.000Z","end":"2015-05-17T12:05:03.123456Z","created":"2025-05-17T10:05:03.500Z"}}"#);
        insta::assert_snapshot!(check("rt=Jan 03 00:00:00 dtz=America/New_York mrt="), @r#"{"@timestamp":"2026-01-03T05:00:00.000Z","cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3","timezone":"America/New_York","ingested":null}}"#);
        insta::assert_snapshot!(check("start=Jan 05 00:00:00 end=Dec 31 23:59:59.123 EST"), @r#"{"cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3","start":"2025-01-04T23:00:00.000Z","end":"2026-01-01T04:59:59.123Z"}}"#);
        assert!(check("rt=yesterday").contains("_cefparsefailure"));
        assert!(check("rt=1 dtz=Nowhere/Land").contains("\"timezone\":\"Nowhere/Land\""));
        insta::assert_snapshot!(messages(r#"cef { locale => "de_DE" }"#, &["CEF:0|v|p|1|c|n|3|rt=März 17 2015 12:05:03".as_bytes()]), @r#"{"@timestamp":"2015-03-17T12:05:03.000Z","cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3"}}"#);
        insta::assert_snapshot!(messages(OFF, &[b"CEF:0|v|p|1|c|n|3|rt=yesterday"]), @r#"{"cefVersion":"0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3","deviceReceiptTime":"yesterday"}"#);
    }

    #[test]
    fn what_is_no_cef_is_kept_as_text() {
        for message in [
            &b"nope"[..],
            b"CEF:0|v|p|1|c|n",
            b"CEF:0|v|p|1|c|n|3|no key",
            b"CEF:0|v|p\n|1|c|n|3|",
            b"CEF:0|v|p|1|c|n|3|a=\xff",
            b"CEF:0|v|p|1|c|n|3|a=1 a[0]=2",
        ] {
            let found = messages(OFF, &[message]);
            assert!(
                found.starts_with(r#"{"message":""#) && found.ends_with(r#""tags":["_cefparsefailure"]}"#),
                "{found}"
            );
        }
    }

    #[test]
    fn a_stream_is_cut() {
        insta::assert_snapshot!(decode("cef", b"CEF:0|v|p|1|c|n|3|a=1\r\nCEF:0|v|p|1|c|n|3|a=2"), @r#"
        {"cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3","original":"CEF:0|v|p|1|c|n|3|a=1"},"a":"1"}
        {"cef":{"version":"0","name":"n"},"observer":{"vendor":"v","product":"p","version":"1"},"event":{"code":"c","severity":"3","original":"CEF:0|v|p|1|c|n|3|a=2"},"a":"2"}
        "#);
        insta::assert_snapshot!(decode(r#"cef { delimiter => "\r\n" ecs_compatibility => disabled raw_data_field => "raw" }"#, b"CEF:0|v|p|1|c|n|3|a=1\r\n"), @r#"{"raw":"CEF:0|v|p|1|c|n|3|a=1","cefVersion":"0","deviceVendor":"v","deviceProduct":"p","deviceVersion":"1","deviceEventClassId":"c","name":"n","severity":"3","a":"1"}"#);
    }

    #[test]
    fn events_are_written() {
        insta::assert_snapshot!(encode("cef", &[r#"{"foo":"bar"}"#]), @"CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|");
        insta::assert_snapshot!(encode(r#"cef { vendor => "%{v}" product => "pro|duct" version => "ver\sion" signature => "" name => "a=b" severity => "%{s}" delimiter => "\r\n" fields => ["b-a_r", "[a][b]", "list", "@timestamp", "none", "f"] }"#,
            &[r#"{"v":"ven\ndor","s":"4.0","b-a_r":"x=y\\z\r\nw","a":{"b":7},"list":["a",1],"f":1.0}"#]), @r#"CEF:0|ven dor|pro\|duct|ver\\sion|Logstash|a=b|4|bar=x\=y\\z\nw ab=7 list=["a",1] deviceReceiptTime=2026-01-02T00:00:00.000Z f=1.0"#);
        for (severity, written) in [("foo", 6), ("11", 6), ("-1", 6), ("5.4", 6), ("10", 10), (" 4\\n", 4)] {
            let text = encode(r#"cef { severity => "%{s}" }"#, &[&format!(r#"{{"s":"{severity}"}}"#)]);
            assert!(text.ends_with(&format!("|{written}|")), "{severity}: {text}");
        }
    }

    #[test]
    fn names_are_written_full_or_short() {
        let event = r#"{"source":{"ip":"1.1.1.1","registered_domain":"d"},"deviceAction":"a","destinationLatitude":"1"}"#;
        insta::assert_snapshot!(encode(r#"cef { fields => ["[source][ip]", "[source][registered_domain]", "deviceAction"] }"#, &[event]), @"CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|sourceAddress=1.1.1.1 sourceDnsDomain=d deviceAction=a");
        insta::assert_snapshot!(encode(r#"cef { fields => ["[source][ip]", "deviceAction"] reverse_mapping => true }"#, &[event]), @"CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|src=1.1.1.1 act=a");
        insta::assert_snapshot!(encode(r#"cef { fields => ["destinationLatitude", "deviceAction"] ecs_compatibility => disabled }"#, &[event]), @"CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|destinationLatitude=1 deviceAction=a");
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors_in(r#"cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] }"#), @r#"
        x.conf:1:32: option `deprecated_v1_fields` of cef is not supported yet
          |
        1 | input { stdin { codec => cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] } } }
          |                                ^^^^^^^^^^^^^^^^^^^^
          = help: Logstash has none either since version 6 of this codec
        x.conf:1:61: option `sev` of cef is not supported yet
          |
        1 | input { stdin { codec => cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] } } }
          |                                                             ^^^
          = help: write `severity`
        x.conf:1:106: `Moon` is no time zone that is known
          |
        1 | input { stdin { codec => cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] } } }
          |                                                                                                          ^^^^^^
          = help: write it as in `Europe/Berlin` or `+02:00`
        x.conf:1:80: the names of months in `tlh` are not known
          |
        1 | input { stdin { codec => cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] } } }
          |                                                                                ^^^^^
          = help: known are en, da, de, es, fi, fr, it, nb, nl, pl, pt, sv
        x.conf:1:124: `[` is not a field reference: write `name` or `[outer][inner]`
          |
        1 | input { stdin { codec => cef { deprecated_v1_fields => true sev => 3 locale => "tlh" default_timezone => "Moon" fields => ["["] } } }
          |                                                                                                                            ^^^
        "#);
    }
}

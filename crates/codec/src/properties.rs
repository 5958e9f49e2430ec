//! What holds for codecs alike: what is written is read again, and pieces of any size give the same events.

use alces_event::{Event, FieldRef};
use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    Framing,
    test_support::{decode, decoder, encoder, event, now, pieces, show},
};

/// Events whose fields a codec writes, read by the other half of it.
#[track_caller]
fn there_and_back(writes: &str, reads: &str, framing: Framing, json: &str) -> Event {
    let mut bytes = Vec::new();
    encoder(writes).encode(&event(json), &mut bytes);
    let mut out = Vec::new();
    let mut decoder = decoder(reads, framing);
    decoder.decode(Bytes::from(bytes), now(), &mut out);
    decoder.flush(now(), &mut out);
    assert_eq!(out.len(), 1, "{json}");
    out.remove(0)
}

fn text(event: &Event, field: &str) -> Option<String> {
    event.get(&FieldRef::parse(field).unwrap())?.as_str().map(str::to_owned)
}

const ANY: &str = "[a-c=|\\\\,\"; é\n]{0,12}";

proptest! {
    #[test]
    fn json_and_msgpack_keep_all(a in ".*", n: i64, f in -1e9..1e9, truth: bool) {
        let json = serde_json::json!({"a": a, "n": n, "f": f, "o": {"l": [truth, null, {"a": a}]}}).to_string();
        let before = serde_json::to_value(event(&json)).unwrap();
        for (codec, framing) in [("json", Framing::Stream), ("json", Framing::Messages), ("json_lines", Framing::Stream), ("msgpack", Framing::Stream)] {
            let conf = format!("{codec} {{ ecs_compatibility => disabled }}");
            let after = there_and_back(&conf, &conf, framing, &json);
            prop_assert_eq!(serde_json::to_value(&after).unwrap(), before.clone(), "{}", codec);
        }
    }

    #[test]
    fn line_and_plain_keep_the_message(message in "[^\r\n]{1,20}") {
        let json = serde_json::json!({"message": message}).to_string();
        for (codec, framing) in [("line", Framing::Stream), ("plain", Framing::Messages)] {
            let conf = format!(r#"{codec} {{ format => "%{{message}}" }}"#);
            prop_assert_eq!(text(&there_and_back(&conf, &conf, framing, &json), "message"), Some(message.clone()));
        }
    }

    #[test]
    fn csv_keeps_texts(a in "[a-c\",; é]{0,9}", b in "[a-c\",;]{0,9}") {
        let json = serde_json::json!({"a": a, "n": {"b": b}}).to_string();
        let after = there_and_back(r#"csv { columns => ["a", "[n][b]"] }"#, r#"csv { columns => ["a", "b"] }"#, Framing::Stream, &json);
        prop_assert_eq!((text(&after, "a"), text(&after, "b")), (Some(a), Some(b)));
    }

    /// White space at a value's ends is not kept, and an empty header is the default.
    #[test]
    fn cef_keeps_texts(a in ANY, b in ANY, vendor in "[a-c=|\\\\é]{1,9}", short: bool) {
        let (a, b) = (a.trim(), b.trim());
        let json = serde_json::json!({"source": {"user": {"name": a}}, "foo": b, "v": vendor}).to_string();
        let conf = format!(r#"cef {{ vendor => "%{{v}}" fields => ["[source][user][name]", "foo"] reverse_mapping => {short} }}"#);
        let after = there_and_back(&conf, "cef", Framing::Messages, &json);
        prop_assert_eq!(text(&after, "[source][user][name]"), Some(a.to_owned()));
        prop_assert_eq!(text(&after, "foo"), Some(b.to_owned()));
        prop_assert_eq!(text(&after, "[observer][vendor]"), Some(vendor));
    }

    #[test]
    fn pieces_of_any_size_give_the_same_events(
        stream in "(a,b|\\{\"a\":1\\}|\\[\\{\\},\\{\\}\\]|CEF:0\\|v\\|p\\|1\\|c\\|n\\|3\\|a=b| x|\r?\n|\n|é|\"){0,20}",
        sizes in prop::collection::vec(1_usize..9, 1..9),
    ) {
        let packed: Vec<u8> = stream.bytes().map(|byte| match byte % 7 {
                0 => 0xc1,
                1 => b'a',
                more => more + 0x7f,
            }).collect();
        let codecs = ["plain", "line", "json", "json_lines", "csv { autodetect_column_names => true }", "cef",
            r#"multiline { pattern => "^ " what => "previous" max_lines => 2 }"#, r#"multiline { pattern => "^ " what => "next" }"#, "msgpack"];
        for codec in codecs {
            let bytes = if codec == "msgpack" { &packed[..] } else { stream.as_bytes() };
            let mut cut = Vec::new();
            let (mut rest, mut turn) = (bytes, sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*turn.next().unwrap()));
                cut.push(piece);
                rest = after;
            }
            prop_assert_eq!(show(pieces(codec, &cut)), decode(codec, bytes), "{}", codec);
        }
    }
}

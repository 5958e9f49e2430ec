//! Each codec in the real binary: standard input to standard output.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// What a collector writes to standard output.
fn run(input: &str, bytes: &[u8], output: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let conf = format!(
        "input {{ stdin {{ codec => {input} }} }} filter {{ mutate {{ remove_field => [\"@version\", \"event\", \"host\"] }} }} output {{ stdout {{ codec => {output} }} }}"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_alces"))
        .args(["collector", "--api", "off", "-w", "1", "--data-dir"])
        .arg(dir.path())
        .args(["-e", &conf])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{conf}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// The events that a codec reads, without their times.
fn reads(input: &str, bytes: &[u8]) -> String {
    let written = String::from_utf8(run(input, bytes, "json_lines")).unwrap();
    let without_time = |line: &str| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("@timestamp").unwrap();
        event.to_string()
    };
    written.lines().map(without_time).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_codec_reads_a_stream() {
    insta::assert_snapshot!(reads("plain { charset => CP1252 }", b"f\xfcr\ntwo"), @r#"
    {"message":"für"}
    {"message":"two"}
    "#);
    insta::assert_snapshot!(reads("line { delimiter => \"|\" }", b"one|two"), @r#"
    {"message":"one"}
    {"message":"two"}
    "#);
    insta::assert_snapshot!(reads("json", b"{\"a\":1}\n[{\"a\":2},{\"a\":3}]\nnope"), @r#"
    {"a":1}
    {"a":2}
    {"a":3}
    {"message":"nope","tags":["_jsonparsefailure"]}
    "#);
    insta::assert_snapshot!(reads("json_lines { target => doc }", b"{\"a\":1}"), @r#"{"doc":{"a":1}}"#);
    insta::assert_snapshot!(reads("multiline { pattern => \"^\\s\" what => previous }", b"error\n  at a\n  at b\nnext\n"), @r#"
    {"message":"error\n  at a\n  at b","tags":["multiline"]}
    {"message":"next"}
    "#);
    insta::assert_snapshot!(reads("csv { autodetect_column_names => true }", b"a,b\n1,\"x,y\"\n"), @r#"{"a":"1","b":"x,y"}"#);
    insta::assert_snapshot!(reads("cef", b"CEF:0|v|p|1|c|n|3|src=10.0.0.1 msg=hello there\nCEF:x\n"), @r#"
    {"cef":{"name":"n","version":"0"},"message":"hello there","observer":{"product":"p","vendor":"v","version":"1"},"source":{"ip":"10.0.0.1"}}
    {"message":"CEF:x","tags":["_cefparsefailure"]}
    "#);
    insta::assert_snapshot!(reads("msgpack", b"\x81\xa1a\x01\x81\xa1a\x02"), @r#"
    {"a":1}
    {"a":2}
    "#);
}

#[test]
fn each_codec_writes_events() {
    let writes = |output: &str| {
        let events = b"{\"@timestamp\":\"2015-05-17T10:05:03Z\",\"message\":\"one\",\"n\":{\"m\":[1]}}\n{\"@timestamp\":\"2015-05-17T10:05:04Z\",\"message\":\"a=b\"}\n";
        String::from_utf8_lossy(&run("json", events, output)).into_owned()
    };
    insta::assert_snapshot!(writes("plain { format => \"%{message};\" }"), @"one;a=b;");
    insta::assert_snapshot!(writes("line"), @r#"
    2015-05-17T10:05:03.000Z %{host} one
    2015-05-17T10:05:04.000Z %{host} a=b
    "#);
    insta::assert_snapshot!(writes("json"), @r#"
    {"@timestamp":"2015-05-17T10:05:03.000Z","message":"one","n":{"m":[1]}}
    {"@timestamp":"2015-05-17T10:05:04.000Z","message":"a=b"}
    "#);
    insta::assert_snapshot!(writes("csv { columns => [\"message\", \"[n][m]\"] include_headers => true }"), @r#"
    message,[n][m]
    one,[1]
    a=b,
    "#);
    insta::assert_snapshot!(writes("cef { fields => [\"message\"] reverse_mapping => true delimiter => \"\\n\" }"), @r#"
    CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|msg=one
    CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|msg=a\=b
    "#);
    insta::assert_snapshot!(writes("dots"), @"..");
    insta::assert_snapshot!(writes("rubydebug"), @r#"
    {
        "@timestamp" => 2015-05-17T10:05:03.000Z,
           "message" => "one",
                 "n" => {
            "m" => [
                [0] 1
            ]
        }
    }
    {
        "@timestamp" => 2015-05-17T10:05:04.000Z,
           "message" => "a=b"
    }
    "#);
}

#[test]
fn what_one_collector_packs_the_next_one_reads() {
    let packed = run("json", b"{\"a\":[1,null,\"\xc3\xa4\"]}\n{\"b\":2}\n", "msgpack");
    assert_eq!(reads("msgpack", &packed), "{\"a\":[1,null,\"\u{e4}\"]}\n{\"b\":2}");
}

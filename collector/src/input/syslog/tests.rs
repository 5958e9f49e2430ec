use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpStream, UdpSocket},
};

use super::super::test_support::{Running, errors};

/// What the input makes of a stream.
async fn check(options: &str, sent: &[u8], count: usize) -> String {
    let mut running = Running::start(&format!("syslog {{ port => 0 {options} }}")).await;
    let mut sender = TcpStream::connect(running.address).await.unwrap();
    sender.write_all(sent).await.unwrap();
    sender.shutdown().await.unwrap();
    let found = running.take(count).await;
    assert_eq!(running.stop().await, [""; 0]);
    found.join("\n")
}

const LEGACY: &[u8] = b"<34>Dec 31 22:14:15 web-1 sshd[4123]: Accepted publickey\n";
const NEW: &[u8] = br#"104 <165>1 2003-10-11T22:14:15.003Z web-1 shop 8710 ID47 [a@1 x="1" x="2" y="\"q\""][b@1] An entry is here"#;

#[tokio::test]
async fn fields_of_rfc_3164() {
    insta::assert_snapshot!(check("tags => 't'", LEGACY, 1).await, @r#"{"@timestamp":"2025-12-31T22:14:15.000Z","message":"Accepted publickey","event":{"original":"<34>Dec 31 22:14:15 web-1 sshd[4123]: Accepted publickey"},"host":{"ip":"127.0.0.1","hostname":"web-1"},"tags":["t"],"service":{"type":"system"},"timestamp":"Dec 31 22:14:15","process":{"name":"sshd","pid":4123},"log":{"syslog":{"priority":34,"facility":{"code":4,"name":"security/authorization"},"severity":{"code":2,"name":"Critical"}}}} {}"#);
    insta::assert_snapshot!(check("ecs_compatibility => disabled timezone => 'Europe/Berlin'", LEGACY, 1).await, @r#"{"@timestamp":"2025-12-31T21:14:15.000Z","message":"Accepted publickey","host":"127.0.0.1","timestamp":"Dec 31 22:14:15","logsource":"web-1","program":"sshd","pid":"4123","priority":34,"facility":4,"severity":2,"facility_label":"security/authorization","severity_label":"Critical"} {}"#);
    insta::assert_snapshot!(check("ecs_compatibility => disabled use_labels => false", b"<13>2026-01-01T00:00:00+01:00 h up", 1).await, @r#"{"@timestamp":"2025-12-31T23:00:00.000Z","message":"up","host":"127.0.0.1","timestamp8601":"2026-01-01T00:00:00+01:00","timestamp":"2026-01-01T00:00:00+01:00","logsource":"h","priority":13,"facility":1,"severity":5} {}"#);
    insta::assert_snapshot!(check("facility_labels => ['k'] severity_labels => ['a', 'b'] ecs_compatibility => disabled", b"<1>Jan  1 00:00:00 kernel: up", 1).await, @r#"{"@timestamp":"2026-01-01T00:00:00.000Z","message":"up","host":"127.0.0.1","timestamp":"Jan  1 00:00:00","program":"kernel","priority":1,"facility":0,"severity":1,"facility_label":"k","severity_label":"b"} {}"#);
}

#[tokio::test]
async fn fields_of_rfc_5424() {
    insta::assert_snapshot!(check("", NEW, 1).await, @r#"{"@timestamp":"2003-10-11T22:14:15.003Z","message":"An entry is here","event":{"original":"<165>1 2003-10-11T22:14:15.003Z web-1 shop 8710 ID47 [a@1 x=\"1\" x=\"2\" y=\"\\\"q\\\"\"][b@1] An entry is here"},"host":{"ip":"127.0.0.1","hostname":"web-1"},"service":{"type":"system"},"timestamp":"2003-10-11T22:14:15.003Z","process":{"name":"shop","pid":8710},"log":{"syslog":{"msgid":"ID47","version":1,"structured_data":{"a@1":{"x":["1","2"],"y":"\"q\""},"b@1":{}},"priority":165,"facility":{"code":20,"name":"local4"},"severity":{"code":5,"name":"Notice"}}}} {}"#);
    insta::assert_snapshot!(check("ecs_compatibility => disabled", NEW, 1).await, @r#"{"@timestamp":"2003-10-11T22:14:15.003Z","message":"An entry is here","host":"127.0.0.1","timestamp8601":"2003-10-11T22:14:15.003Z","timestamp":"2003-10-11T22:14:15.003Z","logsource":"web-1","program":"shop","pid":"8710","msgid":"ID47","version":1,"structured_data":{"a@1":{"x":["1","2"],"y":"\"q\""},"b@1":{}},"priority":165,"facility":20,"severity":5,"facility_label":"local4","severity_label":"Notice"} {}"#);
    insta::assert_snapshot!(check("", b"<13>1 - - app one - - hello", 1).await, @r#"{"message":"hello","event":{"original":"<13>1 - - app one - - hello"},"host":{"ip":"127.0.0.1"},"service":{"type":"system"},"process":{"name":"app"},"log":{"syslog":{"procid":"one","version":1,"priority":13,"facility":{"code":1,"name":"user-level"},"severity":{"code":5,"name":"Notice"}}}} {}"#);
}

#[tokio::test]
async fn what_is_no_syslog_is_tagged_and_goes_on() {
    insta::assert_snapshot!(check("tags => 't'", b"nothing of the kind\n", 1).await, @r#"{"message":"nothing of the kind","event":{"original":"nothing of the kind"},"host":{"ip":"127.0.0.1"},"tags":["t","_grokparsefailure_sysloginput"],"service":{"type":"system"},"log":{"syslog":{"priority":13,"facility":{"code":1,"name":"user-level"},"severity":{"code":5,"name":"Notice"}}}} {}"#);
}

#[tokio::test]
async fn a_pattern_of_ones_own() {
    let options = r#"ecs_compatibility => disabled grok_pattern => "<%{POSINT:priority}>%{SYSLOGTIMESTAMP:timestamp} %{WORD:what}: %{GREEDYDATA:message}""#;
    insta::assert_snapshot!(check(options, b"<14>Jan  1 01:02:03 x: hello\nno\n", 2).await, @r#"
    {"@timestamp":"2026-01-01T01:02:03.000Z","message":"hello","host":"127.0.0.1","priority":14,"timestamp":"Jan  1 01:02:03","what":"x","facility":1,"severity":6,"facility_label":"user-level","severity_label":"Informational"} {}
    {"message":"no","host":"127.0.0.1","tags":["_grokparsefailure_sysloginput"],"priority":13,"facility":1,"severity":5,"facility_label":"user-level","severity_label":"Notice"} {}
    "#);
    insta::assert_snapshot!(errors(r#"syslog { grok_pattern => "%{NOPE:x}" }"#), @r#"
    x.conf:1:35: pattern `%{NOPE}` is not defined
      |
    1 | input { syslog { grok_pattern => "%{NOPE:x}" } }
      |                                   ^^^^^^^^^
    "#);
}

#[tokio::test]
async fn a_codec_makes_the_field_that_is_read() {
    let options = "codec => json syslog_field => 'line' ecs_compatibility => disabled";
    insta::assert_snapshot!(check(options, br#"{"line":"<13>Jan  1 00:00:00 h a: b"}"#, 1).await, @r#"{"@timestamp":"2026-01-01T00:00:00.000Z","line":"b","host":"127.0.0.1","timestamp":"Jan  1 00:00:00","logsource":"h","program":"a","priority":13,"facility":1,"severity":5,"facility_label":"user-level","severity_label":"Notice"} {}"#);
}

#[tokio::test]
async fn datagrams_come_to_the_same_port() {
    let mut running =
        Running::start("syslog { port => 0 ecs_compatibility => disabled use_labels => false }").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(b"<13>Jan  1 00:00:00 h a: b\n", running.address).await.unwrap();
    insta::assert_snapshot!(running.take(1).await.join("\n"), @r#"{"@timestamp":"2026-01-01T00:00:00.000Z","message":"b","host":"127.0.0.1","timestamp":"Jan  1 00:00:00","logsource":"h","program":"a","priority":13,"facility":1,"severity":5} {}"#);
    running.stop().await;
}

#[tokio::test]
async fn behind_a_proxy() {
    let sent = b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 514\r\n<13>Jan  1 00:00:00 h a: b\n";
    let found = check("proxy_protocol => true ecs_compatibility => disabled", sent, 1).await;
    assert!(found.contains(r#""host":"192.0.2.1""#), "{found}");
}

#[tokio::test]
async fn further_connections_wait_and_idle_ones_end() {
    let mut running = Running::start("syslog { port => 0 max_connections => 1 idle_timeout => 1 }").await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(LEGACY).await.unwrap();
    assert!(running.take(1).await[0].contains("Accepted"));
    // It goes on saying nothing; when it is closed the second one is read.
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(NEW).await.unwrap();
    assert!(running.take(1).await[0].contains("An entry"));
    running.stop().await;
}

#[test]
fn what_is_wrong_is_told() {
    assert!(errors("syslog { timezone => 'Mars/Base' }").contains("`Mars/Base` is no time zone"));
    assert!(errors("syslog { ssl_enabled => true }").contains("wants `ssl_certificate"));
    assert!(errors("syslog { max_connections => 0 }").contains("a whole number from 1"));
}

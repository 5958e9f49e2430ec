use std::io::Write as _;

use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    super::test_support::{Running, ask, errors},
    gate::{Packing, Refusal},
};

/// What is answered, and what becomes of it.
async fn check(options: &str, head: &str, body: &[u8]) -> String {
    let mut running = Running::start(&format!("http {{ port => 0 {options} }}")).await;
    let (answer, events) = ask(&mut running, head, body, &["retry", "www-", "x-", "content-type"]).await;
    running.stop().await;
    [vec![answer], events].concat().join("\n")
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn a_body_is_events() {
    let json = "POST /hook?x=1 HTTP/1.1\nContent-Type: application/json; charset=utf-8\nUser-Agent: test\nAuthorization: secret";
    insta::assert_snapshot!(check("tags => 't'", json, br#"[{"a":1},{"a":2}]"#).await, @r#"
    200 OK | content-type: text/plain | ok
    {"a":1,"http":{"version":"HTTP/1.1","method":"POST","request":{"body":{"bytes":"17"},"mime_type":"application/json; charset=utf-8"}},"url":{"path":"/hook?x=1","domain":"h.example","port":8080},"user_agent":{"original":"test"},"host":{"ip":"127.0.0.1"},"tags":["t"]} {"input":{"http":{"request":{"headers":{"request_method":"POST","request_path":"/hook?x=1","http_version":"HTTP/1.1","content_type":"application/json; charset=utf-8","http_user_agent":"test","http_host":"h.example:8080","http_connection":"close","content_length":"17"}}}}}
    {"a":2,"http":{"version":"HTTP/1.1","method":"POST","request":{"body":{"bytes":"17"},"mime_type":"application/json; charset=utf-8"}},"url":{"path":"/hook?x=1","domain":"h.example","port":8080},"user_agent":{"original":"test"},"host":{"ip":"127.0.0.1"},"tags":["t"]} {"input":{"http":{"request":{"headers":{"request_method":"POST","request_path":"/hook?x=1","http_version":"HTTP/1.1","content_type":"application/json; charset=utf-8","http_user_agent":"test","http_host":"h.example:8080","http_connection":"close","content_length":"17"}}}}}
    "#);
    insta::assert_snapshot!(check("ecs_compatibility => disabled", "PUT / HTTP/1.1", b"two\nlines").await, @r#"
    200 OK | content-type: text/plain | ok
    {"message":"two\nlines","headers":{"request_method":"PUT","request_path":"/","http_version":"HTTP/1.1","http_host":"h.example:8080","http_connection":"close","content_length":"9"},"host":"127.0.0.1"} {}
    "#);
    let lines = "POST / HTTP/1.1\nContent-Type: application/x-ndjson";
    insta::assert_snapshot!(check("ecs_compatibility => disabled request_headers_target_field => '[@metadata][h]' remote_host_target_field => from", lines, b"{\"a\":1}\n{\"a\":2}").await, @r#"
    200 OK | content-type: text/plain | ok
    {"a":1,"from":"127.0.0.1"} {"h":{"request_method":"POST","request_path":"/","http_version":"HTTP/1.1","content_type":"application/x-ndjson","http_host":"h.example:8080","http_connection":"close","content_length":"15"}}
    {"a":2,"from":"127.0.0.1"} {"h":{"request_method":"POST","request_path":"/","http_version":"HTTP/1.1","content_type":"application/x-ndjson","http_host":"h.example:8080","http_connection":"close","content_length":"15"}}
    "#);
}

#[tokio::test]
async fn the_answer_is_as_it_is_wanted() {
    let options = "response_code => 202 response_headers => { 'X-A' => 'b' 'Content-Type' => 'text/html' }";
    let found = check(options, "POST / HTTP/1.1", b"x").await;
    assert!(found.starts_with("202 Accepted | content-type: text/html | x-a: b | ok\n"), "{found}");
    let found = check("response_code => 204", "POST / HTTP/1.1", b"x").await;
    assert!(found.starts_with("204 No Content"), "{found}");
}

#[tokio::test]
async fn packed_bodies_have_a_limit() {
    let text = [b'x'; 100];
    for (encoding, body) in [("gzip", gzip(&text)), ("zstd", zstd::encode_all(&text[..], 0).unwrap())] {
        let head = format!("POST / HTTP/1.1\nContent-Encoding: {encoding}");
        assert!(check("", &head, &body).await.starts_with("200 OK"));
        let too_large = check("max_inflated_length => 99", &head, &body).await;
        assert_eq!(too_large, "413 Payload Too Large | content-type: text/plain | the body is too large");
        let broken = check("", &head, b"nothing packed").await;
        assert_eq!(broken, "400 Bad Request | content-type: text/plain | the body cannot be read");
    }
    insta::assert_snapshot!(check("", "POST / HTTP/1.1\nContent-Encoding: br", b"x").await, @"415 Unsupported Media Type | content-type: text/plain | known encodings are gzip, deflate and zstd");
    insta::assert_snapshot!(check("max_content_length => 10", "POST / HTTP/1.1", &text).await, @"413 Payload Too Large | content-type: text/plain | the body is too large");
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let options = "user => 'u' password => 'p' bearer_token => 'T'";
    for (shown, expect) in [
        ("", "401"),
        ("\nAuthorization: Basic dTpw", "200"),
        ("\nAuthorization: basic dTpw", "200"),
        ("\nAuthorization: Basic dTpx", "401"),
        ("\nAuthorization: Bearer T", "200"),
        ("\nAuthorization: Bearer TT", "401"),
        ("\nAuthorization: Bearer ", "401"),
        ("\nAuthorization: T", "401"),
    ] {
        let found = check(options, &format!("POST / HTTP/1.1{shown}"), b"x").await;
        assert!(found.starts_with(expect), "{shown}: {found}");
        assert_eq!(found.contains("www-authenticate: Basic realm=\"alces\""), expect == "401");
    }
}

/// A request whose events nobody has delivered yet.
async fn waiting(running: &mut Running) -> (TcpStream, crate::batch::Batch) {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").await.unwrap();
    (stream, running.batches.recv().await.unwrap())
}

#[tokio::test]
async fn it_answers_when_events_are_delivered_and_turns_away_who_is_too_many() {
    let mut running = Running::start("http { port => 0 max_pending_requests => 1 }").await;
    let (mut first, batch) = waiting(&mut running).await;
    let (second, _) = ask(&mut running, "POST / HTTP/1.1", b"y", &["retry"]).await;
    assert_eq!(second, "429 Too Many Requests | retry-after: 1 | busy: send it again later");
    batch.delivery.done();
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    // What is not delivered is not acknowledged, and nobody has lost it: its sender has it still.
    drop(first);
    let (mut third, batch) = waiting(&mut running).await;
    drop(batch);
    third.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503 Se");
    assert_eq!(running.stats.accounts().lost, 0);
    drop(third);
    running.stop().await;
}

#[tokio::test]
async fn at_the_end_of_the_collector_a_body_that_does_not_come_is_not_waited_for() {
    let running = Running::start("http { port => 0 }").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    running.stop().await;
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 503 "), "{rest}");
}

#[test]
fn what_is_wrong_is_told() {
    assert!(errors("http { additional_codecs => { 'a/b' => 'jsn' } }").contains("did you mean `json`"));
    assert!(errors("http { response_headers => { 'a b' => 'c' } }").contains("is no name of a header"));
    assert!(errors("http { response_code => 404 }").contains("wants one of"));
    assert!(errors("http { user => 'u' }").contains("belong together"));
    assert!(errors("http { keystore => 'x' }").contains("not supported"));
}

proptest! {
    /// However it is packed, it is unpacked, and no further than it may be.
    #[test]
    fn packed_is_unpacked(text in prop::collection::vec(any::<u8>(), 0..300), most in 0_usize..300) {
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(&text).unwrap();
        let packed = [
            (Packing::Gzip, gzip(&text)),
            (Packing::Deflate, deflate.finish().unwrap()),
            (Packing::Zstd, zstd::encode_all(&text[..], 0).unwrap()),
        ];
        for (packing, bytes) in packed {
            let found = packing.unpack(&bytes, most);
            match text.len() > most {
                true => prop_assert_eq!(found, Err(Refusal::TooLarge)),
                false => prop_assert_eq!(found.unwrap(), text.clone()),
            }
        }
    }

    /// Bytes of any kind are no more than an error.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        for packing in [Packing::Gzip, Packing::Deflate, Packing::Zstd] {
            let _ = packing.unpack(&bytes, 1000);
        }
    }
}

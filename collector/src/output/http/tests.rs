//! Against a receiver that answers as it is told.

use std::{
    collections::VecDeque,
    io::Read as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

use super::super::test_support::{House, errors, send, sent};

/// Status, headers and body of an answer.
type Told = (u16, Vec<(&'static str, &'static str)>, &'static str);

#[derive(Default)]
struct Receiver {
    script: VecDeque<Told>,
    /// `METHOD path`, headers and body of each request, as they came.
    got: Vec<(String, HeaderMap, Bytes)>,
}

type Shared = Arc<Mutex<Receiver>>;

async fn answer(State(receiver): State<Shared>, request: Request) -> Response {
    let head = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let mut receiver = receiver.lock().unwrap();
    receiver.got.push((head, headers, body));
    let (status, headers, text) = receiver.script.pop_front().unwrap_or((200, Vec::new(), "ok"));
    let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A receiver, and its port.
async fn receiver(script: impl IntoIterator<Item = Told>) -> (Shared, u16) {
    let receiver = Shared::default();
    receiver.lock().unwrap().script = script.into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().fallback(answer).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (receiver, port)
}

const TWO: &[&str] = &[r#"{"message":"1","h":"a b","n":1}"#, r#"{"message":"2","h":"b","n":{"m":[2]}}"#];

/// What comes of two events, the answers being these: the requests, then the dead letters with their reasons.
async fn check(options: &str, script: impl IntoIterator<Item = Told>) -> String {
    let (receiver, port) = receiver(script).await;
    let house = House::new();
    let output = house.open(&format!(
        "http {{ pool_max => 1 {} }}",
        options.replace("URL", &format!("http://u:secret@127.0.0.1:{port}"))
    ));
    send(&output, TWO).await;
    let requests = receiver
        .lock()
        .unwrap()
        .got
        .iter()
        .map(|(head, headers, body)| {
            let kind = headers.get("content-type").unwrap().to_str().unwrap();
            format!("{head} {kind} {}", String::from_utf8_lossy(body))
        })
        .collect::<Vec<_>>();
    let letters = house.letters();
    let letters = letters.iter().map(|letter| {
        format!("letter {} {} {}", letter["event"]["message"], letter["status"], letter["reason"])
    });
    let all: Vec<_> = requests.into_iter().chain(letters).collect();
    let all = all.join("\n").replace(&port.to_string(), "PORT");
    assert!(!all.contains("secret"), "{all}");
    all
}

#[tokio::test]
async fn each_format_is_sent_as_it_is_told() {
    insta::assert_snapshot!(check(r#"url => "URL/x?h=%{h}" http_method => post"#, []).await, @r#"
    POST /x?h=a%20b application/json {"@timestamp":"1970-01-01T00:00:00.000Z","message":"1","h":"a b","n":1,"@version":"1"}
    POST /x?h=b application/json {"@timestamp":"1970-01-01T00:00:00.000Z","message":"2","h":"b","n":{"m":[2]},"@version":"1"}
    "#);
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => put format => json_batch mapping => { "a" => "%{n}" "b" => { "c" => ["%{message}", 7] } }"#, []).await, @r#"PUT / application/json [{"a":"1","b":{"c":["1","7"]}},{"a":"{\"m\":[2]}","b":{"c":["2","7"]}}]"#);
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => patch format => form mapping => { "a" => "%{h}&" "b" => ["x"] }"#, []).await, @"
    PATCH / application/x-www-form-urlencoded a=a+b%26&b=%5B%22x%22%5D
    PATCH / application/x-www-form-urlencoded a=b%26&b=%5B%22x%22%5D
    ");
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => post format => message message => "<%{message}>" content_type => "text/x""#, []).await, @"
    POST / text/x <1>
    POST / text/x <2>
    ");
}

#[tokio::test]
async fn what_is_refused_is_kept_and_what_is_too_large_is_halved() {
    let nothing = Vec::new;
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => post format => message message => "%{message}""#, [(404, nothing(), "not\nthere"), (301, vec![("location", "/other")], "")]).await, @r#"
    POST / text/plain 1
    POST / text/plain 2
    letter "1" 404 "http://127.0.0.1:PORT: status 404: not\nthere"
    letter "2" 301 "http://127.0.0.1:PORT: status 301 (only `get` and `head` follow others, on the same host)"
    "#);
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => post format => json_batch mapping => { "m" => "%{message}" }"#, [(413, nothing(), ""), (413, nothing(), "")]).await, @r#"
    POST / application/json [{"m":"1"},{"m":"2"}]
    POST / application/json [{"m":"1"}]
    POST / application/json [{"m":"2"}]
    letter "1" 413 "http://127.0.0.1:PORT: status 413"
    "#);
    insta::assert_snapshot!(check(r#"url => "URL/" http_method => post format => message message => "%{message}" ignorable_codes => [404] retry_failed => false"#, [(404, nothing(), ""), (503, nothing(), "busy")]).await, @r#"
    POST / text/plain 1
    POST / text/plain 2
    letter "2" 503 "http://127.0.0.1:PORT: status 503: busy"
    "#);
    insta::assert_snapshot!(check(r#"url => "%{h}" http_method => post"#, []).await, @r#"
    letter "1" null "the event's `url` is no address"
    letter "2" null "the event's `url` is no address"
    "#);
    insta::assert_snapshot!(check(r#"url => "http://u:secret@127.0.0.1:1/path" http_method => post retry_failed => false"#, []).await, @r#"
    letter "1" null "http://127.0.0.1:1: Connection refused (os error 111)"
    letter "2" null "http://127.0.0.1:1: Connection refused (os error 111)"
    "#);
}

#[tokio::test]
async fn what_is_busy_or_away_is_waited_for() {
    let (receiver, port) =
        receiver([(503, Vec::new(), ""), (429, vec![("retry-after", "0")], ""), (200, Vec::new(), "")]).await;
    let house = House::new();
    let output = house.open(&format!("http {{ url => \"http://127.0.0.1:{port}\" http_method => post }}"));
    send(&output, &TWO[..1]).await;
    assert_eq!((receiver.lock().unwrap().got.len(), house.outlet.stats.retries.get()), (3, 2));
    // Nobody listens, until the collector gives up.
    let output = house.open("http { url => \"http://127.0.0.1:1\" http_method => post }");
    let stats = house.outlet.stats.clone();
    let give_up = async {
        while stats.retries.get() == 2 {
            tokio::task::yield_now().await;
        }
        house.give_up.send(true).unwrap();
    };
    let (done, ()) = tokio::join!(sent(&output, TWO), give_up);
    assert!(done.is_err());
    assert!(house.letters().is_empty());
}

#[tokio::test]
async fn headers_logins_and_packing() {
    let (receiver, port) = receiver([(302, vec![("location", "/b")], "")]).await;
    let house = House::new();
    let output = house.open(&format!(
        "http {{ url => \"http://127.0.0.1:{port}/a\" http_method => get user => \"u\" password => \"p\" http_compression => true headers => {{ \"X-Of\" => \"%{{h}}\" }} }}"
    ));
    send(&output, &TWO[..1]).await;
    let got = std::mem::take(&mut receiver.lock().unwrap().got);
    let heads: Vec<_> = got.iter().map(|(head, ..)| head.as_str()).collect();
    assert_eq!(heads, ["GET /a", "GET /b"]);
    let (_, headers, body) = &got[0];
    assert_eq!(
        (&headers["x-of"], &headers["authorization"]),
        (&"a b".parse().unwrap(), &"Basic dTpw".parse().unwrap())
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""message":"1""#));
    // What an event has for a header may be none.
    send(&output, &[r#"{"message":"3","h":"a\nb: c"}"#]).await;
    assert_eq!(house.letters()[0]["reason"], "the header `x-of` cannot hold what the event has for it");
}

#[tokio::test]
async fn over_tls_the_server_must_be_who_it_says() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let house = House::new();
    std::fs::write(house.dir.path().join("ca.pem"), made.cert.pem()).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = alces_tls::Identity { chain: chain.as_bytes(), key: key.as_bytes() };
    let config = alces_tls::server(
        identity,
        alces_tls::Roots::default(),
        alces_tls::ClientAuth::None,
        alces_tls::Versions::All,
    );
    let acceptor = tokio_rustls::TlsAcceptor::from(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let stream = listener.accept().await.unwrap().0;
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    for (host, letters) in [("localhost", 0), ("127.0.0.1", 1)] {
        let output = house.open(&format!(
            "http {{ url => \"https://{host}:{port}/\" http_method => post retry_failed => false ssl_certificate_authorities => \"DIR/ca.pem\" }}"
        ));
        send(&output, &TWO[..1]).await;
        assert_eq!(house.letters().len(), letters, "{host}");
    }
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    insta::assert_snapshot!(errors("http { url => \"ftp://u:x@h\" http_method => trace headers => { \"a b\" => \"c\" } retryable_codes => [1] user => \"u\" format => message }"), @r#"
    x.conf:1:24: this is no address of HTTP: write `https://host/path`
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |                        ^^^^^^^^^^^^^
    x.conf:1:53: option `http_method` of http wants one of `put`, `post`, `patch`, `delete`, `get`, `head`
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |                                                     ^^^^^
    x.conf:1:10: `format => message` wants `message => "…"`
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |          ^^^^
    x.conf:1:72: `a b` is no header with a text
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |                                                                        ^^^^^
    x.conf:1:118: `user` and `password` belong together
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |                                                                                                                      ^^^
    x.conf:1:107: `retryable_codes` wants numbers from 100 to 599
      |
    1 | output { http { url => "ftp://u:x@h" http_method => trace headers => { "a b" => "c" } retryable_codes => [1] user => "u" format => message } }
      |                                                                                                           ^
    "#);
    assert!(
        errors("http { url => \"http://h\" http_method => post cacert => \"x\" }")
            .contains("there is no TLS")
    );
}

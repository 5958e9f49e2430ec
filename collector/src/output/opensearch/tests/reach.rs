//! How the engine is reached: packing, proxies, paths.

use alces_tls::{ClientAuth, Versions};

use super::engine::{Engine, proxy};
use crate::{
    output::test_support::{House, send},
    test_authority::Authority,
};

const ONE: &[&str] = &[r#"{"message":"1"}"#];
const QUIET: &str = r#"index => "x" manage_template => false"#;

#[tokio::test]
async fn who_takes_no_packed_bodies_gets_them_as_they_are_and_the_other_packed() {
    let house = House::new();
    let (one, other) = (Engine::new(None).await, Engine::new(None).await);
    let long = format!(r#"{{"message":"{}"}}"#, "m".repeat(2_000));
    let output = house.open(&format!(
        r#"opensearch {{ {QUIET} hosts => ["127.0.0.1:{}", "127.0.0.1:{}"] compression_level => 1 }}"#,
        one.port, other.port
    ));
    one.will_say("POST", 1, 415, "no gzip here");
    for _ in 0..2 {
        send(&output, &[&long]).await;
    }
    // On to the next host.
    one.will_say("POST", 1, 503, "");
    send(&output, &[&long]).await;
    let packing = |engine: &Engine| {
        let asked = engine.asked();
        assert!(asked.iter().all(|asked| asked.body.contains("\"message\":\"mmm")));
        asked.iter().map(|asked| asked.header("content-encoding").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(packing(&one), ["gzip", "", "", ""]);
    assert_eq!(packing(&other), ["gzip"]);
    assert_eq!(house.outlet.stats.retries.get(), 1, "that of the 503 alone");
    assert!(house.letters().is_empty());
}

#[tokio::test]
async fn a_host_that_takes_neither_is_one_that_is_away() {
    let house = House::new();
    let engine = Engine::new(None).await;
    let long = format!(r#"{{"message":"{}"}}"#, "m".repeat(2_000));
    let output = house.open(&format!(
        r#"opensearch {{ {QUIET} hosts => "127.0.0.1:{}" compression_level => 1 }}"#,
        engine.port
    ));
    engine.will_say("POST", 2, 415, "no such type");
    send(&output, &[&long]).await;
    assert_eq!((engine.asked().len(), house.outlet.stats.retries.get()), (3, 1));
    assert!(house.letters().is_empty());
}

#[tokio::test]
async fn requests_go_through_a_proxy() {
    let (house, authority) = (House::new(), Authority::new());
    std::fs::write(house.dir.path().join("ca.pem"), &authority.pem).unwrap();
    let tls = authority.server("engine.test", ClientAuth::None, Versions::All);
    let (plain, secure) = (Engine::new(None).await, Engine::new(Some(tls)).await);
    let ca = r#"cacert => "DIR/ca.pem""#;
    for (engine, options, asked_of_proxy, asked) in [
        (&plain, r#"hosts => "http://engine.test""#.to_owned(), "POST http://engine.test:9200/_bulk", true),
        (&secure, format!(r#"hosts => "https://engine.test" {ca}"#), "CONNECT engine.test:9200", false),
        // With a client of our own.
        (
            &secure,
            format!(r#"hosts => "https://engine.test" {ca} ssl_supported_protocols => "TLSv1.3""#),
            "CONNECT engine.test:9200",
            false,
        ),
    ] {
        let (port, heads) = proxy(engine).await;
        let output = house.open(&format!(
            r#"opensearch {{ {QUIET} {options} proxy => "http://u:p%40@127.0.0.1:{port}" }}"#
        ));
        send(&output, ONE).await;
        assert_eq!(
            *heads.lock().unwrap(),
            [format!("{asked_of_proxy} HTTP/1.1 Basic dTpwQA==")],
            "{options}"
        );
        let came = if asked { "POST http://engine.test:9200/_bulk" } else { "POST /_bulk" };
        let all = engine.asked();
        assert_eq!(all.len(), 1, "{options}");
        assert_eq!(all[0].what, came);
    }
}

#[tokio::test]
async fn logins_paths_and_parameters_are_the_same_over_either_client() {
    let (house, authority) = (House::new(), Authority::new());
    std::fs::write(house.dir.path().join("ca.pem"), &authority.pem).unwrap();
    let engine = Engine::new(Some(authority.server("localhost", ClientAuth::None, Versions::All))).await;
    let port = engine.port;
    for own in ["", r#"ssl_supported_protocols => "TLSv1.2""#] {
        for (options, what, login) in [
            (
                format!(r#"hosts => "https://u%40v:p%3Aq@localhost:{port}/es""#),
                "POST /es/_bulk",
                "Basic dUB2OnA6cQ==",
            ),
            (
                format!(
                    r#"hosts => "localhost:{port}" path => "es/" bulk_path => "/my?a=b" parameters => {{ "c" => "d e" }} api_key => "id:key""#
                ),
                "POST /my?a=b&c=d%20e",
                "ApiKey aWQ6a2V5",
            ),
        ] {
            let output = house.open(&format!(
                r#"opensearch {{ {QUIET} {options} cacert => "DIR/ca.pem" custom_headers => {{ "X-Of" => "us" }} {own} }}"#
            ));
            send(&output, ONE).await;
            let asked = engine.asked();
            let shown = |asked: &super::engine::Asked| {
                let headers =
                    ["authorization", "x-of", "content-type", "accept"].map(|name| asked.header(name));
                format!("{} | {}", asked.what, headers.join(" | "))
            };
            let shown: Vec<_> = asked.iter().map(shown).collect();
            let expect = format!("{what} | {login} | us | application/x-ndjson | application/json");
            assert_eq!(shown, [expect], "{options} {own}");
        }
    }
}

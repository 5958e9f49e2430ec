//! Who may do what, over HTTP; and TLS.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use alces_store::{Config, Role, Store, StoreError, TlsFiles, Users, serve_store};
use common::{Server, start};
use serde_json::{Value, json};
use std::path::Path;

const ADMIN: &str = "Basic YWRtaW46bG9uZyBlbm91Z2g=";
const READER: &str = "Basic cmVhZGVyOmxvbmcgZW5vdWdo";
const WRITER: &str = "Basic d3JpdGVyOmxvbmcgZW5vdWdo";

/// A store with a user for each role.
async fn guarded(dir: &Path) -> Server {
    for (name, role) in [("admin", Role::Admin), ("reader", Role::Read), ("writer", Role::Write)] {
        Users::change(dir, |users| users.set(name, "long enough", [role])).unwrap();
    }
    start(dir).await
}

/// The statuses of requests as somebody.
async fn check(server: &Server, who: &str, requests: &[(&str, &str, Value, u16)]) {
    for (method, path, body, expect) in requests {
        let (status, _, answer) = server.as_who(who, method, path, body.clone()).await;
        assert_eq!(status, *expect, "{method} {path} as {who}: {answer}");
    }
}

#[tokio::test]
async fn who_says_nothing_gets_nothing_but_health() {
    let dir = tempfile::tempdir().unwrap();
    let server = guarded(dir.path()).await;
    check(
        &server,
        "",
        &[
            ("GET", "/healthz", Value::Null, 200),
            ("GET", "/", Value::Null, 401),
            ("GET", "/metrics", Value::Null, 401),
            ("POST", "/_search", json!({}), 401),
            ("POST", "/nothing/of/this", json!({}), 401),
        ],
    )
    .await;
    let (_, head, answer) = server.as_who("Basic YTpi", "GET", "/", Value::Null).await;
    assert!(head.contains("www-authenticate: basic realm=\"alces\""), "{head}");
    assert_eq!(answer["error"]["type"], "security_exception");
    // A body that is not wanted is not waited for.
    let (status, _) = server.raw("POST", "/_bulk", "expect: 100-continue\r\n", b"").await;
    assert_eq!(status, 401);
    server.stop().await;
}

#[tokio::test]
async fn each_role_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = guarded(dir.path()).await;
    let all = json!({"query": {"match_all": {}}});
    let write = [
        ("PUT", "/a", Value::Null, 200),
        ("PUT", "/_index_template/t", json!({"index_patterns": ["t-*"]}), 200),
        ("POST", "/_refresh", Value::Null, 200),
        ("GET", "/", Value::Null, 200),
        ("HEAD", "/a", Value::Null, 200),
        ("POST", "/a/_search", all.clone(), 403),
        ("GET", "/_cat/indices", Value::Null, 403),
        ("DELETE", "/a", Value::Null, 403),
        ("GET", "/_security/api_key", Value::Null, 403),
    ];
    check(&server, WRITER, &write).await;
    let line = "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"n\":1}\n";
    for (who, expect) in [(WRITER, 200), (READER, 403)] {
        let headers = format!("authorization: {who}\r\n");
        let (status, answer) = server.raw("POST", "/_bulk?refresh=true", &headers, line.as_bytes()).await;
        assert_eq!(status, expect, "{answer}");
    }
    let read = [
        ("POST", "/a/_search", all.clone(), 200),
        ("GET", "/_cat/indices", Value::Null, 200),
        ("GET", "/metrics", Value::Null, 200),
        ("PUT", "/b", Value::Null, 403),
        ("DELETE", "/a", Value::Null, 403),
        ("PUT", "/a/_alias/x", Value::Null, 403),
    ];
    check(&server, READER, &read).await;
    let (_, _, answer) = server.as_who(READER, "DELETE", "/a", Value::Null).await;
    assert_eq!(
        answer["error"]["reason"],
        "no permissions for [indices:admin/delete] and User [name=reader, backend_roles=[], requestedTenant=null]"
    );
    check(&server, ADMIN, &[("POST", "/a/_search", all, 200), ("DELETE", "/a", Value::Null, 200)]).await;
    // Removed while it runs: out at once.
    Users::change(dir.path(), |users| {
        users.remove("reader");
        Ok(())
    })
    .unwrap();
    check(&server, READER, &[("GET", "/", Value::Null, 401)]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_key_reaches_its_indexes_by_no_way_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = guarded(dir.path()).await;
    let body = json!({"name": "app", "role_descriptors": {"r": {"indices": [
        {"names": ["app-*"], "privileges": ["read", "write"]}]}}});
    check(&server, READER, &[("POST", "/_security/api_key", body.clone(), 403)]).await;
    let (status, _, made) = server.as_who(ADMIN, "PUT", "/_security/api_key", body).await;
    assert_eq!(status, 200, "{made}");
    let key = format!("ApiKey {}", made["encoded"].as_str().unwrap());
    let (_, _, who) = server.as_who(&key, "GET", "/_security/_authenticate", Value::Null).await;
    assert_eq!(who["authentication_type"], "api_key");

    let line = |index: &str| format!("{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"1\"}}}}\n{{\"n\":1}}\n");
    let admin = format!("authorization: {ADMIN}\r\n");
    server.raw("POST", "/_bulk?refresh=true", &admin, line("secret").as_bytes()).await;
    server.as_who(ADMIN, "PUT", "/secret/_alias/app-alias", Value::Null).await;
    let mine = format!("authorization: {key}\r\n");
    let both = line("app-1") + &line("secret") + &line("app-alias") + &line("other");
    let (status, answer) = server.raw("POST", "/_bulk?refresh=true", &mine, both.as_bytes()).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let statuses: Vec<_> =
        (0..4).map(|at| answer["items"][at]["index"]["status"].as_u64().unwrap()).collect();
    assert_eq!((status, statuses), (200, vec![201, 403, 403, 403]), "{answer}");

    let all = json!({"query": {"match_all": {}}});
    for (path, expect) in [
        ("/_search", 200),
        ("/*/_search", 200),
        ("/app-1/_search", 200),
        ("/secret/_search", 403),
        ("/app-1,secret/_search", 403),
        ("/app-alias/_search", 403),
        ("/app-*/_search", 200),
    ] {
        let (status, _, answer) = server.as_who(&key, "POST", path, all.clone()).await;
        assert_eq!(status, expect, "{path} {answer}");
        if status == 200 {
            assert_eq!(answer["hits"]["total"]["value"], 1, "{path} {answer}");
        }
    }
    let many = "{\"index\":\"secret\"}\n{}\n{}\n{}\n";
    let (_, answer) = server.raw("POST", "/_msearch", &mine, many.as_bytes()).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["responses"][0]["error"]["type"], "security_exception", "{answer}");
    assert_eq!(answer["responses"][1]["hits"]["total"]["value"], 1);
    let (_, _, pit) =
        server.as_who(ADMIN, "POST", "/secret/_search/point_in_time?keep_alive=1m", Value::Null).await;
    let in_pit = json!({"pit": {"id": pit["pit_id"]}});
    let patterns = |pattern: &str| json!({"index_patterns": [pattern]});
    let aliased = json!({"index_patterns": ["app-*"], "template": {"aliases": {"secret": {}}}});
    check(
        &server,
        &key,
        &[
            ("POST", "/_search", in_pit, 403),
            ("GET", "/metrics", Value::Null, 403),
            ("PUT", "/other", Value::Null, 403),
            ("PUT", "/app-2", json!({"aliases": {"secrets": {}}}), 403),
            ("PUT", "/app-2", Value::Null, 200),
            ("PUT", "/_index_template/t", patterns("app-x-*"), 200),
            ("PUT", "/_index_template/t", patterns("a*"), 403),
            ("PUT", "/_index_template/t", aliased, 403),
            ("POST", "/_security/api_key", json!({"name": "more"}), 403),
        ],
    )
    .await;
    // What an admin's template gives to one's own index is given.
    let shared = json!({"index_patterns": ["app-y"], "priority": 9, "template": {"aliases": {"shared": {}}}});
    check(&server, ADMIN, &[("PUT", "/_index_template/shared", shared, 200)]).await;
    check(&server, &key, &[("PUT", "/app-y", Value::Null, 200)]).await;
    let (_, _, listed) = server.as_who(&key, "GET", "/_cat/indices?format=json&h=index", Value::Null).await;
    assert_eq!(listed, json!([{"index": "app-1"}, {"index": "app-2"}, {"index": "app-y"}]));
    let (_, _, gone) =
        server.as_who(ADMIN, "DELETE", "/_security/api_key", json!({"ids": [made["id"]]})).await;
    assert_eq!(gone["invalidated_api_keys"], json!([made["id"]]));
    check(&server, &key, &[("GET", "/", Value::Null, 401)]).await;
    server.stop().await;
}

#[tokio::test]
async fn without_a_login_all_is_open_and_there_are_no_keys() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    check(
        &server,
        "",
        &[
            ("PUT", "/a", Value::Null, 200),
            ("DELETE", "/a", Value::Null, 200),
            ("POST", "/_security/api_key", json!({"name": "x"}), 400),
        ],
    )
    .await;
    Users::change(dir.path(), |users| users.set("admin", "long enough", [Role::Admin])).unwrap();
    check(&server, "", &[("GET", "/", Value::Null, 401)]).await;
    check(&server, ADMIN, &[("GET", "/", Value::Null, 200)]).await;
    server.stop().await;
}

#[tokio::test]
async fn who_guesses_waits() {
    let dir = tempfile::tempdir().unwrap();
    let server = guarded(dir.path()).await;
    check(&server, READER, &[("GET", "/", Value::Null, 200)]).await;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(server.as_who("ApiKey eDp5", "GET", "/", Value::Null).await.0);
    }
    assert_eq!(statuses, [[401; 10].as_slice(), &[429]].concat());
    check(&server, READER, &[("GET", "/", Value::Null, 200)]).await;
    check(&server, WRITER, &[("GET", "/", Value::Null, 429)]).await;
    server.stop().await;
}

fn certificate(dir: &Path) -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { chain: dir.join("chain.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.chain, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

#[tokio::test]
async fn over_tls() {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut config = Config::new(data.path());
    let files = certificate(dir.path());
    config.tls = Some(files.clone());
    let server = common::start_with(config).await;
    let authority = Certificate::from_pem(&std::fs::read(&files.chain).unwrap()).unwrap().to_owned();
    let port = server.address.port();
    let status = tokio::task::spawn_blocking(move || {
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[authority])).build();
        let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
        agent.get(format!("https://localhost:{port}/")).call().unwrap().status().as_u16()
    });
    assert_eq!(status.await.unwrap(), 200);
    // Who speaks plainly, or nothing at all, holds nobody up.
    let silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    drop(silent);
    server.stop().await;
}

#[test]
fn beyond_this_machine_only_with_both() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut config = Config::new(&data);
    let everywhere = "0.0.0.0:9200".parse().unwrap();
    let missing = |config: &Config| match config.check_exposure(everywhere) {
        Ok(()) => "nothing",
        Err(StoreError::Exposed { missing, .. }) => missing.split(':').next().unwrap(),
        Err(error) => panic!("{error}"),
    };
    assert!(config.check_exposure("127.0.0.1:9200".parse().unwrap()).is_ok());
    assert_eq!(missing(&config), "anybody could read and write");
    Users::change(&data, |users| users.set("admin", "long enough", [Role::Admin])).unwrap();
    assert_eq!(missing(&config), "nothing is encrypted");
    config.tls = Some(certificate(dir.path()));
    assert_eq!(missing(&config), "nothing");
    Users::change(&data, |users| {
        users.remove("admin");
        Ok(())
    })
    .unwrap();
    assert_eq!(missing(&config), "anybody could log in");
    config.allow_plaintext = true;
    assert_eq!(missing(&config), "nothing");
}

#[tokio::test]
async fn a_listener_that_is_open_to_all_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let store = Store::open(Config::new(dir.path())).unwrap();
    let error = serve_store(listener, store, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
}

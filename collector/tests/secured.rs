//! An engine that wants TLS, a login and whatever else: what comes to it, and what does not.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod support;

use std::{
    io::Read as _,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use alces_collector::{Collector, Settings};
use alces_tls::{ClientAuth, Identity, Roots, Versions};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use support::{clock, plan, until};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it came: method and path, headers, and its body unpacked.
type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// Takes everything down and says yes to it.
async fn answer(request: Request<Incoming>, seen: Seen) -> hyper::Result<Response<Full<Bytes>>> {
    let head = format!("{} {}", request.method(), request.uri());
    let named = ["authorization", "content-encoding", "x-amz-date", "x-team"];
    let headers: Vec<String> = named
        .iter()
        .filter_map(|name| Some(format!("{name}: {}", request.headers().get(*name)?.to_str().ok()?)))
        .collect();
    let packed = request.headers().contains_key("content-encoding");
    let body = request.into_body().collect().await?.to_bytes();
    let mut text = String::new();
    if packed {
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(&String::from_utf8_lossy(&body));
    }
    let is_action = |line: &&str| {
        serde_json::from_str::<Value>(line)
            .is_ok_and(|v| v.get("index").is_some() || v.get("create").is_some())
    };
    let items: Vec<Value> =
        text.lines().filter(is_action).map(|_| json!({"index": {"status": 201}})).collect();
    seen.lock().unwrap().push((head, headers.join("\n"), text));
    Ok(Response::new(Full::from(json!({"errors": false, "items": items}).to_string())))
}

/// Files of an authority, of a server named `localhost` and of a client.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in ["localhost", "client"] {
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), signed.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// An engine behind TLS.
async fn engine(folder: &Path, auth: ClientAuth) -> (SocketAddr, Seen) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let mut roots = Roots::default();
    roots.add(&read("ca.pem")).unwrap();
    let (chain, key) = (read("localhost.pem"), read("localhost.key"));
    let identity = Identity { chain: &chain, key: &key };
    let config = alces_tls::server(identity, roots, auth, Versions::All).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let all = seen.clone();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(config);
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), all.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| answer(request, seen.clone()));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, seen)
}

/// One event to an engine with these options; what came to it.
async fn check(auth: ClientAuth, options: &str) -> Vec<(String, String, String)> {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let (address, seen) = engine(dir.path(), auth).await;
    let folder = dir.path().to_str().unwrap();
    let options = options.replace("FOLDER", folder).replace("PORT", &address.port().to_string());
    let conf = format!(
        "input {{ generator {{ count => 1 message => '{}' }} }}
         output {{ {options} }}",
        "m".repeat(2_000)
    );
    let collector =
        Collector::bind(plan(&conf), Settings::new(dir.path().to_owned()), clock()).await.unwrap();
    let stats = collector.stats();
    let running = tokio::spawn(collector.run(std::future::pending()));
    until(|| stats.accounts().acknowledged == 1).await;
    running.abort();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn an_authority_of_ones_own_and_a_login() {
    let seen = check(
        ClientAuth::None,
        "opensearch { hosts => 'https://localhost:PORT' cacert => 'FOLDER/ca.pem' user => 'u' password => 'p:w'
                      index => 'x' manage_template => false path => '/prefix' custom_headers => { 'X-Team' => 'support' }
                      parameters => { 'filter_path' => 'items' } }",
    )
    .await;
    let [(head, headers, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(head, "POST /prefix/_bulk?filter_path=items");
    assert_eq!(headers, "authorization: Basic dTpwOnc=\nx-team: support");
    assert!(body.starts_with(r#"{"index":{"_index":"x"}}"#), "{body}");
}

#[tokio::test]
async fn a_certificate_on_both_sides_and_an_api_key() {
    let seen = check(
        ClientAuth::Required,
        "elasticsearch { hosts => 'localhost:PORT' ssl_enabled => true ssl_certificate_authorities => 'FOLDER/ca.pem'
                         ssl_certificate => 'FOLDER/client.pem' ssl_key => 'FOLDER/client.key' api_key => 'id:key'
                         index => 'x' manage_template => false compression_level => 3 bulk_path => '/other' }",
    )
    .await;
    let [(head, headers, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(head, "POST /other");
    assert_eq!(headers, "authorization: ApiKey aWQ6a2V5\ncontent-encoding: gzip");
    assert!(body.contains("\"message\":\"mmm"), "{body}");
}

#[tokio::test]
async fn nobody_looks_at_the_certificate_where_it_is_said() {
    let seen = check(
        ClientAuth::None,
        "opensearch { hosts => 'https://127.0.0.1:PORT' ssl_certificate_verification => false index => 'x'
                      manage_template => false auth_type => { type => 'aws_iam' aws_access_key_id => 'id'
                      aws_secret_access_key => 'secret' region => 'eu-central-1' } }",
    )
    .await;
    let [(_, headers, _)] = &seen[..] else { panic!("{seen:?}") };
    assert!(
        headers.contains("AWS4-HMAC-SHA256 Credential=id/")
            && headers.contains("/eu-central-1/es/aws4_request"),
        "{headers}"
    );
    assert!(headers.contains("x-amz-date"), "{headers}");
}

#[tokio::test]
async fn a_template_of_ones_own_is_put() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.json");
    std::fs::write(&path, r#"{"index_patterns":["x*"],"template":{"settings":{}}}"#).unwrap();
    let options = format!(
        "opensearch {{ hosts => 'https://localhost:PORT' cacert => 'FOLDER/ca.pem' index => 'x' template => '{}' template_name => 'mine' template_overwrite => true }}",
        path.display()
    );
    let seen = check(ClientAuth::None, &options).await;
    assert_eq!(seen[0].0, "PUT /_index_template/mine");
    assert_eq!(seen[0].2, r#"{"index_patterns":["x*"],"template":{"settings":{}}}"#);
    assert_eq!(seen[1].0, "POST /_bulk");
}

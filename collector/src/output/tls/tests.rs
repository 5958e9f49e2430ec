//! Whom the outputs trust, what they show, and what becomes of that when files change.

use std::sync::Mutex;

use alces_tls::{ClientAuth, ServerConfig};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::pki_types::{CertificateDer, pem::PemObject as _},
};

use super::*;
use crate::{
    output::{
        Fates,
        test_support::{House, errors, sent},
    },
    test_authority::Authority,
};

const ONE: &[&str] = &[r#"{"message":"1"}"#];

/// Takes an event, however it comes, says yes to it, and closes the connection.
struct Peer {
    port: u16,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    came: mpsc::UnboundedReceiver<()>,
}

impl Peer {
    async fn new(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(Mutex::new(config));
        let (tell, came) = mpsc::unbounded_channel();
        let now = config.clone();
        tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                let acceptor = TlsAcceptor::from(now.lock().unwrap().clone());
                let tell = tell.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut text = Vec::new();
                    while !String::from_utf8_lossy(&text).contains(r#""@version":"1"}"#) {
                        match stream.read_buf(&mut text).await {
                            Ok(0) | Err(_) => return,
                            Ok(_) => {}
                        }
                    }
                    if text.starts_with(b"POST") {
                        let body = r#"{"errors":false,"items":[{"index":{"status":201}}]}"#;
                        let length = body.len();
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                        );
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                    let _ = stream.shutdown().await;
                    drop(stream);
                    let _ = tell.send(());
                });
            }
        });
        Self { port, config, came }
    }

    /// Outputs that go to it, with these options.
    fn outputs(&self, options: &str) -> [String; 4] {
        let port = self.port;
        let quiet = "index => 'x' manage_template => false";
        [
            format!("opensearch {{ hosts => 'https://localhost:{port}' {quiet} {options} }}"),
            format!("elasticsearch {{ hosts => 'localhost:{port}' ssl_enabled => true {quiet} {options} }}"),
            format!("http {{ url => 'https://localhost:{port}' http_method => post {options} }}"),
            format!(
                "tcp {{ host => 'localhost' port => {port} ssl_enabled => true codec => json_lines {options} }}"
            ),
        ]
    }

    /// Whether an event comes to it.
    async fn takes(&mut self, house: &House, output: &super::super::Output) -> bool {
        let retried = house.outlet.stats.retries.get();
        let failed = async {
            while house.outlet.stats.retries.get() == retried {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            done = sent(output, ONE) => assert_eq!(done.unwrap(), Fates::default()),
            () = failed => return false,
        }
        self.came.recv().await.unwrap();
        true
    }
}

#[tokio::test]
async fn the_other_side_is_who_it_should_be_unless_told_otherwise() {
    let (house, authority) = (House::new(), Authority::new());
    std::fs::write(house.dir.path().join("ca.pem"), &authority.pem).unwrap();
    let print = |authority: &Authority| {
        Fingerprint::of(&CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
    };
    let (known, unknown) = (print(&authority), print(&Authority::new()));
    let ca = "ssl_certificate_authorities => 'DIR/ca.pem'";
    let server = |name, versions| authority.server(name, ClientAuth::None, versions);
    let mut peer = Peer::new(server("localhost", Versions::All)).await;
    for (name, versions, options, expect) in [
        ("localhost", Versions::All, String::new(), false),
        ("localhost", Versions::All, ca.to_owned(), true),
        ("elsewhere", Versions::All, ca.to_owned(), false),
        ("elsewhere", Versions::All, "ssl_verification_mode => none".to_owned(), true),
        ("localhost", Versions::All, format!("ca_trusted_fingerprint => '{known}'"), true),
        ("elsewhere", Versions::All, format!("ca_trusted_fingerprint => '{known}'"), false),
        ("localhost", Versions::All, format!("ca_trusted_fingerprint => '{unknown}'"), false),
        ("localhost", Versions::All, format!("ca_trusted_fingerprint => ['{unknown}', '{known}']"), true),
        ("localhost", Versions::Tls12, format!("{ca} ssl_supported_protocols => 'TLSv1.2'"), true),
        ("localhost", Versions::Tls12, format!("{ca} ssl_supported_protocols => ['TLSv1.3']"), false),
        ("localhost", Versions::Tls13, format!("{ca} ssl_supported_protocols => 'TLSv1.2'"), false),
        (
            "localhost",
            Versions::Tls12,
            format!("{ca} ssl_supported_protocols => ['TLSv1.2', 'TLSv1.3']"),
            true,
        ),
    ] {
        *peer.config.lock().unwrap() = server(name, versions);
        for output in peer.outputs(&options) {
            let running = house.open(&output);
            assert_eq!(peer.takes(&house, &running).await, expect, "{name} {versions:?} {output}");
        }
    }
}

#[tokio::test]
async fn certificates_that_change_are_used_by_new_connections_and_broken_ones_are_not() {
    let house = House::new();
    let folder = house.dir.path();
    let [one, other] = [(); 2].map(|()| Authority::new());
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let server = |authority: &Authority| authority.server("localhost", ClientAuth::Required, Versions::All);
    let use_of = |authority: &Authority| {
        write("ca.pem", &authority.pem);
        authority.sign("us").write(folder, "c");
    };
    let mut peer = Peer::new(server(&one)).await;
    let files =
        "ssl_certificate_authorities => 'DIR/ca.pem' ssl_certificate => 'DIR/c.pem' ssl_key => 'DIR/c.key'";
    let with_versions = format!("{files} ssl_supported_protocols => 'TLSv1.3'");
    for output in [files, &with_versions].iter().flat_map(|options| peer.outputs(options)).collect::<Vec<_>>()
    {
        use_of(&one);
        *peer.config.lock().unwrap() = server(&one);
        let running = house.open(&output);
        assert!(peer.takes(&house, &running).await, "{output}");
        for (file, garbage) in [("ca.pem", "garbage"), ("c.key", "garbage"), ("c.pem", "")] {
            write(file, garbage);
            assert!(peer.takes(&house, &running).await, "{file} {output}");
        }
        *peer.config.lock().unwrap() = server(&other);
        use_of(&other);
        assert!(peer.takes(&house, &running).await, "{output}");
    }
}

#[test]
fn what_cannot_be_is_said() {
    for output in [
        "elasticsearch { hosts => 'https://h' ",
        "http { url => 'https://h' http_method => post ",
        "tcp { host => 'h' port => 1 ssl_enabled => true ",
    ] {
        let first = |options: &str| {
            let told = errors(&format!("{output} {options} }}"));
            let first = told.lines().next().unwrap_or_default();
            first.split_once(": ").map_or("", |(_, message)| message).to_owned()
        };
        for (options, expect) in [
            (
                "ca_trusted_fingerprint => 'ab'",
                "a fingerprint is a SHA-256 in hexadecimal: 64 digits, with or without colons",
            ),
            ("ssl_supported_protocols => 'TLSv1.1'", "`TLSv1.1` is not spoken"),
            ("ssl_certificate => 'x'", "certificate and key belong together"),
        ] {
            assert_eq!(first(options), expect, "{output} {options}");
        }
        let print = "ab".repeat(32);
        let both = first(&format!("ssl_verification_mode => none ca_trusted_fingerprint => '{print}'"));
        assert!(both.starts_with("this does nothing where certificates are not looked at"), "{both}");
    }
    let aws = "auth_type => { type => 'aws_iam' aws_access_key_id => 'a' aws_secret_access_key => 'b' }";
    assert!(
        errors(&format!("opensearch {{ hosts => 'https://h' ssl_supported_protocols => 'TLSv1.3' {aws} }}"))
            .contains("`aws_iam` is not there together")
    );
}

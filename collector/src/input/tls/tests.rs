//! Certificates that change while an input listens.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use super::*;
use crate::{
    input::test_support::Running,
    test_authority::{Authority, Signed},
};

async fn connect(
    address: SocketAddr,
    authority: &Authority,
    shown: Option<&Signed>,
) -> io::Result<TlsStream<TcpStream>> {
    let config = alces_tls::client(authority.roots(), shown.map(Signed::identity)).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// A new connection, to which the input shows this certificate.
async fn shows(running: &Running, authority: &Authority, expect: &Signed) -> TlsStream<TcpStream> {
    let stream = connect(running.address, authority, None).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    assert_eq!(shown, CertificateDer::from_pem_slice(expect.chain.as_bytes()).unwrap());
    stream
}

fn write(dir: &TempDir, name: &str, text: &str) {
    std::fs::write(dir.path().join(name), text).unwrap();
}

/// An input whose certificate is `c.pem`.
async fn listening(dir: &TempDir, input: &str, more: &str) -> Running {
    let place = dir.path().display();
    Running::start(&format!(
        "{input} {{ port => 0 ssl_enabled => true ssl_certificate => '{place}/c.pem' ssl_key => '{place}/c.key' {} }}",
        more.replace("DIR", &place.to_string())
    ))
    .await
}

fn window(json: &str) -> Vec<u8> {
    let mut bytes = b"2W\0\0\0\x012J\0\0\0\x01".to_vec();
    bytes.extend((json.len() as u32).to_be_bytes());
    bytes.extend(json.as_bytes());
    bytes
}

fn request(path: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_a_broken_one_is_not() {
    let bulk = "{\"index\":{\"_index\":\"x\"}}\n{\"message\":\"m\"}\n";
    for (input, event) in [
        ("beats", window(r#"{"message":"m"}"#)),
        ("elastic_bulk", request("/_bulk", "application/x-ndjson", bulk)),
        ("http", request("/", "text/plain", "m")),
        ("syslog", b"<13>m\n".to_vec()),
        ("tcp", b"m\n".to_vec()),
    ] {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let [first, second, third] = [(); 3].map(|()| authority.sign("localhost"));
        first.write(dir.path(), "c");
        let mut running = listening(&dir, input, "ssl_client_authentication => none").await;
        let mut before = shows(&running, &authority, &first).await;
        // A certificate whose key is still to come.
        write(&dir, "c.pem", &second.chain);
        shows(&running, &authority, &first).await;
        second.write(dir.path(), "c");
        let mut after = shows(&running, &authority, &second).await;
        for stream in [&mut before, &mut after] {
            stream.write_all(&event).await.unwrap();
            assert_eq!(running.take(1).await.len(), 1, "{input}");
        }
        for garbage in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &third.key] {
            write(&dir, "c.pem", garbage);
            shows(&running, &authority, &second).await;
        }
        std::fs::remove_file(dir.path().join("c.pem")).unwrap();
        shows(&running, &authority, &second).await;
        third.write(dir.path(), "c");
        shows(&running, &authority, &third).await;
        drop((before, after));
        running.stop().await;
    }
}

#[tokio::test]
async fn clients_are_held_to_the_authority_of_now() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Authority::new());
    let [one, other] = [(); 2].map(|()| Authority::new());
    server.sign("localhost").write(dir.path(), "c");
    write(&dir, "clients.pem", &one.pem);
    let mut running = listening(&dir, "tcp", "ssl_certificate_authorities => 'DIR/clients.pem'").await;
    for (authorities, accepted, refused) in
        [(&one.pem, &one, &other), (&other.pem, &other, &one), (&"garbage".to_owned(), &other, &one)]
    {
        write(&dir, "clients.pem", authorities);
        let mut stream = connect(running.address, &server, Some(&accepted.sign("web1"))).await.unwrap();
        stream.write_all(b"m\n").await.unwrap();
        assert_eq!(running.take(1).await.len(), 1);
        // With TLS 1.3 a client learns what was said of its certificate when it reads.
        let shown = refused.sign("web1");
        let read = async { connect(running.address, &server, Some(&shown)).await?.read(&mut [0]).await };
        assert!(read.await.is_err());
    }
    running.stop().await;
}

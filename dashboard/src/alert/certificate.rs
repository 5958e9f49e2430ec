//! How long certificates are good for: a handshake with each server, of which nothing but the certificate's end is kept.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use alces_alerts::Kind;
use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::ask::{Group, Timed};
use super::post::addresses;
use crate::view::picture::Part;

/// A server has so long to show its certificate.
const PATIENCE: Duration = Duration::from_secs(5);
const DAY: f64 = 86_400_000.0;

/// Shows when a server's certificate ends, epoch milliseconds, or why that is not known.
pub(crate) type Shown = Pin<Box<dyn Future<Output = Result<i64, String>> + Send>>;

/// Who looks at certificates.
pub(crate) trait Looks: Send + Sync {
    /// Looks at the certificate of a server: `www.example.com:443`.
    fn look(&self, address: &str) -> Shown;
}

/// Looks over the network, where messages may go too.
pub(crate) struct Network {
    pub(crate) allowed: Vec<IpNet>,
}

impl Looks for Network {
    fn look(&self, address: &str) -> Shown {
        let (address, allowed) = (address.to_owned(), self.allowed.clone());
        Box::pin(async move {
            let looked = tokio::time::timeout(PATIENCE, look(&address, &allowed)).await;
            looked.unwrap_or_else(|_| Err(format!("no certificate within {} s", PATIENCE.as_secs())))
        })
    }
}

async fn look(address: &str, allowed: &[IpNet]) -> Result<i64, String> {
    let (host, port) = address.rsplit_once(':').ok_or("its address has no port")?;
    let port: u16 = port.parse().map_err(|_| "its address has no port")?;
    let good =
        addresses(&Host::parse(host).map_err(|e| format!("its name is none: {e}"))?, port, allowed).await?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "its address is no name that a certificate can be for")?;
    let stream = TcpStream::connect(good.as_slice()).await.map_err(|e| e.to_string())?;
    // Whether the certificate is trusted is not the question, and nothing is sent to whoever shows it: one that has run out is looked at too.
    let config = alces_tls::client_that_trusts(alces_tls::Trust::Anybody, None, alces_tls::Versions::All)
        .map_err(|e| e.to_string())?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|e| e.to_string())?;
    let shown = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .ok_or("it showed no certificate")?;
    let (_, certificate) = X509Certificate::from_der(shown).map_err(|_| "its certificate cannot be read")?;
    Ok(certificate.validity().not_after.timestamp().saturating_mul(1000))
}

/// The days that each rule's certificate is good for, at its moment.
pub(super) async fn ask(looks: Option<&Arc<dyn Looks>>, rules: &[Timed<'_>]) -> Vec<Part<Vec<Group>>> {
    let one = async |(rule, at): &Timed<'_>| {
        if rule.kind == Kind::Watchdog {
            return Ok(vec![Group::all(Some(1.0))]);
        }
        let Some(looks) = looks else {
            return Err("a certificate is looked at when it is asked for: its past is not known".to_owned());
        };
        Ok(vec![match looks.look(&rule.address).await {
            Ok(ends) => Group::all(Some((ends - at) as f64 / DAY)),
            Err(reason) => Group { detail: format!("{}: {reason}", rule.address), ..Group::all(None) },
        }])
    };
    // All at once: servers that do not answer hold the others up for no longer than one of them.
    futures_util::future::join_all(rules.iter().map(one)).await
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::alert::Rules;

    async fn server(days: i32) -> SocketAddr {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, u8::try_from(1 + days).expect("a day"));
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (chain, key) = (certificate.pem(), key.serialize_pem());
        let identity = alces_tls::Identity { chain: chain.as_bytes(), key: key.as_bytes() };
        let config = alces_tls::server(
            identity,
            alces_tls::Roots::default(),
            alces_tls::ClientAuth::None,
            alces_tls::Versions::All,
        )
        .expect("TLS");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
        at
    }

    fn rule(address: &str) -> alces_alerts::Rule {
        let text =
            format!("rules:\n  - id: a\n    title: A\n    kind: certificate\n    address: '{address}'\n");
        Rules::parse(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    #[tokio::test]
    async fn a_certificate_is_looked_at_even_where_nobody_trusts_it() {
        let at = server(10).await;
        let network: Arc<dyn Looks> =
            Arc::new(Network { allowed: vec!["127.0.0.0/8".parse().expect("a network")] });
        let rule = rule(&format!("localhost:{}", at.port()));
        // 2020-01-06T00:00:00Z
        let found = ask(Some(&network), &[(&rule, 1_578_268_800_000)]).await.remove(0).expect("groups");
        assert_eq!(found[0].figures, [Some(5.0)]);
    }

    #[tokio::test]
    async fn what_is_within_is_asked_only_where_that_is_allowed() {
        let at = server(1).await;
        let network: Arc<dyn Looks> = Arc::new(Network { allowed: Vec::new() });
        let found = ask(Some(&network), &[(&rule(&at.to_string()), 0)]).await.remove(0).expect("groups");
        assert_eq!(found[0].figures, [None]);
        assert!(found[0].detail.contains("private network"), "{}", found[0].detail);
        assert!(ask(None, &[(&rule(&at.to_string()), 0)]).await.remove(0).is_err_and(|e| e.contains("past")));
    }
}

//! A collector on this machine is asked.

use std::{net::SocketAddr, path::PathBuf};

use alces_collector::Access;
use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, StatusCode, body::Bytes, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Where the collector is, and the word that opens its events, if this user may know it.
pub(crate) struct Peer {
    address: SocketAddr,
    token: Option<String>,
}

/// Nothing listens there.
#[derive(Debug, thiserror::Error)]
#[error("no collector answers at {0}")]
pub(crate) struct NobodyThere(SocketAddr);

impl Peer {
    /// The collector whose data are in `folder`, or the one at `api`.
    pub(crate) fn find(folder: PathBuf, api: Option<SocketAddr>) -> anyhow::Result<Self> {
        match (Access::read(&folder), api) {
            (Ok(access), None) => Ok(Self { address: access.address, token: Some(access.token) }),
            // A word is said to nobody but the one who wrote it down.
            (Ok(access), Some(api)) => {
                Ok(Self { address: api, token: (access.address == api).then_some(access.token) })
            }
            (Err(_), Some(address)) => Ok(Self { address, token: None }),
            (Err(error), None) => Err(error).with_context(|| {
                format!("{}: no collector has written down where its API is; --data-dir names its data folder, --api its address", Access::path(&folder).display())
            }),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for a path; an answer that is none of success is an error with its message.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await.map_err(|_| NobodyThere(self.address))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::get(path).header(header::HOST, self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer.into_body().collect().await?.to_bytes();
        let message = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|body| body["error"]["message"].as_str().map(str::to_owned));
        match message {
            Some(message) if status == StatusCode::BAD_REQUEST => bail!("{message}"),
            Some(message) => bail!("{}: {message}", self.address),
            None => bail!("{} answers {status} to {path}: is it a collector of Alces?", self.address),
        }
    }

    /// Asks for a JSON document.
    pub(crate) async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let body = self.get(path).await?.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).with_context(|| format!("{}{path} is no JSON", self.address))
    }
}

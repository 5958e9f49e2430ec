//! Messages of HTTP/1.1 as both ends here need them: a head and a body of a known length.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    /// `POST /_bulk HTTP/1.1`, `HTTP/1.1 200 OK`.
    pub(crate) first: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The method of a request; a word of no use of an answer.
    pub(crate) fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// The path of a request, or the status of an answer.
    pub(crate) fn second(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }
}

/// What is read of a connection and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Reader(Vec<u8>);

impl Reader {
    /// Reads a head, and gives back its first line and how long the body is; none at the end of the connection.
    pub(crate) async fn head(&mut self, stream: &mut TcpStream) -> io::Result<Option<(String, usize)>> {
        let end = loop {
            if let Some(end) = self.0.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut self.0).await? == 0 {
                return Ok(None);
            }
        };
        let text = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0.drain(..end);
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        Ok(Some((text.lines().next().unwrap_or_default().to_owned(), length.unwrap_or(0))))
    }

    /// Reads a body.
    pub(crate) async fn body(&mut self, stream: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
        while self.0.len() < length {
            if stream.read_buf(&mut self.0).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.0.drain(..length).collect())
    }

    pub(crate) async fn message(&mut self, stream: &mut TcpStream) -> io::Result<Option<Message>> {
        let Some((first, length)) = self.head(stream).await? else { return Ok(None) };
        Ok(Some(Message { first, body: self.body(stream, length).await? }))
    }
}

/// An answer as text.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\ncontent-type: application/json; charset=UTF-8\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A request; its answer, or none where none came within `patience`.
pub(crate) async fn post(
    stream: &mut TcpStream,
    path: &str,
    kind: &str,
    body: &[u8],
    patience: Duration,
) -> Option<Message> {
    let exchange = async {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: collector\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body).await.ok()?;
        Reader::default().message(stream).await.ok()?
    };
    timeout(patience, exchange).await.ok().flatten()
}

//! The line with which a proxy begins a connection, to say who is behind it: the PROXY protocol, version 1.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};
use tracing::warn;

use super::Intake;

/// The longest line that the protocol has, with its end.
const LONGEST: usize = 107;

/// How long the line may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proxied {
    /// Who connected to the proxy, and where. None where the proxy does not know, as for its own checks.
    pub(super) way: Option<(SocketAddr, SocketAddr)>,
}

/// What a connection begins with, where it comes through a proxy: what was read behind that, and what the proxy says. None where it
/// says nothing that is understood: then the connection is at its end.
pub(super) async fn begin<R: AsyncRead + Unpin>(
    stream: &mut R,
    proxied: bool,
    sender: SocketAddr,
    intake: &Intake,
) -> Option<(BytesMut, Option<Proxied>)> {
    let mut already = BytesMut::new();
    if !proxied {
        return Some((already, None));
    }
    match read(stream, &mut already).await {
        Ok(said) => Some((already, Some(said))),
        Err(error) => {
            intake.stats.protocol_errors.add(1);
            warn!(peer = %sender, %error, "connection closed: it did not begin with a line of the PROXY protocol");
            None
        }
    }
}

/// Reads the line; what came after it stays in `buffer`.
pub(super) async fn read<R: AsyncRead + Unpin>(input: &mut R, buffer: &mut BytesMut) -> io::Result<Proxied> {
    let line = timeout(PATIENCE, async {
        loop {
            let within = buffer.get(..buffer.len().min(LONGEST)).unwrap_or_default();
            if let Some(end) = memchr::memmem::find(within, b"\r\n") {
                return Ok(buffer.split_to(end + 2));
            }
            if buffer.len() >= LONGEST {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            if input.read_buf(buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
    });
    let line = line.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    parse(&line).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// `PROXY TCP4 FROM TO PORT PORT`, with its end.
fn parse(line: &[u8]) -> Option<Proxied> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?.strip_prefix("PROXY ")?;
    let words: Vec<&str> = line.split(' ').collect();
    let address = |ip: &str, port: &str| {
        let ip: IpAddr = ip.parse().ok()?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        Some(SocketAddr::new(ip, port.parse().ok().filter(|_| digits)?))
    };
    match words[..] {
        ["UNKNOWN", ..] => Some(Proxied { way: None }),
        [family, from, to, from_port, to_port] => {
            let (from, to) = (address(from, from_port)?, address(to, to_port)?);
            let fits = match family {
                "TCP4" => from.is_ipv4() && to.is_ipv4(),
                "TCP6" => from.is_ipv6() && to.is_ipv6(),
                _ => false,
            };
            fits.then_some(Proxied { way: Some((from, to)) })
        }
        _ => None,
    }
}

/// For the fuzzer.
pub(super) fn fuzz(line: &[u8]) {
    let _ = parse(line);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_proxies() {
        let check = |line: &str| match parse(line.as_bytes()) {
            Some(Proxied { way: Some((from, to)) }) => format!("{from} to {to}"),
            Some(Proxied { way: None }) => "unknown".to_owned(),
            None => "no".to_owned(),
        };
        for (line, expect) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 51000 514\r\n", "192.0.2.1:51000 to 192.0.2.2:514"),
            ("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", "[2001:db8::1]:1 to [::1]:65535"),
            ("PROXY UNKNOWN\r\n", "unknown"),
            ("PROXY UNKNOWN a b c\r\n", "unknown"),
            ("PROXY TCP4 2001:db8::1 ::1 1 2\r\n", "no"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 51000 65536\r\n", "no"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", "no"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 51000\r\n", "no"),
            ("GET / HTTP/1.1\r\n", "no"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 51000 514", "no"),
        ] {
            assert_eq!(check(line), expect, "{line:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_after_the_line_stays() {
        let mut buffer = BytesMut::new();
        let mut input = &b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 514\r\nfirst\r\n"[..];
        let found = read(&mut input, &mut buffer).await.unwrap();
        assert_eq!(found.way.unwrap().0.to_string(), "192.0.2.1:51000");
        assert_eq!(&buffer[..], b"first\r\n");
        let endless = vec![b'x'; 1000];
        let error = read(&mut &endless[..], &mut BytesMut::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        /// What is written is read.
        #[test]
        fn written_is_read(from: SocketAddr, to: SocketAddr) {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
            let plain = |a: SocketAddr| SocketAddr::new(a.ip(), a.port());
            let expect = (from.is_ipv4() == to.is_ipv4()).then(|| Proxied { way: Some((plain(from), plain(to))) });
            prop_assert_eq!(parse(line.as_bytes()), expect);
        }
    }
}

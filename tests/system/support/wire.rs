//! Requests of HTTP/1.1 as a server of the test's own reads them, byte for byte.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path and what follows it, as written.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The next of a connection; none at its end.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut request = Self::default();
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            let text = line.trim_end_matches(['\r', '\n']);
            if request.method.is_empty() {
                let mut words = text.split(' ').map(str::to_owned);
                request.method = words.next().unwrap_or_default();
                request.target = words.next().unwrap_or_default();
            } else if let Some((name, value)) = text.split_once(':') {
                request.headers.push((name.to_owned(), value.trim().to_owned()));
            } else {
                let length = request.header("content-length").and_then(|length| length.parse().ok());
                request.body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut request.body)?;
                return Ok(Some(request));
            }
            line.clear();
        }
        Ok(None)
    }
}

/// Answers requests with a status and a text until the process ends; where it listens. Each connection has a thread of its own.
pub(crate) fn serve(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            // Whoever asks may be gone at any time.
            std::thread::spawn(move || connection(stream?, &*answer));
        }
    });
    address
}

fn connection(mut stream: TcpStream, answer: &dyn Fn(&Request) -> (u16, String)) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut reader)? {
        let (status, body) = answer(&request);
        let mut said = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if request.method != "HEAD" {
            said.push_str(&body);
        }
        stream.write_all(said.as_bytes())?;
    }
    Ok(())
}

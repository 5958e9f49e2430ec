//! What comes from outside is wrong.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::support::{eventually, free_port, http, process::Process};

/// A collector with a `beats` input that prints events as JSON, and its monitoring API.
struct Collector {
    process: Process,
    beats: u16,
    api: String,
}

impl Collector {
    fn start() -> Self {
        let (beats, api) = (free_port(), format!("127.0.0.1:{}", free_port()));
        let conf =
            format!("input {{ beats {{ port => {beats} }} }} output {{ stdout {{ codec => json_lines }} }}");
        let dir = std::env::temp_dir();
        let process =
            Process::alces("collector", &["--api", &api, "--data-dir", dir.to_str().unwrap(), "-e", &conf]);
        process.wait_for("beats input listening");
        Self { process, beats, api }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.beats)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn counter(&self, name: &str) -> u64 {
        let (_, text) = http::get(&format!("http://{}/metrics", self.api)).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[track_caller]
    fn wait_for_counter(&self, name: &str, at_least: u64) {
        eventually(&format!("{name} is {at_least}"), || (self.counter(name) >= at_least).then_some(()));
    }
}

fn frame(kind: u8, numbers: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out = vec![b'2', kind];
    numbers.iter().for_each(|n| out.extend(n.to_be_bytes()));
    out.extend(body);
    out
}

/// One event as a window; waits for its acknowledgement.
fn send(stream: &mut TcpStream, json: &[u8]) {
    let bytes = [frame(b'W', &[1], b""), frame(b'J', &[1, json.len() as u32], json)].concat();
    stream.write_all(&bytes).unwrap();
    let mut ack = [0; 6];
    stream.read_exact(&mut ack).unwrap();
    assert_eq!(ack, *b"2A\0\0\0\x01");
}

#[test]
fn a_broken_or_hostile_frame_closes_its_own_connection_and_nothing_else() {
    let collector = Collector::start();
    let mut good = collector.connect();
    send(&mut good, br#"{"message":"before"}"#);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 300 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let window = frame(b'W', &[1], b"");
    for (at, bytes) in [
        [window.clone(), frame(b'J', &[1, u32::MAX], b"")].concat(),
        [window, frame(b'C', &[bomb.len() as u32], &bomb)].concat(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut bad = collector.connect();
        // The collector may close before it has read everything.
        let _ = bad.write_all(&bytes);
        let mut rest = Vec::new();
        let _ = bad.read_to_end(&mut rest);
        assert!(rest.is_empty(), "nothing is acknowledged");
        collector.wait_for_counter("alces_collector_protocol_errors_total", at as u64 + 1);
    }
    collector.process.wait_for("is not Lumberjack");
    send(&mut good, br#"{"message":"after"}"#);
    collector.process.wait_for(r#""message":"after""#);
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_counted() {
    let collector = Collector::start();
    let mut stream = collector.connect();
    send(&mut stream, b"{\"message\":\"caf\xe9\"}");
    collector.process.wait_for("caf\u{fffd}");
    collector.wait_for_counter("alces_collector_events_utf8_replaced_total", 1);
}

#[test]
fn what_is_no_json_is_kept_as_text_with_a_tag() {
    let collector = Collector::start();
    let mut stream = collector.connect();
    send(&mut stream, b"not json");
    let line = collector.process.wait_for("_jsonparsefailure");
    assert!(line.contains(r#""message":"not json""#), "{line}");
}

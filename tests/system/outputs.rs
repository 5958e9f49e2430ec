//! Outputs to others than an engine, as the whole program.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::support::process::Process;

const COUNT: usize = 3_000;

/// Takes arrays of events over HTTP, but for the first request, to which it is too busy.
struct Webhook {
    address: String,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Webhook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, events) =
            (listener.local_addr().unwrap().to_string(), Arc::<Mutex<Vec<Value>>>::default());
        let (kept, busy) = (events.clone(), Arc::new(Mutex::new(true)));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, busy) = (kept.clone(), busy.clone());
                std::thread::spawn(move || while serve(stream.as_ref().unwrap(), &kept, &busy).is_some() {});
            }
        });
        Self { address, events }
    }
}

/// One request; none at the end of the connection.
fn serve(mut stream: &TcpStream, kept: &Mutex<Vec<Value>>, busy: &Mutex<bool>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if std::mem::take(&mut *busy.lock().unwrap()) {
        "503 Service Unavailable\r\nretry-after: 0"
    } else {
        kept.lock().unwrap().append(&mut serde_json::from_slice(&body).unwrap());
        "200 OK"
    };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
}

#[test]
fn a_file_a_connection_and_a_webhook_get_every_event_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let start = |name: &str, conf: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["collector", "--api", "off", "-e", conf, "--data-dir"]).arg(dir.path().join(name));
        Process::start(name, &mut command)
    };
    let webhook = Webhook::start();
    let receiver = start(
        "receiver",
        "input { tcp { port => 0 codec => json_lines } } output { stdout { codec => json_lines } }",
    );
    let (host, port) = receiver
        .value("tcp input listening", "address")
        .split_once(':')
        .map(|(h, p)| (h.to_owned(), p.to_owned()))
        .unwrap();
    let mut sender = start(
        "sender",
        &format!(
            "input {{ generator {{ message => 'made' count => {COUNT} }} }}
             output {{
               file {{ path => '{folder}/out/%{{message}}.ndjson' }}
               tcp {{ host => '{host}' port => {port} codec => json_lines }}
               http {{ url => 'http://{}/hook/secret' http_method => post format => json_batch }}
             }}",
            webhook.address
        ),
    );
    assert!(sender.finish().success());
    let said = sender.lines().join("\n");
    assert!(said.contains(&format!("acknowledged={COUNT}")), "{said}");
    assert!(said.contains("the http output is answered again") && !said.contains("secret"), "{said}");
    let number = |event: &Value| event["event"]["sequence"].as_u64().unwrap();
    let all: Vec<u64> = (0..COUNT as u64).collect();
    let check = |place: &str, mut numbers: Vec<u64>| {
        numbers.sort_unstable();
        assert!(numbers == all, "{place}: {} events", numbers.len());
    };
    let file = std::fs::read_to_string(dir.path().join("out/made.ndjson")).unwrap();
    check("file", file.lines().map(|line| number(&serde_json::from_str(line).unwrap())).collect());
    check("webhook", webhook.events.lock().unwrap().iter().map(number).collect());
    receiver.wait_for(&format!("\"sequence\":{}", COUNT - 1));
    let (status, said) = receiver.signal("-TERM");
    assert!(status.success());
    let events = said.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    check("tcp", events.map(|event| number(&event)).collect());
}

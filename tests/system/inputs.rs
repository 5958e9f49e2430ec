//! Inputs but for `beats`, as the whole program, with the programs that write to them.

use std::{
    net::UdpSocket,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{
    certificates::{Authority, Signed},
    eventually,
    files::numbered,
    process::Process,
};

/// A collector that prints what comes.
fn collector(dir: &Path, input: &str) -> Process {
    let conf = format!("input {{ {input} }} output {{ stdout {{ codec => json_lines }} }}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["collector", "--api", "off", "-e", &conf, "--data-dir"]).arg(dir.join("collector"));
    Process::start("collector", &mut command)
}

/// How many lines of a test it has printed.
fn printed(said: &[String]) -> usize {
    said.iter().filter(|line| line.contains("\"message\":\"line ")).count()
}

#[test]
fn tcp_takes_lines_over_tls_of_those_whom_the_authority_has_signed_and_the_accounts_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path(), "authority");
    let (server, client) =
        (authority.sign("server", &["localhost"]), authority.sign("client", &["app.example"]));
    let collector = collector(
        dir.path(),
        &format!(
            "tcp {{ port => 0 ssl_enabled => true ssl_certificate => '{}' ssl_key => '{}' ssl_certificate_authorities => ['{}'] }}",
            server.chain.display(),
            server.key.display(),
            authority.file.display()
        ),
    );
    let address = collector.value("tcp input listening", "address");
    let send = |certificate: bool, text: &str| {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-verify_return_error",
            "-servername",
            "localhost",
        ]);
        command.args(["-connect", &address, "-CAfile"]).arg(&authority.file);
        if certificate {
            command.arg("-cert").arg(&client.chain).arg("-key").arg(&client.key);
        }
        let mut sender =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The end of the input ends the connection.
        let _ = std::io::Write::write_all(&mut sender.stdin.take().unwrap(), text.as_bytes());
        sender.wait().unwrap();
    };
    send(false, "line of a stranger\n");
    collector.wait_for("no TLS came about");
    send(true, &numbered(0, 3_000));
    collector.wait_for("line 002999 of the test");
    let (status, said) = collector.signal("-INT");
    assert!(status.success());
    assert_eq!(printed(&said), 3_000, "and nothing of the stranger");
    let stopped = said.iter().find(|line| line.contains("stopped")).unwrap();
    for count in ["read=3000", "acknowledged=3000", "lost=0"] {
        assert!(stopped.contains(count), "{stopped}");
    }
}

#[test]
fn datagrams_are_events_and_a_generator_ends_the_collector_when_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let collector_of_datagrams = collector(dir.path(), "udp { port => 0 }");
    let address = collector_of_datagrams.value("udp input listening", "address");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"line of a datagram", address).unwrap();
    collector_of_datagrams.wait_for("\"host\":{\"ip\":\"127.0.0.1\"}");
    let (status, said) = collector_of_datagrams.signal("-INT");
    assert!(status.success());
    assert_eq!(printed(&said), 1);
    let mut generator =
        collector(&dir.path().join("generator"), "generator { message => 'line made' count => 5000 }");
    assert!(generator.finish().success());
    assert_eq!(printed(&generator.lines()), 5_000);
}

/// What an input with TLS is told.
fn tls(server: &Signed) -> String {
    format!(
        "ssl_enabled => true ssl_client_authentication => none ssl_certificate => '{}' ssl_key => '{}'",
        server.chain.display(),
        server.key.display()
    )
}

/// A request, over TLS where there is an authority; the answer's status and body.
fn curl(authority: Option<&Authority>, args: &[&str]) -> (String, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "100", "--write-out", "\n%{http_code}"]);
    if let Some(authority) = authority {
        command.arg("--cacert").arg(&authority.file);
    }
    let said = command.args(args).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn http_takes_events_over_tls_of_those_who_know_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path(), "authority");
    let server = authority.sign("server", &["localhost"]);
    let input = format!("http {{ port => 0 user => 'shop' password => 'secret' {} }}", tls(&server));
    let collector = collector(dir.path(), &input);
    let address = collector.value("http input listening", "address");
    let url = format!("https://localhost:{}/", address.rsplit(':').next().unwrap());
    let lines: String =
        (0..500).map(|number| format!("{{\"message\":\"line {number} of json\"}}\n")).collect();
    let file = dir.path().join("lines.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, lines.as_bytes()).unwrap();
    std::fs::write(&file, packer.finish().unwrap()).unwrap();
    let body = format!("@{}", file.display());
    let send = |user: &str| {
        let kind = "Content-Type: application/x-ndjson";
        curl(
            Some(&authority),
            &["--user", user, "-H", kind, "-H", "Content-Encoding: gzip", "--data-binary", &body, &url],
        )
    };
    assert_eq!(send("shop:wrong").0, "401");
    assert_eq!(send("shop:secret"), ("200".to_owned(), "ok".to_owned()));
    let (status, said) = collector.signal("-INT");
    assert!(status.success());
    assert_eq!(printed(&said), 500, "what was answered is delivered");
    assert!(!said.iter().any(|line| line.contains("secret")));
}

#[test]
fn what_is_written_to_elasticsearch_goes_through_a_pipeline_into_the_index_that_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let conf = "input { elastic_bulk { port => 0 } } \
         filter { mutate { add_field => { \"to\" => \"%{[@metadata][_bulk][index]}\" } } } \
         output { stdout { codec => json_lines } }";
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["collector", "--api", "off", "-e", conf, "--data-dir"]).arg(dir.path());
    let collector = Process::start("collector", &mut command);
    let url = format!("http://{}", collector.value("elastic_bulk input listening", "address"));
    // As Fluent Bit writes.
    let body = dir.path().join("body");
    let items: String = (0..100)
        .map(|number| {
            format!("{{\"create\":{{\"_index\":\"fluent-bit\"}}}}\n{{\"@timestamp\":\"2026-01-02T03:04:05.678Z\",\"message\":\"line {number}\"}}\n")
        })
        .collect();
    std::fs::write(&body, items).unwrap();
    let data = format!("@{}", body.display());
    let kind = "Content-Type: application/x-ndjson";
    let (status, said) = curl(None, &["-H", kind, "--data-binary", &data, &format!("{url}/_bulk")]);
    assert_eq!(status, "200");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["errors"], false);
    let items = said["items"].as_array().unwrap();
    assert_eq!(items.len(), 100);
    assert!(items.iter().all(|item| item["create"]["status"] == 201));
    let (status, said) = collector.signal("-INT");
    assert!(status.success());
    assert_eq!(printed(&said), 100);
    assert!(
        said.iter().filter(|line| line.contains("\"message\":\"line ")).all(|line| {
            line.contains("\"to\":\"fluent-bit\"") && line.contains("2026-01-02T03:04:05.678Z")
        })
    );
}

#[test]
fn rsyslog_writes_over_tls_in_both_formats() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path(), "authority");
    let server = authority.sign("server", &["localhost"]);
    let collector = collector(dir.path(), &format!("syslog {{ port => 0 {} }}", tls(&server)));
    let address = collector.value("syslog input listening", "address");
    let port = address.rsplit(':').next().unwrap();
    std::fs::write(dir.path().join("app.log"), numbered(0, 500)).unwrap();
    let forward = |template: &str, framing: &str| {
        format!(
            "action(type=\"omfwd\" target=\"localhost\" port=\"{port}\" protocol=\"tcp\" template=\"{template}\" TCP_Framing=\"{framing}\" \
             StreamDriver=\"gtls\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"localhost\")\n"
        )
    };
    let conf = format!(
        "global(workDirectory=\"{0}\" DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{1}\")\n\
         module(load=\"imfile\")\n\
         input(type=\"imfile\" File=\"{0}/app.log\" Tag=\"shop[7]:\" Severity=\"warning\" Facility=\"local4\")\n{2}{3}",
        dir.path().display(),
        authority.file.display(),
        forward("RSYSLOG_TraditionalForwardFormat", "traditional"),
        forward("RSYSLOG_SyslogProtocol23Format", "octet-counted"),
    );
    let file = dir.path().join("rsyslog.conf");
    std::fs::write(&file, conf).unwrap();
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command.arg("-n").arg("-f").arg(&file).arg("-i").arg(dir.path().join("pid"));
    let _rsyslog = Process::start("rsyslogd", &mut command);
    eventually("rsyslog has written all, twice", || (printed(&collector.lines()) == 1_000).then_some(()));
    let (status, said) = collector.signal("-INT");
    assert!(status.success());
    let written: Vec<_> = said.iter().filter(|line| line.contains("\"message\":\"line ")).collect();
    let of = |part: &str| written.iter().filter(|line| line.contains(part)).count();
    assert_eq!(of(r#""process":{"name":"shop","pid":7}"#), 1_000);
    assert_eq!(of(r#""severity":{"code":4,"name":"Warning"}"#), 1_000);
    assert_eq!(of(r#""facility":{"code":20,"name":"local4"}"#), 1_000);
    assert_eq!(of(r#""version":1"#), 500, "half of them in the newer format");
    assert_eq!(of("_grokparsefailure"), 0);
}

#[test]
fn a_file_is_read_once_though_the_collector_is_killed_in_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.log"), numbered(0, 100_000)).unwrap();
    let input = format!(
        "file {{ path => '{0}/*.log' sincedb_path => '{0}/sincedb' mode => read exit_after_read => true sincedb_write_interval => '1 ms' file_completed_action => log file_completed_log_path => '{0}/done' }}",
        dir.path().display()
    );
    let first = collector(dir.path(), &input);
    first.wait_for("of the test");
    first.kill();
    let mut second = collector(dir.path(), &input);
    assert!(second.finish().success());
    assert!(second.lines().iter().any(|line| line.contains("line 099999 of the test")));
    assert!(std::fs::read_to_string(dir.path().join("done")).unwrap().contains("a.log"));
    // All of it was delivered: nothing comes again.
    let mut third = collector(dir.path(), &input);
    assert!(third.finish().success());
    assert_eq!(printed(&third.lines()), 0);
}

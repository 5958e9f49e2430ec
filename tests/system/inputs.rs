//! Inputs of senders that wait for no acknowledgement, as the whole program.

use std::{
    net::UdpSocket,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{certificates::Authority, files::numbered, process::Process};

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

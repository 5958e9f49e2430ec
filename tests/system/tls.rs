//! Lines over TLS: our agent and real Filebeat to the collector, with certificates on both sides.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{
    certificates::{Authority, Signed},
    files::{append, numbered},
    process::Process,
    target,
};

struct Certificates {
    dir: TempDir,
    authority: Authority,
    server: Signed,
    client: Signed,
}

impl Certificates {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "authority");
        let server = authority.sign("server", &["localhost", "127.0.0.1"]);
        let client = authority.sign("client", &["agent.example"]);
        Self { dir, authority, server, client }
    }

    /// A collector that prints what comes, and its address.
    fn collector(&self, more: &str) -> (Process, String) {
        let conf = format!(
            "input {{ beats {{ port => 0 ssl_enabled => true ssl_certificate => '{}' ssl_key => '{}' {more} }} }} \
             output {{ stdout {{ codec => json_lines }} }}",
            self.server.chain.display(),
            self.server.key.display()
        );
        let data = self.dir.path().join("collector");
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["collector", "--api", "off", "-e", &conf, "--data-dir"]).arg(data);
        let collector = Process::start("collector", &mut command);
        let address = collector.value("beats input listening", "address");
        (collector, address)
    }

    fn asks_for_certificates(&self) -> String {
        format!(
            "ssl_client_authentication => required ssl_certificate_authorities => ['{}']",
            self.authority.file.display()
        )
    }

    fn agent(&self, name: &str, address: &str, authority: &Path, client: Option<&Signed>) -> Process {
        let log = self.dir.path().join("app.log");
        append(&log, b"");
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["agent", "--metrics", "0", "--collector", address, "--logs"]).arg(&log);
        command.arg("--data-dir").arg(self.dir.path().join(name)).arg("--tls-ca").arg(authority);
        if let Some(client) = client {
            command.arg("--tls-cert").arg(&client.chain).arg("--tls-key").arg(&client.key);
        }
        Process::start(name, &mut command)
    }
}

#[test]
fn an_agent_and_a_collector_know_each_other_by_their_certificates() {
    let certificates = Certificates::new();
    let (collector, address) = certificates.collector(&certificates.asks_for_certificates());
    append(&certificates.dir.path().join("app.log"), numbered(0, 5000).as_bytes());
    // Nobody signed for this one, and the next trusts somebody else.
    let stranger = certificates.agent("stranger", &address, &certificates.authority.file, None);
    stranger.wait_for("the collector is away");
    collector.wait_for("no TLS came about");
    let other = Authority::new(certificates.dir.path(), "other");
    let distrustful = certificates.agent("distrustful", &address, &other.file, Some(&certificates.client));
    distrustful.wait_for("invalid peer certificate");
    drop((stranger, distrustful));
    assert!(!collector.lines().iter().any(|line| line.contains("of the test")), "nothing came of them");

    let agent =
        certificates.agent("agent", &address, &certificates.authority.file, Some(&certificates.client));
    collector.wait_for("line 004999 of the test");
    let (status, said) = agent.signal("-INT");
    assert!(status.success(), "{said:?}");
    assert!(said.iter().any(|line| line.contains("acknowledged=5000")), "{said:?}");
    let lines = collector.lines().iter().filter(|line| line.contains("of the test")).count();
    assert_eq!(lines, 5000);
}

#[test]
fn filebeat_ships_over_tls() {
    let certificates = Certificates::new();
    let (collector, address) = certificates.collector(&certificates.asks_for_certificates());
    let dir = certificates.dir.path();
    append(&dir.join("app.log"), numbered(0, 3000).as_bytes());
    let config = dir.join("filebeat.yml");
    let text = format!(
        "filebeat.inputs:\n  - type: log\n    paths: [\"{}\"]\noutput.logstash:\n  hosts: [\"{address}\"]\n  ssl:\n    \
         certificate_authorities: [\"{}\"]\n    certificate: \"{}\"\n    key: \"{}\"\n",
        dir.join("app.log").display(),
        certificates.authority.file.display(),
        certificates.client.chain.display(),
        certificates.client.key.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(target().join("peers/filebeat"));
    command.args(["--strict.perms=false", "-e", "-c"]).arg(&config);
    command.arg("--path.data").arg(dir.join("data")).arg("--path.logs").arg(dir.join("logs"));
    let _filebeat = Process::start("Filebeat", &mut command);
    collector.wait_for("line 002999 of the test");
    let lines = collector.lines().iter().filter(|line| line.contains("\"message\":\"line")).count();
    assert_eq!(lines, 3000);
}

#[test]
fn what_is_wrong_with_certificates_is_found_before_anything_runs() {
    let certificates = Certificates::new();
    let conf = certificates.dir.path().join("x.conf");
    let check = |options: &str| {
        let text = format!("input {{ beats {{ {options} }} }} output {{ null {{ }} }}");
        std::fs::write(&conf, text).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_alces")).arg("check").arg(&conf).output().unwrap();
        String::from_utf8(out.stderr).unwrap()
    };
    let (chain, key) = (certificates.server.chain.display(), certificates.server.key.display());
    let good =
        format!("host => '0.0.0.0' ssl_enabled => true ssl_certificate => '{chain}' ssl_key => '{key}'");
    assert_eq!(check(&good), "");
    assert!(check("ssl_enabled => true").contains("`ssl_enabled` wants `ssl_certificate"));
    assert!(check(&format!("ssl_certificate => '{chain}'")).contains("do nothing without `ssl_enabled"));
    assert!(
        check(&format!("{good} ssl_client_authentication => required")).contains("names none who signs them")
    );
    let swapped = format!("ssl_enabled => true ssl_certificate => '{key}' ssl_key => '{chain}'");
    assert!(check(&swapped).contains("there is no certificate in it"));
    assert!(
        check(&format!("{good} ssl_supported_protocols => ['TLSv1.1']")).contains("`TLSv1.1` is not spoken")
    );
    assert!(
        check("ssl_enabled => true ssl_certificate => '/none' ssl_key => '/none'").contains("cannot be read")
    );
}

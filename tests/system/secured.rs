//! Lines into a real OpenSearch that has its security plugin: over TLS, with a login or a certificate, and only where that may write.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::support::{
    certificates::Authority,
    client::Client,
    engine::{Engine, Security},
    eventually,
    files::{append, numbered},
    process::Process,
};

const HOST: &str = "127.77.4.1";

/// A collector that follows a file, whose pipeline may change.
struct Collector {
    process: Process,
    conf: PathBuf,
    log: PathBuf,
}

impl Collector {
    fn start(dir: &Path, name: &str, index: &str, options: &str) -> Self {
        let (conf, log) = (dir.join(format!("{name}.conf")), dir.join(format!("{name}.log")));
        fs::write(&conf, text(&log, index, options)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["collector", "--api", "off", "--data-dir"]).arg(dir.join(name)).arg("-f").arg(&conf);
        Self { process: Process::start(name, &mut command), conf, log }
    }

    fn write(&self, lines: Range<usize>) {
        append(&self.log, numbered(lines.start, lines.end).as_bytes());
    }

    /// What is not delivered comes again.
    fn reload(&self, index: &str, options: &str) {
        let new = self.conf.with_extension("new");
        fs::write(&new, text(&self.log, index, options)).unwrap();
        fs::rename(&new, &self.conf).unwrap();
    }
}

/// Lines have ids, as those of an agent would: one that a reload sends again changes nothing.
fn text(log: &Path, index: &str, options: &str) -> String {
    format!(
        "input {{ file {{ path => '{0}' sincedb_path => '{0}.db' start_position => beginning }} }}
         filter {{ fingerprint {{ source => message target => '[@metadata][_id]' }} }}
         output {{ opensearch {{ hosts => 'https://{HOST}:9200' index => '{index}' manage_template => false {options} }} }}",
        log.display()
    )
}

#[test]
fn a_secured_opensearch_takes_what_its_logins_may_write_and_the_rest_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path(), "authority");
    let security = Security {
        authority: &authority.file,
        node: &authority.sign("node", &[HOST]),
        // Its name stands in the certificate, and is that of a user.
        users: &[("collector", "logstash")],
    };
    let certificate = authority.sign("collector", &["collector.example"]);
    let engine = Engine::secured(HOST, &dir.path().join("node"), &security);
    let admin = Client::secured(&engine.url, &authority.file, "admin", "admin");
    eventually("it knows its users", || admin.is_there().then_some(()));
    let trusts = format!("ssl_certificate_authorities => '{}'", authority.file.display());
    let login = |user: &str, password: &str| format!("{trusts} user => '{user}' password => '{password}'");
    let wait_for = |index: &str, count: u64| {
        eventually(&format!("{index} has {count} documents"), || {
            (admin.refreshed_count(index)? >= count).then_some(())
        });
        assert_eq!(admin.refreshed_count(index), Some(count), "nothing is doubled");
    };

    // Nobody whom it trusts signed for the node: not a byte is sent.
    let stranger = Authority::new(dir.path(), "stranger");
    let other = format!("ssl_certificate_authorities => '{}'", stranger.file.display());
    let collector = Collector::start(dir.path(), "login", "logstash-lines", &other);
    collector.write(0..500);
    assert!(collector.process.wait_for("OpenSearch does not answer").contains("certificate"));
    // The next one is trusted and its password wrong; and then it is right.
    collector.reload("logstash-lines", &login("logstash", "wr0ng-secret"));
    assert!(collector.process.wait_for("status 401").contains("OpenSearch does not answer"));
    collector.write(500..1000);
    assert_eq!(admin.refreshed_count("logstash-lines"), None, "there is no such index yet");
    collector.reload("logstash-lines", &login("logstash", "logstash"));
    wait_for("logstash-lines", 1000);
    assert!(!collector.process.lines().iter().any(|line| line.contains("wr0ng-secret")));
    assert!(collector.process.signal("-TERM").0.success());

    // An index that the login may not write to: its lines are held, and no dead letters, until it may.
    let collector = Collector::start(dir.path(), "rights", "lines", &login("logstash", "logstash"));
    collector.write(0..500);
    assert!(collector.process.wait_for("events were not taken").contains("status=403"));
    assert_eq!(admin.refreshed_count("lines"), None);
    let role = json!({
        "cluster_permissions": ["cluster_composite_ops"],
        "index_permissions": [{"index_patterns": ["lines"], "allowed_actions": ["crud", "create_index"]}],
    });
    admin.put("/_plugins/_security/api/roles/lines", &role);
    admin.put("/_plugins/_security/api/rolesmapping/lines", &json!({"users": ["logstash"]}));
    wait_for("lines", 500);
    assert!(collector.process.signal("-TERM").0.success());
    assert!(!dir.path().join("rights/dead_letter_queue/main.ndjson").exists());

    // A certificate instead of a login.
    let mutual = format!(
        "{trusts} ssl_certificate => '{}' ssl_key => '{}'",
        certificate.chain.display(),
        certificate.key.display()
    );
    let collector = Collector::start(dir.path(), "certificate", "logstash-signed", &mutual);
    collector.write(0..500);
    wait_for("logstash-signed", 500);
    assert!(collector.process.signal("-TERM").0.success());
}

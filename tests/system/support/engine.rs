//! What documents are written to: `alces store`, or a real OpenSearch.

use std::{fs, path::Path, process::Command, sync::OnceLock};

use serde_json::{Value, json};

use super::{certificates::Signed, eventually, http, process::Process, target};

/// Which OpenSearch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    /// 2.19
    Two,
    /// 3.8
    Three,
    /// 3.4 with its security plugin
    Secured,
}

impl Version {
    /// Where `tests/peers/setup` puts it.
    fn folder(self) -> &'static str {
        match self {
            Self::Two => "opensearch-2",
            Self::Three => "opensearch",
            Self::Secured => "opensearch-secured",
        }
    }
}

/// Whom a secured engine trusts, and who may do what.
pub(crate) struct Security<'s> {
    pub(crate) authority: &'s Path,
    pub(crate) node: &'s Signed,
    /// Users by the names in their certificates, each with its role.
    pub(crate) users: &'s [(&'s str, &'s str)],
}

impl Security<'_> {
    /// Into the folder of a node's settings, where the plugin looks for files, and nowhere else.
    fn write(&self, config: &Path) {
        let own = config.join("opensearch-security");
        fs::create_dir_all(&own).unwrap();
        for (from, to) in
            [(self.authority, "authority.pem"), (&self.node.chain, "node.pem"), (&self.node.key, "node.key")]
        {
            fs::copy(from, config.join(to)).unwrap();
        }
        let examples = target().join("peers/opensearch-secured/plugin/config");
        for file in fs::read_dir(examples).unwrap().map(Result::unwrap) {
            let mut text = fs::read_to_string(file.path()).unwrap();
            if file.file_name() == "config.yml" {
                let (before, after) = text.split_once("clientcert_auth_domain:").unwrap();
                let after = after.replacen("http_enabled: false", "http_enabled: true", 1);
                text = format!("{before}clientcert_auth_domain:{after}");
            }
            if file.file_name() == "roles_mapping.yml" {
                for (user, role) in self.users {
                    let place = format!("\n{role}:\n  reserved: false\n");
                    assert!(text.contains(&place), "no {role} in {text}");
                    text = text.replace(&place, &format!("{place}  users:\n  - \"{user}\"\n"));
                }
            }
            fs::write(own.join(file.file_name()), text).unwrap();
        }
    }
}

/// A running engine.
pub(crate) struct Engine {
    pub(crate) url: String,
    pub(crate) process: Process,
}

impl Engine {
    /// `alces store` at an address (port 0: any) with its data in a folder.
    pub(crate) fn store(address: &str, folder: &Path) -> Self {
        let process = Process::alces("store", &["--listen", address, "--data-dir", folder.to_str().unwrap()]);
        let url = format!("http://{}", process.value("store listening", "address"));
        Self { url, process }
    }

    /// The real OpenSearch of this run of the tests, at 127.77.0.3:9200. It is started when it is first asked for, and ends
    /// with the tests' process: its standard input is closed then.
    pub(crate) fn shared_opensearch() -> &'static Self {
        static SHARED: OnceLock<Engine> = OnceLock::new();
        SHARED.get_or_init(|| {
            // Nobody is left to remove it but the next run.
            let folder = target().join("tmp/opensearch");
            let _ = std::fs::remove_dir_all(&folder);
            let engine = Self::opensearch(Version::Three, "127.77.0.3", &folder, &["-Xmx1g"], &[]);
            engine.process.wait_for("ready");
            engine
        })
    }

    /// A real OpenSearch on port 9200 of a loopback address of its own, which says `ready` when it is. A node that gets settings
    /// (`name=value`) is one of several, one without is alone.
    pub(crate) fn opensearch(
        version: Version,
        host: &str,
        folder: &Path,
        java: &[&str],
        settings: &[String],
    ) -> Self {
        let peers = target().join("peers");
        let classes = format!("{0}/lib/*:{0}/plugin/*:{0}", peers.join(version.folder()).display());
        let mut command = Command::new(peers.join("java"));
        command
            .args(java)
            .args(["-cp", &classes, "Launcher"])
            .arg(folder)
            .args([host, "9200"])
            .args(settings);
        Self {
            url: format!("http://{host}:9200"),
            process: Process::start(&format!("OpenSearch at {host}"), &mut command),
        }
    }

    /// A real OpenSearch on port 9200 of a loopback address of its own, which speaks TLS only and knows the users of the plugin's own example
    /// (`admin` and `logstash`, whose passwords are their names), and those of `security` by their certificates.
    pub(crate) fn secured(host: &str, folder: &Path, security: &Security<'_>) -> Self {
        let config = folder.join("node_1/config");
        security.write(&config);
        let mut settings = vec![
            "discovery.type=single-node".to_owned(),
            "plugins.security.ssl.http.enabled=true".to_owned(),
            "plugins.security.ssl.http.clientauth_mode=OPTIONAL".to_owned(),
            "plugins.security.ssl.transport.enforce_hostname_verification=false".to_owned(),
            "plugins.security.allow_default_init_securityindex=true".to_owned(),
            "plugins.security.authcz.admin_dn=CN=nobody".to_owned(),
            "plugins.security.restapi.roles_enabled=all_access".to_owned(),
        ];
        for layer in ["transport", "http"] {
            for (what, file) in
                [("pemcert", "node.pem"), ("pemkey", "node.key"), ("pemtrustedcas", "authority.pem")]
            {
                settings.push(format!("plugins.security.ssl.{layer}.{what}_filepath={file}"));
            }
        }
        let java = [
            "-Xmx512m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Dplugin=org.opensearch.security.OpenSearchSecurityPlugin",
        ];
        let mut engine = Self::opensearch(Version::Secured, host, folder, &java, &settings);
        engine.url = format!("https://{host}:9200");
        engine
    }

    /// How many documents an index or pattern has; 0 where it is not there.
    pub(crate) fn count(&self, index: &str) -> u64 {
        http::get(&format!("{}/{index}/_refresh", self.url));
        let answer = http::get_json(&format!("{}/{index}/_count", self.url));
        answer.and_then(|a| a["count"].as_u64()).unwrap_or(0)
    }

    pub(crate) fn wait_for_count(&self, index: &str, count: u64) {
        eventually(&format!("{index} has {count} documents"), || (self.count(index) >= count).then_some(()));
    }

    /// All documents of an index, up to 10,000.
    pub(crate) fn documents(&self, index: &str) -> Vec<Value> {
        let body = json!({"size": 10_000, "query": {"match_all": {}}});
        let answer = http::post_json(&format!("{}/{index}/_search", self.url), &body).unwrap();
        let hits = answer["hits"]["hits"].as_array().unwrap_or_else(|| panic!("no hits in {answer}"));
        hits.iter().map(|hit| hit["_source"].clone()).collect()
    }
}

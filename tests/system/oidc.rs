//! Logins by a real OpenID provider (panva's oidc-provider, from its package): code, PKCE, a signed token, as a browser goes the way.

use std::{collections::BTreeMap, path::Path, process::Command};

use url::Url;

use crate::browser::look;
use crate::support::{eventually, free_port, process::Process, project};

/// As much of a browser as the way takes: cookies of each host and port, and no redirect that nobody looked at.
struct Browser {
    agent: ureq::Agent,
    cookies: BTreeMap<(String, String), String>,
}

struct Page {
    status: u16,
    /// Where it leads to.
    next: Option<Url>,
    body: String,
}

impl Browser {
    fn new() -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        Self { agent: config.into(), cookies: BTreeMap::new() }
    }

    fn get(&mut self, url: &Url) -> Page {
        let request =
            self.agent.get(url.as_str()).header("accept", "text/html").header("cookie", self.cookie(url));
        let answer = request.call().unwrap();
        self.take(url, answer)
    }

    fn post(&mut self, url: &Url, fields: &[(&str, &str)]) -> Page {
        let request = self.agent.post(url.as_str()).header("cookie", self.cookie(url));
        let answer = request.send_form(fields.iter().copied()).unwrap();
        self.take(url, answer)
    }

    fn cookie(&self, url: &Url) -> String {
        let own =
            self.cookies.iter().filter(|((origin, _), _)| *origin == url.origin().ascii_serialization());
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn take(&mut self, url: &Url, mut answer: ureq::http::Response<ureq::Body>) -> Page {
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (url.origin().ascii_serialization(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key)
            } else {
                self.cookies.insert(key, value.to_owned())
            };
        }
        let next = answer.headers().get("location").map(|to| url.join(to.to_str().unwrap()).unwrap());
        Page { status: answer.status().as_u16(), next, body: answer.body_mut().read_to_string().unwrap() }
    }

    /// From the login page to the provider, in there as `name`, and to the address that leads back.
    fn go(&mut self, dashboard: &Url, next: &str, name: &str) -> Url {
        let login = self.get(&dashboard.join("/login").unwrap());
        assert!(login.body.contains("Log in with Test ID"), "{}", login.body);
        let mut way = dashboard.join("/login/oidc").unwrap();
        way.query_pairs_mut().append_pair("next", next);
        let mut at = self.get(&way).next.expect("the provider's address");
        // A page of the provider is a form: first for a name, then for consent.
        for _ in 0..12 {
            if at.path() == "/login/oidc/callback" {
                return at;
            }
            let page = self.get(&at);
            at = match page.next {
                Some(next) => next,
                None if page.body.contains("value=\"login\"") => {
                    let form = [("prompt", "login"), ("login", name), ("password", "any")];
                    self.post(&at, &form).next.expect("a way on")
                }
                None => self.post(&at, &[("prompt", "consent")]).next.expect("a way on"),
            };
        }
        panic!("the provider leads nowhere: {at}");
    }
}

fn provider(port: u16, dashboard: &Url, secret: &Path) -> Process {
    let script = project().join("tests/peers/oidc/provider.mjs");
    let callback = dashboard.join("/login/oidc/callback").unwrap();
    let mut command = Command::new("node");
    command.arg(script).arg(port.to_string()).arg(callback.as_str()).arg(secret);
    let provider = Process::start("provider", &mut command);
    provider.wait_for("provider listening");
    provider
}

#[test]
fn by_a_real_provider() {
    let folder = tempfile::tempdir().unwrap();
    let (people, secret) = (folder.path().join("people.sqlite"), folder.path().join("secret"));
    std::fs::write(&secret, "a+secret/of%the tests\n").unwrap();
    let (port, own) = (free_port(), free_port());
    let dashboard: Url = format!("http://127.0.0.1:{own}/").parse().unwrap();
    let options = [
        "--listen",
        &format!("127.0.0.1:{own}"),
        "--public-url",
        dashboard.as_str(),
        "--people",
        people.to_str().unwrap(),
        "--oidc-issuer",
        &format!("http://127.0.0.1:{port}"),
        "--oidc-client-id",
        "alces",
        "--oidc-client-secret-file",
        secret.to_str().unwrap(),
        "--oidc-name",
        "Test ID",
        "--oidc-scopes",
        "profile,groups",
        "--oidc-role",
        "admin=helpdesk-sre",
        "--oidc-role",
        "viewer=staff",
        "--oidc-default-role",
        "none",
    ];
    // The provider is not there yet.
    let running = Process::alces("dashboard", &options);
    running.wait_for("dashboard listening");
    let way = dashboard.join("/login/oidc").unwrap();
    let away = Browser::new().get(&way);
    assert!(away.status == 503 && away.body.contains("cannot be reached"), "{}", away.body);
    let there = provider(port, &dashboard, &secret);
    eventually("the provider is asked again", || (Browser::new().get(&way).status == 303).then_some(()));

    let mut amy = Browser::new();
    let back = amy.go(&dashboard, "/account?from=now-20m", "amy");
    // Another browser does not end what this one began.
    assert_eq!(Browser::new().get(&back).status, 400);
    let done = amy.get(&back);
    assert_eq!(done.status, 303, "{}", done.body);
    let next = done.next.unwrap();
    assert_eq!((next.path(), next.query()), ("/account", Some("from=now-20m")));
    let account = amy.get(&next);
    assert!(
        account.status == 200 && account.body.contains("amy") && account.body.contains("admin"),
        "{}",
        account.body
    );
    let audit = amy.get(&dashboard.join("/people/audit.csv").unwrap());
    assert!(audit.body.contains(",amy,login,127.0.0.1,by Test ID"), "{}", audit.body);

    // The same address once more, and its code in a login of one's own: the provider takes it once.
    assert_eq!(amy.get(&back).status, 400);
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let mut eve = Browser::new();
    let sent = eve.get(&way).next.unwrap();
    let state = sent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let mut stolen = dashboard.join("/login/oidc/callback").unwrap();
    stolen
        .query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &state)
        .append_pair("iss", &format!("http://127.0.0.1:{port}"));
    let refused = eve.get(&stolen);
    assert!(refused.status == 403 && refused.body.contains("does not take this code"), "{}", refused.body);

    for (name, status) in [("bob", 303), ("eve", 403)] {
        let mut browser = Browser::new();
        let back = browser.go(&dashboard, "/account", name);
        assert_eq!(browser.get(&back).status, status, "{name}");
    }
    look("login.mjs", &[dashboard.as_str(), &format!("http://127.0.0.1:{port}"), "bob"]);
    there.kill();
    // A login whose provider ends on the way, and a page for who is in already.
    let refused = eve.get(&way);
    assert_eq!(refused.status, 303, "what the provider said of itself is known still");
    assert_eq!(amy.get(&next).status, 200);
    let said = running.lines().join("\n");
    for hidden in ["a+secret", &code, &state] {
        assert!(!said.contains(hidden), "{said}");
    }
}

//! Logins by a provider, as a browser meets them; `tests/system/oidc.rs` does it with a real one.

mod provider;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alces_dashboard::{OidcLogin, OidcSecret};
use alces_people::{Limits, Role, Subject};
use provider::{Provider, SECRET};
use serde_json::{Value, json};

use super::*;

const CALLBACK: &str = "/login/oidc/callback";

/// A dashboard and its provider.
struct Pair {
    house: House,
    provider: Arc<Provider>,
}

/// A login under way: what the browser keeps, and what the provider was told.
struct Way {
    cookie: String,
    told: HashMap<String, String>,
}

impl Pair {
    async fn build() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OidcLogin)) -> Self {
        let provider = Provider::start().await;
        let mut login = OidcLogin::new(provider.issuer(), "alces".into());
        login.client_secret = OidcSecret::new(SECRET);
        login.name = "Example ID".into();
        login.roles = vec![(Role::Admin, "sre".into()), (Role::Editor, "helpdesk".into())];
        change(&mut login);
        let house = House::with(|config| {
            config.oidc = Some(login);
            config.public_url = Some("http://dashboard.example/".parse().expect("a URL"));
        });
        Self { house: house.await, provider }
    }

    async fn begin(&self, next: &str) -> Way {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let answer = self.house.get(&format!("/login/oidc?next={next}"), PAGE).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let address: url::Url = answer.header("location").parse().expect("the provider's address");
        assert!(
            address.as_str().starts_with(&format!("{}/auth?tenant=7&", self.provider.issuer())),
            "{address}"
        );
        Way { cookie: answer.cookie("alces_oidc_"), told: address.query_pairs().into_owned().collect() }
    }

    /// Lets the provider give a code that stands for these claims, and for the login's nonce where they name none.
    fn code(&self, way: &Way, claims: Value) -> String {
        let mut all = json!({"nonce": way.told["nonce"]});
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        self.provider.change(|script| {
            script.codes.insert("a code".into(), (way.told["code_challenge"].clone(), all));
        });
        "a+code".into()
    }

    async fn back(&self, cookie: &str, state: &str, rest: &str) -> Answer {
        let issuer: String =
            url::form_urlencoded::byte_serialize(self.provider.issuer().as_bytes()).collect();
        let head = format!("{PAGE}cookie: {cookie}\r\nsec-fetch-site: cross-site\r\n");
        self.house.get(&format!("{CALLBACK}?state={state}&iss={issuer}{rest}"), &head).await
    }

    /// The whole way of somebody of whom the provider says this.
    async fn log_in(&self, claims: Value) -> Answer {
        let way = self.begin("/explore?q=status:5xx").await;
        let code = self.code(&way, claims);
        self.back(&way.cookie, &way.told["state"], &format!("&code={code}")).await
    }
}

fn amy(groups: &[&str]) -> Value {
    json!({"sub": "248289761001", "preferred_username": "amy", "email": "root@example.com", "groups": groups})
}

#[tokio::test]
async fn a_shared_link_survives_the_login() {
    let pair = Pair::build().await;
    let page = pair.house.get("/login?next=/explore?q%3Dstatus:5xx", PAGE).await.body;
    assert!(page.contains("Log in with Example ID") && page.contains("name=\"password\""), "{page}");
    assert!(page.contains("/login/oidc?next=%2Fexplore%3Fq%3Dstatus%3A5xx"), "{page}");
    let way = pair.begin("/explore?q=status:5xx").await;
    assert_eq!(way.told["response_type"], "code");
    assert_eq!(way.told["scope"], "openid profile email");
    assert_eq!(way.told["code_challenge_method"], "S256");
    assert_eq!(way.told["redirect_uri"], format!("http://dashboard.example{CALLBACK}"));
    let code = pair.code(&way, amy(&["x", "helpdesk"]));
    let answer = pair.back(&way.cookie, &way.told["state"], &format!("&code={code}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/explore?q=status:5xx"), "{}", answer.body);
    assert!(answer.head.contains("alces_oidc_") && answer.head.contains("Max-Age=0"), "{}", answer.head);
    let cookie = answer.cookie("alces=");
    let account = pair.house.get("/account", &format!("{PAGE}cookie: {cookie}\r\n")).await;
    assert!(account.body.contains("amy") && account.body.contains("editor"), "{}", account.body);
    let audit = pair.house.audit();
    assert!(audit.contains(&"amy login by Example ID".to_owned()), "{audit:?}");
    assert!(
        audit.iter().any(|e| e.starts_with("amy people became a user, editor, by http://127.0.0.1")),
        "{audit:?}"
    );
    let browser = Browser { house: &pair.house, token: account.token(), cookie };
    let out = browser.post("/logout", &[]).await;
    assert_eq!(out.header("location"), "/login?left=1");
    let left = pair.house.get("/login?left=1", PAGE).await.body;
    assert!(
        left.contains(&format!(
            "{}/out?client_id=alces&amp;post_logout_redirect_uri=",
            pair.provider.issuer()
        )),
        "{left}"
    );
    assert_eq!(browser.get("/account").await.status, 303, "the session has ended");
}

#[tokio::test]
async fn a_login_ends_once_and_where_it_began() {
    let pair = Pair::build().await;
    let (way, other) = (pair.begin("/").await, pair.begin("/").await);
    let code = format!("&code={}", pair.code(&way, amy(&[])));
    let state = &way.told["state"];
    let forged = format!("{}x", way.cookie);
    for (cookie, state, what) in [
        ("", state, "a browser that began none"),
        (other.cookie.as_str(), state, "another login's cookie"),
        (forged.as_str(), state, "a changed cookie"),
        (way.cookie.as_str(), &other.told["state"], "another login's state"),
        (way.cookie.as_str(), &String::new(), "no state"),
    ] {
        let answer = pair.back(cookie, state, &code).await;
        assert!(answer.status == 400 && answer.body.contains("begin it again"), "{what}: {}", answer.status);
        assert!(answer.body.contains("http://dashboard.example/"), "{what}");
    }
    pair.house.now.fetch_add(10 * 60_000 + 1, SeqCst);
    assert_eq!(pair.back(&way.cookie, state, &code).await.status, 400, "too late");
    pair.house.now.store(NOON + HOUR, SeqCst);
    let way = pair.begin("/").await;
    let (state, claims) = (
        &way.told["state"],
        json!({"sub": "1", "preferred_username": "amy", "groups": [], "exp": NOON / 1000 + 7200}),
    );
    let code = format!("&code={}", pair.code(&way, claims.clone()));
    assert_eq!(pair.back(&way.cookie, state, &code).await.status, 303);
    pair.code(&way, claims);
    // Failures make wait, which is another test's.
    let wait = || pair.house.now.fetch_add(60_000, SeqCst);
    wait();
    assert_eq!(pair.back(&way.cookie, state, &code).await.status, 400, "the same address once more");
    wait();
    let way = pair.begin("/").await;
    let answer = pair.back(&way.cookie, &way.told["state"], "&code=used+before").await;
    assert!(answer.status == 403 && answer.body.contains("does not take this code"), "{}", answer.body);
    wait();
    let way = pair.begin("/").await;
    let answer =
        pair.back(&way.cookie, &way.told["state"], "&error=access_denied&error_description=%3Cb%3E").await;
    assert!(answer.status == 403 && answer.body.contains("access_denied, &lt;b&gt;"), "{}", answer.body);
}

#[tokio::test]
async fn only_the_providers_word_for_this_login_counts() {
    let pair = Pair::build().await;
    let with = |name: &str, value: Value| {
        let mut claims = amy(&["sre"]);
        claims[name] = value;
        claims
    };
    for (claims, why) in [
        (with("nonce", "another".into()), "answers another login"),
        (with("iss", "https://evil.example".into()), "another provider"),
        (with("aud", "other".into()), "another application"),
        (with("exp", (NOON / 1000 - 61).into()), "expired"),
    ] {
        let answer = pair.log_in(claims).await;
        assert!(answer.status == 403 && answer.body.contains(why), "{why}: {}", answer.body);
        pair.house.now.fetch_add(1, SeqCst);
    }
    pair.provider.change(|script| script.forges = true);
    let answer = pair.log_in(amy(&["sre"])).await;
    assert!(answer.status == 403 && answer.body.contains("signature is wrong"), "{}", answer.body);
    pair.provider.change(|script| script.forges = false);
    pair.house.now.fetch_add(60_000, SeqCst);
    let way = pair.begin("/").await;
    let code = pair.code(&way, amy(&["sre"]));
    let head = format!("{PAGE}cookie: {}\r\n", way.cookie);
    for issuer in ["", "&iss=https://evil.example"] {
        pair.house.now.fetch_add(60_000, SeqCst);
        let way = format!("{CALLBACK}?state={}&code={code}{issuer}", way.told["state"]);
        assert_eq!(pair.house.get(&way, &head).await.status, 400, "{issuer}");
    }
    assert!(pair.house.people.user_named("amy").expect("a file").is_none(), "nobody came in");
    let audit = pair.house.audit();
    assert!(
        audit.iter().any(|e| e.starts_with("(by Example ID) failure what the provider says")),
        "{audit:?}"
    );
}

#[tokio::test]
async fn nobody_takes_another_over() {
    let pair = Pair::build().await;
    let local = pair.house.user("Amy", Role::Admin);
    let answer = pair.log_in(amy(&["sre"])).await;
    assert!(
        answer.status == 403 && answer.body.contains("another user here whose name is amy"),
        "{}",
        answer.body
    );
    assert!(!answer.head.contains("alces="), "{}", answer.head);
    assert_eq!(pair.house.try_login("amy", PASSWORD, "/").await.status, 303, "local logins go on");
    let mut other = amy(&[]);
    other["preferred_username"] = "eve".into();
    assert_eq!(pair.log_in(other).await.status, 303);
    let mut third = amy(&["sre"]);
    (third["sub"], third["preferred_username"]) = ("3".into(), "eve".into());
    assert_eq!(pair.log_in(third).await.status, 403, "another subject of the same name");
    let users = pair.house.people.users().expect("a file");
    assert_eq!(users.iter().find(|u| u.id == local).map(|u| u.role), Some(Role::Admin));
    assert_eq!(users.len(), 2);
}

#[tokio::test]
async fn the_role_follows_the_claim() {
    let pair = Pair::with(|login| login.default_role = None).await;
    assert_eq!(pair.log_in(amy(&["sre"])).await.status, 303);
    let user = || pair.house.people.user_named("amy").expect("a file").expect("amy");
    assert_eq!(user().role, Role::Admin);
    let answer = pair.log_in(amy(&["helpdesk"])).await;
    assert_eq!(user().role, Role::Editor);
    let session = format!("{PAGE}cookie: {}\r\n", answer.cookie("alces="));
    let token = pair.house.token_of(user().id, Scope::Read);
    assert_eq!(pair.house.get("/", &token).await.status, 200);
    let none = pair.log_in(amy(&["other"])).await;
    assert!(none.status == 403 && none.body.contains("gives you no role here"), "{}", none.body);
    assert_eq!(pair.house.get("/account", &session).await.status, 303, "what was open has ended");
    assert_eq!(pair.house.get("/", &token).await.status, 401);
    pair.house.people.set_disabled(user().id, true, &event()).expect("disabled");
    assert_eq!(pair.log_in(amy(&["helpdesk"])).await.status, 403);
}

#[tokio::test]
async fn userinfo_says_what_the_token_does_not_and_of_the_same_person_only() {
    let pair = Pair::build().await;
    let userinfo = |sub: &str| Some(json!({"sub": sub, "preferred_username": "amy", "groups": ["sre"]}));
    pair.provider.change(|script| script.userinfo = userinfo("1"));
    let bare = json!({"sub": "248289761001"});
    assert_eq!(pair.log_in(bare.clone()).await.status, 403);
    pair.provider.change(|script| script.userinfo = userinfo("248289761001"));
    assert_eq!(pair.log_in(bare).await.status, 303);
    let users = pair.house.people.users().expect("a file");
    assert_eq!(users.iter().map(|u| (u.name.as_str(), u.role)).collect::<Vec<_>>(), [("amy", Role::Admin)]);
    let asked = std::mem::take(&mut pair.provider.script.lock().expect("no panic").asked);
    assert_eq!(asked.iter().filter(|path| **path == "configuration").count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|path| **path == "keys").count(), 1, "{asked:?}");
}

#[tokio::test]
async fn limits_hold_for_who_comes_by_a_provider() {
    let pair = Pair::build().await;
    let limits = Limits::parse("", "-host:web02", "host").expect("limits");
    pair.house.people.set_limits(Subject::Role(Role::Viewer), &limits, &event()).expect("written");
    let answer = pair.log_in(amy(&[])).await;
    let page = pair.house.get("/explore", &format!("{PAGE}cookie: {}\r\n", answer.cookie("alces="))).await;
    assert!(
        page.status == 200 && !page.body.contains("web01") && page.body.contains("***"),
        "{}",
        page.status
    );
}

#[tokio::test]
async fn a_provider_that_is_away_or_hangs_is_a_page() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let pair = Pair::with(|login| login.issuer = format!("http://{nobody}")).await;
    pair.house.user("root", Role::Admin);
    let answer = pair.house.get("/login/oidc?next=/lines", PAGE).await;
    assert!(answer.status == 503 && answer.body.contains("cannot be reached"), "{}", answer.body);
    assert!(
        answer.body.contains("/login/oidc?next=%2Flines") && answer.body.contains("By name and password")
    );
    assert_eq!(pair.house.try_login("root", PASSWORD, "/").await.status, 303);

    let pair = Pair::with(|login| login.timeout = Duration::from_millis(400)).await;
    pair.provider.change(|script| script.hangs_at = Some("configuration"));
    let answer = pair.house.get("/login/oidc", PAGE).await;
    assert!(answer.status == 503 && answer.body.contains("did not answer within"), "{}", answer.body);
    pair.provider.change(|script| script.hangs_at = None);
    assert_eq!(pair.house.get("/login/oidc", PAGE).await.status, 503, "left alone for a moment");
    pair.house.now.fetch_add(5_000, SeqCst);
    for path in ["token", "keys"] {
        pair.provider.change(|script| script.hangs_at = Some(path));
        let answer = pair.log_in(amy(&[])).await;
        assert!(
            answer.status == 503 && answer.body.contains("did not answer within"),
            "{path}: {}",
            answer.body
        );
    }
    pair.provider.change(|script| script.hangs_at = None);
    pair.house.now.fetch_add(5_000, SeqCst);
    for _ in 0..8 {
        assert_eq!(pair.log_in(amy(&[])).await.status, 303, "no outage counts as a failure of who tried");
    }
}

#[tokio::test]
async fn guessing_waits_and_leads_nowhere_else() {
    let pair = Pair::build().await;
    for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example", "/login/oidc"] {
        let way = pair.begin(elsewhere).await;
        let code = pair.code(&way, amy(&[]));
        let answer = pair.back(&way.cookie, &way.told["state"], &format!("&code={code}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{elsewhere}");
    }
    let mut last = 0;
    for _ in 0..7 {
        let way = pair.begin("/").await;
        last = pair.back(&way.cookie, &way.told["state"], "&code=guessed").await.status;
    }
    assert_eq!(last, 429);
    let asked = pair.provider.script.lock().expect("no panic").asked.clone();
    assert!(asked.iter().filter(|path| **path == "token").count() < 11, "{asked:?}");
}

#[tokio::test]
async fn behind_tls_its_cookie_does_not_go_without() {
    let provider = Provider::start().await;
    let house = House::with(|config| {
        config.oidc = Some(OidcLogin::new(provider.issuer(), "alces".into()));
        config.public_url = Some("https://dash.example.com/".parse().expect("a URL"));
    });
    let answer = house.await.get("/login/oidc", PAGE).await;
    let set = answer.header("set-cookie");
    assert!(
        set.starts_with("__Host-alces_oidc_") && set.contains("; HttpOnly; SameSite=Lax; Secure"),
        "{set}"
    );
    assert!(set.contains("Max-Age=600"), "{set}");
}

#[tokio::test]
async fn the_provider_shows_a_certificate_that_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = alces_tls::Identity { chain: chain.as_bytes(), key: key.as_bytes() };
    let (roots, all) = (alces_tls::Roots::default(), alces_tls::Versions::All);
    let server = alces_tls::server(identity, roots, alces_tls::ClientAuth::None, all).expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let issuer = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    let said = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    });
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.to_string().len()
    );
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(server);
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust it hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    for (authorities, status) in [(Some(chain.into_bytes()), 303), (None, 503)] {
        let house = House::with(|config| {
            let mut login = OidcLogin::new(issuer.clone(), "alces".into());
            login.authorities = authorities;
            config.oidc = Some(login);
            config.public_url = Some("https://dash.example.com/".parse().expect("a URL"));
        });
        let answer = house.await.get("/login/oidc", PAGE).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(status == 303 || answer.body.contains("invalid peer certificate"), "{}", answer.body);
    }
}

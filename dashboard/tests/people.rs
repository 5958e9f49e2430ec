//! Logins, roles, tokens, limits: the dashboard as its people meet it, over HTTP.

#[allow(dead_code, reason = "tests/http.rs uses all of it")]
mod fake;
#[path = "people/oidc.rs"]
mod oidc;
#[path = "people/rules.rs"]
mod rules;
#[path = "people/searches.rs"]
mod searches;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use alces_dashboard::{Config, ProxyLogin, TlsFiles, serve};
use alces_people::{Act, Event, Limits, NewSearch, NewToken, People, Role, Scope, Subject, Wanted};
use fake::{Fake, Mood};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// 2026-11-23T10:00:00Z
const NOON: i64 = 1_795_428_000_000;
const HOUR: i64 = 3_600_000;
const PASSWORD: &str = "correct horse battery";
const PAGE: &str = "accept: text/html\r\n";

struct House {
    at: SocketAddr,
    now: Arc<AtomicI64>,
    people: Arc<People>,
    folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        lines
            .filter_map(|l| l.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or("", |(_, v)| v)
    }

    /// The cookie that it sets, as a browser sends it back.
    fn cookie(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|l| l.split_once(": "));
        let set = lines.filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie")).map(|(_, v)| v);
        set.filter_map(|v| v.split(';').next()).find(|v| v.starts_with(name)).expect("a cookie").to_owned()
    }

    /// The token of its forms.
    fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form with a token");
        rest.split('"').next().expect("a value").to_owned()
    }
}

/// A browser that is logged in.
struct Browser<'h> {
    house: &'h House,
    cookie: String,
    token: String,
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.house.get(path, &format!("{PAGE}cookie: {}\r\n", self.cookie)).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let head = format!("{PAGE}cookie: {}\r\nsec-fetch-site: same-origin\r\n", self.cookie);
        let mut all = vec![("csrf", self.token.as_str())];
        all.extend(fields);
        self.house.post(path, &head, &all).await
    }
}

fn event() -> Event<'static> {
    Event { at: NOON, who: "root", act: Act::People, address: "", what: "a test" }
}

impl House {
    async fn build() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let fake = Fake::new(Mood::Full, NOON);
        let backend = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", backend.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(backend, fake.router()).await });
        let folder = tempfile::tempdir().expect("a folder");
        let people = Arc::new(People::open(&folder.path().join("people.sqlite")).expect("a file"));
        let mut config = Config::new(url.parse().expect("a URL"));
        config.secret = Some(b"a secret of the tests".to_vec());
        config.people = Some(Arc::clone(&people));
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let now = Arc::new(AtomicI64::new(NOON));
        let clock = {
            let now = Arc::clone(&now);
            move || Timestamp::from_millisecond(now.load(SeqCst)).expect("a time")
        };
        tokio::spawn(serve(listener, config, clock, std::future::pending()));
        Self { at, now, people, folder }
    }

    fn user(&self, name: &str, role: Role) -> i64 {
        self.people.add_user(name, Some(PASSWORD), role, &event()).expect("a user").id
    }

    async fn get(&self, path: &str, head: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\n{head}\r\n")).await
    }

    async fn post(&self, path: &str, head: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n{head}\r\n{body}"
        ))
        .await
    }

    async fn send(&self, request: &str) -> Answer {
        let (status, head, body) = wire::send(self.at, request).await;
        Answer { status, head, body }
    }

    /// Sends the form of the login as a browser does.
    async fn try_login(&self, name: &str, password: &str, next: &str) -> Answer {
        let form = self.get("/login", PAGE).await;
        let head = format!("{PAGE}cookie: {}\r\nsec-fetch-site: same-origin\r\n", form.cookie("alces_form"));
        let token = form.token();
        self.post(
            "/login",
            &head,
            &[("csrf", &token), ("name", name), ("password", password), ("next", next)],
        )
        .await
    }

    async fn log_in(&self, name: &str) -> Browser<'_> {
        let answer = self.try_login(name, PASSWORD, "/account").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let cookie = answer.cookie("alces=");
        let page = self.get("/account", &format!("cookie: {cookie}\r\n")).await;
        Browser { house: self, cookie, token: page.token() }
    }

    fn token_of(&self, user: i64, scope: Scope) -> String {
        let new = NewToken { user, name: "a test", scope, expires: NOON + 24 * HOUR };
        let token = self.people.add_token(&new, &event()).expect("a token");
        format!("authorization: Bearer {}\r\n", token.text())
    }

    fn audit(&self) -> Vec<String> {
        let entries = self.people.audit(&Wanted { most: 100, ..Wanted::default() }).expect("entries");
        entries.into_iter().map(|e| format!("{} {} {}", e.who, e.act, e.what)).collect()
    }
}

/// All addresses that show lines or values.
const ROUTES: [&str; 35] = [
    "/",
    "/b/overview",
    "/b/nginx",
    "/b/overview/edit",
    "/b/overview/newest.csv",
    "/b/overview/newest.json",
    "/b/overview/urls.csv",
    "/b/overview/latency.png",
    "/explore",
    "/explore?columns=host.name,message&sort=-status",
    "/explore?view=patterns",
    "/explore?view=live",
    "/explore/values?field=status",
    "/explore/values?field=host.name",
    "/explore/export.csv?columns=host.name,url.path",
    "/explore/export.ndjson",
    "/explore/searches?q=status:5xx",
    "/api/v1/searches",
    "/api/v1/complete?q=host:",
    "/grok",
    "/why",
    "/report",
    "/report?format=png",
    "/api/v1/boards",
    "/api/v1/boards/overview",
    "/api/v1/openapi.json",
    "/api/v1/me",
    "/api/v1/tokens",
    "/api/v1/fields",
    "/api/v1/lines",
    "/api/v1/lines?q=status:5xx&sort=-status",
    "/api/v1/patterns",
    "/api/v1/why",
    "/metrics",
    "/nowhere",
];

#[tokio::test]
async fn who_is_nobody_sees_nothing() {
    let house = House::build().await;
    house.user("root", Role::Admin);
    for path in ROUTES.into_iter().chain([
        "/people",
        "/people/audit",
        "/people/audit.csv",
        "/account",
        "/api/v1/people",
        "/api/v1/audit",
    ]) {
        let answer = house.get(path, "").await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, "Bearer realm=\"alces\""),
            "{path}"
        );
        assert!(!answer.body.contains("web01"), "{path}");
        let page = house.get(path, &format!("{PAGE}cookie: alces=forged\r\n")).await;
        if !path.starts_with("/api/") {
            assert_eq!(page.status, 303, "{path}");
            let wanted: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
            assert_eq!(page.header("location"), format!("/login?next={wanted}"));
        }
        assert_eq!(house.get(path, "authorization: Bearer alces_forged\r\n").await.status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/static/alces.css", "/login"] {
        assert_eq!(house.get(path, "").await.status, 200, "{path}");
    }
    let login = house.get("/login", PAGE).await.body;
    assert!(
        !login.contains("Nginx") && !login.contains("/b/"),
        "the boards' names are not for everybody: {login}"
    );
}

#[tokio::test]
async fn the_first_administrator_comes_in_by_a_link_that_works_once() {
    let house = House::build().await;
    let link = house.people.first_link(NOON).expect("a file").expect("a link");
    let path = format!("/invite/{}", link.text());
    let form = house.get(&path, PAGE).await;
    assert!(form.status == 200 && form.body.contains("admin"), "{}", form.body);
    assert_eq!(form.header("referrer-policy"), "no-referrer");
    assert_eq!(house.get(&path, PAGE).await.status, 200, "looking does not use it up");
    let head = format!("{PAGE}cookie: {}\r\nsec-fetch-site: same-origin\r\n", form.cookie("alces_form"));
    let token = form.token();
    let accept = async |name: &str, password: &str| {
        house
            .post(
                &path,
                &head,
                &[("csrf", &token), ("name", name), ("password", password), ("again", password)],
            )
            .await
    };
    let short = accept("root", "short").await;
    assert!(short.status == 422 && short.body.contains("at least 15 characters"), "{}", short.body);
    let done = accept("root", PASSWORD).await;
    assert_eq!((done.status, done.header("location")), (303, "/"));
    let set = done.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let page = house.get("/", &format!("{PAGE}cookie: {}\r\n", done.cookie("alces="))).await;
    assert!(
        page.status == 200 && page.body.contains("root") && page.body.contains("/people"),
        "{}",
        page.status
    );
    assert_eq!(accept("eve", PASSWORD).await.status, 404);
    assert_eq!(house.get("/invite/guessed", PAGE).await.status, 404);
}

#[tokio::test]
async fn wrong_passwords_are_all_alike_and_then_wait() {
    let house = House::build().await;
    house.user("amy", Role::Viewer);
    let wrong = house.try_login("amy", "wrong horse battery", "/").await;
    let nobody = house.try_login("nobody", "wrong horse battery", "/").await;
    let without = |answer: &Answer| answer.body.replace(&answer.token(), "");
    assert_eq!((wrong.status, nobody.status), (401, 401));
    assert_eq!(without(&wrong), without(&nobody));
    assert_eq!(house.try_login("amy", PASSWORD, "/").await.status, 303);
    for _ in 0..6 {
        house.try_login("amy", "wrong horse battery", "/").await;
    }
    let late = house.try_login("amy", PASSWORD, "/").await;
    assert_eq!(late.status, 429, "the right one too");
    let seconds: i64 = late.header("retry-after").parse().expect("seconds");
    house.now.fetch_add(seconds * 1000, SeqCst);
    assert_eq!(house.try_login("amy", PASSWORD, "/").await.status, 303);
    let audit = house.audit();
    assert!(audit.iter().any(|e| e.starts_with("amy failure ")), "{audit:?}");
    assert!(audit.iter().any(|e| e.starts_with("(nobody of that name) failure")), "{audit:?}");
}

#[tokio::test]
async fn a_link_survives_the_login_and_leads_nowhere_else() {
    let house = House::build().await;
    house.user("amy", Role::Viewer);
    let next = "/explore?from=now-20m&q=status:5xx";
    assert_eq!(house.try_login("amy", PASSWORD, next).await.header("location"), next);
    for elsewhere in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        assert_eq!(house.try_login("amy", PASSWORD, elsewhere).await.header("location"), "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn sessions_end() {
    let house = House::build().await;
    let id = house.user("amy", Role::Viewer);
    house.user("root", Role::Admin);
    let amy = house.log_in("amy").await;
    house.now.fetch_add(11 * HOUR, SeqCst);
    assert_eq!(amy.get("/account").await.status, 200);
    house.now.fetch_add(12 * HOUR, SeqCst);
    assert_eq!(amy.get("/account").await.status, 303, "idle");
    let (amy, again) = (house.log_in("amy").await, house.log_in("amy").await);
    assert_ne!(amy.cookie, again.cookie, "each login has an id of its own");
    let out = again.post("/logout", &[]).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.head);
    assert_eq!(again.get("/account").await.status, 303, "the old cookie is worth nothing");
    assert_eq!(amy.get("/account").await.status, 200);
    let root = house.log_in("root").await;
    assert_eq!(root.post(&format!("/people/{id}/disable"), &[]).await.status, 303);
    assert_eq!(amy.get("/account").await.status, 303);
    assert_eq!(house.try_login("amy", PASSWORD, "/").await.status, 401);
}

#[tokio::test]
async fn other_sites_cannot_send_forms() {
    let house = House::build().await;
    let id = house.user("amy", Role::Viewer);
    house.user("root", Role::Admin);
    let root = house.log_in("root").await;
    let path = format!("/people/{id}/disable");
    let cookie = format!("cookie: {}\r\n", root.cookie);
    for (head, token) in [
        (format!("{cookie}sec-fetch-site: cross-site\r\n"), root.token.as_str()),
        (format!("{cookie}sec-fetch-site: same-site\r\n"), root.token.as_str()),
        (format!("{cookie}origin: https://evil.example\r\n"), root.token.as_str()),
        (format!("{cookie}origin: null\r\n"), root.token.as_str()),
        (format!("{cookie}sec-fetch-site: same-origin\r\n"), "forged"),
        (cookie.clone(), ""),
    ] {
        assert_eq!(house.post(&path, &head, &[("csrf", token)]).await.status, 403, "{head}");
    }
    // A form without a session is bound to its browser too.
    let form = [("csrf", ""), ("name", "amy"), ("password", PASSWORD)];
    assert_eq!(house.post("/login", "", &form).await.status, 403);
    let json = format!("{cookie}content-type: application/json\r\n");
    let event = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\ncontent-length: 13\r\n{json}\r\n{{\"title\":\"x\"}}"
    );
    assert_eq!(house.send(&event).await.status, 403, "by a cookie alone");
    let amy = house.log_in("amy").await;
    assert_eq!(amy.get("/account").await.status, 200, "nothing has happened to her");
    let origin = format!("{cookie}origin: http://dashboard\r\n");
    assert_eq!(house.post(&path, &origin, &[("csrf", &root.token)]).await.status, 303);
}

#[tokio::test]
async fn each_role_may_what_it_may() {
    let house = House::build().await;
    for (name, role) in [("amy", Role::Viewer), ("eve", Role::Editor), ("root", Role::Admin)] {
        house.user(name, role);
    }
    let (amy, eve, root) = (house.log_in("amy").await, house.log_in("eve").await, house.log_in("root").await);
    for (path, may) in [
        ("/", [200; 3]),
        ("/b/overview/edit", [403, 200, 200]),
        ("/people", [403, 403, 200]),
        ("/people/audit.csv", [403, 403, 200]),
    ] {
        for (browser, status) in [&amy, &eve, &root].into_iter().zip(may) {
            assert_eq!(browser.get(path).await.status, status, "{path}");
        }
    }
    let draft = [(
        "text",
        "title: Draft\npanels:\n  - { id: a, title: A, kind: stat, series: [{ name: n, metric: count }] }\n",
    )];
    assert_eq!(amy.post("/b/overview/edit", &draft).await.status, 403);
    assert_eq!(eve.post("/b/overview/edit", &draft).await.status, 200);
    assert_eq!(eve.post("/people/invite", &[("role", "admin")]).await.status, 403);
    let last = root.post("/people/3/role", &[("role", "viewer")]).await;
    assert!(last.status == 422 && last.body.contains("last administrator"), "{}", last.body);
    let invited = root.post("/people/invite", &[("role", "editor")]).await;
    assert!(invited.body.contains("http://dashboard/invite/"), "{}", invited.body);
    assert!(!root.get("/people").await.body.contains("/invite/"), "it is shown once");
    assert!(house.audit().iter().any(|e| e == "root people invited a editor"), "{:?}", house.audit());
}

#[tokio::test]
async fn a_token_may_what_its_scope_and_its_user_may() {
    let house = House::build().await;
    let (amy, root) = (house.user("amy", Role::Viewer), house.user("root", Role::Admin));
    let event = async |token: &str| {
        let request = format!(
            "POST /api/v1/events HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 13\r\n{token}\r\n{{\"title\":\"x\"}}"
        );
        house.send(&request).await.status
    };
    let (read, write, admin) = (
        house.token_of(root, Scope::Read),
        house.token_of(root, Scope::Write),
        house.token_of(root, Scope::Admin),
    );
    assert_eq!(house.get("/api/v1/boards/overview", &read).await.status, 200);
    assert_eq!(house.get("/metrics", &read).await.status, 200);
    assert_eq!((event(&read).await, event(&write).await), (403, 201));
    assert_eq!(
        (house.get("/people", &write).await.status, house.get("/people", &admin).await.status),
        (403, 200)
    );
    let more = house.token_of(amy, Scope::Admin);
    assert_eq!(
        (event(&more).await, house.get("/people", &more).await.status),
        (403, 403),
        "no more than amy"
    );
    house.now.fetch_add(24 * HOUR, SeqCst);
    assert_eq!(house.get("/api/v1/boards", &read).await.status, 401, "expired");
    house.now.store(NOON, SeqCst);
    let amy = house.log_in("amy").await;
    let made = amy.post("/account/tokens", &[("name", "<b>"), ("scope", "read"), ("days", "1")]).await;
    let token = made.body.split(['<', '>']).find(|w| w.starts_with("alces_")).expect("a token").to_owned();
    let head = format!("authorization: Bearer {token}\r\n");
    assert_eq!(house.get("/api/v1/boards", &head).await.status, 200);
    let page = amy.get("/account").await.body;
    assert!(!page.contains(&token) && !page.contains("<b>"), "shown once, and as text");
    let (_, rest) = page.split_once("/account/tokens/").expect("a token in the list");
    let id = rest.split('/').next().expect("its number");
    assert_eq!(amy.post(&format!("/account/tokens/{id}/revoke"), &[]).await.status, 303);
    assert_eq!(house.get("/api/v1/boards", &head).await.status, 401);
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_opened() {
    let house = House::build().await;
    house.user("amy", Role::Viewer);
    let (here, there) = (house.log_in("amy").await, house.log_in("amy").await);
    let new = "four other words here";
    let wrong = here.post("/account/password", &[("old", "no"), ("password", new), ("again", new)]).await;
    assert!(wrong.status == 422 && wrong.body.contains("old password is wrong"), "{}", wrong.body);
    let done = here.post("/account/password", &[("old", PASSWORD), ("password", new), ("again", new)]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(there.get("/account").await.status, 303);
    let cookie = format!("{PAGE}cookie: {}\r\n", done.cookie("alces="));
    assert_eq!(house.get("/account", &cookie).await.status, 200, "who changed it goes on");
    assert_eq!(house.try_login("amy", PASSWORD, "/").await.status, 401);
    assert_eq!(house.try_login("amy", new, "/").await.status, 303);
}

#[tokio::test]
async fn only_listed_proxies_say_who_asks() {
    let proxy = |network: &str| ProxyLogin {
        trusted: vec![network.parse().expect("a network")],
        user_header: Some("x-forwarded-user".parse().expect("a header")),
        role_header: None,
    };
    let amy = "x-forwarded-user: amy\r\nx-forwarded-for: 203.0.113.7\r\n";
    let far = House::with(|config| config.proxy = Some(proxy("10.0.0.0/8"))).await;
    assert_eq!(far.get("/", amy).await.status, 401);
    let near = House::with(|config| config.proxy = Some(proxy("127.0.0.0/8"))).await;
    near.user("root", Role::Admin);
    let page = near.get("/explore?q=status:5xx", amy).await;
    assert!(page.status == 200 && page.body.contains(">amy</a>"), "{}", page.status);
    assert_eq!(near.get("/people", amy).await.status, 403, "a viewer");
    assert_eq!(
        near.get("/", "x-forwarded-user: root\r\n").await.status,
        401,
        "nobody takes a local user over"
    );
    let entry = near.people.audit(&Wanted { most: 1, ..Wanted::default() }).expect("entries").remove(0);
    assert_eq!(
        (entry.who.as_str(), entry.act.as_str(), entry.address.as_str()),
        ("amy", "search", "203.0.113.7")
    );
}

/// The text about a word, to be shown.
fn around<'t>(text: &'t str, word: &str) -> &'t str {
    let at = text.find(word).unwrap_or(0);
    let ends = [at.saturating_sub(150), (at + 150).min(text.len())].map(|end| text.floor_char_boundary(end));
    &text[ends[0]..ends[1]]
}

#[tokio::test]
async fn limits_hold_in_every_route() {
    let house = House::build().await;
    let (amy, root) = (house.user("amy", Role::Viewer), house.user("root", Role::Admin));
    let limits = Limits::parse("", "-host:web02", "host url").expect("limits");
    house.people.set_limits(Subject::Role(Role::Viewer), &limits, &event()).expect("written");
    // What others keep is held to the limits too.
    let shared = NewSearch { user: Some(root), name: "of web01", query: "q=host%3Aweb01", shared: true };
    house.people.add_search(&shared, &event()).expect("kept");
    let (amy, root) = (house.token_of(amy, Scope::Read), house.token_of(root, Scope::Admin));
    let mut pseudonyms = 0;
    for path in ROUTES.into_iter().filter(|p| !p.contains("edit") && !p.contains("nowhere")) {
        // Whoever comes first: nobody is shown what was made for the other.
        let first = house.get(path, &root).await;
        let answer = house.get(path, &amy).await;
        assert_eq!((first.status, answer.status), (200, 200), "{path}");
        for hidden in ["web01", "web02", "db01", "/api/tickets", "203.0.113.", "refund"] {
            assert!(!answer.body.contains(hidden), "{path} tells {hidden}: {}", around(&answer.body, hidden));
        }
        pseudonyms += answer.body.matches("***").count();
        let again = house.get(path, &root).await;
        assert_eq!(again.body.contains("web01"), first.body.contains("web01"), "{path}");
    }
    assert!(pseudonyms > 20, "{pseudonyms}");
    // What tells values of masked fields in another way, and a stream that no limit can be put to.
    for (path, status) in [
        ("/explore?sort=-host.name", 403),
        ("/api/v1/fields/host.name/values", 403),
        ("/api/v1/lines?sort=host.name", 403),
        ("/api/v1/lines?q=host:web01", 403),
        ("/api/v1/people", 403),
        ("/api/v1/audit", 403),
        ("/api/v1/tail?q=", 404),
    ] {
        let answer = house.get(path, &amy).await;
        assert!(answer.status == status && !answer.body.contains("web0"), "{path}: {}", answer.status);
    }
    let offered = house.get("/api/v1/complete?q=host:we&at=7", &amy).await.body;
    assert!(offered.contains("\"items\":[]"), "{offered}");
    let offered = house.get("/api/v1/complete?q=host:we&at=7", &root).await.body;
    assert!(offered.contains("web01"), "{offered}");
    assert!(house.get("/explore", &root).await.body.contains("web01"));
}

#[tokio::test]
async fn figures_of_a_masked_field_are_not_there() {
    let house = House::build().await;
    let amy = house.user("amy", Role::Viewer);
    let limits = Limits::parse("", "", "request_time").expect("limits");
    house.people.set_limits(Subject::User(amy), &limits, &event()).expect("written");
    let head = house.token_of(amy, Scope::Read);
    let figures = house.get("/api/v1/boards/overview", &head).await.body;
    assert!(figures.contains(r#""masked_field":"request_time""#), "{figures}");
    assert!(house.get("/", &head).await.body.contains("The values of request_time are masked for you."));
}

#[tokio::test]
async fn behind_tls_no_cookie_goes_without() {
    let house =
        House::with(|config| config.public_url = Some("https://dash.example.com/".parse().expect("a URL")))
            .await;
    house.user("amy", Role::Viewer);
    let done = house.try_login("amy", PASSWORD, "/").await;
    let set = done.header("set-cookie");
    assert!(set.starts_with("__Host-alces=") && set.ends_with("; Secure"), "{set}");
    let cookie = done.cookie("__Host-alces=");
    assert_eq!(house.get("/account", &format!("cookie: {cookie}\r\n")).await.status, 200);
    assert_eq!(
        house.get("/account", &format!("cookie: {}\r\n", &cookie["__Host-".len()..])).await.status,
        401
    );
}

#[tokio::test]
async fn pages_come_by_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let files = tempfile::tempdir().expect("a folder");
    let tls = TlsFiles { chain: files.path().join("chain.pem"), key: files.path().join("key.pem") };
    std::fs::write(&tls.chain, made.cert.pem()).expect("written");
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).expect("written");
    let house = House::with(|config| config.tls = Some(tls)).await;
    let mut roots = alces_tls::Roots::default();
    roots.add(made.cert.pem().as_bytes()).expect("an authority");
    let connector = tokio_rustls::TlsConnector::from(alces_tls::client(roots, None).expect("a client"));
    let stream = TcpStream::connect(house.at).await.expect("the dashboard listens");
    let name = "localhost".try_into().expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("TLS");
    stream
        .write_all(b"GET /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security: max-age"),
        "{answer}"
    );
    assert!(answer.contains("; Secure"), "{answer}");
}

#[tokio::test]
async fn a_filter_takes_lines_out_of_every_figure() {
    let house = House::build().await;
    let amy = house.user("amy", Role::Viewer);
    let count = async |head: &str| -> i64 {
        let answer = house.get("/api/v1/boards/overview?from=now-20m&to=now", head).await;
        let figures: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        figures["totals"]["requests"].as_i64().expect("a number")
    };
    let head = house.token_of(amy, Scope::Read);
    let all = count(&head).await;
    let limits = Limits::parse("", "host:web01", "").expect("limits");
    house.people.set_limits(Subject::User(amy), &limits, &event()).expect("written");
    let half = count(&head).await;
    assert!(half > 0 && half * 2 <= all + 1, "{half} of {all}");
    let nothing = Limits::parse("", "nowhere:x", "").expect("limits");
    house.people.set_limits(Subject::User(amy), &nothing, &event()).expect("written");
    let lines = house.get("/explore", &head).await;
    assert!(
        lines.body.contains("No line in this range is like that"),
        "a limit that cannot be asked shows nothing: {}",
        lines.body
    );
    let other = Limits::parse("secret-*", "", "").expect("limits");
    house.people.set_limits(Subject::User(amy), &other, &event()).expect("written");
    assert!(!house.get("/explore", &head).await.body.contains("web01"));
}

#[tokio::test]
async fn masked_values_cannot_be_searched_for() {
    let house = House::build().await;
    let (amy, eve) = (house.user("amy", Role::Viewer), house.user("eve", Role::Editor));
    let limits = Limits::parse("", "", "host").expect("limits");
    for role in [Role::Viewer, Role::Editor] {
        house.people.set_limits(Subject::Role(role), &limits, &event()).expect("written");
    }
    let head = house.token_of(amy, Scope::Read);
    for search in [
        "host:web01",
        "-host:web01",
        "host.name:web*",
        "web01",
        "%22web01%22",
        "status:500%20OR%20host:web01",
    ] {
        for path in ["/", "/explore", "/why", "/b/overview/newest.csv", "/api/v1/boards/overview", "/report"]
        {
            let answer = house.get(&format!("{path}?q={search}"), &head).await;
            assert!(
                answer.status == 403 && answer.body.contains("masked for you"),
                "{path}?q={search}: {}",
                answer.status
            );
        }
    }
    assert_eq!(house.get("/explore?q=status:5xx", &head).await.status, 200);
    let eve = house.token_of(eve, Scope::Write);
    let draft = "title: Draft\npanels:\n  - { id: a, title: A, kind: stat, filter: 'host:web01', series: [{ name: n, metric: count }] }\n";
    let answer = house.post("/b/overview/edit", &eve, &[("text", draft)]).await;
    assert!(answer.status == 403 && answer.body.contains("masked for you"), "{}", answer.body);
}

#[tokio::test]
async fn a_signed_picture_shows_no_more_than_the_page_with_its_link() {
    let house = House::build().await;
    let amy = house.user("amy", Role::Viewer);
    house
        .people
        .set_limits(Subject::User(amy), &Limits::parse("", "host:web01", "").expect("limits"), &event())
        .expect("written");
    let page = house.get("/", &house.token_of(amy, Scope::Read)).await.body;
    let link = page
        .split('"')
        .find(|w| w.starts_with("/render/panel.png") && w.contains("panel=errors"))
        .expect("a link");
    let link = link.replace("&amp;", "&");
    assert!(link.contains("as=user%3A"), "{link}");
    assert_eq!(house.get(&link, "").await.status, 200, "it needs no login");
    assert_eq!(house.get(&link.replace("as=user%3A1&", ""), "").await.status, 403, "nobody widens it");
    house.people.set_disabled(amy, true, &event()).expect("disabled");
    assert_eq!(house.get(&link, "").await.status, 403, "and it ends with its user");
}

#[tokio::test]
async fn who_did_what_is_written_down_and_no_secret_is() {
    let house = House::build().await;
    house.user("root", Role::Admin);
    let root = house.log_in("root").await;
    for _ in 0..3 {
        root.get("/explore?q=status:5xx").await;
    }
    root.get("/b/overview/urls.csv").await;
    let made = root.post("/account/tokens", &[("name", "nightly"), ("scope", "admin"), ("days", "1")]).await;
    let token = made.body.split(['<', '>']).find(|w| w.starts_with("alces_")).expect("a token").to_owned();
    let invited = root.post("/people/invite", &[("role", "viewer")]).await;
    let link = invited.body.split(['<', '>']).find(|w| w.contains("/invite/")).expect("a link").to_owned();
    root.post("/logout", &[]).await;
    let audit = house.audit();
    assert_eq!(
        audit.iter().filter(|e| e.contains("root search /explore?q=status:5xx")).count(),
        1,
        "{audit:?}"
    );
    for entry in [
        "root login by password",
        "root export /b/overview/urls.csv",
        "root people made the token \"nightly\" (admin)",
        "root logout ",
    ] {
        assert!(audit.iter().any(|e| e == entry), "{entry}: {audit:?}");
    }
    let head = format!("authorization: Bearer {token}\r\n");
    let (csv, lines) = (
        house.get("/people/audit.csv?act=login", &head).await,
        house.get("/people/audit.ndjson", &head).await,
    );
    assert!(
        csv.body.starts_with(
            "time,who,act,address,what\r\n2026-11-23T10:00:00Z,root,login,127.0.0.1,by password"
        ),
        "{}",
        csv.body
    );
    assert!(lines.body.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    let secret = link.rsplit('/').next().expect("its secret");
    let session = root.cookie.split('=').nth(1).expect("its secret");
    for secret in [PASSWORD, token.as_str(), secret, session] {
        assert!(!lines.body.contains(secret), "{secret}");
    }
    let file = std::fs::read(house.folder.path().join("people.sqlite-wal")).expect("the file");
    let file = String::from_utf8_lossy(&file);
    for secret in [PASSWORD, token.as_str(), secret, session] {
        assert!(!file.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_file_that_is_locked_is_a_503_that_says_so() {
    let house = House::build().await;
    house.user("amy", Role::Viewer);
    let other = rusqlite::Connection::open(house.folder.path().join("people.sqlite")).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let answer = house.try_login("amy", PASSWORD, "/").await;
    assert!(answer.status == 503 && answer.body.contains("locked by another program"), "{}", answer.body);
    other.execute_batch("ROLLBACK").expect("unlocked");
    assert_eq!(house.try_login("amy", PASSWORD, "/").await.status, 303);
}

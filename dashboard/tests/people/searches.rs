//! Searches that are kept under a name.

use alces_people::{Limits, Role, Subject};
use serde_json::{Value, json};

use super::*;

const QUERY: &str = "from=now-20m&to=now&q=status%3A5xx&columns=host.name%2Curl.path&sort=-status";

impl House {
    async fn json(&self, method: &str, path: &str, head: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{head}\r\n{body}"
        ))
        .await
    }

    async fn searches(&self, head: &str) -> Vec<Value> {
        let answer = self.get("/api/v1/searches", head).await;
        let all: Value = serde_json::from_str(&answer.body).expect("JSON");
        all["searches"].as_array().expect("a list").clone()
    }
}

fn names(searches: &[Value]) -> Vec<&str> {
    searches.iter().filter_map(|s| s["name"].as_str()).collect()
}

#[tokio::test]
async fn a_search_is_kept_opened_and_deleted_without_a_script() {
    let house = House::build().await;
    house.user("amy", Role::Viewer);
    let amy = house.log_in("amy").await;
    let explorer = amy.get(&format!("/explore?{QUERY}&after=[1]")).await.body;
    assert!(
        explorer.contains("href=\"/explore/searches?from=now-20m&amp;to=now&amp;q=status"),
        "a way there"
    );
    let page = amy.get(&format!("/explore/searches?{QUERY}")).await;
    assert!(page.status == 200 && page.body.contains("None is kept yet"), "{}", page.body);
    assert!(!page.body.contains("name=\"shared\""), "a viewer does not share");
    let with = format!("{QUERY}&after=[1]&csrf=x&next=//evil.example");
    let kept = amy.post("/explore/searches", &[("name", " errors <b> "), ("query", &with)]).await;
    assert_eq!(
        (kept.status, kept.header("location")),
        (303, format!("/explore/searches?{QUERY}").as_str()),
        "{}",
        kept.body
    );
    let list = amy.get("/explore/searches").await.body;
    let address = format!("/explore?{QUERY}").replace('&', "&amp;");
    assert!(list.contains(&format!("href=\"{address}\"")) && list.contains("errors &lt;b&gt;"), "{list}");
    assert_eq!(amy.get(&format!("/explore?{QUERY}")).await.status, 200);
    let again = amy.post("/explore/searches", &[("name", "Errors <B>"), ("query", QUERY)]).await;
    assert!(again.status == 422 && again.body.contains("of this name already"), "{}", again.body);
    for (query, why) in
        [("q=(a", "q"), ("from=yesterdayish", "from"), ("view=chart", "view="), ("sort=-", "sort=")]
    {
        let wrong = amy.post("/explore/searches", &[("name", "x"), ("query", query)]).await;
        assert!(
            (400..=422).contains(&wrong.status) && wrong.body.contains("role=\"alert\""),
            "{why}: {}",
            wrong.status
        );
    }
    let shared = amy.post("/explore/searches", &[("name", "y"), ("query", QUERY), ("shared", "1")]).await;
    assert!(shared.status == 403 && shared.body.contains("shared by editors"), "{}", shared.body);
    let gone = amy.post("/explore/searches/1/delete", &[("back", QUERY)]).await;
    assert_eq!((gone.status, gone.header("location")), (303, format!("/explore/searches?{QUERY}").as_str()));
    assert_eq!(amy.post("/explore/searches/1/delete", &[]).await.status, 404);
    let audit = house.audit();
    for entry in [
        "amy edit kept the search \"errors <b>\": from=now-20m",
        "amy edit deleted the search \"errors <b>\"",
    ] {
        assert!(audit.iter().any(|e| e.starts_with(entry)), "{entry}: {audit:?}");
    }
}

#[tokio::test]
async fn others_see_what_is_shared_and_change_nothing() {
    let house = House::build().await;
    for (name, role) in [("amy", Role::Viewer), ("eve", Role::Editor), ("root", Role::Admin)] {
        house.user(name, role);
    }
    let (amy, eve, root) = (house.log_in("amy").await, house.log_in("eve").await, house.log_in("root").await);
    eve.post("/explore/searches", &[("name", "mine"), ("query", QUERY)]).await;
    eve.post("/explore/searches", &[("name", "ours"), ("query", QUERY), ("shared", "1")]).await;
    let list = amy.get("/explore/searches").await.body;
    assert!(list.contains(">ours<") && !list.contains(">mine<") && !list.contains("/delete\""), "{list}");
    for (id, act, status) in [(1, "delete", 404), (2, "delete", 403), (2, "keep", 403), (1, "share", 403)] {
        assert_eq!(
            amy.post(&format!("/explore/searches/{id}/{act}"), &[]).await.status,
            status,
            "{id} {act}"
        );
    }
    assert_eq!(
        root.post("/explore/searches/1/delete", &[]).await.status,
        404,
        "what one keeps alone is nobody else's"
    );
    assert_eq!(eve.post("/explore/searches/1/share", &[]).await.status, 303);
    assert!(amy.get("/explore/searches").await.body.contains(">mine<"));
    assert_eq!(root.post("/explore/searches/1/keep", &[]).await.status, 303);
    assert_eq!(root.post("/explore/searches/2/delete", &[]).await.status, 303);
    assert!(!amy.get("/explore/searches").await.body.contains(">ours<"));
    let cookie = format!("cookie: {}\r\n", eve.cookie);
    for (path, fields) in
        [("/explore/searches", vec![("name", "x"), ("query", QUERY)]), ("/explore/searches/1/delete", vec![])]
    {
        assert_eq!(house.post(path, &cookie, &fields).await.status, 403, "without the form's token");
        let foreign = format!("{cookie}sec-fetch-site: cross-site\r\n");
        let fields: Vec<_> = fields.into_iter().chain([("csrf", eve.token.as_str())]).collect();
        assert_eq!(house.post(path, &foreign, &fields).await.status, 403, "from another site");
    }
    assert_eq!(
        house.json("DELETE", "/api/v1/searches/1", &cookie, &json!({})).await.status,
        403,
        "by a cookie alone"
    );
}

#[tokio::test]
async fn programs_keep_searches_too() {
    let house = House::build().await;
    let (amy, eve) = (house.user("amy", Role::Viewer), house.user("eve", Role::Editor));
    let (read, write) = (house.token_of(eve, Scope::Read), house.token_of(eve, Scope::Write));
    let new = json!({"name": "errors", "query": format!("/explore?{QUERY}"), "shared": true});
    for head in [&read, &house.token_of(amy, Scope::Write)] {
        assert_eq!(house.json("POST", "/api/v1/searches", head, &new).await.status, 403);
        assert_eq!(
            house.post("/explore/searches", head, &[("name", "x"), ("query", QUERY)]).await.status,
            403
        );
    }
    let made = house.json("POST", "/api/v1/searches", &write, &new).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    assert_eq!(made["address"], format!("/explore?{QUERY}"));
    assert_eq!(
        (&made["owner"], &made["own"], &made["shared"], &made["created"]),
        (&json!("eve"), &json!(true), &json!(true), &json!(NOON))
    );
    assert_eq!(house.json("POST", "/api/v1/searches", &write, &new).await.status, 422, "the same name");
    assert_eq!(house.json("POST", "/api/v1/searches", &write, &json!({"name": "x"})).await.status, 400);
    assert_eq!(
        house.json("POST", "/api/v1/searches", &write, &json!({"name": "x", "query": "q=(a"})).await.status,
        400
    );
    let others = house.searches(&house.token_of(amy, Scope::Read)).await;
    assert_eq!((names(&others), &others[0]["own"]), (vec!["errors"], &json!(false)));
    let path = format!("/api/v1/searches/{}", made["id"]);
    assert_eq!(house.json("DELETE", &path, &read, &json!({})).await.status, 403);
    assert_eq!(house.json("DELETE", &path, &write, &json!({})).await.status, 204);
    assert_eq!(house.json("DELETE", &path, &write, &json!({})).await.status, 404);
    assert!(house.searches(&read).await.is_empty());
}

#[tokio::test]
async fn a_shared_search_tells_nothing_that_is_masked() {
    let house = House::build().await;
    let (amy, eve) = (house.user("amy", Role::Viewer), house.user("eve", Role::Editor));
    let write = house.token_of(eve, Scope::Write);
    for (name, query) in
        [("of web01", "q=host:web01"), ("by host", "sort=-host.name"), ("fine", "q=status:5xx")]
    {
        let new = json!({"name": name, "query": query, "shared": true});
        assert_eq!(house.json("POST", "/api/v1/searches", &write, &new).await.status, 201, "{name}");
    }
    let limits = Limits::parse("", "", "host").expect("limits");
    house.people.set_limits(Subject::Role(Role::Viewer), &limits, &event()).expect("written");
    let head = house.token_of(amy, Scope::Read);
    assert_eq!(names(&house.searches(&head).await), ["fine"]);
    assert!(!house.get("/explore/searches", &head).await.body.contains("web01"));
    let amy = house.log_in("amy").await;
    let refused = amy.post("/explore/searches", &[("name", "x"), ("query", "q=host:web01")]).await;
    assert!(refused.status == 403 && refused.body.contains("masked for you"), "{}", refused.status);
}

#[tokio::test]
async fn without_logins_a_file_keeps_them_and_without_one_the_page_says_so() {
    let none = House::with(|config| config.people = None).await;
    let page = none.get("/explore/searches", PAGE).await;
    assert!(
        page.status == 200 && page.body.contains("--people FILE") && page.body.contains("--searches FILE"),
        "{}",
        page.body
    );
    assert_eq!(none.get("/api/v1/searches", "").await.status, 404);
    let sent = none.post("/explore/searches", "", &[("name", "x"), ("query", QUERY)]).await;
    assert!(sent.status == 404 && sent.body.contains("--searches FILE"), "{}", sent.status);
    let house = House::with(|config| config.searches = config.people.take()).await;
    let sent = house.post("/explore/searches", "", &[("name", "errors"), ("query", QUERY)]).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let page = house.get("/explore/searches", PAGE).await.body;
    assert!(page.contains(">errors<") && page.contains("/delete"), "{page}");
    assert_eq!(
        house
            .post("/explore/searches", "sec-fetch-site: cross-site\r\n", &[("name", "y"), ("query", QUERY)])
            .await
            .status,
        403
    );
    assert_eq!(house.json("DELETE", "/api/v1/searches/1", "", &json!({})).await.status, 204);
}

//! What pages show, as JSON for programs.

use serde_json::Value;

use super::House;
use super::fake::Mood;

async fn json(house: &House, path: &str) -> Value {
    let answer = house.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

#[tokio::test]
async fn lines_go_on_to_the_last_one() {
    let house = House::build(Mood::Full).await;
    let mut address = "/api/v1/lines?from=now-20m&to=now&q=status:5xx".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = json(&house, &address).await;
        assert_eq!(page["total"], 120);
        let lines = page["lines"].as_array().expect("lines");
        assert!(
            lines.iter().all(|line| line["document"]["http.response.status_code"] == 502),
            "whole documents"
        );
        seen.extend(lines.iter().map(|line| line["id"].as_str().expect("an id").to_owned()));
        let Some(after) = page["after"].as_str() else { break };
        let after: String = url::form_urlencoded::byte_serialize(after.as_bytes()).collect();
        address = format!("/api/v1/lines?from=now-20m&to=now&q=status:5xx&after={after}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}

#[tokio::test]
async fn patterns_fields_and_differences() {
    let house = House::build(Mood::Full).await;
    let found = json(&house, "/api/v1/patterns?from=now-20m&to=now").await;
    assert_eq!(
        (&found["lines"], &found["looked_at"], &found["estimated"]),
        (&1202.into(), &1200.into(), &false.into())
    );
    let first = &found["patterns"][0];
    assert_eq!((&first["count"], &first["ids"][0]), (&600.into(), &"0000000000000001".into()), "{found}");
    let sampled = json(&house, "/api/v1/patterns?from=now-20m&to=now&q=-pattern_id:*").await;
    assert_eq!(sampled["patterns"][0]["ids"], Value::Array(Vec::new()), "{sampled}");
    let fields = json(&house, "/api/v1/fields").await;
    let names: Vec<_> =
        fields["fields"].as_array().expect("fields").iter().map(|f| f["name"].as_str()).collect();
    assert!(names.contains(&Some("host.name")) && names.is_sorted(), "{fields}");
    let differ = json(&house, "/api/v1/why?from=now-20m&to=now&q=status:5xx").await;
    assert_eq!(differ["lines"], 120, "{differ}");
    assert!(
        differ["differences"].as_array().expect("a list").iter().any(|d| d["value"] == "1.1"),
        "{differ}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_json_with_what_to_do() {
    let house = House::build(Mood::Full).await;
    for (path, status) in [
        ("/api/v1/lines?q=(", 400),
        ("/api/v1/lines?from=yesterdayish", 400),
        ("/api/v1/lines?sort=", 200),
        ("/api/v1/patterns?q=nowhere:1", 400),
        ("/api/v1/why?q=(", 400),
        ("/api/v1/complete?q=a&at=b", 400),
        ("/api/v1/nowhere", 404),
        ("/api/v1/people", 404),
        ("/api/v1/boards/nowhere", 404),
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(
            status == 200 || body["error"].as_str().is_some_and(|error| !error.is_empty()),
            "{path}: {body}"
        );
    }
    let broken = House::build(Mood::Broken).await;
    assert_eq!(broken.get("/api/v1/lines").await.status, 503);
}

#[tokio::test]
async fn every_address_is_described() {
    let house = House::build(Mood::Full).await;
    let described = json(&house, "/api/v1/openapi.json").await;
    let paths: Vec<&str> =
        described["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    let mut named: Vec<&str> =
        [include_str!("../../src/http/mod.rs"), include_str!("../../src/http/v1/mod.rs")]
            .iter()
            .flat_map(|source| {
                source.split('"').filter(|text| text.starts_with("/api/v1/") && !text.ends_with('/'))
            })
            // There where rules are watched.
            .chain(
                include_str!("../../src/http/v1/alerts.rs")
                    .split('"')
                    .filter(|text| text.starts_with("/api/v1/")),
            )
            .chain(["/api/v1/alerts/rules/{id}/backtest"])
            .collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(paths, named);
    assert_eq!(serde_json::from_str::<Value>(alces_dashboard::openapi()).expect("JSON"), described);
}

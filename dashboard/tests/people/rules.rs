//! Alert rules in the browser: who may, what is tried, what is saved.

use std::path::Path;
use std::sync::Arc;

use alces_alerts::Ledger;
use alces_dashboard::Alerts;
use alces_people::{Limits, Role, Scope, Subject};

use super::{House, PAGE, event};

const FILED: &str = "rules:\n  - id: errors\n    title: Errors\n    metric: share\n    part: status:5xx\n    unit: \"%\"\n    windows: [5m]\n    above: 2\n";
const NEW: &str = "rules:\r\n  - id: slow\r\n    title: Slow\r\n    metric: p95(latency)\r\n    unit: ms\r\n    windows: [10m]\r\n    above: 1\r\n";

async fn house(rules: &Path) -> House {
    std::fs::write(rules.join("fleet.yaml"), FILED).expect("written");
    let ledger = Ledger::open_to_watch(&rules.join("alerts.sqlite")).expect("a ledger");
    let alerts = Alerts {
        folder: rules.to_owned(),
        ledger: Arc::new(ledger),
        allowed: Vec::new(),
        changed: None,
        lease: None,
    };
    House::with(|config| config.alerts = Some(alerts)).await
}

/// The state of the file that a form was made from.
fn version(body: &str) -> String {
    let (_, rest) = body.split_once("name=\"version\" value=\"").expect("a version");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn a_rule_is_tried_saved_and_deleted_by_who_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path()).await;
    house.user("root", Role::Admin);
    house.user("amy", Role::Viewer);
    house.user("ben", Role::Editor);
    assert_eq!(house.get("/alerts/rules", "").await.status, 401);
    let amy = house.log_in("amy").await;
    let list = amy.get("/alerts/rules").await;
    assert!(
        list.status == 200 && list.body.contains("fleet.yaml") && !list.body.contains("/alerts/edit"),
        "{}",
        list.body
    );
    assert_eq!(amy.get("/alerts/edit").await.status, 403);
    assert_eq!(
        amy.post("/alerts/edit", &[("text", NEW), ("rule", ""), ("version", ""), ("act", "save")])
            .await
            .status,
        403
    );

    let ben = house.log_in("ben").await;
    let form = ben.get("/alerts/edit").await.body;
    let at = version(&form);
    let send = async |act: &str, rule: &str, text: &str, at: &str| {
        ben.post("/alerts/edit", &[("text", text), ("rule", rule), ("version", at), ("act", act)]).await
    };
    let wrong = send("try", "", &NEW.replace("above: 1", "above: much"), &at).await;
    assert!(wrong.status == 422 && wrong.body.contains("line 7, column"), "{}", wrong.body);
    let tried = send("try", "", NEW, &at).await;
    assert!(tried.status == 200 && tried.body.contains("Asked every 14m"), "{}", tried.body);
    assert!(!folder.path().join("browser.yaml").exists(), "what is tried is not kept");
    let saved = send("save", "", NEW, &at).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/alerts/rules/slow"), "{}", saved.body);
    let text = std::fs::read_to_string(folder.path().join("browser.yaml")).expect("a file");
    assert!(text.contains("\n  - id: slow\n") && !text.contains('\r'), "{text}");
    let late = send("save", "", &NEW.replace("slow", "slower"), &at).await;
    assert!(late.status == 409 && late.body.contains("somebody else has changed"), "{}", late.body);
    let again = send("save", "", &NEW.replace("slow", "slower"), &version(&late.body)).await;
    assert_eq!(again.status, 303, "{}", again.body);
    let elsewhere =
        send("delete", "errors", "", &version(&ben.get("/alerts/edit?rule=errors").await.body)).await;
    assert!(elsewhere.status == 409 && elsewhere.body.contains("fleet.yaml"), "{}", elsewhere.body);
    let gone = send("delete", "slow", "", &version(&ben.get("/alerts/edit?rule=slow").await.body)).await;
    assert_eq!(gone.status, 303, "{}", gone.body);
    assert_eq!(ben.get("/alerts/rules/slow").await.status, 404);
    let entries = house.audit();
    for entry in [
        "ben edit alert rule slow saved",
        "ben edit alert rule slower saved",
        "ben edit alert rule slow deleted",
    ] {
        assert!(entries.iter().any(|e| e == entry), "{entry}: {entries:?}");
    }
    assert!(!entries.iter().any(|e| e.contains("/alerts/edit")), "{entries:?}");
}

#[tokio::test]
async fn a_rules_past_stands_beside_it_for_those_who_see_all_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path()).await;
    house.user("root", Role::Admin);
    house.user("amy", Role::Viewer);
    let amy = house.log_in("amy").await;
    let page = amy.get("/alerts/rules/errors").await;
    assert!(
        page.status == 200 && page.body.contains("It would") && page.body.contains("<svg"),
        "{}",
        page.body
    );
    let json = amy.get("/api/v1/alerts/rules/errors/backtest").await;
    assert!(json.status == 200 && json.body.contains("\"step_seconds\":840"), "{}", json.body);
    assert_eq!(amy.get("/api/v1/alerts/rules/nowhere/backtest").await.status, 404);
    let limits = Limits::parse("", "-host:web02", "").expect("limits");
    house.people.set_limits(Subject::Role(Role::Viewer), &limits, &event()).expect("written");
    for path in ["/alerts/rules", "/alerts/rules/errors", "/api/v1/alerts/rules/errors/backtest"] {
        let refused = amy.get(path).await;
        assert!(refused.status == 403 && !refused.body.contains("It would"), "{path}: {}", refused.status);
    }
    let unsigned = house.get("/render/alert.png?rule=errors&from=1&to=2", PAGE).await;
    assert_eq!(unsigned.status, 403);
}

#[tokio::test]
async fn a_script_silences_and_ends_it_if_it_may_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path()).await;
    let root = house.user("root", Role::Admin);
    let (write, read) = (house.token_of(root, Scope::Write), house.token_of(root, Scope::Read));
    let send = async |head: &str, method: &str, path: &str, body: &str| {
        let (length, kind) = (body.len(), "content-type: application/json\r\n");
        let request = format!(
            "{method} /api/v1/alerts{path} HTTP/1.1\r\nhost: d\r\nconnection: close\r\ncontent-length: {length}\r\n{kind}{head}\r\n{body}"
        );
        house.send(&request).await
    };
    let wished = r#"{"labels": {"host_name": "web-3"}, "time": "2h", "comment": "new disk"}"#;
    assert_eq!(send(&read, "POST", "/silences", wished).await.status, 403);
    assert_eq!(send("", "POST", "/silences", wished).await.status, 401);
    let made = send(&write, "POST", "/silences", wished).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let shown = send(&read, "GET", "", "").await;
    let expected = "\"silences\":[{\"id\":1,\"labels\":{\"host_name\":\"web-3\"},\"author\":\"root\",\"comment\":\"new disk\"";
    assert!(shown.status == 200 && shown.body.contains(expected), "{}", shown.body);
    for wrong in [r#"{"labels": {}, "time": "2h"}"#, r#"{"labels": {"a": "b"}, "time": "99d"}"#] {
        assert_eq!(send(&write, "POST", "/silences", wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(send(&write, "DELETE", "/silences/1", "").await.status, 204);
    assert_eq!(send(&write, "DELETE", "/silences/1", "").await.status, 404);
    assert!(send(&read, "GET", "", "").await.body.contains("\"silences\":[]"));
    let nothing = send(&write, "POST", "/ack", r#"{"rule": "nothing"}"#).await;
    assert_eq!(nothing.status, 404, "{}", nothing.body);
    let entries = house.audit();
    for entry in ["root edit /api/v1/alerts/silences", "root edit /api/v1/alerts/silences/1"] {
        assert!(entries.iter().any(|e| e == entry), "{entry}: {entries:?}");
    }
}

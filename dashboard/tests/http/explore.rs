//! The explorer over HTTP.

use std::sync::atomic::Ordering::SeqCst;

use alces_dashboard::Tap;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fake::Mood;
use super::{House, NOON};

/// Addresses within a page that begin so, as they are.
fn links(body: &str, begin: &str) -> Vec<String> {
    let attribute = format!("href=\"{begin}");
    let all = body.match_indices(&attribute).map(|(at, _)| &body[at + 6..]);
    all.filter_map(|rest| rest.split('"').next()).map(|link| link.replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn pages_go_on_to_the_last_line() {
    let house = House::build(Mood::Full).await;
    let mut address = "/explore?from=now-20m&to=now&q=status:5xx".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = house.get(&address).await;
        assert_eq!(page.status, 200);
        seen.extend(links(&page.body, "/explore/line?"));
        match links(&page.body, "/explore?").into_iter().find(|link| link.contains("after=")) {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 120, "two pages");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120, "each line once");
}

#[tokio::test]
async fn patterns_that_lines_carry_are_counted_in_all_lines() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/explore?from=now-20m&to=now&view=patterns").await;
    assert_eq!(page.status, 200);
    // 1,200 requests of two hosts, and two lines without a pattern, which have a link of their own.
    assert!(page.body.contains("2 patterns") && page.body.contains("600"), "{}", page.body);
    assert!(
        page.body.contains("web02 answered with &lt;num&gt;")
            && page.body.contains("23 Nov 08:00:01")
            && page.body.contains("23 Nov 09:59:59"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("2 lines carry no pattern") && !page.body.contains("Estimated"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("class=\"badge\">new"), "there were such lines before");
    let longer = house.get("/explore?from=now-3h&to=now&view=patterns").await;
    assert_eq!(longer.body.matches("class=\"badge\">new").count(), 2, "{}", longer.body);
    let all = links(&page.body, "/explore?");
    let only = all.iter().find(|link| link.contains("q=pattern_id%3A")).expect("a link to its lines");
    let lines = house.get(only).await;
    assert!(lines.body.contains("600 lines"), "{only}");
    let rest = all.iter().find(|link| link.contains("q=-pattern_id%3A*")).expect("a link to the others");
    let rest = house.get(rest).await;
    assert!(rest.body.contains("what is this") && rest.body.contains("2 lines, 2 patterns"), "{}", rest.body);
}

#[tokio::test]
async fn lines_without_patterns_are_looked_at() {
    let house = House::build(Mood::Seed).await;
    let page = house.get("/explore?from=now-20m&to=now&view=patterns").await;
    assert!(page.status == 200 && page.body.contains("GET"), "{}", page.body);
    assert!(!page.body.contains("Last seen"), "{}", page.body);
}

#[tokio::test]
async fn the_page_before_lives_on_at_its_old_address() {
    let house = House::build(Mood::Full).await;
    let moved = house.get("/lines?from=now-20m&q=status:5xx").await;
    assert_eq!(moved.status, 308);
    assert!(moved.head.contains("location: /explore?from=now-20m&q=status:5xx"), "{}", moved.head);
}

#[tokio::test]
async fn a_line_shows_its_fields_and_what_to_do_with_them() {
    let house = House::build(Mood::Full).await;
    let list = house.get("/explore?from=now-20m&to=now&q=status:5xx").await;
    let address = links(&list.body, "/explore/line?").remove(0);
    let line = house.get(&address).await;
    assert_eq!(line.status, 200);
    assert!(line.body.contains("host.name") && line.body.contains("web02"), "{}", line.body);
    let only = links(&line.body, "/explore?")
        .into_iter()
        .find(|l| l.contains("host.name%3Aweb02") || l.contains("host.name%3A%22web02%22"));
    let narrowed = house.get(&only.expect("a link to the host's lines")).await;
    assert!(narrowed.body.contains("120 lines"), "all of them are of that host");
    let gone = house.get("/explore/line?index=logs-fake&id=nothing").await;
    assert_eq!(gone.status, 404);
    let elsewhere = house.get(&address.replace("index=logs-fake", "index=secrets")).await;
    assert_eq!(elsewhere.status, 404, "an address opens no other index");
}

#[tokio::test]
async fn the_lines_beside_a_line() {
    let house = House::build(Mood::Full).await;
    let list = house.get("/explore?from=now-20m&to=now-1m&q=status:5xx").await;
    let address = links(&list.body, "/explore/line?").remove(0).replace("/explore/line", "/explore/around");
    let around = house.get(&format!("{address}&n=3")).await;
    assert_eq!(links(&around.body, "/explore/line?").len(), 7, "{}", around.body);
    assert!(around.body.contains("aria-current=\"true\"") && around.body.contains("by time"));
}

#[tokio::test]
async fn columns_and_order_stay_in_every_link() {
    let house = House::build(Mood::Full).await;
    let page =
        house.get("/explore?from=now-5m&columns=host.name,nginx.request_time&sort=-nginx.request_time").await;
    assert!(page.body.contains("aria-sort=\"descending\""), "{}", page.body);
    for name in ["columns=host.name%2Cnginx.request_time", "sort=-nginx.request_time"] {
        let all = links(&page.body, "/explore?");
        assert!(all.iter().filter(|l| l.contains(name)).count() > 8, "{name}: {all:?}");
        assert!(links(&page.body, "/b/").iter().all(|l| !l.contains(name)), "boards have no columns");
    }
    assert!(page.body.contains("name=\"columns\" value=\"host.name,nginx.request_time\""), "forms keep them");
    for wrong in ["columns=1,2,3,4,5,6,7,8,9,10,11,12,13", "sort=-", "view=pie", "after=%7B%7D"] {
        assert_eq!(house.get(&format!("/explore?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_unknown_field_says_what_was_meant() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/explore?q=a%20staus:500").await;
    assert!(page.status == 200 && page.body.contains("  ^^^^^"), "{}", page.body);
    assert_eq!(links(&page.body, "/explore?").iter().filter(|l| l.contains("q=a+status%3A500")).count(), 1);
}

#[tokio::test]
async fn the_values_of_a_field() {
    let house = House::build(Mood::Full).await;
    let values = house.json("/api/v1/fields/host.name/values?from=now-20m&to=now&q=status:5xx").await;
    assert_eq!(values, json!({"field": "host.name", "lines": 120, "with": 120, "top": [["web02", 120]]}));
    let page = house.get("/explore/values?field=host.name&from=now-20m&to=now").await;
    assert!(
        page.body.contains("web01") && page.body.contains("50") && page.body.contains("without"),
        "{}",
        page.body
    );
    let none = house.get("/api/v1/fields/message/values").await;
    assert_eq!(none.status, 404);
    let wrong = house.get("/api/v1/fields/host.name/values?q=a:(").await;
    assert!(wrong.status == 400 && wrong.body.contains("error"));
}

#[tokio::test]
async fn what_could_stand_at_the_cursor() {
    let house = House::build(Mood::Full).await;
    let labels = |answer: &Value| {
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|i| i["label"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let names = house.json("/api/v1/complete?q=%C3%B6%20hos&at=5").await;
    assert_eq!((&names["from"], &names["to"]), (&json!(2), &json!(5)));
    assert_eq!(labels(&names)[0], "host", "{names}");
    let values = house.json("/api/v1/complete?q=host:WEB&at=8").await;
    let mut found = labels(&values);
    found.sort();
    assert_eq!(found, ["web01", "web02"]);
    let asked = house.fake.asked.lock().expect("no panic").clone();
    assert_eq!(asked[0]["aggs"]["values"]["terms"]["include"], "[wW][eE][bB].*");
    assert_eq!(labels(&house.json("/api/v1/complete?q=status:%3E&at=8").await), Vec::<String>::new());
}

#[tokio::test]
async fn everything_as_a_file() {
    let house = House::build(Mood::Full).await;
    let csv = house.get("/explore/export.csv?from=now-2h&to=now").await;
    assert_eq!(csv.status, 200);
    assert!(csv.head.contains("attachment; filename=\"lines-"), "{}", csv.head);
    assert_eq!(
        csv.body.matches("\n2026-11-23T").count(),
        6901,
        "every second of two hours but the hole, and two lines that are no requests"
    );
    assert!(house.fake.pages.load(SeqCst) >= 4, "page by page");
    let chosen = house.get("/explore/export.ndjson?from=now-20m&to=now&q=status:5xx&columns=host.name").await;
    assert_eq!(chosen.body.matches("\"host.name\":\"web02\"").count(), 120);
    assert!(!chosen.body.contains("message"));
    while house.fake.open.load(SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    let broken = House::build(Mood::Broken).await;
    assert_eq!(broken.get("/explore/export.csv").await.status, 503);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_export() {
    let house = House::build(Mood::Full).await;
    let mut stream = TcpStream::connect(house.at).await.expect("the dashboard listens");
    stream
        .write_all(b"GET /explore/export.ndjson?from=now-2h HTTP/1.1\r\nhost: dashboard\r\n\r\n")
        .await
        .expect("sent");
    stream.read_exact(&mut [0; 64]).await.expect("a beginning");
    drop(stream);
    while house.fake.open.load(SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_line_holds_is_text() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/explore?from=now-5m&columns=url.original").await;
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", page.body);
    assert!(!page.body.contains("<script>alert"));
}

#[tokio::test]
async fn a_page_is_light() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/explore?from=now-1h").await;
    assert!(page.body.len() < 150_000, "{} bytes", page.body.len());
    assert!(page.body.contains("id=\"hits\"") && NOON > 0);
}

/// A collector's stream: three lines in pieces, and what was seen in a second.
pub(super) fn passing() -> Tap {
    Tap::new(|| {
        let pieces: [&[u8]; 4] = [
            b"{\"event\":{\"@timestamp\":\"2026-11-23T10:00:00Z\",\"http.response.status_code\":502,\"mess",
            b"age\":\"<b>one\"}}\n{\"event\":{\"http.response.status_code\":200,\"message\":\"two\"}}\nnonsense\n{\"event\":{",
            b"\"http.response.status_code\":500,\"message\":\"three\"}}\n",
            b"{\"seen\":{\"passed\":3,\"matched\":3,\"shown\":3}}\n",
        ];
        let stream = stream::iter(pieces.map(|piece| Ok(piece.into()))).boxed();
        async move { Ok(stream) }.boxed()
    })
}

#[tokio::test]
async fn lines_that_pass_are_those_that_the_search_finds() {
    let house = House::build(Mood::Full).await;
    let tail = house.get("/api/v1/tail?q=status:5xx").await;
    assert!(tail.status == 200 && tail.head.contains("text/event-stream"), "{}", tail.head);
    assert!(tail.head.contains("x-accel-buffering: no"));
    assert!(
        tail.body.contains("<b>one") && tail.body.contains("three") && !tail.body.contains("two"),
        "{}",
        tail.body
    );
    assert!(tail.body.contains("\"matched\":2,\"one_of\":1,\"passed\":3,\"shown\":2"), "{}", tail.body);
    assert!(tail.body.contains("event: end"), "{}", tail.body);
    let page = house.get("/explore?view=live&q=status:5xx").await;
    assert!(page.body.contains("data-tail=\"/api/v1/tail?"), "{}", page.body);
    assert_eq!(house.get("/api/v1/tail?q=status:(").await.status, 400);
}

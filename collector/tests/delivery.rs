//! What is acknowledged, against an OpenSearch that answers as it is told.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod support;

use std::time::Duration;

use support::{Answer, House, until};
use tokio::time::timeout;

#[tokio::test]
async fn an_item_is_judged_alone_and_only_the_busy_one_is_sent_again() {
    let mut house = House::new([Answer::Items(vec![201, 429, 409]), Answer::Items(vec![503])]).await;
    house.send(&["a", "b", "c"]).await;
    assert_eq!(house.ack().await, Some(3));
    assert_eq!(house.requests(), [vec!["a", "b", "c"], vec!["b"], vec!["b"]]);
    assert_eq!(house.stats.resent.get(), 1, "a conflict on create is a resend");
    assert!(house.dead_letters().is_empty());
    house.accounts_add_up();
}

#[tokio::test]
async fn a_document_that_is_refused_for_good_is_kept_whole_with_the_reason_and_acknowledged() {
    let mut house = House::new([Answer::Items(vec![201, 400])]).await;
    house.send(&["good", "bad"]).await;
    assert_eq!(house.ack().await, Some(2));
    let letters = house.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["event"]["message"], "bad");
    assert_eq!(letters[0]["reason"], "t: the reason");
    assert_eq!(letters[0]["status"], 400);
    assert_eq!(house.requests().len(), 1, "it is not tried again");
    house.accounts_add_up();
}

#[tokio::test]
async fn a_server_error_and_a_refused_login_are_waited_for() {
    let mut house = House::new([Answer::Whole(503), Answer::Whole(401), Answer::Items(vec![403])]).await;
    house.send(&["a"]).await;
    assert_eq!(house.ack().await, Some(1));
    assert_eq!(house.requests().len(), 4);
    assert!(house.dead_letters().is_empty());
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved() {
    let mut house = House::new([Answer::Whole(413), Answer::Whole(413)]).await;
    house.send(&["a", "b", "c", "d"]).await;
    assert_eq!(house.ack().await, Some(4));
    let sizes: Vec<usize> = house.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes[..2], [4, 2], "{sizes:?}");
    let mut all: Vec<String> = house.requests().into_iter().skip(2).flatten().collect();
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn what_a_filter_drops_is_acknowledged_and_counted() {
    let mut house = House::new([]).await;
    house.send(&["a", "drop"]).await;
    assert_eq!(house.ack().await, Some(2));
    assert_eq!(house.requests(), [vec!["a"]]);
    assert_eq!(house.stats.accounts().dropped, 1);
    house.accounts_add_up();
}

#[tokio::test]
async fn what_is_not_indexed_at_shutdown_is_not_acknowledged() {
    let mut house = House::new((0..10_000).map(|_| Answer::Whole(503))).await;
    house.send(&["a"]).await;
    until(|| !house.requests().is_empty()).await;
    drop(house.stop.take());
    assert_eq!(house.ack().await, None);
    timeout(Duration::from_secs(60), &mut house.running).await.unwrap().unwrap();
    assert_eq!((house.stats.accounts().acknowledged, house.stats.accounts().returned), (0, 1));
}

#[tokio::test]
async fn accounts_add_up_where_filters_make_events_and_conditions_cannot_be_decided() {
    let mut house = House::new([]).await;
    let filter = "if [message] == \"odd\" { if [missing] > 5 { drop { } } } \
                  if [message] == \"two\" { clone { clones => [\"x\", \"y\"] } } if [message] == \"drop\" { drop { } }";
    house.reload(&support::conf(house.address, 0, filter)).await;
    house.send(&["odd", "two", "drop", "one"]).await;
    assert_eq!(house.ack().await, Some(4));
    let a = house.stats.accounts();
    assert_eq!((a.made, a.dropped, a.acknowledged, a.dead_lettered), (2, 1, 4, 1));
    house.accounts_add_up();
}

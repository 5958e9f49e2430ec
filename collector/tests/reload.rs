//! Pipelines that take the place of others while events come in, and pipelines that send to each other.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod support;

use std::time::Duration;

use alces_collector::{Bus, Collector, DiskQueue, Settings};
use support::{Answer, House, clock, conf, plan, until};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

#[tokio::test]
async fn a_reload_leaves_connections_open_and_changes_what_filters_do() {
    let mut house = House::new([]).await;
    house.send(&["a", "b"]).await;
    assert_eq!(house.ack().await, Some(2));
    house.reload(&conf(house.address, 0, "if [message] == \"b\" { drop { } }")).await;
    // On the same connection.
    house.send(&["a", "b"]).await;
    assert_eq!(house.ack().await, Some(2));
    assert_eq!(house.requests(), [vec!["a", "b"], vec!["a"]]);
    assert_eq!((house.stats.reloads.get(), house.stats.accounts().dropped), (1, 1));
    house.accounts_add_up();
}

#[tokio::test]
async fn a_pipeline_that_cannot_listen_changes_nothing() {
    let mut house = House::new([]).await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = other.local_addr().unwrap().port();
    let both = format!("input {{ beats {{ port => {taken} }} }} {}", conf(house.address, 0, "drop { }"));
    house.reload(&both).await;
    assert_eq!((house.stats.reloads.get(), house.stats.reloads_failed.get()), (0, 1));
    house.send(&["a"]).await;
    assert_eq!(house.ack().await, Some(1));
    assert_eq!(house.requests(), [["a"]]);
}

#[tokio::test]
async fn an_input_with_other_options_takes_over_the_address_of_the_one_before() {
    let mut house = House::new([]).await;
    let port = house.beats.port();
    house.reload(&conf(house.address, port, "").replace("port =>", "tags => [\"new\"] port =>")).await;
    assert_eq!(house.stats.reloads.get(), 1);
    // The connection of the input before is closed; its sender comes again.
    assert_eq!(house.ack().await, None);
    house.sender = tokio::net::TcpStream::connect(house.beats).await.unwrap();
    house.send(&["a"]).await;
    assert_eq!(house.ack().await, Some(1));
    // Without its input the pipeline goes on as well.
    house.reload(&conf(house.address, 0, "mutate { add_tag => \"third\" }")).await;
    assert_eq!(house.stats.reloads.get(), 2);
}

#[tokio::test]
async fn what_the_pipeline_before_cannot_deliver_its_sender_sends_to_the_new_one() {
    let mut house = House::new((0..100_000).map(|_| Answer::Whole(503))).await;
    house.send(&["a"]).await;
    until(|| !house.requests().is_empty()).await;
    let engine = House::new([]).await;
    house.reload(&conf(engine.address, 0, "")).await;
    // The old one gives up after its drain time, which is none here; the connection ends without an acknowledgement.
    assert_eq!(house.ack().await, None);
    house.sender = tokio::net::TcpStream::connect(house.beats).await.unwrap();
    house.send(&["a"]).await;
    assert_eq!(house.ack().await, Some(1));
    assert_eq!(engine.requests(), [["a"]]);
    assert_eq!(house.stats.accounts().returned, 1);
    house.accounts_add_up();
}

#[tokio::test]
async fn a_window_is_acknowledged_when_the_pipelines_behind_have_delivered_it() {
    let mut house = House::new([Answer::Whole(503)]).await;
    let bus = Bus::default();
    let start = async |conf: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().to_owned());
        (settings.bus, settings.drain) = (bus.clone(), Duration::from_secs(60));
        let collector = Collector::bind(plan(conf), settings, clock()).await.unwrap();
        let (beats, stats) = (collector.beats_addresses().first().copied(), collector.stats());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            collector.run(async { drop(stopped.await) }).await.unwrap();
            drop(dir);
        });
        (beats, stats, stop, running)
    };
    let (beats, first, stop, running) =
        start("input { beats { port => 0 } } output { pipeline { send_to => [behind, beside] } }").await;
    house.sender = tokio::net::TcpStream::connect(beats.unwrap()).await.unwrap();
    house.send(&["a"]).await;
    until(|| first.accounts().events_in == 1).await;
    assert_eq!(first.accounts().acknowledged, 0, "nobody is behind it yet");
    let engine = conf(house.address, 0, "").split_once("filter").unwrap().1.to_owned();
    let (_, x, stop_x, running_x) =
        start(&format!("input {{ pipeline {{ address => behind }} }} filter {engine}")).await;
    let (_, y, stop_y, running_y) =
        start("input { pipeline { address => beside } } output { null { } }").await;
    assert_eq!(house.ack().await, Some(1));
    assert_eq!(house.requests().len(), 2, "it was busy once");
    for stats in [first, x, y] {
        assert_eq!((stats.accounts().events_in, stats.accounts().acknowledged), (1, 1));
    }
    // Those behind wait until nobody sends to them.
    drop((stop_x, stop_y));
    assert!(
        timeout(Duration::from_millis(1), async {
            let _ = (running_x.await, running_y.await);
        })
        .await
        .is_err()
    );
    drop(stop);
    running.await.unwrap();
}

#[tokio::test]
async fn a_collector_with_a_queue_on_disk_stops_while_its_engine_is_away_and_goes_on_where_it_was() {
    let house = House::new((0..100_000).map(|_| Answer::Whole(503))).await;
    let dir = tempfile::tempdir().unwrap();
    let start = async |engine| {
        let mut settings = Settings::new(dir.path().to_owned());
        (settings.queue, settings.drain) = (Some(DiskQueue::default()), Duration::ZERO);
        let collector = Collector::bind(plan(&conf(engine, 0, "")), settings, clock()).await.unwrap();
        let (beats, stats) = (collector.beats_addresses()[0], collector.stats());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            collector.run(async { drop(stopped.await) }).await.unwrap();
        });
        (beats, stats, stop, running)
    };
    let (beats, stats, stop, running) = start(house.address).await;
    let mut sender = House::new([]).await;
    sender.sender = tokio::net::TcpStream::connect(beats).await.unwrap();
    // More windows than workers and their queue take.
    for number in 0..50 {
        sender.send(&[&format!("line {number}")]).await;
        assert_eq!(sender.ack().await, Some(1), "it is durable");
    }
    assert_eq!((stats.held().0, stats.accounts().acknowledged), (50, 0));
    drop(stop);
    timeout(Duration::from_secs(60), running).await.unwrap().unwrap();
    let engine = House::new([]).await;
    let (_, stats, stop, running) = start(engine.address).await;
    until(|| stats.accounts().acknowledged == 50).await;
    assert_eq!((stats.accounts().events_in, stats.held().0), (50, 0));
    let mut ids = engine.requests().concat();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    drop(stop);
    running.await.unwrap();
}

#[tokio::test]
async fn a_file_input_with_other_options_goes_on_where_the_one_before_ended() {
    // What is under way at the reload is delivered late, and the offsets move then.
    let busy = (0..6).map(|_| Answer::Whole(503));
    let house = House::with_drain(Duration::from_secs(60), busy).await;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    std::fs::write(&log, text).unwrap();
    let file = |tag: &str| {
        let output = conf(house.address, 0, "").split_once("filter").unwrap().1.to_owned();
        format!(
            "input {{ file {{ path => \"{}\" sincedb_path => \"{}\" start_position => beginning tags => \"{tag}\" }} }} filter{output}",
            log.display(),
            dir.path().join("sincedb").display()
        )
    };
    house.reload(&file("one")).await;
    until(|| !house.requests().is_empty()).await;
    house.reload(&file("two")).await;
    until(|| house.stats.accounts().acknowledged >= 20_000 && house.stats.held().0 == 0).await;
    assert_eq!(house.stats.accounts().acknowledged, 20_000);
    house.accounts_add_up();
}

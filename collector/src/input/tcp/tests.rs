use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::super::test_support::{Running, errors};

/// What the input makes of what a sender writes.
async fn check(options: &str, sent: &[u8], count: usize) -> String {
    let mut running = Running::start(&format!("tcp {{ port => 0 {options} }}")).await;
    let mut sender = TcpStream::connect(running.address).await.unwrap();
    let port = sender.local_addr().unwrap().port().to_string();
    sender.write_all(sent).await.unwrap();
    sender.shutdown().await.unwrap();
    let found = running.take(count).await;
    assert_eq!(running.stop().await, [""; 0]);
    found.join("\n").replace(&port, "PORT")
}

#[tokio::test]
async fn lines_and_where_they_came_from() {
    insta::assert_snapshot!(check("tags => 't'", b"one\r\ntwo", 2).await, @r#"
    {"message":"one","event":{"original":"one"},"tags":["t"]} {"input":{"tcp":{"source":{"name":"127.0.0.1","ip":"127.0.0.1","port":PORT}}}}
    {"message":"two","event":{"original":"two"},"tags":["t"]} {"input":{"tcp":{"source":{"name":"127.0.0.1","ip":"127.0.0.1","port":PORT}}}}
    "#);
    insta::assert_snapshot!(check("ecs_compatibility => disabled codec => json", b"{\"host\":\"h\"}\nnope", 2).await, @r#"
    {"host":"h","port":PORT} {"ip_address":"127.0.0.1"}
    {"message":"nope","tags":["_jsonparsefailure"],"host":"127.0.0.1","port":PORT} {"ip_address":"127.0.0.1"}
    "#);
}

#[tokio::test]
async fn behind_a_proxy() {
    let sent = b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 514\r\none\n";
    insta::assert_snapshot!(check("proxy_protocol => true", sent, 1).await, @r#"{"message":"one","event":{"original":"one"}} {"input":{"tcp":{"source":{"name":"192.0.2.1","ip":"192.0.2.1","port":51000},"proxy":{"ip":"192.0.2.2","port":514}}}}"#);
}

#[tokio::test]
async fn what_was_read_is_given_out_at_the_stop() {
    let mut running = Running::start("tcp { port => 0 ecs_compatibility => disabled }").await;
    let mut sender = TcpStream::connect(running.address).await.unwrap();
    sender.write_all(b"one\nbegun").await.unwrap();
    assert!(running.take(1).await[0].contains("one"));
    let last = running.stop().await;
    assert_eq!(last.len(), 1);
    assert!(last[0].contains("begun"), "{last:?}");
}

#[tokio::test]
async fn what_is_not_delivered_is_counted() {
    let mut running = Running::start("tcp { port => 0 }").await;
    let mut sender = TcpStream::connect(running.address).await.unwrap();
    sender.write_all(b"one\ntwo\n").await.unwrap();
    drop(running.batches.recv().await.unwrap());
    let accounts = running.stats.accounts();
    assert_eq!((accounts.lost, accounts.held), (accounts.events_in, 0));
    assert!(accounts.lost > 0);
    running.stop().await;
}

#[tokio::test]
async fn a_slow_pipeline_makes_it_read_slower() {
    let mut running = Running::start("tcp { port => 0 }").await;
    let mut sender = TcpStream::connect(running.address).await.unwrap();
    let writer = tokio::spawn(async move {
        let line = vec![b'x'; 64 << 10];
        for _ in 0..2000 {
            sender.write_all(&line).await.unwrap();
            sender.write_all(b"\n").await.unwrap();
        }
    });
    // All are held: then no more comes than may be under way, however often the reader has its turn.
    let mut held = Vec::new();
    for _ in 0..9 {
        held.extend(running.batches.recv().await);
    }
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert!(running.batches.try_recv().is_err() && !writer.is_finished());
    let mut count: usize = held.iter().map(|batch| batch.len).sum();
    held.into_iter().for_each(|batch| batch.delivery.done());
    while count < 2000 {
        count += running.next().await.len();
    }
    writer.await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_client_reads_what_a_server_writes_and_comes_back() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let mut running = Running::start(&format!(
        "tcp {{ mode => client host => '127.0.0.1' port => {port} ecs_compatibility => disabled tcp_keep_alive => true }}"
    ))
    .await;
    for text in ["one\n", "two\n"] {
        let (mut stream, _) = server.accept().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        drop(stream);
        assert!(running.take(1).await[0].contains(text.trim()));
    }
    running.stop().await;
}

#[test]
fn what_is_wrong_is_told() {
    assert!(errors("tcp { }").contains("tcp wants `port => NUMBER`"));
    assert!(errors("tcp { port => 1 ssl_cert => 'x' }").contains("it is called `ssl_certificate` now"));
    assert!(
        errors("tcp { port => 1 mode => client ssl_enabled => true }")
            .contains("wants `ssl_certificate_authorities")
    );
    assert!(errors("tcp { port => 1 ssl_verification_mode => full }").contains("is for `mode => client`"));
    assert!(
        errors("tcp { port => 1 mode => client ssl_client_authentication => none }")
            .contains("is for `mode => server`")
    );
    assert!(errors("tcp { port => 1 codec => rubydebug }").contains("for an output only"));
}

//! One connection, against another side that does as it is told, by a clock that nobody waits for.

use alces_lumberjack::encode_ack;
use jiff::Timestamp;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::{hosts::Hosts, pace::Rate, stream::Dialer};

fn courier(documents: usize) -> Courier {
    let shared = Arc::new(Shared::default());
    let mut batch = Batch::default();
    (0..documents).for_each(|n| batch.push(format!("[{n:>998}]").as_bytes()));
    shared.lock().outbox.push(batch);
    Courier {
        hosts: Hosts::new(&[], 0),
        dialer: Dialer::new(None).unwrap(),
        shared,
        board: Arc::default(),
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        compression: Compression::None,
        zlib_level: 3,
        window_events: 1,
        windows: 1,
        outage: None,
    }
}

/// How a connection ends whose other side does this, and after how many seconds of a clock that nobody waits for.
async fn check<F: Future<Output = ()> + Send + 'static>(
    courier: Courier,
    other: impl FnOnce(DuplexStream) -> F,
) -> (String, u64) {
    let (here, there) = duplex(1 << 20);
    let began = Instant::now();
    tokio::spawn(other(there));
    let connection = courier.shared.lock().new_connection();
    let end = match Speech::new(&courier, "a:1", connection).hold(Box::new(here), || {}).await {
        End::Idle { worked } => format!("idle, worked: {worked}"),
        End::Broken(error) => error.to_string(),
    };
    (end, began.elapsed().as_secs())
}

async fn read_window(stream: &mut DuplexStream) {
    let mut window = [0; 6 + 10 + 1000];
    stream.read_exact(&mut window).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_silent_for_a_minute_is_dead_and_parts_are_signs_of_life() {
    let silent = check(courier(1), async |mut stream| {
        read_window(&mut stream).await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            stream.write_all(&encode_ack(b'2', 0)).await.unwrap();
        }
        pending::<()>().await;
    });
    assert_eq!(silent.await, ("it said nothing for 60 s with windows under way".to_owned(), 210));
    let deaf = check(courier(1), async |stream| {
        let _stream = stream;
        pending::<()>().await;
    });
    assert_eq!(deaf.await, ("it said nothing for 60 s with windows under way".to_owned(), 60));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_work_is_silent_for_ever_and_its_end_is_no_loss() {
    let idle = check(courier(1), async |mut stream| {
        read_window(&mut stream).await;
        stream.write_all(&encode_ack(b'2', 1)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
    });
    assert_eq!(idle.await, ("idle, worked: true".to_owned(), 3600));
    let lost = check(courier(1), async |mut stream| read_window(&mut stream).await);
    assert_eq!(lost.await.0, "it closed the connection on windows under way");
    let nonsense = check(courier(1), async |mut stream| {
        stream.write_all(b"HTTP/1.1 400").await.unwrap();
        pending::<()>().await;
    });
    assert!(nonsense.await.0.contains("is not Lumberjack's"));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_windows_back_and_not_the_connection() {
    let courier = courier(10);
    // A thousand bytes a document and three of its record, ten bytes a second.
    courier.shared.lock().rate = Some(Rate::new(10, Instant::now().into_std()));
    let slow = check(courier, async |mut stream| {
        for _ in 0..10 {
            read_window(&mut stream).await;
            stream.write_all(&encode_ack(b'2', 1)).await.unwrap();
        }
    });
    assert_eq!(slow.await, ("idle, worked: true".to_owned(), 1002), "the first ten bytes were free");
}

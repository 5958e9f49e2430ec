//! What became of events that go to several outputs, of which any may refuse them: each is counted once, and at any moment all add up.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use alces_collector::{Accounts, DiskQueue, Stats};
use proptest::prelude::*;
use support::{Answer, House};

/// A pipeline to two indexes, which refuse what says `no-a` and `no-b`.
fn conf(house: &House) -> String {
    let to = |index: &str| {
        format!(
            "if [message] =~ /to-{index}/ {{ elasticsearch {{ hosts => \"{}\" index => \"{index}\" manage_template => false }} }}",
            house.address
        )
    };
    format!(
        "input {{ beats {{ port => 0 }} }}
         filter {{
             if [message] =~ /drop/ {{ drop {{ }} }}
             if [message] =~ /twice/ {{ clone {{ clones => [\"again\"] }} }}
             if [message] =~ /odd/ {{ if [missing] > 5 {{ drop {{ }} }} }}
         }}
         output {{ {} {} if [message] =~ /vague/ {{ if [missing] > 5 {{ null {{ }} }} }} }}",
        to("a"),
        to("b"),
    )
}

/// What becomes of an event with these words, and how many letters are written: told by its words alone.
fn expected(words: &[&str], full: bool) -> (Accounts, u64) {
    let says = |word: &str| words.contains(&word);
    let mut accounts = Accounts { events_in: 1, ..Accounts::default() };
    if says("drop") {
        accounts.dropped = 1;
        return (accounts, 0);
    }
    let copies = if says("twice") { 2 } else { 1 };
    accounts.made = copies - 1;
    let refused = ["a", "b"].iter().filter(|i| says(&format!("to-{i}")) && says(&format!("no-{i}"))).count();
    let letters = if says("odd") || says("vague") { 1 } else { refused as u64 };
    let became = match (letters > 0, full) {
        (true, false) => &mut accounts.dead_lettered,
        (true, true) => &mut accounts.lost,
        (false, _) => &mut accounts.acknowledged,
    };
    *became = copies;
    (accounts, if full { 0 } else { letters * copies })
}

/// Asks without end whether the accounts add up; how often it did.
fn watch(stats: Arc<Stats>, end: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut looks = 0;
        loop {
            let accounts = stats.accounts();
            assert_eq!(accounts.events_in + accounts.made, accounts.accounted(), "{accounts:?}");
            looks += 1;
            // Once at least, however late this thread begins.
            if end.load(Relaxed) {
                return looks;
            }
        }
    })
}

/// Sends windows of events, and holds what was counted against what their words say.
async fn check(windows: &[Vec<String>], script: Vec<Answer>, full: bool, disk: bool) {
    let mut house = House::with(script, |settings| {
        settings.dead_letters.max_bytes = full.then_some(1);
        settings.queue = disk.then(DiskQueue::default);
    })
    .await;
    house.reload(&conf(&house)).await;
    let end = Arc::new(AtomicBool::new(false));
    let watch = watch(house.stats.clone(), end.clone());
    let (mut all, mut letters) = (Accounts::default(), 0);
    for window in windows {
        let messages: Vec<&str> = window.iter().map(String::as_str).collect();
        house.send(&messages).await;
        for message in messages {
            let words: Vec<&str> = message.split(' ').collect();
            let (one, more) = expected(&words, full);
            letters += more;
            all.events_in += one.events_in;
            all.made += one.made;
            all.acknowledged += one.acknowledged;
            all.dead_lettered += one.dead_lettered;
            all.dropped += one.dropped;
            all.lost += one.lost;
        }
    }
    // Read at once: between two readings what was held by nobody may have come in.
    let done = |accounts: Accounts| accounts.held == 0 && accounts.events_in == all.events_in;
    support::until(|| done(house.stats.accounts())).await;
    end.store(true, Relaxed);
    assert!(watch.join().unwrap() > 0);
    assert_eq!(house.stats.accounts(), all);
    assert_eq!(house.stats.dead_letters.get(), letters);
    assert_eq!(house.dead_letters().len() as u64, letters);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_one_whatever_its_outputs_say() {
    // Every way to two outputs: not sent, taken, refused.
    let ways = |index: &str| [String::new(), format!("to-{index}"), format!("to-{index} no-{index}")];
    let mut window = Vec::new();
    for a in ways("a") {
        for b in ways("b") {
            for more in ["", "twice", "odd", "vague", "drop", "twice odd"] {
                window.push(format!("{a} {b} {more}"));
            }
        }
    }
    for (full, disk) in [(false, false), (true, false), (false, true), (true, true)] {
        check(std::slice::from_ref(&window), Vec::new(), full, disk).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn windows_of_any_events_add_up(
        windows in prop::collection::vec(prop::collection::vec(prop::sample::subsequence(
            vec!["to-a", "to-b", "no-a", "no-b", "twice", "odd", "vague", "drop"], 0..6,
        ), 1..12), 1..8),
        away in 0_usize..4, full in any::<bool>(), disk in any::<bool>(),
    ) {
        let windows: Vec<Vec<String>> =
            windows.iter().map(|window| window.iter().map(|words| words.join(" ")).collect()).collect();
        let script = (0..away).map(|_| Answer::Whole(503)).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(&windows, script, full, disk));
    }
}

//! The store alone: writers that create, index, update and delete by bulk, a store that is killed at random moments, a disk that is full at
//! times. Each writer has documents of its own, and knows what each must be.

use std::{
    fmt,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    disk::Disk,
    keep::{Client, INDEX, Keep, PATIENCE},
    ledger::Ledger,
    storm::host,
    world::moment,
};

/// What is done to the store.
#[derive(Clone, Debug)]
pub(crate) struct Siege {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    /// Milliseconds between two kills.
    pub(crate) kills: Option<Range<u64>>,
    /// Whether its folder is on a disk that is full at times.
    pub(crate) full_disk: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    siege: Siege,
    kills: u64,
    /// Of those: before it listened.
    early: u64,
    disk_full: u64,
    documents: u64,
    acknowledged: u64,
    there_already: u64,
    refused: u64,
    looks: u64,
    reads: u64,
    wrong: Vec<String>,
    said: String,
}

/// What all who take part share.
#[derive(Debug, Default)]
struct Field {
    over: AtomicBool,
    full: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    looks: AtomicU64,
    reads: AtomicU64,
}

async fn write(mut ledger: Ledger, address: SocketAddr, field: Arc<Field>, mut rng: fastrand::Rng) -> Ledger {
    let mut client = Client::new(address);
    while !field.over.load(Relaxed) {
        let actions = ledger.request(&mut rng);
        let path = if rng.u8(0..8) == 0 { "/_bulk?refresh=true" } else { "/_bulk" };
        let body = Ledger::body(INDEX, &actions);
        let (acknowledged, refused) = (ledger.acknowledged, ledger.refused);
        match client.post(path, "application/x-ndjson", &body).await {
            Some((200, answer)) => ledger.answered(actions, &answer),
            None => {
                ledger.unanswered(actions);
                // The store has died. What it has of what is not known is read when it is there again.
                let unknown = ledger.unknown();
                if !field.full.load(Relaxed) && !field.over.load(Relaxed) && !unknown.is_empty() {
                    let hits = client.look(&unknown).await;
                    ledger.found(&unknown, &hits);
                    field.looks.fetch_add(1, Relaxed);
                }
            }
            other => {
                ledger.wrong.push(format!("a request was answered with {other:?}"));
                ledger.unanswered(actions);
            }
        }
        field.acknowledged.fetch_add(ledger.acknowledged - acknowledged, Relaxed);
        field.refused.fetch_add(ledger.refused - refused, Relaxed);
        moment(&mut rng, 0..4).await;
    }
    ledger
}

/// Searches go on whatever becomes of the writers, as long as nobody kills the store.
async fn read(address: SocketAddr, field: Arc<Field>) -> Vec<String> {
    let (mut client, mut wrong) = (Client::new(address), Vec::new());
    let query = json!({"size": 1, "query": {"match": {"message": "GET"}}, "sort": [{"number": "desc"}]});
    while !field.over.load(Relaxed) {
        match client.post(&format!("/{INDEX}/_search"), "application/json", &query.to_string()).await {
            Some((200, _)) => drop(field.reads.fetch_add(1, Relaxed)),
            other => wrong.push(format!("a search was answered with {other:?}")),
        }
        sleep(Duration::from_millis(20)).await;
    }
    wrong
}

impl Siege {
    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(self.rage())
    }

    async fn rage(self) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let address = SocketAddr::new(host().parse().unwrap(), 9200);
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let disk = self.full_disk.then(|| Disk::new(&data, (40 + 2 * self.seconds) << 10));
        let mut keep = Keep::new(folder.path(), address, disk);
        keep.start();
        let mut client = Client::new(address);
        let first = Instant::now() + PATIENCE;
        while client
            .post(
                &format!("/{INDEX}/_bulk"),
                "application/x-ndjson",
                "{\"index\":{\"_id\":\"0\"}}\n{\"message\":\"GET\",\"number\":0}\n",
            )
            .await
            .is_none()
        {
            assert!(Instant::now() < first, "the store does not start:\n{}", keep.last_words());
            sleep(Duration::from_millis(20)).await;
        }
        let field = Arc::new(Field::default());
        let mut writers = JoinSet::new();
        for writer in 1..5 {
            writers.spawn(write(Ledger::new(writer), address, field.clone(), rng.fork()));
        }
        let reader = self.kills.is_none().then(|| tokio::spawn(read(address, field.clone())));
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let (mut kills, mut early, mut disk_full, mut wrong) = (0, 0, 0, Vec::new());
        while Instant::now() < end {
            moment(&mut rng, self.kills.clone().unwrap_or(200..1200)).await;
            let ballast = keep.disk.as_ref().map(Disk::ballast);
            if let Some(ballast) = &ballast {
                field.full.store(true, Relaxed);
                ballast.fill();
                disk_full += 1;
                grows(&field.refused, "refused, as the disk is full", &keep).await;
                moment(&mut rng, 0..500).await;
            }
            if self.kills.is_some() {
                wrong.extend(keep.kill());
                kills += 1;
                keep.start();
                if rng.u8(0..5) == 0 {
                    moment(&mut rng, 0..120).await;
                    wrong.extend(keep.kill());
                    (kills, early) = (kills + 1, early + 1);
                    keep.start();
                }
            }
            if let Some(ballast) = &ballast {
                if self.kills.is_some() {
                    // It starts on a full disk, too, and reads go on.
                    client.insist(&format!("/{INDEX}/_count"), &json!({})).await;
                }
                ballast.free();
                field.full.store(false, Relaxed);
                grows(&field.acknowledged, "acknowledged, as there is room again", &keep).await;
            }
        }
        field.over.store(true, Relaxed);
        let mut ledgers = Vec::new();
        while let Some(ledger) = writers.join_next().await {
            ledgers.push(ledger.unwrap());
        }
        if let Some(reader) = reader {
            wrong.extend(reader.await.unwrap());
        }
        // A last life finds all of it.
        wrong.extend(keep.kill());
        keep.start();
        let mut client = Client::new(address);
        for ledger in &mut ledgers {
            let all = ledger.close();
            let hits = client.look(&all).await;
            ledger.found(&all, &hits);
            wrong.append(&mut ledger.wrong);
        }
        let documents: u64 = 1 + ledgers.iter().map(Ledger::count).sum::<u64>();
        for query in [
            json!({"match_all": {}}),
            json!({"range": {"number": {"gte": 0}}}),
            json!({"match": {"message": "GET"}}),
        ] {
            let answer = client.insist(&format!("/{INDEX}/_count"), &json!({"query": query})).await;
            if answer["count"] != documents {
                wrong.push(format!("{query} finds {}, of {documents} documents", answer["count"]));
            }
        }
        let sum = |of: fn(&Ledger) -> u64| ledgers.iter().map(of).sum();
        Outcome {
            kills,
            early,
            disk_full,
            documents,
            acknowledged: sum(|ledger| ledger.acknowledged),
            there_already: sum(|ledger| ledger.there_already),
            refused: sum(|ledger| ledger.refused),
            looks: field.looks.load(Relaxed),
            reads: field.reads.load(Relaxed),
            wrong,
            said: keep.last_words(),
            siege: self,
        }
    }
}

/// Waits until a count grows.
async fn grows(count: &AtomicU64, what: &str, keep: &Keep) {
    let (before, end) = (count.load(Relaxed), Instant::now() + PATIENCE);
    while count.load(Relaxed) == before {
        assert!(Instant::now() < end, "nothing is {what}; the store said at last:\n{}", keep.last_words());
        sleep(Duration::from_millis(10)).await;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Siege { seed, seconds, full_disk, .. } = &self.siege;
        writeln!(
            f,
            "seed {seed}, {seconds} s, the store alone{}",
            if *full_disk { " on a small disk" } else { "" }
        )?;
        writeln!(
            f,
            "  kills         {}, {} of them before it listened; disk full {}",
            self.kills, self.early, self.disk_full
        )?;
        writeln!(
            f,
            "  acknowledged  {} changes, {} of them had been taken before a kill",
            self.acknowledged, self.there_already
        )?;
        writeln!(f, "  refused       {} changes, as the disk was full", self.refused)?;
        writeln!(
            f,
            "  documents     {} at the end; looked for after a kill {} times, searched {} times",
            self.documents, self.looks, self.reads
        )?;
        writeln!(f, "  wrong         {}", self.wrong.len())?;
        self.wrong.iter().take(8).try_for_each(|wrong| writeln!(f, "    {wrong}"))
    }
}

impl Outcome {
    /// Everything acknowledged is there, once, as it was acknowledged last.
    #[track_caller]
    pub(crate) fn check(self) {
        println!("{self}");
        let done = self.acknowledged > 0 && (self.refused > 0) == self.siege.full_disk;
        assert!(self.wrong.is_empty() && done, "{self}the store said at last:\n{}", self.said);
    }
}

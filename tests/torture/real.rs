//! The real way: agent, collector and store, each killed with `kill -9` while lines flow over a bad net.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    agent::{Agent, Kind},
    log::{self, Log},
    proxy::{Proxy, Storms},
    rotate::Rotation::Rename,
    support::{engine::Engine, eventually, free_port, process::Process},
    verdict::judge,
    world::{World, moment},
};

/// As many as one answer of the store holds, with room for the last burst.
const LINES: usize = 8_000;

const INDEX: &str = "lines";

/// Collector and store.
struct House {
    folder: PathBuf,
    port: u16,
    store_address: String,
    store: Option<Engine>,
    collector: Option<Process>,
}

impl House {
    fn start_store(&mut self) {
        self.store = Some(Engine::store(&self.store_address, &self.folder.join("store")));
    }

    fn start_collector(&mut self) {
        let conf = format!(
            "input {{ beats {{ port => {} }} }} output {{ opensearch {{ hosts => \"{}\" index => \"{INDEX}\" }} }}",
            self.port, self.store_address
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command
            .args(["collector", "--api", "off", "-e", &conf, "--data-dir"])
            .arg(self.folder.join("collector"));
        let collector = Process::start("collector", &mut command);
        collector.wait_for("beats input listening");
        self.collector = Some(collector);
    }

    /// One of the three dies and comes back.
    fn kill_one(&mut self, agent: &mut Agent, which: u8) {
        match which {
            0 => {
                if let Some(store) = self.store.take() {
                    store.process.kill();
                }
                self.start_store();
            }
            1 => {
                if let Some(collector) = self.collector.take() {
                    collector.kill();
                }
                self.start_collector();
            }
            _ => {
                agent.kill();
                agent.start();
            }
        }
    }
}

#[test]
fn agent_collector_and_store_are_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(run());
}

async fn run() {
    let seed = crate::rough::seed();
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let store_address = format!("127.0.0.1:{}", free_port());
    let mut house = House {
        folder: folder.path().to_owned(),
        port: free_port(),
        store_address,
        store: None,
        collector: None,
    };
    house.start_store();
    house.start_collector();
    let proxy = Proxy::start(([127, 0, 0, 1], house.port).into()).await;
    let mut agent = Agent::new(Kind::Alces, folder.path(), proxy.port, None);
    agent.start();

    let world = Arc::new(World::new());
    let mut writers = JoinSet::new();
    let (end, mut storms, mut kills) = (Instant::now() + Duration::from_secs(8), Storms::default(), [0; 3]);
    for number in 0..2 {
        let log = Log::new(logs.join(format!("app{number}.log")), false, world.clone(), rng.fork());
        writers.spawn(log::live(log, &[Rename], end, LINES));
    }
    while Instant::now() < end {
        moment(&mut rng, 50..700).await;
        match rng.u8(0..5) {
            which @ 0..3 => {
                kills[usize::from(which)] += 1;
                tokio::task::block_in_place(|| house.kill_one(&mut agent, which));
            }
            _ => proxy.storm(&mut rng, &mut storms).await,
        }
    }
    while writers.join_next().await.is_some_and(|wrote| wrote.map(|()| true).unwrap()) {}
    proxy.clear();
    let written = world.book().lines().len() as u64;
    println!("{written} lines; kills of store, collector and agent {kills:?}; {storms:?}");
    tokio::task::block_in_place(|| {
        let store = house.store.as_ref().unwrap();
        store.wait_for_count(INDEX, written);
        // What the agent's last start doubles comes before this.
        agent.kill();
        agent.start();
        std::fs::write(logs.join("last.log"), "the end\n").unwrap();
        let documents = eventually("the last line is there", || {
            store.count(INDEX);
            let documents = store.documents(INDEX);
            documents.iter().any(|document| document["message"] == "the end").then_some(documents)
        });
        let mut arrivals = world.arrivals();
        for (at, document) in documents.iter().enumerate() {
            let text = document["message"].as_str().unwrap();
            if text != "the end" {
                // The index has each id once.
                arrivals.take(&at.to_string(), text, &document["log"].to_string());
            }
        }
    });
    let mut verdict = judge(&world.book(), &world.arrivals());
    // An index has no order of arrival.
    verdict.disorder.clear();
    assert!(verdict.is_good(), "seed {seed}: {}", verdict.tell());
}

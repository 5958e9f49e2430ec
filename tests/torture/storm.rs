//! One run: logs are written and rotated, the agent and the receiver are killed, the net is bad; then all is quiet and must be there.

use std::{fmt, ops::Range, path::Path, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    agent::{Agent, Kind, Usage},
    log::{self, Log},
    proxy::{Proxy, Storms},
    receiver::{self, Receiver},
    rotate::Rotation,
    verdict::{Verdict, judge},
    world::{World, moment},
};

/// What is done to the agent.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) logs: usize,
    /// Files of some lines each, made all along.
    pub(crate) small_files: u64,
    pub(crate) rotations: &'static [Rotation],
    /// Milliseconds between two kills of the agent.
    pub(crate) kills: Option<Range<u64>>,
    /// Whether the net is bad, and the receiver killed.
    pub(crate) weather: bool,
    /// Whether the agent's folder is on a disk that is full at times.
    pub(crate) full_disk: bool,
    /// How long the end waits when nothing new arrives.
    pub(crate) patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) storm: Storm,
    pub(crate) verdict: Verdict,
    #[allow(dead_code, reason = "of the figures, not of the test")]
    pub(crate) usage: Usage,
    pub(crate) resent: u64,
    /// Lives of the agent that ended by themselves, and windows that were none.
    pub(crate) broken: [u64; 2],
    pub(crate) lines: usize,
    long: u64,
    pub(crate) files: usize,
    rotations: String,
    pub(crate) kills: u64,
    receiver_kills: u64,
    storms: Storms,
    connections: u64,
    disk_full: u64,
    /// What the agent said of it.
    said: String,
}

impl Storm {
    pub(crate) fn new(seed: u64, seconds: u64, rotations: &'static [Rotation]) -> Self {
        Self {
            kind: Kind::Alces,
            seed,
            seconds,
            logs: 3,
            small_files: 0,
            rotations,
            kills: Some(30..1200),
            weather: true,
            full_disk: false,
            patience: Duration::from_secs(30),
        }
    }

    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(self.rage())
    }

    async fn rage(self) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let world = Arc::new(World::new());
        let mut receiver = Receiver::start(world.clone(), rng.fork()).await;
        let proxy = Proxy::start(receiver.address).await;
        let mut agent =
            Agent::new(self.kind, folder.path(), proxy.port, self.full_disk.then_some(self.seconds));

        let end = Instant::now() + Duration::from_secs(self.seconds);
        let mut writers = JoinSet::new();
        for number in 0..self.logs {
            // Two of three begin with the same kilobyte.
            let path = logs.join(format!("app{number}.log"));
            let log = Log::new(path, number % 3 != 2, world.clone(), rng.fork());
            writers.spawn(log::live(log, self.rotations, end, usize::MAX));
        }
        let (small, world_of_small, rng_of_small) = (self.small_files, world.clone(), rng.fork());
        writers.spawn(async move { log::many(&logs, small, world_of_small, rng_of_small).await });

        let (mut storms, mut receiver_kills, mut disk_full) = (Storms::default(), 0, 0);
        agent.start();
        {
            let disk_path = agent.disk().map(|disk| (disk.ballast(), rng.fork()));
            let (kills, weather) = (rng.fork(), rng.fork());
            tokio::join!(
                kill(&mut agent, self.kills.clone(), kills, end),
                storm(self.weather, &proxy, &mut receiver, (&mut storms, &mut receiver_kills), weather, end),
                fill(disk_path, &mut disk_full, end),
                async {
                    while writers.join_next().await.is_some_and(|wrote| wrote.map(|()| true).unwrap()) {}
                },
            );
        }
        proxy.clear();
        let (lines, heads) = {
            let book = world.book();
            (book.lines().len(), book.heads - book.same_heads)
        };
        world.wait(self.patience, |arrivals| arrivals.known == lines && arrivals.heads >= heads).await;
        // A last life that finds nothing new: what is doubled by a start would be doubled now.
        agent.stop();
        agent.start();
        world.wait(Duration::from_secs(2), |_| false).await;
        agent.stop();

        let (book, arrivals) = (world.book(), world.arrivals());
        let verdict = judge(&book, &arrivals);
        Outcome {
            said: said_of(&verdict.tell(), &agent.log()),
            verdict,
            usage: agent.usage,
            resent: arrivals.resent,
            broken: [agent.deaths, world.broken()],
            lines: book.lines().len(),
            long: book.long,
            files: book.generations(),
            rotations: book.rotations.iter().map(|(kind, count)| format!(" {kind} {count}")).collect(),
            kills: agent.kills,
            receiver_kills,
            storms,
            connections: proxy.connections(),
            disk_full,
            storm: self,
        }
    }
}

/// Kills the agent at random moments, and starts it again at once or after a while in which logs are rotated on.
async fn kill(agent: &mut Agent, gaps: Option<Range<u64>>, mut rng: fastrand::Rng, end: Instant) {
    let Some(gaps) = gaps else { return };
    while Instant::now() < end {
        moment(&mut rng, gaps.clone()).await;
        agent.kill();
        if rng.u8(..) < 48 {
            moment(&mut rng, 100..2500).await;
        }
        agent.start();
    }
}

/// Bad weather, and a receiver that is killed.
async fn storm(
    on: bool,
    proxy: &Proxy,
    receiver: &mut Receiver,
    (storms, kills): (&mut Storms, &mut u64),
    mut rng: fastrand::Rng,
    end: Instant,
) {
    while on && Instant::now() < end {
        moment(&mut rng, 50..1500).await;
        if rng.u8(..) < 64 {
            receiver.kill().await;
            *kills += 1;
            tokio::time::sleep(receiver::absence(&mut rng)).await;
            receiver.start_again().await;
        } else {
            proxy.storm(&mut rng, storms).await;
        }
    }
}

/// Fills the agent's disk for a while, and frees it.
async fn fill(disk: Option<(crate::disk::Ballast, fastrand::Rng)>, count: &mut u64, end: Instant) {
    let Some((ballast, mut rng)) = disk else { return };
    while Instant::now() < end {
        moment(&mut rng, 300..2000).await;
        ballast.fill();
        *count += 1;
        moment(&mut rng, 300..2000).await;
        ballast.free();
    }
}

/// What the agent said of files that are told of in `wrong`, and at last.
fn said_of(wrong: &str, path: &Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let logs = (0..10).map(|n| format!("app{n}.log")).filter(|log| wrong.contains(log)).collect::<Vec<_>>();
    let starts = |line: &str| line.contains("tailing") && line.contains("offset=0 ");
    let of = |line: &str| logs.iter().any(|log| line.contains(log)) || starts(line);
    let last = lines.len().saturating_sub(30);
    let chosen = lines.iter().enumerate().filter(|(at, line)| *at >= last || of(line));
    chosen.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, storms, .. } = self;
        writeln!(f, "seed {}, {} s", self.storm.seed, self.storm.seconds)?;
        writeln!(f, "  written       {} lines ({} too long) in {} files", self.lines, self.long, self.files)?;
        writeln!(f, "  rotations    {}", self.rotations)?;
        writeln!(f, "  kills         agent {}, receiver {}", self.kills, self.receiver_kills)?;
        writeln!(
            f,
            "  net           {} connections, cuts {}, half-closes {}, trickles {}, black holes {}",
            self.connections, storms.cuts, storms.halves, storms.trickles, storms.black_holes
        )?;
        writeln!(f, "  disk full     {}", self.disk_full)?;
        writeln!(f, "  resent        {}", self.resent)?;
        writeln!(
            f,
            "  lost {}, doubled {}, altered {}, out of order {}, heads {}",
            verdict.lost.len(),
            verdict.doubled.len(),
            verdict.altered.len(),
            verdict.disorder.len(),
            verdict.heads
        )?;
        write!(f, "{}", verdict.tell())
    }
}

impl Outcome {
    /// Every line exactly once, in order.
    #[track_caller]
    pub(crate) fn check(self) {
        println!("{self}");
        let good = self.verdict.is_good() && self.broken == [0, 0];
        assert!(
            good,
            "{self}deaths and broken windows: {:?}\nALCES_TORTURE_SEED={} tries it again; the agent said at last:\n{}",
            self.broken, self.storm.seed, self.said
        );
    }
}

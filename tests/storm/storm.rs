//! One run: senders send, the engine misbehaves and is killed, so is the collector; then all is quiet and must be in its place.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    clock::Clock,
    collector::{Collector, Queue},
    disk::Ballast,
    engine::Running,
    lines::{Fate, Line},
    proxy::{Proxy, Storms},
    senders::{self, Way},
    support::eventually,
    verdict::{Verdict, judge},
    world::{World, moment},
};

/// What is done to the collector.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) queue: Queue,
    /// Milliseconds between two kills of the collector.
    pub(crate) kills: Option<Range<u64>>,
    /// Whether it is told to read its settings anew.
    pub(crate) reloads: bool,
    /// Whether its folder is on a disk that is full at times.
    pub(crate) full_disk: bool,
    /// Whether its clock jumps.
    pub(crate) clock: bool,
    /// How long the end waits when nothing new arrives.
    pub(crate) patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    storm: Storm,
    verdict: Verdict,
    lines: usize,
    unfit: usize,
    windows_again: u64,
    there_already: u64,
    kills: u64,
    reloads: u64,
    engine_kills: u64,
    engine_did: String,
    net: Storms,
    disk_full: u64,
    jumps: u64,
    /// Lives of the collector that ended by themselves.
    deaths: Vec<String>,
    /// Senders that came to no end, items that were none, and counts that did not add up.
    broken: [u64; 3],
    /// What the collector said at last.
    said: String,
}

impl Storm {
    pub(crate) fn new(seed: u64, seconds: u64, queue: Queue) -> Self {
        let kills = Some(50..900);
        let patience = Duration::from_secs(45);
        Self { seed, seconds, queue, kills, reloads: true, full_disk: false, clock: false, patience }
    }

    pub(crate) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(self.rage())
    }

    async fn rage(self) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let world = Arc::new(World::new());
        Line::open(&world);
        let host = host();
        let mut engine = Running::start(&host, world.clone(), rng.fork()).await;
        let mut collector = Collector::new(folder.path(), host, engine.address, self.queue);
        if self.full_disk {
            collector.on_disk((20 + 2 * self.seconds) << 10);
        }
        collector.clock = self.clock.then(|| Clock::new(folder.path()));
        let proxy = Proxy::start(collector.address(Way::Lumberjack)).await;

        let end = Instant::now() + Duration::from_secs(self.seconds);
        let mut senders = JoinSet::new();
        for (number, way) in
            [Way::Lumberjack, Way::Lumberjack, Way::Lumberjack, Way::Http, Way::Http, Way::Bulk]
                .into_iter()
                .enumerate()
        {
            let to = match way {
                Way::Lumberjack => ([127, 0, 0, 1], proxy.port).into(),
                _ => collector.address(way),
            };
            // Letters of long lines would take all of a small disk for good.
            let sender = senders::Sender { way, name: format!("{way:?}{number}"), to, long: !self.full_disk };
            senders.spawn(sender.live(world.clone(), rng.fork(), end));
        }

        let (mut net, mut engine_kills, mut disk_full) = (Storms::default(), 0, 0);
        collector.start();
        {
            let ballast = collector.disk.as_ref().map(|disk| (disk.ballast(), rng.fork()));
            let (fate, weather, of_engine) = (rng.fork(), rng.fork(), rng.fork());
            tokio::join!(
                self.strike(&mut collector, fate, end),
                blow(&proxy, &mut net, weather, end),
                kill(&mut engine, &mut engine_kills, of_engine, end),
                fill(ballast, &mut disk_full, end),
            );
        }
        proxy.clear();
        engine.engine.rough.store(false, Relaxed);
        // Connections on which nobody answers end now.
        engine.kill().await;
        engine.start_again().await;
        if self.kills.is_some() {
            // Whoever waits long for the next attempt begins anew.
            collector.kill();
            collector.start();
        }
        let mut windows_again = 0;
        while let Ok(Some(sender)) = timeout(self.patience * 2, senders.join_next()).await {
            windows_again += sender.unwrap();
        }
        let unsent = senders.len() as u64;
        senders.shutdown().await;
        let fates =
            |fate: Fate| world.book().lines().iter().filter(|line| Fate::of(line.generation) == fate).count();
        let indexed = fates(Fate::Indexed);
        world.wait(self.patience, |arrivals| arrivals.known == indexed).await;
        let mut wrong_counts = 0;
        // A last life finds nothing new: what is doubled by a start would be doubled now.
        for last in [false, true] {
            tokio::task::block_in_place(|| {
                let counts =
                    eventually("nothing is held", || collector.counts().filter(|counts| counts.held == 0));
                if !counts.add_up() {
                    eprintln!("counts that do not add up: {counts:?}");
                    wrong_counts += 1;
                }
                collector.stop();
            });
            if !last {
                collector.start();
            }
        }

        let letters = collector.letters();
        let (book, arrivals) = (world.book(), world.arrivals());
        Outcome {
            verdict: judge(&book, &arrivals, &letters),
            lines: book.lines().len(),
            unfit: book.lines().len() - indexed,
            windows_again,
            there_already: arrivals.resent,
            kills: collector.kills,
            reloads: collector.reloads,
            engine_kills,
            engine_did: engine.engine.did(),
            net,
            disk_full,
            jumps: collector.clock.as_ref().map_or(0, |clock| clock.jumps),
            broken: [unsent, engine.engine.broken.load(Relaxed), wrong_counts],
            said: collector.last_words(30),
            deaths: std::mem::take(&mut collector.deaths),
            storm: self,
        }
    }

    /// Kills the collector at random moments and starts it again, at once or after a while; in between it is told to read its settings anew, and
    /// its clock jumps.
    async fn strike(&self, collector: &mut Collector, mut rng: fastrand::Rng, end: Instant) {
        while Instant::now() < end {
            moment(&mut rng, self.kills.clone().unwrap_or(100..1000)).await;
            match rng.u8(0..8) {
                0 | 1 if self.reloads => collector.reload(),
                2 if self.reloads => collector.reload_wrongly(),
                _ => {}
            }
            if let Some(clock) = &mut collector.clock {
                let most = [60, 3_600, 86_400, 40_000_000][rng.usize(0..4)];
                clock.jump(rng.i64(-most..most));
            }
            if self.kills.is_some() {
                moment(&mut rng, 0..100).await;
                collector.kill();
                if rng.u8(..) < 24 {
                    moment(&mut rng, 100..1500).await;
                }
                collector.start();
            }
        }
    }
}

/// Bad weather between Lumberjack's senders and the collector.
async fn blow(proxy: &Proxy, storms: &mut Storms, mut rng: fastrand::Rng, end: Instant) {
    while Instant::now() < end {
        moment(&mut rng, 200..3000).await;
        proxy.storm(&mut rng, storms).await;
    }
}

/// Kills the engine, and starts it again.
async fn kill(engine: &mut Running, kills: &mut u64, mut rng: fastrand::Rng, end: Instant) {
    while Instant::now() < end {
        moment(&mut rng, 500..4000).await;
        engine.kill().await;
        *kills += 1;
        if rng.bool() {
            moment(&mut rng, 10..1000).await;
        }
        engine.start_again().await;
    }
}

/// Fills the collector's disk for a while, and frees it.
async fn fill(disk: Option<(Ballast, fastrand::Rng)>, count: &mut u64, end: Instant) {
    let Some((ballast, mut rng)) = disk else { return };
    while Instant::now() < end {
        moment(&mut rng, 300..2000).await;
        ballast.fill();
        *count += 1;
        moment(&mut rng, 300..2000).await;
        ballast.free();
    }
}

/// An address of loopback that no other storm and no other run of them has.
pub(crate) fn host() -> String {
    static LAST: AtomicU8 = AtomicU8::new(1);
    let (id, number) = (std::process::id(), LAST.fetch_add(1, Relaxed));
    format!("127.{}.{}.{number}", 80 + id / 250 % 100, 1 + id % 250)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, net, .. } = self;
        writeln!(f, "seed {}, {} s, queue {:?}", self.storm.seed, self.storm.seconds, self.storm.queue)?;
        writeln!(f, "  written       {} lines ({} that are never taken)", self.lines, self.unfit)?;
        writeln!(
            f,
            "  kills         collector {}, engine {}; reloads {}, disk full {}, clock jumps {}",
            self.kills, self.engine_kills, self.reloads, self.disk_full, self.jumps
        )?;
        writeln!(f, "  engine        {}", self.engine_did)?;
        writeln!(
            f,
            "  net           cuts {}, half-closes {}, trickles {}, black holes {}",
            net.cuts, net.halves, net.trickles, net.black_holes
        )?;
        writeln!(
            f,
            "  sent again    windows {}, documents that were there {}",
            self.windows_again, self.there_already
        )?;
        writeln!(
            f,
            "  dead letters  {} lines, {} letters of them again",
            verdict.letters, verdict.letters_again
        )?;
        writeln!(
            f,
            "  lost {}, doubled {}, altered {}, misjudged {}",
            verdict.lost.len(),
            verdict.doubled.len(),
            verdict.altered.len(),
            verdict.misjudged.len()
        )?;
        write!(f, "{}", verdict.tell())
    }
}

impl Outcome {
    /// Every line exactly once, in its place.
    #[track_caller]
    pub(crate) fn check(self) {
        println!("{self}");
        let good = self.verdict.is_good() && self.broken == [0, 0, 0] && self.deaths.is_empty();
        assert!(
            good,
            "{self}senders that came to no end, broken items, counts that do not add up: {:?}\ndeaths: {}\n\
             ALCES_TORTURE_SEED={} tries it again; the collector said at last:\n{}",
            self.broken,
            self.deaths.join("\n"),
            self.storm.seed,
            self.said
        );
    }
}

//! `alces dlq retry`.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alces_agent::cli::shutdown_signal;
use alces_collector::{Outcome, Plan, PlanOptions, Resender, Settings, cli::read_sources};
use alces_conf::{Escapes, Source};
use alces_dlq::{Action, Identity, Picked, Queue};
use anyhow::Context as _;
use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    args::RetryArgs,
    select::Selected,
    text::{count, plain},
};
use crate::{
    keystore,
    roles::{Environment, clock},
};

/// One request has so many letters or bytes at most.
const LETTERS: usize = 1000;
const BYTES: usize = 5 << 20;
/// Taking letters out copies the others: not after each request, but after so many bytes.
const TAKE_OUT_BYTES: u64 = 64 << 20;
/// Letters that a busy OpenSearch does not take are sent so often again, after these waits.
const WAITS: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// False where letters are left that were to be sent.
pub(crate) async fn run(
    args: RetryArgs,
    data: PathBuf,
    queues: Vec<Queue>,
    env: Environment,
) -> anyhow::Result<bool> {
    let selected = Selected::new(&args.select, Timestamp::now())?;
    let mut all_taken = true;
    for queue in queues {
        all_taken &= if args.through.is_empty() {
            resend(&args, &queue, &selected).await?
        } else {
            through(&args, &data, queue, &selected, env).await?
        };
    }
    Ok(all_taken)
}

async fn through(
    args: &RetryArgs,
    data: &Path,
    queue: Queue,
    selected: &Selected,
    env: Environment,
) -> anyhow::Result<bool> {
    let secrets = keystore::find(args.keystore.as_deref(), None, env)?;
    let variables =
        |name: &str| secrets.as_ref().and_then(|s| s.get(name).map(str::to_owned)).or_else(|| env(name));
    let mut sources = read_sources(&args.through).map_err(anyhow::Error::msg)?;
    // A pipeline for letters alone may have no input; one that it has does not run.
    sources.push(Source::new("retry", "input { generator { count => 1 } }"));
    let options = PlanOptions { ecs: args.ecs.into(), escapes: Escapes::Off };
    let plan = Plan::compile(&sources, &variables, options, &clock())?;
    let mut settings = Settings::new(data.to_owned());
    settings.id = queue.pipeline();
    let name = plain(&queue.pipeline());
    let selected = selected.clone();
    let pick = Arc::new(move |entry: &alces_dlq::Entry<'_>| selected.takes(entry));
    let (taken, refused) =
        alces_collector::through(plan, settings, clock(), queue, pick, shutdown_signal()).await?;
    println!("{name}: {} through the pipeline, {refused} refused again", count(taken, "letter"));
    Ok(refused == 0)
}

/// What became of the letters of one queue.
#[derive(Default)]
struct Tally {
    taken: u64,
    refused: u64,
    later: u64,
    /// Never meant for an index, or nobody knows where.
    homeless: u64,
    /// Each said once.
    said: HashSet<String>,
}

/// Letters on their way, and those that are to leave the queue.
struct Sending<'a> {
    args: &'a RetryArgs,
    queue: &'a Queue,
    login: Option<(String, String)>,
    resenders: HashMap<Vec<String>, Resender>,
    tally: Tally,
    taken: Picked,
    taken_bytes: u64,
}

async fn resend(args: &RetryArgs, queue: &Queue, selected: &Selected) -> anyhow::Result<bool> {
    let mut sending = Sending {
        args,
        queue,
        login: args.user.clone().zip(args.password.clone()),
        resenders: HashMap::new(),
        tally: Tally::default(),
        taken: Picked::default(),
        taken_bytes: 0,
    };
    let sent = tokio::select! {
        biased;
        sent = sending.all(selected) => sent,
        () = shutdown_signal() => Err(anyhow::anyhow!("interrupted: what was not sent stays")),
    };
    // Whatever happened, what is taken leaves the queue.
    let cleared = sending.take_out();
    let tally = &sending.tally;
    let name = plain(&queue.pipeline());
    println!(
        "{name}: {} taken, {} refused again, {} not taken now",
        count(tally.taken, "letter"),
        tally.refused,
        tally.later
    );
    if tally.homeless > 0 {
        eprintln!(
            "{name}: {} left: those of conditions and of other outputs were not meant for an index (--through CONF), those of versions before 0.2 do not say where they were sent (--to URL)",
            count(tally.homeless, "letter")
        );
    }
    sent?;
    cleared?;
    Ok(tally.refused + tally.later + tally.homeless == 0)
}

/// A letter that is to be sent.
struct Sent {
    identity: Identity,
    bytes: u64,
    letter: (Action, String),
}

impl Sending<'_> {
    async fn all(&mut self, selected: &Selected) -> anyhow::Result<()> {
        let Some(mut lines) = self.queue.lines().with_context(|| self.queue.path().display().to_string())?
        else {
            return Ok(());
        };
        let (mut batch, mut bytes, mut hosts) = (Vec::new(), 0, Vec::new());
        while let Some(line) = lines.next()? {
            let Some(entry) = line.entry().filter(|entry| selected.takes(entry)) else { continue };
            let to = if self.args.to.is_empty() { &entry.hosts } else { &self.args.to };
            let (Some(action), false) = (entry.action(), to.is_empty()) else {
                self.tally.homeless += 1;
                continue;
            };
            if !batch.is_empty() && (*to != hosts || batch.len() >= LETTERS || bytes >= BYTES) {
                self.send(&hosts, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            if *to != hosts {
                hosts = to.clone();
            }
            bytes += line.bytes.len();
            batch.push(Sent {
                identity: Identity::of(line.bytes),
                bytes: line.end - line.start,
                letter: (action, entry.document().to_owned()),
            });
        }
        self.send(&hosts, batch).await
    }

    async fn send(&mut self, hosts: &[String], mut batch: Vec<Sent>) -> anyhow::Result<()> {
        let mut waits = WAITS.into_iter();
        while !batch.is_empty() {
            let (places, letters): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|sent| ((sent.identity, sent.bytes), sent.letter)).unzip();
            let outcomes = self.resender(hosts)?.send(&letters).await;
            let outcomes = outcomes.map_err(|reason| anyhow::anyhow!("{}: {reason}", hosts.join(", ")))?;
            let mut again = Vec::new();
            for (((identity, bytes), letter), outcome) in places.into_iter().zip(letters).zip(outcomes) {
                match outcome {
                    Outcome::Taken => {
                        self.tally.taken += 1;
                        self.taken.add(identity);
                        self.taken_bytes += bytes;
                    }
                    Outcome::Refused { status, reason } => {
                        self.tally.refused += 1;
                        self.tally.say(status, &reason);
                    }
                    Outcome::Later { status, reason } => {
                        self.tally.say(status, &reason);
                        again.push(Sent { identity, bytes, letter });
                    }
                }
            }
            if self.taken_bytes >= TAKE_OUT_BYTES {
                self.take_out()?;
            }
            let Some(wait) = waits.next().filter(|_| !again.is_empty()) else {
                self.tally.later += again.len() as u64;
                return Ok(());
            };
            sleep(wait).await;
            batch = again;
        }
        Ok(())
    }

    fn resender(&mut self, hosts: &[String]) -> anyhow::Result<&Resender> {
        if !self.resenders.contains_key(hosts) {
            let resender = Resender::new(hosts, self.login.as_ref(), self.args.cacert.as_deref())?;
            self.resenders.insert(hosts.to_owned(), resender);
        }
        self.resenders.get(hosts).context("no such host")
    }

    fn take_out(&mut self) -> anyhow::Result<()> {
        let removed: io::Result<_> = self.queue.take_out(&self.taken);
        removed.with_context(|| {
            format!(
                "{}: what was taken stays, and may be sent again without harm",
                self.queue.path().display()
            )
        })?;
        (self.taken, self.taken_bytes) = (Picked::default(), 0);
        Ok(())
    }
}

impl Tally {
    /// Says why letters are not taken: each kind of reason once, and not too many.
    fn say(&mut self, status: u16, reason: &str) {
        const MOST: usize = 20;
        let kind = super::text::kind(reason);
        if self.said.len() < MOST && self.said.insert(kind) {
            eprintln!("{status}: {}", plain(reason));
        }
    }
}

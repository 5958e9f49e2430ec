//! `file`: lines of files, followed (`tail`) or read to their end once (`read`); logstash-input-file 4.4.
//!
//! An offset moves when the events before it are delivered, and not when they are read, as in Logstash: so a collector that is killed
//! loses no line, and reads again what was under way.
//!
//! Files are known by device and inode, as Logstash knows them. Our agent knows more of them (what they begin with), unpacks rotated ones
//! and is told by the system which were written to; its tail is made around its own batches and registry, so that this is a simple one of
//! its own. Who follows a machine's logs takes the agent.

mod completed;
mod duration;
mod find;
mod look;
mod options;
mod sincedb;
#[cfg(test)]
mod tests;
mod watched;

use std::{collections::VecDeque, fmt, path::PathBuf, sync::Arc};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value};
use alces_filters::{Clock, Context, EcsMode};
use alces_plugin::host::host_name;
use futures_util::{FutureExt as _, future::BoxFuture};

use self::{
    look::{Found, Mark, PathText, Work},
    options::{Cut, Plan},
    watched::Content,
};
use tracing::error;

use super::{Bound, Decoration, Input, Intake, Site, field, lines, peer::Peer};
use crate::{
    CollectorError,
    batch::{Batch, Delivered},
};

/// Blocks that may be under way.
const UNDER_WAY: usize = 8;

/// A checked `file { … }`.
#[derive(Clone)]
pub(crate) struct FilePlan {
    plan: Arc<Plan>,
    /// Where the offsets are kept, once that is known.
    sincedb: PathBuf,
    clock: Clock,
    decoration: Decoration,
    /// What all events have: the machine's name.
    host: Peer,
    path: [FieldRef; 2],
}

impl fmt::Debug for FilePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilePlan").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl FilePlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context);
        let plan = Plan::read(context, options, &decoration);
        let (host, path) = match decoration.ecs() {
            EcsMode::V8 => ("[host][name]", "[log][file][path]"),
            EcsMode::Disabled => ("host", "path"),
        };
        let mut peer = Peer::default();
        if let Some(name) = host_name(context) {
            // Kept for the life of the process, so that no event copies it; a pipeline is read seldom.
            let name = Value::from_static(Box::leak(name.into_boxed_str()));
            peer.add(&field("[@metadata][host]"), name.clone());
            peer.add(&field(host), name);
        }
        let decoration = if plan.cut.codec.is_some() { decoration.without_original() } else { decoration };
        Self {
            plan,
            sincedb: PathBuf::new(),
            clock: context.clock.clone(),
            decoration,
            host: peer,
            path: [field("[@metadata][path]"), field(path)],
        }
    }

    /// The events of a block.
    fn batch(&self, content: Content, path: PathText, intake: &Intake) -> (Batch, Delivered) {
        let path = match path {
            PathText::Kept(path) => Value::from_static(path),
            PathText::Own(path) => Value::from(path),
        };
        let mut peer = self.host.clone();
        self.path.iter().for_each(|field| peer.add(field, path.clone()));
        let decoration = self.decoration.clone();
        match content {
            Content::Lines(block) => {
                let (len, lines) = lines::events(block, intake);
                Batch::new(
                    len,
                    lines.map(move |mut event| {
                        decoration.apply_to_line(&mut event);
                        peer.apply(&mut event);
                        event
                    }),
                )
            }
            Content::Events(events) => {
                let finish = move |mut event: Event| {
                    peer.apply(&mut event);
                    decoration.apply(&mut event);
                    event
                };
                Batch::new(events.len(), events.into_iter().map(finish))
            }
        }
    }

    async fn run(self, intake: Intake) {
        // The offsets as they are now: until here an input that this one replaces may have moved them.
        let mut work = match Work::open(&self.plan, &self.sincedb, (self.clock)()) {
            Ok(work) => work,
            Err(problem) => {
                return error!(%problem, sincedb = %self.sincedb.display(), "the offsets cannot be read: nothing is read");
            }
        };
        let mut stop = intake.stop.clone();
        let mut under_way: VecDeque<(Mark, Delivered)> = VecDeque::new();
        while !*stop.borrow() {
            let now = (intake.clock)();
            let stepped = tokio::task::spawn_blocking(move || {
                work.save(false);
                let found = work.step(now);
                (work, found)
            });
            let Ok((back, found)) = stepped.await else {
                return error!("reading files failed: nothing more is read");
            };
            work = back;
            let idle = found.is_none();
            if let Some(Found { content, mark, path }) = found {
                let (batch, delivered) = self.batch(content, path, &intake);
                under_way.push_back((mark, delivered));
                if intake.out.send(batch).await.is_err() {
                    break;
                }
            }
            // What is delivered by now; where too much is under way or nothing is to be read, the next of it is waited for.
            let mut waits = under_way.len() > UNDER_WAY;
            if idle {
                if under_way.is_empty() && work.is_finished() {
                    break;
                }
                let next = async {
                    match under_way.front_mut() {
                        Some((_, delivered)) => delivered.await.is_ok(),
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    done = next => settle(&mut work, under_way.pop_front(), done, &intake),
                    () = tokio::time::sleep(self.plan.stat_interval) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
            while let Some((_, delivered)) = under_way.front_mut() {
                let done = if waits { Some(delivered.await) } else { delivered.now_or_never() };
                let Some(done) = done else { break };
                settle(&mut work, under_way.pop_front(), done.is_ok(), &intake);
                waits = under_way.len() > UNDER_WAY;
            }
        }
        while let Some((_, delivered)) = under_way.front_mut() {
            let done = delivered.await.is_ok();
            settle(&mut work, under_way.pop_front(), done, &intake);
        }
        let _ = tokio::task::spawn_blocking(move || work.save(true)).await;
    }
}

/// Says what came of the oldest block that was under way.
fn settle(work: &mut Work, block: Option<(Mark, Delivered)>, done: bool, intake: &Intake) {
    match block {
        Some((mark, _)) if done => work.delivered(mark, (intake.clock)()),
        Some((mark, _)) => work.failed(mark),
        None => {}
    }
}

impl Input for FilePlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let sincedb = self.plan.sincedb.path(site);
        let input = Self { sincedb: sincedb.clone(), ..self.clone() };
        // Opened to see that it can be.
        let bound = Work::open(&self.plan, &sincedb, (self.clock)())
            .map(|_| Bound::new(|intake| input.run(intake)))
            .map_err(|source| CollectorError::Sincedb { path: sincedb, source });
        Box::pin(std::future::ready(bound))
    }
}

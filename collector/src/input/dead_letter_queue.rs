//! `dead_letter_queue`: dead letters of a pipeline as events of another one (logstash-input-dead_letter_queue 2.0).
//!
//! Each event has the metadata that it had, and in `[@metadata][dead_letter_queue]` why it was refused: `reason`, `plugin_type`, `plugin_id`,
//! `entry_time`. Its `[@metadata][_id]` is the id that it was sent with, so that an output that is given letters twice indexes them once.
//! What was read counts as read when it is delivered. A pipeline that reads its own letters, and has them refused again, never ends.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use alces_conf::Options;
use alces_dlq::{Identity, Picked, Position, Queue};
use alces_event::{Event, Timestamp, parse_timestamp};
use alces_filters::Context;
use futures_util::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::{Bound, Decoration, Input, Intake, Site};
use crate::{
    CollectorError,
    batch::Batch,
    letters::{self, BYTES, LETTERS},
};

/// How often new letters are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Taking letters out copies the others: at the end of the queue, and after so many bytes.
const CLEAN_BYTES: u64 = 64 << 20;

/// A checked `dead_letter_queue { … }`.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetterQueuePlan {
    queue: Queue,
    /// Where it is written down how far letters were read; none where it is not.
    position: Option<PathBuf>,
    start: Option<Timestamp>,
    clean: bool,
    decoration: Decoration,
}

impl DeadLetterQueuePlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        options.no_effect("codec", "a letter is an event already");
        let path = options.text("path");
        if path.is_none() && !options.is_given("path") {
            options.error_here(
                "dead_letter_queue wants `path => \"…\"`: the folder `dead_letter_queue` of a collector's data folder",
            );
        }
        options.differs(
            "path",
            "the queues of Alces, one file a pipeline; Logstash's own segments are not read",
        );
        let pipeline = options.text("pipeline_id").map_or("main".to_owned(), |id| id.node);
        let commit = options.boolean("commit_offsets").unwrap_or(true);
        let clean = options.boolean("clean_consumed").unwrap_or(false);
        if clean && !commit {
            options.error_here("`clean_consumed` wants `commit_offsets => true`");
        }
        let start = options.text("start_timestamp").and_then(|text| {
            let time = parse_timestamp(&text.node);
            if time.is_none() {
                options.error(&text.span, "`start_timestamp` wants a time such as 2026-01-31T00:00:00Z");
            }
            time
        });
        let folder = path.map_or_else(PathBuf::new, |path| PathBuf::from(path.node));
        let queue = Queue::in_folder(&folder, &pipeline);
        let given = options.text("sincedb_path").map(|path| PathBuf::from(path.node));
        options.differs(
            "sincedb_path",
            "a file, by default `.sincedb_` and the pipeline's name beside the queue; in a format of our own",
        );
        let beside = folder.join(format!(".sincedb_{}", queue.pipeline()));
        Self { queue, position: commit.then(|| given.unwrap_or(beside)), start, clean, decoration }
    }

    async fn run(self, intake: Intake) {
        let Some(mut reader) = Reader::new(self) else { return };
        let mut stop = intake.stop.clone();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                _ = look.tick() => {}
            }
            loop {
                let now = (intake.clock)();
                // Disks are slow.
                let reading = tokio::task::spawn_blocking(move || {
                    let read = reader.read(now);
                    (reader, read)
                });
                let Ok((back, read)) = reading.await else { return };
                reader = back;
                let Some(read) = read else { break };
                intake.stats.undecodable.add(read.damaged);
                if !read.events.is_empty() {
                    let decoration = reader.plan.decoration.clone();
                    let decorated = move |mut event| {
                        decoration.apply(&mut event);
                        event
                    };
                    let (batch, delivered) =
                        Batch::new(read.events.len(), read.events.into_iter().map(decorated));
                    if intake.out.send(batch).await.is_err() || delivered.await.is_err() {
                        return;
                    }
                }
                let writing = tokio::task::spawn_blocking(move || {
                    reader.delivered(read.position, &read.lines);
                    reader
                });
                let Ok(back) = writing.await else { return };
                reader = back;
                if *intake.stop.borrow() {
                    return;
                }
            }
        }
    }
}

impl Input for DeadLetterQueuePlan {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let plan = self.clone();
        Box::pin(std::future::ready(Ok(Bound::new(|intake| plan.run(intake)))))
    }
}

/// Letters for one batch.
struct Read {
    events: Vec<Event>,
    /// Their lines.
    lines: Vec<(Identity, u64)>,
    position: Position,
    damaged: u64,
}

/// Reads a queue.
struct Reader {
    plan: DeadLetterQueuePlan,
    position: Option<Position>,
    /// The file's number and length when it was read to its end.
    ended: Option<(u64, u64)>,
    consumed: Picked,
    consumed_bytes: u64,
    /// That it cannot be read or written has been said.
    failing: bool,
}

impl Reader {
    /// None where it is not known how far was read: nothing is lost, and nothing sent twice.
    fn new(plan: DeadLetterQueuePlan) -> Option<Self> {
        let position = match plan.position.as_deref().map(Position::load) {
            None => None,
            Some(Ok(position)) => position,
            Some(Err(problem)) => {
                let path = plan.position.as_deref().unwrap_or(Path::new(""));
                error!(path = %path.display(), %problem, "how far letters were read is not known: remove the file to read them from the beginning");
                return None;
            }
        };
        if let Some(folder) = plan.queue.path().parent() {
            let segments = folder.join(plan.queue.pipeline());
            if segments.is_dir() && !plan.queue.path().exists() {
                warn!(folder = %segments.display(), "these are segments of Logstash's own, which are not read");
            }
        }
        Some(Self {
            plan,
            position,
            ended: None,
            consumed: Picked::default(),
            consumed_bytes: 0,
            failing: false,
        })
    }

    /// The next letters; none where there are no others now.
    fn read(&mut self, now: Timestamp) -> Option<Read> {
        match self.try_read(now) {
            Ok(read) => {
                self.failing = false;
                if read.is_none() {
                    self.clean();
                }
                read
            }
            Err(problem) => {
                self.say(&problem, "the dead-letter queue cannot be read: trying again");
                None
            }
        }
    }

    fn try_read(&mut self, now: Timestamp) -> io::Result<Option<Read>> {
        let state = match std::fs::metadata(self.plan.queue.path()) {
            Ok(file) => Some((file.ino(), file.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if state.is_none() || state == self.ended {
            return Ok(None);
        }
        let Some(mut lines) = self.plan.queue.lines_behind(self.position.as_ref())? else { return Ok(None) };
        // Where it was read before, the time of the first start is past.
        let start = self.plan.start.filter(|_| self.position.is_none());
        let (mut events, mut read, mut damaged, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
        let mut position: Option<Position> = None;
        while events.len() < LETTERS && bytes < BYTES {
            let Some(line) = lines.next()? else { break };
            // A torn one gets its end with the next letter.
            if !line.is_whole {
                break;
            }
            position = Some(Position::behind(&line, position.as_ref().or(self.position.as_ref())));
            bytes += line.bytes.len();
            let entry = line.entry();
            if entry.as_ref().is_some_and(|entry| start.is_some_and(|start| entry.time < start)) {
                continue;
            }
            match entry.map(|entry| letters::event(&entry, now)) {
                Some(Ok(event)) => {
                    events.push(event);
                    read.push((Identity::of(line.bytes), line.end - line.start));
                }
                _ if line.is_empty() => {}
                _ => {
                    damaged += 1;
                    warn!(path = %self.plan.queue.path().display(), at = line.start, "a line of the dead-letter queue is damaged: it is left where it is");
                }
            }
        }
        let Some(position) = position else {
            self.ended = state;
            return Ok(None);
        };
        Ok(Some(Read { events, lines: read, position, damaged }))
    }

    /// Writes down that letters are delivered.
    fn delivered(&mut self, position: Position, lines: &[(Identity, u64)]) {
        if let Some(path) = &self.plan.position
            && let Err(problem) = position.save(path)
        {
            self.say(&problem, "how far letters were read cannot be written: they may be read again");
        }
        self.position = Some(position);
        if self.plan.clean {
            for (line, bytes) in lines {
                self.consumed.add(*line);
                self.consumed_bytes += bytes;
            }
            if self.consumed_bytes >= CLEAN_BYTES {
                self.clean();
            }
        }
    }

    fn clean(&mut self) {
        if self.consumed.is_empty() {
            return;
        }
        match self.plan.queue.take_out(&self.consumed) {
            Ok(removed) => {
                info!(letters = removed.lines, path = %self.plan.queue.path().display(), "letters that were read left the dead-letter queue");
                (self.consumed, self.consumed_bytes) = (Picked::default(), 0);
            }
            Err(problem) => self.say(&problem, "letters that were read cannot be taken out: trying again"),
        }
    }

    fn say(&mut self, problem: &io::Error, what: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            error!(path = %self.plan.queue.path().display(), %problem, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use alces_dlq::{Appender, Letter, Limits};
    use tempfile::TempDir;

    use super::super::test_support::{Running, errors};

    struct House(TempDir, Appender);

    impl House {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let queue = Appender::new(dir.path(), "main", Limits::default()).unwrap();
            Self(dir, queue)
        }

        fn append(&self, messages: &[&str]) {
            let documents: Vec<_> =
                messages.iter().map(|message| format!("{{\"message\":\"{message}\"}}")).collect();
            let letter = |document: &'static str| Letter {
                document: document.as_bytes(),
                metadata: br#"{"_id":"7"}"#,
                reason: "no".to_owned(),
                ..Letter::default()
            };
            let letters: Vec<_> =
                documents.into_iter().map(|document| letter(Box::leak(document.into_boxed_str()))).collect();
            self.1.append("opensearch", "2026-01-01T00:00:00Z".parse().unwrap(), &letters).unwrap();
        }

        async fn start(&self, options: &str) -> Running {
            let path = self.0.path().display();
            Running::start(&format!("dead_letter_queue {{ path => \"{path}/dead_letter_queue\" {options} }}"))
                .await
        }

        /// The messages of so many events.
        async fn take(running: &mut Running, count: usize) -> Vec<String> {
            let message = |event: String| {
                let value: serde_json::Value =
                    serde_json::Deserializer::from_str(&event).into_iter().next().unwrap().unwrap();
                value["message"].as_str().unwrap().to_owned()
            };
            running.take(count).await.into_iter().map(message).collect()
        }

        fn left(&self) -> usize {
            fs::read_to_string(self.1.path()).unwrap().lines().count()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn letters_come_with_their_reason_and_once() {
        let house = House::new();
        house.append(&["a", "b"]);
        let mut running = house.start("tags => again").await;
        let first = running.take(2).await;
        insta::assert_snapshot!(first[0], @r#"{"message":"a","tags":["again"]} {"_id":"7","dead_letter_queue":{"entry_time":"2026-01-01T00:00:00Z","plugin_id":"opensearch","plugin_type":"opensearch","reason":"no"}}"#);
        house.append(&["c"]);
        assert_eq!(House::take(&mut running, 1).await, ["c"]);
        running.stop().await;
        // Others took letters out meanwhile, and a crash tore one.
        let text = fs::read_to_string(house.1.path()).unwrap();
        fs::write(house.1.path(), text.split_inclusive('\n').skip(1).collect::<String>() + "to").unwrap();
        house.append(&["d"]);
        let mut running = house.start("").await;
        assert_eq!(House::take(&mut running, 1).await, ["d"]);
        assert_eq!(running.stats.undecodable.get(), 1);
        running.stop().await;
        let mut running = house.start("commit_offsets => false").await;
        assert_eq!(House::take(&mut running, 3).await, ["b", "c", "d"]);
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_delivered_is_read_again() {
        let house = House::new();
        house.append(&["a"]);
        let mut running = house.start("").await;
        drop(running.batches.recv().await.unwrap());
        running.stop().await;
        let mut running = house.start("").await;
        assert_eq!(House::take(&mut running, 1).await, ["a"]);
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn consumed_letters_leave_the_queue() {
        let house = House::new();
        house.append(&["a", "b"]);
        let mut running = house.start("clean_consumed => true").await;
        assert_eq!(House::take(&mut running, 2).await, ["a", "b"]);
        while house.left() > 0 {
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
        house.append(&["c"]);
        assert_eq!(House::take(&mut running, 1).await, ["c"]);
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn letters_from_a_time_on() {
        let house = House::new();
        house.append(&["a"]);
        let text = fs::read_to_string(house.1.path()).unwrap();
        fs::write(house.1.path(), text.replace("2026-01-01", "2025-12-31")).unwrap();
        house.append(&["b"]);
        let mut running = house.start("start_timestamp => '2026-01-01T00:00:00Z'").await;
        assert_eq!(House::take(&mut running, 1).await, ["b"]);
        running.stop().await;
    }

    #[test]
    fn what_is_wrong_is_told() {
        insta::assert_snapshot!(errors("dead_letter_queue { start_timestamp => yesterday clean_consumed => true commit_offsets => false }"), @r#"
        x.conf:1:9: dead_letter_queue wants `path => "…"`: the folder `dead_letter_queue` of a collector's data folder
          |
        1 | input { dead_letter_queue { start_timestamp => yesterday clean_consumed => true commit_offsets => false } }
          |         ^^^^^^^^^^^^^^^^^
        x.conf:1:9: `clean_consumed` wants `commit_offsets => true`
          |
        1 | input { dead_letter_queue { start_timestamp => yesterday clean_consumed => true commit_offsets => false } }
          |         ^^^^^^^^^^^^^^^^^
        x.conf:1:48: `start_timestamp` wants a time such as 2026-01-31T00:00:00Z
          |
        1 | input { dead_letter_queue { start_timestamp => yesterday clean_consumed => true commit_offsets => false } }
          |                                                ^^^^^^^^^
        "#);
    }
}

//! Dead letters as events, and once more through a pipeline.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use alces_dlq::{Entry, Identity, Picked, Queue};
use alces_event::{DecodeError, Event, FieldRef, Key, Timestamp};
use alces_filters::Clock;
use futures_util::future::BoxFuture;
use tracing::error;

use crate::{
    Collector, CollectorError, Plan, Settings,
    batch::Batch,
    input::{Bound, Input, Intake, Site},
    plan::PlannedInput,
};

/// A batch has so many letters or bytes at most.
pub(crate) const LETTERS: usize = 500;
pub(crate) const BYTES: usize = 8 << 20;

/// The event of a letter, with the metadata that it had, and why it was refused in `[@metadata][dead_letter_queue]`, as Logstash names it.
/// What it was indexed with, or would have been, is its `[@metadata][_id]`: so an output that indexes it again changes nothing.
pub(crate) fn event(entry: &Entry<'_>, now: Timestamp) -> Result<Event, DecodeError> {
    let members = entry.document().trim_start().strip_prefix('{').unwrap_or_default();
    let comma = if members.trim_start().starts_with('}') { "" } else { "," };
    let text = format!("{{\"@metadata\":{}{comma}{members}", entry.metadata());
    let (mut event, _) = Event::from_json(text.as_bytes(), now)?;
    let id = FieldRef::metadata("_id");
    if event.get(&id).is_none()
        && let Some(known) = entry.id()
    {
        event.set(&id, known.as_str());
    }
    let about = FieldRef::metadata("dead_letter_queue");
    for (name, value) in [
        ("entry_time", &*entry.time.to_string()),
        ("plugin_id", &entry.plugin),
        ("plugin_type", &entry.plugin),
        ("reason", &entry.reason),
    ] {
        event.set(&about.clone().child(Key::new(name)), value);
    }
    Ok(event)
}

/// Which letters are meant.
pub type Pick = Arc<dyn Fn(&Entry<'_>) -> bool + Send + Sync>;

/// Sends the letters of a queue that `pick` picks through a pipeline, whose own inputs do not run; those that its outputs took are taken out
/// of the queue. What is refused again is a new letter in the queue of `settings`. Ends when all letters that there were are through, or
/// `shutdown` resolves. How many were taken out and how many refused again.
///
/// # Errors
/// The pipeline cannot be started; the queue cannot be read or written.
pub async fn through(
    mut plan: Plan,
    settings: Settings,
    clock: Clock,
    queue: Queue,
    pick: Pick,
    shutdown: impl Future<Output = ()>,
) -> Result<(u64, u64), CollectorError> {
    let data_dir = settings.data_dir.clone();
    let done: Arc<Mutex<Result<u64, std::io::Error>>> = Arc::new(Mutex::new(Ok(0)));
    plan.inputs =
        vec![PlannedInput::alone("dead_letter_queue", Arc::new(Letters { queue, pick, done: done.clone() }))];
    let collector = Collector::bind(plan, settings, clock).await?;
    let stats = collector.stats();
    collector.run(shutdown).await?;
    let done = std::mem::replace(&mut *done.lock().unwrap_or_else(PoisonError::into_inner), Ok(0));
    let taken = done.map_err(|source| CollectorError::DataDir { path: data_dir, source })?;
    Ok((taken, stats.accounts().dead_lettered))
}

/// The letters that are in a queue, as an input that ends.
#[derive(Clone)]
struct Letters {
    queue: Queue,
    pick: Pick,
    done: Arc<Mutex<Result<u64, std::io::Error>>>,
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Input for Letters {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let letters = self.clone();
        let run = |intake| async move {
            let result = letters.run(&intake).await;
            *letters.done.lock().unwrap_or_else(PoisonError::into_inner) = result;
        };
        Box::pin(std::future::ready(Ok(Bound::new(run))))
    }
}

impl Letters {
    async fn run(&self, intake: &Intake) -> std::io::Result<u64> {
        let Some(mut lines) = self.queue.lines()? else { return Ok(0) };
        let (mut taken, mut ended) = (0, false);
        while !ended && !*intake.stop.borrow() {
            let (mut events, mut picked, mut bytes) = (Vec::new(), Picked::default(), 0);
            while events.len() < LETTERS && bytes < BYTES {
                let Some(line) = lines.next()? else {
                    ended = true;
                    break;
                };
                let Some(entry) = line.entry().filter(|entry| (self.pick)(entry)) else { continue };
                match event(&entry, (intake.clock)()) {
                    Ok(event) => events.push(event),
                    // It was JSON when it was kept; too deep, perhaps.
                    Err(problem) => {
                        error!(at = line.start, %problem, "a letter is no event: it stays where it is");
                        continue;
                    }
                }
                picked.add(Identity::of(line.bytes));
                bytes += line.bytes.len();
            }
            if events.is_empty() {
                continue;
            }
            let (batch, delivered) = Batch::new(events.len(), events.into_iter());
            if intake.out.send(batch).await.is_err() || delivered.await.is_err() {
                break;
            }
            taken += self.queue.take_out(&picked)?.lines;
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> String {
        let entry = Entry::read(line.as_bytes()).unwrap();
        let event = event(&entry, Timestamp::UNIX_EPOCH).unwrap();
        let mut text = Vec::new();
        event.write_json(&mut text);
        text.push(b' ');
        event.metadata().write_json(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_letter_becomes_its_event_with_its_metadata_and_the_reason() {
        let head = r#"{"time":"2026-01-01T00:00:00Z","plugin":"opensearch","key":"k","reason":"no""#;
        let check = |rest: &str| check(&format!("{head},{rest}}}"));
        insta::assert_snapshot!(
            [
                check(r#""action":{"create":{"_index":"x","_id":"7"}},"event":{"@timestamp":"2026-01-02T00:00:00Z","a":[1]},"metadata":{"b":"c"}"#),
                check(r#""event":{},"metadata":{"_id":"8"}"#),
                check(r#""event":{"a":"@metadata"}"#),
            ].join("\n"),
            @r#"
        {"@timestamp":"2026-01-02T00:00:00.000Z","a":[1],"@version":"1"} {"b":"c","_id":"7","dead_letter_queue":{"entry_time":"2026-01-01T00:00:00Z","plugin_id":"opensearch","plugin_type":"opensearch","reason":"no"}}
        {"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1"} {"_id":"8","dead_letter_queue":{"entry_time":"2026-01-01T00:00:00Z","plugin_id":"opensearch","plugin_type":"opensearch","reason":"no"}}
        {"@timestamp":"1970-01-01T00:00:00.000Z","a":"@metadata","@version":"1"} {"_id":"k","dead_letter_queue":{"entry_time":"2026-01-01T00:00:00Z","plugin_id":"opensearch","plugin_type":"opensearch","reason":"no"}}
        "#
        );
    }
}

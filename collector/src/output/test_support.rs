//! An output alone: its options, its events, and what became of them.

use std::sync::Arc;

use alces_conf::{Escapes, Options, Plugin, Source, Statement, parse};
use alces_dlq::Limits;
use alces_event::{Event, Timestamp};
use alces_filters::{Context, Disk, EcsMode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::{Fates, Outlet, Output, OutputPlan, Undelivered, opensearch::OpenSearchPlan};
use crate::dlq::DeadLetterQueue;

/// What is read of an output's text, as it stands in a pipeline.
fn read<T>(output: &str, read: impl FnOnce(&Context<'_>, &Plugin) -> T) -> T {
    let source = Source::new("x.conf", &format!("output {{ {output} }}"));
    let config = parse(&source, Escapes::Off).unwrap();
    let Statement::Plugin(plugin) = &config.sections[0].body[0] else { panic!("a plugin") };
    let context = Context {
        source: &source,
        env: &|_| None,
        ecs: EcsMode::V8,
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        files: &Disk,
    };
    read(&context, plugin)
}

/// A checked output, or what is wrong with it.
pub(crate) fn compile(output: &str) -> Result<OutputPlan, String> {
    match read(output, OutputPlan::compile) {
        (Some(plan), errors) if errors.is_empty() => Ok(plan),
        (_, errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The checked options of an output of OpenSearch, or the first thing that is wrong with them.
pub(crate) fn open_search(output: &str) -> Result<OpenSearchPlan, String> {
    read(output, |context, plugin| {
        let mut options = Options::new(context.source, context.env, plugin);
        let plan = OpenSearchPlan::compile(context, &mut options);
        options.finish().first().map_or(Ok(plan), |error| Err(error.to_string()))
    })
}

/// What is wrong with an output.
pub(crate) fn errors(output: &str) -> String {
    compile(output).err().unwrap_or_default()
}

/// An output in a world of its own.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) outlet: Outlet,
    pub(crate) give_up: watch::Sender<bool>,
}

impl House {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (give_up, giving_up) = watch::channel(false);
        let outlet = Outlet {
            stats: Arc::default(),
            clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            bus: crate::Bus::default(),
            dlq: DeadLetterQueue::new(dir.path(), "main", Limits::default()).unwrap(),
            give_up: giving_up,
        };
        Self { dir, outlet, give_up }
    }

    /// Opens an output; `DIR` stands for the house's folder.
    pub(crate) fn open(&self, output: &str) -> Output {
        let place = self.dir.path().display().to_string();
        compile(&output.replace("DIR", &place)).unwrap().open(&self.outlet).unwrap()
    }

    /// A file of the folder.
    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(file)).unwrap_or_else(|error| error.to_string())
    }

    /// The dead letters.
    pub(crate) fn letters(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.outlet.dlq.path()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Events as one batch, on their way.
pub(crate) fn sent<'o>(
    output: &'o Output,
    events: &[&str],
) -> impl Future<Output = Result<Fates, Undelivered>> + use<'o> {
    let mut pending = output.pending();
    for (number, event) in (0..).zip(events) {
        pending.add(&Event::from_json(event.as_bytes(), Timestamp::UNIX_EPOCH).unwrap().0, number);
    }
    pending.send()
}

/// Sends events as one batch.
pub(crate) async fn send(output: &Output, events: &[&str]) {
    sent(output, events).await.unwrap();
}

//! Where events go.

mod null;
mod opensearch;
mod stdout;

use std::sync::Arc;

use alces_conf::{Diagnostic, Options, Plugin, unknown_plugin};
use alces_event::Event;
use alces_filters::{Clock, Context};
use tokio::sync::watch;

use crate::{CollectorError, Stats, dlq::DeadLetterQueue};
use null::NullPlan;
use opensearch::{Encoded, OpenSearchOutput, OpenSearchPlan};
use stdout::{StdoutPlan, Written};

/// Reads an output's options; what is wrong is recorded in them.
type Compile = fn(&Context<'_>, &mut Options<'_>) -> Option<OutputPlan>;

/// All outputs, in the order of their names.
pub(crate) const OUTPUTS: &[(&str, Compile)] = &[
    ("elasticsearch", opensearch),
    ("null", |context, options| Some(OutputPlan::Null(NullPlan::compile(context, options)))),
    ("opensearch", opensearch),
    ("stdout", |context, options| StdoutPlan::compile(context, options).map(OutputPlan::Stdout)),
];

fn opensearch(context: &Context<'_>, options: &mut Options<'_>) -> Option<OutputPlan> {
    Some(OutputPlan::OpenSearch(Box::new(OpenSearchPlan::compile(context, options))))
}

/// A checked output.
#[derive(Clone, Debug)]
pub(crate) enum OutputPlan {
    OpenSearch(Box<OpenSearchPlan>),
    Stdout(StdoutPlan),
    Null(NullPlan),
}

/// What outputs need of the world.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    pub(crate) dlq: DeadLetterQueue,
    /// Turns true when the collector's time to drain is over: what is not delivered then stays unacknowledged.
    pub(crate) give_up: watch::Receiver<bool>,
}

/// A running output.
pub(crate) enum Output {
    OpenSearch(Box<OpenSearchOutput>),
    Stdout(StdoutPlan),
    Null(NullPlan),
}

/// The collector stopped before the output had all events.
#[derive(Debug)]
pub(crate) struct Undelivered;

impl OutputPlan {
    pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Option<Self>, Vec<Diagnostic>) {
        let name = plugin.name.node.as_str();
        let Some((_, compile)) = OUTPUTS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = OUTPUTS.iter().map(|(name, _)| *name).collect();
            return (None, vec![unknown_plugin(context.source, "output", &plugin.name, &known)]);
        };
        let mut options = Options::new(context.source, context.env, plugin);
        let plan = compile(context, &mut options);
        (plan, options.finish())
    }

    pub(crate) fn open(self, outlet: &Outlet) -> Result<Output, CollectorError> {
        Ok(match self {
            Self::OpenSearch(plan) => Output::OpenSearch(Box::new(plan.open(outlet.clone())?)),
            Self::Stdout(plan) => Output::Stdout(plan),
            Self::Null(plan) => Output::Null(plan),
        })
    }
}

/// The options that every output has.
fn common(options: &mut Options<'_>) {
    options.text("id");
    options.no_effect("enable_metric", "every plugin is measured");
    options.no_effect("workers", "requests run at once anyway");
}

/// What an output is to send: events as it writes them.
#[derive(Debug)]
pub(crate) enum Pending {
    Bulk(Encoded),
    Text(Written),
}

impl Output {
    /// Nothing to be sent yet.
    pub(crate) fn pending(&self) -> Pending {
        match self {
            Self::OpenSearch(output) => Pending::Bulk(output.pending()),
            Self::Null(output) => Pending::Bulk(output.pending()),
            Self::Stdout(_) => Pending::Text(Written::default()),
        }
    }

    /// Appends an event to what is to be sent.
    pub(crate) fn encode(&self, event: &Event, to: &mut Pending) {
        match (self, to) {
            (Self::OpenSearch(output), Pending::Bulk(to)) => output.encode(event, to),
            (Self::Null(output), Pending::Bulk(to)) => output.encode(event, to),
            (Self::Stdout(output), Pending::Text(to)) => output.encode(event, to),
            // Each output is given what it made itself.
            _ => {}
        }
    }

    /// Returns when the output has every event, or has put it into the dead-letter queue.
    pub(crate) async fn send(&self, pending: Pending) -> Result<(), Undelivered> {
        match (self, pending) {
            (Self::OpenSearch(output), Pending::Bulk(encoded)) => output.send(encoded).await,
            (Self::Null(output), Pending::Bulk(encoded)) => {
                output.forget(encoded);
                Ok(())
            }
            (Self::Stdout(output), Pending::Text(text)) if !text.is_empty() => {
                output.write(&text);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

//! Where events go. A new output is one file, with a [`Plan`] and a [`Sink`], and one line in [`OUTPUTS`].

mod file;
mod http;
mod null;
mod opensearch;
mod outlet;
mod pipeline;
mod sink;
mod stdout;
mod tcp;
#[cfg(test)]
mod test_support;
mod tls;
mod udp;

use std::{fmt, net::IpAddr, sync::Arc};

use alces_codec::Encoder;
use alces_conf::{Diagnostic, Options, Plugin, unknown_plugin};
use alces_filters::{Context, Label};
use tracing::warn;

use crate::{CollectorError, overflow::Identity};
pub use opensearch::{Outcome, Resender};
pub(crate) use outlet::{Fates, Outlet, Undelivered};
pub(crate) use sink::{Output, Pending, Sink};

/// Reads an output's options; what is wrong is recorded in them.
type Compile = fn(&Context<'_>, &mut Options<'_>) -> Option<Arc<dyn Plan>>;

/// All outputs, in the order of their names.
pub(crate) const OUTPUTS: &[(&str, Compile)] = &[
    ("elasticsearch", |c, o| some(Some(opensearch::OpenSearchPlan::compile(c, o)))),
    ("file", |c, o| some(file::FilePlan::compile(c, o))),
    ("http", |c, o| some(http::HttpPlan::compile(c, o))),
    ("null", |c, o| some(Some(null::NullPlan::compile(c, o)))),
    ("opensearch", |c, o| some(Some(opensearch::OpenSearchPlan::compile(c, o)))),
    ("pipeline", |c, o| some(pipeline::PipelinePlan::compile(c, o))),
    ("stdout", |c, o| some(stdout::StdoutPlan::compile(c, o))),
    ("tcp", |c, o| some(tcp::TcpPlan::compile(c, o))),
    ("udp", |c, o| some(udp::UdpPlan::compile(c, o))),
];

/// What an output's options say, checked.
pub(crate) trait Plan: fmt::Debug + Send + Sync {
    /// Opens the output. What may come later (a peer that is away, a full disk) is no error here: it is waited for.
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError>;
}

/// A checked output.
#[derive(Clone, Debug)]
pub(crate) struct OutputPlan {
    plan: Arc<dyn Plan>,
    label: Label,
    identity: Identity,
}

/// A plan among others, where there is one.
fn some(plan: Option<impl Plan + 'static>) -> Option<Arc<dyn Plan>> {
    Some(Arc::new(plan?))
}

impl OutputPlan {
    pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Option<Self>, Vec<Diagnostic>) {
        let name = plugin.name.node.as_str();
        let Some((_, compile)) = OUTPUTS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = OUTPUTS.iter().map(|(name, _)| *name).collect();
            return (None, vec![unknown_plugin(context.source, "output", &plugin.name, &known)]);
        };
        let mut options = Options::new(context.source, context.env, plugin);
        let plan = compile(context, &mut options);
        let (label, identity) = (Label::new(context.source, plugin), Identity::of(plugin));
        (plan.map(|plan| Self { plan, label, identity }), options.finish())
    }

    /// By what its queue is known to be its own.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn open(self, outlet: &Outlet) -> Result<Output, CollectorError> {
        Ok(self.plan.open(outlet)?.labelled(self.label))
    }
}

/// The options that every output has.
fn common(options: &mut Options<'_>) {
    options.text("id");
    options.no_effect("enable_metric", "every plugin is measured");
    options.no_effect("workers", "requests run at once anyway");
}

/// Says that events go to another machine as everybody on the way can read them.
fn tell_plaintext(plugin: &str, host: &str) {
    if !is_here(host) {
        warn!(plugin, host, "events go to another machine without TLS");
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads `codec`; `default` where none is given. `None` where it is wrong, which is then recorded.
fn codec(context: &Context<'_>, options: &mut Options<'_>, default: &str) -> Option<Arc<dyn Encoder>> {
    let plugin = options.codec("codec").unwrap_or_else(|| crate::describe::bare(default));
    let (codec, errors) = alces_codec::encoder(context, &plugin);
    options.absorb(errors);
    codec.map(Arc::from)
}

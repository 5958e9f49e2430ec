//! Where events come from.

mod beats;
mod blocks;
mod bound;
mod dead_letter_queue;
mod decoded;
mod elastic_bulk;
mod file;
mod flow;
mod generator;
mod heartbeat;
mod http;
mod lines;
mod listen;
mod out;
mod peer;
mod pipeline;
mod proxy;
mod stdin;
mod stream;
mod syslog;
mod tcp;
#[cfg(test)]
mod test_support;
mod tls;
mod udp;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::{Diagnostic, Options, Plugin, unknown_plugin};
use alces_event::{Event, FieldRef, Key, Object, Part, Value};
use alces_filters::{Clock, Context, EcsMode};
use alces_plugin::{AddField, host::host_name};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use self::{
    beats::BeatsPlan, dead_letter_queue::DeadLetterQueuePlan, elastic_bulk::ElasticBulkPlan, file::FilePlan,
    generator::GeneratorPlan, heartbeat::HeartbeatPlan, http::HttpPlan, pipeline::PipelinePlan,
    stdin::StdinPlan, syslog::SyslogPlan, tcp::TcpPlan, udp::UdpPlan,
};
use crate::{CollectorError, Stats, describe::bare, pipes::Bus};

pub(crate) use bound::Bound;
pub(crate) use decoded::PART;
pub(crate) use out::Out;
pub(crate) use pipeline::Door;

/// Where inputs run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// Without TLS an input listens on this machine only, unless plain text is allowed.
    pub(crate) allow_plaintext: bool,
    /// The collector's folder.
    pub(crate) data_dir: PathBuf,
    /// The pipeline's name.
    pub(crate) pipeline: String,
}

/// A checked input. What is bound belongs to one run; the plan may be bound again.
pub(crate) trait Input: fmt::Debug + Send + Sync {
    /// Opens what it listens on.
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>>;
}

/// Reads an input's options; what is wrong is recorded in them.
type Compile = fn(&Context<'_>, &mut Options<'_>) -> Arc<dyn Input>;

/// All inputs, in the order of their names.
pub(crate) const INPUTS: &[(&str, Compile)] = &[
    ("beats", |context, options| Arc::new(BeatsPlan::compile(context, options))),
    ("dead_letter_queue", |context, options| Arc::new(DeadLetterQueuePlan::compile(context, options))),
    ("elastic_agent", |context, options| Arc::new(BeatsPlan::compile(context, options))),
    ("elastic_bulk", |context, options| Arc::new(ElasticBulkPlan::compile(context, options))),
    ("file", |context, options| Arc::new(FilePlan::compile(context, options))),
    ("generator", |context, options| Arc::new(GeneratorPlan::compile(context, options))),
    ("heartbeat", |context, options| Arc::new(HeartbeatPlan::compile(context, options))),
    ("http", |context, options| Arc::new(HttpPlan::compile(context, options))),
    ("pipeline", |context, options| Arc::new(PipelinePlan::compile(context, options))),
    ("stdin", |context, options| Arc::new(StdinPlan::compile(context, options))),
    ("syslog", |context, options| Arc::new(SyslogPlan::compile(context, options))),
    ("tcp", |context, options| Arc::new(TcpPlan::compile(context, options))),
    ("udp", |context, options| Arc::new(UdpPlan::compile(context, options))),
];

/// Checks and compiles an input.
pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Option<Arc<dyn Input>>, Vec<Diagnostic>) {
    let name = plugin.name.node.as_str();
    let Some((_, compile)) = INPUTS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = INPUTS.iter().map(|(name, _)| *name).collect();
        return (None, vec![unknown_plugin(context.source, "input", &plugin.name, &known)]);
    };
    let mut options = Options::new(context.source, context.env, plugin);
    let plan = compile(context, &mut options);
    (Some(plan), options.finish())
}

/// For the fuzzer: what inputs read before anything is an event.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    proxy::fuzz(bytes);
    elastic_bulk::fuzz(bytes);
    http::fuzz(bytes);
}

/// What every input has: its way into the pipeline, and its world.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) out: Out,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    pub(crate) bus: Bus,
    /// Turns true when the collector is told to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Reads `codec`; `None` for `default` as it is without options, which inputs read in their own, quicker way.
fn codec(
    context: &Context<'_>,
    options: &mut Options<'_>,
    framing: Framing,
    defaults: &[&str],
) -> Option<DecoderPlan> {
    let plugin = options.codec("codec")?;
    let (plan, errors) = alces_codec::decoder(context, &plugin, framing);
    options.absorb(errors);
    plan.filter(|plan| !(plugin.attributes.is_empty() && defaults.contains(&plan.name())))
}

/// Reads `codec`, where an input has its own and no quicker way for it. The codec names fields as the input does.
fn codec_or(
    context: &Context<'_>,
    options: &mut Options<'_>,
    framing: Framing,
    usual: &str,
    ecs: EcsMode,
) -> Option<DecoderPlan> {
    let plugin = options.codec("codec").unwrap_or_else(|| bare(usual));
    let (plan, errors) = alces_codec::decoder(&Context { ecs, ..context.clone() }, &plugin, framing);
    options.absorb(errors);
    plan
}

/// The field of that name.
fn field(name: &str) -> FieldRef {
    FieldRef::parse(name).unwrap_or_else(|_| FieldRef::field(name))
}

static EVENT: LazyLock<Key> = LazyLock::new(|| Key::new("event"));
static ORIGINAL: LazyLock<Key> = LazyLock::new(|| Key::new("original"));
static HOST: LazyLock<Key> = LazyLock::new(|| Key::new("host"));
static HOSTNAME: LazyLock<Key> = LazyLock::new(|| Key::new("hostname"));

/// `tags`, `type`, `add_field` and the other options that every input has.
#[derive(Clone, Debug)]
pub(crate) struct Decoration {
    add_field: AddField,
    tags: Vec<String>,
    kind: Option<String>,
    /// Where the line is kept, in ECS mode.
    original: Option<FieldRef>,
    message: FieldRef,
    /// The machine's name and its place, of inputs whose events begin here.
    host: Option<(FieldRef, &'static str)>,
    ecs: EcsMode,
}

impl Decoration {
    fn read(options: &mut Options<'_>, context: &Context<'_>) -> Self {
        options.text("id");
        options.no_effect("enable_metric", "every plugin is measured");
        let ecs = options.choice(
            "ecs_compatibility",
            &[("disabled", EcsMode::Disabled), ("v1", EcsMode::V8), ("v8", EcsMode::V8)],
        );
        let ecs = ecs.unwrap_or(context.ecs);
        Self {
            add_field: AddField::read(options),
            tags: options.texts("tags").unwrap_or_default().into_iter().map(|t| t.node).collect(),
            kind: options.text("type").map(|t| t.node),
            original: match ecs {
                EcsMode::V8 => FieldRef::parse("[event][original]").ok(),
                EcsMode::Disabled => None,
            },
            message: FieldRef::field("message"),
            host: None,
            ecs,
        }
    }

    /// Which names of fields the input uses.
    fn ecs(&self) -> EcsMode {
        self.ecs
    }

    /// For inputs that name this machine where an event names none: as `host`, in ECS mode as `[host][hostname]`.
    fn of_this_host(self, context: &Context<'_>) -> Self {
        let field = match self.ecs {
            EcsMode::V8 => field("[host][hostname]"),
            EcsMode::Disabled => field("host"),
        };
        // Kept for the life of the process, so that no event copies it; a pipeline is read seldom.
        let name = host_name(context).map(|name| &*Box::leak(name.into_boxed_str()));
        Self { host: name.map(|name| (field, name)), ..self }
    }

    /// For events of a codec, which keeps the line itself.
    fn without_original(self) -> Self {
        Self { original: None, ..self }
    }

    /// Adds what the options say; in ECS mode the line is also kept as `[event][original]`, as Logstash's plain codec does.
    fn apply(&self, event: &mut Event) {
        if let Some(original) = &self.original
            && let Some(line) =
                event.part(&self.message).map(Part::value).or_else(|| own_text(event, &self.message))
            && let Some((place, false)) = event.place(original)
        {
            *place = line;
        }
        self.apply_rest(event);
        self.name_host(event);
    }

    fn name_host(&self, event: &mut Event) {
        if let Some((field, name)) = &self.host
            && event.can_set(field)
            && let Some((place, false)) = event.place(field)
        {
            *place = Value::from_static(name);
        }
    }

    /// The same for an event that has nothing but its line: what is set is not looked for.
    fn apply_to_line(&self, event: &mut Event) {
        if self.original.is_some()
            && let Some(line) = event.part(&self.message)
        {
            let mut object = Object::with_capacity(1);
            object.push_with(ORIGINAL.clone(), || line.value());
            event.fields_mut().push_with(EVENT.clone(), || Value::from(object));
        }
        self.apply_rest(event);
        match self.host {
            Some((_, name)) if event.fields().at(&HOST).is_none() => {
                let fields = event.fields_mut();
                if self.ecs == EcsMode::V8 {
                    let mut object = Object::with_capacity(1);
                    object.push_with(HOSTNAME.clone(), || Value::from_static(name));
                    fields.push_with(HOST.clone(), || Value::from(object));
                } else {
                    fields.push_with(HOST.clone(), || Value::from_static(name));
                }
            }
            // `add_field` may have named another.
            _ => self.name_host(event),
        }
    }

    fn apply_rest(&self, event: &mut Event) {
        self.add_field.apply(event);
        for tag in &self.tags {
            event.tag(tag);
        }
        if let Some(name) = &self.kind
            && event.fields().get("type").is_none()
        {
            event.set(&FieldRef::field("type"), name.as_str());
        }
    }
}

/// A text that is no part of the event's line, copied.
fn own_text(event: &Event, field: &FieldRef) -> Option<Value> {
    event.text(field).map(Value::from)
}

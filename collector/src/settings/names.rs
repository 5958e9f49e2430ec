//! Logstash's names for settings, and what each does here.

use alces_conf::{Support, closest};

/// A value that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Workers,
    Ordered,
    Ecs,
    Escapes,
    Reload,
    Config,
    String,
    Data,
    Api,
    ApiHost,
    ApiPort,
    QueueType,
    QueueFolder,
    QueueBytes,
    QueueDrain,
    LettersBytes,
    LettersPolicy,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    Is(Kind),
    /// It is read, and why it does nothing.
    NoEffect(&'static str),
    /// It is an error; what to do instead.
    Unsupported(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    name: &'static str,
    /// Whether a pipeline may have its own.
    of_pipeline: bool,
    pub(super) meaning: Meaning,
}

const fn setting(name: &'static str, of_pipeline: bool, meaning: Meaning) -> Setting {
    Setting { name, of_pipeline, meaning }
}

const SYNCED: &str = "what is acknowledged is synced first, many batches at once; segments have 16 MiB";
const WINDOWS: &str = "windows of senders go through whole and are joined to larger requests";
const LETTERS: &str =
    "the dead-letter queue is always on, in the folder `dead_letter_queue` of the data folder";
const JVM: &str = "there is no JVM";

/// In the order of Logstash's reference.
const SETTINGS: &[Setting] = &[
    setting("node.name", false, Meaning::NoEffect("nothing shows the name yet")),
    setting("path.data", false, Meaning::Is(Kind::Data)),
    setting("pipeline.id", true, Meaning::Is(Kind::Id)),
    setting("pipeline.workers", true, Meaning::Is(Kind::Workers)),
    setting("pipeline.batch.size", true, Meaning::NoEffect(WINDOWS)),
    setting("pipeline.batch.delay", true, Meaning::NoEffect(WINDOWS)),
    setting("pipeline.batch.output_chunking.growth_threshold_factor", true, Meaning::NoEffect(WINDOWS)),
    setting(
        "pipeline.unsafe_shutdown",
        true,
        Meaning::NoEffect(
            "at shutdown what is under way is delivered for ten seconds; the rest stays unacknowledged",
        ),
    ),
    setting("pipeline.plugin_classloaders", true, Meaning::NoEffect(JVM)),
    setting("pipeline.ordered", true, Meaning::Is(Kind::Ordered)),
    setting("pipeline.ecs_compatibility", true, Meaning::Is(Kind::Ecs)),
    setting("pipeline.separate_logs", true, Meaning::NoEffect("all pipelines log to standard error")),
    setting("pipeline.buffer.type", true, Meaning::NoEffect(JVM)),
    setting("path.config", true, Meaning::Is(Kind::Config)),
    setting("config.string", true, Meaning::Is(Kind::String)),
    setting("config.test_and_exit", false, Meaning::Unsupported("use `alces check`")),
    setting("config.reload.automatic", true, Meaning::Is(Kind::Reload)),
    setting(
        "config.reload.interval",
        true,
        Meaning::NoEffect("the system tells of changes when they happen"),
    ),
    setting("config.debug", true, Meaning::NoEffect("`ALCES_LOG=debug` says more")),
    setting("config.support_escapes", true, Meaning::Is(Kind::Escapes)),
    setting(
        "config.field_reference.escape_style",
        true,
        Meaning::Unsupported("write the field's name as it is"),
    ),
    setting("queue.type", true, Meaning::Is(Kind::QueueType)),
    setting("path.queue", false, Meaning::Is(Kind::QueueFolder)),
    setting("queue.page_capacity", true, Meaning::NoEffect(SYNCED)),
    setting("queue.max_events", true, Meaning::Unsupported("`queue.max_bytes` bounds the queue")),
    setting("queue.max_bytes", true, Meaning::Is(Kind::QueueBytes)),
    setting("queue.checkpoint.acks", true, Meaning::NoEffect(SYNCED)),
    setting("queue.checkpoint.writes", true, Meaning::NoEffect(SYNCED)),
    setting("queue.checkpoint.interval", true, Meaning::NoEffect(SYNCED)),
    setting("queue.checkpoint.retry", true, Meaning::NoEffect(SYNCED)),
    setting("queue.drain", true, Meaning::Is(Kind::QueueDrain)),
    setting("queue.compression", true, Meaning::NoEffect("it is always packed with zstd")),
    setting("dead_letter_queue.enable", true, Meaning::NoEffect(LETTERS)),
    setting("dead_letter_queue.max_bytes", true, Meaning::Is(Kind::LettersBytes)),
    setting(
        "dead_letter_queue.flush_interval",
        true,
        Meaning::NoEffect("a letter is on disk before its event counts as kept"),
    ),
    setting("dead_letter_queue.storage_policy", true, Meaning::Is(Kind::LettersPolicy)),
    setting(
        "dead_letter_queue.retain.age",
        true,
        Meaning::NoEffect("`alces dlq drop --older-than 7d` drops what is old"),
    ),
    setting("path.dead_letter_queue", false, Meaning::NoEffect(LETTERS)),
    setting("api.enabled", false, Meaning::Is(Kind::Api)),
    setting("api.environment", false, Meaning::NoEffect("nothing shows it yet")),
    setting("api.http.host", false, Meaning::Is(Kind::ApiHost)),
    setting("api.http.port", false, Meaning::Is(Kind::ApiPort)),
    setting(
        "api.ssl.enabled",
        false,
        Meaning::Unsupported("the monitoring API is on loopback; put a proxy with TLS before it"),
    ),
    setting(
        "api.auth.type",
        false,
        Meaning::Unsupported("the monitoring API is on loopback; put a proxy with a login before it"),
    ),
    setting("log.level", false, Meaning::NoEffect("the environment's ALCES_LOG says what is logged")),
    setting("log.format", false, Meaning::NoEffect("logs are lines of text on standard error")),
    setting(
        "log.format.json.fix_duplicate_message_fields",
        false,
        Meaning::NoEffect("logs are lines of text on standard error"),
    ),
    setting("path.logs", false, Meaning::NoEffect("logs go to standard error, which systemd keeps")),
    setting("path.plugins", false, Meaning::Unsupported("Ruby plugins cannot be loaded")),
    setting("allow_superuser", false, Meaning::NoEffect("nothing here runs code of a pipeline")),
    setting(
        "xpack.monitoring.enabled",
        false,
        Meaning::NoEffect("read the monitoring API, or /metrics with Prometheus"),
    ),
    setting(
        "xpack.monitoring.elasticsearch.hosts",
        false,
        Meaning::NoEffect("read the monitoring API, or /metrics with Prometheus"),
    ),
    setting("xpack.management.enabled", false, Meaning::Unsupported("pipelines are read from files")),
];

/// The names of all settings, whether a pipeline may have its own, and what they do here, for documents.
pub fn describe_settings() -> Vec<(&'static str, bool, Support)> {
    let support = |meaning| match meaning {
        Meaning::Is(_) => Support::Full,
        Meaning::NoEffect(why) => Support::NoEffect(why),
        Meaning::Unsupported(instead) => Support::Unsupported(instead),
    };
    SETTINGS.iter().map(|setting| (setting.name, setting.of_pipeline, support(setting.meaning))).collect()
}

/// The setting of that name.
pub(super) fn find(name: &str, of_pipeline: bool) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name && (setting.of_pipeline || !of_pipeline))
}

/// The name that is nearest.
pub(super) fn near(name: &str, of_pipeline: bool) -> Option<&'static str> {
    closest(name, SETTINGS.iter().filter(|s| s.of_pipeline || !of_pipeline).map(|s| s.name))
}

//! What a filter is compiled in.

use std::sync::Arc;

use alces_conf::{Env, Options, Source};
use alces_event::Timestamp;

use crate::files::Files;

/// The time, passed in so that a test owns it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Logstash's `ecs_compatibility`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EcsMode {
    /// The names as before the Elastic Common Schema.
    Disabled,
    /// ECS names, the default since Logstash 8. `v1` is read as this.
    #[default]
    V8,
}

/// What a filter is compiled in.
#[derive(Clone)]
pub struct Context<'c> {
    /// The text that the plugin stands in.
    pub source: &'c Source,
    /// The environment, for `${VAR}`.
    pub env: Env<'c>,
    /// The pipeline's default for `ecs_compatibility`.
    pub ecs: EcsMode,
    /// The time, for dates without a year.
    pub clock: Clock,
    /// The files that options name.
    pub files: &'c dyn Files,
}

/// A plugin's own `ecs_compatibility`, or the pipeline's.
pub fn ecs_option(options: &mut Options<'_>, default: EcsMode) -> EcsMode {
    options
        .choice(
            "ecs_compatibility",
            &[("disabled", EcsMode::Disabled), ("v1", EcsMode::V8), ("v8", EcsMode::V8)],
        )
        .unwrap_or(default)
}

//! One helper per idea for this crate's tests.

use std::sync::Arc;

use alces_conf::{Source, parse};
use alces_event::{Event, Timestamp};
use bytestring::ByteString;

use crate::{Context, Disk, EcsMode, Program};

fn compile(filters: &str) -> Result<Program, String> {
    let source = Source::new("x.conf", &format!("filter {{ {filters} }}"));
    let config = parse(&source).map_err(|e| e.to_string())?;
    // The clock of these tests: 2 January 2026.
    let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    let context = Context {
        source: &source,
        env: &|_| None,
        ecs: EcsMode::V8,
        clock: Arc::new(move || now),
        files: &Disk,
    };
    Program::compile(&context, &config)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// What `filters` make of one line, as JSON; `cancelled` where they drop it.
pub(crate) fn check(filters: &str, line: &str) -> String {
    let mut program = compile(filters).unwrap_or_else(|e| panic!("{e}"));
    let mut event = Event::from_line(ByteString::from(line), Timestamp::UNIX_EPOCH);
    program.run(&mut event);
    if event.is_cancelled() {
        return "cancelled".to_owned();
    }
    serde_json::to_string(&event).unwrap()
}

/// What is wrong with `filters`.
pub(crate) fn errors(filters: &str) -> String {
    compile(filters).map_or_else(|e| e, |_| panic!("{filters} compiles"))
}

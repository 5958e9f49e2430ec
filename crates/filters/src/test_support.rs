//! One helper per idea for this crate's tests.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use alces_conf::{Diagnostic, Escapes, Source, parse};
use alces_event::{Event, FieldRef, Timestamp};
use bytestring::ByteString;

use crate::{Clock, Context, Disk, EcsMode, Program};

fn compile(filters: &str) -> Result<Program, String> {
    // The clock of these tests: 2 January 2026.
    let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    compile_at(filters, Arc::new(move || now))
}

fn compile_at(filters: &str, clock: Clock) -> Result<Program, String> {
    let source = Source::new("x.conf", &format!("filter {{ {filters} }}"));
    let config = parse(&source, Escapes::Off).map_err(|errors| join(&errors))?;
    let context = Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock, files: &Disk };
    Program::compile(&context, &config).map_err(|errors| join(&errors))
}

fn join(errors: &[Diagnostic]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What `filters` make of one line, as JSON; `cancelled` where they drop it. Events that they make besides come before it,
/// each on a line of its own.
pub(crate) fn check(filters: &str, line: &str) -> String {
    check_all(filters, &[line])
}

/// What `filters` make of lines one after the other and at the end, as JSON, an event a line.
pub(crate) fn check_all(filters: &str, lines: &[&str]) -> String {
    let mut program = compile(filters).unwrap_or_else(|e| panic!("{e}"));
    let mut out = Vec::new();
    let print = |event: &Event| serde_json::to_string(event).unwrap();
    for line in lines {
        let mut event = Event::from_line(ByteString::from(*line), Timestamp::UNIX_EPOCH);
        let mut more = Vec::new();
        let done = program.run(&mut event, &mut more);
        out.extend(more.iter().map(print));
        out.push(match done {
            Err(reason) => format!("undecided: {reason}"),
            Ok(()) if event.is_cancelled() => "cancelled".to_owned(),
            Ok(()) => print(&event),
        });
    }
    let mut more = Vec::new();
    program.flush(true, &mut more);
    out.extend(more.iter().map(print));
    out.join("\n")
}

/// What `filters` make of events that arrive at seconds after 1970, two workers taking turns; where there is no event a worker is
/// flushed. JSON, an event a line.
pub(crate) fn check_at(filters: &str, events: &[(i64, Option<&str>)]) -> String {
    check_changing(filters, events, 0, || {})
}

/// The same; something happens before the event of that number, from 0.
pub(crate) fn check_changing(
    filters: &str,
    events: &[(i64, Option<&str>)],
    before: usize,
    happens: impl Fn(),
) -> String {
    let second = Arc::new(AtomicI64::new(events.first().map_or(0, |(second, _)| *second)));
    let now = {
        let second = Arc::clone(&second);
        move || Timestamp::from_second(second.load(Ordering::Relaxed)).unwrap()
    };
    let program = compile_at(filters, Arc::new(now.clone())).unwrap_or_else(|e| panic!("{e}"));
    let mut workers = [program.clone(), program];
    let mut out = Vec::new();
    for (turn, (at, line)) in events.iter().enumerate() {
        second.store(*at, Ordering::Relaxed);
        if turn == before {
            happens();
        }
        let worker = &mut workers[turn % 2];
        let mut made = Vec::new();
        match line {
            None => worker.flush(false, &mut made),
            Some(line) => {
                let mut event = Event::from_line(ByteString::from(*line), now());
                worker.run(&mut event, &mut made).unwrap();
                if !event.is_cancelled() {
                    made.push(event);
                }
            }
        }
        out.extend(made.iter().map(|event| serde_json::to_string(event).unwrap()));
    }
    out.join("\n")
}

/// What `filters` make of an event from JSON, without what every event has.
pub(crate) fn check_json(filters: &str, json: &str) -> String {
    let mut program = compile(filters).unwrap_or_else(|e| panic!("{e}"));
    let (mut event, _) = Event::from_json(json.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
    if let Err(reason) = program.run(&mut event, &mut Vec::new()) {
        return format!("undecided: {reason}");
    }
    if event.is_cancelled() {
        return "cancelled".to_owned();
    }
    event.remove(&FieldRef::field("@version"));
    serde_json::to_string(&event).unwrap().replacen(r#""@timestamp":"1970-01-01T00:00:00.000Z","#, "", 1)
}

/// What is wrong with `filters`.
pub(crate) fn errors(filters: &str) -> String {
    compile(filters).map_or_else(|e| e, |_| panic!("{filters} compiles"))
}

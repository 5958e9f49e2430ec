//! Lines of standard input through a VRL program, each a JSON document of a bulk request in memory that is then forgotten: what Vector's
//! `remap` transform and its encoder do, without Vector's threads, buffers and sinks.

use std::{collections::BTreeMap, io::BufRead as _};

use vrl::{
    compiler::{Context, TargetValue, TimeZone, compile, state::RuntimeState},
    value::{Secrets, Value},
};

/// Vector's own allocator is jemalloc; both sides of the comparison have the same one here.
#[global_allocator]
static ALLOCATOR: alces_allocator::Allocator = alces_allocator::Allocator;

/// A request's worth of documents.
const BODY: usize = 8 << 20;

fn main() {
    let program = std::env::args().nth(1).expect("a VRL program");
    let compiled = compile(&program, &vrl::stdlib::all()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (mut state, zone) = (RuntimeState::default(), TimeZone::default());
    let (mut lines, mut failed, mut body) = (0_u64, 0_u64, Vec::with_capacity(BODY));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        let mut target = TargetValue {
            value: Value::Object(BTreeMap::from([("message".into(), Value::from(line))])),
            metadata: Value::Object(BTreeMap::new()),
            secrets: Secrets::default(),
        };
        let resolved = compiled.program.resolve(&mut Context::new(&mut target, &mut state, &zone));
        failed += u64::from(resolved.is_err());
        lines += 1;
        body.extend_from_slice(b"{\"create\":{\"_index\":\"logs-generic-default\"}}\n");
        serde_json::to_writer(&mut body, &target.value).expect("JSON into memory");
        body.push(b'\n');
        if body.len() >= BODY {
            body.clear();
        }
        state.clear();
    }
    eprintln!("lines={lines} failed={failed}");
}

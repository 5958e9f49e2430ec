//! What an access line allocates on its way through filters and into JSON, once caches and scratch space have grown: the figures of
//! ARCHITECTURE.md, "What an event costs".

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::sync::Arc;

use alces_conf::{Escapes, Source, parse};
use alces_event::{Event, FieldRef, Timestamp};
use alces_filters::{Context, EcsMode, NoFiles, Program};
use bytestring::ByteString;

const LINE: &str = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /presentations/images/kibana-search.png HTTP/1.1" 200 203023 "http://semicomplete.com/" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36""#;

const GROK: &str = r#"grok { match => { "message" => "%{COMBINEDAPACHELOG}" } }"#;
const DATE: &str = r#"date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }"#;
const USERAGENT: &str = r#"useragent { source => "[user_agent][original]" }"#;

fn allocations(filters: &str, ecs: EcsMode) -> u64 {
    let source = Source::new("x.conf", &format!("filter {{ {filters} }}"));
    let config = parse(&source, Escapes::Off).unwrap();
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let context = Context { source: &source, env: &|_| None, ecs, clock, files: &NoFiles };
    let mut program = Program::compile(&context, &config).unwrap();
    let line = ByteString::from(LINE);
    let (message, original) = (FieldRef::field("message"), FieldRef::parse("[event][original]").unwrap());
    let (mut more, mut out) = (Vec::new(), Vec::new());
    let mut way = || {
        let mut event = Event::from_line(line.clone(), Timestamp::UNIX_EPOCH);
        if ecs == EcsMode::V8 {
            event.set_slice(&original, &message, 0, LINE.len());
        }
        program.run(&mut event, &mut more).unwrap();
        out.clear();
        event.write_json(&mut out);
    };
    way();
    allocation_counter::measure(&mut way).count_total
}

#[test]
fn an_object_is_one_allocation_and_everything_else_none() {
    let all = format!("{GROK} {DATE} {USERAGENT}");
    for (filters, ecs, legacy) in [
        // The field table; [event].
        ("", 2, 1),
        // [source], [http], [http][request], [http][response], [http][response][body], [url], [user_agent].
        (GROK, 9, 1),
        (&format!("{GROK} {DATE}"), 9, 1),
        // [user_agent][device] and [user_agent][os] are many events'; the legacy fields are too many for the table.
        (&all, 9, 2),
    ] {
        assert_eq!(allocations(filters, EcsMode::V8), ecs, "{filters}");
        let filters = filters.replace("[user_agent][original]", "agent");
        assert_eq!(allocations(&filters, EcsMode::Disabled), legacy, "{filters}");
    }
}

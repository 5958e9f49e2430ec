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
fn tables_of_fields_are_used_again_and_all_else_is_no_allocation() {
    let all = format!("{GROK} {DATE} {USERAGENT}");
    for filters in ["", GROK, &format!("{GROK} {DATE}"), &all] {
        assert_eq!(allocations(filters, EcsMode::V8), 0, "{filters}");
        let legacy = filters.replace("[user_agent][original]", "agent");
        // The fields of a user agent are too many for a table.
        let grows = u64::from(filters.contains("useragent"));
        assert_eq!(allocations(&legacy, EcsMode::Disabled), grows, "{legacy}");
    }
}

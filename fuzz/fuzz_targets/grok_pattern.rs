//! Any pattern compiles or is an error; what compiles ends on any text within its fuel, with spans inside it.
#![no_main]

use alces_grok::{Grok, Outcome, PatternSet, Spans};

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    if pattern.len() > 200 || text.len() > 200 {
        return;
    }
    let Ok(grok) = Grok::compile(&PatternSet::ecs_v1(), pattern) else { return };
    let mut spans = Spans::default();
    if grok.matches(text, &mut spans) == Outcome::Match {
        for (start, end) in spans.get().iter().flatten() {
            assert!(text.get(*start..*end).is_some());
        }
    }
});

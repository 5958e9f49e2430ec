//! Any pattern compiles or is an error that points into it; what compiles ends on any text within its fuel, with spans inside
//! it, and gives the same answer as the program without optimisations.
#![no_main]

use std::sync::LazyLock;

use alces_grok::{Grok, Outcome, PatternSet, Spans};

static SET: LazyLock<PatternSet> = LazyLock::new(PatternSet::ecs_v1);

fn answer(grok: &Grok, text: &str) -> Option<Option<Vec<Option<(usize, usize)>>>> {
    let mut spans = Spans::with_budget(100_000);
    match grok.matches(text, &mut spans) {
        Outcome::Match => Some(Some((0..grok.captures().len()).map(|at| spans.get(at)).collect())),
        Outcome::NoMatch => Some(None),
        Outcome::Exhausted => None,
    }
}

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    if pattern.len() > 200 || text.len() > 200 {
        return;
    }
    let grok = match Grok::compile(&SET, pattern) {
        Ok(grok) => grok,
        Err(error) => {
            assert!(pattern.get(error.span.clone()).is_some(), "{error:?} points nowhere");
            return;
        }
    };
    let Some(found) = answer(&grok, text) else { return };
    for (start, end) in found.iter().flatten().flatten() {
        assert!(text.get(*start..*end).is_some());
    }
    let dull = Grok::compile_dull(&SET, pattern).unwrap();
    if let Some(dull) = answer(&dull, text) {
        assert_eq!(found, dull, "{pattern:?} on {text:?}");
    }
});

//! Patterns that explode and lines that are meant to hurt: each ends within its budget of steps.

#![allow(clippy::unwrap_used)]

use alces_grok::{Grok, Outcome, PatternSet, Spans};

fn check(pattern: &str, line: &str) -> Outcome {
    Grok::compile(&PatternSet::ecs_v1(), pattern).unwrap().matches(line, &mut Spans::default())
}

/// Lines that make patterns try much: long, and nearly what is looked for.
fn lines() -> Vec<(&'static str, String)> {
    let long = 1 << 20;
    vec![
        ("a megabyte of a", "a".repeat(long)),
        ("a megabyte of labels", "a.".repeat(long / 2)),
        ("a megabyte of words", "word ".repeat(long / 5)),
        ("a megabyte of slashes", "/".repeat(long)),
        ("a megabyte of digits", "1".repeat(long)),
        ("a megabyte of addresses", "1.2.3.4 ".repeat(long / 8)),
        ("a megabyte of quotes", "\"".repeat(long)),
        ("a megabyte of colons", ":".repeat(long)),
        ("a megabyte of hex", "fe80:".repeat(long / 5)),
        ("a megabyte of brackets", "[](){} ".repeat(long / 7)),
        ("a megabyte beyond ASCII", "é日".repeat(long / 5)),
        ("a megabyte of keys", "key=value, ".repeat(long / 11)),
        ("a megabyte of dates", "17/May/2015:10:05:03 +0000 ".repeat(long / 27)),
        ("a megabyte of line breaks", "\n".repeat(long)),
    ]
}

#[test]
fn patterns_that_explode_end() {
    let line = "a".repeat(200);
    for pattern in [
        "(.*a){30}b",
        "(?:.*a){30}$(?<!a)",
        "(x+x+)+y",
        "(?:a|aa)+$(?<!a)",
        "(?:(?:a*)*)*b|c",
        "(a?){100}a{100}b|x",
        "(?=(.*a)+b)|x",
    ] {
        // That it comes back at all is what is shown; some are seen through and answered.
        let outcome = check(pattern, &line);
        assert_ne!(outcome, Outcome::Match, "{pattern}");
    }
    assert_eq!(check("(?:.*a){30}$(?<!a)", &line), Outcome::Exhausted);
}

#[test]
fn every_pattern_of_ecs_v1_ends_on_a_megabyte_of_anything() {
    let set = PatternSet::ecs_v1();
    let mut spans = Spans::default();
    let lines = lines();
    let mut exhausted = Vec::new();
    let mut names: Vec<&str> = set.names().collect();
    names.sort_unstable();
    for name in names {
        let grok = Grok::compile(&set, &format!("%{{{name}:whole}}")).unwrap();
        for (what, line) in &lines {
            let start = std::time::Instant::now();
            let outcome = grok.matches(line, &mut spans);
            if outcome == Outcome::Exhausted {
                exhausted.push(format!("{name} on {what}"));
            }
            if start.elapsed().as_millis() > 60 {
                println!("{name} on {what}: {:?} {outcome:?}", start.elapsed());
            }
        }
    }
    println!("{} of {}: {}", exhausted.len(), 361 * lines.len(), exhausted.join("; "));
}

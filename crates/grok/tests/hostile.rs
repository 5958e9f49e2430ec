//! Patterns that explode and lines that are meant to hurt: each ends within its budget of steps.

#![allow(clippy::unwrap_used)]

use alces_grok::{Grok, Outcome, PatternSet, Spans};

fn check(pattern: &str, line: &str) -> Outcome {
    Grok::compile(&PatternSet::ecs_v1(), pattern).unwrap().matches(line, &mut Spans::default())
}

/// Lines of a megabyte that make patterns try much: nearly what is looked for, again and again.
fn lines() -> Vec<String> {
    let long = 1 << 20;
    vec![
        "a".repeat(long),
        "a.".repeat(long / 2),
        "word ".repeat(long / 5),
        "/".repeat(long),
        "1".repeat(long),
        "1.2.3.4 ".repeat(long / 8),
        "\"".repeat(long),
        ":".repeat(long),
        "fe80:".repeat(long / 5),
        "[](){} ".repeat(long / 7),
        "é日".repeat(long / 5),
        "key=value, ".repeat(long / 11),
        "17/May/2015:10:05:03 +0000 ".repeat(long / 27),
        "\n".repeat(long),
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

/// Behind each of these hosts a user's password may stand, up to an `@` that is not there.
#[test]
fn what_is_looked_at_behind_an_end_burns_the_budget() {
    assert_eq!(check("%{URI:u}$", &"http://".repeat(20_000)), Outcome::Exhausted);
    assert_eq!(check("%{URI:u}$", &"http://".repeat(100)), Outcome::Match);
}

/// What a pattern looks at again burns its budget, tables too: none takes longer than the budget lets it.
#[test]
fn every_pattern_of_ecs_v1_comes_back_from_a_megabyte_of_anything() {
    let set = PatternSet::ecs_v1();
    let mut spans = Spans::default();
    let lines = lines();
    let mut names: Vec<&str> = set.names().collect();
    names.sort_unstable();
    let mut answered = 0;
    for name in &names {
        let grok = Grok::compile(&set, &format!("%{{{name}:whole}}")).unwrap();
        answered += lines.iter().filter(|line| grok.matches(line, &mut spans) != Outcome::Exhausted).count();
    }
    // Nearly all are answered; what is left is what Logstash would tag `_groktimeout` too.
    assert!(answered * 100 > names.len() * lines.len() * 97, "{answered}");
}

//! The built-in sets on sample lines in the formats that programs publish.

use std::collections::HashMap;

use alces_grok::{Grok, Outcome, PatternSet, Spans};

/// A pattern, a tab, a line that it matches; `\n` in it is a line break.
const LINES: &str = include_str!("data/lines.tsv");

fn lines() -> impl Iterator<Item = (&'static str, String)> {
    LINES
        .lines()
        .skip(1)
        .map(|row| row.split_once('\t').unwrap())
        .map(|(name, line)| (name, line.replace("\\n", "\n")))
}

/// What the pattern captures of the line, one `field=text` a line; a group that took no part is left out.
fn captures(set: &PatternSet, pattern: &str, line: &str) -> Option<String> {
    let grok = Grok::compile(set, pattern).unwrap();
    let mut spans = Spans::default();
    match grok.matches(line, &mut spans) {
        Outcome::Match => Some(
            grok.captures()
                .iter()
                .zip(spans.get())
                .filter_map(|(capture, span)| {
                    span.map(|(from, to)| format!("{}={}", capture.field, &line[from..to]))
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        Outcome::NoMatch => None,
        Outcome::Exhausted => panic!("{pattern} is exhausted by {line}"),
    }
}

#[test]
fn every_sample_line_matches_its_pattern() {
    let mut missed = Vec::new();
    for (kind, set) in [("legacy", PatternSet::legacy()), ("ecs-v1", PatternSet::ecs_v1())] {
        for (name, line) in lines() {
            let pattern = format!("%{{{name}}}");
            if set.get(name).is_some() && captures(&set, &pattern, &line).is_none() {
                missed.push(format!("{kind} {name}: {line}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Where the crate's patterns are older than Logstash's, or wrong: a name, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("BACULA_LOGLINE", "holds the two below"),
    ("BACULA_LOG_FATAL_CONN", "Logstash captures the error"),
    ("BACULA_LOG_NO_CONNECT", "Logstash captures the error"),
    ("BIND9", "Logstash reads the client's `@0x…`"),
    ("CISCO_TAGGED_SYSLOG", "the crate misreads `%%{`"),
    ("EXIM_PID", "Logstash captures the number"),
    ("EXIM_REMOTE_HOST", "Logstash captures the port"),
    ("HTTPD24_ERRORLOG", "Logstash reads lines without a module"),
    ("HTTPD_ERRORLOG", "holds the one above"),
    ("JAVAFILE", "Logstash allows `$`"),
    ("LOGLEVEL", "Logstash reads `INFORMATION`"),
    ("MONTH", "Logstash reads `Juli`"),
    ("NAGIOSLOGLINE", "holds the one below"),
    ("NAGIOS_TIMEPERIOD_TRANSITION", "the crate's last field is always empty"),
    ("SFW2", "the crate's has the names of ECS"),
    ("SHOREWALL", "the crate's has the names of ECS"),
    ("SQUID3", "Logstash reads the status `000` and the host `-`"),
];

/// The `grok` crate's own set, run by Oniguruma, is the dull twin of the legacy set: every name that both have, on every line.
#[test]
fn legacy_equals_the_grok_crates_set_on_every_line() {
    let crates_set = grok::Grok::with_default_patterns();
    let set = PatternSet::legacy();
    // The crate's dot does not match a line break.
    let lines: Vec<String> = lines().map(|(_, line)| line).filter(|line| !line.contains('\n')).collect();
    let mut spans = Spans::default();
    let mut differ = Vec::new();
    let mut compared = 0;
    let mut names: Vec<&str> = set.names().collect();
    names.sort_unstable();
    for name in names {
        if DIFFERENCES.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let pattern = format!("%{{{name}:whole match}}");
        let Ok(theirs) = crates_set.compile(&format!("%{{{name}:whole_match}}"), true) else { continue };
        let ours = Grok::compile(&set, &pattern).unwrap();
        // The crate calls the second capture of a name `name[1]`.
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let keys: Vec<String> = ours
            .captures()
            .iter()
            .map(|capture| {
                let field =
                    if capture.field == "whole match" { "whole_match" } else { capture.field.as_str() };
                let count = seen.entry(field).or_default();
                *count += 1;
                if *count == 1 { field.to_owned() } else { format!("{field}[{}]", *count - 1) }
            })
            .collect();
        for line in &lines {
            compared += 1;
            let found = theirs.match_against(line);
            match (ours.matches(line, &mut spans), found) {
                (Outcome::NoMatch, None) => {}
                (Outcome::Match, Some(found)) => {
                    for (key, span) in keys.iter().zip(spans.get()) {
                        let mine = span.map(|(from, to)| &line[from..to]);
                        if mine != found.get(key) {
                            differ.push(format!(
                                "{name} {key}: {mine:?}, theirs {:?}, in {line}",
                                found.get(key)
                            ));
                        }
                    }
                }
                (mine, found) => differ.push(format!("{name}: {mine:?}, theirs {}, {line}", found.is_some())),
            }
        }
    }
    assert!(differ.is_empty(), "{} differences\n{}", differ.len(), differ.join("\n"));
    assert!(compared > 100_000, "{compared}");
}

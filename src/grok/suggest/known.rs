//! Patterns for whole lines that come with the set.

use alces_grok::{Grok, Outcome, PatternSet, Spans};

/// Names of whole lines, the narrower before the wider; those that a set does not have are passed over.
const NAMES: [&str; 27] = [
    "COMBINEDAPACHELOG",
    "COMMONAPACHELOG",
    "HTTPD_ERRORLOG",
    "HAPROXYHTTP",
    "HAPROXYTCP",
    "SYSLOG5424LINE",
    "NAGIOSLOGLINE",
    "SYSLOGLINE",
    "CATALINALOG",
    "TOMCATLOG",
    "ELB_ACCESS_LOG",
    "S3_ACCESS_LOG",
    "CLOUDFRONT_ACCESS_LOG",
    "SQUID3",
    "POSTGRESQL",
    "RAILS3",
    "REDISLOG",
    "REDISMONLOG",
    "MONGO3_LOG",
    "MONGO_LOG",
    "BIND9",
    "EXIM",
    "CISCO_TAGGED_SYSLOG",
    "NETSCREENSESSIONLOG",
    "SHOREWALL",
    "SFW2",
    "BACULA_LOGLINE",
];

/// Names that begin a line; what follows is the program's own.
const BEGINNINGS: [&str; 3] = ["COMBINEDAPACHELOG", "COMMONAPACHELOG", "SYSLOGBASE"];

/// The captured text of a beginning.
const WHOLE: &str = "alces_whole";

/// A pattern of the set and the share of the lines that it takes.
pub(crate) struct Known {
    pub(crate) pattern: String,
    pub(crate) matched: usize,
}

/// Each pattern that matches at least one line from end to end, the best first.
pub(crate) fn whole(set: &PatternSet, lines: &[&str]) -> Vec<Known> {
    let level = Grok::compile(set, "^%{LOGLEVEL}$").ok();
    let mut known: Vec<Known> = NAMES
        .iter()
        .filter(|name| set.get(name).is_some())
        .filter_map(|name| {
            let pattern = format!("^%{{{name}}}$");
            let grok = Grok::compile(set, &pattern).ok()?;
            let mut spans = Spans::default();
            let matched = lines.iter().filter(|line| takes(&grok, level.as_ref(), &mut spans, line)).count();
            (matched > 0).then_some(Known { pattern, matched })
        })
        .collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.matched));
    known
}

/// Fields of a machine's name and of a program's, in both sets.
const HOSTS: [&str; 2] = ["logsource", "[host][hostname]"];
const PROGRAMS: [&str; 2] = ["program", "[process][name]"];

/// Whether a pattern takes a line, and as it was meant.
fn takes(grok: &Grok, level: Option<&Grok>, spans: &mut Spans, line: &str) -> bool {
    if grok.matches(line, spans) != Outcome::Match {
        return false;
    }
    let captures: Vec<(&str, &str)> = grok
        .captures()
        .iter()
        .enumerate()
        .map(|(at, capture)| {
            let text = spans.get(at).and_then(|(start, end)| line.get(start..end)).unwrap_or_default();
            (capture.field.as_str(), text)
        })
        .collect();
    let mut is_level = |text: &str| level.is_some_and(|level| level.matches(text, spans) == Outcome::Match);
    // Syslog's patterns are wide: any word after a time passes for a host, and the program may be missing.
    let programs = || captures.iter().filter(|(field, _)| PROGRAMS.contains(field));
    (programs().next().is_none() || programs().any(|(_, text)| !text.is_empty()))
        && captures.iter().all(|(field, text)| match *field {
            "message" => true,
            host if HOSTS.contains(&host) => {
                text.is_empty()
                    || (text.contains(|c: char| c.is_ascii_alphabetic() || c == '.') && !is_level(text))
            }
            // A value that runs over this is two values.
            _ => !text.contains("\" \""),
        })
}

/// A known beginning of most lines, with what follows it in each, and the fields that it names.
pub(crate) struct Beginning<'l> {
    pub(crate) pattern: String,
    pub(crate) fields: Vec<String>,
    pub(crate) rests: Vec<&'l str>,
}

/// The first beginning that half of the lines have.
pub(crate) fn beginning<'l>(set: &PatternSet, lines: &[&'l str]) -> Option<Beginning<'l>> {
    BEGINNINGS.iter().filter(|name| set.get(name).is_some()).find_map(|name| {
        let pattern = format!("%{{{name}}}");
        let grok = Grok::compile(set, &format!("^(?<{WHOLE}>{pattern})")).ok()?;
        let mut spans = Spans::default();
        let rests: Vec<&str> = lines
            .iter()
            .filter_map(|line| {
                let found = grok.matches(line, &mut spans) == Outcome::Match;
                let (_, end) = spans.get(0).filter(|_| found)?;
                line.get(end..)
            })
            .collect();
        let fields = grok.captures().iter().filter(|c| c.named && c.field != WHOLE).map(|c| c.field.clone());
        (rests.len() * 2 >= lines.len()).then(|| Beginning { pattern, fields: fields.collect(), rests })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each known pattern with the number of lines that it takes.
    fn check(lines: &[&str]) -> String {
        let mut set = PatternSet::ecs_v1();
        // As wide as Logstash's own.
        set.add("SYSLOGLINE", "(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp}) %{SYSLOGHOST:[host][hostname]}+(?: %{SYSLOGPROG}:|) %{GREEDYDATA:message}");
        whole(&set, lines)
            .iter()
            .map(|known| format!("{} {}", known.pattern, known.matched))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_line_of_syslog_has_a_host_and_a_program() {
        insta::assert_snapshot!(check(&["Feb 21 21:54:44 desk-1 sshd[3402]: hello", "2024-05-01T10:00:00Z 10.0.0.1 cron: hello"]), @"^%{SYSLOGLINE}$ 2");
        insta::assert_snapshot!(check(&["2024-05-01T10:00:00Z INFO main: hello", "2024-05-01T10:00:00Z 0 main: x", "2024-05-01T10:00:00Z Starting up"]), @"");
    }

    #[test]
    fn a_field_more_than_the_pattern_has_is_not_swallowed() {
        let line = r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "curl""#;
        insta::assert_snapshot!(check(&[line, &format!("{line} \"10.0.0.1\"")]), @"^%{COMBINEDAPACHELOG}$ 1");
    }
}

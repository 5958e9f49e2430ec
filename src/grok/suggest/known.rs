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
    let mut known: Vec<Known> = NAMES
        .iter()
        .filter(|name| set.get(name).is_some())
        .filter_map(|name| {
            let pattern = format!("^%{{{name}}}$");
            let grok = Grok::compile(set, &pattern).ok()?;
            let mut spans = Spans::default();
            let matched = lines.iter().filter(|line| takes(&grok, &mut spans, line)).count();
            (matched > 0).then_some(Known { pattern, matched })
        })
        .collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.matched));
    known
}

/// Whether a pattern takes a line, and as it was meant: a value that runs over `" "` is two.
fn takes(grok: &Grok, spans: &mut Spans, line: &str) -> bool {
    grok.matches(line, spans) == Outcome::Match
        && grok.captures().iter().zip(spans.get()).all(|(capture, span)| {
            let text = span.and_then(|(start, end)| line.get(start..end)).unwrap_or_default();
            capture.field == "message" || !text.contains("\" \"")
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
                let (_, end) = spans.get().first().copied().flatten().filter(|_| found)?;
                line.get(end..)
            })
            .collect();
        let fields = grok.captures().iter().filter(|c| c.named && c.field != WHOLE).map(|c| c.field.clone());
        (rests.len() * 2 >= lines.len()).then(|| Beginning { pattern, fields: fields.collect(), rests })
    })
}

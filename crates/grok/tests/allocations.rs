//! A line costs no allocation once the scratch space has grown.

#![allow(clippy::unwrap_used)]

use alces_grok::{Grok, Outcome, PatternSet, Spans};

#[test]
fn a_line_allocates_nothing_whether_it_matches_or_not() {
    let line =
        r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "-" "Mozilla/5.0""#;
    let syslog = "May 17 10:05:03 web01 sshd[123]: Accepted publickey for root from 10.0.0.1 port 22 ssh2";
    for set in [PatternSet::legacy(), PatternSet::ecs_v1()] {
        for pattern in ["%{COMBINEDAPACHELOG}", "%{SYSLOGLINE}", "%{HAPROXYHTTP}", "%{GREEDYDATA:a} %{IP:b}"]
        {
            let grok = Grok::compile(&set, pattern).unwrap();
            let mut spans = Spans::default();
            let mut matched = 0;
            let mut all = || {
                for line in [line, syslog, &line[..90], "", "another one"] {
                    matched += usize::from(grok.matches(line, &mut spans) == Outcome::Match);
                }
            };
            all();
            let counted = allocation_counter::measure(&mut all);
            assert_eq!(counted.count_total, 0, "{pattern}");
            // None of the lines is HAProxy's.
            assert!(pattern == "%{HAPROXYHTTP}" || matched > 0, "{pattern}");
        }
    }
}

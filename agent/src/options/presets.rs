//! Names for the usual ways in which several lines are one event.

use super::config::Match;

/// A preset: what it is for, and the `multiline` that it stands for.
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) pattern: &'static str,
    pub(super) negate: bool,
    pub(super) matching: Match,
}

/// An event begins at each line that matches.
const fn begins(name: &'static str, meaning: &'static str, pattern: &'static str) -> Preset {
    Preset { name, meaning, pattern, negate: true, matching: Match::After }
}

/// A line that matches belongs to the one before.
const fn goes_on(name: &'static str, meaning: &'static str, pattern: &'static str) -> Preset {
    Preset { name, meaning, pattern, negate: false, matching: Match::After }
}

/// All presets, in the order in which they are listed.
pub(super) const PRESETS: &[Preset] = &[
    begins("php", "PHP's and PHP-FPM's error log, with its stack traces", r"^\[\d{2}-[A-Z][a-z]{2}-\d{4} "),
    begins(
        "yii",
        "Yii's `app.log`: message, stack trace and the `$_GET = [` below it",
        r"^\d{4}[-/]\d{2}[-/]\d{2} \d{2}:\d{2}:\d{2}(\.\d+)? \[",
    ),
    begins("laravel", "Laravel's, Symfony's and Monolog's log", r"^\[\d{4}-\d{2}-\d{2}[ T]\d{2}:"),
    begins(
        "rails",
        "Rails: the logger's lines, or those from `Started GET` on",
        r"^[DIWEFA], \[\d{4}-|^Started [A-Z]+ ",
    ),
    begins(
        "django",
        "Django: lines that begin with a time, a level or `[`",
        r"^(\[|\d{4}-\d{2}-\d{2}|(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)",
    ),
    goes_on(
        "python",
        "Python's tracebacks below a line of the log",
        r"^(\s|$|Traceback \(|During handling of|The above exception|([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception|Warning|Interrupt|Exit|Group)\b)",
    ),
    goes_on(
        "java",
        "Java's stack traces below a line of the log",
        r"^\s+(at |\.\.\. \d+ |Suppressed: |Caused by: )|^Caused by: |^([\w$]+\.)+[\w$]*(Exception|Error|Throwable)\b",
    ),
    goes_on(
        "go",
        "Go's panics below a line of the log",
        r"^(\s|$|goroutine \d+ \[|panic: |created by |[\w./*()]+\(.*\)$)",
    ),
    begins("mysql-slow", "MySQL's and MariaDB's slow log: one event a query", r"^# (User@Host|Time): "),
    begins(
        "postgresql",
        "PostgreSQL's log: lines that begin with a time",
        r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}",
    ),
    begins("timestamp", "Lines that begin with a date, in brackets or not", r"^\[?\d{4}[-/]\d{2}[-/]\d{2}"),
    goes_on("indent", "Lines that begin with white space belong to the one before", r"^\s"),
];

/// The preset of a name.
pub(super) fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// Joins lines as a preset says; events are shown as the numbers of their lines.
    fn check(name: &str, lines: &str, expect: &str) {
        let preset = preset(name).unwrap();
        let pattern = Regex::new(preset.pattern).unwrap();
        let mut events: Vec<usize> = Vec::new();
        for line in lines.lines() {
            if pattern.is_match(line) == preset.negate || events.is_empty() {
                events.push(0);
            }
            *events.last_mut().unwrap() += 1;
        }
        assert_eq!(events.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), expect, "{name}");
    }

    #[test]
    fn each_preset_joins_what_it_is_for() {
        check(
            "php",
            "[22-Nov-2026 10:00:00 UTC] PHP Fatal error: x\nStack trace:\n#0 {main}\n[22-Nov-2026 10:00:01 UTC] PHP Notice: y",
            "3 1",
        );
        check(
            "yii",
            "2026-11-22 10:00:00 [1.2.3.4][-][-][error][app] Exception: x\n    in /a.php:1\n$_GET = [\n]\n2026-11-22 10:00:01 [-][-][-][info][app] y",
            "4 1",
        );
        check(
            "laravel",
            "[2026-11-22 10:00:00] production.ERROR: x {\n#0 /a.php(1)\n\"}\n[2026-11-22T10:00:01.123456+00:00] app.INFO: y",
            "3 1",
        );
        check(
            "rails",
            "I, [2026-11-22T10:00:00.000 #1]  INFO -- : a\nline two\nE, [2026-11-22T10:00:00.000 #1] ERROR -- : b\n\napp/a.rb:1:in `x'",
            "2 3",
        );
        check(
            "django",
            "[22/Nov/2026 10:00:00] \"GET / HTTP/1.1\" 200 1\nInternal Server Error: /\nTraceback (most recent call last):\n  File \"a\"\nValueError: x\n[22/Nov/2026 10:00:01] y",
            "5 1",
        );
        check(
            "python",
            "ERROR:root:failed\nTraceback (most recent call last):\n  File \"a\", line 1\nrequests.exceptions.ConnectionError: x\n\nDuring handling of the above exception, another exception occurred:\nINFO:root:y",
            "6 1",
        );
        check(
            "java",
            "10:00 ERROR x\njava.lang.IllegalStateException: bad\n\tat a.b.C(C.java:1)\n\t... 3 more\nCaused by: java.io.IOException\n10:01 INFO y",
            "5 1",
        );
        check(
            "go",
            "10:00 serving\npanic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1\n10:01 y",
            "6 1",
        );
        check(
            "mysql-slow",
            "# User@Host: a[a] @ localhost []\n# Query_time: 2.0\nSELECT 1;\n# User@Host: b[b] @ localhost []\nSELECT 2;",
            "3 2",
        );
        check(
            "postgresql",
            "2026-11-22 10:00:00 UTC [1] ERROR: x\n\tDETAIL\nSTATEMENT: y\n2026-11-22 10:00:01 UTC [1] LOG: z",
            "3 1",
        );
        check("timestamp", "2026/11/22 a\nb\n[2026-11-22 c", "2 1");
        check("indent", "a\n  b\n\tc\nd", "3 1");
    }

    #[test]
    fn every_preset_has_a_word_of_what_it_is_for() {
        assert!(PRESETS.iter().all(|preset| !preset.meaning.is_empty()));
    }
}

//! Plugins that are not there: those that Logstash has, and words that are no plugin's name.

use crate::{Diagnostic, Source, Spanned, closest};

/// What Logstash 8 brings along without installing anything (its `logstash-plugin list --bundled`), by kind.
const LOGSTASH: &[(&str, &[&str])] = &[
    (
        "input",
        &[
            "azure_event_hubs",
            "beats",
            "couchdb_changes",
            "dead_letter_queue",
            "elastic_agent",
            "elastic_serverless_forwarder",
            "elasticsearch",
            "exec",
            "file",
            "ganglia",
            "gelf",
            "generator",
            "graphite",
            "heartbeat",
            "http",
            "http_poller",
            "imap",
            "jdbc",
            "jms",
            "kafka",
            "logstash",
            "pipe",
            "pipeline",
            "rabbitmq",
            "redis",
            "s3",
            "snmp",
            "snmptrap",
            "sqs",
            "stdin",
            "syslog",
            "tcp",
            "twitter",
            "udp",
            "unix",
        ],
    ),
    (
        "filter",
        &[
            "aggregate",
            "anonymize",
            "cidr",
            "clone",
            "csv",
            "date",
            "de_dot",
            "dissect",
            "dns",
            "drop",
            "elastic_integration",
            "elasticsearch",
            "fingerprint",
            "geoip",
            "grok",
            "http",
            "jdbc_static",
            "jdbc_streaming",
            "json",
            "kv",
            "memcached",
            "metrics",
            "mutate",
            "prune",
            "ruby",
            "sleep",
            "split",
            "syslog_pri",
            "throttle",
            "translate",
            "truncate",
            "urldecode",
            "useragent",
            "uuid",
            "xml",
        ],
    ),
    (
        "output",
        &[
            "cloudwatch",
            "csv",
            "elasticsearch",
            "email",
            "file",
            "graphite",
            "http",
            "kafka",
            "logstash",
            "lumberjack",
            "nagios",
            "null",
            "pipe",
            "pipeline",
            "rabbitmq",
            "redis",
            "s3",
            "sns",
            "sqs",
            "stdout",
            "tcp",
            "udp",
            "webhdfs",
        ],
    ),
    (
        "codec",
        &[
            "avro",
            "cef",
            "cloudfront",
            "cloudtrail",
            "collectd",
            "csv",
            "dots",
            "edn",
            "edn_lines",
            "es_bulk",
            "fluent",
            "graphite",
            "json",
            "json_lines",
            "line",
            "msgpack",
            "multiline",
            "netflow",
            "plain",
            "protobuf",
            "rubydebug",
        ],
    ),
];

/// The plugins of a kind (`input`, `filter`, `output`, `codec`) that Logstash 8 brings along, in the order of their names.
pub fn logstash_plugins(kind: &str) -> &'static [&'static str] {
    LOGSTASH.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, names)| names)
}

/// The error for a plugin of that kind that is none of the `known` ones: one that Logstash has is told from a word that is written
/// wrongly.
pub fn unknown_plugin(source: &Source, kind: &str, name: &Spanned<String>, known: &[&str]) -> Diagnostic {
    let word = name.node.as_str();
    if logstash_plugins(kind).contains(&word) {
        return source
            .error(&name.span, format!("the {kind} `{word}` of Logstash is not supported yet"))
            .with_help("`alces plugins` lists what is there");
    }
    let help = match closest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{kind}s that are there: {}", known.join(", ")),
    };
    source.error(&name.span, format!("unknown {kind} `{word}`")).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str) -> String {
        let source = Source::new("x.conf", &format!("input {{ {word} {{ }} }}"));
        let name = Spanned { node: word.to_owned(), span: 8..8 + word.len() };
        unknown_plugin(&source, "input", &name, &["beats", "stdin"]).to_string()
    }

    #[test]
    fn one_of_logstashs_is_told_from_a_slip() {
        insta::assert_snapshot!(check("jdbc"), @r"
        x.conf:1:9: the input `jdbc` of Logstash is not supported yet
          |
        1 | input { jdbc { } }
          |         ^^^^
          = help: `alces plugins` lists what is there
        ");
        insta::assert_snapshot!(check("beets"), @r"
        x.conf:1:9: unknown input `beets`
          |
        1 | input { beets { } }
          |         ^^^^^
          = help: did you mean `beats`?
        ");
        assert!(check("telegraph").contains("inputs that are there: beats, stdin"));
    }

    #[test]
    fn names_are_in_order() {
        for (kind, names) in LOGSTASH {
            assert!(names.is_sorted(), "{kind}");
        }
    }
}

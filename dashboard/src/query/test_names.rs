//! Fields for tests: a fleet half of whose pipelines still write Logstash's legacy names.

use super::names::{Named, Names, Stored};

/// Word, field, how it is stored, its unit in seconds.
const FIELDS: &[(&str, &str, Stored, Option<f64>)] = &[
    ("status", "http.response.status_code", Stored::Number, None),
    ("status", "response", Stored::Keyword, None),
    ("response", "response", Stored::Keyword, None),
    ("level", "log.level", Stored::Keyword, None),
    ("host", "host.name", Stored::Keyword, None),
    ("path", "url.path", Stored::Keyword, None),
    ("request_time", "request_time", Stored::Number, Some(1.0)),
    ("request_time", "event.duration", Stored::Number, Some(1e-9)),
    ("event.duration", "event.duration", Stored::Number, Some(1e-9)),
    ("bytes", "http.response.bytes", Stored::Number, None),
    ("message", "message", Stored::Text, None),
    ("@timestamp", "@timestamp", Stored::Date, None),
    ("client", "client.ip", Stored::Ip, None),
    ("ok", "ok", Stored::Boolean, None),
];

/// The fields, and which words free words search.
pub(super) struct Fleet {
    pub(super) message: &'static [&'static str],
}

impl Default for Fleet {
    fn default() -> Self {
        Self { message: &["message"] }
    }
}

impl Names for Fleet {
    fn named(&self, word: &str) -> Vec<Named> {
        let of_word = FIELDS.iter().filter(|(known, ..)| *known == word);
        of_word.map(|&(_, name, stored, duration)| Named { name: name.into(), stored, duration }).collect()
    }

    fn known(&self) -> Vec<String> {
        FIELDS.iter().map(|(word, ..)| (*word).to_owned()).collect()
    }

    fn message(&self) -> Vec<Named> {
        self.message.iter().flat_map(|word| self.named(word)).collect()
    }
}

//! `drain`: each event is told which pattern its text is of, so that a million lines are thirty patterns. A filter of our own; Logstash has
//! none. Drain (He et al. 2017, "Drain: An Online Log Parsing Approach with Fixed Depth Tree"), with the options of Drain3.
//!
//! ```text
//! drain { }
//! drain { source => "[error][message]" similarity => 0.5 templates => ["user <*> could not log in"] }
//! ```
//!
//! `user amy took 5 ms` and, later, `user bob took 7 ms` are both `user <*> took <num> ms`.
//!
//! | option | default | |
//! |---|---|---|
//! | `source` | `message` | the text; of one with several lines the first |
//! | `target` | `pattern` | the field for the pattern |
//! | `id_target` | `pattern_id` | the field for its id |
//! | `templates` | | patterns that are known from the start and never change |
//! | `depth` | 4 | of the tree: lines of a pattern share their number of words, and `depth - 3` first words |
//! | `similarity` | 0.4 | the share of its words that a line has in common with its pattern; two words it has in any case |
//! | `max_clusters` | 1000 | patterns that are kept; the one that was met longest ago goes for a new one |
//! | `max_tokens` | 60 | words that are looked at, of at most 1,000 bytes |
//!
//! Masked are numbers (`<num>`, with their unit), addresses (`<ip>`, `<mac>`), `<uuid>`, `<hex>`, `<time>`, `<path>`, `<url>`. What differs
//! besides is learned, and is `<*>`, or `name=<*>`.
//!
//! An id is a hash of its pattern's text and nothing else: wherever the same pattern is learned it has the same id, in each collector, after
//! each start. Workers share what they learned. A pattern that becomes more general gets the id of the more general text; events before keep
//! theirs. That happens once for each word that is found to differ, after a start again (a reload is one), so a few events carry an id that
//! is too narrow. Which pattern they are of can be told by their texts: the explorer counts a pattern that another one covers as that one.
//! Where not even that may be, `templates` names patterns, which then are the same from the first event on.
//!
//! Memory: a pattern is at most a few kilobytes, `max_clusters` of them are kept. An event without the text goes on as it is.

mod clusters;
mod mask;
mod template;

use std::sync::{Arc, Mutex, PoisonError};

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef};

use crate::{
    common::{Common, field_option},
    context::Context,
    filter::Filter,
};
use clusters::{Clusters, Limits, WAYS};
use mask::Words;

/// Levels of the tree beside first words: root, number of words, templates.
const LEVELS: i64 = 3;

/// A compiled `drain { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    source: FieldRef,
    target: FieldRef,
    id_target: FieldRef,
    most: usize,
    /// One for all workers.
    clusters: Arc<Mutex<Clusters>>,
    words: Words,
    common: Common,
}

impl Drain {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let mut field = |name, default: &'static str| {
            let given = field_option(options, name);
            if options.is_given(name) { given } else { Some(FieldRef::field(default)) }
        };
        let source = field("source", "message");
        let target = field("target", "pattern");
        let id_target = field("id_target", "pattern_id");
        let depth = options.integer("depth", LEVELS..=16).unwrap_or(4);
        let similarity = options.number("similarity");
        if let Some(Spanned { node, span }) = &similarity
            && !(*node > 0.0 && *node <= 1.0)
        {
            options.error_with_help(
                span,
                format!("`similarity` is a share of words, above 0 and up to 1, not {node}"),
                "write as in `similarity => 0.4`",
            );
        }
        let most = options.integer("max_clusters", 1..=100_000).unwrap_or(1000);
        let tokens = options.integer("max_tokens", 1..=500).unwrap_or(60);
        let templates: Vec<String> =
            options.texts("templates").unwrap_or_default().into_iter().map(|text| text.node).collect();
        let size = |n: i64| usize::try_from(n).unwrap_or_default();
        let limits = Limits {
            firsts: size(depth - LEVELS),
            similarity: similarity.map_or(0.4, |share| share.node),
            most: size(most),
            ways: WAYS,
        };
        Some(Box::new(Self {
            source: source?,
            target: target?,
            id_target: id_target?,
            most: size(tokens),
            clusters: Arc::new(Mutex::new(Clusters::new(limits, &templates))),
            words: Words::default(),
            common,
        }))
    }
}

impl Filter for Drain {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let Some(text) = event.text(&self.source) else { return };
        self.words.read(text, self.most);
        if self.words.len() == 0 {
            return;
        }
        let name = self.clusters.lock().unwrap_or_else(PoisonError::into_inner).take(&self.words);
        event.set(&self.target, &*name.text);
        event.set(&self.id_target, &*name.id);
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_all, check_at, check_json, errors};

    /// The ids that events get, two workers taking turns.
    fn ids(options: &str, lines: &[&str]) -> Vec<String> {
        let events: Vec<_> = lines.iter().map(|line| (0, Some(*line))).collect();
        let events = check_at(&format!("drain {{ {options} }}"), &events);
        let id = |event: &str| {
            let event: serde_json::Value = serde_json::from_str(event).unwrap();
            event["pattern_id"].as_str().unwrap().to_owned()
        };
        events.lines().map(id).collect()
    }

    #[test]
    fn an_event_gets_its_pattern_and_an_id() {
        insta::assert_snapshot!(check_json(r#"drain { add_tag => "known" }"#, r#"{"message":"user=amy took 5ms"}"#), @r#"{"message":"user=amy took 5ms","pattern":"user=amy took <num>ms","pattern_id":"325d5f2359de6d52","tags":["known"]}"#);
        let conf =
            r#"drain { source => "[error][message]" target => "[log][pattern]" id_target => "[log][id]" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"error":{"message":"no route to 10.0.0.1:80"}}"#), @r#"{"error":{"message":"no route to 10.0.0.1:80"},"log":{"pattern":"no route to <ip>:<num>","id":"8a258ef13fa1256c"}}"#);
    }

    #[test]
    fn an_event_without_the_text_goes_on_as_it_is() {
        for json in [r#"{"n":1}"#, r#"{"message":7}"#, r#"{"message":""}"#, r#"{"message":" \n "}"#] {
            assert_eq!(check_json(r#"drain { add_tag => "known" }"#, json), json);
        }
    }

    #[test]
    fn workers_agree_and_so_do_those_that_start_later() {
        let lines = [
            "user amy is gone",
            "user bob is gone",
            "user eve is gone",
            "took 5 ms",
            "took 7 ms",
            "user amy is gone",
        ];
        let ids = ids("", &lines);
        assert_eq!([&ids[1], &ids[1], &ids[3]], [&ids[2], &ids[5], &ids[4]]);
        assert_ne!(ids[0], ids[1]);
        // Another collector, other lines first.
        assert_eq!(self::ids("", &["user zoe is gone", "user max is gone"])[1], ids[1]);
        // With the pattern known, from the first event on.
        let known = self::ids(r#"templates => ["user <*> is gone"]"#, &lines);
        assert_eq!([&known[0], &known[5]], [&ids[1], &ids[1]]);
    }

    #[test]
    fn depth_and_similarity_are_chosen() {
        let lines = ["amy is gone", "bob is gone"];
        let differ = |options| {
            let ids = ids(options, &[lines[0], lines[1], lines[0]]);
            ids[1] != ids[2]
        };
        assert!(differ(""));
        assert!(!differ("depth => 3"));
        assert!(differ("depth => 3 similarity => 0.9"));
    }

    #[test]
    fn hostile_texts_end_in_a_pattern_too() {
        let texts = [
            "x".repeat(1_000_000),
            "a ".repeat(100_000),
            "7 ".repeat(100_000),
            "\u{fffd}\u{fffd} \u{0} \u{202e}".to_owned(),
            "=== === <*> <num>".to_owned(),
        ];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let events = check_all(r#"drain { } mutate { remove_field => ["message"] }"#, &texts);
        assert!(events.lines().all(|event| event.len() < 8000), "{events}");
        assert_eq!(ids("", &texts), ids("", &texts));
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors("drain { depth => 2 similarity => 40 max_clusters => 0 }"), @r"
        x.conf:1:27: option `depth` of drain wants a whole number from 3 to 16
          |
        1 | filter { drain { depth => 2 similarity => 40 max_clusters => 0 } }
          |                           ^
        x.conf:1:43: `similarity` is a share of words, above 0 and up to 1, not 40
          |
        1 | filter { drain { depth => 2 similarity => 40 max_clusters => 0 } }
          |                                           ^^
          = help: write as in `similarity => 0.4`
        x.conf:1:62: option `max_clusters` of drain wants a whole number from 1 to 100000
          |
        1 | filter { drain { depth => 2 similarity => 40 max_clusters => 0 } }
          |                                                              ^
        ");
    }
}

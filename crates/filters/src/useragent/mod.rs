//! `useragent`: browser, system and device out of a user agent's text (logstash-filter-useragent 3.3).
//!
//! What the expressions of uap-core find in a text is kept: each worker has a bounded cache, keyed by the text. What is kept
//! are places in that text wherever the found is a part of it, so that a hit sets fields without copying anything.

mod agent;
mod fields;
mod parsers;
mod part;

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, ValueRef};
use quick_cache::{UnitWeighter, unsync::Cache};

use crate::{
    common::{Common, field_option},
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
};
use agent::Agent;
use fields::{Known, Layout, Shared};
use parsers::Parsers;
use part::Whole;

/// uap-core's expressions; `data/SOURCES.md` says where they come from.
const REGEXES: &str = include_str!("../../data/regexes.yaml");

/// All workers and filters share one; reading it takes a moment, which only a pipeline with this filter spends.
static BUILT_IN: LazyLock<Result<Arc<Parsers>, String>> =
    LazyLock::new(|| Parsers::read(REGEXES).map(Arc::new));

const CACHE_SIZE: i64 = 100_000;

/// A longer text is not kept, so that a client that sends large ones cannot fill the memory.
const LONGEST_KEPT: usize = 2048;

/// A compiled `useragent { … }`.
pub(crate) struct UserAgent {
    source: FieldRef,
    layout: Layout,
    /// The target is the source itself: the text goes when the fields come.
    replaces_source: bool,
    parsers: Arc<Parsers>,
    cache: Cache<Box<str>, Known>,
    shared: Shared,
    cache_size: usize,
    common: Common,
}

impl std::fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAgent").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Clone for UserAgent {
    /// Another worker's; its cache is empty.
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            layout: self.layout.clone(),
            parsers: Arc::clone(&self.parsers),
            cache: cache(self.cache_size),
            shared: Shared::default(),
            common: self.common.clone(),
            ..*self
        }
    }
}

impl UserAgent {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let ecs = ecs_option(options, context.ecs);
        options.differs("lru_cache_size", "each worker has its own cache of that size");
        options.differs(
            "ecs_compatibility",
            "the parts of versions are set below `[@metadata][filter][user_agent]` only where the pipeline's text has the word `metadata`",
        );
        let cache_size = options.integer("lru_cache_size", 1..=i64::MAX).unwrap_or(CACHE_SIZE);
        let cache_size = usize::try_from(cache_size).unwrap_or(usize::MAX);
        let source = field_option(options, "source");
        if !options.is_given("source") {
            options.error_here(
                "useragent wants `source => \"[user_agent][original]\"`, the field that holds the text",
            );
        }
        let given = field_option(options, "target");
        let prefix = options.text("prefix").map(|text| text.node).unwrap_or_default();
        let parsers = match options.text("regexes") {
            None => BUILT_IN.clone().map_err(|reason| options.error_here(reason)).ok(),
            Some(path) => read_file(context, options, &path),
        };
        let replaces_source = given.is_some() && given == source;
        let layout = match ecs {
            // Nobody would see them otherwise, and they cost as much as all the rest.
            EcsMode::V8 => Layout::ecs(given, context.source.text().contains("metadata")),
            EcsMode::Disabled => Layout::legacy(given, &prefix),
        };
        Some(Box::new(Self {
            layout,
            replaces_source,
            parsers: parsers?,
            cache: cache(cache_size),
            shared: Shared::default(),
            cache_size,
            common,
            source: source?,
        }))
    }
}

/// A cache that grows to `size`; what it could hold is not asked of the system at once.
fn cache(size: usize) -> Cache<Box<str>, Known> {
    Cache::with_weighter(size.min(1024), size as u64, UnitWeighter)
}

fn read_file(
    context: &Context<'_>,
    options: &mut Options<'_>,
    path: &Spanned<String>,
) -> Option<Arc<Parsers>> {
    let text = match context.files.read(Path::new(&path.node)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            options.error(&path.span, format!("`{}` cannot be read: {error}", path.node));
            return None;
        }
    };
    match read(&text) {
        Ok(parsers) => Some(parsers),
        Err(reason) => {
            options.error_with_help(
                &path.span,
                format!("`{}`: {reason}", path.node),
                "the file has the form of uap-core's regexes.yaml",
            );
            None
        }
    }
}

/// A file of a user's is checked whole before the pipeline starts; of the built-in one a test knows that it is right.
fn read(yaml: &str) -> Result<Arc<Parsers>, String> {
    let parsers = Parsers::read(yaml)?;
    parsers.compile_all()?;
    Ok(Arc::new(parsers))
}

impl Filter for UserAgent {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let part = event.part(&self.source);
        let own = match part {
            Some(_) => None,
            None => match event.get(&self.source) {
                Some(ValueRef::List(list)) => list.get(0).and_then(ValueRef::as_str).map(str::to_owned),
                other => other.and_then(ValueRef::as_str).map(str::to_owned),
            },
        };
        let text = part.map_or_else(|| own.as_deref().unwrap_or_default(), |part| event.text_of(part));
        if text.is_empty() {
            return;
        }
        let parsed;
        let agent = match self.cache.get(text) {
            Some(agent) => agent,
            None => {
                parsed = Known::new(Agent::parse(&self.parsers, text), text, &mut self.shared);
                if text.len() <= LONGEST_KEPT {
                    self.cache.insert(text.into(), parsed.clone());
                }
                &parsed
            }
        };
        let whole = part.map_or_else(|| Whole::Own(own.as_deref().unwrap_or_default()), Whole::Line);
        if self.replaces_source {
            event.remove(&self.source);
        }
        self.layout.set(event, agent, whole);
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_json, errors};

    const FIREFOX: &str =
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.11; rv:45.0) Gecko/20100101 Firefox/45.0";
    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/89.0.4389.90 Safari/537.36";

    #[track_caller]
    fn useragent(conf: &str, text: &str) -> String {
        check_json(
            &format!(r#"useragent {{ source => "ua" {conf} }}"#),
            &serde_json::json!({ "ua": text }).to_string(),
        )
        .replacen(&format!(r#""ua":"{text}","#), "", 1)
    }

    #[test]
    fn the_documented_example() {
        insta::assert_snapshot!(useragent("", FIREFOX), @r#"{"user_agent":{"name":"Firefox","device":{"name":"Mac"},"version":"45.0","os":{"version":"10.11","name":"Mac OS X","full":"Mac OS X 10.11"}}}"#);
        insta::assert_snapshot!(useragent("ecs_compatibility => disabled", FIREFOX), @r#"{"name":"Firefox","device":"Mac","major":"45","minor":"0","version":"45.0","os_major":"10","os_minor":"11","os_version":"10.11","os_name":"Mac OS X","os":"Mac OS X","os_full":"Mac OS X 10.11"}"#);
    }

    #[test]
    fn versions_of_four_parts() {
        insta::assert_snapshot!(useragent("", CHROME), @r#"{"user_agent":{"name":"Chrome","device":{"name":"Other"},"version":"89.0.4389.90","os":{"name":"Linux","full":"Linux"}}}"#);
        insta::assert_snapshot!(useragent("ecs_compatibility => disabled", CHROME), @r#"{"name":"Chrome","device":"Other","major":"89","minor":"0","patch":"4389","version":"89.0.4389.90","os_name":"Linux","os":"Linux","os_full":"Linux"}"#);
    }

    #[test]
    fn systems_with_names_for_versions() {
        insta::assert_snapshot!(useragent("", "Mozilla/5.0 (Windows NT 6.0; WOW64; rv:44.0) Gecko/20100101 Firefox/44.0"), @r#"{"user_agent":{"name":"Firefox","device":{"name":"Other"},"version":"44.0","os":{"version":"Vista","name":"Windows","full":"Windows Vista"}}}"#);
        insta::assert_snapshot!(useragent("", "Mozilla/5.0 (iPhone; CPU iPhone OS 9_3_2 like Mac OS X) AppleWebKit/601.1 (KHTML, like Gecko) Version/9.0 Mobile/13F69 Safari/601.1"), @r#"{"user_agent":{"name":"Mobile Safari","device":{"name":"iPhone"},"version":"9.0","os":{"version":"9.3.2","name":"iOS","full":"iOS 9.3.2"}}}"#);
    }

    #[test]
    fn what_is_not_known_is_other() {
        insta::assert_snapshot!(useragent("", "é?"), @r#"{"user_agent":{"name":"Other","device":{"name":"Other"},"os":{"name":"Other","full":"Other"}}}"#);
        insta::assert_snapshot!(useragent("ecs_compatibility => disabled", "-"), @r#"{"name":"Other","device":"Other","os_name":"Other","os":"Other","os_full":"Other"}"#);
    }

    #[test]
    fn targets_and_prefixes() {
        insta::assert_snapshot!(useragent(r#"target => "[a][b]" prefix => "p_""#, "curl/7.47.0"), @r#"{"a":{"b":{"name":"curl","device":{"name":"Other"},"version":"7.47.0","os":{"name":"Other","full":"Other"}}}}"#);
        insta::assert_snapshot!(useragent(r#"target => "a" prefix => "p_" ecs_compatibility => disabled"#, "curl/7.47.0"), @r#"{"a":{"p_name":"curl","p_device":"Other","p_major":"7","p_minor":"47","p_patch":"0","p_version":"7.47.0","p_os_name":"Other","p_os":"Other","p_os_full":"Other"}}"#);
        // The source itself.
        insta::assert_snapshot!(useragent(r#"target => "ua""#, "curl/7.47.0"), @r#"{"ua":{"name":"curl","device":{"name":"Other"},"version":"7.47.0","os":{"name":"Other","full":"Other"}}}"#);
    }

    #[test]
    fn the_parts_of_versions_where_they_are_asked_for() {
        insta::assert_snapshot!(useragent(r#"add_field => { "m" => "%{[@metadata][filter]}" } remove_field => "user_agent""#, FIREFOX), @r#"{"m":"{\"user_agent\":{\"version\":{\"major\":\"45\",\"minor\":\"0\"},\"os\":{\"version\":{\"major\":\"10\",\"minor\":\"11\"}}}}"}"#);
    }

    #[test]
    fn the_same_text_again_and_in_another_event() {
        let conf = r#"useragent { source => "a" } useragent { source => "b" target => "t" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"a":"curl/7.47.0","b":["curl/7.47.0","x"]}"#), @r#"{"a":"curl/7.47.0","b":["curl/7.47.0","x"],"user_agent":{"name":"curl","device":{"name":"Other"},"version":"7.47.0","os":{"name":"Other","full":"Other"}},"t":{"name":"curl","device":{"name":"Other"},"version":"7.47.0","os":{"name":"Other","full":"Other"}}}"#);
    }

    #[test]
    fn without_a_text_nothing_happens() {
        for json in
            [r#"{"a":1}"#, r#"{"ua":null}"#, r#"{"ua":""}"#, r#"{"ua":7}"#, r#"{"ua":[]}"#, r#"{"ua":[7]}"#]
        {
            assert_eq!(check_json(r#"useragent { source => "ua" add_tag => "x" }"#, json), json);
        }
    }

    #[test]
    fn a_file_of_ones_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        let yaml = "user_agent_parsers:\n  - regex: '(Moose)/(\\d+)'\nos_parsers: []\ndevice_parsers: []\n";
        std::fs::write(file.path(), yaml).unwrap();
        insta::assert_snapshot!(useragent(&format!(r#"regexes => "{path}""#), "Moose/7 (curl/1.2)"), @r#"{"user_agent":{"name":"Moose","device":{"name":"Other"},"version":"7","os":{"name":"Other","full":"Other"}}}"#);
        std::fs::write(file.path(), "user_agent_parsers: 7").unwrap();
        assert!(
            errors(&format!(r#"useragent {{ source => "a" regexes => "{path}" }}"#))
                .contains("the form of uap-core's")
        );
        std::fs::write(file.path(), yaml.replace("(Moose)", "(Moose")).unwrap();
        assert!(
            errors(&format!(r#"useragent {{ source => "a" regexes => "{path}" }}"#))
                .contains("the form of uap-core's")
        );
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors(r#"useragent { lru_cache_size => 0 regexes => "/nowhere.yaml" sorce => "x" }"#), @r#"
        x.conf:1:40: option `lru_cache_size` of useragent wants a whole number from 1 to 9223372036854775807
          |
        1 | filter { useragent { lru_cache_size => 0 regexes => "/nowhere.yaml" sorce => "x" } }
          |                                        ^
        x.conf:1:10: useragent wants `source => "[user_agent][original]"`, the field that holds the text
          |
        1 | filter { useragent { lru_cache_size => 0 regexes => "/nowhere.yaml" sorce => "x" } }
          |          ^^^^^^^^^
        x.conf:1:53: `/nowhere.yaml` cannot be read: No such file or directory (os error 2)
          |
        1 | filter { useragent { lru_cache_size => 0 regexes => "/nowhere.yaml" sorce => "x" } }
          |                                                     ^^^^^^^^^^^^^^^
        x.conf:1:69: unknown option `sorce` of useragent
          |
        1 | filter { useragent { lru_cache_size => 0 regexes => "/nowhere.yaml" sorce => "x" } }
          |                                                                     ^^^^^
          = help: did you mean `source`?
        "#);
    }
}

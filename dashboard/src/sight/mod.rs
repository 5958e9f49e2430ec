//! What a person may see: which indices, which lines, and which fields only under a mask.
//!
//! A [`Sight`] goes along with every question (`view/context.rs`, `view/answers.rs`) and is part of every key under which an answer is
//! kept (`app.rs`), so that nobody is shown what was made for another.

mod glob;
mod mask;
mod question;

use alces_people::{Limits, Pseudonyms};
use serde_json::Value;

use crate::board::{Board, Source};
use crate::config::Config;
use crate::fields::Fields;
use crate::query::{self, Query};

pub(crate) use mask::Mask;
pub(crate) use question::{hide, narrow};

/// An index that nobody may make: a question about no index at all would be one about all of them.
const NO_INDEX: &str = "alces-nothing-to-see";

/// What a person may see.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// Whose limits these are; empty where there are none.
    pub(crate) id: String,
    /// What tells two sights apart.
    pub(crate) key: String,
    logs: String,
    metrics: String,
    events: String,
    /// Lines that it does not find are not there. None: it could not be read, and nothing is.
    filter: Option<Query>,
    pub(crate) mask: Option<Mask>,
}

impl Sight {
    /// Without limits.
    pub(crate) fn everything(config: &Config) -> Self {
        Self {
            id: String::new(),
            key: String::new(),
            logs: config.logs.clone(),
            metrics: config.metrics.clone(),
            events: config.events.clone(),
            filter: Some(Query::everything()),
            mask: None,
        }
    }

    /// Within all of `limits`; `id` says whose they are.
    pub(crate) fn limited(config: &Config, id: String, limits: &[Limits], pseudonyms: Pseudonyms) -> Self {
        let indices = |configured: &str| {
            let mut seen: Vec<String> = configured.split(',').map(|p| p.trim().to_owned()).collect();
            for limit in limits.iter().filter(|l| !l.indices.is_empty()) {
                seen = glob::both(&seen, &limit.indices);
            }
            if seen.is_empty() { NO_INDEX.to_owned() } else { seen.join(",") }
        };
        let filters = limits.iter().map(|l| query::parse(&l.filter).ok());
        let filter = filters.reduce(|a, b| Some(a?.and(b?))).flatten();
        let masked: Vec<String> = limits.iter().flat_map(|l| l.masked.iter().cloned()).collect();
        Self {
            key: format!("{id} {limits:?}"),
            id,
            logs: indices(&config.logs),
            metrics: indices(&config.metrics),
            events: indices(&config.events),
            filter,
            mask: Mask::new(&masked, pseudonyms),
        }
    }

    /// The index patterns of a source, comma-separated.
    pub(crate) fn index(&self, source: Source) -> &str {
        match source {
            Source::Logs => &self.logs,
            Source::Metrics => &self.metrics,
            Source::Events => &self.events,
        }
    }

    /// What every question is narrowed down by; none where it is not. A search that these fields cannot answer finds nothing: it was
    /// written to keep lines back.
    pub(crate) fn filter(&self, fields: &Fields) -> Option<Value> {
        let Some(filter) = &self.filter else { return Some(crate::view::context::nothing()) };
        if filter.is_everything() {
            return None;
        }
        Some(filter.to_dsl(&fields.every()).unwrap_or_else(|_| crate::view::context::nothing()))
    }

    /// Whether nothing is kept back but what is masked: of lines that pass it is not known in which index they will be.
    pub(crate) fn sees_all_lines(&self, config: &Config) -> bool {
        self.logs == config.logs && self.filter.as_ref().is_some_and(Query::is_everything)
    }

    /// Why a field may not be counted or sorted by: both tell its values.
    pub(crate) fn refuses_field(&self, field: &str) -> Option<String> {
        let masked = self.mask.as_ref().is_some_and(|mask| mask.covers_word(field));
        masked.then(|| format!("{field} is masked for you: its values can be neither counted nor sorted by"))
    }

    /// Why a search may not be asked: with it, masked values could be guessed one by one.
    pub(crate) fn refuses(&self, search: &Query) -> Option<String> {
        let mask = self.mask.as_ref()?;
        if let Some(field) = search.fields().into_iter().find(|f| mask.covers_word(f)) {
            return Some(format!(
                "{field} is masked for you, and so it cannot be searched for: its values could be guessed"
            ));
        }
        (mask.hides_lines() && search.asks_messages()).then(|| {
            "the text of lines may hold values that are masked for you, and so it cannot be searched: name a field, as in status:500"
                .to_owned()
        })
    }

    /// Why a board that somebody wrote may not be asked.
    pub(crate) fn refuses_board(&self, board: &Board) -> Option<String> {
        let own = board.panels.iter().flat_map(|p| {
            std::iter::once(p.filter.as_str()).chain(p.series.iter().map(|s| s.filter.as_str()))
        });
        let all = std::iter::once(board.filter.as_str()).chain(own);
        all.filter_map(|text| query::parse(text).ok()).find_map(|search| self.refuses(&search))
    }
}

/// What an administrator writes as a filter.
///
/// # Errors
/// Why it is no search.
pub(crate) fn check_filter(text: &str) -> Result<(), String> {
    query::parse(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;

    fn config() -> Config {
        Config::new("http://127.0.0.1:9200".parse().unwrap())
    }

    fn sight(indices: &str, filter: &str, masked: &str) -> Sight {
        let limits = [Limits::parse(indices, filter, masked).unwrap(), Limits::default()];
        Sight::limited(&config(), "role:viewer".into(), &limits, Pseudonyms::new([7; 32]))
    }

    #[test]
    fn only_indices_that_are_in_both() {
        assert_eq!(sight("logs-shop-*", "", "").index(Source::Logs), "logs-shop-*");
        assert_eq!(sight("*", "", "").index(Source::Metrics), "metrics-*");
        assert_eq!(sight("logs-shop-*", "", "").index(Source::Metrics), NO_INDEX);
        assert_eq!(sight("secret", "", "").index(Source::Logs), NO_INDEX);
        assert_eq!(sight("", "", "client").index(Source::Events), "alces-events");
    }

    #[test]
    fn a_filter_that_cannot_be_asked_shows_nothing() {
        let fields = Fields::from_caps(&caps(&[("host.name", "keyword")]));
        let nothing = Some(crate::view::context::nothing());
        assert_eq!(sight("", "", "client").filter(&fields), None);
        assert_ne!(sight("", "-host:secret", "").filter(&fields), nothing);
        assert_eq!(sight("", "-nowhere:secret", "").filter(&fields), nothing);
        assert_eq!(sight("", "host:(", "").filter(&fields), nothing);
    }

    #[test]
    fn masked_values_cannot_be_guessed() {
        let sight = sight("", "", "client");
        let refuses = |text: &str| sight.refuses(&query::parse(text).unwrap()).is_some();
        for guess in [
            "client:203.0.113.7",
            "-client:1.2.3.4",
            "source.ip:[10.0.0.0 TO *]",
            "status:500 OR clientip:*",
            "amy",
            "-amy",
            "\"amy smith\"",
            "message:amy",
            "event.original:x",
        ] {
            assert!(refuses(guess), "{guess}");
        }
        for good in ["", "*", "status:5xx -url:/health", "host:web*"] {
            assert!(!refuses(good), "{good}");
        }
    }

    #[test]
    fn lines_can_be_excepted() {
        let sight = sight("", "", "client !message");
        assert!(sight.refuses(&query::parse("timeout").unwrap()).is_none());
        assert!(sight.refuses(&query::parse("source.ip:*").unwrap()).is_some());
    }
}

//! `/grok`: a pattern tried on lines. Nothing is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alces_grok::{Outcome, PatternSet, Spans};
use alces_trial::{Fields, Finder, compile};
use axum::Extension;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{asked, framed};
use crate::access::Who;
use crate::app::App;
use crate::language::t;
use crate::page::grok as page;
use crate::page::grok::Came;

/// The most that is tried, bytes of pattern and of lines, and lines.
const LONGEST_PATTERN: usize = 4096;
const LONGEST_TEXT: usize = 64 * 1024;
const MOST_LINES: usize = 100;
/// When no further line is begun.
const PATIENCE: Duration = Duration::from_secs(2);
/// Steps of one match; a tenth of what the collector gives, as a page waits.
const STEPS: u64 = Spans::BUDGET / 10;

/// So many may be tried at once: each takes a processor.
static TRYING: Semaphore = Semaphore::const_new(2);

/// What is posted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Posted {
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    lines: String,
    /// `legacy` for the names before ECS.
    #[serde(default)]
    names: String,
}

/// The empty form.
pub(super) async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/grok", None, &headers);
    framed(
        &app,
        &asked,
        &t!("Grok"),
        None,
        StatusCode::OK,
        &page::grok(&asked, page::EXAMPLE, &Came::Nothing),
    )
}

/// The form with what came of it.
pub(super) async fn tried(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(posted): Form<Posted>,
) -> Response {
    let asked = asked(&app, &who, "/grok", None, &headers);
    let typed =
        page::Typed { pattern: posted.pattern, lines: posted.lines, legacy: posted.names == "legacy" };
    let came = if typed.pattern.len() > LONGEST_PATTERN {
        Came::Refused(format!("A pattern has at most {LONGEST_PATTERN} bytes here."))
    } else if typed.lines.len() > LONGEST_TEXT || typed.lines.lines().count() > MOST_LINES {
        Came::Refused(format!("At most {MOST_LINES} lines of together {LONGEST_TEXT} bytes are tried here."))
    } else {
        let (pattern, lines, legacy) = (typed.pattern.clone(), typed.lines.clone(), typed.legacy);
        // A closed semaphore is none of ours.
        let permit = TRYING.acquire().await;
        let came = tokio::task::spawn_blocking(move || attempt(&pattern, &lines, legacy)).await;
        drop(permit);
        came.unwrap_or_else(|_| Came::Refused("This pattern could not be tried.".into()))
    };
    framed(&app, &asked, &t!("Grok"), None, StatusCode::OK, &page::grok(&asked, typed.as_str(), &came))
}

fn attempt(pattern: &str, lines: &str, legacy: bool) -> Came {
    let begun = Instant::now();
    let set = if legacy { PatternSet::legacy() } else { PatternSet::ecs_v1() };
    let made = compile(&set, pattern).and_then(|grok| Ok((Fields::new(pattern, &grok)?, grok)));
    let (fields, grok) = match made {
        Ok(made) => made,
        Err(error) => return Came::Wrong(error.to_string()),
    };
    let mut finder = Finder::new(&set, pattern);
    let mut spans = Spans::with_budget(STEPS);
    let mut rows = Vec::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let row = if begun.elapsed() > PATIENCE {
            page::Row::Untried
        } else {
            match grok.matches(line, &mut spans) {
                Outcome::Match => {
                    let kept = fields.kept(line, &spans);
                    page::Row::Fields(kept.map(|k| (k.field.to_owned(), k.shown(), k.span)).collect())
                }
                Outcome::NoMatch => {
                    let stop = finder.find(line);
                    page::Row::Stopped(stop.at, stop.words(line))
                }
                Outcome::Exhausted => page::Row::Exhausted,
            }
        };
        rows.push((line.to_owned(), row));
    }
    Came::Rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::grok::Row;

    fn rows(pattern: &str, lines: &str) -> Vec<Row> {
        match attempt(pattern, lines, false) {
            Came::Rows(rows) => rows.into_iter().map(|(_, row)| row).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_and_stops() {
        let rows = rows("%{WORD:verb} %{INT:bytes:int}", "GET 12\n\nGET -");
        assert!(
            matches!(&rows[0], Row::Fields(all) if all == &[("verb".into(), "\"GET\"".into(), (0, 3)), ("bytes".into(), "12".into(), (4, 6))]),
            "{rows:?}"
        );
        assert!(matches!(&rows[1], Row::Stopped(4, words) if words.contains("column 5")), "{rows:?}");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_broken_pattern_has_its_place_and_one_that_explodes_ends() {
        let Came::Wrong(error) = attempt("%{WROD:w}", "x", false) else { panic!("compiled") };
        assert!(error.contains("pattern:1:1") && error.contains("did you mean"), "{error}");
        let rows = rows("^(a+)+(?=b)$", &"a".repeat(60));
        assert!(!matches!(rows[0], Row::Fields(_)), "{rows:?}");
    }
}

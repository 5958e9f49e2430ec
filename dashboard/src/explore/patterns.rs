//! The lines of a search as patterns: what differs only in numbers, addresses and names is counted together.
//!
//! Looked at are the newest lines of each of several equal parts of the time, so that a burst does not hide the hours before it. Where a
//! part has more lines than were looked at, those stand for all of it, and counts are estimates.

use serde_json::{Value, json};

use crate::query::Query;
use crate::view::answers::hits;
use crate::view::plan::{Span, within};
use crate::view::{lines, patterns};

/// Parts of the time.
const PARTS: i64 = 24;
/// Lines that are looked at in each.
const LINES: usize = 200;
/// Patterns that are shown.
const SHOWN: usize = 60;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    /// What finds its lines, beside the search itself; none where nothing of it can be searched for.
    pub(crate) search: Option<Query>,
    /// Lines, as far as is known.
    pub(crate) count: u64,
    /// Of all lines, 0 to 1.
    pub(crate) share: f64,
    /// Lines in each part of the time.
    pub(crate) trend: Vec<Option<f64>>,
    /// Its oldest line among those that were looked at, epoch milliseconds.
    pub(crate) first: Option<i64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Lines of the search, and how many of them were looked at.
    pub(crate) lines: u64,
    pub(crate) looked_at: u64,
    pub(crate) patterns: Vec<Pattern>,
    /// Patterns that are not shown.
    pub(crate) more: usize,
}

/// The searches, oldest part first.
pub(crate) fn ask((from, to): Span, query: &Value, seconds: u32) -> Vec<Value> {
    let end = |part: i64| from + (to - from) * part / PARTS;
    let body = |part: i64| {
        json!({
            "query": within((end(part), end(part + 1)), query), "timeout": format!("{seconds}s"), "size": LINES,
            "track_total_hits": true, "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
            "_source": patterns::fields(),
        })
    };
    (0..PARTS).map(body).collect()
}

/// Groups what came back.
///
/// # Errors
/// The backend's reason for having no answer.
pub(crate) fn read(answers: &[Result<Value, String>]) -> Result<Found, String> {
    let mut parts = Vec::new();
    for answer in answers {
        let answer = answer.as_ref().map_err(Clone::clone)?;
        parts.push((lines::of(answer).lines, hits(answer)));
    }
    let sets: Vec<&[_]> = parts.iter().map(|(lines, _)| &lines[..]).collect();
    // How many lines one that was looked at stands for.
    let weights: Vec<f64> =
        parts.iter().map(|(lines, all)| *all as f64 / lines.len().max(1) as f64).collect();
    let all: u64 = parts.iter().map(|(_, all)| all).sum();
    let mut patterns: Vec<Pattern> = patterns::cluster(&sets)
        .iter()
        .map(|cluster| {
            let trend: Vec<f64> = cluster.counts.iter().zip(&weights).map(|(n, w)| *n as f64 * w).collect();
            let count: f64 = trend.iter().sum();
            let phrase = cluster.phrase();
            Pattern {
                text: cluster.text(),
                search: phrase.chars().any(char::is_alphanumeric).then(|| Query::phrase(&phrase)),
                count: count.round() as u64,
                share: count / all.max(1) as f64,
                trend: trend.into_iter().map(Some).collect(),
                first: cluster.oldest,
            }
        })
        .collect();
    patterns.sort_by_key(|p| std::cmp::Reverse(p.count));
    let more = patterns.len().saturating_sub(SHOWN);
    patterns.truncate(SHOWN);
    let looked_at = parts.iter().map(|(lines, _)| lines.len() as u64).sum();
    Ok(Found { lines: all, looked_at, patterns, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(total: u64, lines: &[(&str, &str)]) -> Result<Value, String> {
        let hits: Vec<Value> =
            lines.iter().map(|(at, text)| json!({"_source": {"@timestamp": at, "message": text}})).collect();
        Ok(json!({"hits": {"total": {"value": total}, "hits": hits}}))
    }

    #[test]
    fn each_part_stands_for_its_lines() {
        let answers = [
            part(2, &[("2026-11-23T10:00:01Z", "took 5 ms"), ("2026-11-23T10:00:00Z", "took 7 ms")]),
            part(
                30,
                &[
                    ("2026-11-23T10:01:00Z", "took 9 ms"),
                    ("2026-11-23T10:01:00Z", "disk is full"),
                    ("2026-11-23T10:01:00Z", "disk is full"),
                ],
            ),
        ];
        let found = read(&answers).expect("read");
        assert_eq!((found.lines, found.looked_at, found.more), (32, 5, 0));
        let rows: Vec<_> =
            found.patterns.iter().map(|p| (p.text.as_str(), p.count, p.trend.clone())).collect();
        assert_eq!(
            rows,
            [
                ("disk is full", 20, vec![Some(0.0), Some(20.0)]),
                ("took <*> ms", 12, vec![Some(2.0), Some(10.0)])
            ]
        );
        assert_eq!(found.patterns[1].first, Some(1_795_428_000_000));
        assert_eq!(
            found.patterns[0].search.as_ref().map(ToString::to_string).as_deref(),
            Some("\"disk is full\"")
        );
        assert!(read(&[Err("gone".into())]).is_err());
    }

    #[test]
    fn parts_cover_the_range_without_overlap() {
        let bodies = ask((1000, 2001), &json!({"match_all": {}}), 5);
        let ends: Vec<_> = bodies
            .iter()
            .map(|b| &b["query"]["bool"]["filter"][0]["range"]["@timestamp"])
            .map(|r| (r["gte"].as_i64(), r["lt"].as_i64()))
            .collect();
        assert_eq!((ends[0].0, ends[23].1), (Some(1000), Some(2001)));
        assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0));
    }
}

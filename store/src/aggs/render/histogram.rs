//! `histogram` and `date_histogram`: buckets in order, with the empty ones between them.

use super::super::ast::{Kind, Order};
use super::super::exec::Node;
use super::super::table::Key;
use super::{Renderer, Result, date_format, order, shape};
use crate::dates::{self, Format, Round};
use crate::error::ApiError;
use crate::mapping::types::FieldType;
use serde_json::{Map, Value, json};

/// A bucket's key, and its number where there is one.
type Slot = (i64, Option<u32>);

impl Renderer<'_> {
    /// Buckets in order, with the empty ones between and within the bounds if they are wanted.
    fn fill(
        &mut self,
        found: Vec<(Key, u32)>,
        min_count: u64,
        bounds: (Option<i64>, Option<i64>),
        next: impl Fn(i64) -> Option<i64>,
        counts: &[u64],
    ) -> Result<Vec<Slot>> {
        let numbers = found.into_iter().filter_map(|(key, at)| match key {
            Key::Int(n) => Some((n, at)),
            _ => None,
        });
        let mut found: Vec<(i64, u32)> = numbers.collect();
        if min_count > 0 {
            found.retain(|(_, at)| counts[*at as usize] >= min_count);
            self.take(found.len())?;
            return Ok(found.into_iter().map(|(n, at)| (n, Some(at))).collect());
        }
        let ends = |n: Option<i64>, bound: Option<i64>, pick: fn(i64, i64) -> i64| match (n, bound) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        let first = ends(found.first().map(|f| f.0), bounds.0, i64::min);
        let last = ends(found.last().map(|f| f.0), bounds.1, i64::max);
        let (Some(mut at), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        let mut rest = found.into_iter().peekable();
        while at <= last {
            self.take(1)?;
            out.push((at, rest.next_if(|(n, _)| *n == at).map(|(_, bucket)| bucket)));
            match next(at) {
                Some(more) if more > at => at = more,
                _ => break,
            }
        }
        Ok(out)
    }

    pub(super) fn numbers(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::Histogram { interval, offset, min_count, bounds, keyed, order, .. } = &node.agg.kind else {
            return Ok(Value::Null);
        };
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        found.sort();
        let place = |value: f64| ((value - offset) / interval).floor() as i64;
        let (low, high) = bounds.extended.unwrap_or((None, None));
        let filled = self.fill(
            found,
            *min_count,
            (low.map(place), high.map(place)),
            |n| Some(n + 1),
            &node.table.counts,
        )?;
        let filled = arrange(node, order, filled)?;
        let mut buckets = Vec::new();
        for (place, at) in filled {
            let key = place as f64 * interval + offset;
            let head = Map::from_iter([("key".to_owned(), json!(key))]);
            buckets.push((format!("{key:?}"), self.bucket(node, at, head)?));
        }
        Ok(json!({"buckets": shape(buckets, *keyed)}))
    }

    pub(super) fn dates(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::DateHistogram { rounding, min_count, bounds, format, keyed, order, field, .. } =
            &node.agg.kind
        else {
            return Ok(Value::Null);
        };
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        found.sort();
        let mut formats: Vec<Format> = format.iter().cloned().collect();
        match node.field() {
            Some(FieldType::Date { formats: own }) => formats.extend(own.iter().cloned()),
            _ => formats.extend(dates::DEFAULT.iter().cloned()),
        }
        let bound = |value: &Option<Value>| {
            let Some(value) = value else { return Ok(None) };
            let text = crate::query::parse::plain(value);
            let millis = value
                .as_i64()
                .or_else(|| dates::math(&text, &formats, self.now, Round::Down, &rounding.zone));
            millis.map(|millis| Some(rounding.start(millis))).ok_or_else(|| {
                ApiError::new(
                    400,
                    "parse_exception",
                    format!("[extended_bounds] of the histogram on [{field}]: cannot read [{value}]"),
                )
            })
        };
        let ends = match &bounds.extended {
            Some((low, high)) => (bound(low)?, bound(high)?),
            None => (None, None),
        };
        if let (Some(low), Some(high)) = ends
            && low > high
        {
            return Err(ApiError::illegal(format!(
                "[extended_bounds.min] of the histogram on [{field}] is greater than [extended_bounds.max]"
            )));
        }
        let filled = self.fill(found, *min_count, ends, |at| rounding.next(at), &node.table.counts)?;
        let filled = arrange(node, order, filled)?;
        let format = format.clone().or_else(|| date_format(node.field())).unwrap_or(Format::Iso);
        let mut buckets = Vec::with_capacity(filled.len());
        for (millis, at) in filled {
            let text = dates::write_in(millis, &format, &rounding.zone);
            let head = Map::from_iter([
                ("key_as_string".to_owned(), json!(text)),
                ("key".to_owned(), json!(millis)),
            ]);
            buckets.push((text, self.bucket(node, at, head)?));
        }
        Ok(json!({"buckets": shape(buckets, *keyed)}))
    }
}

/// Other orders than by rising key.
fn arrange(node: &Node, by: &[(Order, bool)], mut filled: Vec<Slot>) -> Result<Vec<Slot>> {
    match by {
        [(Order::Key, false)] => {}
        [(Order::Key, true)] => filled.reverse(),
        by => {
            // Empty buckets have no number; they come as they would with a count of 0.
            let (mut full, empty): (Vec<_>, Vec<_>) = filled.into_iter().partition(|(_, at)| at.is_some());
            let mut keyed: Vec<(Key, u32)> =
                full.drain(..).filter_map(|(key, at)| at.map(|at| (Key::Int(key), at))).collect();
            order::sort(node, by, &mut keyed)?;
            let sorted = keyed.into_iter().filter_map(|(key, at)| match key {
                Key::Int(n) => Some((n, Some(at))),
                _ => None,
            });
            let empty_first = matches!(by.first(), Some((Order::Count, false)));
            filled = if empty_first {
                empty.into_iter().chain(sorted).collect()
            } else {
                sorted.chain(empty).collect()
            };
        }
    }
    Ok(filled)
}

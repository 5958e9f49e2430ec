//! The order of buckets: by count, by key, by a figure below them.

use super::super::ast::{Agg, Kind, Order};
use super::super::exec::Node;
use super::super::table::Key;
use super::Result;
use crate::error::ApiError;
use std::cmp::Ordering;

/// Sorts buckets; those that are equal in all are sorted by their keys.
pub(super) fn sort(node: &Node, order: &[(Order, bool)], found: &mut [(Key, u32)]) -> Result<()> {
    for (order, _) in order {
        if let Order::Sub(path, _) = order
            && !is_path(node, path)
        {
            return Err(ApiError::new(
                400,
                "aggregation_execution_exception",
                format!(
                    "Invalid aggregation order path [{path}]: there is no figure of that name beneath the buckets"
                ),
            ));
        }
    }
    let counts = &node.table.counts;
    found.sort_by(|a, b| {
        let mut orders = order.iter().map(|(order, descending)| {
            let by = match order {
                Order::Count => counts[a.1 as usize].cmp(&counts[b.1 as usize]),
                Order::Key => a.0.cmp(&b.0),
                Order::Sub(path, part) => {
                    return figures(node, path, part.as_deref(), (a.1, b.1), *descending);
                }
            };
            if *descending { by.reverse() } else { by }
        });
        orders.find(|o| *o != Ordering::Equal).unwrap_or_else(|| a.0.cmp(&b.0))
    });
    Ok(())
}

/// `filter>metric`: aggregations with one bucket, and at the end a figure or such a bucket.
fn is_path(node: &Node, path: &str) -> bool {
    let (name, rest) = path.split_once('>').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let sub = node.subs.iter().find(|(sub, _)| sub == name);
    match (sub.map(|(_, sub)| (sub, &sub.agg.kind)), rest) {
        (Some((_, Kind::Metric { .. } | Kind::Filter(_) | Kind::Missing { .. })), None) => true,
        (Some((sub, Kind::Filter(_) | Kind::Missing { .. })), Some(rest)) => is_path(sub, rest),
        _ => false,
    }
}

/// Compares two buckets by a figure below them. A bucket without the figure comes last either way.
fn figures(node: &Node, path: &str, part: Option<&str>, (a, b): (u32, u32), descending: bool) -> Ordering {
    match (figure(node, path, part, a), figure(node, path, part, b)) {
        (Some(a), Some(b)) if descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn figure(node: &Node, path: &str, part: Option<&str>, at: u32) -> Option<f64> {
    let (name, rest) = path.split_once('>').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let (_, sub) = node.subs.iter().find(|(sub, _)| sub == name)?;
    match (&sub.agg, rest) {
        (Agg { kind: Kind::Metric { metric, .. }, .. }, None) => {
            sub.figures.get(at as usize).and_then(|figure| figure.value(metric, part))
        }
        (_, None) => {
            let below = sub.table.find(at, &Key::Int(0));
            Some(below.map_or(0, |below| sub.table.counts[below as usize]) as f64)
        }
        (_, Some(rest)) => figure(sub, rest, part, sub.table.find(at, &Key::Int(0))?),
    }
}

//! What can be told of all rows that a search finds in a segment, without going through them: how many of them are in a set, and between which ends
//! their numbers are.

use super::column::Column;
use super::{Node, Result, Tree};
use crate::aggs::ast::{Kind, Metric};
use crate::aggs::figures::Figure;
use crate::bits::Bits;
use crate::segments::{Numbers, ZONE};
use std::ops::ControlFlow;

impl Tree {
    /// Takes in what needs no going through the rows, and tells whether that was all.
    pub(crate) fn at_once(&mut self, rows: &Bits) -> Result<bool> {
        let mut all = true;
        for (_, node) in &mut self.nodes {
            node.done = node.at_once(rows)?;
            all &= node.done;
        }
        Ok(all)
    }
}

impl Node {
    fn at_once(&mut self, rows: &Bits) -> Result<bool> {
        if !self.subs.is_empty() {
            return Ok(false);
        }
        match (&self.agg.kind, &self.column) {
            (Kind::Filter(_) | Kind::Filters { other: None, .. }, Column::Bits(sets)) => {
                for (place, set) in (0i64..).zip(sets) {
                    let bucket = self.table.int(0, place);
                    self.table.counts[bucket as usize] += u64::from(rows.count_both(set));
                }
            }
            (Kind::Metric { metric: metric @ (Metric::Min | Metric::Max), .. }, Column::Numbers(column)) => {
                let Some(zones) = column.zones() else { return Ok(false) };
                if self.figures.is_empty() {
                    self.figures.push(Figure::new(metric));
                }
                if let Some(end) = end(column.as_ref(), zones, rows, *metric == Metric::Max) {
                    self.figures[0].add(end as f64);
                }
            }
            _ => return Ok(false),
        }
        self.account()?;
        Ok(true)
    }
}

/// The least or the largest number of these rows. Each row has one.
fn end(column: &dyn Numbers, zones: &[(i64, i64)], rows: &Bits, largest: bool) -> Option<i64> {
    let (mut best, mut ints): (Option<i64>, _) = (None, Vec::new());
    let better = |a: i64, b: i64| if largest { a > b } else { a < b };
    let mut look = |(from, (low, high)): (u32, &(i64, i64))| {
        let own = if largest { *high } else { *low };
        if best.is_some_and(|best| !better(own, best)) {
            return;
        }
        rows.runs_within(&(from..from + ZONE), ZONE as usize, |docs| {
            if column.ints(docs, &mut ints) {
                let one = if largest { ints.iter().max() } else { ints.iter().min() };
                best = one.copied().filter(|one| best.is_none_or(|best| better(*one, best))).or(best);
            }
            ControlFlow::Continue(())
        });
    };
    let zones = (0u32..).step_by(ZONE as usize).zip(zones);
    // Rows come in the order of time, nearly: where the best is looked for first, the others are not read.
    if largest {
        zones.collect::<Vec<_>>().into_iter().rev().for_each(&mut look);
    } else {
        zones.for_each(&mut look);
    }
    best
}

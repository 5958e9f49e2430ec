//! Values into figures.

use super::column::{Column, each_number};
use super::{Node, Result};
use crate::aggs::ast::{Kind, Metric};
use crate::aggs::figures::Figure;
use crate::segments::Number;
use xxhash_rust::xxh3::xxh3_64;

/// Ordinals that are taken at one time.
const BLOCK: usize = 1 << 16;

/// Ordinals of one segment that were seen.
#[derive(Default)]
pub(super) struct Marks {
    words: Vec<u64>,
    number: usize,
}

impl Marks {
    fn has_all(&self, ordinals: usize) -> bool {
        self.number == ordinals
    }

    /// Marks ordinals, all of which are below `all`.
    fn take(&mut self, ordinals: &[u64], all: usize) {
        self.words.resize(all.div_ceil(64), 0);
        for ordinal in ordinals {
            let (word, bit) = (&mut self.words[*ordinal as usize / 64], 1 << (ordinal % 64));
            self.number += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Calls back with the marked ones, rising, some at a time; none are marked then.
    fn end(&mut self, visit: &mut dyn FnMut(&[u64]) -> Result<()>) -> Result<()> {
        let mut marked = Vec::new();
        for (words, from) in self.words.chunks(BLOCK / 64).zip((0u64..).step_by(BLOCK)) {
            marked.clear();
            for (word, base) in words.iter().zip((from..).step_by(64)) {
                let mut left = *word;
                while left != 0 {
                    marked.push(base + u64::from(left.trailing_zeros()));
                    left &= left - 1;
                }
            }
            visit(&marked)?;
        }
        self.words.clear();
        self.number = 0;
        Ok(())
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.words.capacity() * 8
    }
}

impl Node {
    pub(super) fn measure(&mut self, docs: &[u32], parents: &[u32]) -> Result<()> {
        let (figures, inner) = (&mut self.figures, &mut self.inner);
        // What a sketch has grown by.
        let mut grow = |figure: &mut Figure, add: &dyn Fn(&mut Figure)| {
            let before = figure.memory();
            add(figure);
            *inner = (*inner + figure.memory()).saturating_sub(before);
        };
        match &self.column {
            // A value counts once, and most are seen again and again: they are marked, and taken when the segment was read.
            Column::Strings(column)
                if figures.len() == 1
                    && matches!(&self.agg.kind, Kind::Metric { metric: Metric::Cardinality, .. })
                    && (self.counted.has_all(column.len()) || column.ordinals(docs, &mut self.room)) =>
            {
                if !self.counted.has_all(column.len()) {
                    self.counted.take(&self.room, column.len());
                }
            }
            Column::Strings(column) => {
                let hashes = &mut self.hashes;
                let mut result = Ok(());
                let mut seen = self.missing.map(|_| vec![false; docs.len()]);
                // A document's strings are a set.
                let (mut last, mut own) = (usize::MAX, Vec::new());
                column.each(docs, &mut |at, ordinal| {
                    if at != last {
                        last = at;
                        own.clear();
                    }
                    if own.contains(&ordinal) {
                        return;
                    }
                    own.push(ordinal);
                    let hash = match hashes.get(&ordinal) {
                        Some(hash) => *hash,
                        None => match column.text(ordinal) {
                            Ok(text) => *hashes.entry(ordinal).or_insert(xxh3_64(text.as_bytes())),
                            Err(error) => {
                                result = Err(error);
                                return;
                            }
                        },
                    };
                    if let Some(seen) = &mut seen {
                        seen[at] = true;
                    }
                    grow(&mut figures[parents[at] as usize], &|figure| figure.add_text(hash));
                });
                result?;
                if let (Some(seen), Some(Number::Int(hash))) = (seen, self.missing) {
                    for at in (0..docs.len()).filter(|at| !seen[*at]) {
                        grow(&mut figures[parents[at] as usize], &|figure| {
                            figure.add_text(hash.cast_unsigned());
                        });
                    }
                }
            }
            Column::Numbers(column) if column.floats(docs, &mut self.floats) => {
                let all = self.floats.iter().zip(parents);
                if figures.first().is_some_and(Figure::is_sketch) {
                    all.for_each(|(n, parent)| {
                        let figure = &mut figures[*parent as usize];
                        let before = figure.memory();
                        figure.add(*n);
                        *inner = (*inner + figure.memory()).saturating_sub(before);
                    });
                } else {
                    all.for_each(|(n, parent)| figures[*parent as usize].add(*n));
                }
            }
            column => each_number(column, docs, self.missing, &mut |at, number| {
                grow(&mut figures[parents[at] as usize], &|figure| figure.add(number.float()));
            }),
        }
        Ok(())
    }

    /// Takes the marked values of the segment that was read.
    pub(super) fn settle(&mut self) -> Result<()> {
        let (Column::Strings(column), Some(figure)) = (&self.column, self.figures.first_mut()) else {
            return Ok(());
        };
        let before = figure.memory();
        self.counted.end(&mut |marked| {
            Ok(column.texts(marked, &mut |text| figure.add_text(xxh3_64(text.as_bytes())))?)
        })?;
        self.inner = (self.inner + figure.memory()).saturating_sub(before);
        Ok(())
    }

    pub(super) fn settle_all(&mut self) -> Result<()> {
        self.settle()?;
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.settle_all())
    }
}

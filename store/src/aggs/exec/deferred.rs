//! `terms` in the order of their counts, counted first: only the terms that the answer shows get a bucket and what is nested in it. What
//! OpenSearch calls `breadth_first`, but that its counts are exact.

use super::Result;
use super::column::Column;
use crate::aggs::ast::{Kind, Order, Terms};
use crate::bits::Bits;
use crate::quick::QuickSet;
use crate::segments::Strings;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

/// An answer with more terms than this has its buckets made at once.
const MOST: usize = 1000;
/// With something nested in them, buckets are made at once where there are not so many times more terms than the answer shows.
const WORTH: usize = 4;
/// Counts that are looked at one by one, at most. Beyond that all are.
const MOST_SHARES: usize = 200_000;
/// Counts that are looked up in dictionaries, at most.
const LOOKUPS: u64 = 100_000;
/// What a term takes beside its text while dictionaries are read, in bytes, about.
const TERM: usize = 96;
/// After so many bytes it is asked whether there is room for them.
const ROOM: usize = 1 << 20;

/// Documents that are read again at one time.
const RUN: usize = 4096;

/// Counts by term.
type Totals = HashMap<String, u64, RandomState>;

/// Takes documents and the term of each.
type Visit<'a> = dyn FnMut(&[u32], &[u32]) -> Result<()> + 'a;

/// Counts by segment.
#[derive(Default)]
pub(super) struct Deferred {
    counted: Vec<Counted>,
    /// The last of them is the segment that is being read; otherwise that one has no such column.
    open: bool,
    room: Vec<u64>,
}

struct Counted {
    place: (usize, usize),
    column: Box<dyn Strings>,
    counts: Vec<u32>,
    /// The documents, if anything is nested in the buckets.
    docs: Option<Bits>,
}

/// The terms of the answer, by their counts, and the documents of all others.
pub(super) struct Chosen {
    pub(super) terms: Vec<(String, u64)>,
    pub(super) others: u64,
}

/// Whether an aggregation at the root can be counted first, if its field holds strings.
pub(super) fn can(kind: &Kind) -> Option<&Terms> {
    let Kind::Terms(terms) = kind else { return None };
    let by_count = terms.order.first() == Some(&(Order::Count, true));
    let then_by_key = terms.order.iter().skip(1).all(|order| *order == (Order::Key, false));
    let plain = terms.missing.is_none() && terms.include.is_none() && terms.exclude.is_none();
    (by_count && then_by_key && plain && terms.min_count == 1 && terms.size <= MOST).then_some(terms)
}

impl Deferred {
    /// Takes the column of the next segment; gives it back if buckets should rather be made at once.
    pub(super) fn open(
        &mut self,
        place: (usize, usize),
        column: Column,
        rows: u32,
        size: usize,
        nested: bool,
    ) -> std::result::Result<(), Column> {
        self.open = false;
        let Column::Strings(column) = column else { return Ok(()) };
        if nested && self.counted.is_empty() && column.len() <= WORTH * size {
            return Err(Column::Strings(column));
        }
        let docs = nested.then(|| Bits::none(rows));
        self.counted.push(Counted { place, counts: vec![0; column.len()], column, docs });
        self.open = true;
        Ok(())
    }

    pub(super) fn count(&mut self, docs: &[u32]) {
        let Some(counted) = self.counted.last_mut().filter(|_| self.open) else { return };
        let counts = &mut counted.counts;
        if counted.column.ordinals(docs, &mut self.room) {
            for ordinal in &self.room {
                if let Some(count) = usize::try_from(*ordinal).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
            if let Some(bits) = &mut counted.docs {
                bits.insert_all(docs);
            }
            return;
        }
        // A document's strings are a set.
        let (mut last, mut own) = (usize::MAX, Vec::new());
        counted.column.each(docs, &mut |at, ordinal| {
            if at != last {
                last = at;
                own.clear();
            }
            if !own.contains(&ordinal) {
                own.push(ordinal);
                if let Some(count) = usize::try_from(ordinal).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
        });
        if let Some(bits) = &mut counted.docs {
            bits.insert_all(docs);
        }
    }

    /// The best `size` terms. `room` is asked for the bytes that finding them takes for a while.
    pub(super) fn choose(&self, size: usize, room: &mut dyn FnMut(usize) -> Result<()>) -> Result<Chosen> {
        let all: u64 = self.counted.iter().flat_map(|counted| &counted.counts).map(|n| u64::from(*n)).sum();
        let mut terms: Vec<(String, u64)> = self.totals(size, room)?.into_iter().collect();
        let by_count = |a: &(String, u64), b: &(String, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
        if terms.len() > size && size > 0 {
            terms.select_nth_unstable_by(size - 1, by_count);
        }
        terms.truncate(size);
        terms.sort_unstable_by(by_count);
        let shown: u64 = terms.iter().map(|(_, count)| count).sum();
        Ok(Chosen { terms, others: all - shown })
    }

    /// The counts of all terms that may be among the best.
    fn totals(&self, size: usize, room: &mut dyn FnMut(usize) -> Result<()>) -> Result<Totals> {
        let segments = self.counted.len() as u64;
        // As many terms as the answer shows have totals of at least `last`: the best of one segment have, and so have the best of what is known.
        let first = self.counted.iter().map(|counted| counted.nth(size)).max().unwrap_or(1).max(1);
        let entries = |least: u32| -> usize { self.counted.iter().map(|c| c.at_least(least).count()).sum() };
        if first > 1 && entries(first) <= MOST_SHARES {
            let mut shares = Shares::default();
            shares.add(&self.counted, first..u32::MAX, room)?;
            let last = shares.nth(size).max(u64::from(first));
            // A total that is not less has a share of at least a segment's part of that in some segment.
            let least = u32::try_from(last.div_ceil(segments.max(1))).unwrap_or(u32::MAX).min(first);
            if least > 1 && entries(least) <= MOST_SHARES {
                shares.add(&self.counted, least..first, room)?;
                let last = last.max(shares.nth(size));
                if shares.lookups(self.counted.len(), last, least) <= LOOKUPS {
                    return shares.totals(&self.counted, last, least);
                }
            }
        }
        let mut totals = Totals::default();
        let mut unpaid = 0;
        for counted in &self.counted {
            let ordinals: Vec<u64> = counted.at_least(1).map(|(ordinal, _)| ordinal).collect();
            let mut counts = ordinals.iter().map(|ordinal| counted.counts[*ordinal as usize]);
            let mut result = Ok(());
            counted.column.texts(&ordinals, &mut |text| {
                let count = counts.next().map_or(0, u64::from);
                match totals.get_mut(text) {
                    Some(total) => *total += count,
                    None if result.is_ok() => {
                        unpaid += text.len() + TERM;
                        if unpaid > ROOM {
                            result = room(std::mem::take(&mut unpaid));
                        }
                        totals.insert(text.to_owned(), count);
                    }
                    None => {}
                }
            })?;
            result?;
        }
        Ok(totals)
    }

    /// Calls back with runs of pairs of document and term, by its place in `terms`, of one segment.
    pub(super) fn again(&self, place: (usize, usize), terms: &[&str], visit: &mut Visit<'_>) -> Result<()> {
        let Some(counted) = self.counted.iter().find(|counted| counted.place == place) else { return Ok(()) };
        let Some(docs) = &counted.docs else { return Ok(()) };
        let mut places = vec![u32::MAX; counted.counts.len()];
        for (term, text) in (0u32..).zip(terms) {
            if let Some(at) = counted.ordinal(text)? {
                places[at] = term;
            }
        }
        let (mut found, mut of) = (Vec::new(), Vec::new());
        let mut result = Ok(());
        docs.runs(RUN, |docs| {
            found.clear();
            of.clear();
            let (mut last, mut start) = (usize::MAX, 0);
            counted.column.each(docs, &mut |at, ordinal| {
                if at != last {
                    (last, start) = (at, of.len());
                }
                let place = usize::try_from(ordinal).ok().and_then(|at| places.get(at)).copied();
                if let Some(place) = place.filter(|place| *place != u32::MAX)
                    && !of[start..].contains(&place)
                {
                    found.push(docs[at]);
                    of.push(place);
                }
            });
            result = visit(&found, &of);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        result
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        let one = |counted: &Counted| {
            counted.counts.capacity() * 4
                + counted.docs.as_ref().map_or(0, Bits::memory)
                + counted.column.memory()
        };
        self.counted.iter().map(one).sum()
    }
}

/// What is known of the totals of terms: the sums of their larger counts.
#[derive(Default)]
struct Shares {
    places: HashMap<String, usize, RandomState>,
    sums: Vec<u64>,
    /// Of each sum, the segments that it has.
    parts: Vec<(usize, usize)>,
}

impl Shares {
    /// Takes in the counts that are in a range.
    fn add(
        &mut self,
        all: &[Counted],
        range: Range<u32>,
        room: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        for (segment, counted) in all.iter().enumerate() {
            let some: Vec<(u64, u32)> =
                counted.at_least(range.start).filter(|(_, count)| *count < range.end).collect();
            let ordinals: Vec<u64> = some.iter().map(|(ordinal, _)| *ordinal).collect();
            let mut counts = some.iter().map(|(_, count)| u64::from(*count));
            let (mut unpaid, mut result) = (some.len() * size_of::<(usize, usize)>(), Ok(()));
            counted.column.texts(&ordinals, &mut |text| {
                if result.is_err() {
                    return;
                }
                let place = match self.places.get(text) {
                    Some(place) => *place,
                    None => {
                        unpaid += text.len() + TERM;
                        self.sums.push(0);
                        *self.places.entry(text.to_owned()).or_insert(self.sums.len() - 1)
                    }
                };
                if unpaid > ROOM {
                    result = room(std::mem::take(&mut unpaid));
                }
                self.sums[place] += counts.next().unwrap_or(0);
                self.parts.push((place, segment));
            })?;
            result?;
            room(unpaid)?;
        }
        Ok(())
    }

    /// The sum that so many are not below; 0 if there are not so many.
    fn nth(&self, n: usize) -> u64 {
        let mut sums = self.sums.clone();
        if n == 0 || sums.len() < n {
            return 0;
        }
        *sums.select_nth_unstable_by(n - 1, |a, b| b.cmp(a)).1
    }

    /// Of each sum, how many segments it has not.
    fn missing(&self, segments: usize) -> Vec<u64> {
        let mut missing = vec![segments as u64; self.sums.len()];
        self.parts.iter().for_each(|(place, _)| missing[*place] -= 1);
        missing
    }

    /// How many counts [`Shares::totals`] has to look up.
    fn lookups(&self, segments: usize, last: u64, least: u32) -> u64 {
        let missing = self.missing(segments);
        let may = |(sum, missing): &(&u64, &u64)| *sum + *missing * u64::from(least - 1) >= last;
        self.sums.iter().zip(&missing).filter(may).map(|(_, missing)| *missing).sum()
    }

    /// The totals of all terms that may have one of at least `last`. What was not taken in is below `least`.
    fn totals(self, all: &[Counted], last: u64, least: u32) -> Result<Totals> {
        let missing = self.missing(all.len());
        let may = |place: usize| self.sums[place] + missing[place] * u64::from(least - 1) >= last;
        let mut seen = QuickSet::default();
        seen.extend(self.parts.iter().copied().filter(|(place, _)| may(*place)));
        let mut totals = Totals::default();
        for (text, place) in self.places {
            if !may(place) {
                continue;
            }
            let mut total = self.sums[place];
            for (segment, counted) in all.iter().enumerate() {
                if !seen.contains(&(place, segment)) {
                    total += counted.ordinal(&text)?.map_or(0, |at| u64::from(counted.counts[at]));
                }
            }
            totals.insert(text, total);
        }
        Ok(totals)
    }
}

impl Counted {
    /// The count that so many terms are not below; 0 if there are not so many.
    fn nth(&self, n: usize) -> u32 {
        let mut counts: Vec<u32> = self.counts.iter().copied().filter(|count| *count > 0).collect();
        if n == 0 || counts.len() < n {
            return 0;
        }
        *counts.select_nth_unstable_by(n - 1, |a, b| b.cmp(a)).1
    }

    fn at_least(&self, least: u32) -> impl Iterator<Item = (u64, u32)> + '_ {
        (0u64..).zip(self.counts.iter().copied()).filter(move |(_, count)| *count >= least)
    }

    fn ordinal(&self, text: &str) -> Result<Option<usize>> {
        let found = self.column.ordinal(text)?.and_then(|ordinal| usize::try_from(ordinal).ok());
        Ok(found.filter(|at| *at < self.counts.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreError;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// A column by its dictionary and the ordinals of each document.
    struct Fake(Vec<String>, Vec<Vec<u64>>);

    impl Strings for Fake {
        fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, u64)) {
            for (at, doc) in docs.iter().enumerate() {
                self.1[*doc as usize].iter().for_each(|ordinal| visit(at, *ordinal));
            }
        }
        fn ordinals(&self, docs: &[u32], out: &mut Vec<u64>) -> bool {
            out.clear();
            out.extend(docs.iter().filter_map(|doc| self.1[*doc as usize].first()));
            self.1.iter().all(|own| own.len() == 1)
        }
        fn text(&self, ordinal: u64) -> std::result::Result<String, StoreError> {
            Ok(self.0[ordinal as usize].clone())
        }
        fn texts(
            &self,
            ordinals: &[u64],
            visit: &mut dyn FnMut(&str),
        ) -> std::result::Result<(), StoreError> {
            ordinals.iter().for_each(|ordinal| visit(&self.0[*ordinal as usize]));
            Ok(())
        }
        fn ordinal(&self, text: &str) -> std::result::Result<Option<u64>, StoreError> {
            Ok(self.0.iter().position(|own| own == text).map(|at| at as u64))
        }
        fn len(&self) -> usize {
            self.0.len()
        }
        fn memory(&self) -> usize {
            0
        }
    }

    fn fake(docs: &[Vec<String>]) -> Fake {
        let words: BTreeSet<&String> = docs.iter().flatten().collect();
        let words: Vec<String> = words.into_iter().cloned().collect();
        let ordinals = |doc: &Vec<String>| {
            doc.iter().filter_map(|word| words.binary_search(word).ok().map(|at| at as u64)).collect()
        };
        let docs = docs.iter().map(ordinals).collect();
        Fake(words, docs)
    }

    proptest! {
        #[test]
        fn the_best_terms_of_all_segments_are_those_of_one_table(
            segments in proptest::collection::vec(proptest::collection::vec(proptest::collection::vec("[a-e]{1,2}", 0..3), 0..40), 0..5),
            size in 1usize..12,
        ) {
            let mut deferred = Deferred::default();
            let mut dull: BTreeMap<String, BTreeSet<(usize, u32)>> = BTreeMap::new();
            for (number, docs) in segments.iter().enumerate() {
                let all: Vec<u32> = (0u32..).take(docs.len()).collect();
                let column = Column::Strings(Box::new(fake(docs)));
                // As if nothing were nested for the decision; the documents are kept for the second round.
                prop_assert!(deferred.open((0, number), column, all.len() as u32, size, false).is_ok());
                if let Some(counted) = deferred.counted.last_mut() {
                    counted.docs = Some(Bits::none(all.len() as u32));
                }
                all.chunks(7).for_each(|docs| deferred.count(docs));
                for (doc, words) in all.iter().zip(docs) {
                    words.iter().for_each(|word| { dull.entry(word.clone()).or_default().insert((number, *doc)); });
                }
            }
            let mut sorted: Vec<(String, u64)> = dull.iter().map(|(word, docs)| (word.clone(), docs.len() as u64)).collect();
            sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let others = sorted.iter().skip(size).map(|(_, count)| count).sum::<u64>();
            sorted.truncate(size);
            let chosen = deferred.choose(size, &mut |_| Ok(())).unwrap();
            prop_assert_eq!(&chosen.terms, &sorted);
            prop_assert_eq!(chosen.others, others);

            let terms: Vec<&str> = chosen.terms.iter().map(|(word, _)| word.as_str()).collect();
            let mut pairs = BTreeSet::new();
            for number in 0..segments.len() {
                deferred.again((0, number), &terms, &mut |docs, places| {
                    for (doc, place) in docs.iter().zip(places) {
                        assert!(pairs.insert((terms[*place as usize].to_owned(), (number, *doc))), "a pair twice");
                    }
                    Ok(())
                }).unwrap();
            }
            let wanted = terms.iter().flat_map(|word| dull[*word].iter().map(|doc| ((*word).to_owned(), *doc))).collect();
            prop_assert_eq!(pairs, wanted);
        }
    }
}

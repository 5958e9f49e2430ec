//! Which rows of a segment a [`Plan`] means, and how well they fit.

use super::index::Edge;
use super::segment::{Learned, Segment, State, Wanted, rows_with};
use super::source::Sources;
use crate::bits::Bits;
use crate::error::StoreError;
use crate::query::pattern::Pattern;
use crate::query::plan::Plan;
use crate::query::words::words;
use crate::segments::{Number, Numbers, ZONE};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::{Bound, ControlFlow, Range, RangeInclusive};
use tantivy::columnar::{Column, DynamicColumn, MonotonicallyMappableToU64, StrColumn};

/// BM25's saturation of a term's frequency. Lengths of texts do not count, as OpenSearch's `norms: false`.
const K1: f32 = 1.2;

/// Up to this count [`saturated`] rises in each step.
const NEAR_LIMIT: u32 = 2000;

/// Rows, and their scores where these were asked for.
pub(super) struct Found {
    pub(super) bits: Bits,
    /// By row; what is not found has none that means anything.
    pub(super) scores: Option<Scores>,
}

/// Scores of a segment's rows.
pub(super) enum Scores {
    /// All have this one.
    One(f32),
    Each(Vec<f32>),
}

impl Scores {
    pub(super) fn of(&self, row: u32) -> f32 {
        match self {
            Self::One(score) => *score,
            Self::Each(scores) => scores.get(row as usize).copied().unwrap_or(0.0),
        }
    }
}

/// What was learned of terms before scoring.
#[derive(Default)]
pub(super) struct Frequencies {
    /// In how many rows of all segments a term is.
    counts: HashMap<Term, u64>,
    /// How often words are in the rows of a segment, so that they need not be looked for twice.
    words: HashMap<(usize, Term), Vec<u32>>,
    /// Rows in `words`.
    kept: usize,
}

/// Rows that are kept so, 16 MB.
const KEPT: usize = 4 << 20;

/// A term that scores by its rarity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Term {
    Exact(String, String),
    Word(String, String),
    Phrase(String, Vec<String>, u32),
}

impl Term {
    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Exact(path, text) | Self::Word(path, text) => path.len() + text.len(),
            Self::Phrase(path, words, _) => {
                path.len() + words.iter().map(|word| size_of::<String>() + word.len()).sum::<usize>()
            }
        }
    }
}

fn term(plan: &Plan) -> Option<Term> {
    match plan {
        Plan::Exact { path, key } => Some(Term::Exact(path.clone(), key.clone())),
        Plan::Word { path, word } => Some(Term::Word(path.clone(), word.clone())),
        Plan::Phrase { path, words, slop } => Some(Term::Phrase(path.clone(), words.clone(), *slop)),
        _ => None,
    }
}

/// Counts the terms that score.
pub(super) fn frequencies(plan: &Plan, state: &State, out: &mut Frequencies) -> Result<(), StoreError> {
    match plan {
        Plan::Bool { must, should, .. } => {
            must.iter().chain(should).try_for_each(|plan| frequencies(plan, state, out))
        }
        Plan::Best(plans) => plans.iter().try_for_each(|plan| frequencies(plan, state, out)),
        Plan::Boost(inner, _) => frequencies(inner, state, out),
        _ => {
            let Some(term) = term(plan) else { return Ok(()) };
            let none = Frequencies::default();
            let mut count = 0;
            for (number, living) in state.segments.iter().enumerate() {
                let segment = &living.segment;
                // Of rows that were deleted since nothing is remembered.
                let known = segment.known(&term).filter(|_| living.dead.is_none());
                if let Some(known) = known {
                    count += u64::from(known.rows);
                    continue;
                }
                let finder =
                    Finder { segment, number, scoring: None, frequencies: &none, total: 0, among: None };
                let mut most = None;
                let mut found = match plan {
                    Plan::Word { path, word } if out.kept + segment.rows as usize <= KEPT => {
                        let (bits, counts) = finder.word(path, word)?;
                        out.kept += counts.len();
                        most = counts.iter().max().copied();
                        out.words.insert((number, term.clone()), counts);
                        bits
                    }
                    _ => finder.find(plan)?.bits,
                };
                match &living.dead {
                    Some(dead) => found.and_not(dead),
                    None => segment.learn(&term, Learned { rows: found.count(), most }),
                }
                count += u64::from(found.count());
            }
            out.counts.insert(term, count);
            Ok(())
        }
    }
}

/// Finds rows in one segment.
pub(super) struct Finder<'a> {
    pub(super) segment: &'a Segment,
    /// Its number in the state.
    pub(super) number: usize,
    /// Set where scores are wanted.
    pub(super) scoring: Option<()>,
    pub(super) frequencies: &'a Frequencies,
    /// Documents in all segments.
    pub(super) total: u64,
    /// Of other rows nothing need be found. Given where these are few.
    pub(super) among: Option<&'a Bits>,
}

/// Rows are few where there are so many times more in the segment: to read what stands in a row takes so many times longer than to read on in a
/// column, for ordinals and for numbers.
const FEW: u32 = 8;
const FEW_NUMBERS: u32 = 3;

impl Finder<'_> {
    fn rows(&self) -> u32 {
        self.segment.rows
    }

    fn constant(&self, bits: Bits) -> Found {
        Found { bits, scores: self.scoring.map(|()| Scores::One(1.0)) }
    }

    pub(super) fn find(&self, plan: &Plan) -> Result<Found, StoreError> {
        Ok(match plan {
            Plan::All => self.constant(Bits::all(self.rows())),
            Plan::None => self.constant(Bits::none(self.rows())),
            Plan::Bool { must, filter, should, must_not, minimum } => {
                self.combine(must, filter, should, must_not, *minimum)?
            }
            Plan::Exact { path, key } => {
                let bits = self.keys(path, std::slice::from_ref(key))?;
                let score = self.weight(plan) * saturated(1);
                Found { bits, scores: self.scoring.map(|()| Scores::One(score)) }
            }
            Plan::ExactAny { path, keys } => self.constant(self.keys(path, keys)?),
            Plan::ExactRange { path, low, high } => self.constant(self.between(path, low, high)?),
            Plan::Pattern { path, pattern, text: false } => self.constant(self.matching(path, pattern)?),
            Plan::Pattern { path, pattern, text: true } => {
                let ready = pattern.ready();
                let values = self.segment.pattern(path, &pattern.literal(), &|word| ready.matches(word))?;
                let mut bits = Bits::none(self.rows());
                self.segment.rows_of(path, &values, self.among, &mut |rows, _| bits.insert_all(rows))?;
                self.constant(bits)
            }
            Plan::Numbers { path, low, high } => self.constant(self.numbers(path, low, high)?),
            Plan::Word { path, word } => self.counted(plan, path, word)?,
            Plan::Phrase { path, words, slop } => self.phrase(plan, path, words, *slop)?,
            Plan::Exists { path, text: true } => self.constant(self.present(&format!("t.{path}"))?),
            Plan::Exists { path, text: false } => {
                let mut bits = self.present(&format!("n.{path}"))?;
                bits.or(&self.present(&format!("k.{path}"))?);
                self.constant(bits)
            }
            Plan::Ids(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let mut bits = Bits::none(self.rows());
                self.segment.rows_of_ids(&ids)?.into_iter().for_each(|(_, row)| bits.insert(row));
                self.constant(bits)
            }
            Plan::Best(plans) => {
                let found = plans.iter().map(|plan| self.find(plan)).collect::<Result<Vec<_>, _>>()?;
                let mut bits = Bits::none(self.rows());
                found.iter().for_each(|one| bits.or(&one.bits));
                let scores = self.scoring.map(|()| {
                    self.scored(&bits, |row| {
                        let of = |one: &Found| score_in(one, row);
                        found.iter().filter_map(of).fold(f32::NEG_INFINITY, f32::max)
                    })
                });
                Found { bits, scores }
            }
            Plan::Constant(inner) => self.constant(self.unscored().find(inner)?.bits),
            Plan::Boost(inner, by) => {
                let found = self.find(inner)?;
                let scores = found.scores.map(|scores| match scores {
                    Scores::One(score) => Scores::One(score * by),
                    Scores::Each(scores) => {
                        Scores::Each(scores.into_iter().map(|score| score * by).collect())
                    }
                });
                Found { bits: found.bits, scores }
            }
        })
    }

    fn unscored(&self) -> Finder<'_> {
        Finder { scoring: None, ..*self }
    }

    fn scored(&self, bits: &Bits, score: impl Fn(u32) -> f32) -> Scores {
        let mut scores = vec![0.0; self.rows() as usize];
        bits.iter().for_each(|row| scores[row as usize] = score(row));
        Scores::Each(scores)
    }

    fn combine(
        &self,
        must: &[Plan],
        filter: &[Plan],
        should: &[Plan],
        must_not: &[Plan],
        minimum: usize,
    ) -> Result<Found, StoreError> {
        let mut bits = self.among.map_or_else(|| Bits::all(self.rows()), Bits::clone);
        // What is cheap comes first, and what is not is looked for only in the rows that this leaves, if they are few.
        let mut scoring: Vec<Option<Found>> = must.iter().map(|_| None).collect();
        for costs in COSTS {
            for plan in filter.iter().filter(|plan| cost(plan) == costs) {
                let among = self.few(&bits, costs).cloned();
                bits.and(&self.unscored().within(among.as_ref()).find(plan)?.bits);
            }
            let mut some: Vec<_> = must.iter().zip(&mut scoring).collect();
            some.retain(|(plan, _)| cost(plan) == costs);
            some.sort_by_key(|(plan, _)| self.rows_known(plan));
            for (plan, place) in some {
                let among = self.few(&bits, costs).cloned();
                let found = self.within(among.as_ref()).find(plan)?;
                bits.and(&found.bits);
                *place = Some(found);
            }
            if bits.is_empty() {
                return Ok(self.constant(bits));
            }
        }
        let mut scoring: Vec<Found> = scoring.into_iter().flatten().collect();
        if minimum > 0 || self.scoring.is_some() {
            let among = self.few(&bits, Cost::Texts).cloned();
            let finder = self.within(among.as_ref());
            let found = should.iter().map(|plan| finder.find(plan)).collect::<Result<Vec<_>, _>>()?;
            match minimum {
                0 => {}
                1 => {
                    let mut any = Bits::none(self.rows());
                    found.iter().for_each(|one| any.or(&one.bits));
                    bits.and(&any);
                }
                least if least == found.len() => found.iter().for_each(|one| bits.and(&one.bits)),
                least => {
                    let mut enough = Bits::none(self.rows());
                    for row in bits.iter() {
                        if found.iter().filter(|one| one.bits.has(row)).count() >= least {
                            enough.insert(row);
                        }
                    }
                    bits = enough;
                }
            }
            scoring.extend(found);
        }
        for costs in COSTS {
            for plan in must_not.iter().filter(|plan| cost(plan) == costs) {
                if bits.is_empty() {
                    break;
                }
                let among = self.few(&bits, costs).cloned();
                bits.and_not(&self.unscored().within(among.as_ref()).find(plan)?.bits);
            }
        }
        let one = |found: &Found| match found.scores {
            Some(Scores::One(score)) => Some(score),
            _ => None,
        };
        let scores = self.scoring.map(|()| {
            // What all must have gives each of them the same.
            let same: Option<Vec<f32>> = scoring.iter().map(one).collect();
            match same.filter(|_| should.is_empty()) {
                Some(same) => Scores::One(same.into_iter().fold(0.0, |a, b| a + b)),
                None => self.scored(&bits, |row| {
                    scoring.iter().filter_map(|one| score_in(one, row)).fold(0.0, |a, b| a + b)
                }),
            }
        });
        Ok(Found { bits, scores })
    }

    /// About how many rows there are, as far as that was learned, so that the rarest are looked for first.
    fn rows_known(&self, plan: &Plan) -> u64 {
        match plan {
            Plan::Best(plans) => plans.iter().map(|plan| self.rows_known(plan)).fold(0, u64::saturating_add),
            Plan::Boost(inner, _) => self.rows_known(inner),
            _ => term(plan)
                .and_then(|term| self.segment.known(&term))
                .map_or(u64::MAX, |known| u64::from(known.rows)),
        }
    }

    /// These rows, if they are so few that what takes so much should look at nothing else.
    pub(super) fn few<'b>(&self, rows: &'b Bits, cost: Cost) -> Option<&'b Bits> {
        let few = if cost == Cost::Numbers { FEW_NUMBERS } else { FEW };
        Some(rows).filter(|rows| rows.count() < self.rows() / few)
    }

    fn within<'b>(&'b self, among: Option<&'b Bits>) -> Finder<'b> {
        Finder { among, ..*self }
    }

    /// No row has a better score; none where that is not known without finding them.
    pub(super) fn bound(&self, plan: &Plan) -> Result<Option<f32>, StoreError> {
        let all = |plans: &mut dyn Iterator<Item = &Plan>| -> Result<Option<Vec<f32>>, StoreError> {
            plans.map(|plan| self.bound(plan)).collect()
        };
        Ok(match plan {
            Plan::Bool { must, should, .. } => {
                // In the order in which the scores of a row are summed up, so that the sums are rounded alike.
                all(&mut must.iter().chain(should))?.map(|all| all.into_iter().fold(0.0, |a, b| a + b))
            }
            Plan::Best(plans) => all(&mut plans.iter())?.and_then(|all| all.into_iter().reduce(f32::max)),
            Plan::Boost(inner, by) if *by >= 0.0 => self.bound(inner)?.map(|bound| bound * by),
            Plan::Boost(..) => None,
            Plan::Exact { .. } => Some(self.weight(plan) * saturated(1)),
            Plan::Word { path, word } => {
                let most = match term(plan).and_then(|term| self.segment.known(&term)?.most) {
                    Some(most) => Some(most),
                    None => self.segment.most(path, &self.segment.word(path, word)?)?,
                };
                most.map(|most| self.weight(plan) * highest(most))
            }
            Plan::Phrase { .. } => None,
            _ => Some(1.0),
        })
    }

    /// The weight of a term by its rarity, as Lucene's BM25 has it.
    fn weight(&self, plan: &Plan) -> f32 {
        let of = term(plan).and_then(|term| self.frequencies.counts.get(&term).copied()).unwrap_or(0) as f64;
        let total = self.total as f64;
        ((1.0 + (total - of + 0.5) / (of + 0.5)).ln()) as f32
    }

    /// Rows whose text has a word, and how often each row's has it.
    fn word(&self, path: &str, word: &str) -> Result<(Bits, Vec<u32>), StoreError> {
        let values = self.segment.word(path, word)?;
        let mut bits = Bits::none(self.rows());
        let mut counts = vec![0u32; self.rows() as usize];
        self.segment.rows_of(path, &values, self.among, &mut |rows, times| {
            bits.insert_all(rows);
            if times.is_empty() {
                rows.iter().for_each(|row| counts[*row as usize] += 1);
            }
            rows.iter().zip(times).for_each(|(row, times)| counts[*row as usize] += times);
        })?;
        Ok((bits, counts))
    }

    /// Rows whose text has a word, scored by how often.
    fn counted(&self, plan: &Plan, path: &str, word: &str) -> Result<Found, StoreError> {
        if self.scoring.is_none() {
            let bits = self.rows_with_values(path, &self.segment.word(path, word)?)?;
            return Ok(Found { bits, scores: None });
        }
        let weight = self.weight(plan);
        let score = |counts: &[u32]| Scores::Each(counts.iter().map(|n| weight * saturated(*n)).collect());
        let known = term(plan).and_then(|term| self.frequencies.words.get(&(self.number, term)));
        if let Some(counts) = known {
            let mut bits = Bits::none(self.rows());
            counts.iter().zip(0u32..).filter(|(n, _)| **n > 0).for_each(|(_, row)| bits.insert(row));
            return Ok(Found { bits, scores: Some(score(counts)) });
        }
        let (bits, counts) = self.word(path, word)?;
        Ok(Found { bits, scores: Some(score(&counts)) })
    }

    /// Rows whose text has the words one after the other. Where they stand in one piece the index of values knows; rows that have the words in
    /// several pieces are read.
    fn phrase(&self, plan: &Plan, path: &str, phrase: &[String], slop: u32) -> Result<Found, StoreError> {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        let mut bits = Bits::none(self.rows());
        let mut candidates = self.among.map_or_else(|| Bits::all(self.rows()), Bits::clone);
        if slop == 0 {
            let values = self.segment.words()?.phrase(phrase)?;
            self.segment.rows_of(path, &values, self.among, &mut |rows, times| {
                bits.insert_all(rows);
                if self.scoring.is_some() {
                    for (at, row) in rows.iter().enumerate() {
                        *counts.entry(*row).or_default() += times.get(at).copied().unwrap_or(1);
                    }
                }
            })?;
        }
        // By the dictionaries alone it is seen whether a word is nowhere; then edges, which few rows have; columns are scanned for words only where these left any.
        let values =
            phrase.iter().map(|word| self.segment.word(path, word)).collect::<Result<Vec<_>, _>>()?;
        if values.iter().any(Vec::is_empty) {
            candidates = Bits::none(self.rows());
        } else if slop == 0 {
            candidates.and(&self.over_an_edge(path, phrase)?);
        }
        candidates.and_not(&bits);
        for values in &values {
            if candidates.is_empty() {
                break;
            }
            let among = self.few(&candidates, Cost::Texts).cloned();
            candidates.and(&self.within(among.as_ref()).rows_with_values(path, values)?);
        }
        let sources = Sources::new(self.segment.columns()?);
        for row in candidates.iter() {
            let texts = sources.texts(path, row)?;
            let times: usize = texts.iter().map(|text| occurrences(&words(text), phrase, slop)).sum();
            if times > 0 {
                bits.insert(row);
                if self.scoring.is_some() {
                    counts.insert(row, u32::try_from(times).unwrap_or(u32::MAX));
                }
            }
        }
        let scores = self.scoring.map(|()| {
            let weight = self.weight(plan);
            self.scored(&bits, |row| weight * saturated(counts.get(&row).copied().unwrap_or(1)))
        });
        Ok(Found { bits, scores })
    }

    fn rows_with_values(&self, path: &str, values: &[super::index::Hit]) -> Result<Bits, StoreError> {
        let mut rows = Bits::none(self.rows());
        self.segment.rows_of(path, values, self.among, &mut |found, _| rows.insert_all(found))?;
        Ok(rows)
    }

    /// Rows in which a phrase may go over from one piece to the next.
    fn over_an_edge(&self, path: &str, phrase: &[String]) -> Result<Bits, StoreError> {
        let mut all = Bits::none(self.rows());
        // A phrase may say the same words again and again.
        let pairs: HashSet<&[String]> = phrase.windows(2).collect();
        for pair in pairs {
            let [before, after] = pair else { continue };
            let (last, first) =
                (self.segment.edge(path, Edge::Last, before)?, self.segment.edge(path, Edge::First, after)?);
            if last.is_empty() || first.is_empty() {
                continue;
            }
            let mut both = self.rows_with_values(path, &last)?;
            both.and(&self.rows_with_values(path, &first)?);
            all.or(&both);
        }
        Ok(all)
    }

    fn keys(&self, path: &str, keys: &[String]) -> Result<Bits, StoreError> {
        let Some(column) = self.segment.columns()?.strings(&format!("k.{path}"))? else {
            return Ok(Bits::none(self.rows()));
        };
        let mut ordinals = BTreeSet::new();
        for key in keys {
            ordinals.extend(column.dictionary().term_ord(key).map_err(tantivy::TantivyError::from)?);
        }
        let mut wanted = Wanted::none(column.dictionary().num_terms());
        ordinals.into_iter().for_each(|ordinal| wanted.add(ordinal, 1));
        Ok(rows_with(&column, self.rows(), &wanted, self.among))
    }

    fn between(&self, path: &str, low: &Bound<String>, high: &Bound<String>) -> Result<Bits, StoreError> {
        let Some(column) = self.segment.columns()?.strings(&format!("k.{path}"))? else {
            return Ok(Bits::none(self.rows()));
        };
        self.ordinals(&column, low.as_ref().map(String::as_bytes), high.as_ref().map(String::as_bytes))
    }

    /// Rows with a string between these.
    fn ordinals(
        &self,
        column: &StrColumn,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
    ) -> Result<Bits, StoreError> {
        let (rows, terms) = (self.rows(), column.dictionary().num_terms() as u64);
        // Strings have the order of their ordinals.
        let found = column.dictionary().term_bounds_to_ord(low, high).map_err(tantivy::TantivyError::from)?;
        let low = match found.0 {
            Bound::Included(ordinal) => ordinal,
            Bound::Excluded(ordinal) => ordinal.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match found.1 {
            Bound::Included(ordinal) => ordinal.saturating_add(1),
            Bound::Excluded(ordinal) => ordinal,
            Bound::Unbounded => terms,
        };
        let mut docs = Vec::new();
        match end.min(terms).checked_sub(1) {
            Some(high) if low <= high && scan(column.ords(), low..=high, self.among, &mut docs) => {
                return Ok(Bits::all(rows));
            }
            _ => {}
        }
        let mut bits = Bits::none(rows);
        bits.insert_all(&docs);
        Ok(bits)
    }

    fn matching(&self, path: &str, pattern: &Pattern) -> Result<Bits, StoreError> {
        let Some(column) = self.segment.columns()?.strings(&format!("k.{path}"))? else {
            return Ok(Bits::none(self.rows()));
        };
        if let Some(prefix) = pattern.prefix() {
            // The first string that does not begin so, and is not before those that do; no byte of UTF-8 is the largest.
            let mut after = prefix.as_bytes().to_vec();
            if let Some(last) = after.last_mut() {
                *last += 1;
            }
            let high = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after.as_slice()) };
            return self.ordinals(&column, Bound::Included(prefix.as_bytes()), high);
        }
        let wanted = self.segment.matching(path, pattern, &column)?;
        Ok(rows_with(&column, self.rows(), &wanted, self.among))
    }

    /// Rows that have any value in a column.
    fn present(&self, name: &str) -> Result<Bits, StoreError> {
        let rows = self.rows();
        let Some(column) = self.segment.columns()?.column(name)? else { return Ok(Bits::none(rows)) };
        if column.get_cardinality().is_full() {
            return Ok(Bits::all(rows));
        }
        let mut bits = Bits::none(rows);
        let index = column.column_index();
        (0..rows).filter(|row| index.has_value(*row)).for_each(|row| bits.insert(row));
        Ok(bits)
    }

    fn numbers(&self, path: &str, low: &Bound<Number>, high: &Bound<Number>) -> Result<Bits, StoreError> {
        let rows = self.rows();
        let mut docs = Vec::new();
        let all = self.among;
        let (columns, name) = (self.segment.columns()?, format!("n.{path}"));
        let whole = match columns.column(&name)? {
            Some(DynamicColumn::I64(column)) => {
                let Some(range) = ints(low, high) else { return Ok(Bits::none(rows)) };
                if *range.start() <= column.min_value() && column.max_value() <= *range.end() {
                    scan(&column, range, all, &mut docs)
                } else if let Some(zones) = columns.numbers(&name)?.as_deref().and_then(Numbers::zones) {
                    return Ok(zoned(&column, &range, all, zones));
                } else {
                    scan(&column, range, all, &mut docs)
                }
            }
            Some(DynamicColumn::U64(column)) => {
                ints(low, high).filter(|range| *range.end() >= 0).is_some_and(|range| {
                    let range = range.start().max(&0).unsigned_abs()..=range.end().unsigned_abs();
                    scan(&column, range, all, &mut docs)
                })
            }
            Some(DynamicColumn::F64(column)) => {
                floats(low, high).is_some_and(|range| scan(&column, range, all, &mut docs))
            }
            _ => false,
        };
        if whole {
            return Ok(Bits::all(rows));
        }
        let mut bits = Bits::none(rows);
        bits.insert_all(&docs);
        Ok(bits)
    }
}

/// What it takes to look for a plan's rows: to look through one column of ordinals is the least, numbers are unpacked one by one, and texts
/// are in several columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    Ordinals,
    Numbers,
    Texts,
}

const COSTS: [Cost; 3] = [Cost::Ordinals, Cost::Numbers, Cost::Texts];

pub(super) fn cost(plan: &Plan) -> Cost {
    let most = |plans: &mut dyn Iterator<Item = &Plan>| plans.map(cost).max().unwrap_or(Cost::Ordinals);
    match plan {
        Plan::Word { .. } | Plan::Phrase { .. } | Plan::Pattern { text: true, .. } => Cost::Texts,
        Plan::Numbers { .. } => Cost::Numbers,
        Plan::Bool { must, filter, should, must_not, .. } => {
            most(&mut must.iter().chain(filter).chain(should).chain(must_not))
        }
        Plan::Best(plans) => most(&mut plans.iter()),
        Plan::Constant(inner) | Plan::Boost(inner, _) => cost(inner),
        _ => Cost::Ordinals,
    }
}

fn score_in(found: &Found, row: u32) -> Option<f32> {
    found.bits.has(row).then(|| found.scores.as_ref().map_or(0.0, |scores| scores.of(row)))
}

/// OpenSearch keeps BM25's constant factor `k1 + 1`.
fn saturated(count: u32) -> f32 {
    let count = count as f32;
    (K1 + 1.0) * count / (count + K1)
}

/// No count up to this one gives more. Rounded, the formula falls here and there where it is near its limit.
fn highest(most: u32) -> f32 {
    if most > NEAR_LIMIT { K1 + 1.0 } else { saturated(most) }
}

/// How often a phrase is in a text: each word within `slop` moves of its place.
fn occurrences(text: &[String], phrase: &[String], slop: u32) -> usize {
    if slop == 0 {
        return text.windows(phrase.len()).filter(|window| *window == phrase).count();
    }
    // Lucene's measure: the width of the places that the words say the phrase begins at.
    let places: Vec<Vec<i64>> = phrase
        .iter()
        .zip(0i64..)
        .map(|(word, offset)| {
            text.iter().zip(0i64..).filter(|(found, _)| *found == word).map(|(_, at)| at - offset).collect()
        })
        .collect();
    let mut at = vec![0usize; places.len()];
    let mut times = 0;
    loop {
        let mut lowest = (i64::MAX, 0);
        let mut highest = i64::MIN;
        for (list, (places, at)) in places.iter().zip(&at).enumerate() {
            let Some(place) = places.get(*at) else { return times };
            if *place < lowest.0 {
                lowest = (*place, list);
            }
            highest = highest.max(*place);
        }
        if highest - lowest.0 <= i64::from(slop) {
            times += 1;
        }
        at[lowest.1] += 1;
    }
}

fn ints(low: &Bound<Number>, high: &Bound<Number>) -> Option<RangeInclusive<i64>> {
    let low = match *low {
        Bound::Unbounded => i64::MIN,
        Bound::Included(Number::Int(n)) => n,
        Bound::Excluded(Number::Int(n)) => n.checked_add(1)?,
        Bound::Included(Number::Float(n)) => n.ceil() as i64,
        Bound::Excluded(Number::Float(n)) => (n.floor() as i64).checked_add(1)?,
    };
    let high = match *high {
        Bound::Unbounded => i64::MAX,
        Bound::Included(Number::Int(n)) => n,
        Bound::Excluded(Number::Int(n)) => n.checked_sub(1)?,
        Bound::Included(Number::Float(n)) => n.floor() as i64,
        Bound::Excluded(Number::Float(n)) => (n.ceil() as i64).checked_sub(1)?,
    };
    (low <= high).then_some(low..=high)
}

fn floats(low: &Bound<Number>, high: &Bound<Number>) -> Option<RangeInclusive<f64>> {
    let low = match low {
        Bound::Unbounded => f64::NEG_INFINITY,
        Bound::Included(n) => n.float(),
        Bound::Excluded(n) => above(n.float()),
    };
    let high = match high {
        Bound::Unbounded => f64::INFINITY,
        Bound::Included(n) => n.float(),
        Bound::Excluded(n) => below(n.float()),
    };
    (low.to_u64() <= high.to_u64()).then_some(low..=high)
}

/// The next number. Of two zeros the negative one is the lesser (Lucene's `DoublePoint.nextUp`).
fn above(n: f64) -> f64 {
    if n == 0.0 && n.is_sign_negative() { 0.0 } else { n.next_up() }
}

/// The number before (Lucene's `DoublePoint.nextDown`).
fn below(n: f64) -> f64 {
    if n == 0.0 && n.is_sign_positive() { -0.0 } else { n.next_down() }
}

/// Collects the rows, of `among` if that is given; or says that it is all of them. Ends beyond the column's own are not understood by its packed values,
/// so they are brought in first. Values are compared as the column keeps them, by which the negative zero is below the other one.
fn scan<T>(column: &Column<T>, range: RangeInclusive<T>, among: Option<&Bits>, docs: &mut Vec<u32>) -> bool
where
    T: MonotonicallyMappableToU64 + PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    let (least, most) = (column.min_value().to_u64(), column.max_value().to_u64());
    let (low, high) = (range.start().to_u64(), range.end().to_u64());
    if low <= least && most <= high && column.get_cardinality().is_full() {
        return true;
    }
    let (low, high) = (low.max(least), high.min(most));
    match among {
        Some(among) => {
            let has = |row: &u32| column.values_for_doc(*row).any(|n| (low..=high).contains(&n.to_u64()));
            docs.extend(among.iter().filter(has));
        }
        None if low <= high => {
            let range = T::from_u64(low)..=T::from_u64(high);
            column.get_docids_for_value_range(range, 0..column.num_docs(), docs);
        }
        None => {}
    }
    false
}

/// The same for whole numbers that each row has: zones that are inside or outside as a whole are not unpacked, nor those where nothing is looked for.
fn zoned(
    column: &Column<i64>,
    range: &RangeInclusive<i64>,
    among: Option<&Bits>,
    zones: &[(i64, i64)],
) -> Bits {
    let rows = column.num_docs();
    let mut bits = Bits::none(rows);
    // Ends beyond the column's own are not understood by its packed values.
    let known = *range.start().max(&column.min_value())..=*range.end().min(&column.max_value());
    if known.is_empty() {
        return bits;
    }
    let mut found = Vec::new();
    let mut unpack = |rows: Range<u32>, bits: &mut Bits| {
        if !rows.is_empty() {
            column.get_docids_for_value_range(known.clone(), rows, &mut found);
            bits.insert_all(&found);
        }
    };
    // Zones that are next to each other are unpacked together; of those where few rows are looked for only these are read.
    let (mut doubtful, mut singly) = (0..0, Vec::new());
    for (from, (low, high)) in (0u32..).step_by(ZONE as usize).zip(zones) {
        let zone = from..rows.min(from + ZONE);
        if high < range.start() || range.end() < low {
            continue;
        }
        if range.contains(low) && range.contains(high) {
            bits.insert_range(zone);
            continue;
        }
        if let Some(among) = among
            && among.count_within(&zone) < ZONE / FEW_NUMBERS
        {
            among.runs_within(&zone, ZONE as usize, |docs| {
                singly.extend_from_slice(docs);
                ControlFlow::Continue(())
            });
        } else if doubtful.end == zone.start {
            doubtful.end = zone.end;
        } else {
            unpack(std::mem::replace(&mut doubtful, zone), &mut bits);
        }
    }
    unpack(doubtful, &mut bits);
    let mut values = vec![0; singly.len()];
    column.values.get_vals(&singly, &mut values);
    for (row, _) in singly.iter().zip(&values).filter(|(_, value)| range.contains(value)) {
        bits.insert(*row);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_score_is_above_its_bound() {
        let mut best = 0.0f32;
        for count in 1..20_000 {
            best = best.max(saturated(count));
            assert!(highest(count) >= best, "{count}");
        }
    }

    #[test]
    fn phrases() {
        let of = |text: &str, phrase: &str, slop| occurrences(&words(text), &words(phrase), slop);
        assert_eq!(of("a b a b c", "a b", 0), 2);
        assert_eq!(of("a x b", "a b", 0), 0);
        assert_eq!(of("a x b", "a b", 1), 1);
        assert_eq!(of("b a", "a b", 1), 0);
        assert_eq!(of("b a", "a b", 2), 1);
    }
}

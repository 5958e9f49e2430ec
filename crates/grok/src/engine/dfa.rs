//! A table for a part of the pattern that captures nothing: one look-up a byte in place of choices, and nothing to come back to.
//!
//! Where the part can end and what follows can begin, but the part could also go on, it goes on. A second end it tells too where
//! the longer way is the one that is tried first: the states are kept in the order in which their ways are tried, so that this
//! can be seen. With a third, or in another order, it gives up, and the slow program that stands behind it answers. An atomic
//! group that always takes the longest way may have any number, of which the last counts. At a byte beyond ASCII it gives up.
//! Long counted repetitions (`[a-z]{1,62}`) are built as if without an end; a match shorter than the least of those counts is
//! the same either way, and for a longer one it gives up too.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    ast::{Assertion, Node},
    class::{ByteSet, Class},
    compile::single_class,
    first::{First, Open, has_one_end},
    gate::least,
    parse::parse,
    shape::Shape,
};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It ends where the look ended.
    End,
    /// The same, and if nothing comes of that, it ends here, before.
    Ends(u32),
    Fail,
    /// The slow program must say.
    Unknown,
}

/// The table. A row is a state, a column a class of bytes; the last column is the end of the text. Copies share what is large.
#[derive(Clone, Debug)]
pub(crate) struct Dfa {
    columns: Arc<[u8; 256]>,
    end: usize,
    /// The row to begin with, by the column of the byte before (and last, where there is none).
    starts: Vec<u16>,
    looks_back: bool,
    rows: Arc<[u16]>,
    /// A match longer than this is not certain.
    limit: usize,
    /// The cells where it can end and go on, in the order of the cells.
    forks: Vec<Fork>,
    ends: Ends,
    /// What is tried first.
    shape: Option<Proved>,
}

/// A shape of which all that it can say yes to is accepted.
#[derive(Clone, Debug)]
struct Proved {
    shape: Shape,
    /// For which bytes before, by column.
    before: Vec<bool>,
    /// Where one of these comes behind.
    follow: First,
}

/// A cell where it can end and go on.
#[derive(Clone, Copy, Debug)]
struct Fork {
    cell: u16,
    /// Where it goes on.
    row: u16,
    /// Whether going on is tried first.
    longer_first: bool,
}

/// Which end counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The only one.
    One,
    /// The last one.
    Longest,
}

const FAIL: u16 = u16::MAX;
const ACCEPT: u16 = u16::MAX - 1;
const GIVE_UP: u16 = u16::MAX - 2;
/// It can end here, and go on.
const FORK: u16 = u16::MAX - 3;

/// More of the slow form's states than this, or more cells in the table than that, and it is not worth it.
const MAX_STATES: usize = 3_000;
const MAX_CELLS: usize = 50_000;

/// A table of so many states may stand for something that a [`Shape`] knows.
const LARGE: usize = 24;

/// No shape is longer.
const MOST_SHAPE: usize = 32;

/// A table that is unsure in more than one of so many cells would mostly be asked in vain.
const MOST_UNSURE: usize = 10;

/// Repetitions from this count on are built as if without an end.
const LONG: u32 = 8;

impl Dfa {
    /// The table for `node` where `follow` comes after it; none where it would be large, or knows no bytes for something, or
    /// where the `work` that is allowed (states looked at) is used up.
    pub(crate) fn build(node: &Node, follow: First, work: &mut u64) -> Option<Self> {
        if let Node::Atomic(inner) = node {
            const NOTHING: First = First { bytes: ByteSet::NONE, end: false, open: Open::No };
            // What it takes does not depend on what follows.
            if takes_longest(inner, NOTHING)
                && let Some(mut dfa) = Self::longest(inner, work)
            {
                dfa.find_shape(follow, work);
                return Some(dfa);
            }
        }
        if follow.open != Open::No {
            return None;
        }
        let mut dfa = Self::plain(node, follow, work)?;
        dfa.find_shape(follow, work);
        Some(dfa)
    }

    /// Whether it is in no program any more, but only where tables are kept.
    pub(super) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.rows) == 1
    }

    /// Its size in memory, as good as.
    pub(super) fn size(&self) -> usize {
        256 + 2 * self.rows.len()
    }

    fn find_shape(&mut self, follow: First, work: &mut u64) {
        if follow.open != Open::No {
            return;
        }
        let shapes: &[Shape] = match self.rows.len() / (self.end + 1) {
            LARGE.. => &Shape::ALL,
            // What counts is mostly a name.
            _ if self.limit < usize::MAX => &[],
            _ => &[Shape::Number],
        };
        self.shape = shapes.iter().find_map(|shape| {
            let before = self.proves(*shape, follow, work)?;
            Some(Proved { shape: *shape, before, follow })
        });
    }

    fn plain(node: &Node, follow: First, work: &mut u64) -> Option<Self> {
        let mut nfa = Nfa { states: vec![State::Accept], limit: usize::MAX, in_order: true };
        let first = nfa.add(node, 0, follow)?;
        Table::of(&nfa, first, follow, Ends::One, work)
    }

    /// The longest match, whatever follows.
    fn longest(node: &Node, work: &mut u64) -> Option<Self> {
        let mut nfa = Nfa { states: vec![State::Accept], limit: usize::MAX, in_order: true };
        let first = nfa.add(node, 0, First::END)?;
        Table::of(&nfa, first, First::END, Ends::Longest, work)
    }

    /// For which bytes before, by column, everything that the shape can say yes to is accepted; none where for no byte.
    fn proves(&self, shape: Shape, follow: First, work: &mut u64) -> Option<Vec<bool>> {
        let (node, _) = parse(shape.regex()).ok()?;
        let other = Self::plain(&node, follow, work)?;
        if self.limit < other.limit.min(MOST_SHAPE) {
            return None;
        }
        let proved: Vec<bool> = self.starts.iter().map(|start| self.accepts_all_of(*start, &other)).collect();
        proved.contains(&true).then_some(proved)
    }

    /// Whether, from a state on, all is accepted that `other` accepts. Both are walked together, over all bytes.
    fn accepts_all_of(&self, start: u16, other: &Self) -> bool {
        let (mut todo, mut seen) = (vec![(start, other.starts[other.end])], HashSet::new());
        while let Some((mine, theirs)) = todo.pop() {
            if mine >= FORK || theirs >= FORK {
                return false;
            }
            if !seen.insert((mine, theirs)) {
                continue;
            }
            for byte in (0..0x80_u8).map(Some).chain([None]) {
                let cell = |dfa: &Self, row: u16| {
                    let column = byte.map_or(dfa.end, |b| usize::from(dfa.columns[usize::from(b)]));
                    dfa.rows.get(usize::from(row) + column).copied().unwrap_or(GIVE_UP)
                };
                match (cell(other, theirs), cell(self, mine)) {
                    (FAIL, _) | (ACCEPT, ACCEPT) => {}
                    (ACCEPT | GIVE_UP | FORK, _) => return false,
                    // The longest way goes on behind an end.
                    (theirs, FORK) if self.ends == Ends::Longest => {
                        let column = byte.map_or(self.end, |b| usize::from(self.columns[usize::from(b)]));
                        match self.fork_at(usize::from(mine) + column) {
                            Some(mine) => todo.push((mine.row, theirs)),
                            None => return false,
                        }
                    }
                    (_, FAIL | ACCEPT | GIVE_UP | FORK) => return false,
                    (theirs, mine) => todo.push((mine, theirs)),
                }
            }
        }
        true
    }

    /// The one end of a match from `pos`, and how far was looked.
    #[inline]
    pub(crate) fn run(&self, text: &[u8], pos: usize) -> (Verdict, usize) {
        let before = match pos.checked_sub(1).and_then(|at| text.get(at)) {
            Some(byte) if self.looks_back => usize::from(self.columns[usize::from(*byte)]),
            _ => self.end,
        };
        if let Some(Proved { shape, before: proved, follow }) = &self.shape
            && proved[before]
            && let Some(length) = shape.length(text.get(pos..).unwrap_or_default())
            && follow.can_begin_ascii(text.get(pos + length).copied())
        {
            return (Verdict::End, pos + length);
        }
        let mut row = self.starts[before];
        let mut at = pos;
        for byte in text.get(pos..).unwrap_or_default() {
            // A start that gives up is no row.
            let cell = usize::from(row) + usize::from(self.columns[usize::from(*byte)]);
            let next = self.rows.get(cell).copied().unwrap_or(GIVE_UP);
            if next >= FORK {
                return if next == FORK {
                    self.fork(text, pos, cell, at)
                } else {
                    self.verdict(next, pos, at)
                };
            }
            row = next;
            at += 1;
        }
        self.verdict(self.rows.get(usize::from(row) + self.end).copied().unwrap_or(GIVE_UP), pos, at)
    }

    /// Goes on behind an end, and looks for another one.
    #[cold]
    fn fork(&self, text: &[u8], pos: usize, cell: usize, end: usize) -> (Verdict, usize) {
        let (mut end, mut cell, mut at, mut shorter) = (end, cell, end, None);
        loop {
            // At a fork, the way on.
            let Some(fork) = self.fork_at(cell) else { return (Verdict::Unknown, at) };
            let mut row = fork.row;
            let next = loop {
                at += 1;
                let column = text.get(at).map_or(self.end, |b| usize::from(self.columns[usize::from(*b)]));
                cell = usize::from(row) + column;
                row = self.rows.get(cell).copied().unwrap_or(GIVE_UP);
                if row >= FORK {
                    break row;
                }
            };
            // What is found behind this fork is tried before it, or not known to be.
            match (next, self.ends) {
                // Nobody pays for what was looked at behind the end: those who do are to look again.
                (FAIL, _) if at - end > FREE => return (Verdict::Unknown, at),
                (FAIL, _) => break,
                (ACCEPT | FORK, Ends::Longest) => end = at,
                (ACCEPT | FORK, Ends::One) if fork.longer_first && shorter.is_none() => {
                    (shorter, end) = (Some(end), at);
                }
                _ => return (Verdict::Unknown, at),
            }
            if next == ACCEPT {
                break;
            }
        }
        match (self.verdict(ACCEPT, pos, end), shorter) {
            ((Verdict::End, end), Some(shorter)) => (Verdict::Ends(shorter as u32), end),
            (one, _) => one,
        }
    }

    fn fork_at(&self, cell: usize) -> Option<Fork> {
        let found = self.forks.binary_search_by_key(&cell, |fork| usize::from(fork.cell)).ok()?;
        self.forks.get(found).copied()
    }

    fn verdict(&self, cell: u16, pos: usize, at: usize) -> (Verdict, usize) {
        let verdict = match cell {
            ACCEPT if at - pos <= self.limit => Verdict::End,
            FAIL => Verdict::Fail,
            _ => Verdict::Unknown,
        };
        (verdict, at)
    }
}

/// So far a table looks behind an end without being asked for fuel.
const FREE: usize = 256;

/// The slow form: states with several ways out.
struct Nfa {
    states: Vec<State>,
    limit: usize,
    /// Whether the order in which ways are tried is that of [`State::Either`].
    in_order: bool,
}

enum State {
    Accept,
    Byte(ByteSet, u32),
    Either(Vec<u32>),
    If(Condition, u32),
}

/// What can be told from the bytes on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition {
    WordBoundary,
    NotWordBoundary,
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    Before { set: ByteSet, negated: bool },
    After { set: ByteSet, negated: bool },
}

impl Condition {
    fn holds(self, before: Option<u8>, after: Option<u8>) -> bool {
        let word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        match self {
            Self::WordBoundary => word(before) != word(after),
            Self::NotWordBoundary => word(before) == word(after),
            Self::LineStart => before.is_none() || (before == Some(b'\n') && after.is_some()),
            Self::LineEnd => after.is_none_or(|b| b == b'\n'),
            Self::TextStart => before.is_none(),
            Self::TextEnd => after.is_none(),
            Self::Before { set, negated } => before.is_some_and(|b| set.has(b)) != negated,
            Self::After { set, negated } => after.is_some_and(|b| set.has(b)) != negated,
        }
    }

    /// The sets of bytes that it tells apart.
    fn sets(self) -> Vec<ByteSet> {
        match self {
            Self::WordBoundary | Self::NotWordBoundary => vec![Class::ascii_word().bytes()],
            Self::LineStart | Self::LineEnd => vec![ByteSet::of(b'\n')],
            Self::TextStart | Self::TextEnd => Vec::new(),
            Self::Before { set, .. } | Self::After { set, .. } => vec![set],
        }
    }

    fn looks_back(self) -> bool {
        !matches!(self, Self::LineEnd | Self::TextEnd | Self::After { .. })
    }
}

impl Nfa {
    fn push(&mut self, state: State) -> Option<u32> {
        if self.states.len() >= MAX_STATES {
            return None;
        }
        self.states.push(state);
        Some(self.states.len() as u32 - 1)
    }

    /// Adds `node` in front of state `next` and gives back where it begins.
    fn add(&mut self, node: &Node, next: u32, follow: First) -> Option<u32> {
        match node {
            Node::Empty => Some(next),
            // Bytes beyond ASCII give up before they are looked at.
            Node::Class(class) => self.push(State::Byte(class.bytes(), next)),
            Node::Literal(bytes) => {
                bytes.iter().rev().try_fold(next, |next, b| self.push(State::Byte(ByteSet::of(*b), next)))
            }
            Node::Assert(assertion) => {
                let condition = match assertion {
                    Assertion::LineStart => Condition::LineStart,
                    Assertion::LineEnd => Condition::LineEnd,
                    Assertion::TextStart => Condition::TextStart,
                    Assertion::TextEnd => Condition::TextEnd,
                    Assertion::TextEndBeforeNewline => return None,
                    Assertion::WordBoundary => Condition::WordBoundary,
                    Assertion::NotWordBoundary => Condition::NotWordBoundary,
                };
                self.push(State::If(condition, next))
            }
            Node::Look { node, behind, negated } => {
                let class = single_class(node)?;
                let (set, negated) = (class.bytes(), *negated);
                let condition = if *behind {
                    Condition::Before { set, negated }
                } else {
                    Condition::After { set, negated }
                };
                self.push(State::If(condition, next))
            }
            Node::Capture(..) => None,
            Node::Atomic(node) => {
                is_transparent(node, follow).then(|| self.add(node, next, follow)).flatten()
            }
            Node::Concat(nodes) => {
                let (mut next, mut follow) = (next, follow);
                for node in nodes.iter().rev() {
                    next = self.add(node, next, follow)?;
                    follow = First::of(node, follow);
                }
                Some(next)
            }
            Node::Alternate(branches) => {
                let ways: Option<Vec<u32>> =
                    branches.iter().map(|branch| self.add(branch, next, follow)).collect();
                let ways = ways?;
                self.push(State::Either(ways))
            }
            Node::Repeat { node, min, max, greedy } => {
                // Where a round takes nothing, the loop is left, which is not seen here.
                self.in_order &= *max == Some(1) || least(node) > 0;
                self.repeat(node, (*min, *max, *greedy), next, follow)
            }
        }
    }

    fn repeat(
        &mut self,
        node: &Node,
        (min, max, greedy): (u32, Option<u32>, bool),
        next: u32,
        follow: First,
    ) -> Option<u32> {
        let ways = |body, exit| State::Either(if greedy { vec![body, exit] } else { vec![exit, body] });
        let between = First::of(node, follow).or(follow);
        let mut next = next;
        let max = match max {
            Some(max) if max >= LONG && max > min => {
                let bytes = least(node).max(1);
                self.limit = self.limit.min(bytes.saturating_mul(max as usize));
                None
            }
            other => other,
        };
        match max {
            None => {
                let head = self.push(State::Either(Vec::new()))?;
                let body = self.add(node, head, between)?;
                self.states[head as usize] = ways(body, next);
                next = head;
            }
            Some(max) => {
                let exit = next;
                for copy in min..max {
                    let body = self.add(node, next, if copy == min { follow } else { between })?;
                    next = self.push(ways(body, exit))?;
                }
            }
        }
        for copy in 0..min {
            let last = copy == 0 && max == Some(min);
            next = self.add(node, next, if last { follow } else { between })?;
        }
        Some(next)
    }
}

/// Whether an atomic group could as well be an ordinary one: what it takes first is the only end that `follow` allows.
///
/// It is, where its length is fixed; or where each choice is told by the next byte and the longer way is taken first, so that
/// it takes the longest match, while the one end that `follow` allows is the longest too.
fn is_transparent(node: &Node, follow: First) -> bool {
    node.width().is_some() || (has_one_end(node, follow) && takes_longest(node, follow))
}

fn takes_longest(node: &Node, follow: First) -> bool {
    match node {
        Node::Empty | Node::Assert(_) | Node::Look { .. } | Node::Class(_) | Node::Literal(_) => true,
        Node::Capture(_, node) | Node::Atomic(node) => takes_longest(node, follow),
        Node::Concat(nodes) => {
            let mut follow = follow;
            nodes.iter().rev().all(|node| {
                let fine = takes_longest(node, follow);
                follow = First::of(node, follow);
                fine
            })
        }
        Node::Alternate(branches) => {
            let firsts: Vec<First> = branches.iter().map(|b| First::of(b, follow)).collect();
            let apart =
                (0..firsts.len()).all(|one| (0..one).all(|other| firsts[one].is_disjoint(&firsts[other])));
            let (_, earlier) = branches.split_last().unwrap_or((&Node::Empty, &[]));
            apart
                && earlier.iter().all(|branch| least(branch) > 0)
                && branches.iter().all(|branch| takes_longest(branch, follow))
        }
        Node::Repeat { node, greedy, .. } => {
            let inner = First::of(node, follow);
            *greedy && least(node) > 0 && inner.is_disjoint(&follow) && takes_longest(node, inner.or(follow))
        }
    }
}

/// The making of the table.
struct Table<'n> {
    nfa: &'n Nfa,
    follow: First,
    /// One byte of each class; the last class is the end of the text.
    examples: Vec<Option<u8>>,
    /// The conditions that look at the byte before.
    looks_back: Vec<Condition>,
    numbers: HashMap<(Vec<u32>, u32), u16>,
    /// How many states the last cell took to work out.
    visited: u64,
    /// The states still to be worked out, with an example of the byte before.
    open: Vec<(Vec<u32>, Option<u8>)>,
    /// Where the cell that was worked out last goes on, if it is a fork, and whether that is tried first.
    fork: Option<(u16, bool)>,
}

impl Table<'_> {
    fn of(nfa: &Nfa, first: u32, follow: First, ends: Ends, work: &mut u64) -> Option<Dfa> {
        let (columns, mut examples) = classes(nfa, follow);
        let end = examples.len();
        examples.push(None);
        let mut looks_back = Vec::new();
        for state in &nfa.states {
            if let State::If(condition, _) = state
                && condition.looks_back()
                && !looks_back.contains(condition)
            {
                looks_back.push(*condition);
            }
        }
        if looks_back.len() > 16 {
            return None;
        }
        let mut table = Table {
            nfa,
            follow,
            examples,
            looks_back,
            numbers: HashMap::new(),
            visited: 0,
            open: Vec::new(),
            fork: None,
        };
        let width = table.examples.len();
        let mut starts = Vec::with_capacity(width);
        for column in 0..width {
            let before = table.examples[column];
            // What stands before is told by its last byte; beyond ASCII that tells nothing.
            starts.push(match before {
                Some(byte) if byte >= 0x80 && !table.looks_back.is_empty() => GIVE_UP,
                _ => table.number(vec![first], before)?,
            });
        }
        let (mut rows, mut forks) = (Vec::new(), Vec::new());
        let mut done = 0;
        while done < table.open.len() {
            let (kernel, before) = table.open[done].clone();
            for column in 0..width {
                let cell = table.cell(&kernel, before, table.examples[column])?;
                // Nothing left tells that it was too much.
                *work = work.saturating_sub(table.visited);
                (*work > 0).then_some(())?;
                forks.extend(table.fork.take().map(|(row, longer_first)| Fork {
                    cell: rows.len() as u16,
                    row,
                    longer_first,
                }));
                rows.push(cell);
            }
            done += 1;
        }
        let plain = |column: &usize| examples_are_ascii(&table.examples, *column);
        let unsure = rows.chunks(width).flat_map(|row| (0..width).filter(plain).map(|column| row[column]));
        let (mut cells, mut open) = (0, 0);
        unsure.for_each(|cell| {
            cells += 1;
            open += usize::from(cell == GIVE_UP || (cell == FORK && ends == Ends::One));
        });
        (open * MOST_UNSURE <= cells).then_some(())?;
        let looks_back = starts.iter().any(|start| *start != starts[end]);
        let limit = nfa.limit;
        let (columns, rows) = (Arc::from(columns), Arc::from(rows));
        Some(Dfa { columns, end, starts, looks_back, rows, limit, forks, ends, shape: None })
    }

    /// The number of a state: the offset of its row.
    fn number(&mut self, kernel: Vec<u32>, before: Option<u8>) -> Option<u16> {
        let mut seen = 0_u32;
        // Only what the conditions make of the byte before counts, for whatever comes after.
        for (at, condition) in self.looks_back.iter().enumerate() {
            let tells = match condition {
                Condition::WordBoundary | Condition::NotWordBoundary => {
                    before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
                }
                Condition::LineStart => before.is_none_or(|b| b == b'\n'),
                other => other.holds(before, Some(b'x')),
            };
            seen |= u32::from(tells) << at;
        }
        // `^` tells the beginning from a newline before the end.
        if self.looks_back.contains(&Condition::LineStart) && before.is_none() {
            seen |= 1 << 31;
        }
        if let Some(number) = self.numbers.get(&(kernel.clone(), seen)) {
            return Some(*number);
        }
        let at = self.open.len() * self.examples.len();
        if at + self.examples.len() > MAX_CELLS {
            return None;
        }
        self.numbers.insert((kernel.clone(), seen), at as u16);
        self.open.push((kernel, before));
        Some(at as u16)
    }

    fn cell(&mut self, kernel: &[u32], before: Option<u8>, after: Option<u8>) -> Option<u16> {
        if after.is_some_and(|byte| byte >= 0x80) {
            return Some(GIVE_UP);
        }
        let (mut todo, mut seen) = (kernel.to_vec(), vec![false; self.nfa.states.len()]);
        // Making the list counts too.
        self.visited = 1 + seen.len() as u64 / 64;
        // The states that are reached, in the order in which their ways are tried, and how many before the end.
        let (mut accepts, mut next) = (None, Vec::new());
        todo.reverse();
        while let Some(state) = todo.pop() {
            if std::mem::replace(&mut seen[state as usize], true) {
                continue;
            }
            self.visited += 1;
            match &self.nfa.states[state as usize] {
                State::Accept => accepts = Some(next.len()),
                State::Either(ways) => todo.extend(ways.iter().rev()),
                State::If(condition, to) => {
                    if condition.holds(before, after) {
                        todo.push(*to);
                    }
                }
                State::Byte(set, to) => {
                    if after.is_some_and(|byte| set.has(byte)) && !next.contains(to) {
                        next.push(*to);
                    }
                }
            }
        }
        let end = accepts.filter(|_| self.follow.can_begin(after));
        if next.is_empty() {
            return Some(if end.is_some() { ACCEPT } else { FAIL });
        }
        let longer_first = self.nfa.in_order && end == Some(next.len());
        if !self.nfa.in_order {
            next.sort_unstable();
        }
        let row = self.number(next, after)?;
        self.fork = end.map(|_| (row, longer_first));
        Some(if end.is_some() { FORK } else { row })
    }
}

fn examples_are_ascii(examples: &[Option<u8>], column: usize) -> bool {
    examples[column].is_none_or(|byte| byte < 0x80)
}

/// Bytes that nothing tells apart share a column: the columns, and one byte of each.
fn classes(nfa: &Nfa, follow: First) -> (Box<[u8; 256]>, Vec<Option<u8>>) {
    let mut sets = vec![ByteSet::wide(), follow.bytes];
    for state in &nfa.states {
        let found = match state {
            State::Byte(set, _) => vec![*set],
            State::If(condition, _) => condition.sets(),
            State::Accept | State::Either(_) => Vec::new(),
        };
        for set in found {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
    }
    let mut columns = Box::new([0_u8; 256]);
    let mut examples: Vec<Option<u8>> = Vec::new();
    let mut known: HashMap<Vec<bool>, u8> = HashMap::new();
    for byte in 0..=255_u8 {
        let signature: Vec<bool> = sets.iter().map(|set| set.has(byte)).collect();
        let column = *known.entry(signature).or_insert_with(|| {
            examples.push(Some(byte));
            (examples.len() - 1) as u8
        });
        columns[usize::from(byte)] = column;
    }
    (columns, examples)
}

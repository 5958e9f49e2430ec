//! Tree to program.

use memchr::memmem::Finder;

use super::{
    ast::{Assertion, Node},
    class::{ByteSet, Class},
    dfa::Dfa,
    first::{First, Inside, Last, Open, always_holds, has_one_end},
    gate::Gate,
    parse::{Refusal, look_behind_widths, parse},
    program::{
        At, Branches, FenceStep, Fork, NO_END, NO_MEMO, NO_SLOT, Optimise, Program, Run, Scan, Seek, Step,
        TableStep,
    },
};

/// A program may have this many steps; copies of counted repetitions can ask for any number.
const MAX_STEPS: usize = 200_000;

/// So many states may be looked at for the tables of one expression: some tenths of a second at the very most.
const WORK: u64 = 30_000_000;

/// A try that fails late has passed the first places; there the later tries end.
const MOST_MEMOS: u32 = 3;

pub(super) fn compile(regex: &str, optimise: Optimise) -> Result<Program, Refusal> {
    let (node, names) = parse(regex)?;
    let on = optimise == Optimise::On;
    let first = First::of(&node, First::END);
    let program = Program {
        steps: Vec::new(),
        classes: Vec::new(),
        sets: Vec::new(),
        runs: Vec::new(),
        tables: Vec::new(),
        forks: Vec::new(),
        fences: Vec::new(),
        branches: Vec::new(),
        behinds: Vec::new(),
        marks: 0,
        registers: 0,
        memos: 0,
        names,
        first: (on && first.open == Open::No && !first.end).then_some(first.bytes),
        anchored: on && is_anchored(&node),
        gate: on.then(|| Gate::of(&node)).flatten(),
    };
    let mut compiler = Compiler {
        program,
        on,
        tables: on,
        loops: 0,
        inner: 0,
        cycles: 0,
        opened: 0,
        forget: None,
        work: WORK,
    };
    compiler.node(&node, Last::UNKNOWN, First::END)?;
    compiler.push(Step::Match)?;
    Ok(compiler.program)
}

fn is_anchored(node: &Node) -> bool {
    match node {
        Node::Assert(Assertion::TextStart) => true,
        Node::Concat(nodes) => nodes.first().is_some_and(is_anchored),
        Node::Capture(_, node) | Node::Atomic(node) => is_anchored(node),
        Node::Alternate(branches) => branches.iter().all(is_anchored),
        _ => false,
    }
}

struct Compiler {
    program: Program,
    on: bool,
    /// Whether parts may become tables.
    tables: bool,
    /// How many loops stand around, and how many atomic groups and looks.
    loops: u32,
    inner: u32,
    /// How many loops that go round more than once, and looks, stand around.
    cycles: u32,
    /// The number of captures that begin before this place.
    opened: usize,
    /// How much work on tables is left.
    work: u64,
    /// In a cycle, the first slot behind the outermost one.
    forget: Option<u32>,
}

/// What a node is worth a table for: choices, and nothing that is captured.
#[derive(Clone, Copy, Default)]
struct Shape {
    choices: bool,
    captures: bool,
    /// Long runs of nearly anything, which are found faster by the bytes that end them.
    long_runs: bool,
}

impl Shape {
    fn of(node: &Node) -> Self {
        let none = Self::default();
        match node {
            Node::Empty | Node::Class(_) | Node::Literal(_) | Node::Assert(_) | Node::Look { .. } => none,
            Node::Capture(_, node) => Self { captures: true, ..Self::of(node) },
            Node::Atomic(node) => Self::of(node),
            Node::Concat(nodes) => nodes.iter().map(Self::of).fold(none, Self::or),
            Node::Alternate(nodes) => {
                Self { choices: true, ..nodes.iter().map(Self::of).fold(none, Self::or) }
            }
            Node::Repeat { node, max, .. } => match &**node {
                Node::Class(class) => Self { long_runs: max.is_none() && class.bytes().len() > 180, ..none },
                // What may be left out mostly is.
                other => {
                    let inner = Self::of(other);
                    Self { choices: true, long_runs: inner.long_runs && *max != Some(1), ..inner }
                }
            },
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            choices: self.choices || other.choices,
            captures: self.captures || other.captures,
            long_runs: self.long_runs || other.long_runs,
        }
    }
}

impl Compiler {
    fn at(&self) -> At {
        self.program.steps.len() as At
    }

    fn push(&mut self, step: Step) -> Result<usize, Refusal> {
        if self.program.steps.len() >= MAX_STEPS {
            return Err(Refusal::Unsupported("so many repetitions of something so large"));
        }
        self.program.steps.push(step);
        Ok(self.program.steps.len() - 1)
    }

    fn class(&mut self, class: &Class) -> u32 {
        position_or_push(&mut self.program.classes, class, |one| one == class)
    }

    fn set(&mut self, set: ByteSet) -> u32 {
        let lookup: [bool; 256] = std::array::from_fn(|byte| set.has(byte as u8));
        position_or_push(&mut self.program.sets, &lookup, |one| *one == lookup)
    }

    /// What is known of what follows: everything, or nothing for the dull twin.
    fn known(&self, first: First) -> First {
        if self.on { first } else { First::UNKNOWN }
    }

    fn register(&mut self) -> u32 {
        self.program.registers += 1;
        self.program.registers - 1
    }

    /// A place where it is remembered from where on nothing more matched; the first few are enough, and not in loops, where one passes a place twice.
    fn memo(&mut self) -> u32 {
        if self.loops > 0 || self.inner > 0 || !self.tables || self.program.memos >= MOST_MEMOS {
            return NO_MEMO;
        }
        self.program.memos += 1;
        self.program.memos - 1
    }

    fn node(&mut self, node: &Node, before: Last, follow: First) -> Result<(), Refusal> {
        let (inner, slot) = match node {
            Node::Capture(number, inner) if self.cycles == 0 => (&**inner, *number as u32 * 2),
            other => (other, NO_SLOT),
        };
        if let Some(dfa) = self.table(inner, follow) {
            return self.by_table(dfa, inner, slot, before, follow);
        }
        if self.on
            && slot != NO_SLOT
            && let Node::Repeat { node: one, min, max, greedy } = inner
            && *max != Some(0)
            && let Some(class) = single_class(one)
        {
            self.opened = self.opened.max(slot as usize / 2 + 1);
            return self.run(&class, (*min, max.unwrap_or(NO_END), *greedy), slot, follow);
        }
        if self.on
            && matches!(node, Node::Alternate(_) | Node::Repeat { .. })
            && self.chooses(node, follow)
            && has_one_end(node, follow)
        {
            return self.fenced(node, before, follow);
        }
        self.plain(node, before, follow)
    }

    /// The table for a part that is worth one.
    fn table(&mut self, node: &Node, follow: First) -> Option<Dfa> {
        if !self.on || !self.tables || matches!(node, Node::Capture(..)) {
            return None;
        }
        let shape = Shape::of(node);
        let wanted = shape.choices && !shape.captures && !shape.long_runs;
        wanted.then(|| Dfa::build(node, follow, &mut self.work)).flatten()
    }

    /// Whether there may be something to come back to inside.
    fn chooses(&self, node: &Node, follow: First) -> bool {
        match node {
            Node::Empty | Node::Class(_) | Node::Literal(_) | Node::Assert(_) => false,
            Node::Look { .. } | Node::Atomic(_) => false,
            Node::Capture(_, node) => self.chooses(node, follow),
            Node::Concat(nodes) => {
                let mut follow = follow;
                nodes.iter().rev().any(|node| {
                    let chooses = self.chooses(node, follow);
                    follow = First::of(node, follow);
                    chooses
                })
            }
            Node::Alternate(branches) => {
                let firsts: Vec<First> = branches.iter().map(|b| First::of(b, follow)).collect();
                !(0..firsts.len()).all(|one| (0..one).all(|other| firsts[one].is_disjoint(&firsts[other])))
                    || branches.iter().any(|branch| self.chooses(branch, follow))
            }
            Node::Repeat { node, min, greedy, .. } => match single_class(node) {
                Some(class) => !(*greedy && is_apart(&class, *min, follow)),
                None => {
                    let inner = First::of(node, follow);
                    !inner.is_disjoint(&follow) || self.chooses(node, inner.or(follow))
                }
            },
        }
    }

    fn by_table(
        &mut self,
        dfa: Dfa,
        node: &Node,
        slot: u32,
        before: Last,
        follow: First,
    ) -> Result<(), Refusal> {
        let memo = self.memo();
        let table = self.program.tables.len();
        self.program.tables.push(TableStep { dfa, next: 0, memo, slot, skip: 0, follow });
        self.push(Step::Table(table as u32))?;
        if slot != NO_SLOT {
            self.opened = self.opened.max(slot as usize / 2 + 1);
            self.push(Step::Save(slot))?;
        }
        // The slow program behind it is for few lines and has no tables of its own.
        self.tables = false;
        let done = self.node(node, before, follow);
        self.tables = true;
        done?;
        if slot != NO_SLOT {
            self.push(Step::Save(slot + 1))?;
        }
        self.program.tables[table].next = self.at();
        Ok(())
    }

    /// The first slot that is void when a choice at this place is taken anew.
    fn forget(&self) -> u32 {
        self.forget.unwrap_or(self.opened as u32 * 2)
    }

    /// Goes into a loop or a look; the captures inside are put back one by one.
    fn enter_cycle(&mut self, node: &Node) {
        if self.cycles == 0 {
            self.forget = Some(captures_end(node).max(self.opened) as u32 * 2);
        }
        self.cycles += 1;
    }

    fn leave_cycle(&mut self) {
        self.cycles -= 1;
        if self.cycles == 0 {
            self.forget = None;
        }
    }

    /// A byte behind a table that only accepts before that byte needs no step of its own; nor does one behind a run.
    fn byte(&mut self, byte: u8) -> Result<(), Refusal> {
        let at = self.at();
        if self.on {
            let only = First { bytes: ByteSet::of(byte), end: false, open: Open::No };
            if let Some(table) = self.program.tables.last_mut()
                && table.next == at
                && table.skip == 0
                && table.follow == only
            {
                (table.next, table.skip) = (at + 1, 1);
            }
            if let Some(Step::Commit(run)) = self.program.steps.last() {
                let run = &mut self.program.runs[*run as usize];
                run.then = run.then.or(Some(byte));
            }
            if let Some(Step::Fence(fence)) = self.program.steps.last()
                && self.program.fences[*fence as usize].follow == only
            {
                self.program.fences[*fence as usize].skip = 1;
            }
        }
        self.push(Step::Byte(byte))?;
        Ok(())
    }

    fn fenced(&mut self, node: &Node, before: Last, follow: First) -> Result<(), Refusal> {
        let register = self.register();
        if let Node::Alternate(branches) = node {
            self.alternate(branches, register, before, follow)?;
        } else {
            self.push(Step::Enter(register))?;
            self.plain(node, before, follow)?;
        }
        let memo = self.memo();
        self.program.fences.push(FenceStep { register, follow, memo, skip: 0 });
        self.push(Step::Fence(self.program.fences.len() as u32 - 1))?;
        Ok(())
    }

    fn plain(&mut self, node: &Node, before: Last, follow: First) -> Result<(), Refusal> {
        match node {
            Node::Empty => {}
            Node::Class(class) => {
                let step = match class.single().filter(char::is_ascii) {
                    Some(c) => return self.byte(c as u8),
                    None if class.bytes().is_disjoint(&ByteSet::wide()) => Step::Set(self.set(class.bytes())),
                    None => Step::Class(self.class(class)),
                };
                self.push(step)?;
            }
            Node::Literal(bytes) => self.literal(bytes)?,
            Node::Assert(assertion) => {
                if !(self.on && always_holds(node, before, follow)) {
                    self.push(Step::Assert(*assertion))?;
                }
            }
            Node::Capture(number, node) => {
                let slot = *number as u32 * 2;
                let save = if self.cycles == 0 { Step::Save } else { Step::SaveAgain };
                self.opened = self.opened.max(number + 1);
                self.push(save(slot))?;
                self.node(node, before, follow)?;
                self.push(save(slot + 1))?;
            }
            Node::Concat(nodes) => {
                // From the right, what follows each.
                let mut follows = vec![follow; nodes.len()];
                for at in (1..nodes.len()).rev() {
                    follows[at - 1] = First::of(&nodes[at], follows[at]);
                }
                let mut before = before;
                for (at, (node, follow)) in nodes.iter().zip(follows).enumerate() {
                    self.node(node, before, follow)?;
                    self.seek_literal(node, nodes.get(at + 1));
                    before = Last::of(node, before);
                }
            }
            Node::Alternate(branches) => self.alternate(branches, NO_SLOT, before, follow)?,
            Node::Repeat { node, min, max, greedy } => {
                self.repeat(node, (*min, *max, *greedy), before, follow)?;
            }
            Node::Atomic(node) => {
                let register = self.register();
                self.push(Step::Enter(register))?;
                self.inner += 1;
                self.node(node, before, First::END)?;
                self.inner -= 1;
                self.push(Step::Cut(register))?;
            }
            Node::Look { node: looked, behind, negated } => {
                if self.on && always_holds(node, before, follow) {
                    return Ok(());
                }
                match single_class(looked) {
                    Some(class) => {
                        let class = self.class(&class);
                        self.push(Step::LookAt { class, behind: *behind, negated: *negated })?;
                    }
                    _ if *behind => self.behind(looked, *negated)?,
                    _ => {
                        let look = self.push(Step::Look { next: 0, negated: *negated })?;
                        self.inner += 1;
                        self.enter_cycle(looked);
                        self.node(looked, before, First::END)?;
                        self.leave_cycle();
                        self.inner -= 1;
                        self.push(Step::Done)?;
                        self.program.steps[look] = Step::Look { next: self.at(), negated: *negated };
                    }
                }
            }
        }
        Ok(())
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match bytes {
            [] => {}
            [byte] => self.byte(*byte)?,
            bytes if bytes.len() <= 8 => {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                let mask = u64::MAX >> (64 - 8 * bytes.len());
                self.push(Step::Word { value: u64::from_le_bytes(word), mask, len: bytes.len() as u8 })?;
            }
            bytes => {
                self.push(Step::Literal(bytes.into()))?;
            }
        }
        Ok(())
    }

    /// A lazy run of anything that is followed by a literal goes straight to where that literal stands.
    fn seek_literal(&mut self, node: &Node, next: Option<&Node>) {
        if !self.on {
            return;
        }
        let lazy = match node {
            Node::Capture(_, inner) => &**inner,
            other => other,
        };
        let Node::Repeat { node: one, max: None, greedy: false, .. } = lazy else { return };
        let (Node::Class(class), Some(Node::Literal(literal))) = (&**one, next) else { return };
        if class.negate() == Class::default()
            && literal.len() >= 2
            && let Some(run) = self.last_lazy()
        {
            self.program.runs[run].seek = Seek::Bytes(Box::new(Finder::new(literal).into_owned()));
        }
    }

    /// The run of the lazy step that was just pushed.
    fn last_lazy(&self) -> Option<usize> {
        self.program.steps.iter().rev().take(2).find_map(|step| match step {
            Step::Lazy(run) => Some(*run as usize),
            _ => None,
        })
    }

    fn behind(&mut self, node: &Node, negated: bool) -> Result<(), Refusal> {
        let widths =
            look_behind_widths(node).ok_or(Refusal::Unsupported("a look-behind without a fixed width"))?;
        let look = self.push(Step::Behind { next: 0, negated, branches: 0 })?;
        let branches: Vec<&Node> = match node {
            Node::Alternate(branches) => branches.iter().collect(),
            one => vec![one],
        };
        let mut starts = Vec::new();
        self.inner += 1;
        self.enter_cycle(node);
        for (branch, width) in branches.into_iter().zip(widths) {
            starts.push((width, self.at()));
            self.node(branch, Last::UNKNOWN, First::END)?;
            self.push(Step::Done)?;
        }
        self.leave_cycle();
        self.inner -= 1;
        self.program.behinds.push(starts);
        let branches = self.program.behinds.len() as u32 - 1;
        self.program.steps[look] = Step::Behind { next: self.at(), negated, branches };
        Ok(())
    }

    fn alternate(
        &mut self,
        branches: &[Node],
        register: u32,
        before: Last,
        follow: First,
    ) -> Result<(), Refusal> {
        // A mask has 64 bits; longer lists become a chain.
        if branches.len() > 64 {
            let rest = Node::Alternate(branches[63..].to_vec());
            let mut front = branches[..63].to_vec();
            front.push(rest);
            return self.alternate(&front, register, before, follow);
        }
        let firsts: Vec<First> = branches.iter().map(|b| self.known(First::of(b, follow))).collect();
        let (mut rows, mut masks) = (Box::new([0_u16; 257]), Vec::new());
        for (row, byte) in rows.iter_mut().zip((0..=255).map(Some).chain([None])) {
            let mut mask = 0_u64;
            for (at, first) in firsts.iter().enumerate() {
                mask |= u64::from(first.can_begin(byte)) << at;
            }
            *row = position_or_push(&mut masks, &mask, |one| *one == mask) as u16;
        }
        let table = self.program.branches.len();
        let forget = self.forget();
        self.program.branches.push(Branches { rows, masks, targets: Vec::new(), forget, register });
        self.push(Step::Branch(table as u32))?;
        let (mut targets, mut ends) = (Vec::new(), Vec::new());
        for (at, branch) in branches.iter().enumerate() {
            targets.push(self.at());
            self.node(branch, before, follow)?;
            if at + 1 < branches.len() {
                ends.push(self.push(Step::Jump(0))?);
            }
        }
        let end = self.at();
        ends.into_iter().for_each(|at| self.program.steps[at] = Step::Jump(end));
        self.program.branches[table].targets = targets;
        Ok(())
    }

    fn repeat(
        &mut self,
        node: &Node,
        (min, max, greedy): (u32, Option<u32>, bool),
        before: Last,
        follow: First,
    ) -> Result<(), Refusal> {
        if max == Some(0) {
            return Ok(());
        }
        if let Some(class) = single_class(node) {
            return self.run(&class, (min, max.unwrap_or(NO_END), greedy), NO_SLOT, follow);
        }
        let nullable = Inside::of(node).nullable;
        let inner = First::of(node, follow);
        // Behind each copy that must be comes another; behind the others another, or what comes after all.
        let between = inner.or(follow);
        let before = Last::in_loop(node, before);
        self.loops += 1;
        let goes_round = max != Some(1);
        if goes_round {
            self.enter_cycle(node);
        }
        // What a choice at the head makes void.
        let forget = self.forget();
        for copy in 0..min {
            let follow = match (copy + 1 == min, max == Some(min)) {
                (false, _) => inner,
                (true, false) => between,
                (true, true) => follow,
            };
            self.node(node, before, follow)?;
        }
        match max {
            None => {
                let head = self.push(Step::Jump(0))?;
                let body = self.at();
                if nullable {
                    let mark = self.program.marks;
                    self.program.marks += 1;
                    self.push(Step::Mark(mark))?;
                    self.node(node, before, between)?;
                    self.push(Step::Again { mark, to: head as At })?;
                } else {
                    self.node(node, before, between)?;
                    self.push(Step::Jump(head as At))?;
                }
                let exit = self.at();
                self.program.steps[head] = self.split(greedy, (inner, body), (follow, exit), forget);
            }
            Some(max) => {
                let mut heads = Vec::new();
                for copy in min..max {
                    let head = self.push(Step::Jump(0))?;
                    heads.push((head, self.at()));
                    self.node(node, before, if copy + 1 == max { follow } else { between })?;
                }
                let exit = self.at();
                for (head, body) in heads {
                    self.program.steps[head] = self.split(greedy, (inner, body), (follow, exit), forget);
                }
            }
        }
        if goes_round {
            self.leave_cycle();
        }
        self.loops -= 1;
        Ok(())
    }

    /// Goes into a loop's body, or on; each where it can begin, in the order of greed.
    fn split(&mut self, greedy: bool, body: (First, At), exit: (First, At), forget: u32) -> Step {
        let (one, two) = if greedy { (body, exit) } else { (exit, body) };
        let guards = (self.known(one.0), self.known(two.0));
        self.program.forks.push(Fork { first: one.1, second: two.1, guards, forget });
        Step::Split(self.program.forks.len() as u32 - 1)
    }

    fn run(
        &mut self,
        class: &Class,
        (min, max, greedy): (u32, u32, bool),
        slot: u32,
        follow: First,
    ) -> Result<(), Refusal> {
        let commit = self.on && greedy && is_apart(class, min, follow);
        let forget = self.forget();
        let known = self.known(follow);
        let everything = class.negate() == Class::default();
        let mut only = known.bytes.iter();
        let seek = match (known.open, only.next(), only.next()) {
            (Open::No, Some(byte), None) if !greedy && !known.end && everything && max == NO_END => {
                Seek::Byte(byte)
            }
            _ => Seek::Try,
        };
        let (class, set, scan) = (self.class(class), self.set(class.bytes()), scan(class, min, max));
        self.program.runs.push(Run {
            class,
            set,
            scan,
            min,
            max,
            follow: known,
            seek,
            slot,
            then: None,
            forget,
        });
        let run = self.program.runs.len() as u32 - 1;
        self.push(match (greedy, commit) {
            (true, true) => Step::Commit(run),
            (true, false) => Step::Span(run),
            (false, _) => Step::Lazy(run),
        })?;
        Ok(())
    }
}

/// Whether a greedy run never has to give back: that helps only where what follows can begin with one of its characters, or can
/// be empty at one place and not at another. Between two word characters there is no `\b`.
fn is_apart(class: &Class, min: u32, follow: First) -> bool {
    match follow.open {
        Open::No => class.bytes().is_disjoint(&follow.bytes),
        Open::Always => true,
        Open::AtBoundary => {
            min >= 1
                && class.is_ascii_subset_of(&Class::ascii_word())
                && class.bytes().is_disjoint(&follow.bytes)
        }
        Open::Sometimes => false,
    }
}

/// The class of a node that is one character.
pub(super) fn single_class(node: &Node) -> Option<Class> {
    match node {
        Node::Class(class) => Some(class.clone()),
        Node::Literal(bytes) => {
            let mut chars = std::str::from_utf8(bytes).ok()?.chars();
            let c = chars.next()?;
            chars.next().is_none().then(|| Class::of(&[(c, c)]))
        }
        _ => None,
    }
}

/// One more than the highest number of a capture inside.
fn captures_end(node: &Node) -> usize {
    match node {
        Node::Empty | Node::Class(_) | Node::Literal(_) | Node::Assert(_) => 0,
        Node::Capture(number, node) => captures_end(node).max(number + 1),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().map(captures_end).max().unwrap_or(0),
        Node::Repeat { node, .. } | Node::Atomic(node) | Node::Look { node, .. } => captures_end(node),
    }
}

fn scan(class: &Class, min: u32, max: u32) -> Scan {
    if max != NO_END || min > 1 || !class.is_bytewise() {
        return Scan::Characters;
    }
    let out: Vec<u8> = class.bytes().complement().iter().take(7).collect();
    match out[..] {
        [9, 10, 11, 12, 13, b' '] => Scan::Word,
        [] => Scan::All,
        [a] => Scan::Until1(a),
        [a, b] => Scan::Until2(a, b),
        [a, b, c] => Scan::Until3(a, b, c),
        _ => Scan::Bytes,
    }
}

fn position_or_push<T: Clone>(all: &mut Vec<T>, one: &T, same: impl Fn(&T) -> bool) -> u32 {
    let found = all.iter().position(same);
    found.unwrap_or_else(|| {
        all.push(one.clone());
        all.len() - 1
    }) as u32
}

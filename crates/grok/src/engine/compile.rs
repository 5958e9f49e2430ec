//! Tree to program.

use std::borrow::Cow;

use super::{
    ast::{Assertion, Node},
    class::{ByteSet, Class},
    dfa::Dfa,
    first::{First, Inside, Last, Open, always_holds, has_one_end},
    gate::Gate,
    known,
    needle::Needle,
    parse::{Refusal, look_behind_widths, parse},
    peephole::shorten,
    program::{
        At, Branches, EitherStep, FenceStep, Fork, Lead, NO_END, NO_MEMO, NO_SLOT, Optimise, Other, Program,
        Run, Scan, Seek, Step, TableStep, Word,
    },
    ranges::Ranges,
    simplify::simplify,
};

/// A program may have this many steps; copies of counted repetitions can ask for any number.
const MAX_STEPS: usize = 200_000;

/// So many states may be looked at for the tables of one expression: some tenths of a second at the very most.
const WORK: u64 = 30_000_000;

/// A try that fails late has passed the first places; there the later tries end.
const MOST_FIRST: u32 = 3;

/// So many in all, with those where branches come together.
const MOST_JOINS: u32 = super::program::MOST_MEMOS as u32;

pub(super) fn compile(regex: &str, optimise: Optimise) -> Result<Program, Refusal> {
    let (node, names) = parse(regex)?;
    let on = optimise == Optimise::On;
    let node = if on { simplify(node) } else { node };
    let first = First::of(&node, First::END);
    let program = Program {
        steps: Vec::new(),
        classes: Vec::new(),
        sets: Vec::new(),
        runs: Vec::new(),
        fields: Vec::new(),
        tables: Vec::new(),
        forks: Vec::new(),
        fences: Vec::new(),
        eithers: Vec::new(),
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
    if on {
        shorten(&mut compiler.program);
    }
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
        self.memo_of(MOST_FIRST)
    }

    fn memo_of(&mut self, most: u32) -> u32 {
        if self.loops > 0 || self.inner > 0 || !self.tables || self.program.memos >= most {
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
        if self.on {
            // What always holds would hide that there is but one run.
            let opened = self.opened;
            if let Some(bare) = maybe_run(inner, before, follow) {
                self.opened = opened.max(captures_end(node));
                if let Some(run) = self.run_of(&bare, slot, follow) {
                    return self.push_run(run);
                }
            }
            self.opened = opened;
            if let Some(dfa) = self.table(inner, slot, follow) {
                return self.by_table(dfa, inner, slot, before, follow);
            }
            if matches!(node, Node::Alternate(_) | Node::Repeat { .. })
                && self.chooses(node, follow)
                && has_one_end(node, follow)
            {
                return match self.either(node, before, follow) {
                    Some(either) => self.push_either(either, node, before, follow),
                    None => self.fenced(node, before, follow),
                };
            }
        }
        self.plain(node, before, follow)
    }

    /// A literal, or one part that is run at a stroke.
    fn either(&mut self, node: &Node, before: Last, follow: First) -> Option<EitherStep> {
        let Node::Alternate(branches) = node else { return None };
        let [Node::Literal(literal), other] = &branches[..] else { return None };
        if self.cycles > 0 || !self.tables {
            return None;
        }
        let literal = Word::of(literal)?;
        let (inner, slot) = match other {
            Node::Capture(number, inner) => (&**inner, *number as u32 * 2),
            other => (other, NO_SLOT),
        };
        let run = maybe_run(inner, before, follow).and_then(|bare| self.run_of(&bare, slot, follow));
        let other = match run {
            Some(Made { run, step: Way::Commit }) => {
                self.program.runs.push(run);
                Other::Run(self.program.runs.len() as u32 - 1)
            }
            Some(_) => return None,
            None => Other::Table(self.table(inner, slot, follow)?, slot),
        };
        Some(EitherStep { literal, other, follow, memo: NO_MEMO, then: Word::default(), next: 0 })
    }

    fn push_either(
        &mut self,
        either: EitherStep,
        node: &Node,
        before: Last,
        follow: First,
    ) -> Result<(), Refusal> {
        let number = self.program.eithers.len();
        let memo = self.memo();
        self.program.eithers.push(EitherStep { memo, ..either });
        self.push(Step::Either(number as u32))?;
        self.tables = false;
        let done = self.fenced(node, before, follow);
        self.tables = true;
        done?;
        self.program.eithers[number].next = self.at();
        Ok(())
    }

    /// The table for a part that is worth one.
    fn table(&mut self, node: &Node, slot: u32, follow: First) -> Option<Dfa> {
        if !self.on || !self.tables || matches!(node, Node::Capture(..)) {
            return None;
        }
        let shape = Shape::of(node);
        // Of what is captured several steps become one.
        let several = slot != NO_SLOT && matches!(node, Node::Concat(_));
        let wanted = (shape.choices || several) && !shape.captures && !shape.long_runs;
        wanted.then(|| known::table(node, follow, &mut self.work)).flatten()
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
        let then = Word::default();
        self.program.tables.push(TableStep { dfa, next: 0, again: 0, forget: 0, memo, slot, then });
        self.push(Step::Table(table as u32))?;
        if slot != NO_SLOT {
            self.opened = self.opened.max(slot as usize / 2 + 1);
            self.push(Step::Save(slot))?;
        }
        self.program.tables[table].forget = self.forget();
        // The slow program behind it is for few lines and has no tables of its own.
        self.tables = false;
        let done = self.node(node, before, follow);
        self.tables = true;
        done?;
        self.program.tables[table].again = self.at();
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

    fn byte(&mut self, byte: u8) -> Result<(), Refusal> {
        self.join(&[byte]);
        if self.on {
            let only = First { bytes: ByteSet::of(byte), end: false, open: Open::No };
            if let Some(Step::Fence(fence)) = self.program.steps.last()
                && self.program.fences[*fence as usize].follow == only
            {
                self.program.fences[*fence as usize].skip = 1;
            }
        }
        self.push(Step::Byte(byte))?;
        Ok(())
    }

    /// A short literal is looked at by the step before it, where that is one after which nothing is chosen; the literal's own
    /// step, which comes next, is for other ways to get there.
    fn join(&mut self, literal: &[u8]) {
        let at = self.at();
        let Some(then) = Word::of(literal).filter(|_| self.on) else { return };
        if let Some(table) = self.program.tables.last_mut()
            && table.next == at
            && let Some(both) = table.then.and(then)
        {
            (table.next, table.then) = (at + 1, both);
        }
        if let Some(either) = self.program.eithers.last_mut()
            && either.next == at
            && let Some(both) = either.then.and(then)
        {
            (either.next, either.then) = (at + 1, both);
        }
        match self.program.steps.last() {
            Some(Step::Commit(run)) => self.program.runs[*run as usize].then = then,
            Some(Step::Lazy(run)) => {
                let run = &mut self.program.runs[*run as usize];
                match &run.seek {
                    Seek::Byte(byte) if literal.first() == Some(byte) => {
                        if literal.len() > 1 {
                            run.seek = Seek::Needle(Box::new(Needle::new(literal)));
                        }
                        run.then = then;
                    }
                    Seek::Needle(needle) if literal == needle.bytes() => run.then = then,
                    _ => {}
                }
            }
            _ => {}
        }
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
            Node::Alternate(branches) => {
                self.alternate(branches, NO_SLOT, before, follow)?;
                let short = |node: &Node| matches!(node, Node::Empty | Node::Literal(_) | Node::Class(_));
                if self.on && !branches.iter().any(short) && self.chooses(node, follow) {
                    // Where two branches come to the same place, what follows need not be tried twice.
                    let memo = self.memo_of(MOST_JOINS);
                    if memo != NO_MEMO {
                        self.push(Step::Memo(memo))?;
                    }
                }
            }
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
            bytes => {
                self.join(bytes);
                self.push(Word::of(bytes).map_or_else(|| Step::Literal(bytes.into()), Step::Word))?;
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
            self.program.runs[run].seek = Seek::Needle(Box::new(Needle::new(literal)));
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
            let run = self.made_run(&class, (min, max.unwrap_or(NO_END), greedy), NO_SLOT, follow);
            return self.push_run(run);
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
        let mut last = self.at();
        for copy in 0..min {
            let follow = match (copy + 1 == min, max == Some(min)) {
                (false, _) => inner,
                (true, false) => between,
                (true, true) => follow,
            };
            last = self.at();
            self.node(node, before, follow)?;
        }
        match max {
            // The last of those that must be is the loop's body too: else loops in loops would double at each.
            None if min > 0 && !nullable => {
                let split = self.push(Step::Jump(0))?;
                let exit = self.at();
                self.program.steps[split] = self.split(greedy, (inner, last), (follow, exit), forget);
            }
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

    /// The run that a node is, if it is one: characters of a class, and perhaps one of another in front.
    fn run_of(&mut self, node: &Node, slot: u32, follow: First) -> Option<Made> {
        let repeat = |node: &Node| match node {
            Node::Repeat { node, min, max, greedy } if *max != Some(0) => {
                Some((single_class(node)?, (*min, max.unwrap_or(NO_END), *greedy)))
            }
            _ => None,
        };
        match node {
            Node::Concat(nodes) => {
                let [first, second] = &nodes[..] else { return None };
                let (class, counts) = repeat(second)?;
                let (lead, is_one) = match single_class(first) {
                    Some(lead) => (lead, true),
                    None => (repeat(first).filter(|(_, counts)| *counts == (0, 1, true))?.0, false),
                };
                let fits = match (is_one, counts) {
                    (true, (0, NO_END, true)) => true,
                    (false, (1, NO_END, true)) => lead.bytes().is_disjoint(&class.bytes()),
                    _ => false,
                };
                (fits && lead.bytes().is_disjoint(&ByteSet::wide())).then(|| {
                    let set = self.set(lead.bytes());
                    let lead = if is_one { Lead::One(set) } else { Lead::Maybe(set) };
                    let made = self.made_run(&class, counts, slot, follow);
                    Made { run: Run { lead, ..made.run }, ..made }
                })
            }
            // Without a capture, [`Self::repeat`] does it.
            node if slot != NO_SLOT => {
                let (class, counts) = repeat(node)?;
                Some(self.made_run(&class, counts, slot, follow))
            }
            _ => None,
        }
    }

    fn made_run(
        &mut self,
        class: &Class,
        (min, max, greedy): (u32, u32, bool),
        slot: u32,
        follow: First,
    ) -> Made {
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
        let back_to = match (known.open, known.end, known.bytes.len()) {
            (Open::No, false, 1) => known.bytes.iter().next(),
            _ => None,
        };
        let run = Run {
            class,
            set,
            scan,
            min,
            max,
            follow: known,
            seek,
            slot,
            lead: Lead::None,
            back_to,
            then: Word::default(),
            next: 0,
            otherwise: None,
            forget,
        };
        let step = match (greedy, commit) {
            (true, true) => Way::Commit,
            (true, false) => Way::Span,
            (false, _) => Way::Lazy,
        };
        Made { run, step }
    }

    fn push_run(&mut self, made: Made) -> Result<(), Refusal> {
        self.program.runs.push(made.run);
        let run = self.program.runs.len() as u32 - 1;
        self.push(match made.step {
            Way::Commit => Step::Commit(run),
            Way::Span => Step::Span(run),
            Way::Lazy => Step::Lazy(run),
        })?;
        Ok(())
    }
}

/// A run, and how it is gone through.
struct Made {
    run: Run,
    step: Way,
}

#[derive(Clone, Copy)]
enum Way {
    Commit,
    Span,
    Lazy,
}

/// What may be one run, without what always holds; none for most of the rest, of which no copy is made.
fn maybe_run(node: &Node, before: Last, follow: First) -> Option<Cow<'_, Node>> {
    // These are kept in any case, and a run has no more than two parts.
    let stays = |node: &&Node| {
        matches!(
            node,
            Node::Class(_) | Node::Literal(_) | Node::Capture(..) | Node::Alternate(_) | Node::Repeat { .. }
        )
    };
    match node {
        Node::Repeat { .. } => Some(Cow::Borrowed(node)),
        Node::Concat(nodes) if nodes.iter().filter(stays).count() <= 2 => {
            Some(Cow::Owned(without_certain(node, before, follow)))
        }
        _ => None,
    }
}

/// The node without the assertions in it that always hold, and without lists of one.
fn without_certain(node: &Node, before: Last, follow: First) -> Node {
    let Node::Concat(nodes) = node else { return node.clone() };
    let mut follows = vec![follow; nodes.len()];
    for at in (1..nodes.len()).rev() {
        follows[at - 1] = First::of(&nodes[at], follows[at]);
    }
    let (mut before, mut kept) = (before, Vec::new());
    for (node, follow) in nodes.iter().zip(follows) {
        if *node != Node::Empty && !always_holds(node, before, follow) {
            kept.push(without_certain(node, before, follow));
        }
        before = Last::of(node, before);
    }
    match kept.pop() {
        Some(only) if kept.is_empty() => only,
        last => {
            kept.extend(last);
            Node::Concat(kept)
        }
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
    let out: Vec<u8> = class.bytes().complement().iter().take(4).collect();
    match out[..] {
        [] => Scan::All,
        [a] => Scan::Until1(a),
        [a, b] => Scan::Until2(a, b),
        [a, b, c] => Scan::Until3(a, b, c),
        _ => Ranges::of(class).map_or(Scan::Bytes, Scan::Ranges),
    }
}

fn position_or_push<T: Clone>(all: &mut Vec<T>, one: &T, same: impl Fn(&T) -> bool) -> u32 {
    let found = all.iter().position(same);
    found.unwrap_or_else(|| {
        all.push(one.clone());
        all.len() - 1
    }) as u32
}

//! Tree to program.

use super::{
    ast::{Assertion, Node},
    class::Class,
    first::{Empty, First},
    parse::{Refusal, look_behind_widths, parse},
};

/// Whether choice points are left out where that is provably the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Optimise {
    On,
    /// The dull twin, for tests.
    #[cfg_attr(not(test), allow(dead_code, reason = "tests hold the program against it"))]
    Off,
}

/// Instruction numbers.
pub(crate) type At = u32;

/// What is done; where nothing else is said, the next instruction follows.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Literal(Box<[u8]>),
    Byte(u8),
    Class(u32),
    Assert(Assertion),
    Save(u32),
    Jump(At),
    /// `first`, and if that fails `second`; each only where it can begin.
    Split {
        first: At,
        second: At,
        guards: u32,
    },
    /// The branches that can begin at the byte, in order.
    Branch(u32),
    /// Characters of a class, greedy: as many as there are, giving back one by one.
    Span(u32),
    /// The same, giving nothing back.
    Commit {
        class: u32,
        min: u32,
        max: u32,
    },
    /// Characters of a class, lazy: as few as possible.
    Lazy(u32),
    /// Runs up to its `Done`, then goes on at `next`; no coming back into it.
    Atomic {
        next: At,
    },
    Look {
        next: At,
        negated: bool,
    },
    /// Looks for a match that ends here, of one of these widths in characters, each with its own beginning.
    Behind {
        next: At,
        negated: bool,
        branches: u32,
    },
    /// Remembers where an iteration begins.
    Mark(u32),
    /// Leaves the loop when the iteration was empty, else goes on at the instruction.
    Again {
        mark: u32,
        to: At,
    },
    /// The end of an atomic group or a look-around.
    Done,
    Match,
}

#[derive(Clone, Debug)]
pub(crate) struct SpanOf {
    pub(crate) class: u32,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// What follows: only there is it tried.
    pub(crate) follow: First,
}

#[derive(Clone, Debug)]
pub(crate) struct BranchTable {
    /// For each byte, and last for the end of the text, which branches can begin.
    pub(crate) masks: Box<[u64; 257]>,
    pub(crate) targets: Vec<At>,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    pub(crate) classes: Vec<Class>,
    pub(crate) spans: Vec<SpanOf>,
    pub(crate) guards: Vec<(First, First)>,
    pub(crate) branches: Vec<BranchTable>,
    pub(crate) behinds: Vec<Vec<(usize, At)>>,
    pub(crate) marks: u32,
    /// The names of the captures in order.
    pub(crate) names: Vec<String>,
    /// What a match can begin with.
    pub(crate) first: First,
    /// It can only match at the beginning of the text.
    pub(crate) anchored: bool,
}

/// A program may have this many steps; copies of counted repetitions can ask for any number.
const MAX_STEPS: usize = 200_000;

const NO_END: u32 = u32::MAX;

impl Program {
    pub(crate) fn compile(regex: &str, optimise: Optimise) -> Result<Self, Refusal> {
        let (node, names) = parse(regex)?;
        let program = Self {
            steps: Vec::new(),
            classes: Vec::new(),
            spans: Vec::new(),
            guards: Vec::new(),
            branches: Vec::new(),
            behinds: Vec::new(),
            marks: 0,
            names,
            first: match optimise {
                Optimise::On => First::of(&node),
                Optimise::Off => First::END,
            },
            anchored: optimise == Optimise::On && is_anchored(&node),
        };
        let mut compiler = Compiler { program, optimise };
        compiler.node(&node, First::END)?;
        compiler.program.steps.push(Step::Match);
        Ok(compiler.program)
    }
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
    optimise: Optimise,
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
        let classes = &mut self.program.classes;
        let found = classes.iter().position(|c| c == class);
        found.unwrap_or_else(|| {
            classes.push(class.clone());
            classes.len() - 1
        }) as u32
    }

    /// What is known of what follows: everything, or nothing for the dull twin.
    fn known(&self, first: First) -> First {
        match self.optimise {
            Optimise::On => first,
            Optimise::Off => First { bytes: first.bytes, empty: Empty::Sometimes },
        }
    }

    fn node(&mut self, node: &Node, follow: First) -> Result<(), Refusal> {
        match node {
            Node::Empty => {}
            Node::Class(class) => {
                let step = match class.single().filter(char::is_ascii) {
                    Some(c) => Step::Byte(c as u8),
                    None => Step::Class(self.class(class)),
                };
                self.push(step)?;
            }
            Node::Literal(bytes) => {
                let step = match bytes[..] {
                    [byte] => Step::Byte(byte),
                    _ => Step::Literal(bytes.clone().into_boxed_slice()),
                };
                self.push(step)?;
            }
            Node::Assert(assertion) => {
                self.push(Step::Assert(*assertion))?;
            }
            Node::Capture(number, node) => {
                self.push(Step::Save(*number as u32 * 2))?;
                self.node(node, follow)?;
                self.push(Step::Save(*number as u32 * 2 + 1))?;
            }
            Node::Concat(nodes) => {
                // From the right, what follows each.
                let mut follows = vec![follow; nodes.len()];
                for at in (1..nodes.len()).rev() {
                    follows[at - 1] = First::of(&nodes[at]).then(follows[at]);
                }
                for (node, follow) in nodes.iter().zip(follows) {
                    self.node(node, follow)?;
                }
            }
            Node::Alternate(branches) => self.alternate(branches, follow)?,
            Node::Repeat { node, min, max, greedy } => self.repeat(node, *min, *max, *greedy, follow)?,
            Node::Atomic(node) => {
                let atomic = self.push(Step::Atomic { next: 0 })?;
                self.node(node, First::END)?;
                self.push(Step::Done)?;
                self.program.steps[atomic] = Step::Atomic { next: self.at() };
            }
            Node::Look { node, behind: false, negated } => {
                let look = self.push(Step::Look { next: 0, negated: *negated })?;
                self.node(node, First::END)?;
                self.push(Step::Done)?;
                self.program.steps[look] = Step::Look { next: self.at(), negated: *negated };
            }
            Node::Look { node, behind: true, negated } => self.behind(node, *negated)?,
        }
        Ok(())
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
        for (branch, width) in branches.into_iter().zip(widths) {
            starts.push((width, self.at()));
            self.node(branch, First::END)?;
            self.push(Step::Done)?;
        }
        self.program.behinds.push(starts);
        let branches = self.program.behinds.len() as u32 - 1;
        self.program.steps[look] = Step::Behind { next: self.at(), negated, branches };
        Ok(())
    }

    fn alternate(&mut self, branches: &[Node], follow: First) -> Result<(), Refusal> {
        // A mask has 64 bits; longer lists become a chain.
        if branches.len() > 64 {
            let rest = Node::Alternate(branches[63..].to_vec());
            let mut front = branches[..63].to_vec();
            front.push(rest);
            return self.alternate(&front, follow);
        }
        let firsts: Vec<First> = branches.iter().map(|b| self.known(First::of(b).then(follow))).collect();
        let mut masks = Box::new([0_u64; 257]);
        for (at, first) in firsts.iter().enumerate() {
            for byte in 0..=255_u8 {
                masks[usize::from(byte)] |= u64::from(first.can_begin(Some(byte))) << at;
            }
            masks[256] |= u64::from(first.can_begin(None)) << at;
        }
        let table = self.program.branches.len();
        self.program.branches.push(BranchTable { masks, targets: Vec::new() });
        self.push(Step::Branch(table as u32))?;
        let (mut targets, mut ends) = (Vec::new(), Vec::new());
        for (at, branch) in branches.iter().enumerate() {
            targets.push(self.at());
            self.node(branch, follow)?;
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
        min: u32,
        max: Option<u32>,
        greedy: bool,
        follow: First,
    ) -> Result<(), Refusal> {
        if max == Some(0) {
            return Ok(());
        }
        let single = match node {
            Node::Class(class) => Some(class.clone()),
            Node::Literal(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| {
                let mut chars = text.chars();
                let c = chars.next()?;
                chars.next().is_none().then(|| Class::of(&[(c, c)]))
            }),
            _ => None,
        };
        if let Some(class) = single {
            return self.span(&class, min, max.unwrap_or(NO_END), greedy, follow);
        }
        let inner = First::of(node);
        // Each copy may be followed by another, or by what comes after all.
        let between = if inner.empty == Empty::No {
            First { bytes: inner.bytes.union(follow.bytes), empty: follow.empty }
        } else {
            inner.or(follow)
        };
        for copy in 0..min {
            let last = copy + 1 == min && max == Some(min);
            self.node(node, if last { follow } else { between })?;
        }
        let guard = |compiler: &mut Self| {
            let (body, exit) = (compiler.known(inner.then(between)), compiler.known(follow));
            compiler.program.guards.push(if greedy { (body, exit) } else { (exit, body) });
            compiler.program.guards.len() as u32 - 1
        };
        let split = |guards, body, exit| {
            let (first, second) = if greedy { (body, exit) } else { (exit, body) };
            Step::Split { first, second, guards }
        };
        match max {
            None => {
                let guards = guard(self);
                let head = self.push(Step::Jump(0))?;
                let body = self.at();
                if inner.empty == Empty::No {
                    self.node(node, between)?;
                    self.push(Step::Jump(head as At))?;
                } else {
                    let mark = self.program.marks;
                    self.program.marks += 1;
                    self.push(Step::Mark(mark))?;
                    self.node(node, between)?;
                    self.push(Step::Again { mark, to: head as At })?;
                }
                self.program.steps[head] = split(guards, body, self.at());
            }
            Some(max) => {
                let mut heads = Vec::new();
                for copy in min..max {
                    let guards = guard(self);
                    let head = self.push(Step::Jump(0))?;
                    heads.push((head, guards, self.at()));
                    self.node(node, if copy + 1 == max { follow } else { between })?;
                }
                let exit = self.at();
                for (head, guards, body) in heads {
                    self.program.steps[head] = split(guards, body, exit);
                }
            }
        }
        Ok(())
    }

    fn span(
        &mut self,
        class: &Class,
        min: u32,
        max: u32,
        greedy: bool,
        follow: First,
    ) -> Result<(), Refusal> {
        let number = self.class(class);
        let word = Class::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
        // Giving characters back helps only where what follows can begin with one of them, or can be empty at one place and
        // not at another. Between two word characters there is no `\b`.
        let apart = class.bytes().is_disjoint(&follow.bytes)
            && match follow.empty {
                Empty::No | Empty::Always => true,
                Empty::AtBoundary => min >= 1 && class.is_ascii_subset_of(&word),
                Empty::Sometimes => false,
            };
        if self.optimise == Optimise::On && greedy && apart {
            self.push(Step::Commit { class: number, min, max })?;
            return Ok(());
        }
        let follow = self.known(follow);
        self.program.spans.push(SpanOf { class: number, min, max, follow });
        let span = self.program.spans.len() as u32 - 1;
        self.push(if greedy { Step::Span(span) } else { Step::Lazy(span) })?;
        Ok(())
    }
}

//! What was made before. The patterns of a pipeline are mostly made of the same parts (an address, a time), whose tables are what most of
//! the time goes into; and a reload compiles all patterns again, of which most are as they were.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use super::{Optimise, Program, Refusal, ast::Node, dfa::Dfa, first::First};

/// As [`Program::compile`], but one that somebody still has is shared.
pub(crate) fn program(regex: &str, optimise: Optimise) -> Result<Arc<Program>, Refusal> {
    static KNOWN: LazyLock<Mutex<Programs>> = LazyLock::new(Mutex::default);
    if optimise == Optimise::Off {
        return Program::compile(regex, optimise).map(Arc::new);
    }
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = known().made.get(regex).and_then(Weak::upgrade) {
        return Ok(program);
    }
    // Without the lock: it takes milliseconds, and others compile other patterns.
    let program = Arc::new(Program::compile(regex, optimise)?);
    known().keep(regex, &program);
    Ok(program)
}

#[derive(Default)]
struct Programs {
    made: HashMap<String, Weak<Program>>,
    /// With more, those that nobody has any more are thrown away.
    most: usize,
}

impl Programs {
    fn keep(&mut self, regex: &str, program: &Arc<Program>) {
        self.made.insert(regex.to_owned(), Arc::downgrade(program));
        if self.made.len() > self.most {
            self.made.retain(|_, program| program.strong_count() > 0);
            self.most = 2 * self.made.len().max(64);
        }
    }
}

/// As [`Dfa::build`], and with the same answer, whatever was made before.
pub(super) fn table(node: &Node, follow: First, work: &mut u64) -> Option<Dfa> {
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = known().find(node, follow)
        && let Some(left) = work.checked_sub(made.work).filter(|left| *left > 0)
    {
        *work = left;
        return made.dfa;
    }
    let before = *work;
    let dfa = Dfa::build(node, follow, work);
    // Where nothing is left, it is what came of having too little.
    if *work > 0 {
        known().keep(node, follow, Made { dfa: dfa.clone(), work: before - *work });
    }
    dfa
}

/// What came of a part, and the work that it was.
#[derive(Clone)]
struct Made {
    dfa: Option<Dfa>,
    work: u64,
}

#[derive(Default)]
struct Known {
    /// By what follows, then by the part.
    made: HashMap<First, HashMap<Node, Made>>,
    /// About so many bytes.
    size: usize,
    /// With more, those in no program any more are thrown away.
    most: usize,
}

/// So many bytes are kept in any case.
const KEPT: usize = 4 << 20;

impl Known {
    fn find(&self, node: &Node, follow: First) -> Option<Made> {
        self.made.get(&follow)?.get(node).cloned()
    }

    fn keep(&mut self, node: &Node, follow: First, made: Made) {
        self.size += size(node, &made);
        self.made.entry(follow).or_default().insert(node.clone(), made);
        if self.size <= self.most.max(KEPT) {
            return;
        }
        self.size = 0;
        for parts in self.made.values_mut() {
            parts.retain(|node, made| {
                let used = made.dfa.as_ref().is_some_and(|dfa| !dfa.is_unused());
                self.size += if used { size(node, made) } else { 0 };
                used
            });
        }
        self.made.retain(|_, parts| !parts.is_empty());
        self.most = 2 * self.size;
    }
}

fn size(node: &Node, made: &Made) -> usize {
    nodes(node) * size_of::<Node>() + made.dfa.as_ref().map_or(0, Dfa::size)
}

fn nodes(node: &Node) -> usize {
    1 + match node {
        Node::Empty | Node::Class(_) | Node::Literal(_) | Node::Assert(_) => 0,
        Node::Capture(_, node) | Node::Repeat { node, .. } | Node::Atomic(node) | Node::Look { node, .. } => {
            nodes(node)
        }
        Node::Concat(nodes_) | Node::Alternate(nodes_) => nodes_.iter().map(nodes).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{class::ByteSet, first::Open, parse::parse};

    fn followed_by(byte: u8) -> First {
        First { bytes: ByteSet::of(byte), end: true, open: Open::No }
    }

    #[test]
    fn a_table_is_made_once_and_costs_the_same_again() {
        let (node, _) = parse("(?:a|bc|known-once)+").unwrap();
        let (mut first, mut second) = (10_000, 10_000);
        let one = table(&node, followed_by(b' '), &mut first).unwrap();
        let other = table(&node, followed_by(b' '), &mut second).unwrap();
        assert_eq!(first, second);
        assert!(first < 10_000);
        assert_eq!(one.run(b"bca ", 0), other.run(b"bca ", 0));
        assert!(!one.is_unused());
    }

    #[test]
    fn with_too_little_work_there_is_no_table_though_it_is_known() {
        let (node, _) = parse("(?:a|bc|known-little)+").unwrap();
        assert!(table(&node, followed_by(b' '), &mut 10_000).is_some());
        assert!(table(&node, followed_by(b' '), &mut 3).is_none());
        assert!(table(&node, followed_by(b' '), &mut 10_000).is_some());
    }

    #[test]
    fn a_program_is_shared_as_long_as_somebody_has_it() {
        let one = program("known-shared (a|b)", Optimise::On).unwrap();
        assert!(Arc::ptr_eq(&one, &program("known-shared (a|b)", Optimise::On).unwrap()));
        let mut programs = Programs::default();
        for at in 0..1_000 {
            programs.keep(&at.to_string(), &Arc::new(Program::compile("x", Optimise::On).unwrap()));
        }
        assert!(programs.made.len() <= 130, "{}", programs.made.len());
    }

    #[test]
    fn what_no_program_uses_is_thrown_away() {
        let mut known = Known::default();
        let mut used = Vec::new();
        for at in 0..3_000 {
            let (node, _) = parse(&format!("(?:{}|{})+", "x".repeat(600), "y".repeat(at % 9 + 300))).unwrap();
            let mut work = u64::MAX;
            let dfa = Dfa::build(&node, followed_by(b' '), &mut work);
            assert!(dfa.is_some());
            let follow = followed_by((at % 90) as u8 + 33);
            if at % 100 == 0 {
                used.push(dfa.clone());
            }
            known.keep(&node, follow, Made { dfa, work: 1 });
            assert!(known.size <= known.most.max(KEPT));
        }
        assert!(known.made.values().map(HashMap::len).sum::<usize>() < 3_000);
    }
}

//! What a pattern is compiled to.

use super::{
    ast::Assertion,
    class::{ByteSet, Class},
    compile,
    dfa::Dfa,
    first::First,
    gate::Gate,
    needle::Needle,
    parse::Refusal,
    ranges::Ranges,
};

/// Whether choice points are left out where that is provably the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Optimise {
    On,
    /// The dull twin, for tests.
    #[cfg_attr(
        not(any(test, feature = "twin")),
        allow(dead_code, reason = "tests hold the program against it")
    )]
    Off,
}

// A choice's `forget` is the first slot that nothing before the choice has set: from there on all are void when it is taken
// anew. In loops and looks it is the first one behind them; those inside are put back one by one.

/// Instruction numbers.
pub(crate) type At = u32;

/// So many places are remembered at most.
pub(crate) const MOST_MEMOS: usize = 8;

/// No memory is kept at this place.
pub(crate) const NO_MEMO: u32 = u32::MAX;

/// Nothing is captured.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Without end.
pub(crate) const NO_END: u32 = u32::MAX;

/// What is done; where nothing else is said, the next instruction follows.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Word(Word),
    Literal(Box<[u8]>),
    Byte(u8),
    /// One byte of a set.
    Set(u32),
    /// One character of a class.
    Class(u32),
    Assert(Assertion),
    /// A look at the one character that stands here, or before.
    LookAt {
        class: u32,
        behind: bool,
        negated: bool,
    },
    /// Notes a place. Nothing is put back: what a later choice makes void is forgotten when that choice is taken anew.
    Save(u32),
    /// The same in a loop or a look, where the last round's place may have to be put back.
    SaveAgain(u32),
    Jump(At),
    /// One way, and if that fails the other; each only where it can begin.
    Split(u32),
    /// The branches that can begin at the byte, in order.
    Branch(u32),
    /// Characters of a class, greedy: as many as there are, giving back one by one.
    Span(u32),
    /// The same, giving nothing back.
    Commit(u32),
    /// Several of these one behind the other.
    Fields(u32),
    /// Characters of a class, lazy: as few as possible.
    Lazy(u32),
    /// A part by its table; what the table cannot tell, the instructions that follow do.
    Table(u32),
    /// A literal or something else, with one end; what cannot be told at once, the instructions that follow do.
    Either(u32),
    /// Remembers how many choices there are.
    Enter(u32),
    /// Where what follows can go on, this was the only way to get here: the choices since `Enter` are dropped.
    Fence(u32),
    /// Where several ways come together: one that failed from here is not gone a second time.
    Memo(u32),
    /// The end of an atomic group: the choices since `Enter` are dropped.
    Cut(u32),
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
    /// The end of a look-around.
    Done,
    Match,
}

/// The end of a part that has one end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FenceStep {
    pub(crate) register: u32,
    pub(crate) follow: First,
    pub(crate) memo: u32,
    /// So many bytes behind it are known already, and stepped over with the step for them.
    pub(crate) skip: u32,
}

/// Up to eight bytes, as a little-endian number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Word {
    value: u64,
    mask: u64,
    len: usize,
}

impl Word {
    /// None where it would be longer.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; 8];
        word.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let mask = u64::MAX.checked_shr(64 - 8 * bytes.len() as u32).unwrap_or(0);
        Some(Self { value: u64::from_le_bytes(word), mask, len: bytes.len() })
    }

    /// This one and then the other.
    pub(crate) fn and(&self, other: Self) -> Option<Self> {
        let bytes = [&self.value.to_le_bytes()[..self.len], &other.value.to_le_bytes()[..other.len]].concat();
        Self::of(&bytes)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where it ends, when it stands at `pos`.
    #[inline]
    pub(crate) fn end(&self, text: &[u8], pos: usize) -> Option<usize> {
        let rest = text.get(pos..)?;
        let found = match rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) & self.mask == self.value,
            None => rest.len() >= self.len && self.tail(text, pos),
        };
        found.then_some(pos + self.len)
    }

    /// Near the end of the text, where a word's worth of bytes is not left: byte by byte, and not by a call.
    fn tail(&self, text: &[u8], pos: usize) -> bool {
        let mut word = 0;
        for byte in text[pos..].iter().take(self.len).rev() {
            word = word << 8 | u64::from(*byte);
        }
        word == self.value
    }
}

/// A literal, and if that is not it, something else.
#[derive(Clone, Debug)]
pub(crate) struct EitherStep {
    pub(crate) literal: Word,
    pub(crate) other: Other,
    /// What comes behind either: only there is the literal taken.
    pub(crate) follow: First,
    pub(crate) memo: u32,
    pub(crate) then: Word,
    /// Where it goes on.
    pub(crate) next: At,
}

/// What may stand in a literal's place.
#[derive(Clone, Debug)]
pub(crate) enum Other {
    /// With the slot where it begins.
    Table(Dfa, u32),
    Run(u32),
}

/// Two ways to go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fork {
    pub(crate) first: At,
    pub(crate) second: At,
    /// What each needs.
    pub(crate) guards: (First, First),
    pub(crate) forget: u32,
}

/// A part with a table.
#[derive(Clone, Debug)]
pub(crate) struct TableStep {
    pub(crate) dfa: Dfa,
    /// Where it goes on.
    pub(crate) next: At,
    /// Where it goes on from a second end, behind the slow form.
    pub(crate) again: At,
    pub(crate) forget: u32,
    pub(crate) memo: u32,
    /// The slot where it begins, the next one is where it ends; or [`NO_SLOT`].
    pub(crate) slot: u32,
    /// What must come behind it, and is stepped over.
    pub(crate) then: Word,
}

/// A run of characters of one class.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) class: u32,
    pub(crate) set: u32,
    pub(crate) scan: Scan,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// What follows: only there is it tried.
    pub(crate) follow: First,
    pub(crate) seek: Seek,
    /// The slot where it begins, the next one is where it ends; or [`NO_SLOT`].
    pub(crate) slot: u32,
    pub(crate) lead: Lead,
    /// The byte that what follows begins with, where there is but one.
    pub(crate) back_to: Option<u8>,
    /// What must come next, of runs that give nothing back, and of lazy ones that look for it: the step for it is left out.
    pub(crate) then: Word,
    /// Where runs that give nothing back go on, behind `then`.
    pub(crate) next: At,
    /// Where they go on if `then` is not there; without it that is a failure.
    pub(crate) otherwise: Option<At>,
    pub(crate) forget: u32,
}

/// A run that gives nothing back and is found in blocks, in short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) lead: Lead,
    pub(crate) ranges: Ranges,
    pub(crate) may_be_empty: bool,
    pub(crate) slot: u32,
    pub(crate) then: Word,
}

/// Fields one behind the other, and where it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) fields: Vec<Field>,
    pub(crate) next: At,
}

/// What stands in front of a run and belongs to it, of a set of bytes of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    None,
    /// One, if it is there.
    Maybe(u32),
    /// One; the run itself may then be empty.
    One(u32),
}

/// How the end of a run is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Nothing ends it.
    All,
    /// The first of these bytes ends it.
    Until1(u8),
    Until2(u8, u8),
    Until3(u8, u8, u8),
    /// Eight bytes at once.
    Ranges(Ranges),
    /// Byte by byte.
    Bytes,
    /// Character by character: counted, or with some characters beyond ASCII and not others.
    Characters,
}

/// How the place where a lazy run can end is found.
#[derive(Clone, Debug)]
pub(crate) enum Seek {
    Try,
    /// Only before this byte.
    Byte(u8),
    /// Only before these bytes, which the class holds.
    Needle(Box<Needle>),
}

/// The branches of an alternation.
#[derive(Clone, Debug)]
pub(crate) struct Branches {
    /// For each byte, and last for the end of the text, which mask.
    pub(crate) rows: Box<[u16; 257]>,
    /// Which branches can begin.
    pub(crate) masks: Vec<u64>,
    pub(crate) targets: Vec<At>,
    pub(crate) forget: u32,
    /// Remembers how many choices there are, as [`Step::Enter`] does; or [`NO_SLOT`].
    pub(crate) register: u32,
}

/// A set of bytes to look up.
pub(crate) type Lookup = [bool; 256];

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    pub(crate) classes: Vec<Class>,
    pub(crate) sets: Vec<Lookup>,
    pub(crate) runs: Vec<Run>,
    pub(crate) fields: Vec<Fields>,
    pub(crate) tables: Vec<TableStep>,
    pub(crate) forks: Vec<Fork>,
    pub(crate) fences: Vec<FenceStep>,
    pub(crate) eithers: Vec<EitherStep>,
    pub(crate) branches: Vec<Branches>,
    pub(crate) behinds: Vec<Vec<(usize, At)>>,
    pub(crate) marks: u32,
    pub(crate) registers: u32,
    pub(crate) memos: u32,
    /// The names of the captures in order.
    pub(crate) names: Vec<String>,
    /// What a match can begin with; none where that is not known.
    pub(crate) first: Option<ByteSet>,
    /// It can only match at the beginning of the text.
    pub(crate) anchored: bool,
    pub(crate) gate: Option<Gate>,
}

impl Program {
    /// Compiles an expression in Ruby's dialect.
    pub(crate) fn compile(regex: &str, optimise: Optimise) -> Result<Self, Refusal> {
        compile::compile(regex, optimise)
    }
}

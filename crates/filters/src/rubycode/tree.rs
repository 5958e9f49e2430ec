//! The tree of a checked script: names are places, methods are known, expressions are compiled.

use std::{ops::Range, sync::Arc};

use super::value::V;
use crate::regex::Pattern;

/// Bytes of the code.
pub(crate) type Span = Range<usize>;

#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// How many expressions stand within each other here.
    pub(super) depth: usize,
}

impl Expr {
    pub(super) fn new(kind: Kind, span: Span) -> Self {
        let depth = 1 + kind.depth();
        Self { kind, span, depth }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Value(V),
    /// A text with `#{…}` in it.
    Text(Vec<Part>),
    List(Vec<Expr>),
    Hash(Vec<(Expr, Expr)>),
    Local(usize),
    Instance(Arc<str>),
    /// `$1` and the like.
    Group(usize),
    Constant(Constant),
    Assign(Target, Box<Expr>),
    /// `a += 1`, `a ||= 1`.
    Update(Target, Update, Box<Expr>),
    Index(Box<Expr>, Vec<Expr>),
    /// `a[1..-1]`; the last is left out after three dots.
    Slice {
        of: Box<Expr>,
        from: Box<Expr>,
        to: Option<Box<Expr>>,
        exclusive: bool,
    },
    Call(Box<Call>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Case {
        subject: Box<Expr>,
        branches: Vec<(Vec<Expr>, Expr)>,
        other: Box<Expr>,
    },
    Sequence(Vec<Expr>),
    /// `begin … rescue => name … end`.
    Rescue {
        body: Box<Expr>,
        name: Option<usize>,
        other: Box<Expr>,
    },
    Next(Box<Expr>),
    Break(Box<Expr>),
    Return(Box<Expr>),
}

impl Kind {
    /// That of the deepest expression within.
    fn depth(&self) -> usize {
        let all = |exprs: &[Expr]| exprs.iter().map(|expr| expr.depth).max().unwrap_or(0);
        let target = |target: &Target| match target {
            Target::Index(of, key) => of.depth.max(key.depth),
            Target::Local(_) | Target::Instance(_) => 0,
        };
        match self {
            Self::Value(_) | Self::Local(_) | Self::Instance(_) | Self::Group(_) | Self::Constant(_) => 0,
            Self::Text(parts) => {
                let code = |part: &Part| if let Part::Code(expr) = part { expr.depth } else { 0 };
                parts.iter().map(code).max().unwrap_or(0)
            }
            Self::List(exprs) | Self::Sequence(exprs) => all(exprs),
            Self::Hash(entries) => {
                entries.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0)
            }
            Self::Assign(place, value) | Self::Update(place, _, value) => target(place).max(value.depth),
            Self::Index(of, keys) => of.depth.max(all(keys)),
            Self::Slice { of, from, to, .. } => {
                of.depth.max(from.depth).max(to.as_ref().map_or(0, |to| to.depth))
            }
            Self::Call(call) => {
                let block = call.block.as_ref().map_or(0, |block| block.body.depth);
                call.receiver.depth.max(all(&call.arguments)).max(block)
            }
            Self::Binary(_, a, b) | Self::And(a, b) | Self::Or(a, b) => a.depth.max(b.depth),
            Self::Not(one) | Self::Negate(one) | Self::Next(one) | Self::Break(one) | Self::Return(one) => {
                one.depth
            }
            Self::If(condition, then, other) => condition.depth.max(then.depth).max(other.depth),
            Self::Rescue { body, other, .. } => body.depth.max(other.depth),
            Self::Case { subject, branches, other } => {
                let branch = |(values, body): &(Vec<Expr>, Expr)| all(values).max(body.depth);
                let branches = branches.iter().map(branch).max().unwrap_or(0);
                subject.depth.max(branches).max(other.depth)
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String),
    Code(Expr),
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Local(usize),
    Instance(Arc<str>),
    Index(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Update {
    Or,
    And,
    By(Binary),
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) receiver: Expr,
    pub(super) method: &'static str,
    pub(super) arguments: Vec<Expr>,
    pub(super) block: Option<Block>,
    /// `&.`: of nil it is nil.
    pub(super) safe: bool,
}

/// `do |a, b| … end`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) parameters: Vec<usize>,
    pub(super) body: Expr,
}

/// A name with a capital that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    /// `Time`, and `LogStash::Timestamp`, which is the same here.
    Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Push,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Compare,
    Match,
    NoMatch,
    /// `&` and `|` of lists and whole numbers.
    Both,
    Either,
}

impl Binary {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Power => "**",
            Self::Push => "<<",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Compare => "<=>",
            Self::Match => "=~",
            Self::NoMatch => "!~",
            Self::Both => "&",
            Self::Either => "|",
        }
    }
}

/// What is wrong with a script, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeError {
    /// Bytes of the code.
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// A regular expression with its flags, in Ruby's letters.
pub(super) fn regex(text: &str, flags: &str, span: &Span) -> Result<V, CodeError> {
    let prefix = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
    Pattern::compile(&format!("{prefix}{text}"))
        .map(|pattern| V::Regex(Arc::new(pattern)))
        .map_err(|message| CodeError { span: span.clone(), message, help: None })
}

//! The syntax tree.

use alces_diagnostic::Span;

/// Something and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The thing.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

/// A whole file: sections in order. Sections of one kind are concatenated when a pipeline is built.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Config {
    /// The sections in order.
    pub sections: Vec<Section>,
}

impl Config {
    /// The statements of all sections of one kind, in order.
    pub fn statements(&self, kind: SectionKind) -> impl Iterator<Item = &Statement> {
        self.sections.iter().filter(move |s| s.kind == kind).flat_map(|s| &s.body)
    }
}

/// `input`, `filter` or `output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Where events come from.
    Input,
    /// What is done to them.
    Filter,
    /// Where they go.
    Output,
}

/// One `input { … }`, `filter { … }` or `output { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Which of the three.
    pub kind: SectionKind,
    /// What stands in it.
    pub body: Vec<Statement>,
    /// Where its name stands.
    pub span: Span,
}

/// A plugin or a conditional.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `grok { … }`
    Plugin(Plugin),
    /// `if … { … } else if … { … } else { … }`; the `else` branch has no condition.
    If(Vec<Branch>),
}

/// One arm of a conditional.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The condition; `None` for `else`.
    pub condition: Option<Condition>,
    /// What is done where it holds.
    pub body: Vec<Statement>,
}

/// A plugin with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// Its name.
    pub name: Spanned<String>,
    /// Its attributes in order; a name may be repeated.
    pub attributes: Vec<Attribute>,
}

/// `name => value`
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The option's name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<Value>,
}

/// An option's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `"text"` or `'text'`, as written: escapes are off.
    String(String),
    /// `text`
    Bareword(String),
    /// `7`, `-1.5`, as written.
    Number(String),
    /// `[a, b]`
    Array(Vec<Spanned<Value>>),
    /// `{ "a" => b }`
    Hash(Vec<(Spanned<String>, Spanned<Value>)>),
    /// A codec: `json { … }`
    Plugin(Plugin),
}

/// `and`, `or`, `xor`, `nand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoolOp {
    /// Both.
    And,
    /// Either.
    Or,
    /// One of them.
    Xor,
    /// Not both.
    Nand,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
}

/// When a branch is taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `a and b`
    Bool(BoolOp, Box<Condition>, Box<Condition>),
    /// `!(…)`, `![field]`
    Not(Box<Condition>),
    /// `a == b`
    Compare(Operand, CompareOp, Operand),
    /// `a =~ /re/`; the flag says `!~`.
    Match {
        /// What is searched.
        subject: Operand,
        /// The regex.
        pattern: Spanned<String>,
        /// `!~`
        negated: bool,
    },
    /// `a in b`; the flag says `not in`.
    In {
        /// What is looked for.
        needle: Operand,
        /// Where.
        haystack: Operand,
        /// `not in`
        negated: bool,
    },
    /// `[field]`: it is there, and neither false nor null.
    Truthy(Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// `[a][b]`, as written.
    Field(Spanned<String>),
    /// `"text"`
    String(Spanned<String>),
    /// `7`
    Number(Spanned<String>),
    /// `["a", "b"]`
    Array(Vec<Operand>, Span),
}

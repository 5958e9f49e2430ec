//! What an option is.

/// An option.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// As in a file; empty: none.
    pub(super) default: &'static str,
    /// What it does, as a sentence without its full stop.
    pub(super) meaning: &'static str,
    /// A value other than the default, as in a file.
    pub(super) example: &'static str,
}

/// What may stand there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Bool,
    /// `10s`, `5m`, `1h 30m`.
    Duration,
    /// Bytes: `512KiB`, `1MB`.
    Size,
    /// A whole number in these bounds.
    Whole(u64, u64),
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Path,
    /// `host:port`, one or several.
    Addresses,
    /// One or several texts.
    Texts,
    /// One or several path patterns.
    Patterns,
    Regex,
    /// One or several regular expressions.
    Regexes,
    /// A WHATWG label.
    Encoding,
    /// What is logged.
    Log,
    /// Names and values of fields.
    Fields,
    /// Options of their own, or one of the words.
    Group(&'static Group),
    /// A list of groups; a text in place of a group is its first option.
    Groups(&'static Group),
}

/// Options that stand together.
#[derive(Debug)]
pub(super) struct Group {
    /// As in messages and headings.
    pub(super) title: &'static str,
    pub(super) rows: &'static [Row],
    /// Words that may stand in its place.
    pub(super) words: fn() -> Vec<&'static str>,
}

/// An option.
pub(super) const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Row {
    Row { name, kind, default, meaning, example }
}

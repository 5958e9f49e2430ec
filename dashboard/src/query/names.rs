//! What a query must know of the fields of the indices it is for.

/// What the caller knows of fields.
///
/// Only fields that can be searched belong here: a field that is kept but not indexed makes a backend refuse the whole
/// search.
pub(crate) trait Names {
    /// The fields behind a word: an idea such as `status` may stand for several fields (old and new names), a real field
    /// name stands for itself. Empty: not known.
    fn named(&self, word: &str) -> Vec<Named>;

    /// All words that could have been meant, for "did you mean".
    fn known(&self) -> Vec<String>;

    /// The fields that free words search, e.g. `message` and `event.original`.
    fn message(&self) -> Vec<Named>;
}

/// A field that a word stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    /// The field's full name.
    pub(crate) name: String,
    /// How its values are stored, which decides how they are asked for.
    pub(crate) stored: Stored,
    /// What one unit of the field is in seconds, if it is a duration: 1 for seconds, 1e-9 for nanoseconds.
    pub(crate) duration: Option<f64>,
}

/// How the values of a field are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Whole numbers and fractions.
    Number,
    /// Text that is one value.
    Keyword,
    /// Text that is cut into words in lower case.
    Text,
    /// A time.
    Date,
    /// An IPv4 or IPv6 address.
    Ip,
    /// True or false.
    Boolean,
}

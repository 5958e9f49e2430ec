//! What the lines of a pattern have in common.

use sha2::{Digest as _, Sha256};

use super::mask::ANY;

/// The text of a pattern and its id, as events carry them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: Box<str>,
    /// The first 16 digits of the SHA-256 of the text in hexadecimal.
    pub(super) id: Box<str>,
}

impl Name {
    pub(super) fn of<'t>(tokens: impl Iterator<Item = &'t str>) -> Self {
        let mut text = String::new();
        for token in tokens {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(token);
        }
        let digest = Sha256::digest(&text);
        let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { text: text.into(), id: id.into() }
    }
}

/// How a token and another become one: the same stays, values of one name are `name=<*>`, all else is `<*>`.
///
/// Neither the order in which tokens come nor how often they come changes what comes out, so that a template is a matter of its lines
/// alone. `None` where `token` stays as it is.
pub(super) fn join<'t>(token: &'t str, other: &str) -> Option<Joined<'t>> {
    if token == other || token == ANY {
        return None;
    }
    match (token.split_once('='), other.split_once('=')) {
        (Some((name, value)), Some((same, _))) if name == same && !name.is_empty() => {
            (value != ANY).then_some(Joined::Named(name))
        }
        _ => Some(Joined::Any),
    }
}

/// What a token becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined<'t> {
    Named(&'t str),
    Any,
}

impl Joined<'_> {
    pub(super) fn text(&self) -> Box<str> {
        match self {
            Self::Named(name) => format!("{name}={ANY}").into(),
            Self::Any => ANY.into(),
        }
    }
}

/// Whether a token stands for several.
pub(super) fn is_any(token: &str) -> bool {
    token == ANY || token.split_once('=').is_some_and(|(name, value)| !name.is_empty() && value == ANY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(a: &str, b: &str) -> String {
        join(a, b).map_or(a.to_owned(), |new| new.text().into())
    }

    #[test]
    fn the_same_stays_and_the_name_of_a_value_too() {
        for (a, b, expected) in [
            ("a", "a", "a"),
            ("a", "b", "<*>"),
            ("<*>", "b", "<*>"),
            ("user=amy", "user=bob", "user=<*>"),
            ("user=<*>", "user=bob", "user=<*>"),
            ("user=amy", "name=amy", "<*>"),
            ("=a", "=b", "<*>"),
        ] {
            assert_eq!(joined(a, b), expected);
        }
    }

    #[test]
    fn an_id_is_a_hash_that_others_make_too() {
        // printf '%s' 'took <num> ms' | sha256sum | cut -c-16
        let name = Name::of(["took", "<num>", "ms"].into_iter());
        assert_eq!((&*name.text, &*name.id), ("took <num> ms", "602321fb9dd5dc07"));
    }

    proptest! {
        #[test]
        fn neither_order_nor_number_changes_what_comes_out(tokens in proptest::collection::vec("(a|b|=a|x=a|x=b|y=a|x=|x=<\\*>|<\\*>)", 3)) {
            let [a, b, c] = &tokens[..] else { unreachable!() };
            prop_assert_eq!(joined(a, b), joined(b, a));
            prop_assert_eq!(joined(&joined(a, b), c), joined(a, &joined(b, c)));
            prop_assert_eq!(joined(&joined(a, b), b), joined(a, b));
        }
    }
}

//! Reading options without their types.

use alces_conf::{Attribute, Plugin, Spanned, Value};

/// All attributes of a name.
pub(crate) fn of<'p>(plugin: &'p Plugin, name: &'p str) -> impl Iterator<Item = &'p Spanned<Value>> {
    plugin.attributes.iter().filter(move |a: &&Attribute| a.name.node == name).map(|a| &a.value)
}

/// The text of an attribute that holds one.
pub(crate) fn text<'p>(plugin: &'p Plugin, name: &'p str) -> Option<Spanned<&'p str>> {
    of(plugin, name).last().and_then(plain)
}

/// A value's text, if it is one.
pub(crate) fn plain(value: &Spanned<Value>) -> Option<Spanned<&str>> {
    match &value.node {
        Value::String(text) | Value::Bareword(text) | Value::Number(text) => {
            Some(Spanned { node: text, span: value.span.clone() })
        }
        _ => None,
    }
}

/// All texts in a value, but the keys of hashes.
pub(crate) fn texts(value: &Spanned<Value>) -> Vec<Spanned<&str>> {
    match &value.node {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Hash(entries) => entries.iter().flat_map(|(_, value)| texts(value)).collect(),
        Value::Plugin(plugin) => plugin.attributes.iter().flat_map(|a| texts(&a.value)).collect(),
        _ => plain(value).into_iter().collect(),
    }
}

/// Keys with their values, of a hash or of a list of pairs.
pub(crate) fn pairs(value: &Spanned<Value>) -> Vec<(Spanned<&str>, &Spanned<Value>)> {
    match &value.node {
        Value::Hash(entries) => entries
            .iter()
            .map(|(key, value)| (Spanned { node: key.node.as_str(), span: key.span.clone() }, value))
            .collect(),
        Value::Array(items) => items
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [key, value] => Some((plain(key)?, value)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

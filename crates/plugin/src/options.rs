//! Options that are more than texts and numbers: each is read, or an error at its place.

use alces_conf::{Options, Span, Spanned, closest};
use alces_event::{FieldRef, Template};

/// A template, or an error at its place.
pub fn template(options: &mut Options<'_>, text: &str, span: &Span) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(error) => {
            options.error(span, error.to_string());
            None
        }
    }
}

/// A field reference, or an error at its place.
pub fn field(options: &mut Options<'_>, text: &str, span: &Span) -> Option<FieldRef> {
    match FieldRef::parse(text) {
        Ok(field) => Some(field),
        Err(error) => {
            options.error(span, error.to_string());
            None
        }
    }
}

/// The fields of a list of names.
pub fn fields(options: &mut Options<'_>, name: &'static str) -> Vec<FieldRef> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|t| field(options, &t.node, &t.span)).collect()
}

/// A field named by a single text.
pub fn field_option(options: &mut Options<'_>, name: &'static str) -> Option<FieldRef> {
    let text = options.text(name)?;
    field(options, &text.node, &text.span)
}

/// The texts of an option, without their places.
pub fn plain_texts(options: &mut Options<'_>, name: &'static str) -> Option<Vec<String>> {
    options.texts(name).map(|texts| texts.into_iter().map(|text| text.node).collect())
}

/// What a word within an option means, or an error at its place that names what is near.
pub fn one_of<T: Copy>(
    options: &mut Options<'_>,
    word: &Spanned<String>,
    option: &str,
    choices: &[(&str, T)],
) -> Option<T> {
    if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == word.node) {
        return Some(*choice);
    }
    let names = choices.iter().map(|(name, _)| *name);
    let help = match closest(&word.node, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`{option}` knows {}", names.collect::<Vec<_>>().join(", ")),
    };
    options.error_with_help(
        &word.span,
        format!("`{option}` of {} knows no `{}`", options.plugin(), word.node),
        help,
    );
    None
}

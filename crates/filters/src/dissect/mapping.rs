//! `%{a} - %{b->} %{+c/2}`: delimiters and fields, made ready to cut a text.

use alces_event::{Event, FieldRef};
use memchr::memmem::Finder;

/// A compiled mapping.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    before: String,
    /// After each part its delimiter; the last part goes to the end of the text, or up to the text that ends the mapping.
    delimiters: Vec<Delimiter>,
    /// In the order in which they are set: first what is named, then what is appended, then what other fields name.
    slots: Vec<Slot>,
}

#[derive(Clone, Debug)]
struct Delimiter {
    finder: Finder<'static>,
    /// It may stand several times in a row (`->`).
    padding: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Which part of the text.
    pub(super) at: usize,
    pub(super) kind: Kind,
    order: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Normal(FieldRef),
    Append {
        field: FieldRef,
        join: String,
    },
    Indirect {
        field: FieldRef,
        /// The part of the same name, where the event has no such field.
        from: Option<usize>,
    },
}

/// What `/n` may be at most, so that indirect fields still come last.
const MAX_ORDER: u32 = 1_000_000;

impl Mapping {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let mut before = None;
        let mut delimiters: Vec<Delimiter> = Vec::new();
        let mut names = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("%{") {
            let Some(length) = rest[start..].find('}') else { break };
            let delimiter = &rest[..start];
            let written = &rest[start + 2..start + length];
            rest = &rest[start + length + 1..];
            match (&before, names.last()) {
                (None, _) => before = Some(delimiter.to_owned()),
                (Some(_), last) => {
                    delimiters.push(Delimiter::new(delimiter, last.is_some_and(|(_, padding)| *padding)));
                }
            }
            let (name, padding) = match written.strip_suffix("->") {
                Some(name) => (name, true),
                None => (written, false),
            };
            names.push((name, padding));
        }
        let Some(before) = before else {
            return Err(format!("`{text}` has no field: write them as `%{{name}}`"));
        };
        // What follows the last field is a delimiter, and the rest of the text after it is left out.
        if !rest.is_empty() {
            let padding = names.last().is_some_and(|(_, padding)| *padding);
            delimiters.push(Delimiter::new(rest, padding));
        }
        let mut slots = Vec::new();
        for (at, (name, _)) in names.iter().enumerate() {
            let join = match at.checked_sub(1).and_then(|at| delimiters.get(at)) {
                Some(delimiter) if !delimiter.finder.needle().is_empty() => delimiter.text(),
                _ => " ".to_owned(),
            };
            slots.extend(slot(at, name, join, &names)?);
        }
        slots.sort_by_key(|slot| slot.order);
        Ok(Self { before, delimiters, slots })
    }

    /// Where each part is; `false` where a delimiter is not found or there is no text at all.
    pub(super) fn cut(&self, text: &str, spans: &mut Vec<(usize, usize)>) -> bool {
        spans.clear();
        if text.is_empty() || !text.starts_with(self.before.as_str()) {
            return false;
        }
        let bytes = text.as_bytes();
        let mut left = self.before.len();
        for delimiter in &self.delimiters {
            let needle = delimiter.finder.needle();
            // Fields without anything between them: the first is empty.
            if needle.is_empty() {
                spans.push((left, left));
                continue;
            }
            let rest = bytes.get(left..).unwrap_or_default();
            let found = match needle {
                [one] => memchr::memchr(*one, rest),
                _ => delimiter.finder.find(rest),
            };
            let Some(found) = found else { return false };
            spans.push((left, left + found));
            left += found + needle.len();
            while delimiter.padding && bytes.get(left..).is_some_and(|rest| rest.starts_with(needle)) {
                left += needle.len();
            }
        }
        spans.push((left, text.len()));
        true
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether it has nothing but named fields.
    pub(super) fn is_plain(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot.kind, Kind::Normal(_)))
    }

    /// Whether one of its fields is `field`, or what `field` lies in.
    pub(super) fn writes(&self, field: &FieldRef) -> bool {
        let written = field.to_string();
        let head =
            |name: &str| name.trim_start_matches('[').split([']', '[']).next().unwrap_or_default().to_owned();
        self.slots.iter().any(|slot| match &slot.kind {
            Kind::Normal(other) => head(&other.to_string()) == head(&written),
            _ => true,
        })
    }
}

impl Slot {
    /// Whether its field can be set as Logstash would.
    pub(super) fn is_settable(&self, event: &Event) -> bool {
        match &self.kind {
            Kind::Normal(field) | Kind::Append { field, .. } => event.can_set(field),
            Kind::Indirect { .. } => true,
        }
    }
}

impl Delimiter {
    fn new(text: &str, padding: bool) -> Self {
        Self { finder: Finder::new(text).into_owned(), padding }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.finder.needle()).into_owned()
    }
}

/// `None` for what is skipped.
fn slot(at: usize, name: &str, join: String, names: &[(&str, bool)]) -> Result<Option<Slot>, String> {
    let field = |name: &str| FieldRef::parse(name).map_err(|error| error.to_string());
    let nothing = |sign: char| format!("`%{{{sign}}}` names no field");
    let (order, kind) = if name.is_empty() || name.starts_with('?') {
        return Ok(None);
    } else if name.starts_with("+&") || name.starts_with("&+") {
        return Err(format!("`%{{{name}}}`: a field is appended (`+`) or indirect (`&`), not both"));
    } else if let Some(name) = name.strip_prefix('+') {
        let (name, order) = match name.rsplit_once('/') {
            Some((name, order)) => {
                let number = order.parse().ok().filter(|number| *number < MAX_ORDER);
                (
                    name,
                    number
                        .ok_or_else(|| format!("`%{{+{name}/{order}}}`: the order after `/` is a number"))?,
                )
            }
            None => (name, 0),
        };
        if name.is_empty() {
            return Err(nothing('+'));
        }
        (1 + order, Kind::Append { field: field(name)?, join })
    } else if let Some(name) = name.strip_prefix('&') {
        if name.is_empty() {
            return Err(nothing('&'));
        }
        let from = names.iter().position(|(other, _)| other.strip_prefix('?').unwrap_or(other) == name);
        (1 + MAX_ORDER, Kind::Indirect { field: field(name)?, from })
    } else {
        (0, Kind::Normal(field(name)?))
    };
    Ok(Some(Slot { at, kind, order }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Texts put between delimiters are cut out again.
        #[test]
        fn put_together_and_cut(
            parts in prop::collection::vec(("[a-cé]{0,4}", prop::sample::select(vec![" ", ",", " - ", "»"])), 1..6),
            last in "[a-cé ,»]{1,4}",
        ) {
            let (mut mapping, mut text) = (String::from("<"), String::from("<"));
            for (part, delimiter) in &parts {
                mapping += &format!("%{{f}}{delimiter}");
                text += &format!("{part}{delimiter}");
            }
            mapping += "%{f}";
            text += &last;
            let mut spans = Vec::new();
            prop_assert!(Mapping::compile(&mapping).unwrap().cut(&text, &mut spans));
            let cut: Vec<&str> = spans.iter().map(|(start, end)| &text[*start..*end]).collect();
            let whole: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).chain([last.as_str()]).collect();
            prop_assert_eq!(cut, whole);
        }

        #[test]
        fn nothing_breaks_it(mapping in "[%{}a+&?/2> -]{0,16}", text in "[a é>-]{0,12}") {
            if let Ok(mapping) = Mapping::compile(&mapping) {
                let mut spans = Vec::new();
                if mapping.cut(&text, &mut spans) {
                    prop_assert!(spans.iter().all(|(start, end)| text.get(*start..*end).is_some()));
                }
            }
        }
    }
}

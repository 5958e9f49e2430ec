//! Fields beyond the limit of an index: their values go into two columns that they share, so that documents whose keys are data (ids, dates) neither are
//! refused nor make a column of each key. What OpenSearch calls a `flat_object` is kept so as well.

use super::{FIELD_LIMIT, Field, Mapping};
use crate::mapping::types::FieldType;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All values of such fields, in the mapping as a `flat_object`.
pub(crate) const BEYOND: &str = "_overflow";
/// The same values, each behind its path and [`SIGN`].
pub(crate) const PATHS: &str = "_overflow._value_and_path";
/// Between path and value, and the character after it: no key has either.
pub(crate) const SIGN: char = '\u{1}';
pub(crate) const NEXT: char = '\u{2}';

impl Mapping {
    /// Values of some fields are in the shared columns. Not where a client has a field or an object of that name.
    pub(crate) fn has_beyond(&self) -> bool {
        self.fields.get(BEYOND).is_some_and(|field| field.ty == FieldType::FlatObject)
    }

    /// Fields and objects, without the field of those beyond the limit.
    fn taken(&self) -> usize {
        self.fields.len() + self.objects.len() - usize::from(self.has_beyond())
    }

    /// There are more than the limit allows.
    pub(super) fn is_too_large(&self) -> bool {
        self.taken() > FIELD_LIMIT
    }

    /// Whether a field, and the objects around it, still fit. Once one did not, none does: a path that is beyond the limit stays there.
    pub(super) fn has_room(&self, path: &str, subfields: usize) -> bool {
        let parents = path.match_indices('.').filter(|(at, _)| !self.objects.contains(&path[..*at])).count();
        !self.has_beyond() && self.taken() + 1 + subfields + parents <= FIELD_LIMIT
    }

    /// Makes the field for what is beyond the limit, if there is none; none where its name is taken.
    pub(super) fn beyond(&mut self) -> Option<Arc<str>> {
        if let Some(field) = self.fields.get(BEYOND) {
            return (field.ty == FieldType::FlatObject).then(|| Arc::clone(&field.path));
        }
        if self.objects.contains(BEYOND) {
            return None;
        }
        let path: Arc<str> = Arc::from(BEYOND);
        let field = Field {
            path: Arc::clone(&path),
            ty: FieldType::FlatObject,
            ignore_above: usize::MAX,
            ignore_malformed: false,
            source_only: false,
            subfields: BTreeMap::new(),
            json: json!({"type": "flat_object"}).as_object().cloned().unwrap_or_default(),
            parent: None,
        };
        self.insert(BEYOND.to_owned(), Arc::new(field));
        Some(path)
    }

    /// A field around this path: nothing can be below it.
    pub(super) fn field_around(&self, path: &str) -> Option<&str> {
        let mut around = path.match_indices('.').filter_map(|(at, _)| self.fields.get_key_value(&path[..at]));
        around.next().map(|(name, _)| name.as_str())
    }

    /// Whether values of this path, if there are any, are beyond the limit.
    pub(crate) fn is_beyond(&self, path: &str) -> bool {
        let own = |path: &str| self.fields.contains_key(path);
        self.has_beyond()
            && !own(path)
            && !self.objects.contains(path)
            && !path.match_indices('.').any(|(at, _)| own(&path[..at]))
    }
}

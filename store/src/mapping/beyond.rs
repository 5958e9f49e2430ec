//! Fields beyond the limit of an index: their values go into two columns that they share, so that documents whose keys are data (ids, dates) neither are
//! refused nor make a column of each key. What OpenSearch calls a `flat_object` is kept so as well.

use super::{FIELD_LIMIT, Field, Mapping};
use crate::mapping::types::FieldType;
use serde_json::json;
use std::sync::Arc;

/// All values of such fields, in the mapping as a `flat_object`.
pub(crate) const BEYOND: &str = "_overflow";
/// The same values, each behind its path and [`SIGN`].
pub(crate) const PATHS: &str = "_overflow._value_and_path";
/// Between path and value. The next character is [`NEXT`].
pub(crate) const SIGN: char = '=';
pub(crate) const NEXT: char = '>';

impl Mapping {
    /// Fields and objects, without the field of those beyond the limit.
    fn taken(&self) -> usize {
        self.fields.len() + self.objects.len() - usize::from(self.fields.contains_key(BEYOND))
    }

    /// There are more than the limit allows.
    pub(super) fn is_too_large(&self) -> bool {
        self.taken() > FIELD_LIMIT
    }

    /// Whether a field, and the objects around it, still fit.
    pub(super) fn has_room(&self, path: &str, subfields: usize) -> bool {
        let parents = path.match_indices('.').filter(|(at, _)| !self.objects.contains(&path[..*at])).count();
        self.taken() + 1 + subfields + parents <= FIELD_LIMIT
    }

    /// The field for what is beyond the limit; makes it where it is missing.
    pub(super) fn beyond(&mut self) -> Arc<str> {
        let made = || {
            let json = json!({"type": "flat_object"});
            Arc::new(Field {
                path: Arc::from(BEYOND),
                ty: FieldType::FlatObject,
                ignore_above: usize::MAX,
                ignore_malformed: false,
                source_only: false,
                subfields: std::collections::BTreeMap::new(),
                json: json.as_object().cloned().unwrap_or_default(),
                parent: None,
            })
        };
        if let Some(field) = self.fields.get(BEYOND) {
            return Arc::clone(&field.path);
        }
        let field = made();
        self.insert(BEYOND.to_owned(), Arc::clone(&field));
        Arc::clone(&field.path)
    }

    /// Whether values of this path, if there are any, are beyond the limit.
    pub(crate) fn is_beyond(&self, path: &str) -> bool {
        let own = |path: &str| self.fields.contains_key(path);
        own(BEYOND)
            && !own(path)
            && !self.objects.contains(path)
            && !path.match_indices('.').any(|(at, _)| own(&path[..at]))
    }
}

//! `include` and `exclude`: which terms get a bucket.

use super::Result;
use crate::aggs::ast::{Choice, Terms};
use crate::aggs::table::Key;
use crate::error::ApiError;
use crate::mapping::types::{FieldType, ip_text};
use std::collections::HashSet;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A choice made ready for a field's type.
#[derive(Debug)]
enum Test {
    Keys(HashSet<Key>),
    Pattern(Arc<regex::Regex>),
    Partition(u64, u64),
}

/// Both choices.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    include: Option<Test>,
    exclude: Option<Test>,
    addresses: bool,
}

impl Sieve {
    pub(super) fn new(terms: &Terms, kind: Option<&FieldType>) -> Result<Self> {
        let test = |choice: &Option<Choice>| {
            Ok::<_, ApiError>(match choice {
                None => None,
                Some(Choice::Values(values)) => {
                    Some(Test::Keys(values.iter().map(|value| super::split::key_of(value, kind)).collect()))
                }
                Some(Choice::Pattern(_)) if kind.is_some_and(FieldType::is_numeric) => {
                    return Err(ApiError::illegal(format!(
                        "Aggregation [{}] cannot support regular expression style include/exclude settings as they can only be \
                         applied to string fields. Use an array of values for include/exclude clauses",
                        terms.field
                    )));
                }
                Some(Choice::Pattern(regex)) => Some(Test::Pattern(Arc::clone(regex))),
                Some(Choice::Partition(one, all)) => Some(Test::Partition(*one, *all)),
            })
        };
        Ok(Self {
            include: test(&terms.include)?,
            exclude: test(&terms.exclude)?,
            addresses: kind == Some(&FieldType::Ip),
        })
    }

    pub(super) fn takes(&self, key: &Key) -> bool {
        self.include.as_ref().is_none_or(|test| self.passes(test, key))
            && !self.exclude.as_ref().is_some_and(|test| self.passes(test, key))
    }

    fn passes(&self, test: &Test, key: &Key) -> bool {
        match (test, key) {
            (Test::Keys(keys), key) => keys.contains(key),
            (Test::Pattern(regex), Key::Text(text)) if self.addresses => regex.is_match(&ip_text(text)),
            (Test::Pattern(regex), Key::Text(text)) => regex.is_match(text),
            (Test::Pattern(_), _) => false,
            (Test::Partition(one, all), Key::Text(text)) => xxh3_64(text.as_bytes()) % all == *one,
            (Test::Partition(one, all), key) => xxh3_64(&key.float().to_bits().to_le_bytes()) % all == *one,
        }
    }
}

//! The fields by whose values a rule's lines are watched apart, and the name of such a group.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// Between the values of a group of several fields: the unit separator of ASCII, which stands in no value that people write.
const BETWEEN: char = '\u{1f}';

/// Fields; each combination of their values is watched for itself. None: all lines are watched together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By(Vec<String>);

impl By {
    /// The fields, in the order of the file.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.0
    }

    /// Whether all lines are watched together.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the group of these values, one for each field. That of one value is the value.
    pub fn group<'v>(values: impl IntoIterator<Item = &'v str>) -> String {
        let mut name = String::new();
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                name.push(BETWEEN);
            }
            // What would divide a value does not divide the name.
            name.extend(value.chars().map(|c| if c == BETWEEN { '\u{fffd}' } else { c }));
        }
        name
    }

    /// Each field with its value in a group.
    pub fn values<'s>(&'s self, group: &'s str) -> impl Iterator<Item = (&'s str, &'s str)> {
        // A value of a rule's only field is whole: states of before may hold anything.
        let mut rest = Some(group);
        let last = self.0.len().saturating_sub(1);
        self.0.iter().enumerate().filter_map(move |(at, field)| {
            let value = rest?;
            let (value, after) = match value.split_once(BETWEEN).filter(|_| at < last) {
                Some((value, after)) => (value, Some(after)),
                None => (value, None),
            };
            rest = after;
            Some((field.as_str(), value))
        })
    }

    /// A group's name for people.
    #[must_use]
    pub fn shown(group: &str) -> String {
        group.replace(BETWEEN, ", ")
    }
}

impl From<Vec<String>> for By {
    fn from(fields: Vec<String>) -> Self {
        Self(fields)
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = By;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field, or a list of fields: by: [host, service]")
            }

            fn visit_str<E: de::Error>(self, field: &str) -> Result<By, E> {
                Ok(By(vec![field.to_owned()]))
            }

            fn visit_unit<E: de::Error>(self) -> Result<By, E> {
                Ok(By::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<By, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = all.next_element::<String>()? {
                    if fields.contains(&field) {
                        return Err(A::Error::custom(format!("by names {field} twice")));
                    }
                    fields.push(field);
                }
                Ok(By(fields))
            }
        }
        deserializer.deserialize_any(Fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<By, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn one_field_or_several() {
        assert_eq!(read("host").map(|by| by.0), Ok(vec!["host".to_owned()]));
        assert_eq!(read("[host, service]").map(|by| by.0.len()), Ok(2));
        assert!(read("[a, a]").is_err_and(|e| e.contains("twice")));
        assert!(read("{a: 1}").is_err_and(|e| e.contains("list of fields")));
    }

    #[test]
    fn a_group_of_one_field_is_its_value() {
        let by = By(vec!["host".into()]);
        assert_eq!(By::group(["web-1"]), "web-1");
        assert_eq!(by.values("web-1").collect::<Vec<_>>(), [("host", "web-1")]);
        assert_eq!(By::default().values("").count(), 0);
        assert_eq!(By::shown(&By::group(["web-1", "app"])), "web-1, app");
    }

    proptest! {
        /// What makes a group's name is read from it again.
        #[test]
        fn there_and_back(values in prop::collection::vec("[^\u{1f}]{0,8}", 1..4)) {
            let by = By((0..values.len()).map(|n| format!("f{n}")).collect());
            let group = By::group(values.iter().map(String::as_str));
            let back: Vec<&str> = by.values(&group).map(|(_, value)| value).collect();
            prop_assert_eq!(back, values);
        }
    }
}

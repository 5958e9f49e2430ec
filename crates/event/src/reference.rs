//! Field references: `name`, `[a][b]`, `[@metadata][x]`, `[list][0]` (Logstash's `FieldReference.java`).

use std::fmt;

use smallvec::SmallVec;

use crate::Key;

/// Where a reference starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Among the event's fields.
    Fields,
    /// Among `[@metadata]`, which is not written to outputs.
    Metadata,
    /// `@timestamp` itself.
    Timestamp,
}

/// A parsed field reference.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldRef {
    pub(crate) root: Root,
    pub(crate) path: SmallVec<[Key; 3]>,
}

/// Why a field reference cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a field reference: write `name` or `[outer][inner]`")]
pub struct RefError {
    text: String,
}

impl FieldRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// Unbalanced or empty brackets, or no text at all.
    pub fn parse(text: &str) -> Result<Self, RefError> {
        let error = || RefError { text: text.to_owned() };
        let mut path: SmallVec<[Key; 3]> = SmallVec::new();
        if text.starts_with('[') {
            let mut rest = text;
            while !rest.is_empty() {
                let inner = rest.strip_prefix('[').ok_or_else(error)?;
                let end = inner.find(']').ok_or_else(error)?;
                let name = &inner[..end];
                if name.is_empty() || name.contains('[') {
                    return Err(error());
                }
                path.push(Key::new(name));
                rest = &inner[end + 1..];
            }
        } else {
            if text.is_empty() || text.contains(['[', ']']) {
                return Err(error());
            }
            path.push(Key::new(text));
        }
        let root = match path[0].as_str() {
            "@metadata" => Root::Metadata,
            "@timestamp" if path.len() == 1 => Root::Timestamp,
            _ => Root::Fields,
        };
        if root == Root::Metadata {
            path.remove(0);
        }
        Ok(Self { root, path })
    }

    /// A reference to one of the event's own fields.
    pub fn field(name: &str) -> Self {
        Self { root: Root::Fields, path: SmallVec::from_iter([Key::new(name)]) }
    }

    /// A reference to `[@metadata][name]`.
    pub fn metadata(name: &str) -> Self {
        Self { root: Root::Metadata, path: SmallVec::from_iter([Key::new(name)]) }
    }

    /// A reference to the field of that name at the top of the event, whatever characters the name has.
    pub fn key(name: Key) -> Self {
        match name.as_str() {
            "@metadata" => Self { root: Root::Metadata, path: SmallVec::new() },
            "@timestamp" => Self { root: Root::Timestamp, path: SmallVec::from_iter([name]) },
            _ => Self { root: Root::Fields, path: SmallVec::from_iter([name]) },
        }
    }

    /// A reference to the field `name` below this one.
    #[must_use]
    pub fn child(&self, name: Key) -> Self {
        let mut path = self.path.clone();
        path.push(name);
        // Below a time there is nothing; the name is then that of an ordinary object.
        let root = if self.root == Root::Timestamp { Root::Fields } else { self.root };
        Self { root, path }
    }

    /// The names on its way from there.
    pub fn path(&self) -> &[Key] {
        &self.path
    }

    /// Where it starts.
    pub fn root(&self) -> Root {
        self.root
    }
}

impl fmt::Display for FieldRef {
    /// The canonical form: a bare name where one is enough, brackets otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.root, &self.path[..]) {
            (Root::Timestamp, _) => f.write_str("@timestamp"),
            (Root::Fields, [one]) => write!(f, "{one}"),
            (root, path) => {
                if root == Root::Metadata {
                    f.write_str("[@metadata]")?;
                }
                path.iter().try_for_each(|key| write!(f, "[{key}]"))
            }
        }
    }
}

impl fmt::Debug for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldRef({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, canonical: &str) {
        assert_eq!(FieldRef::parse(text).unwrap().to_string(), canonical);
    }

    #[test]
    fn forms() {
        check("message", "message");
        check("[message]", "message");
        check("[http][request][method]", "[http][request][method]");
        check("[@metadata][_id]", "[@metadata][_id]");
        check("@timestamp", "@timestamp");
        check("[@timestamp]", "@timestamp");
        check("a.b", "a.b");
    }

    #[test]
    fn broken_ones_are_named() {
        for text in ["", "[", "[a", "a]", "[a]b", "[]", "[a][]", "[a[b]]"] {
            assert!(FieldRef::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            FieldRef::parse("[a").unwrap_err().to_string(),
            "`[a` is not a field reference: write `name` or `[outer][inner]`"
        );
    }
}

//! One JSON document → the values that columns and postings take, judged by the mapping; and where in the document each of them stands,
//! so that the engine need not keep twice what its columns hold.

use super::types::{FieldType, Leaf, Scalar};
use super::{Dynamic, Field, Mapping};
use crate::error::ApiError;
use crate::json::{Fault, Kind, Next, Place, Scanner, unescape};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// Objects within each other, as OpenSearch's `index.mapping.depth.limit`.
const DEPTH: usize = 20;
/// Lucene's limit of one term, in bytes.
const TERM_LIMIT: usize = 32_766;

/// What the engine indexes of one document.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    pub(crate) values: Vec<Valued>,
    /// The document's plain values but nulls, in their order.
    pub(crate) leaves: Vec<Located>,
    /// Some key has a dot in it, so that two keys may mean one path.
    pub(crate) dotted: bool,
}

/// A text that stands in the source, or one that does not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    Span(u32, u32),
    Own(Box<str>),
}

impl Text {
    /// The text; `source` is the document's.
    pub(crate) fn of<'a>(&'a self, source: &'a str) -> &'a str {
        match self {
            Self::Span(from, to) => source.get(*from as usize..*to as usize).unwrap_or_default(),
            Self::Own(text) => text,
        }
    }
}

/// A value as the engine takes it: [`Scalar`] without copies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum {
    Int(i64),
    Float(f64),
    Exact(Text),
    Words(Text),
}

/// A value of a path; a path may come several times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Valued {
    pub(crate) path: Arc<str>,
    pub(crate) datum: Datum,
    /// It stands in an array.
    pub(crate) many: bool,
}

/// Where a plain value stands. Its values are those from `first` to the next leaf's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located {
    pub(crate) place: Place,
    pub(crate) first: u32,
    pub(crate) many: bool,
}

struct Walk<'a> {
    mapping: &'a Mapping,
    text: &'a str,
    scanner: Scanner<'a>,
    /// A copy of the mapping, made only when the document brings new fields.
    grown: Option<Mapping>,
    added: Map<String, Value>,
    out: Mapped,
    /// Arrays around the present place.
    arrays: usize,
    /// A top key `@timestamp` that is not null.
    timestamp: bool,
}

/// A document that fits, and the mapping it needs where that is more than the present one.
pub(crate) struct Prepared {
    pub(crate) mapped: Mapped,
    /// The grown mapping, and what was added as a `mappings` object.
    pub(crate) grown: Option<(Mapping, Value)>,
}

/// Maps a document. It either fits whole or not at all. `stream`: a data stream's must have a `@timestamp`.
pub(crate) fn prepare(mapping: &Mapping, source: &[u8], stream: bool) -> Result<Prepared, ApiError> {
    let text = std::str::from_utf8(source).map_err(|e| {
        ApiError::mapper(format!("failed to parse: it is not UTF-8 at byte {}", e.valid_up_to() + 1))
    })?;
    if u32::try_from(text.len()).is_err() {
        return Err(ApiError::mapper("failed to parse: the document is larger than 4 GiB"));
    }
    let mut walk = Walk {
        mapping,
        text,
        scanner: Scanner::new(text),
        grown: None,
        added: Map::new(),
        out: Mapped { values: Vec::with_capacity(48), leaves: Vec::with_capacity(32), dotted: false },
        arrays: 0,
        timestamp: false,
    };
    let Next::Object = walk.scanner.next().map_err(|e| fault(&e))? else {
        return Err(ApiError::mapper("failed to parse: a document must be an object"));
    };
    let mut path = String::new();
    walk.object(&mut path, 0)?;
    walk.scanner.end().map_err(|e| fault(&e))?;
    if stream && !walk.timestamp {
        return Err(ApiError::mapper("failed to parse: data stream timestamp field [@timestamp] is missing"));
    }
    let Walk { grown, added, out, .. } = walk;
    let grown = grown.map(|mapping| (mapping, json!({"properties": added})));
    Ok(Prepared { mapped: out, grown })
}

fn fault(fault: &Fault) -> ApiError {
    ApiError::mapper(format!("failed to parse: {fault}"))
}

impl<'a> Walk<'a> {
    /// A key, without its escapes.
    fn name(&self, place: Place) -> Cow<'a, str> {
        let raw = &self.text[place.range()];
        match place.kind {
            Kind::Escaped => Cow::Owned(unescape(raw)),
            _ => Cow::Borrowed(raw),
        }
    }

    fn next(&mut self) -> Result<Next, ApiError> {
        self.scanner.next().map_err(|e| fault(&e))
    }

    /// Calls back with each key of the object that was just entered.
    fn each(
        &mut self,
        path: &mut String,
        mut visit: impl FnMut(&mut Self, &mut String, &str) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let mut seen: Vec<Cow<'a, str>> = Vec::with_capacity(8);
        let mut first = true;
        while let Some(place) = self.scanner.key(std::mem::take(&mut first)).map_err(|e| fault(&e))? {
            let key = self.name(place);
            if seen.contains(&key) {
                return Err(ApiError::mapper(format!("failed to parse: Duplicate field '{key}'")));
            }
            let length = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key);
            visit(self, path, &key)?;
            path.truncate(length);
            seen.push(key);
        }
        Ok(())
    }

    fn object(&mut self, path: &mut String, depth: usize) -> Result<(), ApiError> {
        if depth > DEPTH {
            return Err(ApiError::mapper("the document is nested deeper than [20] levels"));
        }
        self.each(path, |walk, path, key| {
            if key.is_empty() || key.split('.').any(str::is_empty) || key.contains(['\0', '\u{1}', '\u{2}']) {
                return Err(ApiError::mapper(format!(
                    "field name [{key}] cannot be empty, cannot hold an empty path part or a control character"
                )));
            }
            walk.out.dotted |= key.contains('.');
            let next = walk.next()?;
            if depth == 0 && key == "@timestamp" {
                walk.timestamp |= !matches!(next, Next::Plain(Place { kind: Kind::Null, .. }));
            }
            walk.value(path, next, depth)
        })
    }

    fn value(&mut self, path: &mut String, next: Next, depth: usize) -> Result<(), ApiError> {
        match next {
            Next::Plain(place) => self.leaf(path, place),
            Next::Array => {
                self.arrays += 1;
                let mut first = true;
                while self.scanner.item(std::mem::take(&mut first)).map_err(|e| fault(&e))? {
                    let next = self.next()?;
                    self.value(path, next, depth)?;
                }
                self.arrays -= 1;
                Ok(())
            }
            Next::Object => {
                if let Some(field) = self.field(path) {
                    if field.ty == FieldType::FlatObject {
                        let root = Arc::clone(&field.path);
                        return self.flat(path, &root, depth);
                    }
                    if field.ignore_malformed {
                        return self.scanner.skip(next).map_err(|e| fault(&e));
                    }
                    return Err(ApiError::mapper(format!(
                        "object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value \
                         in the mapping"
                    )));
                }
                let mapping = self.grown.as_ref().unwrap_or(self.mapping);
                if !mapping.objects.contains(path.as_str()) && mapping.dynamic_at(path) == Dynamic::True {
                    let grown = self.grown.get_or_insert_with(|| self.mapping.clone());
                    grown.add_object(path);
                    self.added.insert(path.clone(), json!({"type": "object"}));
                }
                self.object(path, depth + 1)
            }
        }
    }

    /// Each leaf is found by its path, and by the object's own.
    fn flat(&mut self, path: &mut String, root: &Arc<str>, depth: usize) -> Result<(), ApiError> {
        if depth > DEPTH {
            return Err(ApiError::mapper(format!("flat object [{path}] is nested deeper than [20] levels")));
        }
        self.each(path, |walk, path, key| {
            walk.out.dotted |= key.contains('.');
            let next = walk.next()?;
            walk.flat_value(path, root, next, depth)
        })
    }

    fn flat_value(
        &mut self,
        path: &mut String,
        root: &Arc<str>,
        next: Next,
        depth: usize,
    ) -> Result<(), ApiError> {
        match next {
            Next::Object => self.flat(path, root, depth + 1),
            Next::Array => {
                self.arrays += 1;
                let mut first = true;
                while self.scanner.item(std::mem::take(&mut first)).map_err(|e| fault(&e))? {
                    let next = self.next()?;
                    self.flat_value(path, root, next, depth)?;
                }
                self.arrays -= 1;
                Ok(())
            }
            Next::Plain(place) => {
                let many = self.arrays > 0;
                self.locate(place);
                let read = self.read(place);
                if let Some(text) = text(&read, place)
                    && text.of(self.text).len() <= TERM_LIMIT
                {
                    let datum = Datum::Exact(text);
                    self.out.values.push(Valued {
                        path: Arc::from(path.as_str()),
                        datum: datum.clone(),
                        many,
                    });
                    // The root holds one for each leaf of the object.
                    self.out.values.push(Valued { path: Arc::clone(root), datum, many: true });
                }
                Ok(())
            }
        }
    }

    fn field(&self, path: &str) -> Option<&Field> {
        self.grown.as_ref().unwrap_or(self.mapping).field(path)
    }

    /// Notes where a value stands; what is put into the values after this is made of it.
    fn locate(&mut self, place: Place) {
        if place.kind != Kind::Null {
            let first = u32::try_from(self.out.values.len()).unwrap_or(u32::MAX);
            self.out.leaves.push(Located { place, first, many: self.arrays > 0 });
        }
    }

    fn read(&self, place: Place) -> Read<'a> {
        let raw = &self.text[place.range()];
        match place.kind {
            Kind::Null => Read::Null,
            Kind::Bool => Read::Bool(raw == "true"),
            Kind::Number => Read::Number(raw),
            Kind::Text | Kind::Escaped => Read::Text(self.name(place)),
        }
    }

    fn leaf(&mut self, path: &str, place: Place) -> Result<(), ApiError> {
        let read = self.read(place);
        let leaf = read.as_leaf();
        self.locate(place);
        if matches!(leaf, Leaf::Null) || (self.field(path).is_none() && !self.grow(path, leaf)?) {
            return Ok(());
        }
        // Not `self.field`: the output is written while the field is borrowed.
        let mapping = self.grown.as_ref().unwrap_or(self.mapping);
        let Some(field) = mapping.field(path) else { return Ok(()) };
        if field.parent.is_some() {
            return Err(ApiError::mapper(format!(
                "[{path}] is a sub-field and cannot be given a value of its own"
            )));
        }
        if field.ty == FieldType::FlatObject {
            return Err(ApiError::mapper(format!(
                "flat_object field [{path}] must hold an object, but holds [{}]",
                &self.text[place.range()]
            )));
        }
        let many = self.arrays > 0;
        let text = || text(&read, place);
        put(&mut self.out.values, field, leaf, &text, (self.text, many))?;
        for sub in field.subfields.values() {
            put(&mut self.out.values, sub, leaf, &text, (self.text, many))?;
        }
        Ok(())
    }

    /// Adds a field for a new path. False when the value is to be left unindexed.
    fn grow(&mut self, path: &str, leaf: Leaf<'_>) -> Result<bool, ApiError> {
        let mapping = self.grown.as_ref().unwrap_or(self.mapping);
        if mapping.objects.contains(path) {
            return Err(ApiError::mapper(format!(
                "object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value"
            )));
        }
        match mapping.dynamic_at(path) {
            Dynamic::True => {}
            Dynamic::False => return Ok(false),
            Dynamic::Strict => {
                let (parent, leaf) = path.rsplit_once('.').unwrap_or(("_doc", path));
                return Err(ApiError::new(
                    400,
                    "strict_dynamic_mapping_exception",
                    format!(
                        "mapping set to strict, dynamic introduction of [{leaf}] within [{parent}] is not allowed"
                    ),
                ));
            }
        }
        let Some(field) = mapping.invent(path, &leaf.to_value())? else { return Ok(false) };
        let grown = self.grown.get_or_insert_with(|| self.mapping.clone());
        self.added.insert(path.to_owned(), Value::Object(field.json.clone()));
        grown.add(path, field).map_err(|e| ApiError::mapper(format!("failed to parse: {}", e.reason)))?;
        Ok(true)
    }
}

/// A plain value that may own its text.
enum Read<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
}

impl Read<'_> {
    fn as_leaf(&self) -> Leaf<'_> {
        match self {
            Self::Null => Leaf::Null,
            Self::Bool(yes) => Leaf::Bool(*yes),
            Self::Number(raw) => Leaf::Number(raw),
            Self::Text(text) => Leaf::Text(text),
        }
    }
}

/// A value as a text, copied only where it is not one in the source.
fn text(read: &Read<'_>, place: Place) -> Option<Text> {
    match read {
        Read::Null => None,
        Read::Text(Cow::Owned(text)) => Some(Text::Own(text.as_str().into())),
        _ => Some(Text::Span(place.from, place.to)),
    }
}

fn put(
    out: &mut Vec<Valued>,
    field: &Field,
    leaf: Leaf<'_>,
    text: &dyn Fn() -> Option<Text>,
    (source, many): (&str, bool),
) -> Result<(), ApiError> {
    let path = &field.path;
    // Strings take any plain value as it is written.
    let strings = matches!(field.ty, FieldType::Text | FieldType::Keyword);
    if strings && field.source_only {
        return Ok(());
    }
    let datum = if strings {
        match (text(), &field.ty) {
            (Some(text), FieldType::Text) => Datum::Words(text),
            (Some(text), _) => Datum::Exact(text),
            (None, _) => return Ok(()),
        }
    } else {
        match field.ty.coerce_leaf(leaf) {
            Ok(_) if field.source_only => return Ok(()),
            Ok(None) => return Ok(()),
            Ok(Some(Scalar::Int(n))) => Datum::Int(n),
            Ok(Some(Scalar::Float(n))) => Datum::Float(n),
            Ok(Some(Scalar::Exact(text))) => Datum::Exact(Text::Own(text.into())),
            Ok(Some(Scalar::Words(text))) => Datum::Words(Text::Own(text.into())),
            Err(_) if field.ignore_malformed => return Ok(()),
            Err(reason) => {
                let kind = field.json.get("type").and_then(Value::as_str).unwrap_or("unknown");
                return Err(ApiError::mapper(format!(
                    "failed to parse field [{path}] of type [{kind}]: {reason}"
                )));
            }
        }
    };
    if let Datum::Exact(text) = &datum {
        let text = text.of(source);
        if text.len() > field.ignore_above && text.chars().count() > field.ignore_above {
            return Ok(());
        }
        // OpenSearch refuses the document, and so do we.
        if text.len() > TERM_LIMIT {
            return Err(ApiError::illegal(format!(
                "Document contains at least one immense term in field=\"{path}\" (whose UTF8 encoding is longer than the \
                 max length 32766); set ignore_above on the field"
            )));
        }
    }
    out.push(Valued { path: Arc::clone(path), datum, many });
    Ok(())
}

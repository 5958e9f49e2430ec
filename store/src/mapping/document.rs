//! One JSON document → the values that columns and postings take, judged by the mapping; and where in the document each of them stands,
//! so that the engine need not keep twice what its columns hold.

use super::beyond::{BEYOND, PATHS, SIGN};
use super::types::{FieldType, Leaf, Scalar};
use super::{Dynamic, FIELD_LIMIT, Field, Mapping};
use crate::error::ApiError;
use crate::json::{Fault, Kind, Next, Place, Scanner, unescape};
use crate::quick::QuickMap;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Objects within each other, as OpenSearch's `index.mapping.depth.limit`.
const DEPTH: usize = 20;
/// Keys of an object that are compared one by one.
const FEW: usize = 32;
/// Values of a document whose fields are beyond the index's limit.
const BEYOND_LIMIT: u64 = 10_000;
/// Lucene's limit of one term, in bytes.
const TERM_LIMIT: usize = 32_766;

/// What the engine indexes of one document: a part of a [`Batch`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapped<'a> {
    pub(crate) values: &'a [Valued],
    /// The document's plain values but nulls, in their order.
    pub(crate) leaves: &'a [Located],
    /// Some key has a dot in it, so that two keys may mean one path.
    pub(crate) dotted: bool,
    paths: &'a [Arc<str>],
}

impl<'a> Mapped<'a> {
    /// The path of this number, as the values have it.
    pub(crate) fn path(&self, number: u32) -> &'a Arc<str> {
        &self.paths[number as usize]
    }
}

/// The values of the documents of a request. One allocation for all of them, which is used again for later requests: the millions of small ones that
/// it is instead of, and the fresh pages beneath them, were a tenth of ingest's CPU time.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    values: Vec<Valued>,
    leaves: Vec<Located>,
    paths: Vec<Arc<str>>,
    /// Numbers of the mapping's paths, by their addresses, which live as long as they are in `paths`; and of flat objects' leaves.
    known: QuickMap<usize, u32>,
    flat: HashMap<Arc<str>, u32>,
    /// Values whose fields had no room in a mapping.
    pub(crate) beyond: u64,
}

/// Where a batch has one document.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    values: (u32, u32),
    leaves: (u32, u32),
    dotted: bool,
}

impl Batch {
    pub(crate) fn get(&self, span: Span) -> Mapped<'_> {
        let range = |(from, to): (u32, u32)| from as usize..to as usize;
        Mapped {
            values: self.values.get(range(span.values)).unwrap_or_default(),
            leaves: self.leaves.get(range(span.leaves)).unwrap_or_default(),
            dotted: span.dotted,
            paths: &self.paths,
        }
    }

    /// All of it as one document.
    #[cfg(test)]
    pub(crate) fn whole(&self) -> Mapped<'_> {
        self.get(Span {
            values: (0, place(self.values.len())),
            leaves: (0, place(self.leaves.len())),
            dotted: false,
        })
    }

    /// One exact string for each path.
    #[cfg(test)]
    pub(crate) fn exact(values: &[(&str, String)]) -> Self {
        let mut batch = Self::default();
        for (path, text) in values {
            let path = batch.flat_number(path);
            let datum = Datum::Exact(Text::Own(text.as_str().into()));
            batch.values.push(Valued { path, datum, many: false });
        }
        batch
    }

    /// Takes back the document that came last.
    pub(crate) fn forget(&mut self, span: Span) {
        self.values.truncate(span.values.0 as usize);
        self.leaves.truncate(span.leaves.0 as usize);
    }

    /// Makes it empty, and keeps its room.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.leaves.clear();
        self.paths.clear();
        self.known.clear();
        self.flat.clear();
        self.beyond = 0;
    }

    /// Bytes of its room.
    pub(crate) fn memory(&self) -> usize {
        self.values.capacity() * size_of::<Valued>()
            + self.leaves.capacity() * size_of::<Located>()
            + self.paths.capacity() * 16
            + self.known.capacity() * 17
            + self.flat.capacity() * 32
    }

    fn number(&mut self, path: &Arc<str>) -> u32 {
        let paths = &mut self.paths;
        *self
            .known
            .entry(Arc::as_ptr(path).cast::<u8>() as usize)
            .or_insert_with(|| add(paths, Arc::clone(path)))
    }

    fn flat_number(&mut self, path: &str) -> u32 {
        if let Some(number) = self.flat.get(path) {
            return *number;
        }
        let path: Arc<str> = Arc::from(path);
        let number = add(&mut self.paths, Arc::clone(&path));
        self.flat.insert(path, number);
        number
    }
}

fn add(paths: &mut Vec<Arc<str>>, path: Arc<str>) -> u32 {
    paths.push(path);
    place(paths.len() - 1)
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
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
    /// The number of its path in the batch.
    pub(crate) path: u32,
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
    out: &'a mut Batch,
    /// Where the document's values begin.
    first: usize,
    dotted: bool,
    /// Keys of the objects around the present place.
    seen: Vec<Cow<'a, str>>,
    /// Values that went into the columns of fields beyond the limit.
    shared: u64,
    /// Arrays around the present place.
    arrays: usize,
    /// A top key `@timestamp` that is not null.
    timestamp: bool,
}

/// A document that fits, and the mapping it needs where that is more than the present one.
pub(crate) struct Prepared {
    pub(crate) span: Span,
    /// The grown mapping, and what was added as a `mappings` object.
    pub(crate) grown: Option<(Mapping, Value)>,
}

/// Maps a document into a batch. It either fits whole or not at all. `stream`: a data stream's must have a `@timestamp`.
pub(crate) fn prepare(
    mapping: &Mapping,
    source: &[u8],
    stream: bool,
    batch: &mut Batch,
) -> Result<Prepared, ApiError> {
    let (values, leaves) = (batch.values.len(), batch.leaves.len());
    let prepared = walk(mapping, source, stream, batch);
    if prepared.is_err() {
        batch.values.truncate(values);
        batch.leaves.truncate(leaves);
    }
    let Walked { dotted, shared, grown } = prepared?;
    if grown.is_none() {
        batch.beyond += shared;
    }
    let span = Span {
        values: (place(values), place(batch.values.len())),
        leaves: (place(leaves), place(batch.leaves.len())),
        dotted,
    };
    Ok(Prepared { span, grown })
}

struct Walked {
    dotted: bool,
    shared: u64,
    grown: Option<(Mapping, Value)>,
}

fn walk(mapping: &Mapping, source: &[u8], stream: bool, batch: &mut Batch) -> Result<Walked, ApiError> {
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
        first: batch.values.len(),
        out: batch,
        dotted: false,
        seen: Vec::with_capacity(32),
        shared: 0,
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
    let Walk { grown, added, dotted, shared, .. } = walk;
    Ok(Walked { dotted, shared, grown: grown.map(|mapping| (mapping, json!({"properties": added}))) })
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
        let own = self.seen.len();
        let mut many: HashSet<Cow<'a, str>> = HashSet::new();
        let mut first = true;
        while let Some(place) = self.scanner.key(std::mem::take(&mut first)).map_err(|e| fault(&e))? {
            let key = self.name(place);
            // One by one while they are few.
            let twice = if self.seen.len() - own < FEW {
                self.seen[own..].contains(&key)
            } else {
                if many.is_empty() {
                    many.extend(self.seen[own..].iter().cloned());
                }
                !many.insert(key.clone())
            };
            if twice {
                return Err(ApiError::mapper(format!("failed to parse: Duplicate field '{key}'")));
            }
            let length = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key);
            visit(self, path, &key)?;
            path.truncate(length);
            self.seen.push(key);
        }
        self.seen.truncate(own);
        Ok(())
    }

    fn object(&mut self, path: &mut String, depth: usize) -> Result<(), ApiError> {
        if depth > DEPTH {
            return Err(ApiError::mapper("the document is nested deeper than [20] levels"));
        }
        self.each(path, |walk, path, key| {
            if !is_name(key) {
                return Err(ApiError::mapper(format!(
                    "field name [{key}] cannot be empty, cannot hold an empty path part or a control character"
                )));
            }
            walk.dotted |= key.contains('.');
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
                if !mapping.objects.contains(path.as_str())
                    && mapping.dynamic_at(path) == Dynamic::True
                    && mapping.has_room(path, 0)
                {
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
            walk.dotted |= key.contains('.');
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
                    let (own, root) = (self.out.flat_number(path), self.out.number(root));
                    self.out.values.push(Valued { path: own, datum: datum.clone(), many });
                    // The root holds one for each leaf of the object.
                    self.out.values.push(Valued { path: root, datum, many: true });
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
            let values = self.out.values.len() - self.first;
            self.out.leaves.push(Located { place, first: self::place(values), many: self.arrays > 0 });
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
        if matches!(leaf, Leaf::Null) || (self.field(path).is_none() && !self.grow(path, leaf, place)?) {
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
        put(self.out, field, leaf, &text, (self.text, many))?;
        for sub in field.subfields.values() {
            put(self.out, sub, leaf, &text, (self.text, many))?;
        }
        Ok(())
    }

    /// Takes a value whose field has no room in the mapping.
    fn beyond(&mut self, path: &str, place: Place) -> Result<(), ApiError> {
        self.shared += 1;
        if self.shared > BEYOND_LIMIT {
            return Err(ApiError::mapper(format!(
                "the document has more than [{BEYOND_LIMIT}] values whose fields are beyond the limit of [{FIELD_LIMIT}] of the index"
            )));
        }
        let mapping = self.grown.as_ref().unwrap_or(self.mapping);
        let root = match mapping.fields.get(BEYOND) {
            Some(field) => (field.ty == FieldType::FlatObject).then(|| Arc::clone(&field.path)),
            None => {
                let made = self.grown.get_or_insert_with(|| self.mapping.clone()).beyond();
                if made.is_some() {
                    self.added.insert(BEYOND.to_owned(), json!({"type": "flat_object"}));
                }
                made
            }
        };
        // The name is a field of the client's own: the value is in the source only.
        let Some(root) = root else { return Ok(()) };
        let read = self.read(place);
        let Some(text) = text(&read, place) else { return Ok(()) };
        let whole = format!("{path}{SIGN}{}", text.of(self.text));
        if whole.len() > TERM_LIMIT {
            return Ok(());
        }
        let (root, paths) = (self.out.number(&root), self.out.flat_number(PATHS));
        self.out.values.push(Valued { path: root, datum: Datum::Exact(text), many: true });
        let datum = Datum::Exact(Text::Own(whole.into()));
        self.out.values.push(Valued { path: paths, datum, many: true });
        Ok(())
    }

    /// Adds a field for a new path. False when the value is to be left unindexed.
    fn grow(&mut self, path: &str, leaf: Leaf<'_>, place: Place) -> Result<bool, ApiError> {
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
        if !mapping.has_room(path, field.subfields.len()) {
            if let Some(around) = mapping.field_around(path) {
                return Err(ApiError::mapper(format!(
                    "failed to parse: can't merge an object mapping [{around}] with a non object mapping"
                )));
            }
            self.beyond(path, place)?;
            return Ok(false);
        }
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
    out: &mut Batch,
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
    let path = out.number(path);
    out.values.push(Valued { path, datum, many });
    Ok(())
}

/// A key has no empty part between its dots, and none of the signs that the engine marks places with.
fn is_name(key: &str) -> bool {
    let mut last = b'.';
    for byte in key.bytes() {
        if byte <= 2 || (byte == b'.' && last == b'.') {
            return false;
        }
        last = byte;
    }
    last != b'.'
}

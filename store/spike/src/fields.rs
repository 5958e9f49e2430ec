//! The fields of a document as the mapping would have them, reading one from JSON without a tree, and writing it back.

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What a field is mapped to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Date,
    Int,
    Keyword,
    Ip,
    Text,
    /// `index: false, doc_values: false`: in the source alone, as ECS has `event.original`.
    Kept,
}

/// Paths in the order in which a document has them.
pub const FIELDS: [(&str, Kind); 17] = [
    ("@timestamp", Kind::Date),
    ("source.address", Kind::Ip),
    ("http.version", Kind::Keyword),
    ("http.request.method", Kind::Keyword),
    ("http.request.referrer", Kind::Keyword),
    ("http.response.status_code", Kind::Int),
    ("http.response.body.bytes", Kind::Int),
    ("url.original", Kind::Keyword),
    ("url.path", Kind::Keyword),
    ("event.duration", Kind::Int),
    ("event.original", Kind::Kept),
    ("user_agent.original", Kind::Keyword),
    ("user_agent.name", Kind::Keyword),
    ("user_agent.version", Kind::Keyword),
    ("user_agent.os.name", Kind::Keyword),
    ("host.name", Kind::Keyword),
    ("message", Kind::Text),
];
pub const TIME: usize = 0;
pub const STATUS: usize = 5;
pub const PATH: usize = 8;
pub const DURATION: usize = 9;
pub const ORIGINAL: usize = 10;
pub const HOST: usize = 15;
pub const MESSAGE: usize = 16;

/// A value of a document; dates are milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf<'a> {
    Int(i64),
    Str(Cow<'a, str>),
}

impl Leaf<'_> {
    pub fn int(&self) -> i64 {
        if let Self::Int(n) = self { *n } else { 0 }
    }

    pub fn str(&self) -> &str {
        if let Self::Str(text) = self { text } else { "" }
    }
}

/// A document: one value a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doc<'a>(pub [Option<Leaf<'a>>; FIELDS.len()]);

/// The paths as a tree, so that a document is judged while it is parsed.
pub struct Trie(Vec<Node>);

#[derive(Default)]
struct Node {
    children: Vec<(&'static str, usize)>,
    field: Option<usize>,
}

impl Trie {
    pub fn new() -> Self {
        let mut nodes = vec![Node::default()];
        for (field, (path, _)) in FIELDS.iter().enumerate() {
            let mut at = 0;
            for part in path.split('.') {
                at = match nodes[at].children.iter().find(|(name, _)| *name == part) {
                    Some((_, child)) => *child,
                    None => {
                        nodes.push(Node::default());
                        let child = nodes.len() - 1;
                        nodes[at].children.push((part, child));
                        child
                    }
                };
            }
            nodes[at].field = Some(field);
        }
        Self(nodes)
    }

    pub fn parse<'a>(&self, json: &'a [u8]) -> Result<Doc<'a>, sonic_rs::Error> {
        let mut doc = Doc::default();
        let mut reader = sonic_rs::Deserializer::from_slice(json);
        Walk { trie: self, node: 0, doc: &mut doc }.deserialize(&mut reader)?;
        Ok(doc)
    }
}

struct Walk<'t, 'd, 'a> {
    trie: &'t Trie,
    node: usize,
    doc: &'d mut Doc<'a>,
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a> Walk<'_, '_, 'a> {
    fn put<E: serde::de::Error>(self, leaf: Leaf<'a>) -> Result<(), E> {
        let Some(field) = self.trie.0[self.node].field else {
            return Err(E::custom("a new field: the spike has none"));
        };
        let leaf = match (FIELDS[field].1, leaf) {
            (Kind::Date, Leaf::Str(text)) => {
                Leaf::Int(parse_time(text.as_bytes()).ok_or_else(|| E::custom("not a date"))?)
            }
            (_, leaf) => leaf,
        };
        self.doc.0[field] = Some(leaf);
        Ok(())
    }
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<(), E> {
        self.put(Leaf::Int(n))
    }
    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<(), E> {
        self.put(Leaf::Int(n as i64))
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'a str) -> Result<(), E> {
        self.put(Leaf::Str(Cow::Borrowed(text)))
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.put(Leaf::Str(Cow::Owned(text.to_owned())))
    }
    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(child) = map.next_key_seed(Key(&self.trie.0[self.node]))? {
            match child {
                Some(node) => map.next_value_seed(Walk { trie: self.trie, node, doc: self.doc })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                    return Err(M::Error::custom("a new field: the spike has none"));
                }
            }
        }
        Ok(())
    }
}

struct Key<'t>(&'t Node);

impl<'a> DeserializeSeed<'a> for Key<'_> {
    type Value = Option<usize>;
    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().find(|(name, _)| *name == key).map(|(_, child)| *child))
    }
}

/// `2026-11-25T00:00:00.086Z` → ms.
pub fn parse_time(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text.get(from..to)?
            .iter()
            .try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (y, m, d) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let clock = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some((days(y, m, d) * 86400 + clock) * 1000 + number(20, 23)?)
}

fn days(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(m <= 2), m, doy - (153 * mp + 2) / 5 + 1)
}

fn two(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(&[b'0' + (n / 10) as u8, b'0' + (n % 10) as u8]);
}

fn clock(out: &mut Vec<u8>, seconds: i64) {
    two(out, seconds / 3600);
    out.push(b':');
    two(out, seconds / 60 % 60);
    out.push(b':');
    two(out, seconds % 60);
}

/// ms → `2026-11-25T00:00:00.086Z`.
pub fn write_time(out: &mut Vec<u8>, ms: i64) {
    let seconds = ms.div_euclid(1000);
    let (y, m, d) = date(seconds.div_euclid(86400));
    two(out, y / 100);
    two(out, y % 100);
    out.push(b'-');
    two(out, m);
    out.push(b'-');
    two(out, d);
    out.push(b'T');
    clock(out, seconds.rem_euclid(86400));
    let rest = ms.rem_euclid(1000);
    out.push(b'.');
    out.push(b'0' + (rest / 100) as u8);
    two(out, rest % 100);
    out.push(b'Z');
}

/// ms → `25/Nov/2026:00:00:00 +0000`, as Apache writes it.
pub fn write_apache_time(out: &mut Vec<u8>, ms: i64) {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let seconds = ms.div_euclid(1000);
    let (y, m, d) = date(seconds.div_euclid(86400));
    two(out, d);
    out.push(b'/');
    out.extend_from_slice(&MONTHS[(m as usize - 1) * 3..m as usize * 3]);
    out.push(b'/');
    two(out, y / 100);
    two(out, y % 100);
    out.push(b':');
    clock(out, seconds.rem_euclid(86400));
    out.extend_from_slice(b" +0000");
}

/// The document as JSON, in the order of [`FIELDS`].
pub fn render(doc: &Doc<'_>, out: &mut Vec<u8>) {
    let mut open: Vec<&str> = Vec::new();
    out.push(b'{');
    let mut first = true;
    for ((path, kind), leaf) in FIELDS.iter().zip(&doc.0) {
        let Some(leaf) = leaf else { continue };
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let parents: Vec<&str> = if parents.is_empty() { vec![] } else { parents.split('.').collect() };
        let common = open.iter().zip(&parents).take_while(|(a, b)| a == b).count();
        out.extend(std::iter::repeat_n(b'}', open.len() - common));
        open.truncate(common);
        if !first {
            out.push(b',');
        }
        first = false;
        for parent in &parents[common..] {
            out.push(b'"');
            out.extend_from_slice(parent.as_bytes());
            out.extend_from_slice(b"\":{");
            open.push(parent);
        }
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        match (kind, leaf) {
            (Kind::Date, Leaf::Int(ms)) => {
                out.push(b'"');
                write_time(out, *ms);
                out.push(b'"');
            }
            (_, Leaf::Int(n)) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
            (_, Leaf::Str(text)) => {
                out.push(b'"');
                for byte in text.bytes() {
                    if matches!(byte, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
                out.push(b'"');
            }
        }
    }
    out.extend(std::iter::repeat_n(b'}', open.len() + 1));
}

/// An address as the engine keeps it: 32 hex digits, which sort as addresses do.
pub fn ip_key(text: &str) -> String {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(ip) => format!("00000000000000000000ffff{:08x}", u32::from(ip)),
        Err(_) => text.to_owned(),
    }
}

/// What [`ip_key`] made, read back.
pub fn ip_text(key: &str) -> String {
    match key.get(24..).and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
        Some(bits) => std::net::Ipv4Addr::from(bits).to_string(),
        None => key.to_owned(),
    }
}

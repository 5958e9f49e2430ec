//! Where the captures of a pattern go, as a tree: an object that several of them lie in is looked for once, and made with room for
//! them all.

use alces_event::{Event, Key, Object, Part, Root, Value};
use alces_grok::{Cast, Spans};

use super::{Target, join, number_of};

/// The captures of one pattern below the event's top.
#[derive(Clone, Debug)]
pub(super) struct Tree(Vec<Node>);

#[derive(Clone, Debug)]
enum Node {
    Capture { key: Key, number: usize, cast: Cast },
    Object { key: Key, below: Vec<Node> },
}

/// The text that is cut.
struct Cut<'c> {
    line: &'c str,
    part: Part,
    spans: &'c Spans,
}

impl Tree {
    /// None where the order of the captures matters (two of one name, one that lies in another, one that overwrites), and where one
    /// is no field: each is then set by itself.
    pub(super) fn new(targets: &[Target]) -> Option<Self> {
        let mut top = Vec::new();
        for (number, target) in targets.iter().enumerate() {
            if target.overwrite || target.replaces_source || target.field.root() != Root::Fields {
                return None;
            }
            let (last, way) = target.field.path().split_last()?;
            let mut nodes = &mut top;
            for key in way {
                nodes = below(nodes, key)?;
            }
            if nodes.iter().any(|node| node.key() == last) {
                return None;
            }
            nodes.push(Node::Capture { key: last.clone(), number, cast: target.cast });
        }
        Some(Self(top))
    }

    /// Sets what was captured of `part`, a text of `event`; captures of nothing are left out.
    pub(super) fn set(&self, event: &mut Event, part: Part, spans: &Spans) {
        let (line, fields) = event.line_and_fields();
        fill(&self.0, fields, &Cut { line, part, spans });
    }
}

impl Node {
    fn key(&self) -> &Key {
        match self {
            Self::Capture { key, .. } | Self::Object { key, .. } => key,
        }
    }
}

/// The nodes of the object `key`; none where a capture goes there.
fn below<'n>(nodes: &'n mut Vec<Node>, key: &Key) -> Option<&'n mut Vec<Node>> {
    let at = nodes.iter().position(|node| node.key() == key).unwrap_or_else(|| {
        nodes.push(Node::Object { key: key.clone(), below: Vec::new() });
        nodes.len() - 1
    });
    match nodes.get_mut(at)? {
        Node::Object { below, .. } => Some(below),
        Node::Capture { .. } => None,
    }
}

impl Cut<'_> {
    /// Where a capture is, if it took something.
    #[inline]
    fn bounds(&self, number: usize) -> Option<(usize, usize)> {
        self.spans.get(number).filter(|(start, end)| start < end && *end <= self.part.len())
    }

    #[inline(always)]
    fn value(&self, (start, end): (usize, usize), cast: Cast) -> Value {
        match cast {
            Cast::None => self.part.slice(start, end),
            cast => number_of(cast, self.part.text(self.line, start, end)),
        }
    }

    /// Adds a capture to an object that has none of its name.
    #[inline(always)]
    fn push(&self, object: &mut Object, key: &Key, bounds: (usize, usize), cast: Cast) {
        // Two ways, so that each value is made where it goes.
        match cast {
            Cast::None => object.push_with(key.clone(), || self.part.slice(bounds.0, bounds.1)),
            cast => object.push_with(key.clone(), || self.value(bounds, cast)),
        }
    }
}

/// Into an object that may have fields of these names.
fn fill(nodes: &[Node], object: &mut Object, cut: &Cut<'_>) {
    for node in nodes {
        match node {
            Node::Capture { key, number, cast } => {
                let Some(bounds) = cut.bounds(*number) else { continue };
                match object.at_mut(key) {
                    Some(place) => join(place, cut.value(bounds, *cast)),
                    None => cut.push(object, key, bounds, *cast),
                }
            }
            Node::Object { key, below } => {
                let place = object.at_mut(key);
                if let Some(Value::Object(child)) = place {
                    fill(below, child, cut);
                    continue;
                }
                let there = place.is_some();
                let child = fresh(below, MORE, cut);
                if child.is_empty() {
                    continue;
                }
                if there {
                    object.set(key.clone(), Value::from(child));
                } else {
                    object.push_with(key.clone(), || Value::from(child));
                }
            }
        }
    }
}

/// Room for fields that later filters add to an object at the top, as `useragent` does.
const MORE: usize = 4;

/// A new object of what was captured, empty where nothing was: nothing in it is looked for.
fn fresh(nodes: &[Node], more: usize, cut: &Cut<'_>) -> Object {
    let mut object = Object::with_capacity(nodes.len() + more);
    for node in nodes {
        match node {
            Node::Capture { key, number, cast } => {
                if let Some(bounds) = cut.bounds(*number) {
                    cut.push(&mut object, key, bounds, *cast);
                }
            }
            Node::Object { key, below } => {
                let child = fresh(below, 0, cut);
                if !child.is_empty() {
                    object.push_with(key.clone(), || Value::from(child));
                }
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::test_support::check_json;

    const PATTERN: &str = r"^(?<a>1)?(?<[b][x]>2+)?(?<[b][y][z]>3*)(?<c>4)?%{INT:[b][n]:int}?(?<[d][e]>x)?$";

    proptest! {
        /// Where every pattern is tried, captures are set one by one: the dull twin.
        #[test]
        fn the_same_as_one_by_one(
            line in "1?2{0,2}3{0,2}4?(77)?x?",
            there in prop::sample::subsequence(
                vec![
                    r#""a":"was""#, r#""b":{"x":["was"],"o":1}"#, r#""b":7"#, r#""c":5"#, r#""d":null"#,
                    r#""b":{"y":{"z":null}}"#, r#""d":{"e":{}}"#,
                ],
                0..5,
            ),
        ) {
            let json = format!(r#"{{{}{}"message":"{line}"}}"#, there.join(","), if there.is_empty() { "" } else { "," });
            let run = |options: &str| {
                let conf = format!(r#"grok {{ match => {{ "message" => "{PATTERN}" }} {options} }}"#);
                serde_json::from_str::<serde_json::Value>(&check_json(&conf, &json)).unwrap()
            };
            prop_assert_eq!(run(""), run("break_on_match => false"), "{}", json);
        }
    }
}

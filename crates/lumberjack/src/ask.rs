//! The question for `B` and `Z` frames, which stands in the first document of a connection.

use serde::Deserialize;

/// What is asked, as a member of `@metadata`.
const QUESTION: &[u8] = br#""alces":{"frames":["records"]}"#;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@metadata")]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    alces: Option<Wishes>,
}

#[derive(Deserialize)]
struct Wishes {
    #[serde(default)]
    frames: Vec<String>,
}

/// Whether a document asks for `B` and `Z` frames.
pub fn asks(document: &[u8]) -> bool {
    serde_json::from_slice::<Document>(document)
        .ok()
        .and_then(|document| document.metadata?.alces)
        .is_some_and(|wishes| wishes.frames.iter().any(|frame| frame == "records"))
}

/// The document with the question in it, and otherwise byte for byte as it was. `None` where there is no place for it: the document is
/// no object, or has something else under `@metadata`.
pub fn ask(document: &[u8]) -> Option<Vec<u8>> {
    const METADATA: &[u8] = br#""@metadata":{"#;
    // Inside of a text the quotes would be escaped, so this is a member of some object.
    let metadata = document.windows(METADATA.len()).position(|part| part == METADATA);
    let in_metadata = metadata.map(|at| insert(document, at + METADATA.len(), QUESTION));
    // Of an object within, perhaps: then the document itself has none.
    let of_its_own = || insert(document, 1, &[METADATA, QUESTION, b"}"].concat());
    in_metadata.into_iter().chain(std::iter::once_with(of_its_own)).find(|asking| asks(asking))
}

/// The document with a member at the beginning of the object that begins before `at`.
fn insert(document: &[u8], at: usize, member: &[u8]) -> Vec<u8> {
    let (before, after) = document.split_at(at.min(document.len()));
    let comma: &[u8] = if after.trim_ascii_start().first() == Some(&b'}') { b"" } else { b"," };
    [before, member, comma, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, expect: Option<&str>) {
        assert!(!asks(document.as_bytes()));
        let got = ask(document.as_bytes()).map(|asking| String::from_utf8(asking).unwrap());
        assert_eq!(got.as_deref(), expect);
    }

    #[test]
    fn the_question_is_put_where_it_is_looked_for() {
        const Q: &str = r#""alces":{"frames":["records"]}"#;
        check(
            r#"{"a":1,"@metadata":{"_id":"x"}}"#,
            Some(&format!(r#"{{"a":1,"@metadata":{{{Q},"_id":"x"}}}}"#)),
        );
        check(r#"{"@metadata":{ }}"#, Some(&format!(r#"{{"@metadata":{{{Q} }}}}"#)));
        check(
            r#"{"a":"\"@metadata\":{"}"#,
            Some(&format!(r#"{{"@metadata":{{{Q}}},"a":"\"@metadata\":{{"}}"#)),
        );
        check(
            r#"{"a":{"@metadata":{"b":1}}}"#,
            Some(&format!(r#"{{"@metadata":{{{Q}}},"a":{{"@metadata":{{"b":1}}}}}}"#)),
        );
        check("{}", Some(&format!(r#"{{"@metadata":{{{Q}}}}}"#)));
        for nowhere in ["", "[]", "x", "{", r#"{"@metadata":7}"#] {
            check(nowhere, None);
        }
    }

    #[test]
    fn other_wishes_are_none() {
        for document in [
            r#"{"@metadata":{"alces":{"frames":["brotli"]}}}"#,
            r#"{"@metadata":{"alces":{}}}"#,
            r#"{"alces":{"frames":["records"]}}"#,
        ] {
            assert!(!asks(document.as_bytes()));
        }
        assert!(asks(br#"{"@metadata":{"alces":{"later":1,"frames":["other","records"]},"x":2}}"#));
    }
}

//! What stands in every document of a file's lines, written once.

use alces_event::write_text;
use xxhash_rust::xxh3::xxh3_64;

/// The three parts of a JSON document around what is a line's own. A line's document is
///
/// ```text
/// START id "},"message": text ,"log":{"offset": offset PLACE flags } REST
/// ```
///
/// where `id` is what [`write_id`] writes, `text` its text as a JSON string, and `flags` nothing, or `,"flags":["multiline"]`,
/// `["truncated"]`, or both. So START ends inside of the text of `[@metadata][_id]`, with what the ids have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// To the beginning of the id.
    pub start: Vec<u8>,
    /// Behind the offset: further members of `log`.
    pub place: Vec<u8>,
    /// Behind `log`, with the brace that closes the document.
    pub rest: Vec<u8>,
}

/// A line, or several that are one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'d> {
    /// What is written there.
    pub text: &'d str,
    /// Where it begins in its file.
    pub offset: u64,
    /// It is not whole.
    pub cut: bool,
    /// Of several lines.
    pub several: bool,
}

impl Template {
    /// Bytes of its parts.
    pub(crate) fn len(&self) -> usize {
        self.start.len() + self.place.len() + self.rest.len()
    }

    /// Appends a line's document. The same line at the same place always has the same id.
    pub fn write(&self, line: &Line<'_>, out: &mut Vec<u8>) {
        out.reserve(self.len() + line.text.len() + 128);
        out.extend_from_slice(&self.start);
        write_id(line.offset, line.text.as_bytes(), out);
        self.write_from_message(line, out);
    }

    /// The document of an empty line at offset 0, whose id is what the ids have in common: a receiver reads it once, and then sets
    /// message, offset, flags and id of each line.
    pub fn prototype(&self) -> Vec<u8> {
        let mut out = self.start.clone();
        self.write_from_message(&Line { text: "", offset: 0, cut: false, several: false }, &mut out);
        out
    }

    fn write_from_message(&self, line: &Line<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(br#""},"message":"#);
        write_text(line.text, out);
        out.extend_from_slice(br#","log":{"offset":"#);
        out.extend_from_slice(itoa::Buffer::new().format(line.offset).as_bytes());
        out.extend_from_slice(&self.place);
        out.extend_from_slice(match (line.several, line.cut) {
            (false, false) => b"}",
            (true, false) => br#","flags":["multiline"]}"#,
            (false, true) => br#","flags":["truncated"]}"#,
            (true, true) => br#","flags":["multiline","truncated"]}"#,
        });
        out.extend_from_slice(&self.rest);
    }
}

/// What a line's id ends with: its offset and a hash of its text, in hexadecimal.
///
/// Of the text, too: a file that was cut and written anew with the same head cannot be told from the one before by an agent that had
/// written down no more than that head. With the text the new line is at least no other one's resend.
pub fn write_id(offset: u64, text: &[u8], out: &mut Vec<u8>) {
    hexadecimal(offset, out);
    out.push(b'-');
    hexadecimal(xxh3_64(text) & 0xFFFF_FFFF, out);
}

/// As `{:x}` does, for every line.
fn hexadecimal(number: u64, out: &mut Vec<u8>) {
    let digits = (67 - (number | 1).leading_zeros()) / 4;
    out.extend((0..digits).rev().map(|at| b"0123456789abcdef"[(number >> (4 * at)) as usize & 15]));
}

/// A template as an agent's.
#[cfg(test)]
pub(super) fn example(id: &str) -> Template {
    let start =
        format!(r#"{{"@timestamp":"2026-11-26T10:00:00.000Z","@metadata":{{"_id":"{id}-"#).into_bytes();
    Template {
        start,
        place: br#","file":{"path":"/a.log"}"#.to_vec(),
        rest: br#","host":{"name":"web01"}}"#.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prototype_is_the_document_without_the_line() {
        let template = example("x");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            text(template.prototype()),
            r#"{"@timestamp":"2026-11-26T10:00:00.000Z","@metadata":{"_id":"x-"},"message":"","log":{"offset":0,"file":{"path":"/a.log"}},"host":{"name":"web01"}}"#
        );
        let mut out = Vec::new();
        template.write(&Line { text: "a\"", offset: 31, cut: true, several: true }, &mut out);
        assert_eq!(
            text(out),
            r#"{"@timestamp":"2026-11-26T10:00:00.000Z","@metadata":{"_id":"x-1f-2670dd24"},"message":"a\"","log":{"offset":31,"file":{"path":"/a.log"},"flags":["multiline","truncated"]},"host":{"name":"web01"}}"#
        );
    }

    #[test]
    fn offsets_as_the_library_writes_them() {
        for number in [0, 1, 15, 16, 255, 256, 0xFFF, 0x1000, u64::MAX, 1 << 60] {
            let mut out = Vec::new();
            hexadecimal(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}"));
        }
    }
}

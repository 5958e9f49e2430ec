//! The format of GNU gettext's catalogs (its manual, "The Format of PO Files"), as far as a catalog without plurals and contexts needs it.
//!
//! Of the libraries that read it, `polib` panics on a stray quote, `poreader` brings a parser generator, and `pofile` is in beta.

use thiserror::Error;

/// One text and what stands for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The English text; empty for the header.
    pub(super) id: String,
    /// What stands for it; empty where nobody has translated it.
    pub(super) text: String,
    /// A machine's guess, which gettext does not use either.
    pub(super) fuzzy: bool,
}

/// What is wrong with a catalog, and in which line.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct SyntaxError {
    line: usize,
    what: &'static str,
}

/// To which string a quoted line belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    Id,
    Text,
}

/// Reads all entries, in their order.
pub(super) fn parse(po: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut part, mut fuzzy) = (Part::None, false);
    for (line, text) in po.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = |what| SyntaxError { line: line + 1, what };
        let text = text.trim();
        let quoted = if let Some(flags) = text.strip_prefix("#,") {
            fuzzy = flags.split(',').any(|flag| flag.trim() == "fuzzy");
            continue;
        } else if text.is_empty() || text.starts_with('#') {
            continue;
        } else if text.starts_with('"') {
            text
        } else if let Some(quoted) = text.strip_prefix("msgid ") {
            entries.push(Entry { fuzzy: std::mem::take(&mut fuzzy), ..Entry::default() });
            part = Part::Id;
            quoted
        } else if let Some(quoted) = text.strip_prefix("msgstr ") {
            if part != Part::Id {
                return Err(wrong("a msgstr belongs behind its msgid"));
            }
            part = Part::Text;
            quoted
        } else {
            return Err(wrong(
                "write msgid \"…\" or msgstr \"…\"; plurals (msgid_plural) and contexts (msgctxt) are not used here",
            ));
        };
        let said = unquoted(quoted.trim())
            .ok_or_else(|| wrong("a text stands in quotes, with \\\" and \\\\ within"))?;
        match (part, entries.last_mut()) {
            (Part::Id, Some(entry)) => entry.id += &said,
            (Part::Text, Some(entry)) => entry.text += &said,
            _ => return Err(wrong("this text belongs to no msgid")),
        }
    }
    Ok(entries)
}

/// What stands between quotes.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                c @ ('"' | '\\') => c,
                _ => return None,
            },
            '"' => return None,
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(po: &str, error: &str) {
        assert_eq!(parse(po).expect_err(po).to_string(), error);
    }

    #[test]
    fn texts_go_on_over_lines_and_comments_are_none() {
        let po = "# by amy\n#: page.rs:3\n#, fuzzy, c-format\nmsgid \"\"\n\"a \\\"b\\\"\\n\"\n\"c\"\nmsgstr \"d\\\\\"\n\n#~ msgid \"old\"\nmsgid \"e\"\r\nmsgstr \"\"\r\n";
        let all = parse(po).expect("a catalog");
        let entry = |id: &str, text: &str, fuzzy| Entry { id: id.into(), text: text.into(), fuzzy };
        assert_eq!(all, [entry("a \"b\"\nc", "d\\", true), entry("e", "", false)]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        refused("msgid \"a\"\nmsgstr b\n", "line 2: a text stands in quotes, with \\\" and \\\\ within");
        refused("\n\"a\"", "line 2: this text belongs to no msgid");
        refused("msgstr \"a\"", "line 1: a msgstr belongs behind its msgid");
        refused("msgid \"a\"\n\"", "line 2: a text stands in quotes, with \\\" and \\\\ within");
        refused(
            "msgctxt \"a\"",
            "line 1: write msgid \"…\" or msgstr \"…\"; plurals (msgid_plural) and contexts (msgctxt) are not used here",
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(msgid |msgstr |#, fuzzy|\"|\\\\|\n| |[a-z{}:%]|\\PC){0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_was_written_is_read(id in "\\PC{1,20}", text in "[\\PC\n\t\"\\\\]{0,20}") {
            let quoted = |text: &str| {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{}\"", text.replace('\n', "\\n").replace('\t', "\\t"))
            };
            let all = parse(&format!("msgid {}\nmsgstr {}\n", quoted(&id), quoted(&text))).expect("a catalog");
            prop_assert_eq!(all, [Entry { id, text, fuzzy: false }]);
        }
    }
}

//! What others wrote, on a terminal.

/// Without what a terminal would obey: control characters, and those that turn the direction of text.
pub(crate) fn plain(text: &str) -> String {
    escaped(text, |c, out| out.extend(c.escape_default()))
}

/// The same within JSON, which stays what it is.
pub(crate) fn plain_json(text: &str) -> String {
    // Such characters stand in strings only; JSON's own escapes have four digits, and all these have few enough.
    escaped(text, |c, out| out.push_str(&format!("\\u{:04x}", u32::from(c))))
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    out
}

/// `1 letter`, `2 letters`.
pub(crate) fn count(number: u64, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} GiB")
}

/// What a reason has in common with its like: without numbers, and without what stands in single quotes or brackets.
pub(crate) fn kind(reason: &str) -> String {
    let mut out = String::new();
    let mut chars = reason.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            while chars.next_if(|next| next.is_ascii_digit() || *next == '.').is_some() {}
            out.push('#');
        } else if c == '\''
            && chars.clone().any(|later| later == '\'')
            && !out.ends_with(char::is_alphanumeric)
        {
            for inner in chars.by_ref() {
                if inner == '\'' {
                    break;
                }
            }
            out.push_str("'…'");
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(plain("a\u{1b}[2Jb\n\u{9b}\u{202e}ü"), "a\\u{1b}[2Jb\\n\\u{9b}\\u{202e}ü");
        assert_eq!(plain_json("\"a\u{7f}\u{2066}\""), "\"a\\u007f\\u2066\"");
    }

    #[test]
    fn reasons_that_are_alike_are_one() {
        assert_eq!(
            kind(
                "failed to parse field [n] of type [long] in document with id 'ab12'. Preview of field's value: 'x y'"
            ),
            "failed to parse field [n] of type [long] in document with id '…'. Preview of field's value: '…'"
        );
        assert_eq!(
            kind("limit of total fields [1000] has been exceeded, can't"),
            "limit of total fields [#] has been exceeded, can't"
        );
        assert_eq!(
            (size(1023), size(1536), size(5 << 30)),
            ("1023 B".to_owned(), "1.5 KiB".to_owned(), "5.0 GiB".to_owned())
        );
    }
}

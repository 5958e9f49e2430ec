//! How date patterns are written, in Joda-Time and in java.time: a letter, repeated, is a part of a date.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Letter { letter: char, count: usize },
}

/// Letters count, `'…'` quotes, `''` is a quote, anything else stands for itself.
pub(crate) fn split(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            let mut text = String::new();
            if chars.next_if_eq(&'\'').is_some() {
                text.push('\'');
            } else {
                while let Some(inner) = chars.next() {
                    if inner != '\'' {
                        text.push(inner);
                    } else if chars.next_if_eq(&'\'').is_some() {
                        text.push('\'');
                    } else {
                        break;
                    }
                }
            }
            push_literal(&mut parts, &text);
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            parts.push(Part::Letter { letter: c, count });
        } else {
            push_literal(&mut parts, c.encode_utf8(&mut [0; 4]));
        }
    }
    parts
}

/// The first letter that is not among those that are known.
pub(crate) fn unknown(parts: &[Part], known: &str) -> Option<char> {
    parts.iter().find_map(|part| match part {
        Part::Letter { letter, .. } if !known.contains(*letter) => Some(*letter),
        _ => None,
    })
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

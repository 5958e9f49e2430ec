//! A pattern's text cut at its top level.

/// One element of a pattern, with its quantifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'t> {
    /// As written.
    pub(crate) text: &'t str,
    /// Where it begins, in bytes.
    pub(crate) at: usize,
    /// What it is.
    pub(crate) kind: Kind<'t>,
    /// `?`, `{2,}?` … or nothing.
    pub(crate) quantifier: &'t str,
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'t> {
    /// `%{NAME}`, `%{NAME:field}`, with the definition where it stands on the spot.
    Reference {
        /// The name of the definition.
        name: &'t str,
        /// Whether a field is named.
        field: bool,
        /// `%{NAME=definition}`.
        inline: Option<&'t str>,
    },
    /// A group that takes part in the match, with what is in it.
    Group(&'t str),
    /// A dot.
    Any,
    /// One character, as it is or escaped.
    Literal,
    /// A class, an anchor, a look around, an escape with a meaning …
    Other,
}

/// Why a text cannot be cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

/// The alternatives at the top level, each as its elements.
pub(crate) fn split(text: &str) -> Result<Vec<Vec<Element<'_>>>, Broken> {
    let mut branches = vec![Vec::new()];
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let (length, kind) = match c {
            '|' => {
                branches.push(Vec::new());
                at += 1;
                continue;
            }
            ')' => return Err(Broken),
            '*' | '+' | '?' => return Err(Broken),
            _ => element(text, at, c)?,
        };
        let quantifier = quantifier(&text[at + length..]);
        let end = at + length + quantifier.len();
        if let Some(branch) = branches.last_mut() {
            branch.push(Element { text: &text[at..end], at, kind, quantifier });
        }
        at = end;
    }
    Ok(branches)
}

fn element(text: &str, at: usize, first: char) -> Result<(usize, Kind<'_>), Broken> {
    let rest = &text[at..];
    Ok(match first {
        '%' if rest.starts_with("%{") => {
            let end = rest.find('}').ok_or(Broken)?;
            (end + 1, reference(&rest[2..end]))
        }
        '\\' => {
            let escaped = rest[1..].chars().next().ok_or(Broken)?;
            let kind = if escaped.is_ascii_alphanumeric() { Kind::Other } else { Kind::Literal };
            // `\p{Alpha}`, `\k<name>`: the braces belong to it.
            let tail = &rest[1 + escaped.len_utf8()..];
            let closing = match (escaped, tail.chars().next()) {
                ('p' | 'P' | 'x', Some('{')) => tail.find('}'),
                ('k' | 'g', Some('<')) => tail.find('>'),
                ('x', _) => {
                    let digits = tail.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
                    digits.checked_sub(1)
                }
                _ => None,
            };
            (1 + escaped.len_utf8() + closing.map_or(0, |end| end + 1), kind)
        }
        '[' => (class(rest).ok_or(Broken)?, Kind::Other),
        '(' => {
            let length = group(rest).ok_or(Broken)?;
            (length, inside(&rest[..length]))
        }
        '.' => (1, Kind::Any),
        '^' | '$' => (1, Kind::Other),
        other => (other.len_utf8(), Kind::Literal),
    })
}

fn reference(inner: &str) -> Kind<'_> {
    let (head, inline) = match inner.split_once('=') {
        Some((head, definition)) => (head, Some(definition)),
        None => (inner, None),
    };
    let (name, field) = head.split_once(':').map_or((head, false), |(name, _)| (name, true));
    Kind::Reference { name, field, inline }
}

/// The length of the class that begins here.
fn class(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut chars = text.char_indices().peekable();
    let mut first = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if text[at..].starts_with("[:") && depth > 0 => {
                let end = at + text[at..].find(":]")? + 1;
                while chars.next_if(|(i, _)| *i <= end).is_some() {}
            }
            '[' => {
                depth += 1;
                first = true;
                chars.next_if(|(_, c)| *c == '^');
                continue;
            }
            // The first one in a class stands for itself.
            ']' if first => {}
            ']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        first = false;
    }
    None
}

/// The length of the group that begins here.
fn group(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += match c {
            '\\' => 1 + text[at + 1..].chars().next()?.len_utf8(),
            '[' => class(&text[at..])?,
            '%' if text[at..].starts_with("%{") => text[at..].find('}')? + 1,
            '(' => {
                depth += 1;
                1
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
                1
            }
            other => other.len_utf8(),
        };
    }
    None
}

fn inside(group: &str) -> Kind<'_> {
    let inner = &group[1..group.len() - 1];
    let Some(special) = inner.strip_prefix('?') else { return Kind::Group(inner) };
    if let Some(inner) = special.strip_prefix([':', '>']) {
        return Kind::Group(inner);
    }
    match special.strip_prefix('<') {
        Some(named) if !named.starts_with(['=', '!']) => {
            named.split_once('>').map_or(Kind::Other, |(_, inner)| Kind::Group(inner))
        }
        _ => Kind::Other,
    }
}

fn quantifier(text: &str) -> &str {
    let mut end = match text.chars().next() {
        Some('*' | '+' | '?') => 1,
        Some('{') => {
            let Some(close) = text.find('}') else { return "" };
            let counts = &text[1..close];
            if counts.is_empty() || !counts.bytes().all(|b| b.is_ascii_digit() || b == b',') {
                return "";
            }
            close + 1
        }
        _ => return "",
    };
    end += text[end..].bytes().take_while(|b| b"?+*".contains(b)).count();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match split(text) {
            Ok(branches) => branches
                .iter()
                .map(|branch| branch.iter().map(|e| e.text).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
                .join(" || "),
            Err(Broken) => "broken".to_owned(),
        }
    }

    #[test]
    fn elements() {
        insta::assert_snapshot!(check(r#"^%{IP:ip}(?: \[%{INT:n:int}\])?x{2,3}+.*?[^]a-z[:alpha:]]+\d\.\p{Alpha}\x41b"#), @r"^ %{IP:ip} (?: \[%{INT:n:int}\])? x{2,3}+ .*? [^]a-z[:alpha:]]+ \d \. \p{Alpha} \x41 b");
        insta::assert_snapshot!(check("a|(b|c)|%{X=a|b}"), @"a || (b|c) || %{X=a|b}");
        insta::assert_snapshot!(check("(?<n>a)(?<=b)(?i)ä"), @"(?<n>a) (?<=b) (?i) ä");
    }

    #[test]
    fn broken() {
        for text in ["(a", "a)", "[a", "%{A", "*"] {
            assert_eq!(check(text), "broken", "{text}");
        }
    }

    proptest::proptest! {
        /// Whatever is typed: no panic, and nothing is lost.
        #[test]
        fn any_text_is_cut_without_loss(text in r"([ab|(){}\[\]^?*+.,:<>=!\\ä1]|%\{A\}|\(\?<n>|\\x4){0,12}") {
            if let Ok(branches) = split(&text) {
                let branches: Vec<String> =
                    branches.iter().map(|branch| branch.iter().map(|e| e.text).collect()).collect();
                assert_eq!(branches.join("|"), text);
            }
        }
    }
}

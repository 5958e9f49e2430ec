//! Ruby's regular expressions, as Onigmo reads them, in `fancy-regex`'s dialect.

/// `\d \w \s \D \W \S` are ASCII in Ruby and Unicode in Rust's engines.
pub(crate) fn from_ruby(regex: &str) -> String {
    // `.` matches a newline in grok (Regexp::MULTILINE), `^` and `$` are always line anchors in Ruby.
    format!("(?sm){}", translate(regex, true))
}

/// With only `\d \w \s` and their likes as ASCII classes, for Oniguruma.
#[cfg(test)]
pub(crate) fn spell_out(regex: &str) -> String {
    translate(regex, false)
}

fn translate(regex: &str, for_rust: bool) -> String {
    let mut out = String::with_capacity(regex.len() + 16);
    let mut in_class = 0_usize;
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(next) = chars.next() else {
                    out.push('\\');
                    break;
                };
                let (inside, outside) = match next {
                    'd' => ("0-9", "[0-9]"),
                    'w' => ("0-9A-Za-z_", "[0-9A-Za-z_]"),
                    's' => (" \\t\\n\\x0b\\x0c\\r", "[ \\t\\n\\x0b\\x0c\\r]"),
                    'h' => ("0-9A-Fa-f", "[0-9A-Fa-f]"),
                    'D' => ("[^0-9]", "[^0-9]"),
                    'W' => ("[^0-9A-Za-z_]", "[^0-9A-Za-z_]"),
                    'S' => ("[^ \\t\\n\\x0b\\x0c\\r]", "[^ \\t\\n\\x0b\\x0c\\r]"),
                    // Rust's engines know no escape for these.
                    '_' | '\'' | '"' | '`' | '@' | '%' | '!' | ',' | '=' | ';' | '/' | ':' if for_rust => {
                        out.push(next);
                        continue;
                    }
                    _ => {
                        out.push('\\');
                        out.push(next);
                        continue;
                    }
                };
                out.push_str(if in_class > 0 { inside } else { outside });
            }
            '[' if in_class > 0 && chars.peek() != Some(&':') => {
                in_class += 1;
                out.push(c);
            }
            '[' if in_class > 0 => {
                // `[:alpha:]`: Unicode in Ruby, ASCII in Rust's engines.
                let name: String = chars.by_ref().take_while(|inner| *inner != ']').collect();
                match posix(name.trim_matches(':')).filter(|_| for_rust) {
                    Some(class) => out.push_str(class),
                    None => out.push_str(&format!("[{name}]")),
                }
            }
            '[' => {
                in_class = 1;
                out.push(c);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that closes at once stands for itself.
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' if in_class > 0 => {
                in_class -= 1;
                out.push(c);
            }
            // In a class these are operators for Rust's engine (`&&`, `~~`, `--`) and plain in Ruby, but for `&&`.
            '~' if in_class > 0 && for_rust => out.push_str("\\~"),
            _ => out.push(c),
        }
    }
    out
}

fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" => r"\p{Alphabetic}",
        "digit" => r"\p{Nd}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "upper" => r"\p{Uppercase}",
        "lower" => r"\p{Lowercase}",
        "space" => r"\s",
        "word" => r"\w",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii() {
        assert_eq!(
            from_ruby(r"\d[\w.~]\S[[:alpha:]\d]"),
            r"(?sm)[0-9][0-9A-Za-z_.\~][^ \t\n\x0b\x0c\r][\p{Alphabetic}0-9]"
        );
    }
}

//! Lucene's regular expressions as those of the crate `regex`. They match whole terms.

use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Bytes that a compiled expression may take; larger ones are refused, as OpenSearch refuses those that need too much work.
const SIZE: usize = 1 << 20;
/// OpenSearch's `index.max_regex_length`.
const LENGTH: usize = 1000;

/// Compiled expressions that are kept: one is used again for each field, segment and index of a search.
const KEPT: usize = 64;

/// Compiles an expression, or says why not.
pub(crate) fn compile(pattern: &str, insensitive: bool) -> Result<Regex, String> {
    static COMPILED: Mutex<BTreeMap<(String, bool), Regex>> = Mutex::new(BTreeMap::new());
    let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (pattern.to_owned(), insensitive);
    if let Some(regex) = kept().get(&key) {
        return Ok(regex.clone());
    }
    let regex = fresh(pattern, insensitive)?;
    let mut kept = kept();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(key, regex.clone());
    Ok(regex)
}

fn fresh(pattern: &str, insensitive: bool) -> Result<Regex, String> {
    if pattern.chars().count() > LENGTH {
        return Err(format!("the expression is longer than [{LENGTH}] characters"));
    }
    let text = format!("^(?s:{})$", translate(pattern)?);
    RegexBuilder::new(&text)
        .case_insensitive(insensitive)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .build()
        .map_err(|error| format!("cannot read the regular expression [{pattern}]: {error}"))
}

/// What Lucene's syntax (`RegExp`) writes otherwise: `"` quotes, `^` and `$` are characters, `@` is anything, `#` nothing, and `<1-20>` a
/// number between two. Complement (`~`) and intersection (`&`) have no counterpart.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                None => return Err(format!("[{pattern}] ends with a backslash")),
                Some(c @ ('d' | 'D' | 'w' | 'W' | 's' | 'S')) => {
                    out.push('\\');
                    out.push(c);
                }
                Some(c) => out.push_str(&regex::escape(&c.to_string())),
            },
            ']' if class => {
                class = false;
                out.push(']');
            }
            // What this crate would take for an operation between classes.
            '[' | '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            c if class => out.push(c),
            '[' => {
                class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '"' => {
                let quoted: String = chars.by_ref().take_while(|c| *c != '"').collect();
                out.push_str(&regex::escape(&quoted));
            }
            '^' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '@' => out.push_str("(?:.*)"),
            '#' => out.push_str("[a&&b]"),
            '<' => {
                let inside: String = chars.by_ref().take_while(|c| *c != '>').collect();
                let ends = inside
                    .split_once('-')
                    .and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
                match ends {
                    Some((low, high)) if low <= high && high - low <= 1000 => {
                        let all: Vec<String> = (low..=high).map(|n| n.to_string()).collect();
                        out.push_str(&format!("(?:0*(?:{}))", all.join("|")));
                    }
                    _ => return Err(format!("[<{inside}>] is no interval of up to 1000 numbers")),
                }
            }
            '~' | '&' => {
                return Err(format!("the operator [{c}] is not supported; write [\\{c}] for the character"));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let regex = compile(pattern, false).unwrap();
        for text in yes {
            assert!(regex.is_match(text), "{text}");
        }
        for text in no {
            assert!(!regex.is_match(text), "{text}");
        }
    }

    #[test]
    fn whole_terms() {
        check("ab.*", &["ab", "abc"], &["xab", "a"]);
        check("a\"b.c\"d", &["ab.cd"], &["abxcd"]);
        check("$[^/]+^", &["$a^"], &["$/^"]);
        check("n<5-12>", &["n5", "n12", "n007"], &["n4", "n13"]);
        check(r"\d+\.@", &["12.x", "1."], &["12x"]);
        check("a|bc?", &["a", "b", "bc"], &["ac"]);
    }

    #[test]
    fn what_cannot_be() {
        for pattern in ["(", "a~b", "a&b", "\\", "(a{1000}){1000}", "<9-1>"] {
            assert!(compile(pattern, false).is_err(), "{pattern}");
        }
    }
}

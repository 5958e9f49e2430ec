//! What texts can do.

use std::sync::Arc;

use super::{
    method::{Answer, text_of},
    run::{Machine, Run},
    value::V,
};
use crate::{
    regex::{Pattern, Replacement},
    ruby,
};

const GAVE_UP: &str = "a regular expression explodes on this text: it was given up";

impl Machine<'_> {
    /// Where a regular expression matches, in letters; its groups are kept for `$1`.
    pub(super) fn match_at(&mut self, left: &V, right: &V) -> Run<Option<i64>> {
        let (text, pattern) = match (left, right) {
            (V::Text(text), V::Regex(pattern)) | (V::Regex(pattern), V::Text(text)) => (text, pattern),
            (V::Nil, V::Regex(_)) | (V::Regex(_), V::Nil) => {
                self.groups.clear();
                return Ok(None);
            }
            _ => return Err(format!("wrong argument type {} (expected Regexp)", right.class()).into()),
        };
        self.spend(text.len() / 8)?;
        let found = pattern.groups(text, 0).map_err(|_| GAVE_UP)?;
        let Some(found) = found else {
            self.groups.clear();
            return Ok(None);
        };
        let part = |(start, end): (usize, usize)| text.get(start..end).map(Arc::from);
        self.groups = found.iter().map(|group| group.and_then(part)).collect();
        let before = found.first().copied().flatten().and_then(|(start, _)| text.get(..start));
        Ok(Some(before.map_or(0, |before| before.chars().count() as i64)))
    }

    pub(super) fn text_method(&mut self, text: &Arc<str>, name: &'static str, given: &[V]) -> Answer {
        self.spend(text.len() / 16)?;
        let made = match (name, given) {
            ("to_s" | "dup", []) => V::Text(Arc::clone(text)),
            ("to_sym", []) => V::Symbol(Arc::clone(text)),
            ("to_i", []) => V::Int(to_i(text, 10)?),
            ("to_i", [V::Int(base @ 2..=36)]) => V::Int(to_i(text, *base as u32)?),
            ("hex", []) => V::Int(to_i(text, 16)?),
            ("to_f", []) => V::Float(ruby::to_f(text)),
            ("upcase", []) => self.text(&text.to_uppercase())?,
            ("downcase", []) => self.text(&text.to_lowercase())?,
            ("capitalize", []) => self.text(&ruby::capitalize(text))?,
            ("strip", []) => self.text(ruby::strip(text))?,
            ("lstrip", []) => {
                self.text(text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r', '\0']))?
            }
            ("rstrip", []) => {
                self.text(text.trim_end_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r', '\0']))?
            }
            ("chomp", []) => {
                let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix(['\n', '\r']));
                self.text(line.unwrap_or(text))?
            }
            ("chomp", [end]) => self.text(text.strip_suffix(text_of(end)?).unwrap_or(text))?,
            ("reverse", []) => self.text(&text.chars().rev().collect::<String>())?,
            ("length" | "size", []) => V::Int(text.chars().count() as i64),
            ("bytesize", []) => V::Int(text.len() as i64),
            ("empty?", []) => V::Bool(text.is_empty()),
            ("chars", []) => {
                let chars = text.chars().map(|c| V::text(c.encode_utf8(&mut [0; 4]))).collect();
                self.list(chars)?
            }
            ("include?", [part]) => V::Bool(text.contains(text_of(part)?)),
            ("start_with?", parts) => {
                let mut any = false;
                for part in parts {
                    any |= match part {
                        V::Regex(pattern) => {
                            matches!(pattern.find(text, 0).map_err(|_| GAVE_UP)?, Some((0, _)))
                        }
                        part => text.starts_with(text_of(part)?),
                    };
                }
                V::Bool(any)
            }
            ("end_with?", parts) => {
                let mut any = false;
                for part in parts {
                    any |= text.ends_with(text_of(part)?);
                }
                V::Bool(any)
            }
            ("index", [regex @ V::Regex(_)]) => {
                self.match_at(&V::Text(Arc::clone(text)), regex)?.map_or(V::Nil, V::Int)
            }
            ("index", [part]) => {
                let at = text.find(text_of(part)?).and_then(|at| text.get(..at));
                at.map_or(V::Nil, |before| V::Int(before.chars().count() as i64))
            }
            ("match?", [regex @ V::Regex(_)]) => {
                V::Bool(self.match_at(&V::Text(Arc::clone(text)), regex)?.is_some())
            }
            ("match", [regex @ V::Regex(_)]) => match self.match_at(&V::Text(Arc::clone(text)), regex)? {
                None => V::Nil,
                Some(_) => {
                    let groups =
                        self.groups.iter().map(|group| group.clone().map_or(V::Nil, V::Text)).collect();
                    self.list(groups)?
                }
            },
            ("rjust" | "ljust", [V::Int(wide), rest @ ..]) => {
                let filler = rest.first().map_or(Ok(" "), text_of)?;
                let missing = usize::try_from(*wide).unwrap_or(0).saturating_sub(text.chars().count());
                self.spend(missing)?;
                let filled: String = filler.chars().cycle().take(missing).collect();
                self.text(&if name == "rjust" { filled + text } else { format!("{text}{filled}") })?
            }
            ("scan", [pattern]) => self.scan(text, pattern)?,
            ("split", []) => self.split(text, &V::text(" "))?,
            ("split", [separator]) => self.split(text, separator)?,
            ("sub" | "gsub", [needle, with]) => self.replace(text, needle, with, name == "sub")?,
            ("count", [letters]) => {
                let letters = text_of(letters)?;
                if letters.chars().count() > 1 && letters.contains(['^', '-', '\\']) {
                    return Err("`count` takes letters, and no ranges of them, here".into());
                }
                V::Int(text.chars().filter(|c| letters.contains(*c)).count() as i64)
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    fn split(&mut self, text: &str, separator: &V) -> Run {
        let parts: Vec<V> = match separator {
            V::Regex(pattern) => split_by(pattern, text)?.into_iter().map(V::text).collect(),
            other => ruby::split(text, text_of(other)?).into_iter().map(V::text).collect(),
        };
        self.list(parts)
    }

    fn replace(&mut self, text: &str, needle: &V, with: &V, first: bool) -> Run {
        let with = text_of(with)?;
        let made = match needle {
            V::Regex(pattern) => {
                let with = Replacement::parse(with);
                let made =
                    if first { pattern.replace_first(text, &with) } else { pattern.replace_all(text, &with) };
                made.map_err(|_| GAVE_UP)?
            }
            needle => {
                let needle = text_of(needle)?;
                self.spend(text.matches(needle).count().saturating_mul(with.len()) / 16)?;
                Some(if first { text.replacen(needle, with, 1) } else { text.replace(needle, with) })
            }
        };
        self.text(made.as_deref().unwrap_or(text))
    }

    /// All matches: their first groups where there are groups, or else what was matched.
    fn scan(&mut self, text: &str, pattern: &V) -> Run {
        let V::Regex(pattern) = pattern else { return Err("`scan` takes a regular expression here".into()) };
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(groups) = pattern.groups(text, at).map_err(|_| GAVE_UP)? {
            let part = |group: &Option<(usize, usize)>| {
                group.and_then(|(start, end)| text.get(start..end)).map_or(V::Nil, V::text)
            };
            let Some((start, end)) = groups.first().copied().flatten() else { break };
            found.push(match groups.as_slice() {
                [whole] => part(whole),
                [_, groups @ ..] => V::list(groups.iter().map(part).collect()),
                [] => V::Nil,
            });
            self.spend(1 + (end - start) / 16)?;
            at = after(text, start, end);
            if at > text.len() {
                break;
            }
        }
        self.list(found)
    }
}

/// Where to look on after a match: past the next letter after an empty one.
fn after(text: &str, start: usize, end: usize) -> usize {
    if start < end {
        return end;
    }
    end + text.get(end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn split_by<'t>(pattern: &Pattern, text: &'t str) -> Result<Vec<&'t str>, String> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at <= text.len() {
        let Some((start, end)) = pattern.find(text, at).map_err(|_| GAVE_UP)? else { break };
        if start < end || (start > from && start < text.len()) {
            parts.push(text.get(from..start).unwrap_or_default());
            from = end;
        }
        at = after(text, start, end);
    }
    parts.push(text.get(from..).unwrap_or_default());
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    Ok(parts)
}

/// The whole number that a text begins with, or nought.
fn to_i(text: &str, base: u32) -> Result<i64, String> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number = 0_i64;
    let mut before = '_';
    for c in digits.chars() {
        let digit = match c.to_digit(base) {
            Some(digit) => i64::from(digit),
            None if c == '_' && before != '_' => {
                before = c;
                continue;
            }
            None => break,
        };
        before = c;
        let digit = if negative { -digit } else { digit };
        number = number
            .checked_mul(i64::from(base))
            .and_then(|number| number.checked_add(digit))
            .ok_or("the number is too large: whole numbers are of 64 bits")?;
    }
    Ok(number)
}

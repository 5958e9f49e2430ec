//! Whether an event that passes is one that a search finds, before any backend has it: the tail asks what the backend would be asked.
//!
//! It understands the eight queries that `query/dsl.rs` writes, and what it cannot decide does not hold. Words of text are cut at whatever
//! is no letter or digit, which is nearly where a backend's analyzer cuts them.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::query::Stored;
use crate::range::instant;
use crate::view::lines::path;

/// What an event is judged by.
pub(crate) struct Judge<'a> {
    /// How a field is stored.
    pub(crate) stored: &'a (dyn Fn(&str) -> Option<Stored> + Send + Sync),
    /// What `now` in a query means.
    pub(crate) now: Timestamp,
}

impl Judge<'_> {
    /// Whether a query finds a document.
    pub(crate) fn holds(&self, query: &Value, document: &Value) -> bool {
        let Some((kind, body)) = query.as_object().and_then(|q| q.iter().next()) else { return false };
        match kind.as_str() {
            "match_all" => true,
            "bool" => {
                let clauses = |name: &str| body[name].as_array().map_or(&[][..], |c| c);
                let one = |clause: &Value| self.holds(clause, document);
                let should = clauses("should");
                clauses("filter").iter().all(one)
                    && !clauses("must_not").iter().any(one)
                    && (should.is_empty() || should.iter().any(one))
            }
            "exists" => body["field"].as_str().is_some_and(|field| !held(document, field).is_empty()),
            _ => {
                let Some((field, options)) = body.as_object().and_then(|b| b.iter().next()) else {
                    return false;
                };
                let stored = (self.stored)(field).unwrap_or(Stored::Keyword);
                held(document, field).into_iter().any(|held| self.one(kind, stored, held, options))
            }
        }
    }

    fn one(&self, kind: &str, stored: Stored, held: &Value, options: &Value) -> bool {
        let words = |name: &str| tokens(options[name].as_str().unwrap_or_default());
        match kind {
            "term" => self.equals(stored, held, &options["value"]),
            "range" => options.as_object().is_some_and(|ends| {
                ends.iter().all(|(end, value)| {
                    let order = self.order(stored, held, value, matches!(end.as_str(), "lte" | "gt"));
                    order.is_some_and(|order| match end.as_str() {
                        "gt" => order.is_gt(),
                        "gte" => order.is_ge(),
                        "lt" => order.is_lt(),
                        "lte" => order.is_le(),
                        _ => false,
                    })
                })
            }),
            "wildcard" => {
                let pattern = options["value"].as_str().unwrap_or_default();
                let any_case = options["case_insensitive"].as_bool() == Some(true);
                let lower = |text: String| if any_case { text.to_lowercase() } else { text };
                let pattern = lower(pattern.to_owned());
                let held = text(held);
                match stored {
                    Stored::Text => tokens(&held).iter().any(|word| glob(&pattern, word)),
                    _ => glob(&pattern, &lower(held)),
                }
            }
            "match" => {
                let held = tokens(&text(held));
                words("query").iter().all(|word| held.contains(word))
            }
            "match_phrase" => {
                let (held, wanted) = (tokens(&text(held)), words("query"));
                !wanted.is_empty() && held.windows(wanted.len()).any(|part| part == wanted)
            }
            _ => false,
        }
    }

    fn equals(&self, stored: Stored, held: &Value, wanted: &Value) -> bool {
        match stored {
            Stored::Ip => within(&text(held), &text(wanted)),
            Stored::Number | Stored::Date => self.order(stored, held, wanted, false) == Some(Ordering::Equal),
            Stored::Keyword | Stored::Text | Stored::Boolean => text(held) == text(wanted),
        }
    }

    /// How what is held is to an end of a range; `late` takes a day for its last moment.
    fn order(&self, stored: Stored, held: &Value, end: &Value, late: bool) -> Option<Ordering> {
        match stored {
            Stored::Number => number(held)?.partial_cmp(&number(end)?),
            Stored::Date => {
                let at = |value: &Value| instant(&text(value), self.now, &TimeZone::UTC);
                let day = late
                    && end.as_str().is_some_and(|e| e.len() == 10 && e.parse::<jiff::civil::Date>().is_ok());
                let end = at(end)?;
                let end =
                    if day { end.checked_add(SignedDuration::from_millis(86_399_999)).ok()? } else { end };
                Some(at(held)?.cmp(&end))
            }
            Stored::Ip => Some(text(held).parse::<IpAddr>().ok()?.cmp(&text(end).parse().ok()?)),
            Stored::Keyword | Stored::Text | Stored::Boolean => Some(text(held).cmp(&text(end))),
        }
    }
}

/// The values of a field.
fn held<'d>(document: &'d Value, field: &str) -> Vec<&'d Value> {
    // `x.keyword` is another way of keeping `x`.
    let value = path(document, field).or_else(|| path(document, field.strip_suffix(".keyword")?));
    let mut out = Vec::new();
    scalars(value, &mut out);
    out
}

fn scalars<'d>(value: Option<&'d Value>, out: &mut Vec<&'d Value>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => items.iter().for_each(|item| scalars(Some(item), out)),
        Some(value) => out.push(value),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether an address is another, or in a network such as `10.0.0.0/8`.
fn within(held: &str, wanted: &str) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let (network, prefix) =
        wanted.split_once('/').map_or((wanted, None), |(n, p)| (n, p.parse::<u32>().ok()));
    let (Ok(held), Ok(network)) = (held.parse::<IpAddr>(), network.parse::<IpAddr>()) else { return false };
    let ((held, width), (network, same)) = (bits(held), bits(network));
    let shift = width - prefix.unwrap_or(width).min(width);
    width == same && held.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

/// Whether a pattern with `*`, `?` and `\` is all of a text: in time that is at most the product of their lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut rest, mut left) = (pattern.chars(), text.chars());
    // Behind the last star, and from where on it was tried.
    let mut again = None;
    loop {
        let before = left.clone();
        let mut next = rest.clone();
        let fits = match next.next() {
            Some('*') => {
                again = Some((next.clone(), before));
                rest = next;
                continue;
            }
            None => match left.next() {
                None => return true,
                Some(_) => false,
            },
            Some('?') => left.next().is_some(),
            Some('\\') => next.next().is_some_and(|wanted| left.next() == Some(wanted)),
            Some(wanted) => left.next() == Some(wanted),
        };
        if fits {
            rest = next;
            continue;
        }
        let Some((behind, from)) = &mut again else { return false };
        if from.next().is_none() {
            return false;
        }
        (rest, left) = (behind.clone(), from.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("?b", "ab", true),
            ("?b", "b", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("*.php", "/x.php.php", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
        assert!(!glob(&"*a".repeat(200), &"a".repeat(199)), "ends soon");
    }

    #[test]
    fn networks() {
        assert!(
            within("10.1.2.3", "10.0.0.0/8") && !within("11.1.2.3", "10.0.0.0/8") && within("::1", "::/0")
        );
        assert!(!within("::1", "0.0.0.0/0") && !within("x", "10.0.0.0/8") && within("10.0.0.1", "10.0.0.1"));
    }

    #[test]
    fn nested_lists_and_keywords_beside_text() {
        let judge = Judge { stored: &|_| None, now: Timestamp::UNIX_EPOCH };
        let document = json!({"host": {"name": "web-1"}, "tags": ["a", "b"], "n": [null]});
        assert!(judge.holds(&json!({"term": {"host.name.keyword": {"value": "web-1"}}}), &document));
        assert!(judge.holds(&json!({"term": {"tags": {"value": "b"}}}), &document));
        assert!(!judge.holds(&json!({"exists": {"field": "n"}}), &document));
        assert!(!judge.holds(&json!({"script": {}}), &document) && !judge.holds(&json!(7), &document));
    }
}

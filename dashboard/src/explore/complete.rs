//! What could stand at the cursor of the search box: a field's name, or a value of a field.
//!
//! The text is one that is being written, which the parser would refuse; so it is only looked at as far as the cursor, by the language's
//! signs: blanks and parentheses between terms, a colon behind a field, quotes, backslashes.

use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};

use super::values::key;
use crate::fields::{Fields, Idea};
use crate::page::fields::kind;
use crate::query::{Names as _, Stored};
use crate::view::plan::{Span, within};

/// What is offered at once.
const MOST: usize = 12;
/// Values that are looked through where the backend cannot be asked for a beginning.
const LOOKED_THROUGH: usize = 200;
/// Words that begin longer than this are not completed, characters.
const LONGEST: usize = 60;

/// What stands at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The bytes that a choice takes the place of.
    pub(crate) span: Range<usize>,
    /// Whose value it is; none for a field's name.
    pub(crate) field: Option<String>,
    /// What is typed so far, without escapes.
    pub(crate) typed: String,
}

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    /// What is written.
    pub(crate) text: String,
    /// What is shown.
    pub(crate) label: String,
    /// What is known of it: the type of a field, how often a value is there.
    pub(crate) hint: String,
}

/// Finds what stands at byte `at` of a text; none where nothing can be completed (behind a comparison, in a phrase without a field).
pub(crate) fn place(text: &str, at: usize) -> Option<Place> {
    let before = text.get(..at)?;
    let mut groups: Vec<Option<String>> = Vec::new();
    let (mut start, mut colon, mut quote, mut escaped) = (0, None, None, false);
    for (i, c) in before.char_indices() {
        let next = i + c.len_utf8();
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if quote.is_some() => quote = None,
            _ if quote.is_some() => {}
            '"' => quote = Some(i),
            '(' => {
                let own = colon.filter(|colon| colon + 1 == i).map(|colon| plain(&before[start..colon]));
                groups.push(own.or_else(|| groups.last().cloned().flatten()));
                (start, colon) = (next, None);
            }
            ')' => {
                groups.pop();
                (start, colon) = (next, None);
            }
            ':' if colon.is_none() => colon = Some(i),
            '-' | '!' if i == start => start = next,
            c if c.is_whitespace() => (start, colon) = (next, None),
            _ => {}
        }
    }
    let group = groups.last().cloned().flatten();
    let (field, from) = match (colon, group) {
        (_, Some(field)) => (Some(field), start),
        (Some(colon), None) => (Some(plain(&before[start..colon])), colon + 1),
        (None, None) => (None, start),
    };
    let word = &before[from..];
    let inner = word.strip_prefix('"').unwrap_or(word);
    let unusual = match &field {
        None => word.contains(['"', '<', '>', '*', '?']),
        Some(_) => inner.starts_with(['<', '>', '[', '{']) || inner.contains(['*', '?']),
    };
    if unusual || inner.chars().count() > LONGEST {
        return None;
    }
    // A choice takes the place of the whole word, also of what stands behind the cursor.
    let ends =
        |c: char| if quote.is_some() { c == '"' } else { c.is_whitespace() || matches!(c, '(' | ')' | ':') };
    let rest = &text[at..];
    let mut end = at + rest.find(ends).unwrap_or(rest.len());
    let closes = if field.is_none() { ':' } else { '"' };
    if text[end..].starts_with(closes) {
        end += 1;
    }
    Some(Place { span: from..end, typed: plain(inner), field })
}

/// Without escapes and signs.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// The names that begin with what is typed, then those that contain it.
pub(crate) fn names(typed: &str, fields: &Fields) -> Vec<Choice> {
    let typed = typed.to_lowercase();
    let known = fields.known();
    let whole = |name: &str| name.strip_suffix(".keyword").is_none_or(|own| fields.stored(own).is_none());
    let mut ranked: Vec<(u8, &String)> = known
        .iter()
        .filter(|name| whole(name))
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let rank = match lower.find(&typed)? {
                0 => 0,
                at if lower[..at].ends_with(['.', '_', '@']) => 1,
                _ => 2,
            };
            Some((rank, name))
        })
        .collect();
    // Ideas come first among those that are known, and stay so.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.dedup_by(|a, b| a.1 == b.1);
    ranked.truncate(MOST);
    let choice = |(_, name): (u8, &String)| {
        let hint = match Idea::from_word(name).and_then(|idea| fields.best(idea)) {
            Some(best) if best.name != *name => best.name.clone(),
            _ => fields.stored(name).map(|stored| kind(stored).to_owned()).unwrap_or_default(),
        };
        Choice { text: format!("{}:", escaped(name)), label: name.clone(), hint }
    };
    ranked.into_iter().map(choice).collect()
}

fn escaped(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_whitespace() || "()\":<>*?\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Where values are looked for, one look after the other until there are enough: going through all lines takes longer than a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The newest such part of the time. A field with a million values has enough of them there.
    Newest(i64),
    /// Sixteen moments of all the time: a host that fell silent an hour ago is looked for most of all.
    Scattered,
    /// All of it.
    Whole,
}

/// Parts of the time that are looked through: of the newest lines few first.
const NEWEST: [i64; 2] = [1024, 64];
/// Moments of a scattered look, each of the smallest part.
const MOMENTS: i64 = 16;
/// So many lines are gone through at once whenever there are not more.
const FEW_LINES: u64 = 1_000_000;

impl Look {
    pub(crate) const FIRST: Self = Self::Newest(NEWEST[0]);

    /// What comes after a look that has found so many choices among so many lines; none where what was found is what is shown.
    pub(crate) const fn next(self, choices: usize, lines: u64) -> Option<Self> {
        match self {
            _ if choices >= MOST => None,
            Self::Newest(part) if lines.saturating_mul(part.unsigned_abs()) <= FEW_LINES => Some(Self::Whole),
            Self::Newest(part) if part == NEWEST[0] => Some(Self::Newest(NEWEST[1])),
            Self::Newest(_) => Some(Self::Scattered),
            // What is in no line of these is rare, and looked for however long that takes.
            Self::Scattered if choices == 0 => Some(Self::Whole),
            Self::Scattered | Self::Whole => None,
        }
    }

    /// The times that are looked through.
    fn spans(self, (from, to): Span) -> Vec<Span> {
        let all = to - from;
        match self {
            Self::Whole => vec![(from, to)],
            Self::Newest(part) => vec![(to - (all / part).max(1), to)],
            Self::Scattered => {
                let (step, width) = (all / MOMENTS, (all / NEWEST[0]).max(1));
                (1..=MOMENTS).map(|n| (to - n * step, to - n * step + width)).collect()
            }
        }
    }
}

/// What is asked for the values of a field that begin with what is typed; none where they cannot be counted.
pub(crate) fn ask(field: &str, typed: &str, (look, span): (Look, Span), fields: &Fields) -> Option<Value> {
    let field = fields.word(field)?;
    let mut terms = json!({"field": field.name, "size": MOST});
    match field.stored {
        // Only keywords take a beginning.
        Stored::Keyword if !typed.is_empty() => terms["include"] = json!(beginning(typed)),
        Stored::Keyword => {}
        Stored::Number | Stored::Ip | Stored::Boolean => terms["size"] = json!(LOOKED_THROUGH),
        Stored::Text | Stored::Date => return None,
    }
    let everything = json!({"match_all": {}});
    let mut spans: Vec<Value> = look.spans(span).into_iter().map(|span| within(span, &everything)).collect();
    let query = if spans.len() == 1 {
        spans.remove(0)
    } else {
        json!({"bool": {"should": spans, "minimum_should_match": 1}})
    };
    Some(json!({
        "query": query, "timeout": "1s", "size": 0, "track_total_hits": true,
        "aggs": {"values": {"terms": terms}},
    }))
}

/// The regular expression (Lucene's) of what begins so, in any case.
fn beginning(typed: &str) -> String {
    let mut out = String::new();
    for c in typed.chars() {
        let (lower, upper) = (c.to_lowercase().next().unwrap_or(c), c.to_uppercase().next().unwrap_or(c));
        if lower != upper {
            out.extend(['[', lower, upper, ']']);
        } else {
            if !c.is_alphanumeric() {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out + ".*"
}

/// The values that came back.
pub(crate) fn values(typed: &str, answer: &Value) -> Vec<Choice> {
    let buckets = answer["aggregations"]["values"]["buckets"].as_array().map_or(&[][..], |b| b);
    let begins = |value: &str| value.to_lowercase().starts_with(&typed.to_lowercase());
    let choice = |bucket: &Value| {
        let value = key(bucket).filter(|value| begins(value) && !value.is_empty())?;
        let lines = bucket["doc_count"].as_u64().unwrap_or(0);
        let text = format!("{} ", quoted(&value));
        Some(Choice { text, label: value, hint: crate::chart::units::count(lines) })
    };
    buckets.iter().filter_map(choice).take(MOST).collect()
}

/// Takes what a look has found to what was found before it. How often a value is in some of the lines is not how often it is.
pub(crate) fn add(items: &mut Vec<Choice>, mut found: Vec<Choice>, look: Look) {
    if look != Look::Whole {
        found.iter_mut().for_each(|item| item.hint.clear());
    }
    if look == Look::Scattered {
        found.retain(|item| items.iter().all(|known| known.label != item.label));
        items.append(&mut found);
        items.truncate(MOST);
    } else {
        // The lines of the look before are among these.
        *items = found;
    }
}

/// A value as it is typed: in quotes, where it has signs.
fn quoted(value: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+' | '%' | ',');
    if value.chars().all(bare) && !value.starts_with('-') {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The byte of a text that a browser counts as `units` of UTF-16.
pub(crate) fn byte(text: &str, units: usize) -> usize {
    let mut seen = 0;
    let at = text.char_indices().find(|(_, c)| {
        let here = seen >= units;
        seen += c.len_utf16();
        here
    });
    at.map_or(text.len(), |(at, _)| at)
}

/// How a browser counts a text up to a byte.
pub(crate) fn units(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |before| before.encode_utf16().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fields::tests::caps;
    use crate::query::parse;

    /// `|` is the cursor: what is replaced, of which field, what is typed.
    fn check(text: &str) -> Option<(String, String, String)> {
        let at = text.find('|').expect("a cursor");
        let text = text.replacen('|', "", 1);
        let place = place(&text, at)?;
        Some((text[place.span].to_owned(), place.field.unwrap_or_else(|| "-".into()), place.typed))
    }

    fn is(text: &str, replaced: &str, field: &str, typed: &str) {
        assert_eq!(check(text), Some((replaced.into(), field.into(), typed.into())), "{text}");
    }

    #[test]
    fn a_few_lines_are_looked_through_before_many() {
        let day = (0, 1024 * 1000);
        let first = Look::FIRST;
        assert_eq!(first.spans(day), [(1_023_000, 1_024_000)]);
        assert_eq!(first.next(12, 9000), None, "as many as are shown");
        assert_eq!(first.next(3, 900), Some(Look::Whole), "there are not many lines");
        let second = first.next(3, 9000).expect("a look");
        assert_eq!(second.spans(day), [(1_008_000, 1_024_000)]);
        let third = second.next(3, 150_000).expect("a look");
        let spans = third.spans(day);
        assert_eq!((spans.len(), spans[0], spans[15]), (16, (960_000, 961_000), (0, 1000)));
        assert_eq!(third.next(5, 10_000), None);
        assert_eq!(third.next(0, 10_000), Some(Look::Whole), "a rare one");
        assert_eq!(Look::Whole.next(0, 9_000_000), None);
        assert_eq!(first.spans((5, 6)), [(5, 6)], "no look is of no time");
    }

    #[test]
    fn what_looks_have_found_is_put_together() {
        let one =
            |label: &str, hint: &str| Choice { text: label.into(), label: label.into(), hint: hint.into() };
        let mut items = Vec::new();
        add(&mut items, vec![one("a", "3")], Look::FIRST);
        add(&mut items, vec![one("b", "9"), one("a", "7")], Look::Newest(64));
        add(&mut items, vec![one("c", "1"), one("b", "1")], Look::Scattered);
        assert_eq!(items, [one("b", ""), one("a", ""), one("c", "")]);
        add(&mut items, vec![one("b", "90")], Look::Whole);
        assert_eq!(items, [one("b", "90")]);
    }

    #[test]
    fn what_stands_at_the_cursor() {
        is("|", "", "-", "");
        is("sta|", "sta", "-", "sta");
        is("a -lev|", "lev", "-", "lev");
        is("a (lev|el:x", "level:", "-", "lev");
        is("level:err|", "err", "level", "err");
        is("-level:|", "", "level", "");
        is("a level:err|or b", "error", "level", "err");
        is("url:http://x|", "http://x", "url", "http://x");
        is(r#"url:"/a b|"#, r#""/a b"#, "url", "/a b");
        is(r#"url:"/a |b" c"#, r#""/a b""#, "url", "/a ");
        is("status:(500 OR 5|", "5", "status", "5");
        is("status:(500) le|", "le", "-", "le");
        is(r"my\ field:a\ b|", r"a\ b", "my field", "a b");
        for text in ["status:>5|", "status:[1 |", "ho*|", "path:*.p|", "\"a b|"] {
            assert!(check(text).is_none() || text == "status:[1 |", "{text}");
        }
    }

    #[test]
    fn names_are_offered_by_their_beginning() {
        let fields = Fields::from_caps(&caps(&[
            ("http.response.status_code", "long"),
            ("host.name", "keyword"),
            ("user.name", "text"),
            ("user.name.keyword", "keyword"),
        ]));
        let offered =
            |typed: &str| names(typed, &fields).into_iter().map(|c| (c.text, c.hint)).collect::<Vec<_>>();
        assert_eq!(
            offered("STA"),
            [
                ("status:".into(), "http.response.status_code".into()),
                ("http.response.status_code:".into(), "number".into())
            ]
        );
        assert_eq!(
            offered("name"),
            [("host.name:".into(), "keyword".into()), ("user.name:".into(), "text".into())]
        );
        assert!(offered("nothing").is_empty());
    }

    #[test]
    fn values_are_asked_by_their_beginning() {
        let fields =
            Fields::from_caps(&caps(&[("host.name", "keyword"), ("bytes", "long"), ("message", "text")]));
        let ask = |field: &str, typed: &str| {
            ask(field, typed, (Look::Whole, (0, 1000)), &fields).map(|b| b["aggs"]["values"]["terms"].clone())
        };
        assert_eq!(
            ask("host", "We-1"),
            Some(json!({"field": "host.name", "size": 12, "include": r"[wW][eE]\-1.*"}))
        );
        assert_eq!(ask("bytes", "1"), Some(json!({"field": "bytes", "size": 200})));
        assert_eq!(ask("message", "a"), None);
    }

    #[test]
    fn values_as_they_are_typed() {
        let answer = json!({"aggregations": {"values": {"buckets": [
            {"key": "web-1", "doc_count": 1200}, {"key": "Web \"2\"", "doc_count": 1}, {"key": "db", "doc_count": 1}]}}});
        let texts: Vec<String> =
            values("we", &answer).into_iter().map(|c| format!("{}{}", c.text, c.hint)).collect();
        assert_eq!(texts, ["web-1 1\u{a0}200", "\"Web \\\"2\\\"\" 1"]);
    }

    #[test]
    fn a_browser_counts_otherwise() {
        let text = "ö𝄞x";
        assert_eq!([0, 1, 3, 4, 9].map(|u| byte(text, u)), [0, 2, 6, 7, 7]);
        assert_eq!([0, 2, 6, 7].map(|b| units(text, b)), [0, 1, 3, 4]);
    }

    proptest! {
        #[test]
        fn any_text_has_a_place_in_it(text in r#"[a:"\\()<é -]{0,20}"#, at in 0usize..30) {
            let at = byte(&text, at);
            if let Some(place) = place(&text, at) {
                prop_assert!(text.get(place.span.clone()).is_some() && place.span.start <= at && at <= place.span.end);
            }
        }

        #[test]
        fn what_is_offered_is_the_value(value in ".{1,20}") {
            let text = format!("x:{}", quoted(&value));
            let holds = parse(&text).map(|q| q.to_string());
            let exact = crate::query::Query::exactly("x", &value).to_string();
            prop_assert!(holds.as_deref() == Ok(&exact) || holds.as_deref() == Ok(&text), "{} {:?}", text, holds);
        }
    }
}

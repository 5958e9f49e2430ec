//! What was written held against what the engine has and what the dead-letter queue has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    arrivals::Arrivals,
    book::{Book, hash, number},
    lines::{Fate, text_of},
};

/// What is wrong; each text names a line.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// In the engine or the queue, where it belongs.
    pub(crate) lost: Vec<String>,
    /// More than once in the engine, or in both.
    pub(crate) doubled: Vec<String>,
    pub(crate) altered: Vec<String>,
    /// In the dead-letter queue though it is good, or with another reason.
    pub(crate) misjudged: Vec<String>,
    /// Lines with a dead letter, and letters that came more than once.
    pub(crate) letters: usize,
    pub(crate) letters_again: usize,
}

pub(crate) fn judge(book: &Book, arrivals: &Arrivals, letters: &[Value]) -> Verdict {
    let mut verdict = Verdict { doubled: arrivals.doubled.clone(), ..Verdict::default() };
    verdict.altered.extend(arrivals.two_texts.iter().map(|text| format!("an id with a second text: {text}")));
    verdict.altered.extend(arrivals.foreign.iter().map(|text| format!("never written: {text}")));
    let mut dead: BTreeMap<u64, &Value> = BTreeMap::new();
    for letter in letters {
        let text = text_of(&letter["event"]);
        let Some(number) = number(text) else {
            verdict.altered.push(format!("a letter that is no line: {}", short(letter)));
            continue;
        };
        let written = book.lines().get(number as usize);
        if written.is_none_or(|written| written.hash != hash(text)) {
            verdict.altered.push(format!("{number}: another text in its letter"));
        }
        // It was sent again, and refused again.
        verdict.letters_again += usize::from(dead.insert(number, letter).is_some());
    }
    verdict.letters = dead.len();
    for (number, written) in book.lines().iter().enumerate() {
        let (number, fate) = (number as u64, Fate::of(written.generation));
        let (first, letter) = (arrivals.first(number), dead.get(&number));
        match (first, letter) {
            (Some(_), Some(letter)) => {
                verdict.doubled.push(format!("{number} is indexed, and a letter: {}", short(letter)));
            }
            (None, None) => verdict.lost.push(format!("{number} ({fate:?})")),
            (Some(first), None) if first.hash != written.hash => {
                verdict.altered.push(format!("{number}: another text"));
            }
            (Some(_), None) => {}
            (None, Some(letter)) if !is_right(fate, letter) => {
                verdict.misjudged.push(format!("{number} ({fate:?}): {}", short(letter)));
            }
            (None, Some(_)) => {}
        }
    }
    verdict
}

fn is_right(fate: Fate, letter: &Value) -> bool {
    let reason = letter["reason"].as_str().unwrap_or_default();
    fate.reason().is_some_and(|(status, part)| letter["status"] == status && reason.contains(part))
}

fn short(letter: &Value) -> String {
    format!("{} {} {}", letter["status"], letter["reason"], letter["action"]).chars().take(200).collect()
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        [&self.lost, &self.doubled, &self.altered, &self.misjudged].into_iter().all(Vec::is_empty)
    }

    /// The first of each kind, for people.
    pub(crate) fn tell(&self) -> String {
        let mut out = String::new();
        for (kind, list) in [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("altered", &self.altered),
            ("misjudged", &self.misjudged),
        ] {
            if !list.is_empty() {
                out += &format!("{} {kind}:\n", list.len());
                list.iter().take(8).for_each(|line| out += &format!("  {line}\n"));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `came`: texts of lines by their number; `letters`: number, status and reason.
    #[track_caller]
    fn check(fates: &[Fate], came: &[(&str, usize)], letters: &[(usize, u64, &str)], expect: &str) {
        let mut book = Book::default();
        for name in ["a", "b", "c", "d"] {
            book.generation(name.to_owned());
        }
        let texts: Vec<String> = fates.iter().map(|fate| book.line(*fate as u32, "x").1).collect();
        let mut arrivals = Arrivals::default();
        came.iter().for_each(|(id, number)| arrivals.take(id, &texts[*number], ""));
        let letters: Vec<Value> = letters
            .iter()
            .map(|(number, status, reason)| {
                json!({"status": status, "reason": reason, "event": {"message": texts[*number]}})
            })
            .collect();
        let verdict = judge(&book, &arrivals, &letters);
        let lists = [&verdict.lost, &verdict.doubled, &verdict.altered, &verdict.misjudged];
        let told = format!("{:?} letters {}+{}", lists.map(Vec::len), verdict.letters, verdict.letters_again);
        assert_eq!(told, expect, "{}", verdict.tell());
        assert_eq!(verdict.is_good(), told.starts_with("[0, 0, 0, 0]"));
    }

    #[test]
    fn each_line_in_its_place_is_good_and_what_is_not_is_told_apart() {
        use Fate::{Indexed, TooLong, Unfit};
        let unfit = (1, 400, "mapper_parsing_exception: failed to parse field [number] of type [long]");
        check(&[Indexed, Unfit], &[("i", 0)], &[unfit], "[0, 0, 0, 0] letters 1+0");
        check(&[Indexed, Unfit], &[("i", 0), ("i", 0)], &[unfit, unfit], "[0, 0, 0, 0] letters 1+1");
        check(&[Indexed, Unfit], &[("i", 0)], &[], "[1, 0, 0, 0] letters 0+0");
        check(&[Indexed], &[("i", 0), ("j", 0)], &[], "[0, 1, 0, 0] letters 0+0");
        check(&[Indexed], &[("i", 0)], &[(0, 429, "busy")], "[0, 1, 0, 0] letters 1+0");
        check(&[Indexed], &[], &[(0, 429, "busy")], "[0, 0, 0, 1] letters 1+0");
        check(&[TooLong], &[], &[(0, 400, "larger than a request may be")], "[0, 0, 0, 1] letters 1+0");
    }
}

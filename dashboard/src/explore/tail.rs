//! Lines as they pass: what of a collector's stream is shown, and how much is left out.

use serde_json::{Value, json};

use crate::view::lines::line;

/// Lines a second that somebody can be shown; more would be a blur, and work for the browser.
pub(crate) const A_SECOND: f64 = 250.0;
/// So many may come at once.
const BURST: f64 = 50.0;
/// Of a line's message so many characters are sent.
const MESSAGE: usize = 2000;

/// What becomes of the events that pass.
#[derive(Debug)]
pub(crate) struct Tail {
    left: f64,
    /// When the last line was looked at, milliseconds.
    at: f64,
    /// Of this second: events that match, and those that were shown.
    matched: u64,
    shown: u64,
    /// What the collector had said until the second before.
    before: [u64; 3],
}

impl Tail {
    /// A tail that begins at a time, milliseconds.
    pub(crate) fn new(at: f64) -> Self {
        Self { left: BURST, at, matched: 0, shown: 0, before: [0; 3] }
    }

    /// Whether a line that matches is shown at a time, milliseconds.
    pub(crate) fn take(&mut self, at: f64) -> bool {
        self.matched += 1;
        self.left = ((at - self.at).max(0.0) / 1000.0).mul_add(A_SECOND, self.left).min(BURST);
        self.at = at;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
            self.shown += 1;
        }
        may
    }

    /// What a second was like, when the collector has told how much passed, matched and was shown since the beginning.
    pub(crate) fn second(&mut self, seen: &Value) -> Value {
        let now = ["passed", "matched", "shown"].map(|name| seen[name].as_u64().unwrap_or(0));
        let since: Vec<u64> =
            now.iter().zip(self.before).map(|(now, before)| now.saturating_sub(before)).collect();
        self.before = now;
        let (matched, shown) = (std::mem::take(&mut self.matched), std::mem::take(&mut self.shown));
        // The collector may have shown us only a part, which then stands for all.
        let all = matched as f64 * (since[1] as f64 / since[2].max(1) as f64).max(1.0);
        let one_of = if shown == 0 { 1.0 } else { (all / shown as f64).round().max(1.0) };
        json!({"passed": since[0], "matched": all.round() as u64, "shown": shown, "one_of": one_of as u64})
    }
}

/// What the page gets of an event.
pub(crate) fn shown(event: &Value) -> Value {
    let mut line = line(&json!({"_source": event}));
    if let Some((end, _)) = line.message.char_indices().nth(MESSAGE) {
        line.message.truncate(end);
        line.message.push('…');
    }
    line.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_a_second_are_sampled_and_it_is_said() {
        let mut tail = Tail::new(0.0);
        tail.second(&json!({"passed": 0, "matched": 0, "shown": 0}));
        let shown = (0..10_000).filter(|n| tail.take(f64::from(*n) / 10.0)).count();
        assert!((250..=300).contains(&shown), "{shown}");
        let second = tail.second(&json!({"passed": 10_000, "matched": 10_000, "shown": 10_000}));
        assert_eq!(
            (&second["matched"], second["one_of"].as_u64().map(|n| (30..=40).contains(&n))),
            (&json!(10_000), Some(true))
        );
    }

    #[test]
    fn what_the_collector_left_out_counts_too() {
        let mut tail = Tail::new(0.0);
        assert!((0..10).all(|_| tail.take(0.0)));
        let second = tail.second(&json!({"passed": 40, "matched": 40, "shown": 10}));
        assert_eq!(second, json!({"passed": 40, "matched": 40, "shown": 10, "one_of": 4}));
        assert_eq!(tail.second(&json!({}))["one_of"], 1, "a second of silence");
    }
}

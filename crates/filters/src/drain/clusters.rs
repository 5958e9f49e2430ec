//! Templates that were learned, found again by a line's words: the tree of He et al. 2017.
//!
//! The tree has a fixed depth: the number of words, then the first of them, then templates. A walk down it is one look-up of the whole
//! way in a table. Memory is bounded: the template that was used longest ago goes for a new one.

use std::{collections::HashMap, sync::Arc};

use super::{
    mask::Words,
    template::{Name, is_any, join},
};

/// Ways that lines of one length have; the next words share a way, so that a first word which always differs does not keep lines apart
/// (Drain3's `max_children`).
pub(super) const WAYS: usize = 100;

/// Words that a line has in common with its template at the least: of two words one that is the same says little.
const SAME: usize = 2;

/// How lines are told apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Words at the beginning that lines of a template share.
    pub(super) firsts: usize,
    /// The share of words that a line has in common with its template at the least, 0 to 1.
    pub(super) similarity: f64,
    /// Templates that are kept.
    pub(super) most: usize,
    pub(super) ways: usize,
}

/// All templates.
#[derive(Debug)]
pub(super) struct Clusters {
    limits: Limits,
    known: HashMap<usize, Vec<Cluster>>,
    learned: Vec<Cluster>,
    /// The learned ones of each way.
    ways: HashMap<Box<str>, Vec<usize>>,
    /// How many ways there are for each number of words.
    ways_of: HashMap<usize, usize>,
    way: String,
    turn: u64,
}

#[derive(Debug)]
struct Cluster {
    tokens: Box<[Box<str>]>,
    name: Arc<Name>,
    way: Box<str>,
    used: u64,
}

impl Clusters {
    /// `known` are templates that are there from the beginning, and never change.
    pub(super) fn new(limits: Limits, known: &[String]) -> Self {
        let mut by_length: HashMap<usize, Vec<Cluster>> = HashMap::new();
        for text in known {
            let cluster = Cluster::new(text.split_whitespace(), "");
            by_length.entry(cluster.tokens.len()).or_default().push(cluster);
        }
        Self {
            limits,
            known: by_length,
            learned: Vec::new(),
            ways: HashMap::new(),
            ways_of: HashMap::new(),
            way: String::new(),
            turn: 0,
        }
    }

    /// The template of a line, made more general so that it is one of its lines.
    pub(super) fn take(&mut self, words: &Words) -> Arc<Name> {
        let mut known = self.known.get(&words.len()).into_iter().flatten();
        if let Some(known) = known.find(|known| known.covers(words)) {
            return known.name.clone();
        }
        self.turn += 1;
        self.find_way(words);
        let nearest = self.ways.get(self.way.as_str()).and_then(|way| self.nearest(way, words));
        match nearest.and_then(|i| self.learned.get_mut(i)) {
            Some(cluster) => {
                cluster.used = self.turn;
                cluster.widen(words);
                cluster.name.clone()
            }
            None => self.learn(words),
        }
    }

    /// The most similar of some templates, if it is similar enough. Among equal ones that with more places for anything, then the oldest.
    fn nearest(&self, way: &[usize], words: &Words) -> Option<usize> {
        let enough = self.limits.similarity * words.len() as f64;
        let mut best: Option<((usize, usize), usize)> = None;
        for i in way {
            let Some(cluster) = self.learned.get(*i) else { continue };
            let rank = cluster.rank(words);
            if rank.0 >= SAME.min(words.len())
                && rank.0 as f64 >= enough
                && best.is_none_or(|(best, _)| rank > best)
            {
                best = Some((rank, *i));
            }
        }
        best.map(|(_, i)| i)
    }

    /// Writes the way of a line into `self.way`.
    fn find_way(&mut self, words: &Words) {
        write_way(&mut self.way, words, self.limits.firsts);
        let full = self.ways_of.get(&words.len()).is_some_and(|ways| *ways >= self.limits.ways);
        if full && !self.ways.contains_key(self.way.as_str()) {
            write_way(&mut self.way, words, 0);
        }
    }

    fn learn(&mut self, words: &Words) -> Arc<Name> {
        let mut cluster = Cluster::new(words.iter(), &self.way);
        cluster.used = self.turn;
        let name = cluster.name.clone();
        let place = if self.learned.len() < self.limits.most {
            self.learned.push(cluster);
            self.learned.len() - 1
        } else {
            let oldest = self.learned.iter().enumerate().min_by_key(|(_, cluster)| cluster.used);
            let place = oldest.map_or(0, |(place, _)| place);
            if let Some(old) = self.learned.get_mut(place).map(|old| std::mem::replace(old, cluster)) {
                self.forget(place, &old);
            }
            place
        };
        if let Some(way) = self.ways.get_mut(self.way.as_str()) {
            way.push(place);
        } else {
            self.ways.insert(self.way.as_str().into(), vec![place]);
            *self.ways_of.entry(words.len()).or_default() += 1;
        }
        name
    }

    fn forget(&mut self, place: usize, old: &Cluster) {
        let Some(way) = self.ways.get_mut(&old.way) else { return };
        way.retain(|i| *i != place);
        if !way.is_empty() {
            return;
        }
        self.ways.remove(&old.way);
        if let Some(ways) = self.ways_of.get_mut(&old.tokens.len()) {
            *ways -= 1;
            if *ways == 0 {
                self.ways_of.remove(&old.tokens.len());
            }
        }
    }
}

/// The number of words and the first of them.
fn write_way(way: &mut String, words: &Words, firsts: usize) {
    way.clear();
    way.push_str(&words.len().to_string());
    for first in words.iter().take(firsts) {
        way.push(' ');
        way.push_str(first);
    }
}

impl Cluster {
    fn new<'t>(tokens: impl Iterator<Item = &'t str> + Clone, way: &str) -> Self {
        let name = Arc::new(Name::of(tokens.clone()));
        Self { tokens: tokens.map(Box::from).collect(), name, way: way.into(), used: 0 }
    }

    /// Words that are the same, and then places for anything that lines have filled.
    fn rank(&self, words: &Words) -> (usize, usize) {
        let (mut same, mut any) = (0, 0);
        for (token, word) in self.tokens.iter().zip(words.iter()) {
            if is_any(token) {
                any += 1;
            } else {
                same += usize::from(**token == *word);
            }
        }
        (same, any)
    }

    fn covers(&self, words: &Words) -> bool {
        self.tokens.iter().zip(words.iter()).all(|(token, word)| join(token, word).is_none())
    }

    fn widen(&mut self, words: &Words) {
        let mut is_wider = false;
        for (token, word) in self.tokens.iter_mut().zip(words.iter()) {
            if let Some(wider) = join(token, word).map(|joined| joined.text()) {
                *token = wider;
                is_wider = true;
            }
        }
        if is_wider {
            self.name = Arc::new(Name::of(self.tokens.iter().map(|token| &**token)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { firsts: 1, similarity: 0.4, most: 100, ways: WAYS };

    fn words(text: &str) -> Words {
        let mut words = Words::default();
        words.read(text, 60);
        words
    }

    fn texts(clusters: &mut Clusters, lines: &[impl AsRef<str>]) -> Vec<String> {
        lines.iter().map(|line| clusters.take(&words(line.as_ref())).text.to_string()).collect()
    }

    #[test]
    fn a_template_becomes_more_general_and_stays_so() {
        let lines = ["user amy could not log in", "user bob could not log in", "user amy could not log in"];
        assert_eq!(
            texts(&mut Clusters::new(LIMITS, &[]), &lines),
            ["user amy could not log in", "user <*> could not log in", "user <*> could not log in"]
        );
    }

    #[test]
    fn known_templates_come_first_and_never_change() {
        let known = ["<*> could not log in".to_owned(), "user <*> is gone".to_owned()];
        let mut clusters = Clusters::new(LIMITS, &known);
        let found =
            texts(&mut clusters, &["amy could not log in", "bob could not log out", "user amy is gone"]);
        assert_eq!(found, ["<*> could not log in", "bob could not log out", "user <*> is gone"]);
        assert_eq!(clusters.learned.len(), 1);
    }

    #[test]
    fn a_first_word_that_always_differs_does_not_keep_lines_apart() {
        let name = |i: u8| format!("{} is here now", char::from(b'a' + i).to_string().repeat(3));
        let lines: Vec<String> = (0..10).map(name).collect();
        let mut clusters = Clusters::new(Limits { ways: 4, ..LIMITS }, &[]);
        let found = texts(&mut clusters, &lines);
        assert_eq!(found[3..6], ["ddd is here now", "eee is here now", "<*> is here now"]);
        assert_eq!(found[9], "<*> is here now");
    }

    #[test]
    fn what_was_used_longest_ago_goes() {
        let mut clusters = Clusters::new(Limits { most: 2, ..LIMITS }, &[]);
        texts(&mut clusters, &["a b c", "a b d", "x", "a b e", "y"]);
        let mut kept: Vec<_> = clusters.learned.iter().map(|c| c.name.text.to_string()).collect();
        kept.sort();
        assert_eq!(kept, ["a b <*>", "y"]);
        // One that was forgotten is learned again, from its first line on.
        assert_eq!(texts(&mut clusters, &["z", "a b c"]), ["z", "a b c"]);
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_templates() {
        let mut clusters = Clusters::new(Limits { most: 50, ..LIMITS }, &[]);
        for i in 0..20_000_u32 {
            // Letters alone, that no mask takes away.
            let name: String = i.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect();
            clusters.take(&words(&format!("{name} {name} {}", "word ".repeat(i as usize % 70))));
        }
        assert_eq!(clusters.learned.len(), 50);
        assert!(clusters.ways.len() <= 50 && clusters.ways_of.len() <= 50);
        assert_eq!(clusters.ways.values().map(Vec::len).sum::<usize>(), 50);
    }

    /// The same without tables: all templates in the order in which they were learned, looked at one after the other.
    struct Twin {
        limits: Limits,
        turn: u64,
        all: Vec<(String, Vec<String>, u64)>,
    }

    impl Twin {
        fn take(&mut self, line: &[&str]) -> String {
            self.turn += 1;
            let way = |n: usize| format!("{}|{}", line.len(), line[..n.min(line.len())].join(" "));
            let mut mine = way(self.limits.firsts);
            let length = format!("{}|", line.len());
            let ways: std::collections::HashSet<&str> = self
                .all
                .iter()
                .map(|(way, ..)| way.as_str())
                .filter(|way| way.starts_with(&length))
                .collect();
            if !ways.contains(mine.as_str()) && ways.len() >= self.limits.ways {
                mine = way(0);
            }
            let general = |token: &str| token == "<*>" || token.ends_with("=<*>");
            let mut best = None;
            for (i, (_, tokens, _)) in self.all.iter().enumerate().filter(|(_, (way, ..))| *way == mine) {
                let same = tokens.iter().zip(line).filter(|(a, b)| a == b && !general(a)).count();
                let any = tokens.iter().filter(|token| general(token)).count();
                let similar =
                    same >= line.len().min(2) && same as f64 >= self.limits.similarity * line.len() as f64;
                if similar && best.is_none_or(|(rank, _)| rank < (same, any)) {
                    best = Some(((same, any), i));
                }
            }
            let i = match best {
                Some((_, i)) => i,
                None => {
                    if self.all.len() == self.limits.most {
                        let oldest = self.all.iter().map(|(.., used)| *used).min().unwrap();
                        self.all.retain(|(.., used)| *used != oldest);
                    }
                    self.all.push((mine, line.iter().map(|word| (*word).to_owned()).collect(), 0));
                    self.all.len() - 1
                }
            };
            let (_, tokens, used) = &mut self.all[i];
            *used = self.turn;
            for (token, word) in tokens.iter_mut().zip(line) {
                if token != word {
                    let name = token.split('=').next().filter(|_| token.contains('=')).unwrap_or("");
                    let named = !name.is_empty() && word.starts_with(&format!("{name}="));
                    *token = if named { format!("{name}=<*>") } else { "<*>".to_owned() };
                }
            }
            tokens.join(" ")
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_dull_twin_finds(
            lines in proptest::collection::vec(
                proptest::collection::vec("(a|b|c|d|e|f|x=a|x=b|y=c)", 1..5), 0..60),
            firsts in 0usize..3, tenths in 1u32..10, most in 1usize..12, ways in 1usize..5,
        ) {
            let limits = Limits { firsts, similarity: f64::from(tenths) / 10.0, most, ways };
            let mut clusters = Clusters::new(limits, &[]);
            let mut again = Clusters::new(limits, &[]);
            let mut twin = Twin { limits, turn: 0, all: Vec::new() };
            for line in &lines {
                let line: Vec<&str> = line.iter().map(String::as_str).collect();
                let words = words(&line.join(" "));
                let found = clusters.take(&words);
                prop_assert_eq!(&*found.text, twin.take(&line));
                prop_assert_eq!(&*found, &*again.take(&words));
            }
        }

        #[test]
        fn lines_of_one_template_end_in_it_in_whatever_order_they_come(
            names in proptest::collection::vec("[a-z]{1,8}", 2..20), seed in any::<u64>(),
        ) {
            let lines: Vec<String> = names.iter().map(|name| format!("user {name} could not log in")).collect();
            let mut other = lines.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut other);
            let last = |lines: &[String]| texts(&mut Clusters::new(LIMITS, &[]), lines).pop();
            prop_assert_eq!(last(&lines), last(&other));
        }
    }
}

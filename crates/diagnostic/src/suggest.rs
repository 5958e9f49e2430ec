//! "did you mean": the nearest known name.

/// The candidate nearest to `word` by edit distance, where it is near enough to be a slip of the finger.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(d, candidate)| *d <= 1 + candidate.len().min(word.len()) / 4)
        // Letters in another order are the likelier slip; the name itself last, so that the answer is always the same.
        .min_by_key(|(d, candidate)| (*d, letters(candidate) != letters(word), *candidate))
        .map(|(_, candidate)| candidate)
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_only() {
        assert_eq!(closest("mach", ["match", "target"]), Some("match"));
        assert_eq!(closest("elasticsaerch", ["elasticsearch", "opensearch"]), Some("elasticsearch"));
        assert_eq!(closest("zzz", ["match", "target"]), None);
    }
}

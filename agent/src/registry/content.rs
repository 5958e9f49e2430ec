//! What the registry's files hold: one snapshot, and a journal of what changed since.
//!
//! A line of the journal is `{"check":"…","of":…,"saved":…,"files":{"7":{…},"8":null}}`: a save, whole or not at all. `check` is the
//! hash of what stands behind it, `of` the one of the snapshot that it goes on from; null is a file that is forgotten. Each line says
//! all of its files, so that one which is damaged costs only itself.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::entry::Entry;

/// Before and behind the 16 digits of a line's hash.
const BEFORE: &[u8] = b"{\"check\":\"";
const BEHIND: &[u8] = b"\",";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) agent_id: String,
    /// Counts up, so that no two files ever had one id.
    pub(super) next_id: u64,
    /// When all files were last looked at, in seconds since 1970: what was written to a file before that was seen.
    #[serde(default)]
    pub(super) saved: i64,
    /// Which snapshot it is; its journal has this number.
    #[serde(default)]
    pub(super) generation: u64,
    pub(super) files: BTreeMap<u64, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Record<'e> {
    of: u64,
    saved: i64,
    files: BTreeMap<u64, Option<Cow<'e, Entry>>>,
}

/// What a journal was found to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Lines that hold no save.
    pub(super) damaged: u64,
    /// Lines that go on from another snapshot.
    pub(super) foreign: u64,
    /// The last line has no end: its save was under way.
    pub(super) torn: bool,
}

impl Content {
    /// A snapshot.
    pub(super) fn to_snapshot(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn from_snapshot(bytes: &[u8]) -> serde_json::Result<Self> {
        let mut content: Self = serde_json::from_slice(bytes)?;
        content.count_ids();
        Ok(content)
    }

    /// A line of the journal of the snapshot with this hash: these files as they are now.
    pub(super) fn to_line(&self, of: u64, changed: &BTreeSet<u64>) -> serde_json::Result<Vec<u8>> {
        let files = changed.iter().map(|id| (*id, self.files.get(id).map(Cow::Borrowed))).collect();
        let record = serde_json::to_vec(&Record { of, saved: self.saved, files })?;
        // Behind its opening brace.
        let rest = record.get(1..).unwrap_or_default();
        let check = format!("{:016x}", xxh3_64(rest));
        Ok([BEFORE, check.as_bytes(), BEHIND, rest, b"\n"].concat())
    }

    /// Takes over what a journal holds, in its order.
    pub(super) fn replay(&mut self, of: u64, journal: &[u8]) -> Found {
        let mut found = Found::default();
        for line in journal.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else {
                found.torn = true;
                break;
            };
            match record(line) {
                None => found.damaged += 1,
                Some(record) if record.of != of => {
                    // Somebody has put another registry in place. Its offsets count, but an id is never given twice.
                    found.foreign += 1;
                    self.use_up(record.files.keys().next_back());
                }
                Some(record) => self.apply(record),
            }
        }
        found
    }

    fn apply(&mut self, record: Record<'_>) {
        self.saved = record.saved;
        self.use_up(record.files.keys().next_back());
        for (id, entry) in record.files {
            match entry {
                Some(entry) => drop(self.files.insert(id, entry.into_owned())),
                None => drop(self.files.remove(&id)),
            }
        }
    }

    fn count_ids(&mut self) {
        let last = self.files.keys().next_back().copied();
        self.use_up(last.as_ref());
    }

    fn use_up(&mut self, id: Option<&u64>) {
        self.next_id = self.next_id.max(id.map_or(0, |id| id.saturating_add(1)));
    }
}

fn record(line: &[u8]) -> Option<Record<'static>> {
    let line = line.strip_prefix(BEFORE)?;
    let (check, rest) = line.split_at_checked(16)?;
    let rest = rest.strip_prefix(BEHIND)?;
    if check != format!("{:016x}", xxh3_64(rest)).as_bytes() {
        return None;
    }
    serde_json::from_slice(&[b"{", rest].concat()).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{marker::Position, tail::Inode};

    fn content(ids: &[u64]) -> Content {
        let mut content = Content { agent_id: "a".to_owned(), saved: 5, ..Content::default() };
        for id in ids {
            let key = Inode { device: 1, inode: *id };
            content.files.insert(*id, Entry::new(Path::new("/a"), key, Position::default()));
        }
        content.count_ids();
        content
    }

    /// What becomes of an empty registry, by its ids and the next one.
    fn check(journal: &[u8]) -> (Vec<u64>, u64, Found) {
        let mut empty = Content::default();
        let found = empty.replay(9, journal);
        (empty.files.into_keys().collect(), empty.next_id, found)
    }

    fn lines() -> [Vec<u8>; 3] {
        let line = |ids: &[u64], changed: &[u64]| {
            content(ids).to_line(9, &changed.iter().copied().collect()).unwrap()
        };
        [line(&[1, 2], &[1, 2]), line(&[2, 3], &[1, 3]), line(&[], &[7])]
    }

    #[test]
    fn a_line_for_people() {
        insta::assert_snapshot!(String::from_utf8(lines()[1].clone()).unwrap(), @r#"{"check":"293915694f5b1f08","of":9,"saved":5,"files":{"1":null,"3":{"path":"/a","device":1,"inode":3,"prefix_len":0,"prefix_hash":0,"offset":0,"marker":{"len":0,"hash":0}}}}"#);
        for line in lines() {
            serde_json::from_slice::<serde_json::Value>(&line).unwrap();
        }
    }

    #[test]
    fn each_line_counts_alone() {
        let [a, b, c] = lines();
        let fine = Found::default();
        assert_eq!(check(b""), (vec![], 0, fine));
        assert_eq!(check(&[a.clone(), b.clone(), c.clone()].concat()), (vec![2, 3], 8, fine));
        for at in 0..b.len() - 1 {
            let mut damaged = b.clone();
            damaged[at] ^= 1;
            let (ids, next, found) = check(&[a.clone(), damaged, c.clone()].concat());
            assert_eq!((ids, next), (vec![1, 2], 8), "{at}");
            assert!(found.damaged > 0 && !found.torn, "{at}");
        }
        for len in 1..b.len() {
            let (ids, next, found) = check(&[&a[..], &b[..len]].concat());
            assert_eq!((ids, next, found), (vec![1, 2], 3, Found { torn: true, ..fine }), "{len}");
        }
    }

    #[test]
    fn ids_of_another_snapshots_journal_are_not_given_again() {
        let foreign = content(&[1, 2]).to_line(8, &BTreeSet::from([1, 2])).unwrap();
        assert_eq!(check(&foreign), (vec![], 3, Found { foreign: 1, ..Found::default() }));
    }

    #[test]
    fn a_snapshot_of_before_there_were_journals() {
        let old = br#"{"agent_id":"a","next_id":2,"files":{"1":{"path":"/a","device":1,"inode":1,"prefix_len":0,"prefix_hash":0,"offset":0}}}"#;
        let mut expect = content(&[1]);
        expect.saved = 0;
        assert_eq!(Content::from_snapshot(old).unwrap(), expect);
    }
}

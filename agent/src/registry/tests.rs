//! The registry as the agent sees it.

use super::*;

/// A file of this text.
struct Text<'t>(&'t [u8]);

impl Bytes for Text<'_> {
    fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        let found = self.0.get(offset as usize..).and_then(|rest| rest.get(..buffer.len()));
        found.inspect(|found| buffer.copy_from_slice(found)).is_some()
    }
}

const KEY: Inode = Inode { device: 1, inode: 5 };

#[test]
fn survives_and_keeps_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut registry = Registry::open(dir.path(), "one").unwrap();
    let text = b"the first line\nthe second line\nthe third";
    let id = registry.add(Entry::new(Path::new("/a"), KEY, Position::default()));
    registry.seen(id, Path::new("/a"), Prefix::of(&mut Text(text), 20));
    registry.acknowledge(id, Position::behind(31, &text[..31]));
    registry.acknowledge(id, Position::behind(15, &text[..15]));
    registry.looked(5);
    registry.save().unwrap();
    let agent = registry.agent_id().to_owned();
    drop(registry);
    let registry = Registry::open(dir.path(), "two").unwrap();
    assert_eq!(registry.agent_id(), agent);
    assert_eq!(registry.saved(), 5);
    let find = |text: &[u8]| {
        registry.find(KEY, Path::new("/a"), &mut Text(text), text.len() as u64).map(|(id, e)| (id, e.offset))
    };
    assert_eq!(find(text), Some((id, 31)));
    assert_eq!(find(b"The first line\nthe second line\nthe third"), None, "other first bytes: another file");
    assert_eq!(find(&text[..30]), None, "shorter than what was read: cut");
    assert_eq!(find(b"the first line\nthe second LINE\nthe third"), None, "written anew past the offset");
    let copied =
        |place: &str| registry.copied(|path| path == Path::new(place), &mut Text(text), 40).map(|(id, _)| id);
    assert_eq!((copied("/a"), copied("/b")), (Some(id), None));
}

#[test]
fn a_file_that_is_gone_is_remembered_for_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut registry = Registry::open(dir.path(), "one").unwrap();
    let id = registry.add(Entry::new(Path::new("/a"), KEY, Position::default()));
    registry.gone(id, 100);
    registry.gone(id, 200);
    registry.forget_gone(100 + REMEMBERED_SECONDS);
    assert!(registry.entry(id).is_some());
    registry.forget_gone(101 + REMEMBERED_SECONDS);
    assert!(registry.entry(id).is_none() && registry.by_inode.is_empty());
}

#[test]
fn one_agent_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Registry::open(dir.path(), "one").unwrap();
    assert!(matches!(Registry::open(dir.path(), "two"), Err(AgentError::Locked { .. })));
}

#[test]
fn a_broken_registry_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("registry.json"), "{").unwrap();
    Registry::open(dir.path(), "one").unwrap();
    assert!(dir.path().join("registry.json.broken").exists());
}

#[test]
fn a_large_registry_is_saved_by_its_changes_and_seen_from_outside() {
    let dir = tempfile::tempdir().unwrap();
    let mut registry = Registry::open(dir.path(), "one").unwrap();
    let ids: Vec<_> = (0..200)
        .map(|inode| {
            registry.add(Entry::new(
                Path::new("/var/log/a.log"),
                Inode { device: 1, inode },
                Position::default(),
            ))
        })
        .collect();
    registry.save().unwrap();
    let snapshot = || std::fs::read(dir.path().join("registry.json")).unwrap();
    let before = snapshot();
    registry.acknowledge(ids[7], Position { offset: 70, ..Position::default() });
    registry.forget(ids[8]);
    registry.save().unwrap();
    assert_eq!(snapshot(), before);
    let (agent, peeked) = Registry::peek(dir.path()).unwrap();
    assert_eq!((agent.as_str(), &peeked), (registry.agent_id(), &registry.entries()));
    assert_eq!((peeked.len(), peeked[7].1.offset), (199, 70));
    drop(registry);
    let mut registry = Registry::open(dir.path(), "two").unwrap();
    assert_eq!(registry.entries(), peeked);
    let id = registry.add(Entry::new(Path::new("/b"), KEY, Position::default()));
    assert_eq!(id, FileId(200));
}

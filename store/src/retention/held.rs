//! The indexes of a store as policies judge them: which of them are written to, and which were.

use super::decide::{Held, Target};
use super::names::stream_of;
use crate::aliases::Aliases;
use crate::index::Index;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An alias or data stream: its indexes in the order in which they were made, and the one that is written to.
struct Group {
    target: Target,
    members: Vec<(i64, String)>,
    write: Option<String>,
}

/// All indexes.
pub(super) fn held(indexes: &[Arc<Index>], aliases: &Aliases) -> Vec<Held> {
    let groups = groups(indexes, aliases);
    let one = |index: &Arc<Index>| {
        let mut writes = Vec::new();
        let mut rolled = None;
        for group in groups.iter().filter(|group| group.members.iter().any(|(_, name)| *name == index.name)) {
            if group.write.as_ref() == Some(&index.name) {
                writes.push(group.target.clone());
            } else if group.write.is_some() {
                let own = (index.created, index.name.as_str());
                let next = group.members.iter().find(|(at, name)| (*at, name.as_str()) > own);
                rolled = rolled.max(next.map(|(at, _)| *at));
            }
        }
        let (docs, bytes) = index.snapshot().map_or((0, 0), |snapshot| (snapshot.count(), snapshot.bytes()));
        Held {
            name: index.name.clone(),
            uuid: index.uuid,
            known_as: stream_of(&index.name).map_or(index.name.as_str(), |(stream, _)| stream).to_owned(),
            created: index.created,
            docs,
            bytes,
            alias: alias_of(&index.settings),
            rolled: rolled.filter(|_| writes.is_empty()),
            writes,
        }
    };
    indexes.iter().map(one).collect()
}

fn groups(indexes: &[Arc<Index>], aliases: &Aliases) -> Vec<Group> {
    let by_name: BTreeMap<&str, &Arc<Index>> =
        indexes.iter().map(|index| (index.name.as_str(), index)).collect();
    let mut names: Vec<String> = aliases.names().cloned().collect();
    // Data streams of one index are no aliases yet.
    names.extend(indexes.iter().filter(|index| index.data_stream).map(|index| index.name.clone()));
    names.retain(|name| stream_of(name).is_none());
    names.sort();
    names.dedup();
    let mut groups = Vec::new();
    for name in names {
        let behind = aliases.of(&name).filter_map(|(index, _)| by_name.get(index.as_str()));
        let first = by_name.get(name.as_str()).filter(|index| index.data_stream);
        let mut members: Vec<(i64, String)> =
            behind.chain(first).map(|index| (index.created, index.name.clone())).collect();
        members.sort();
        let never = |index: &str| {
            let options = aliases.of(&name).find(|(other, _)| *other == index).map(|(_, options)| options);
            options.and_then(|options| options.get("is_write_index")) == Some(&Value::Bool(false))
        };
        let behind = aliases.write_index(&name).and_then(Result::ok).filter(|index| !never(index));
        let write = behind.map(str::to_owned).or_else(|| first.map(|index| index.name.clone()));
        let is_stream =
            members.iter().any(|(_, index)| by_name.get(index.as_str()).is_some_and(|i| i.data_stream));
        groups.push(Group { target: Target { name, is_stream }, members, write });
    }
    groups
}

/// `plugins.index_state_management.rollover_alias` of an index's settings, however they are nested.
fn alias_of(settings: &Value) -> Option<String> {
    fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
        if path.is_empty() {
            return Some(value);
        }
        let map = value.as_object()?;
        map.iter().find_map(|(key, value)| {
            let rest = path.strip_prefix(key.as_str())?;
            find(value, rest.strip_prefix('.').or(Some(rest).filter(|rest| rest.is_empty()))?)
        })
    }
    let paths = ["plugins", "opendistro"].map(|root| format!("{root}.index_state_management.rollover_alias"));
    let mut all = paths.iter().flat_map(|path| [path.clone(), format!("index.{path}")]);
    all.find_map(|path| find(settings, &path)?.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_alias_is_found_however_the_settings_are_nested() {
        for settings in [
            json!({"plugins.index_state_management.rollover_alias": "a"}),
            json!({"index": {"plugins": {"index_state_management.rollover_alias": "a"}}}),
            json!({"index.opendistro": {"index_state_management": {"rollover_alias": "a"}}}),
        ] {
            assert_eq!(alias_of(&settings).as_deref(), Some("a"), "{settings}");
        }
        for settings in [json!({}), json!(null), json!({"plugins": "a"}), json!({"plugin": {}})] {
            assert_eq!(alias_of(&settings), None);
        }
    }
}

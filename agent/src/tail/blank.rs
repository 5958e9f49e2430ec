//! Files that were empty when they came: of their first bytes nothing is on disk yet. Should the agent be killed and such a file be renamed
//! meanwhile, nobody could tell that it is the same one, as its inode may be any other's by then. So its lines are not read before its
//! first bytes are on disk; with a full disk it waits like a new file.

use tracing::warn;

use super::{Inode, Work};

impl Work {
    /// Whether a file may be read. One that has to wait is found again by the next look at all files.
    pub(super) fn is_known(&mut self, key: Inode) -> bool {
        let waits = |file: &mut super::Harvester| file.blank && file.first_bytes().len > 0;
        // Where it is empty still, there is nothing to wait for.
        if !self.files.get_mut(&key).is_some_and(waits) {
            return true;
        }
        // One save for all that have something to read: thousands may have come at once.
        let registry = self.tail.registry.clone();
        let mut registry = registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let blank = |file: &&mut super::Harvester| file.blank && (file.ready || file.key == key);
        for file in self.files.values_mut().filter(blank) {
            let prefix = file.first_bytes();
            registry.seen(file.id, &file.path, prefix);
        }
        let saved = registry.save();
        for file in self.files.values_mut().filter(blank) {
            file.blank = registry.is_blank(file.id);
        }
        drop(registry);
        let Err(error) = saved else { return true };
        if self.files.get_mut(&key).is_some_and(|file| file.is_deleted()) {
            // Nobody finds it again: better twice than never.
            return true;
        }
        if !std::mem::replace(&mut self.told_unsaved, true) {
            warn!(%error, "the registry cannot be written: files that were empty wait");
        }
        self.remove(key);
        false
    }
}

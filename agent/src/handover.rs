//! What one tail leaves to the next when settings change.

use crate::tail::Harvester;

/// Open files: one that was deleted can be found no other way.
#[derive(Default)]
pub(crate) struct Handover {
    pub(crate) files: Vec<Harvester>,
}

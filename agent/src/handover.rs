//! What one tail leaves to the next when settings change.

/// Nothing yet: the next one finds its files again by the registry.
#[derive(Debug, Default)]
pub(crate) struct Handover {}

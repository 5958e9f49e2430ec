//! What became of each record.

/// Counted since the spool was opened. Of records this always holds:
///
/// `found + appended = acknowledged + dropped + lost + pending`
///
/// `lost` grows when a reader comes to the place, so that opening does not have to read everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records that were in the folder when it was opened, as far as the numbers tell.
    pub found: u64,
    /// Records appended, without those that were taken back.
    pub appended: u64,
    /// Records taken back because a sync failed.
    pub taken_back: u64,
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Records not acknowledged that went with an oldest segment.
    pub dropped: u64,
    /// Records that damage has destroyed.
    pub lost: u64,
    /// Records that are still to be acknowledged, appended but not synced ones too.
    pub pending: u64,
    /// Bytes in the folder, as the cap counts them.
    pub bytes: u64,
    /// Bytes of an unfinished write that were cut off when the spool was opened.
    pub torn_bytes: u64,
    /// Bytes that were skipped between whole records.
    pub damaged_bytes: u64,
    /// Segments that could not be read and were set aside.
    pub segments_set_aside: u64,
    /// Whether the position could not be read: everything in the folder is given once more.
    pub position_lost: bool,
}

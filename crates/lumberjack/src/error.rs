//! What can be wrong with a stream.

/// A stream that does not follow the protocol, or asks for more than its limits. The connection cannot be resumed:
/// frames have no marks to find the next one by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first byte of a frame is neither `1` nor `2`.
    #[error("protocol version {0:#04x} is not Lumberjack's; is the sender speaking TLS or another protocol?")]
    Version(u8),
    /// The second byte is no frame type, or one that does not belong here.
    #[error("frame type {0:#04x} is not expected here")]
    FrameType(u8),
    /// A data frame without a window, or after the last of its window.
    #[error("a data frame outside of its window")]
    OutsideWindow,
    /// A new window before the last one was complete.
    #[error("a new window after {got} of {want} events of the last one")]
    WindowCutShort {
        /// Frames that came.
        got: usize,
        /// Frames that were announced.
        want: usize,
    },
    /// A length or count over its limit.
    #[error("{what} of {size} is over the limit of {limit}")]
    TooLarge {
        /// What it is the size of.
        what: &'static str,
        /// What the sender says.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Records that are none.
    #[error("byte {at} of the records is not where one is")]
    Record {
        /// Where it should begin.
        at: usize,
    },
    /// A compressed frame that does not inflate, or holds half a frame.
    #[error("a compressed frame is broken: {0}")]
    Compressed(String),
}

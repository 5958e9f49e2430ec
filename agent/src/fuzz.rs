//! What the fuzzer needs of the private rooms.

use crate::batch::Batch;

/// Any bytes are a batch, which then is the same after it is written and read again, or an error.
///
/// # Panics
/// They are not.
pub fn batch(bytes: &[u8]) {
    if let Ok(batch) = Batch::from_bytes(bytes) {
        assert_eq!(Batch::from_bytes(&batch.to_bytes()).as_ref(), Ok(&batch));
    }
}

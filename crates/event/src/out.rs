//! The end of a buffer, written in blocks.

/// Writes behind what a buffer holds. There is always some room, so that a block of bytes is stored at once however many of them are
/// wanted: the next write begins where those end. The buffer has its true length again when this is dropped.
pub(crate) struct Out<'v> {
    bytes: &'v mut Vec<u8>,
    /// What is written ends here; zeros, or bytes of no meaning, are behind it.
    at: usize,
}

/// So much is made at once when there is no room: cleared memory costs little, and asking for it more often costs more.
const STEP: usize = 2048;

impl<'v> Out<'v> {
    /// With room for `expected` bytes.
    #[inline]
    pub(crate) fn new(bytes: &'v mut Vec<u8>, expected: usize) -> Self {
        let at = bytes.len();
        bytes.resize(at + expected, 0);
        Self { bytes, at }
    }

    /// Where the next byte goes.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next `N` bytes; [`advance`](Self::advance) says how many of them are meant.
    #[inline]
    pub(crate) fn room<const N: usize>(&mut self) -> &mut [u8; N] {
        if self.bytes.len() < self.at + N {
            self.grow(N);
        }
        match self.bytes.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut()) {
            Some(room) => room,
            // There are as many: made two lines above, where there were not.
            None => unreachable!(),
        }
    }

    /// So many bytes of the room are written.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        *self.room() = [byte];
        self.at += 1;
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.bytes.len() < self.at + bytes.len() {
            self.grow(bytes.len());
        }
        if let Some(room) = self.bytes.get_mut(self.at..self.at + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    /// The bytes `from..to` that were written before, once more.
    pub(crate) fn again(&mut self, from: usize, to: usize) {
        if self.bytes.len() < self.at + (to - from) {
            self.grow(to - from);
        }
        self.bytes.copy_within(from..to, self.at);
        self.at += to - from;
    }

    /// Writes a byte over one that was written before.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }

    #[cold]
    fn grow(&mut self, wanted: usize) {
        self.bytes.resize(self.at + wanted + STEP, 0);
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.at);
    }
}

//! Where a MessagePack value ends, found without reading it, so that a value that comes in many pieces is gone through once.

use rmp::Marker;

/// How far a value was followed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Length {
    at: usize,
    /// Values that are still to come, less one.
    more: u64,
}

/// No value begins so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoValue;

impl Length {
    /// How far it was followed.
    pub(super) fn at(self) -> usize {
        self.at
    }

    /// The length of the value that `bytes` begin with; `None` while it is not all there. Asked again, `bytes` go on from
    /// where they were.
    pub(super) fn of(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoValue> {
        loop {
            let Some((marker, rest)) = bytes.get(self.at..).and_then(<[u8]>::split_first) else {
                return Ok(None);
            };
            // What follows the marker: bytes of a length, bytes besides, values for each unit of the length.
            let (width, besides, values) = match Marker::from_u8(*marker) {
                Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                    (0, 0, 0)
                }
                Marker::U8 | Marker::I8 => (0, 1, 0),
                Marker::U16 | Marker::I16 => (0, 2, 0),
                Marker::U32 | Marker::I32 | Marker::F32 => (0, 4, 0),
                Marker::U64 | Marker::I64 | Marker::F64 => (0, 8, 0),
                Marker::FixStr(len) => (0, usize::from(len), 0),
                Marker::FixArray(len) => (0, 0, u64::from(len)),
                Marker::FixMap(len) => (0, 0, 2 * u64::from(len)),
                Marker::Str8 | Marker::Bin8 => (1, 0, 0),
                Marker::Str16 | Marker::Bin16 => (2, 0, 0),
                Marker::Str32 | Marker::Bin32 => (4, 0, 0),
                Marker::Array16 => (2, 0, 1),
                Marker::Array32 => (4, 0, 1),
                Marker::Map16 => (2, 0, 2),
                Marker::Map32 => (4, 0, 2),
                Marker::FixExt1 => (0, 2, 0),
                Marker::FixExt2 => (0, 3, 0),
                Marker::FixExt4 => (0, 5, 0),
                Marker::FixExt8 => (0, 9, 0),
                Marker::FixExt16 => (0, 17, 0),
                Marker::Ext8 => (1, 1, 0),
                Marker::Ext16 => (2, 1, 0),
                Marker::Ext32 => (4, 1, 0),
                Marker::Reserved => return Err(NoValue),
            };
            let Some(number) = rest.get(..width) else { return Ok(None) };
            let number = number.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            let (body, children) = match (width, values) {
                (0, children) => (besides, children),
                (_, 0) => (besides + number as usize, 0),
                (_, each) => (besides, each * number),
            };
            if rest.len() < width + body {
                return Ok(None);
            }
            self.at += 1 + width + body;
            self.more += children;
            match self.more.checked_sub(1) {
                Some(more) => self.more = more,
                None => return Ok(Some(self.at)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The library that reads values ends where this does, or finds fault with them.
        #[test]
        fn as_long_as_the_library_says(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..0x84, 0x90_u8..0x94, 0xc0_u8..0xe0, Just(0)], 0..40)) {
            let mut rest = &bytes[..];
            let read = rmpv::decode::read_value(&mut rest);
            let length = Length::default().of(&bytes);
            // It reads the one that is reserved as nil.
            if read.is_ok() && length.is_ok() {
                prop_assert_eq!(length, Ok(Some(bytes.len() - rest.len())));
            }
            let mut steps = Length::default();
            let by_steps = (0..=bytes.len()).find_map(|end| steps.of(&bytes[..end]).transpose());
            prop_assert_eq!(by_steps.transpose(), length);
        }
    }
}

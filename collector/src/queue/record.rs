//! Batches as bytes: a version, then each event as the length of its JSON in 32 bits, the lowest first, and the JSON with its
//! `@metadata`.

use std::sync::LazyLock;

use alces_event::{Event, FieldRef, Timestamp};

/// The first byte of a record.
const VERSION: u8 = 1;

/// A record is closed when it has so many bytes; a batch may become several.
const RECORD_BYTES: usize = 1 << 20;

/// The same where a batch is to become one.
const WHOLE_BYTES: usize = 16 << 20;

/// An event whose JSON is longer is in no record: the spool takes 64 MiB.
const EVENT_BYTES: usize = 48 << 20;

/// What identifies a line that a shipper sent: with it the output makes an id.
static OFFSET: LazyLock<FieldRef> =
    LazyLock::new(|| FieldRef::parse("[log][offset]").unwrap_or_else(|_| FieldRef::field("log")));
static ID: LazyLock<FieldRef> = LazyLock::new(|| FieldRef::metadata("_id"));

/// Some events as a record.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) events: u64,
}

/// An event that no record can hold.
#[derive(Debug)]
pub(super) struct TooLarge {
    pub(super) document: Vec<u8>,
    pub(super) metadata: Vec<u8>,
}

/// Makes records, and ids for events that have none: what is delivered once more after a crash is the same event then.
pub(super) struct Encoder {
    /// Another for each process.
    origin: u64,
    number: u64,
    most: usize,
    record: usize,
    too_large: Vec<TooLarge>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            origin: fastrand::u64(..),
            number: 0,
            most: EVENT_BYTES,
            record: RECORD_BYTES,
            too_large: Vec::new(),
        }
    }
}

impl Encoder {
    /// One that makes a single record of a batch, but for one that is unusually large.
    pub(super) fn of_wholes() -> Self {
        Self { record: WHOLE_BYTES, ..Self::default() }
    }

    /// Appends records of events; answers how many bytes they have.
    pub(super) fn encode(
        &mut self,
        events: impl Iterator<Item = Event>,
        records: &mut Vec<Encoded>,
    ) -> usize {
        let mut total = 0;
        let mut bytes = vec![VERSION];
        let mut count = 0;
        for mut event in events {
            if event.get(&ID).is_none() && event.get(&OFFSET).is_none() {
                self.number += 1;
                event.set(&ID, format!("{:016x}-{:x}", self.origin, self.number));
            }
            let start = bytes.len();
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(b"{\"@metadata\":");
            event.metadata().write_json(&mut bytes);
            // There is always a member: `@timestamp`.
            bytes.push(b',');
            event.write_members(&mut bytes, None);
            bytes.push(b'}');
            if bytes.len() - start > self.most {
                bytes.truncate(start);
                self.set_aside(&event);
                continue;
            }
            let len = (bytes.len() - start - 4) as u32;
            if let Some(place) = bytes.get_mut(start..start + 4) {
                place.copy_from_slice(&len.to_le_bytes());
            }
            count += 1;
            if bytes.len() >= self.record {
                total += bytes.len();
                records.push(Encoded { bytes: std::mem::replace(&mut bytes, vec![VERSION]), events: count });
                count = 0;
            }
        }
        if count > 0 {
            total += bytes.len();
            records.push(Encoded { bytes, events: count });
        }
        total
    }

    fn set_aside(&mut self, event: &Event) {
        let (mut document, mut metadata) = (Vec::new(), Vec::new());
        event.write_json(&mut document);
        event.metadata().write_json(&mut metadata);
        self.too_large.push(TooLarge { document, metadata });
    }

    /// The events since the last call that are in no record.
    pub(super) fn too_large(&mut self) -> Vec<TooLarge> {
        std::mem::take(&mut self.too_large)
    }

    /// For a test that has no 48 MiB to spare.
    #[cfg(test)]
    pub(super) fn for_events_of(most: usize) -> Self {
        Self { most, ..Self::default() }
    }
}

/// What stands in a record.
#[derive(Default)]
pub(super) struct Decoded<'b> {
    /// Events with their places in it.
    pub(super) events: Vec<(usize, Event)>,
    /// The bytes of those that could not be read, with theirs.
    pub(super) broken: Vec<(usize, &'b [u8])>,
}

/// The events of a record. We wrote them, so that each can be read; where one cannot, the others can.
pub(super) fn decode(bytes: &[u8], now: Timestamp) -> Decoded<'_> {
    let mut found = Decoded::default();
    let Some((&VERSION, mut rest)) = bytes.split_first() else {
        found.broken.push((0, bytes));
        return found;
    };
    let mut place = 0;
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let Some((text, after)) = after.split_at_checked(u32::from_le_bytes(*len) as usize) else { break };
        rest = after;
        match Event::from_own_json(text, now) {
            Ok(event) => found.events.push((place, event)),
            Err(_) => found.broken.push((place, text)),
        }
        place += 1;
    }
    if !rest.is_empty() {
        // One that was cut.
        found.broken.push((place, rest));
    }
    found
}

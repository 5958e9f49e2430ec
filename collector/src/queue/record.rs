//! Batches as bytes: a version, then each event as the length of its JSON in 32 bits, the lowest first, and the JSON with its
//! `@metadata`.

use std::{ops::Range, sync::LazyLock};

use alces_event::{Event, FieldRef, Timestamp};

use crate::{output::Fates, share::Share};

/// The first byte of a record.
const VERSION: u8 = 1;

/// A record is closed when it has so many bytes; a batch may become several.
const RECORD_BYTES: usize = 1 << 20;

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
    /// In an output's queue: on whose account they are.
    pub(super) share: Option<Share>,
}

/// An event that no record can hold.
#[derive(Debug)]
pub(super) struct TooLarge {
    pub(super) document: Vec<u8>,
    pub(super) metadata: Vec<u8>,
    /// In an output's queue: on whose account it is.
    pub(super) share: Option<Share>,
}

/// Makes records, and ids for events that have none: what is delivered once more after a crash is the same event then.
pub(super) struct Encoder {
    /// Another for each process.
    origin: u64,
    number: u64,
    most: usize,
    too_large: Vec<TooLarge>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { origin: fastrand::u64(..), number: 0, most: EVENT_BYTES, too_large: Vec::new() }
    }
}

impl Encoder {
    /// Appends records of events; answers how many bytes they have.
    pub(super) fn encode(
        &mut self,
        events: impl Iterator<Item = Event>,
        share: Option<Share>,
        records: &mut Vec<Encoded>,
    ) -> usize {
        let mut open = Open { bytes: vec![VERSION], places: 0..0, share, total: 0 };
        for mut event in events {
            if event.get(&ID).is_none() && event.get(&OFFSET).is_none() {
                self.number += 1;
                event.set(&ID, format!("{:016x}-{:x}", self.origin, self.number));
            }
            let bytes = &mut open.bytes;
            let start = bytes.len();
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(b"{\"@metadata\":");
            event.metadata().write_json(bytes);
            // There is always a member: `@timestamp`.
            bytes.push(b',');
            event.write_members(bytes, None);
            bytes.push(b'}');
            if bytes.len() - start > self.most {
                bytes.truncate(start);
                let share = open.leave_out(records);
                self.set_aside(&event, share);
                continue;
            }
            let len = (bytes.len() - start - 4) as u32;
            if let Some(place) = bytes.get_mut(start..start + 4) {
                place.copy_from_slice(&len.to_le_bytes());
            }
            open.places.end += 1;
            if open.bytes.len() >= RECORD_BYTES {
                open.close(records);
            }
        }
        open.close(records);
        if let Some(whole) = open.share {
            // Its parts are waited for in its place.
            whole.tell(Fates::default());
        }
        open.total
    }

    fn set_aside(&mut self, event: &Event, share: Option<Share>) {
        let (mut document, mut metadata) = (Vec::new(), Vec::new());
        event.write_json(&mut document);
        event.metadata().write_json(&mut metadata);
        self.too_large.push(TooLarge { document, metadata, share });
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

/// A record that is being written.
struct Open {
    bytes: Vec<u8>,
    /// Where its events stand in the batch.
    places: Range<usize>,
    /// The whole batch's.
    share: Option<Share>,
    /// Bytes of the records before it.
    total: usize,
}

impl Open {
    /// Begins another behind this one, where it holds anything.
    fn close(&mut self, records: &mut Vec<Encoded>) {
        if self.places.is_empty() {
            return;
        }
        let end = self.places.end;
        let places = std::mem::replace(&mut self.places, end..end);
        let bytes = std::mem::replace(&mut self.bytes, vec![VERSION]);
        self.total += bytes.len();
        let events = places.len() as u64;
        records.push(Encoded { bytes, events, share: self.share.as_ref().map(|share| share.part(places)) });
    }

    /// The next event is in no record: its share. The places of a record's events follow one another.
    fn leave_out(&mut self, records: &mut Vec<Encoded>) -> Option<Share> {
        let place = self.places.end;
        let share = self.share.as_ref()?.part(place..place + 1);
        self.close(records);
        self.places = place + 1..place + 1;
        Some(share)
    }
}

/// The events of a record, and how many could not be read.
pub(super) fn decode(bytes: &[u8], now: Timestamp) -> (Vec<Event>, u64) {
    let (mut events, mut broken) = (Vec::new(), 0);
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return (events, 1) };
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let Some((text, after)) = after.split_at_checked(u32::from_le_bytes(*len) as usize) else { break };
        rest = after;
        match Event::from_json(text, now) {
            Ok((event, _)) => events.push(event),
            Err(_) => broken += 1,
        }
    }
    // What stands behind the last whole event is one that was cut.
    (events, broken + u64::from(!rest.is_empty()))
}

//! What senders write: lines that are good, and some that no engine of this kind ever takes.

use serde_json::{Value, json};

use crate::{
    book::MAX_LINE,
    engine::MAX_BODY,
    senders::{Sender, Way},
    world::World,
};

/// What becomes of a line, at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Indexed,
    /// It does not fit the mapping: refused with 400.
    Unfit,
    /// It is longer than a request may be: refused with 413.
    TooLong,
    /// Its id is longer than ids may be: a request with it is refused as a whole.
    LongId,
}

impl Fate {
    const ALL: [Self; 4] = [Self::Indexed, Self::Unfit, Self::TooLong, Self::LongId];

    /// By the generation of the book that it is.
    pub(crate) fn of(generation: u32) -> Self {
        Self::ALL[generation as usize]
    }

    /// What the dead letter says of it: the status, and a part of the reason.
    pub(crate) fn reason(self) -> Option<(u64, &'static str)> {
        match self {
            Self::Indexed => None,
            Self::Unfit => Some((400, "mapper_parsing_exception: failed to parse field [number]")),
            Self::TooLong => Some((413, "larger than a request may be")),
            Self::LongId => Some((400, "its id is longer than 512 bytes")),
        }
    }
}

/// A line on its way.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// Without what each way adds.
    pub(crate) document: Value,
}

impl Line {
    /// What there can be, into a new book.
    pub(crate) fn open(world: &World) {
        let mut book = world.book();
        for fate in Fate::ALL {
            book.generation(format!("{fate:?}"));
        }
    }

    /// A new line of a sender.
    pub(crate) fn new(world: &World, sender: &Sender, rng: &mut fastrand::Rng) -> Self {
        let fate = match rng.u16(0..2000) {
            0 if sender.long => Fate::TooLong,
            1..40 => Fate::Unfit,
            // What other senders give as an id is left out where it is too long.
            40 if sender.way == Way::Http => Fate::LongId,
            _ => Fate::Indexed,
        };
        let more = match fate {
            Fate::TooLong => "long ".repeat(MAX_BODY / 5),
            _ => "0123456789 größer ".repeat(rng.usize(1..12)),
        };
        let (number, text) = world.book().line(fate as u32, &more);
        let id = if fate == Fate::LongId { "x".repeat(520) } else { String::new() };
        let value = if fate == Fate::Unfit { json!("no number") } else { json!(number) };
        let document = json!({
            "@timestamp": "2026-01-02T03:04:05.678Z", "message": text, "sender": sender.name, "number": value,
        });
        Self { id: format!("{}-{number}{id}", sender.name), document }
    }

    /// For people.
    pub(crate) fn kind_of(document: &Value) -> &str {
        document["sender"].as_str().unwrap_or("?")
    }
}

/// A document's line, as far as it is compared.
pub(crate) fn text_of(document: &Value) -> &str {
    let text = document["message"].as_str().unwrap_or_default();
    text.get(..MAX_LINE).unwrap_or(text)
}

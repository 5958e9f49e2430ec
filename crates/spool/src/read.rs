//! Reading ahead, acknowledging, starting again.

use std::collections::VecDeque;

use crate::{
    Disk, Spool, SpoolError,
    record::{self, Head},
    segment,
};

/// A record as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number: one more than the record's before, unless something was lost in between.
    pub number: u64,
    /// What was appended.
    pub bytes: Vec<u8>,
}

/// A place between records.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
struct Place {
    /// The segment's first number. If that segment is gone, the next one's beginning is meant.
    segment: u64,
    offset: u64,
}

pub(crate) struct Reader<F> {
    /// Where the next record is looked for.
    place: Place,
    /// The number that it should have.
    number: u64,
    /// Where the first record after the acknowledged ones is, or a place before it.
    done: Place,
    /// Records that were given and not acknowledged, and where each ends.
    ahead: VecDeque<(u64, Place)>,
    /// The highest number that was given.
    given: u64,
    /// Up to here damage is counted.
    judged: Place,
    file: Option<(u64, F)>,
    /// The segment that the last read failed at.
    failed: Option<u64>,
}

impl<F> Default for Reader<F> {
    fn default() -> Self {
        Self {
            place: Place::default(),
            number: 1,
            done: Place::default(),
            ahead: VecDeque::new(),
            given: 0,
            judged: Place::default(),
            file: None,
            failed: None,
        }
    }
}

impl<F> Reader<F> {
    /// Lets go of the file: a deleted one takes space as long as it is open.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }
}

impl<D: Disk> Spool<D> {
    /// The next record that is durable, or nothing while there is none. Damage is skipped and counted.
    ///
    /// # Errors
    /// `Io`: the place did not move, so the same is tried again. If it does not pass, [`Spool::set_aside`] goes on
    /// without that segment.
    pub fn read(&mut self) -> Result<Option<Record>, SpoolError> {
        self.prove()?;
        loop {
            let at = self.reader.place;
            let index = self.segments.partition_point(|segment| segment.first < at.segment);
            let Some(segment) = self.segments.get(index) else {
                self.lost_upto(self.durable);
                return Ok(None);
            };
            let (first, end) = (segment.first, segment.durable);
            let offset = if first == at.segment { at.offset } else { 0 };
            let next = self.segments.get(index + 1).map(|next| next.first);
            if offset >= end {
                self.reader.place = Place { segment: first, offset };
                let Some(next) = next else {
                    self.lost_upto(self.durable);
                    return Ok(None);
                };
                self.reader.place = Place { segment: next, offset: 0 };
                continue;
            }
            let last = next.map_or(self.durable, |next| next - 1);
            self.reader.failed = Some(first);
            let record = self.step(Place { segment: first, offset }, end, last)?;
            self.reader.failed = None;
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// One step within a segment: over a record or over damage.
    fn step(&mut self, at: Place, end: u64, last: u64) -> Result<Option<Record>, SpoolError> {
        let name = segment::name(at.segment);
        if self.reader.file.as_ref().is_none_or(|(open, _)| *open != at.segment) {
            let file = self.disk.open(&name).map_err(SpoolError::io("open", &name))?;
            self.reader.file = Some((at.segment, file));
        }
        let Some((_, file)) = &self.reader.file else { return Ok(None) };
        let Some((found, head)) =
            record::find(file, at.offset, end).map_err(SpoolError::io("read", &name))?
        else {
            let whole = at.offset == 0;
            self.skip(at, end);
            if whole {
                self.put_aside(at.segment, end)?;
            }
            return Ok(None);
        };
        let after = found + head.frame();
        let wanted = (self.reader.number..=last).contains(&head.number)
            && head.number > self.done
            && segment::plausible(at.segment, head.number, found);
        let body = if wanted {
            Some(record::body(file, found, &head).map_err(SpoolError::io("read", &name))?)
        } else {
            None
        };
        if found > at.offset {
            self.skip(at, found);
        }
        let here = Place { offset: found, ..at };
        let Some(bytes) = body.and_then(|body| self.press.open(&head, body)) else {
            self.pass(here, after, &head, wanted);
            return Ok(None);
        };
        self.lost_upto(head.number - 1);
        let place = Place { offset: after, ..at };
        self.reader.place = place;
        self.reader.judged = max(self.reader.judged, place);
        self.reader.number = head.number + 1;
        self.reader.given = self.reader.given.max(head.number);
        self.reader.ahead.push_back((head.number, place));
        Ok(Some(Record { number: head.number, bytes }))
    }

    /// Over a record that is not to be given: it is done already, or is damaged, or has a number out of its row.
    fn pass(&mut self, at: Place, end: u64, head: &Head, damaged: bool) {
        if damaged || head.number > self.done {
            self.skip(at, end);
        } else {
            self.reader.place = Place { offset: end, ..at };
        }
    }

    /// Over bytes that are no record.
    fn skip(&mut self, at: Place, end: u64) {
        let place = Place { offset: end, ..at };
        if place > self.reader.judged {
            self.reader.judged = place;
            self.stats.damaged_bytes += end - at.offset;
            if let Some((_, file)) = &self.reader.file {
                self.damaged.keep_piece(&self.disk, at.segment, file, at.offset, end);
            }
        }
        self.reader.place = place;
    }

    /// The numbers from the one that was expected to this one are nowhere.
    fn lost_upto(&mut self, last: u64) {
        if last >= self.reader.number {
            self.stats.lost += self.gaps.insert(self.reader.number.max(self.done + 1), last);
            self.reader.number = last + 1;
            self.settle();
        }
    }

    /// Goes on without the segment that the last [`Spool::read`] failed at: it is renamed to `*.damaged`, and what was
    /// not read of it is lost and counted. For one that fails again and again. Answers whether there was one.
    ///
    /// # Errors
    /// As [`Spool::sync`], if it is the segment that is being appended to.
    pub fn set_aside(&mut self) -> Result<bool, SpoolError> {
        let Some(first) = self.reader.failed else { return Ok(false) };
        let Some(segment) = self.segments.iter().find(|segment| segment.first == first) else {
            return Ok(false);
        };
        let length = segment.length;
        self.put_aside(first, length)?;
        Ok(true)
    }

    fn put_aside(&mut self, first: u64, length: u64) -> Result<(), SpoolError> {
        self.end_segment(first)?;
        // After a rewind the reader may be in one before.
        let place = self.reader.place.segment;
        let index = self.segments.partition_point(|segment| segment.first < place);
        if self.segments.get(index).is_some_and(|segment| segment.first == first) {
            self.reader.place = Place { segment: first + 1, offset: 0 };
        }
        if self.damaged.set_aside(&self.disk, first, length).is_ok() {
            self.segments.retain(|segment| segment.first != first);
        }
        // If it could not be renamed it stays until it is acknowledged whole; reading goes on behind it all the same.
        self.stats.segments_set_aside += 1;
        self.reader.close();
        Ok(())
    }

    /// Every record up to this number is delivered and need not be given again. Durable after [`Spool::save`]. A number
    /// beyond what was given counts as the last that was.
    pub fn ack(&mut self, number: u64) {
        let number = number.min(self.reader.given);
        self.stats.acknowledged += self.finish(number);
        self.settle();
        while let Some((given, place)) = self.reader.ahead.front()
            && *given <= self.done
        {
            self.reader.done = *place;
            self.reader.ahead.pop_front();
        }
        self.reader.number = self.reader.number.max(self.done + 1);
    }

    /// Reading starts again at the first record that is not acknowledged.
    pub fn rewind(&mut self) {
        self.reader.ahead.clear();
        self.reader.place = self.reader.done;
        self.reader.number = self.done + 1;
    }
}

fn max(a: Place, b: Place) -> Place {
    if a > b { a } else { b }
}

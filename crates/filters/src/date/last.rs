//! The last text that was read, and its time: most lines are of the same minute as the line before.

use alces_event::Timestamp;

/// A longer text is not kept.
const LONGEST: usize = 40;

/// A text and its time, where that time and the text's two digits of seconds go up and down together: the text names its offset from
/// UTC, and its year.
#[derive(Debug)]
pub(super) struct Last {
    /// Who read it.
    reader: usize,
    text: [u8; LONGEST],
    /// 0 where there is none.
    len: usize,
    /// Where its seconds are.
    place: usize,
    /// Its time at second 0 of its minute, in seconds of the epoch, and its fraction in nanoseconds.
    minute: i64,
    nanos: i32,
}

/// A copy has read nothing yet: its readers are others.
impl Clone for Last {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Default for Last {
    fn default() -> Self {
        Self { reader: 0, text: [0; LONGEST], len: 0, place: 0, minute: 0, nanos: 0 }
    }
}

impl Last {
    /// The time of a text that differs from the last one in its seconds, or not at all.
    #[inline]
    pub(super) fn time(&self, reader: usize, text: &str) -> Option<Timestamp> {
        let (bytes, place) = (text.as_bytes(), self.place);
        if bytes.is_empty() || bytes.len() != self.len || reader != self.reader {
            return None;
        }
        let same = bytes.get(..place)? == self.text.get(..place)?
            && bytes.get(place + 2..)? == self.text.get(place + 2..self.len)?;
        let seconds = seconds(bytes.get(place..)?)?;
        if same { Timestamp::new(self.minute + seconds, self.nanos).ok() } else { None }
    }

    /// Keeps a text that was read, whose seconds are at `place`.
    pub(super) fn keep(&mut self, reader: usize, text: &str, place: usize, time: Timestamp) {
        let bytes = text.as_bytes();
        self.len = 0;
        let (Some(room), Some(seconds)) =
            (self.text.get_mut(..bytes.len()), bytes.get(place..).and_then(seconds))
        else {
            return;
        };
        // Before 1970 seconds and nanoseconds have a sign each.
        if time.as_second() < 60 {
            return;
        }
        room.copy_from_slice(bytes);
        self.minute = time.as_second() - seconds;
        self.nanos = time.subsec_nanosecond();
        (self.reader, self.len, self.place) = (reader, bytes.len(), place);
    }
}

/// Two digits that are a second of a minute.
#[inline]
fn seconds(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [tens @ b'0'..=b'5', ones @ b'0'..=b'9', ..] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alces_event::Timestamp;
    use alces_plugin::names::Names;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::super::{format::ParseFormat, zone::Memo};

    const PATTERNS: [&str; 4] = [
        "dd/MMM/yyyy:HH:mm:ss Z",
        // The same digits are something else.
        "dd/MMM/yyyy:HH:ss:mm Z",
        "yyyy-MM-dd HH:mm:ss.SSS Z",
        "dd/MMM/yyyy:HH:mm:ss",
    ];

    proptest! {
        /// Who forgets after every text is the dull twin.
        #[test]
        fn what_is_remembered_changes_nothing(
            texts in prop::collection::vec(
                (0..PATTERNS.len(), "(0[1-3]/May/(1969|2015):10:0[45]:(0[0-9]|5[89]|6[01]|7)|2015-05-17 10:05:0[0-9]\\.(1|25)) ?(\\+0000|-0130|Z)?"),
                1..20,
            ),
        ) {
            let names = Names::of("en").unwrap();
            let formats = PATTERNS.map(|pattern| ParseFormat::compile(pattern, &names, Timestamp::UNIX_EPOCH).unwrap());
            let (zone, mut memo) = (TimeZone::get("Europe/Berlin").unwrap(), Memo::default());
            let clock = || Timestamp::UNIX_EPOCH;
            for (format, text) in &texts {
                let format = &formats[*format];
                prop_assert_eq!(
                    format.parse(text, &zone, &clock, &mut memo),
                    format.parse(text, &zone, &clock, &mut Memo::default()),
                    "{} in {:?}", text, texts
                );
            }
        }
    }
}

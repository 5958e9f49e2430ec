//! Time zones and offsets by the names that Java knows them by.

use jiff::tz::{Offset, TimeZone};

/// A zone by the name that Joda knows it by: `Europe/Berlin`, `UTC`, `EST5EDT`, `+02:00`.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name == "Z" {
        return Some(TimeZone::UTC);
    }
    if let Some((offset, "")) = offset(name) {
        return Some(TimeZone::fixed(Offset::from_seconds(offset).ok()?));
    }
    TimeZone::get(name).ok()
}

/// An offset in seconds and the text after it: `Z`, `+02`, `+0200`, `+02:00`, `+02:00:00`.
pub fn offset(text: &str) -> Option<(i32, &str)> {
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'Z' | b'z' => return Some((0, text.get(1..)?)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize, most: i32| match bytes.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
            let number = i32::from(a - b'0') * 10 + i32::from(b - b'0');
            (number <= most).then_some(number)
        }
        _ => None,
    };
    let mut seconds = two(1, 23)? * 3600;
    let mut at = 3;
    // Both further parts with colons, or both without.
    let colon = usize::from(bytes.get(at) == Some(&b':'));
    if let Some(minutes) = two(at + colon, 59) {
        seconds += minutes * 60;
        at += 2 + colon;
        if (bytes.get(at) == Some(&b':')) == (colon == 1)
            && let Some(more) = two(at + colon, 59)
        {
            seconds += more;
            at += 2 + colon;
        }
    }
    Some((sign * seconds, text.get(at..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        for (text, expect) in [
            ("Z", Some((0, ""))),
            ("+02", Some((7200, ""))),
            ("+0230x", Some((9000, "x"))),
            ("-02:30", Some((-9000, ""))),
            ("+02:00:30", Some((7230, ""))),
            ("+02:", Some((7200, ":"))),
            ("+2", None),
            ("+24", None),
            ("02", None),
            ("++1", None),
        ] {
            assert_eq!(offset(text), expect, "{text}");
        }
    }
}

//! A few things that stand in nearly every log line, recognised at a stroke and not byte by byte.
//!
//! A shape only ever says yes to texts of its [`regex`](Shape::regex), and [`super::dfa`] uses it for a part of a pattern only where
//! it has proved, on the tables of both, that the part accepts every one of them. So no name of a pattern is known here.

use super::block::{Block, Range};

/// What is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `83.149.9.216`
    Ipv4,
    /// `17/May/2015:10:05:03 +0000`
    HttpDate,
    /// `Feb 21 21:54:44`
    SyslogTime,
    /// `5234`, `0.017`
    Number,
}

const DIGITS: Range = Range::new(b'0', b'9');
const DOTS: Range = Range::new(b'.', b'.');

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl Shape {
    pub(crate) const ALL: [Self; 4] = [Self::Ipv4, Self::HttpDate, Self::SyslogTime, Self::Number];

    /// All that it can say yes to.
    pub(crate) fn regex(self) -> &'static str {
        match self {
            Self::Ipv4 => {
                r"(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])(?:\.(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])){3}"
            }
            Self::HttpDate => {
                r"(?:0[1-9]|[12][0-9]|3[01])/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9] [+-][0-9]{4}"
            }
            Self::SyslogTime => {
                r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?: [1-9]|[12][0-9]|3[01]) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
            }
            Self::Number => r"[0-9]{1,7}|[0-9]{1,5}\.[0-9]{1,5}",
        }
    }

    /// The length of the shape at the front of `text`. It may say no to what [`Shape::regex`] matches.
    #[inline]
    pub(crate) fn length(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Ipv4 => ipv4(text),
            Self::HttpDate => http_date(text),
            Self::SyslogTime => syslog_time(text),
            Self::Number => number(text),
        }
    }
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

/// Two digits as a number; anything that is not two digits is 100 or more.
fn two(tens: u8, ones: u8) -> u32 {
    let (tens, ones) = (digit(tens), digit(ones));
    if tens > 9 || ones > 9 { 100 } else { tens * 10 + ones }
}

fn is_month(text: [u8; 3]) -> bool {
    // Without a way out in between: the twelve are compared at once.
    let word = u32::from_le_bytes([text[0], text[1], text[2], 0]);
    MONTHS.iter().fold(false, |found, m| found | (word == u32::from_le_bytes([m[0], m[1], m[2], 0])))
}

/// `23:59:59`, where it is known that digits stand where they should.
fn is_time(b: &[u8; 8]) -> bool {
    // Of two digits the order of the texts is that of the numbers.
    let hour = u16::from_be_bytes([b[0], b[1]]) <= u16::from_be_bytes(*b"23");
    hour & (b[2] == b':') & (b[3] <= b'5') & (b[5] == b':') & (b[6] <= b'5')
}

fn http_date(text: &[u8]) -> Option<usize> {
    let b: &[u8; 26] = text.first_chunk()?;
    // What must be digits, as two blocks: the first sixteen bytes, and the last.
    const FRONT: u32 = 0b1011_0111_1000_0011;
    const BACK: u32 = 0b1111_0011_0110_1101;
    let digits = |pos| Some(Block::load(text, pos)?.within(&DIGITS));
    let fine = (digits(0)? & FRONT == FRONT)
        & (digits(10)? & BACK == BACK)
        & (1..=31).contains(&two(b[0], b[1]))
        & (b[2] == b'/')
        & is_month([b[3], b[4], b[5]])
        & (b[6] == b'/')
        & (b[11] == b':')
        & is_time(b[12..20].try_into().ok()?)
        & (b[20] == b' ')
        & ((b[21] == b'+') | (b[21] == b'-'));
    fine.then_some(26)
}

fn syslog_time(text: &[u8]) -> Option<usize> {
    let b: &[u8; 15] = text.first_chunk()?;
    const TIME: u32 = 0b110_1101_1010_0000;
    let digits = Block::load(text, 0)?.within(&DIGITS);
    let tens = if b[4] == b' ' { b'0' } else { b[4] };
    let short = (b[4] == b'0') | ((b[4] != b' ') & (digits & 1 << 4 == 0));
    let fine = (digits & TIME == TIME)
        & is_month([b[0], b[1], b[2]])
        & (b[3] == b' ')
        & (1..=31).contains(&two(tens, b[5]))
        & !short
        & (b[6] == b' ')
        & is_time(b[7..15].try_into().ok()?);
    fine.then_some(15)
}

/// Where the digits end, and those behind a dot.
#[inline]
fn number(text: &[u8]) -> Option<usize> {
    let others = !Block::load(text, 0)?.within(&DIGITS);
    let length = others.trailing_zeros() as usize;
    if length == 0 || length > 7 {
        return None;
    }
    if text.get(length) != Some(&b'.') {
        return Some(length);
    }
    let end = (others & (others - 1)).trailing_zeros() as usize;
    (length < 6 && end > length + 1 && end < length + 7).then_some(end)
}

/// Where each dot stands and where the number ends is found in sixteen bytes at once.
#[inline]
fn ipv4(text: &[u8]) -> Option<usize> {
    let bytes: &[u8; 16] = text.first_chunk()?;
    let block = Block::load(text, 0)?;
    let (digits, dots) = (block.within(&DIGITS), block.within(&DOTS));
    let end = (!(dots | digits)).trailing_zeros() as usize;
    let first = dots.trailing_zeros() as usize;
    let dots = dots & dots.wrapping_sub(1);
    let second = dots.trailing_zeros() as usize;
    let dots = dots & dots.wrapping_sub(1);
    let third = dots.trailing_zeros() as usize;
    let fourth = (dots & dots.wrapping_sub(1)).trailing_zeros() as usize;
    if third >= end || fourth < end || end > 15 {
        return None;
    }
    let fine = octet(bytes, 0, first)
        & octet(bytes, first + 1, second)
        & octet(bytes, second + 1, third)
        & octet(bytes, third + 1, end);
    fine.then_some(end)
}

/// Whether digits are a number to 255 without a zero in front. Of as many digits the order of the texts is that of the numbers.
#[inline]
fn octet(bytes: &[u8; 16], start: usize, end: usize) -> bool {
    const fn text(a: u8, b: u8, c: u8) -> u32 {
        u32::from_be_bytes([0, a, b, c])
    }
    const LEAST: [u32; 4] = [u32::MAX, text(0, 0, b'0'), text(0, b'1', b'0'), text(b'1', b'0', b'0')];
    const MOST: [u32; 4] = [0, text(0, 0, b'9'), text(0, b'9', b'9'), text(b'2', b'5', b'5')];
    let length = end.wrapping_sub(start);
    let Some(word) = bytes.get(start..).and_then(|rest| rest.first_chunk()) else { return false };
    if length > 3 {
        return false;
    }
    let digits = u64::from(u32::from_be_bytes(*word)) >> (32 - 8 * length);
    (u64::from(LEAST[length])..=u64::from(MOST[length])).contains(&digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::{End, Machine, Optimise, Program};

    /// What it says yes to, its expression matches; and of common texts it knows all.
    fn check(shape: Shape, text: &str) -> bool {
        let program = Program::compile(&format!(r"\A(?:{})", shape.regex()), Optimise::Off).unwrap();
        let mut machine = Machine::default();
        let Some(length) = shape.length(text.as_bytes()) else { return false };
        let exact = Program::compile(&format!(r"\A(?:{})\z", shape.regex()), Optimise::Off).unwrap();
        assert_eq!(machine.search(&program, text, 100_000).0, End::Match, "{text}");
        assert_eq!(machine.search(&exact, &text[..length], 100_000).0, End::Match, "{text} to {length}");
        true
    }

    #[test]
    fn common_texts_are_recognised() {
        for yes in
            ["83.149.9.216 - - [17/May", "1.2.3.4 - - [17/May/2015", "255.255.255.255 ", "0.10.200.99     "]
        {
            assert!(check(Shape::Ipv4, yes), "{yes}");
        }
        for no in [
            "256.1.1.1 xxxxxxxxxx",
            "1.2.3 xxxxxxxxxxxxx",
            "1.2.3.4.5 xxxxxxxxx",
            "01.2.3.4 xxxxxxxxx",
            "1..2.3 xxxxxxxxxxxxx",
        ] {
            assert!(!check(Shape::Ipv4, no), "{no}");
        }
        assert!(check(Shape::HttpDate, "17/May/2015:10:05:03 +0000] x"));
        assert!(!check(Shape::HttpDate, "17/Mai/2015:10:05:03 +0000] x"));
        assert!(check(Shape::SyslogTime, "Feb  1 23:59:59 host"));
        assert!(check(Shape::SyslogTime, "Dec 31 00:00:00 host"));
        assert!(!check(Shape::SyslogTime, "Dec 01 00:00:00 host"));
        for yes in ["200 5234 xxxxxxxxxxx", "0.017 xxxxxxxxxxx", "1.1\" 200 xxxxxxxx", "1234567 xxxxxxxxx"] {
            assert!(check(Shape::Number, yes), "{yes}");
        }
        for no in ["17. xxxxxxxxxxxxx", "12345678 xxxxxxxxx", "- xxxxxxxxxxxxxxx"] {
            assert!(!check(Shape::Number, no), "{no}");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_its_expression(
            ip in "[0-9]{0,4}[.]{0,2}[0-9]{0,4}[.][0-9]{1,3}[.][0-9]{1,3}[ :a.]{0,20}",
            date in "[0-3][0-9]/(Jan|May|Dec|xyz)/[0-9]{4}:[0-2][0-9]:[0-6][0-9]:[0-6][0-9] [+-][0-9]{4}[\\] ]",
            number in "[0-9]{0,8}[.]{0,2}[0-9]{0,7}[0-9/: é]{8,16}",
            time in "(Jan|Jul|Juli) [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] ",
        ) {
            for text in [&ip, &date, &time, &number] {
                for shape in Shape::ALL {
                    check(shape, text);
                }
            }
        }
    }
}

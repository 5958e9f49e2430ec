//! Numbers of payment cards: the length and the first digits of an issuer, and the check digit (ISO/IEC 7812, Luhn).

use super::find::{before, run};

/// How the digits are grouped where they are not in one piece.
const GROUPS: [&[usize]; 5] = [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 6, 5], &[4, 6, 4], &[4, 3, 3, 3]];

const MOST_DIGITS: usize = 19;

pub(crate) fn find(text: &str, add: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let start = at + step;
        let end = run(bytes, start, |byte| byte.is_ascii_digit());
        let found = card(bytes, start, end);
        if let Some(end) = found {
            add(start, end);
        }
        at = found.unwrap_or(end);
    }
}

/// The end of the card number that begins with the digits `start..end`.
fn card(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    // The fraction of a number: they have many digits and mean nobody.
    let is_fraction =
        before(bytes, start) == Some(&b'.') && before(bytes, start - 1).is_some_and(u8::is_ascii_digit);
    if is_fraction {
        return None;
    }
    if (13..=MOST_DIGITS).contains(&(end - start)) {
        let is_whole = !(bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit));
        return (is_whole && is_number(bytes.get(start..end)?.iter().copied())).then_some(end);
    }
    if end - start != 4 {
        return None;
    }
    // The longest grouping that is one.
    GROUPS.iter().filter_map(|groups| grouped(bytes, start, groups)).max()
}

fn grouped(bytes: &[u8], start: usize, groups: &[usize]) -> Option<usize> {
    let separator = *bytes.get(start + 4)?;
    if !matches!(separator, b' ' | b'-') {
        return None;
    }
    let mut at = start;
    for (number, length) in groups.iter().enumerate() {
        if number > 0 {
            if bytes.get(at) != Some(&separator) {
                return None;
            }
            at += 1;
        }
        if run(bytes, at, |byte| byte.is_ascii_digit()) != at + length {
            return None;
        }
        at += length;
    }
    is_number(bytes.get(start..at)?.iter().copied().filter(u8::is_ascii_digit)).then_some(at)
}

fn is_number(digits: impl Iterator<Item = u8>) -> bool {
    let (mut number, mut length) = ([0_u8; MOST_DIGITS], 0);
    for digit in digits {
        let Some(place) = number.get_mut(length) else { return false };
        *place = digit - b'0';
        length += 1;
    }
    let number = number.get(..length).unwrap_or_default();
    is_issued(number) && luhn(number)
}

/// Whether an issuer's numbers begin so and are so long.
fn is_issued(digits: &[u8]) -> bool {
    let first =
        |count: usize| digits.iter().take(count).fold(0, |number, digit| number * 10 + u32::from(*digit));
    match (digits.len(), first(1), first(2), first(4)) {
        // Visa.
        (13 | 16 | 19, 4, ..) => true,
        // Mastercard.
        (16, _, 51..=55, _) | (16, _, _, 2221..=2720) => true,
        // American Express.
        (15, _, 34 | 37, _) => true,
        // Diners Club.
        (14..=19, _, 36 | 38 | 39, _) | (14..=19, _, _, 3000..=3059 | 3095) => true,
        // JCB.
        (16..=19, _, _, 3528..=3589) => true,
        // Discover, UnionPay, RuPay, Maestro.
        (16..=19, _, 62 | 64 | 65, _) | (16..=19, _, _, 6011) => true,
        (13..=19, _, 50 | 56..=58 | 63 | 67, _) => true,
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => digit * 2,
            (_, digit) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::find::found;

    #[test]
    fn numbers_are_found() {
        for (text, number) in [
            ("card 4111111111111111 ok", "4111111111111111"),
            ("pan=4111-1111-1111-1111,", "4111-1111-1111-1111"),
            ("200 4111 1111 1111 1111 512", "4111 1111 1111 1111"),
            ("3782 822463 10005", "3782 822463 10005"),
            ("x378282246310005x", "378282246310005"),
            ("5555555555554444.", "5555555555554444"),
            ("2223003122003222", "2223003122003222"),
            ("6011111111111117", "6011111111111117"),
            ("3530111333300000", "3530111333300000"),
            ("30569309025904", "30569309025904"),
            ("4222222222222", "4222222222222"),
        ] {
            assert_eq!(found(text, find), [number], "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left() {
        for text in [
            "",
            "4111111111111112",
            "1111111111111117",
            "41111111111111110000",
            "0.4111111111111111",
            "4111111111111111.5",
            "4111 1111-1111 1111",
            "4111  1111 1111 1111",
            "2015-05-17 10:05:03",
            "1431857103000",
            "411111111111 1111",
        ] {
            assert!(found(text, find).is_empty(), "{text}");
        }
    }

    proptest! {
        /// The dull twin reads the number from left to right, as the rule is told to people.
        #[test]
        fn the_check_digit(digits in proptest::collection::vec(0_u8..10, 13..20)) {
            let mut sum = 0;
            for (at, digit) in digits.iter().enumerate() {
                let mut digit = u32::from(*digit);
                if (digits.len() - at) % 2 == 0 {
                    digit *= 2;
                    if digit > 9 { digit -= 9 }
                }
                sum += digit;
            }
            prop_assert_eq!(luhn(&digits), sum % 10 == 0);
        }
    }
}

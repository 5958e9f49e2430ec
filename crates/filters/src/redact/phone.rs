//! Telephone numbers with the code of their country (E.164): `+49 30 901820`. Others cannot be told from any number.

use super::find::{before, is_word, run};

pub(crate) fn find(text: &str, add: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for plus in memchr::memchr_iter(b'+', bytes) {
        if plus < from || is_word(before(bytes, plus)) {
            continue;
        }
        // No country's code begins with a nought; time zones do.
        if !matches!(bytes.get(plus + 1), Some(b'1'..=b'9')) {
            continue;
        }
        if let Some(end) = number(bytes, plus + 1) {
            add(plus, end);
            from = end;
        }
    }
}

/// The end of the last group of digits with which the number is not too long: what follows may be another number.
fn number(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut digits, mut good) = (from, 0, None);
    loop {
        let end = run(bytes, at, |byte| byte.is_ascii_digit());
        digits += end - at;
        if digits > 15 {
            return good;
        }
        if digits >= 8 && end > at && !is_word(bytes.get(end)) {
            good = Some(end);
        }
        // `+49 (0)30 / 901820`
        at = run(bytes, end, |byte| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')'));
        let gap = bytes.get(end..at).unwrap_or_default();
        if !matches!(gap.len(), 1..=3) || gap.windows(2).any(|two| two == b"  ") {
            return good;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::find::found;

    #[test]
    fn numbers_are_found() {
        assert_eq!(
            found("call +49 (0)30 901820, +1-202-555-0123 or <tel:+442079460000>.", find),
            ["+49 (0)30 901820", "+1-202-555-0123", "+442079460000"]
        );
        assert_eq!(found("+49 30 901820 192.168.100.100", find), ["+49 30 901820 192"]);
        assert_eq!(found("+49 30 9018201234 4111111111111111", find), ["+49 30 9018201234"]);
    }

    #[test]
    fn other_numbers_are_left() {
        for text in [
            "",
            "+",
            "10:05:03 +0200",
            "1+12345678",
            "+1234567",
            "+1234567890123456",
            "030 901820",
            "+12345678x",
        ] {
            assert!(found(text, find).is_empty(), "{text}");
        }
    }
}

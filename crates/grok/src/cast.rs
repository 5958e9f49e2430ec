//! Text to numbers, as Ruby reads them.

/// Ruby's `to_i`: the longest prefix that is a number, or 0.
pub fn to_i(text: &str) -> i64 {
    // Nearly all are a few digits and nothing else.
    if (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.bytes().fold(0, |number, byte| number * 10 + i64::from(byte - b'0'));
    }
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let prefix = &text[..text.len() - digits.len() + end];
    prefix.parse().unwrap_or(if end == 0 {
        0
    } else if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// Ruby's `to_f`: the longest prefix that is a number, or 0.
pub fn to_f(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len());
    (0..=end).rev().find_map(|end| text.get(..end)?.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_read_a_prefix_and_never_fail() {
        assert_eq!((to_i("12ab"), to_i("-3"), to_i("x"), to_i("")), (12, -3, 0, 0));
        assert_eq!(
            (to_i("0000000000000000012"), to_i("999999999999999999"), to_i("9223372036854775807")),
            (12, 999_999_999_999_999_999, i64::MAX)
        );
        assert_eq!((to_i("9223372036854775808"), to_i("-9223372036854775809")), (i64::MAX, i64::MIN));
        assert_eq!((to_f("0.25,1"), to_f("1e3"), to_f("-")), (0.25, 1000.0, 0.0));
    }
}

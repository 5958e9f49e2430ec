//! References to groups by number, looked at before `fancy-regex` sees them: it asks for memory by the number, so that
//! `\g9999999999999` would end the process.

/// No pattern has as many groups.
const MOST_GROUPS: u64 = 10_000;

/// Why a pattern's references cannot be meant, if one names a group by a number that is too large to be one's.
///
/// # Errors
/// The reference.
pub fn check_references(pattern: &str) -> Result<(), String> {
    let bytes = pattern.as_bytes();
    let mut from = 0;
    while let Some(at) =
        memchr::memchr2(b'\\', b'(', bytes.get(from..).unwrap_or_default()).map(|at| from + at)
    {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        // A backslash takes what follows with it.
        from = at + 1 + usize::from(bytes.get(at) == Some(&b'\\'));
        let name = match (bytes.get(at), rest) {
            (Some(b'\\'), [b'g' | b'k', after @ ..]) => after,
            (Some(b'\\'), after) => after,
            // A condition, `(?(1)…)`, or a call, `(?1)`.
            (_, [b'?', b'(', after @ ..] | [b'?', after @ ..]) => after,
            _ => continue,
        };
        let name = name
            .strip_prefix(b"<")
            .or_else(|| name.strip_prefix(b"'"))
            .or_else(|| name.strip_prefix(b"{"))
            .unwrap_or(name);
        let name = name.strip_prefix(b"-").or_else(|| name.strip_prefix(b"+")).unwrap_or(name);
        let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
        let number = digits
            .fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        if number > MOST_GROUPS {
            return Err(format!("there is no group {number}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_no_pattern_can_have_is_refused() {
        for pattern in [
            r"\g3333333333333333",
            r"a\g<99999999999999999999999>",
            r"\k'-123456'",
            r"\k{+123456}",
            r"\123456789",
            "(a)(?(123456)b)",
            "(?123456)",
        ] {
            assert!(check_references(pattern).is_err(), "{pattern}");
        }
        for pattern in [
            r"\g1",
            r"(a)\1\k<1>",
            r"\\g",
            r"\\g999999999",
            r"\d{100000}",
            r"\x{1F600}",
            "(?<n>123456)",
            r"\g<name>",
            "",
            r"\",
        ] {
            assert_eq!(check_references(pattern), Ok(()), "{pattern}");
        }
    }
}

//! Names of indexes that follow one another.

/// What the generations of a data stream after the first are called: `.ds-logs-000002`. The first has the stream's own name.
pub(crate) fn backing(stream: &str, generation: u64) -> String {
    format!(".ds-{stream}-{generation:06}")
}

/// The data stream and generation of such a name.
pub(crate) fn stream_of(index: &str) -> Option<(&str, u64)> {
    let (stream, number) = index.strip_prefix(".ds-")?.rsplit_once('-')?;
    let digits = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((stream, number.parse().ok().filter(|_| digits && !stream.is_empty())?))
}

/// `logs-000001` → `logs-000002`, as OpenSearch counts; none where the name does not end in a dash and a number.
pub(crate) fn next(index: &str) -> Option<String> {
    let (stem, number) = index.rsplit_once('-')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    Some(format!("{stem}-{:06}", number.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(stream_of(&backing("logs-a-b", 2)), Some(("logs-a-b", 2)));
        assert_eq!(stream_of(&backing("x", 1_234_567)), Some(("x", 1_234_567)));
        for none in ["logs", ".ds-logs", ".ds-logs-2", ".ds--000002", ".ds-logs-00000x", "logs-000002"] {
            assert_eq!(stream_of(none), None, "{none}");
        }
        for (name, following) in [
            ("logs-000009", Some("logs-000010")),
            ("logs-1", Some("logs-000002")),
            ("a-b-999999", Some("a-b-1000000")),
            ("logs", None),
            ("logs-", None),
            ("logs-2026.11.23", None),
            ("logs-99999999999999999999", None),
        ] {
            assert_eq!(next(name).as_deref(), following, "{name}");
        }
    }
}

//! Sizes and times as policies write them.

use crate::error::ApiError;
use crate::query::parse::plain;
use serde_json::Value;

/// `50gb` as bytes; a kilobyte has 1024.
pub(super) fn size(key: &str, value: &Value) -> Result<u64, ApiError> {
    const UNITS: [(&str, u64); 6] =
        [("tb", 1 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("pb", 1 << 50), ("b", 1)];
    let text = plain(value).to_lowercase();
    let unit = UNITS.into_iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)));
    let bytes = unit.and_then(|(number, unit)| number.trim().parse::<u64>().ok()?.checked_mul(unit));
    bytes.ok_or_else(|| {
        ApiError::illegal(format!(
            "failed to parse setting [{key}] with value [{text}] as a size in bytes: write it as `50gb` or `500mb`"
        ))
    })
}

/// `30d` as milliseconds.
pub(super) fn age(key: &str, value: &Value) -> Result<i64, ApiError> {
    let text = plain(value);
    crate::dates::interval(&text).filter(|millis| *millis >= 0).ok_or_else(|| {
        ApiError::illegal(format!(
            "failed to parse setting [{key}] with value [{text}] as a time value: write it as `30d` or `12h`"
        ))
    })
}

/// A number of documents, from 1.
pub(super) fn number(key: &str, value: &Value) -> Result<u64, ApiError> {
    let number = value.as_u64().filter(|number| *number > 0);
    number
        .ok_or_else(|| ApiError::illegal(format!("[{key}] cannot be [{value}]: a number from 1 is expected")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_and_ages() {
        for (text, bytes) in [("1b", 1), ("3KB", 3072), ("50gb", 50 << 30), ("2 mb", 2 << 20)] {
            assert_eq!(size("min_size", &json!(text)).unwrap(), bytes, "{text}");
        }
        for text in ["", "50", "gb", "-1gb", "1.5gb", "99999999999pb"] {
            assert!(size("min_size", &json!(text)).is_err(), "{text}");
        }
        assert_eq!(age("min_index_age", &json!("2d")).unwrap(), 2 * 86_400_000);
        assert!(age("min_index_age", &json!("soon")).is_err());
        assert!(number("min_doc_count", &json!(0)).is_err() && number("min_doc_count", &json!("5")).is_err());
    }
}

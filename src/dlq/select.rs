//! Which letters are meant.

use alces_dlq::Entry;
use anyhow::{Context as _, bail};
use jiff::{Span, Timestamp, tz::TimeZone};

use super::args::Select;

/// A checked selection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected {
    reason: Option<String>,
    plugin: Option<String>,
    before: Option<Timestamp>,
}

impl Selected {
    pub(crate) fn new(select: &Select, now: Timestamp) -> anyhow::Result<Self> {
        Ok(Self {
            reason: select.reason.as_ref().map(|text| text.to_lowercase()),
            plugin: select.plugin.clone(),
            before: select.older_than.as_deref().map(|age| before(age, now)).transpose()?,
        })
    }

    /// Whether it is all letters.
    pub(crate) fn is_all(&self) -> bool {
        self.reason.is_none() && self.plugin.is_none() && self.before.is_none()
    }

    pub(crate) fn takes(&self, entry: &Entry<'_>) -> bool {
        self.plugin.as_ref().is_none_or(|plugin| *plugin == entry.plugin)
            && self.before.is_none_or(|before| entry.time < before)
            && self.reason.as_ref().is_none_or(|reason| entry.reason.to_lowercase().contains(reason))
    }
}

/// The time that an age means.
fn before(age: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(time) = age.parse() {
        return Ok(time);
    }
    let how =
        || format!("--older-than {age}: write an age as 90m, 36h or 7d, or a time as 2026-01-31T00:00:00Z");
    let span: Span = age.parse().with_context(how)?;
    if span.is_negative() {
        bail!(how());
    }
    let then = now.to_zoned(TimeZone::UTC).checked_sub(span).with_context(how)?;
    Ok(then.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_picked_by_all_that_is_said() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let line = br#"{"time":"2026-01-30T00:00:00Z","plugin":"http","reason":"Not Found","event":{}}"#;
        let entry = Entry::read(line).unwrap();
        let takes = |reason: Option<&str>, plugin: Option<&str>, older: Option<&str>| {
            let select = Select {
                reason: reason.map(str::to_owned),
                plugin: plugin.map(str::to_owned),
                older_than: older.map(str::to_owned),
            };
            Selected::new(&select, now)
                .map(|selected| selected.takes(&entry))
                .map_err(|error| error.to_string())
        };
        assert_eq!(takes(None, None, None), Ok(true));
        assert_eq!(takes(Some("not f"), Some("http"), Some("1d")), Ok(true));
        assert_eq!(takes(Some("gone"), Some("http"), None), Ok(false));
        assert_eq!(takes(None, Some("tcp"), None), Ok(false));
        for (age, takes_it) in
            [("36h", false), ("35h 59m", true), ("2026-01-30T00:00:01Z", true), ("1w", false)]
        {
            assert_eq!(takes(None, None, Some(age)), Ok(takes_it), "{age}");
        }
        for wrong in ["soon", "-1d", "7"] {
            assert!(takes(None, None, Some(wrong)).unwrap_err().contains("write an age"), "{wrong}");
        }
    }
}

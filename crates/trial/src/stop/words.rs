//! A stop in words.

use super::{Stop, Why};
use crate::visible;

/// How much of the line is quoted.
const QUOTED: usize = 24;

impl Stop {
    /// The column, in characters from 1.
    pub fn column(&self, line: &str) -> usize {
        line.get(..self.at).unwrap_or(line).chars().count() + 1
    }

    /// "stopped at column 57: … does not match …"
    pub fn words(&self, line: &str) -> String {
        let column = self.column(line);
        let rest = quote(line.get(self.at..).unwrap_or_default());
        let wanted = self.path.iter().map(|step| format!("`{step}`")).collect::<Vec<_>>().join(" → ");
        match &self.why {
            Why::Mismatch => format!("stopped at column {column}: {wanted} does not match {rest}"),
            Why::AfterNothing(skipped) => format!(
                "stopped at column {column}: {wanted} does not match {rest}, and `{skipped}` before it took nothing"
            ),
            Why::Nowhere => format!("stopped at column {column}: {wanted} matches nowhere in the line"),
            Why::After(open) => format!(
                "stopped at column {column}: {wanted} matches nowhere in {rest}, which `{open}` would take"
            ),
            Why::Unknown => format!("{wanted} does not match; where it stopped cannot be said"),
        }
    }
}

fn quote(rest: &str) -> String {
    if rest.is_empty() {
        return "the end of the line".to_owned();
    }
    let more = if rest.chars().nth(QUOTED).is_some() { "…" } else { "" };
    format!("`{}{more}`", visible(&rest.chars().take(QUOTED).collect::<String>()))
}

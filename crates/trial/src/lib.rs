//! A grok pattern tried on lines, for those who write one: the fields that its captures become, the place of an error in it, and where it
//! stops on a line that it does not match.
//!
//! What is captured is the collector's own (`alces_grok`, `alces_event`). `alces grok` and the dashboard show it.

mod blame;
mod fields;
mod stop;

pub use blame::compile;
pub use fields::{Fields, Kept};
pub use stop::{Finder, Stop};

/// A line of a log must not steer the terminal: each control character becomes its picture, one column wide.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
            '\x7f' => '␡',
            '\u{80}'..='\u{9f}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

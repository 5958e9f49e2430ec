//! Foreign text on a page: a log line may hold anything, an attacker's escape codes included.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::language::{t, text};

/// Text with everything invisible or direction-changing made visible, cut after `most` characters.
pub(crate) fn visible(text: &str, most: usize) -> Markup {
    let mut plain = String::new();
    let mut pieces: Vec<(String, Option<char>)> = Vec::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(most) {
        if is_hidden(c) {
            pieces.push((std::mem::take(&mut plain), Some(c)));
        } else {
            plain.push(c);
        }
    }
    let cut = chars.next().is_some();
    pieces.push((plain, None));
    html! {
        @for (plain, hidden) in &pieces {
            (plain)
            @if let Some(c) = hidden { span class="ctl" { (name(*c)) } }
        }
        @if cut { "…" }
    }
}

/// Control characters, and those that turn, join or hide the text around them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn name(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\u{1b}' => "ESC".into(),
        '\0' => "NUL".into(),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

/// An instant (epoch milliseconds) in a zone. A language may write the same format in its own way.
pub(crate) fn at(ms: i64, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| t!("unknown").into_owned(),
        |t| t.to_zoned(zone.clone()).strftime(&*text(format)).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(
            visible("<script>alert(1)</script>", 99).into_string(),
            "&lt;script&gt;alert(1)&lt;/script&gt;"
        );
    }

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(
            visible("a\u{202e}b\u{1b}[31m", 99).into_string(),
            "a<span class=\"ctl\">U+202E</span>b<span class=\"ctl\">ESC</span>[31m"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(visible("éèà", 2).into_string(), "éè…");
    }
}

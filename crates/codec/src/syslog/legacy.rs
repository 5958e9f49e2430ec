//! RFC 3164: `<34>Oct 11 22:14:15 host program[7]: text`. What is left out by many senders may be left out: the host (of a message that
//! never left its machine), the program. A time in ISO 8601 is rsyslog's usual one.

use std::ops::Range;

use super::{Message, Time, space, word};

pub(super) fn parse(line: &str, priority: u16, at: usize) -> Option<Message> {
    let (end, time) = match Time::legacy(line.get(at..)?) {
        Some((len, time)) => (at + len, time),
        None => {
            let text = line.get(word(line, at)?)?;
            let text = text.strip_suffix(':').unwrap_or(text);
            (at + text.len(), Time::iso(text)?)
        }
    };
    let mut message = Message {
        priority,
        version: None,
        time: Some((at..end, time)),
        host: None,
        program: None,
        process: None,
        kind: None,
        data: None,
        text: line.len()..line.len(),
    };
    // Cisco's way of ending a time.
    let end = end + usize::from(line.as_bytes().get(end) == Some(&b':'));
    if end == line.len() {
        return Some(message);
    }
    let mut at = space(line, end)?;
    let mut tag = tag(line, at);
    // A word that ends as a program's does is one: then there is no host.
    if tag.is_none()
        && let Some(host) = word(line, at).filter(|word| line.get(word.clone()).is_some_and(is_host))
    {
        at = space(line, host.end).unwrap_or(line.len());
        message.host = Some(host);
        tag = self::tag(line, at);
    }
    if let Some(Tag { program, process, end }) = tag {
        (message.program, message.process) = (Some(program), process);
        at = end;
    }
    message.text = at..line.len();
    Some(message)
}

/// `program[7]: `
struct Tag {
    program: Range<usize>,
    process: Option<Range<usize>>,
    /// Where the text begins.
    end: usize,
}

fn tag(line: &str, at: usize) -> Option<Tag> {
    let word = word(line, at)?;
    let end = space(line, word.end)?;
    let name = line.get(word)?.strip_suffix(':')?;
    let (name, process) = match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        Some((name, process)) => {
            let number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
            if !number {
                return None;
            }
            let from = at + name.len() + 1;
            (name, Some(from..from + process.len()))
        }
        None => (name, None),
    };
    let fits =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']'));
    fits.then_some(Tag { program: at..at + name.len(), process, end })
}

/// A name or an address.
fn is_host(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%'))
        && bytes.iter().any(u8::is_ascii_alphanumeric)
}

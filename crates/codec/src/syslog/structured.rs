//! RFC 5424: `<165>1 2003-10-11T22:14:15.003Z host program 7 ID47 [origin ip="192.0.2.1"] text`.

use std::ops::Range;

use super::{Datum, Message, Time, data, space, word};

/// Where nothing is said.
const NIL: &str = "-";

pub(super) fn parse(line: &str, priority: u16, at: usize) -> Option<Message> {
    let version = word(line, at).filter(|word| word.len() <= 3)?;
    let number =
        line.get(version.clone()).filter(|text| text.starts_with(|c: char| ('1'..='9').contains(&c)))?;
    let number = number.parse().ok()?;
    let mut at = version.end;
    let mut next = || -> Option<Range<usize>> {
        let word = word(line, space(line, at)?)?;
        at = word.end;
        Some(word)
    };
    let [time, host, program, process, kind] = [next()?, next()?, next()?, next()?, next()?];
    let said = |word: Range<usize>| line.get(word.clone()).is_some_and(|text| text != NIL).then_some(word);
    let time = match said(time) {
        Some(word) => {
            let read = Time::iso(line.get(word.clone())?)?;
            Some((word, read))
        }
        None => None,
    };
    let from = space(line, at)?;
    let rest = line.get(from..)?;
    let (data, end) = if rest.starts_with('[') {
        let end = from + data(rest, |_: Datum<'_>| {})?;
        (Some(from..end), end)
    } else if rest.starts_with(NIL) {
        (None, from + NIL.len())
    } else {
        return None;
    };
    let text = if end == line.len() {
        end..end
    } else {
        let at = space(line, end)?;
        // A mark that says that it is UTF-8.
        at + line.get(at..).filter(|text| text.starts_with('\u{feff}')).map_or(0, |_| '\u{feff}'.len_utf8())
            ..line.len()
    };
    Some(Message {
        priority,
        version: Some(number),
        time,
        host: said(host),
        program: said(program),
        process: said(process),
        kind: said(kind),
        data,
        text,
    })
}

//! A block of whole lines, each an event.

use alces_event::Event;
use bytes::Bytes;
use bytestring::ByteString;

use super::Intake;

/// The events of a block, made when they are asked for; and how many they are. They share the block's memory.
pub(super) fn events(block: Bytes, intake: &Intake) -> (usize, impl Iterator<Item = Event> + Send + use<>) {
    let now = (intake.clock)();
    let text = ByteString::try_from(block.clone()).unwrap_or_else(|_| {
        intake.stats.replaced.add(1);
        ByteString::from(String::from_utf8_lossy(&block).into_owned())
    });
    let ended = text.len() - usize::from(text.ends_with('\n'));
    let text = text.slice_ref(text.get(..ended).unwrap_or_default());
    let len = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
    let mut at = Some(0);
    let events = std::iter::from_fn(move || {
        let rest = text.get(at?..)?;
        let end = memchr::memchr(b'\n', rest.as_bytes());
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        at = end.and_then(|end| Some(at? + end + 1));
        Some(Event::from_line(text.slice_ref(line.strip_suffix('\r').unwrap_or(line)), now))
    });
    (len, events)
}

//! A field behind the others of its table.
//!
//! This is the one place of this crate with `unsafe` code, and this is its argument. `ThinVec::push` takes the pair of name and value
//! through memory: its caller writes it to the stack in small pieces, and it reads them back in large ones, for which a processor has
//! to wait until all the pieces are in its cache. There are some thirty-five fields in an event of an access line, and the wait was a
//! fifteenth of all the time that such a line took (`perf annotate` of `tests/bench/run --only engine`). Here the pieces are written
//! to their place in the table, and nothing is read back.
#![allow(unsafe_code, reason = "measured: a fifteenth of what an access line takes")]

use crate::{Key, Value, tables::Table};

/// `entries.push((key, value()))`. The value is made when there is room for it: one that is there before would be kept on the stack
/// for the case that no room can be made.
#[inline(always)]
pub(crate) fn push(entries: &mut Table, key: Key, value: impl FnOnce() -> Value) {
    let len = entries.len();
    if len == entries.capacity() {
        grow(entries);
    }
    let value = value();
    // SAFETY: there is room for one more, as `grow` made it where there was none; the place behind the last entry lies in the table's
    // own memory and holds nothing that would have to be dropped; it is written before the length says that it is there.
    unsafe {
        let place = entries.as_mut_ptr().add(len);
        (&raw mut (*place).0).write(key);
        (&raw mut (*place).1).write(value);
        entries.set_len(len + 1);
    }
}

#[cold]
#[inline(never)]
fn grow(entries: &mut Table) {
    entries.reserve(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_as_the_librarys_push() {
        let (mut ours, mut theirs) = (Table::new(), Table::new());
        for number in 0..1000 {
            // Some have memory of their own.
            let key = Key::new(&"k".repeat(number % 300));
            let value = if number % 3 == 0 { Value::from("text") } else { Value::Int(number as i64) };
            push(&mut ours, key.clone(), || value.clone());
            theirs.push((key, value));
        }
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}

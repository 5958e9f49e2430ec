//! Tables of fields that are used again.
//!
//! An event has some ten of them, and lives for as long as one worker works on it. An allocator gives out the blocks of a page in turn,
//! so that each event's tables are others, none of which is in the processor's nearest cache; the last one that was given back is.

use std::cell::RefCell;

use thin_vec::ThinVec;

use crate::{Key, Value};

/// Names and values, in one allocation.
pub(crate) type Table = ThinVec<(Key, Value)>;

/// Fields of an object in an object, and of an event.
const SMALL: usize = 6;
const LARGE: usize = 16;

/// As many of each are kept for each thread, which is some 60 KiB. A worker needs those of one event.
const KEPT: usize = 64;

struct Free {
    small: Vec<Table>,
    large: Vec<Table>,
}

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Free { small: Vec::new(), large: Vec::new() }) };
}

impl Free {
    /// Those with room for so many fields, and how many that is.
    #[inline]
    fn of(&mut self, capacity: usize) -> (&mut Vec<Table>, usize) {
        if capacity <= SMALL { (&mut self.small, SMALL) } else { (&mut self.large, LARGE) }
    }
}

/// An empty table with room for `capacity` fields.
#[inline]
pub(crate) fn take(capacity: usize) -> Table {
    if capacity == 0 || capacity > LARGE {
        return Table::with_capacity(capacity);
    }
    // A thread that ends has none.
    let table = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        let (tables, capacity) = free.of(capacity);
        tables.pop().ok_or(capacity)
    });
    match table {
        Ok(Ok(table)) => table,
        Ok(Err(capacity)) => Table::with_capacity(capacity),
        Err(_) => Table::with_capacity(capacity),
    }
}

/// Gives a table back, whose fields are dropped.
#[inline]
pub(crate) fn give(mut table: Table) {
    let capacity = table.capacity();
    if capacity != SMALL && capacity != LARGE {
        return;
    }
    // Before the others are borrowed: what is dropped gives back tables of its own.
    table.clear();
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        let (tables, _) = free.of(capacity);
        if tables.len() < KEPT {
            tables.push(table);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_back_empty_with_the_room_that_was_asked_for() {
        for capacity in [0, 1, SMALL, SMALL + 1, LARGE, LARGE + 1, 100] {
            for _ in 0..3 {
                let mut table = take(capacity);
                assert!(table.is_empty() && table.capacity() >= capacity, "{capacity}");
                table.push((Key::new("a"), Value::from("text")));
                give(table);
            }
        }
        let many: Vec<Table> = (0..3 * KEPT).map(|_| take(1)).collect();
        many.into_iter().for_each(give);
        assert_eq!(FREE.with_borrow(|free| free.small.len()), KEPT);
    }
}

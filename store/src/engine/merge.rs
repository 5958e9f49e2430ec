//! Several segments become one: fewer to look into, and what was deleted is gone.

use super::columns::Columns;
use super::file::Writer;
use super::manifest::{Changed, Shared};
use super::segment::{Living, State};
use super::{About, index};
use crate::bits::Bits;
use crate::disk;
use crate::error::StoreError;
use std::sync::Arc;
use tantivy::columnar::{ColumnarReader, RowAddr, ShuffleMergeOrder, StackMergeOrder, merge_columnar};
use tantivy::directory::FileSlice;

/// So many neighbours of a size are merged.
const FEW: usize = 8;
/// The same for large ones while somebody writes: merging takes CPU from them. More would take more memory, too: the ids of all of them are held.
const MANY: usize = 12;
/// No segment is merged to more rows than this.
const LARGEST: u32 = 2_000_000;

/// The size of a segment: each is eight times the one below.
fn tier(rows: u32) -> u32 {
    match rows {
        0..4096 => 0,
        4096..32_768 => 1,
        32_768..262_144 => 2,
        _ => 3,
    }
}

/// The neighbours that should be merged now.
pub(super) fn choose(state: &State, quiet: bool) -> Option<Vec<Living>> {
    let alive: Vec<u32> = state.segments.iter().map(Living::alive).collect();
    // One that is mostly deleted is written anew alone.
    if let Some(at) =
        state.segments.iter().zip(&alive).position(|(living, alive)| *alive <= living.segment.rows / 2)
    {
        return Some(vec![state.segments[at].clone()]);
    }
    pick(&alive, quiet).map(|range| state.segments[range].to_vec())
}

fn pick(alive: &[u32], quiet: bool) -> Option<std::ops::Range<usize>> {
    for size in 0..3 {
        let least = if size == 2 && !quiet { MANY } else { FEW };
        let mut from = 0;
        while from < alive.len() {
            let run = alive[from..].iter().take_while(|rows| tier(**rows) <= size).count();
            let mut total = 0u32;
            let fits = alive[from..from + run].iter().take(MANY).take_while(|rows| {
                total = total.saturating_add(**rows);
                total <= LARGEST
            });
            let length = fits.count();
            if length >= least {
                return Some(from..from + length);
            }
            from += run + 1;
        }
    }
    None
}

/// Merges these neighbours and puts the new segment in their place.
pub(super) fn run(shared: &Shared, old: &[Living]) -> Result<(), StoreError> {
    for living in old {
        living.segment.parts.verify()?;
        if shared.stopped() {
            return Ok(());
        }
    }
    // Where each living row goes.
    let mut moved: Vec<RowAddr> = Vec::new();
    for (segment_ord, living) in (0u32..).zip(old) {
        let rows = (0..living.segment.rows).filter(|row| living.is_alive(*row));
        moved.extend(rows.map(|row_id| RowAddr { segment_ord, row_id }));
    }
    let after = |now: &[Living]| {
        // What was deleted while the merge was running is deleted in the new segment too.
        let mut dead = Bits::none(u32::try_from(moved.len()).unwrap_or(u32::MAX));
        for (new, old) in (0u32..).zip(&moved) {
            if now.get(old.segment_ord as usize).is_some_and(|living| !living.is_alive(old.row_id)) {
                dead.insert(new);
            }
        }
        dead
    };
    if moved.is_empty() {
        return shared.replace(old, None, after).map(told);
    }
    let open = |slice: FileSlice| ColumnarReader::open(slice).map_err(tantivy::TantivyError::from);
    // One column after the other is read and let go of.
    let readers = old
        .iter()
        .map(|living| Ok(open(living.segment.parts.part_aside("columns")?)?))
        .collect::<Result<Vec<ColumnarReader>, StoreError>>()?;
    let readers: Vec<&ColumnarReader> = readers.iter().collect();
    let order = if old.iter().all(|living| living.dead.is_none()) {
        StackMergeOrder::stack(&readers).into()
    } else {
        // Named for tests, but it is the one that works out which rows are left.
        let rows: Vec<u32> = readers.iter().map(|reader| reader.num_docs()).collect();
        ShuffleMergeOrder::for_test(&rows, moved.clone()).into()
    };
    let name = shared.name();
    let path = shared.dir().join(&name);
    let mut out = Writer::create(&path)?;
    let write = |out: &mut Writer| {
        out.part("columns", |mut out| merge_columnar(&readers, &[], order, &mut out))?;
        let columns = Columns::new(open(out.read_back()?)?);
        if shared.stopped() {
            return Ok(None);
        }
        Ok(Some(About { rows: columns.rows(), words: index::write(&columns, out)? }))
    };
    let merged = match write(&mut out) {
        Ok(Some(about)) if !shared.stopped() => out
            .finish(&about)
            .and_then(|_| shared.open_segment(&name))
            .and_then(|segment| match shared.stopped() {
                true => Ok(None),
                false => shared.replace(old, Some(Arc::new(segment)), after).map(Some),
            }),
        other => other.map(|_| None),
    };
    match merged {
        Ok(Some(changed)) => told(changed),
        left_over => {
            let _ = disk::remove(&path);
            return left_over.map(|_| ());
        }
    }
    Ok(())
}

/// Nothing waits for a merge to be durable: the next change of the index makes it so, and what it replaced is kept until then.
fn told(changed: Changed) {
    if let Changed::Visible(error) = changed {
        tracing::warn!(%error, "a merge of segments is not durable yet");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_size_are_merged() {
        let small = [10; 8];
        assert_eq!(pick(&small[..7], false), None);
        assert_eq!(pick(&small, false), Some(0..8));
        let mut mixed = vec![1_000_000];
        mixed.extend(small);
        assert_eq!(pick(&mixed, false), Some(1..9));
        let large = [100_000; 11];
        assert_eq!((pick(&large, false), pick(&large, true)), (None, Some(0..11)));
        assert_eq!(pick(&[250_000; 12], true), Some(0..8));
        assert_eq!(pick(&[1_000_000; 40], true), None);
    }
}

//! The allocator of the programs: mimalloc, asked in the quick way.
//!
//! This is one of two places in the workspace with `unsafe` code (the other is a field's place in `alces_event`), and this is its
//! argument. Rust tells an allocator how a block must be aligned, which is most often eight bytes. The `mimalloc` crate passes that on to
//! `mi_malloc_aligned`; mimalloc 3 answers by taking a larger block and cutting its beginning off, wherever its list of free blocks is
//! empty and the size is no power of two, and has then to find that beginning again each time a block of that page is freed. But `mi_malloc` aligns all blocks of sixteen bytes and more to
//! sixteen, and smaller ones to their size (mimalloc's `types.h`, `MI_MAX_ALIGN_SIZE`), so there is no need to ask.
//! `tests/bench/run --only engine` shows what it is worth.

use std::{
    alloc::{GlobalAlloc, Layout},
    ffi::c_void,
    time::Duration,
};

use libmimalloc_sys::{mi_malloc, mi_option_set_default, mi_option_t, mi_realloc, mi_zalloc};
use mimalloc::MiMalloc;

/// mimalloc as a global allocator.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

/// Memory that is free goes back to the system after `delay`, unless `MIMALLOC_PURGE_DELAY` (milliseconds) says something else. mimalloc 3
/// waits for a second: short waits cost time for asking for it again, long ones hold what many requests needed once.
pub fn give_back_after(delay: Duration) {
    /// `mi_option_purge_delay` of mimalloc.h, which the bindings leave out; the same number in versions 2 and 3.
    const PURGE_DELAY: mi_option_t = 15;
    let millis = delay.as_millis().try_into().unwrap_or(i64::MAX);
    // SAFETY: sets a number that mimalloc reads; any is allowed.
    unsafe { mi_option_set_default(PURGE_DELAY, millis) }
}

/// mimalloc's `MI_MAX_ALIGN_SIZE`.
const ALIGNED: usize = 16;

/// Whether `mi_malloc` aligns a block of this layout well enough: a block of a size is aligned to the largest power of two up to sixteen
/// that is no larger than the size.
#[inline]
fn is_plain(size: usize, align: usize) -> bool {
    align <= ALIGNED && align <= size
}

// SAFETY: mimalloc hands out blocks as `GlobalAlloc` asks: of the size or more, disjoint, and null when there is no memory; `is_plain`
// says when they are aligned without asking. Blocks of `mi_malloc` and of `mi_malloc_aligned` are freed by the same `mi_free`. None of
// these functions unwinds.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_plain(layout.size(), layout.align()) {
            // SAFETY: any size may be asked for.
            return unsafe { mi_malloc(layout.size()) }.cast();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_plain(layout.size(), layout.align()) {
            // SAFETY: any size may be asked for.
            return unsafe { mi_zalloc(layout.size()) }.cast();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is one of mimalloc's, by the caller's promise.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_plain(size, layout.align()) {
            // SAFETY: the block is one of mimalloc's, by the caller's promise; a new one is aligned as by `mi_malloc`, and one that stays
            // where it is was aligned before.
            return unsafe { mi_realloc(block.cast::<c_void>(), size) }.cast();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of all small sizes, many of each so that pages are new and used, grown and freed again, lie as they were asked to, and
    /// keep what is in them.
    #[test]
    fn blocks_are_aligned_and_keep_what_is_in_them() {
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..3_u8 {
            for size in 1..700 {
                for align in [1, 2, 4, 8, 16, 32, 64] {
                    let layout = Layout::from_size_align(size, align).unwrap();
                    // SAFETY: the layout has a size; the block is of that size, and is freed below with the layout that it has.
                    let block = unsafe { Allocator.alloc(layout) };
                    assert!(!block.is_null() && (block as usize).is_multiple_of(align), "{layout:?}");
                    let mark = (size as u8).wrapping_mul(31) ^ round;
                    // SAFETY: the block is `size` bytes long.
                    unsafe { block.write_bytes(mark, size) };
                    held.push((block, layout, mark));
                }
            }
            // Every third is freed, every fifth grows.
            let mut at = 0;
            held.retain_mut(|(block, layout, mark)| {
                at += 1;
                // SAFETY: the block is alive and of that layout.
                let bytes = unsafe { std::slice::from_raw_parts(*block, layout.size()) };
                assert!(bytes.iter().all(|byte| byte == mark), "{layout:?}");
                if at % 3 == 0 {
                    // SAFETY: as above; it is not used again.
                    unsafe { Allocator.dealloc(*block, *layout) };
                    return false;
                }
                if at % 5 == 0 {
                    let grown = Layout::from_size_align(layout.size() * 2 + 1, layout.align()).unwrap();
                    // SAFETY: as above; the old block is not used again.
                    *block = unsafe { Allocator.realloc(*block, *layout, grown.size()) };
                    assert!(!block.is_null() && (*block as usize).is_multiple_of(grown.align()), "{grown:?}");
                    // SAFETY: the first bytes are those of before.
                    let bytes = unsafe { std::slice::from_raw_parts(*block, layout.size()) };
                    assert!(bytes.iter().all(|byte| byte == mark), "{grown:?}");
                    // SAFETY: the block is so long.
                    unsafe { block.write_bytes(*mark, grown.size()) };
                    *layout = grown;
                }
                true
            });
        }
        for (block, layout, _) in held {
            // SAFETY: the block is alive and of that layout.
            unsafe { Allocator.dealloc(block, layout) };
        }
        let zeros = Layout::from_size_align(5000, 8).unwrap();
        // SAFETY: the layout has a size, and the block is freed with it.
        unsafe {
            let block = Allocator.alloc_zeroed(zeros);
            assert!(std::slice::from_raw_parts(block, zeros.size()).iter().all(|byte| *byte == 0));
            Allocator.dealloc(block, zeros);
        }
    }
}

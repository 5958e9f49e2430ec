//! What the collector's inputs read before anything is an event: the line of a proxy, the body of `_bulk`, a packed body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| alces_collector::fuzz_inputs(bytes));

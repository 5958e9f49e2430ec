//! Any bytes as a record of the log, and as a segment: they are refused, or whole.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    alces_store::inside::record(bytes);
    alces_store::inside::segment(bytes);
});

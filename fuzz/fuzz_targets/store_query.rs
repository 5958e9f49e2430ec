//! Any bytes as the body of a search, and as a query string: an error or a plan, in little time.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    alces_store::inside::search(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        alces_store::inside::query_string(text);
    }
});

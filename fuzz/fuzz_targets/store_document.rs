//! Any bytes as a document: what is taken comes back from a segment byte for byte; the scanner takes what `serde_json` takes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    alces_store::inside::document(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(alces_store::inside::json(text), serde_json::from_str::<serde_json::Value>(text).is_ok());
    }
});

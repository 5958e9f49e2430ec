//! Any text in a search box is a query or an error whose place lies in it; a query that is written is the same one.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| alces_dashboard::fuzz_search_language(text));

//! Any text is a pipeline or an error that can be printed.
#![no_main]

use alces_conf::{Source, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = parse(&Source::new("x.conf", text)) {
        let _ = error.to_string();
    }
});

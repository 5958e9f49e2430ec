//! Any text is a script or an error that points into it; a script ends within its fuel.
#![no_main]

libfuzzer_sys::fuzz_target!(|code: &str| {
    if code.len() <= 1000 {
        alces_filters::fuzz_ruby_code(code);
    }
});

//! Any text is a pipeline or an error that can be printed, and a pipeline that is printed is the same one.
#![no_main]

use alces_conf::{Escapes, Source, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match parse(&Source::new("x.conf", text), Escapes::Off) {
        Ok(config) => {
            let printed = config.to_string();
            let again = parse(&Source::new("x.conf", &printed), Escapes::Off);
            assert_eq!(again.map(|c| c.to_string()).unwrap_or_else(|e| e[0].to_string()), printed);
        }
        Err(errors) => errors.iter().for_each(|error| drop(error.to_string())),
    }
});

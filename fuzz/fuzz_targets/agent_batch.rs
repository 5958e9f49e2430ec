//! Any bytes in the agent's spool are a batch or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| alces_agent::inside::batch(bytes));

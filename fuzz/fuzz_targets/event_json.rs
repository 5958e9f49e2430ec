//! Any bytes are an event or an error; an event that was read is written as JSON again.
#![no_main]

use alces_event::{Event, Timestamp};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((event, _)) = Event::from_json(bytes, Timestamp::UNIX_EPOCH) {
        let mut fields = 0;
        event.fields().iter().for_each(|_| fields += 1);
        assert!(fields >= 1, "@version at least");
    }
});

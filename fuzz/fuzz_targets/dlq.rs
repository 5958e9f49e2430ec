//! Any bytes as a dead-letter queue: each is in one line, what is read as a letter can be sent again, and what is appended behind is found.
#![no_main]

use alces_dlq::{Entry, Letter, Lines};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut lines = Lines::new(bytes, 0);
    let (mut at, mut letters) = (0, 0);
    while let Some(line) = lines.next().expect("bytes can be read") {
        assert_eq!(line.start, at);
        at = line.end;
        let whole = &bytes[line.start as usize..line.end as usize];
        assert_eq!(whole.strip_suffix(b"\n").unwrap_or(whole), line.bytes);
        let Some(entry) = line.entry() else { continue };
        letters += 1;
        assert!(entry.document().starts_with('{'));
        if let Some(action) = entry.action() {
            assert_eq!(action.id().map(str::to_owned), entry.id().filter(|_| action.id().is_some()));
            assert!(!action.to_json().contains('\n'));
            // Kept again with what it is sent with, it is sent with the same.
            let json = action.to_json();
            let again = Letter {
                document: entry.document().as_bytes(),
                metadata: entry.metadata().as_bytes(),
                action: Some(json.as_bytes()),
                ..Letter::default()
            };
            let mut line = Vec::new();
            again.write("fuzz", entry.time, &mut line).expect("it can be written");
            let read = Entry::read(&line).and_then(|entry| entry.action()).expect("a letter is read");
            assert!(action.id().is_none() || read == action);
        }
    }
    assert_eq!(at as usize, bytes.len());
    assert!(letters <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
});

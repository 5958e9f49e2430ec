//! Log files for tests.

use std::{fs::OpenOptions, io::Read as _, io::Write as _, path::Path};

/// The 10,000 lines of the sample.
pub(crate) fn sample() -> String {
    let packed = std::fs::read(super::project().join("data/apache_access_10k.log.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    text
}

/// Appends to a file as a program that logs does.
pub(crate) fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// Lines `from..to`, each different from all others.
pub(crate) fn numbered(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("line {n:06} of the test, long enough to be a line\n")).collect()
}

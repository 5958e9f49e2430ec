//! Lines of a file or of standard input, one at a time.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use super::Failure;

/// A source of lines that holds one of them.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<Box<dyn Read>>,
    bytes: Vec<u8>,
    text: String,
}

impl Lines {
    /// Opens a file; without one, or with `-`, standard input.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.filter(|path| *path != Path::new("-"));
        let reader: Box<dyn Read> = match path {
            None => Box::new(io::stdin()),
            Some(path) => {
                Box::new(File::open(path).map_err(|error| Failure::Read { path: path.to_owned(), error })?)
            }
        };
        Ok(Self::new(reader, path.unwrap_or(Path::new("standard input"))))
    }

    fn new(reader: Box<dyn Read>, path: &Path) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        Self { path: path.to_owned(), reader, bytes: Vec::new(), text: String::new() }
    }

    /// The next line, without its end. What is not UTF-8 is replaced, as the collector's inputs do.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, Failure> {
        self.bytes.clear();
        let read = self.reader.read_until(b'\n', &mut self.bytes);
        let read = read.map_err(|error| Failure::Read { path: self.path.clone(), error })?;
        if read == 0 {
            return Ok(None);
        }
        let line = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.text.clear();
        self.text.push_str(&String::from_utf8_lossy(line));
        Ok(Some(&self.text))
    }

    /// Whether the next line is likely to be waited for: what has been printed should be seen before.
    pub(crate) fn may_block(&self) -> bool {
        self.reader.buffer().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &'static [u8]) -> Vec<String> {
        let mut lines = Lines::new(Box::new(bytes), Path::new("test"));
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push(line.to_owned());
        }
        out
    }

    #[test]
    fn ends_are_cut_and_broken_text_is_replaced() {
        assert_eq!(check(b"a\r\n\nb\xff\xfec\nlast"), ["a", "", "b\u{fffd}\u{fffd}c", "last"]);
        assert!(check(b"").is_empty());
    }
}

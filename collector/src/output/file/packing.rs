//! Packed files. Each batch is a whole member (gzip) or frame (zstd) of its own, which all unpackers read one after the other: so a file is
//! readable at any time, and what a crash tears is the end only.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Seek as _, Write as _},
};

use super::Text;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What goes into one file, packed.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) header: Vec<u8>,
    pub(crate) events: Vec<u8>,
    /// Whether it is lines: then a torn one before them must not take the first with it.
    pub(crate) lines: bool,
}

impl Compression {
    pub(crate) fn pack(self, text: Text) -> io::Result<Packed> {
        let lines = self == Self::None && text.events.ends_with(b"\n");
        Ok(Packed { header: self.whole(text.header)?, events: self.whole(text.events)?, lines })
    }

    fn whole(self, text: Vec<u8>) -> io::Result<Vec<u8>> {
        if text.is_empty() {
            return Ok(text);
        }
        match self {
            Self::None => Ok(text),
            Self::Gzip => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                packer.write_all(&text)?;
                packer.finish()
            }
            Self::Zstd => zstd::encode_all(text.as_slice(), 0),
        }
    }

    /// How much of a file is whole members: what comes behind them was torn, and would hide what is written after it.
    pub(crate) fn whole_len(self, mut file: &File) -> io::Result<u64> {
        let len = file.metadata()?.len();
        if self == Self::None || len == 0 {
            return Ok(len);
        }
        file.rewind()?;
        let mut reader = BufReader::new(Counted { file, read: 0 });
        let mut whole = 0;
        while !reader.fill_buf()?.is_empty() {
            let unpacked = match self {
                Self::Zstd => zstd::Decoder::with_buffer(&mut reader)
                    .and_then(|decoder| io::copy(&mut decoder.single_frame(), &mut io::sink())),
                _ => io::copy(&mut flate2::bufread::GzDecoder::new(&mut reader), &mut io::sink()),
            };
            match unpacked {
                Ok(_) => whole = reader.get_ref().read - reader.buffer().len() as u64,
                Err(_) if whole > 0 => break,
                Err(error) => {
                    let reason = format!("it is there already, and not packed as it would be: {error}");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
            }
        }
        Ok(whole)
    }
}

/// Counts what is read of a file.
struct Counted<'f> {
    file: &'f File,
    read: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.read += read as u64;
        Ok(read)
    }
}

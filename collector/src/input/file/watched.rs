//! One file: its bytes, cut into lines, and how far it is.

use std::{
    fs::{self, File, Metadata},
    io::{self, BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Instant,
};

use alces_codec::Decoder;
use alces_event::{Event, Timestamp};
use bytes::{Bytes, BytesMut};

use super::{Cut, sincedb::FileId};

/// A line without an end is given up at this length, so that memory is bounded: 64 MiB.
const LINE: usize = 64 << 20;

/// An open file.
enum Source {
    Plain(File),
    /// Of gzip, which can only be read on.
    Packed(Box<flate2::bufread::MultiGzDecoder<BufReader<File>>>),
}

/// A file that is watched.
pub(super) struct Watched {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    source: Option<Source>,
    pub(super) packed: bool,
    /// Bytes that were read.
    pub(super) read: u64,
    /// What of them is behind the last line's end.
    rest: BytesMut,
    /// Where it begins again, should what is under way not be delivered.
    pub(super) delivered: u64,
    /// Grows when it begins again: what was under way before no longer counts.
    pub(super) epoch: u64,
    pub(super) under_way: usize,
    decoder: Option<Box<dyn Decoder>>,
    /// The codec keeps lines back: what is before this is out of its hands.
    out_of_hands: u64,
    /// When it was last seen to change.
    pub(super) touched: Instant,
    /// It waits for its turn.
    pub(super) queued: bool,
    /// It was read to its end, and is not read on (packed, or in `read` mode).
    pub(super) ended: bool,
    /// And all of it was delivered, and done with it what is to be done.
    pub(super) done: bool,
    /// Another file has its name.
    pub(super) moved: bool,
}

/// Lines, or the events of them.
pub(super) enum Content {
    Lines(Bytes),
    Events(Vec<Event>),
}

/// What was read at once.
pub(super) struct Block {
    pub(super) content: Content,
    /// What is delivered of the file when this is.
    pub(super) end: u64,
}

impl Watched {
    pub(super) fn new(id: FileId, path: PathBuf, at: u64, packed: bool, cut: &Cut) -> Self {
        Self {
            id,
            path,
            source: None,
            packed,
            read: at,
            rest: BytesMut::new(),
            delivered: at,
            epoch: 0,
            under_way: 0,
            decoder: cut.codec.as_ref().map(alces_codec::DecoderPlan::stream),
            out_of_hands: at,
            touched: Instant::now(),
            queued: false,
            ended: false,
            done: false,
            moved: false,
        }
    }

    /// Where the last whole line ends.
    pub(super) fn line_end(&self) -> u64 {
        self.read - self.rest.len() as u64
    }

    pub(super) fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// What the system knows of it: of the file that is open, whatever has its name now.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match &self.source {
            Some(Source::Plain(file)) => file.metadata(),
            Some(Source::Packed(packed)) => packed.get_ref().get_ref().metadata(),
            None => {
                let meta = fs::metadata(&self.path)?;
                if FileId::of(&meta) == self.id { Ok(meta) } else { Err(io::ErrorKind::NotFound.into()) }
            }
        }
    }

    /// Whether its name still leads to it.
    pub(super) fn has_its_name(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|meta| FileId::of(&meta) == self.id)
    }

    /// Lets go of the file; what is behind the last line's end is read again.
    pub(super) fn close(&mut self) {
        self.read = self.line_end();
        self.rest = BytesMut::new();
        self.source = None;
    }

    /// Begins again at a place.
    pub(super) fn begin_at(&mut self, at: u64) {
        self.source = None;
        self.rest = BytesMut::new();
        (self.read, self.delivered, self.out_of_hands) = (at, at, at);
        self.epoch += 1;
        self.under_way = 0;
        self.decoder = self.decoder.as_ref().map(|decoder| decoder.fresh());
        (self.ended, self.done) = (false, false);
    }

    fn open(&mut self) -> io::Result<&mut Source> {
        let source = match self.source.take() {
            Some(source) => source,
            None => {
                let mut file = File::open(&self.path)?;
                if FileId::of(&file.metadata()?) != self.id {
                    return Err(io::ErrorKind::NotFound.into());
                }
                if self.packed {
                    let mut unpacked = flate2::bufread::MultiGzDecoder::new(BufReader::new(file));
                    // What was delivered before is unpacked once more, and passed by.
                    io::copy(&mut Read::by_ref(&mut unpacked).take(self.read), &mut io::sink())?;
                    Source::Packed(Box::new(unpacked))
                } else {
                    file.seek(SeekFrom::Start(self.read))?;
                    Source::Plain(file)
                }
            }
        };
        Ok(self.source.insert(source))
    }

    /// Reads on: what came as whole lines, if any, and whether it was all there is. At the end of a file that `ends`, what is left is a
    /// line too.
    pub(super) fn next(
        &mut self,
        cut: &Cut,
        size: usize,
        ends: bool,
        now: Timestamp,
    ) -> io::Result<(Option<Block>, bool)> {
        let mut buffer = std::mem::take(&mut self.rest);
        let before = buffer.len();
        buffer.resize(before + size, 0);
        let got = read(self.open(), buffer.get_mut(before..).unwrap_or_default());
        buffer.truncate(before + got.as_ref().copied().unwrap_or(0));
        let got = match got {
            Ok(got) => got,
            Err(error) => {
                self.rest = buffer;
                return Err(error);
            }
        };
        self.read += got as u64;
        let at_end = got == 0;
        let end = match memchr::memmem::rfind(&buffer, cut.delimiter.as_bytes()) {
            _ if (at_end && ends) || buffer.len() > LINE => buffer.len(),
            Some(at) => at + cut.delimiter.len(),
            None => 0,
        };
        let lines = buffer.split_to(end).freeze();
        self.rest = buffer;
        let mut block = (!lines.is_empty()).then(|| self.block(lines, cut, now));
        if at_end && ends {
            self.ended = true;
            if let Some(last) = self.flush(now) {
                block = Some(match block {
                    Some(Block { content: Content::Events(mut events), .. }) => {
                        if let Content::Events(more) = last.content {
                            events.extend(more);
                        }
                        Block { content: Content::Events(events), end: last.end }
                    }
                    _ => last,
                });
            }
        }
        if let Some(block) = &mut block {
            self.under_way += 1;
            block.end = block.end.max(self.delivered);
        }
        Ok((block, at_end))
    }

    fn block(&mut self, lines: Bytes, cut: &Cut, now: Timestamp) -> Block {
        let (end, mut from) = (self.line_end(), self.line_end() - lines.len() as u64);
        let Some(decoder) = &mut self.decoder else { return Block { content: Content::Lines(lines), end } };
        let mut events = Vec::new();
        let mut rest = lines;
        while !rest.is_empty() {
            let at = memchr::memmem::find(&rest, cut.delimiter.as_bytes());
            let width = at.map_or(rest.len(), |at| at + cut.delimiter.len());
            let whole = rest.split_to(width);
            let made = events.len();
            if cut.keeps {
                // The codec cuts at newlines itself.
                let mut line = BytesMut::from(&whole[..at.unwrap_or(width)]);
                line.extend_from_slice(b"\n");
                decoder.decode(line.freeze(), now, &mut events);
                if events.len() > made {
                    // Of this line it is not known whether it is in what came out.
                    self.out_of_hands = from;
                }
            } else {
                let line = whole.slice(..at.unwrap_or(width));
                let returns = cut.delimiter == "\n" && line.ends_with(b"\r");
                let line = if returns { line.slice(..line.len() - 1) } else { line };
                decoder.decode(line, now, &mut events);
                decoder.flush(now, &mut events);
                self.out_of_hands = from + width as u64;
            }
            from += width as u64;
        }
        Block { content: Content::Events(events), end: self.out_of_hands }
    }

    /// What the codec keeps back, where there is something.
    fn flush(&mut self, now: Timestamp) -> Option<Block> {
        let mut events = Vec::new();
        self.decoder.as_mut()?.flush(now, &mut events);
        self.out_of_hands = self.line_end();
        (!events.is_empty()).then_some(Block { content: Content::Events(events), end: self.out_of_hands })
    }

    /// The same, where it is due.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Block> {
        let due = self.decoder.as_ref()?.due().is_some_and(|due| due <= now);
        let block = if due { self.flush(now) } else { None };
        self.under_way += usize::from(block.is_some());
        block
    }
}

fn read(source: io::Result<&mut Source>, into: &mut [u8]) -> io::Result<usize> {
    let source = source?;
    loop {
        let got = match source {
            Source::Plain(file) => file.read(into),
            Source::Packed(packed) => packed.read(into),
        };
        match got {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            got => return got,
        }
    }
}

/// Whether a file is of gzip, by its name, as Logstash tells it.
pub(super) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz" || extension == "gzip")
}

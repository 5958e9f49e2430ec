//! `stdin`: a line is an event. At its end the pipeline finishes what it has and ends.

use std::io::BufRead as _;

use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use bytes::Bytes;
use bytestring::ByteString;

use super::{Decoration, Intake};
use crate::batch::{Batch, Delivered};

/// A checked `stdin { }`.
#[derive(Clone, Debug)]
pub(crate) struct StdinPlan {
    decoration: Decoration,
}

/// Bytes read at once; the lines in them share one buffer.
const BLOCK: usize = 64 << 10;

impl StdinPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context);
        options.unsupported("codec", "lines are read as they are; parse them with a filter");
        Self { decoration }
    }

    /// Reads to the end. Blocks, so it has a thread of its own.
    pub(crate) fn run(&self, intake: &Intake) {
        let mut input = std::io::stdin().lock();
        let mut block = Vec::with_capacity(BLOCK);
        let mut under_way = std::collections::VecDeque::new();
        while !*intake.stop.borrow() {
            block.clear();
            // Blocks of whole lines: what is there, up to the limit, then to the end of the line.
            let read = loop {
                match input.fill_buf() {
                    Ok([]) => break false,
                    Ok(bytes) => {
                        let n = bytes.len();
                        block.extend_from_slice(bytes);
                        input.consume(n);
                        if block.len() >= BLOCK - 8192 || n < 8192 {
                            break true;
                        }
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        tracing::error!(%error, "standard input cannot be read");
                        break false;
                    }
                }
            };
            if read && !block.ends_with(b"\n") && input.read_until(b'\n', &mut block).is_err() {
                break;
            }
            if block.is_empty() {
                break;
            }
            let block = std::mem::replace(&mut block, Vec::with_capacity(BLOCK));
            let (batch, delivered) = self.batch(Bytes::from(block), intake);
            under_way.push_back(delivered);
            if intake.out.blocking_send(batch).is_err() {
                break;
            }
            while under_way.len() > 8 {
                let _ = under_way.pop_front().map(tokio::sync::oneshot::Receiver::blocking_recv);
            }
            if !read {
                break;
            }
        }
        for delivered in under_way {
            let _ = delivered.blocking_recv();
        }
    }

    fn batch(&self, block: Bytes, intake: &Intake) -> (Batch, Delivered) {
        let now = (intake.clock)();
        let text = ByteString::try_from(block.clone()).unwrap_or_else(|_| {
            intake.stats.replaced.add(1);
            ByteString::from(String::from_utf8_lossy(&block).into_owned())
        });
        let ended = text.len() - usize::from(text.ends_with('\n'));
        let text = text.slice_ref(text.get(..ended).unwrap_or_default());
        let len = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        intake.stats.events_in.add(len as u64);
        let (decoration, mut at) = (self.decoration.clone(), Some(0));
        let events = std::iter::from_fn(move || {
            let rest = text.get(at?..)?;
            let end = memchr::memchr(b'\n', rest.as_bytes());
            let line = rest.get(..end.unwrap_or(rest.len()))?;
            at = end.and_then(|end| Some(at? + end + 1));
            let mut event = Event::from_line(text.slice_ref(line.strip_suffix('\r').unwrap_or(line)), now);
            decoration.apply(&mut event);
            Some(event)
        });
        Batch::new(len, events)
    }
}

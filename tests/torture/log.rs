//! A log and the program that writes to it: lines one by one and in bursts, parts of lines, very long ones.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::time::Instant;

use crate::{
    book::{MAX_LINE, head},
    rotate::{Rotation, rotate},
    world::{World, moment},
};

/// A file with the log's lines under an older name; the newest first.
#[derive(Debug)]
pub(crate) struct Old {
    /// What follows the number in its name: nothing, `.gz`, `.zst`.
    pub(crate) packed: &'static str,
    pub(crate) numbers: Vec<u64>,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) world: Arc<World>,
    pub(crate) rng: fastrand::Rng,
    generation: u32,
    /// The lines that are in the file now.
    pub(crate) numbers: Vec<u64>,
    pub(crate) old: Vec<Old>,
    /// Its files begin with the head that others have, too.
    with_head: bool,
}

pub(crate) fn append_to(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

impl Log {
    pub(crate) fn new(path: PathBuf, with_head: bool, world: Arc<World>, rng: fastrand::Rng) -> Self {
        let file = append_to(&path);
        let mut log =
            Self { path, file, world, rng, generation: 0, numbers: Vec::new(), old: Vec::new(), with_head };
        log.generation("the first");
        log
    }

    /// The file is new or empty from now on; `why` says how it came to be. Returns the lines that were in the one before.
    pub(crate) fn generation(&mut self, why: &str) -> Vec<u64> {
        let name = self.path.file_name().unwrap_or_default().display().to_string();
        let mut book = self.world.book();
        self.generation = book.generation(format!("{name} ({why})"));
        if self.with_head {
            book.heads += 1;
            book.same_heads += u64::from(why.ends_with("anew"));
            self.file.write_all(format!("{}\n", head()).as_bytes()).unwrap();
        }
        std::mem::take(&mut self.numbers)
    }

    /// A head may come where the same one was before.
    pub(crate) fn same_head(&self) {
        self.world.book().same_heads += u64::from(self.with_head);
    }

    /// A new line as bytes, with its line feed.
    fn line(&mut self, more: &str) -> String {
        let more = format!("{} {more}", self.generation);
        let (number, mut text) = self.world.book().line(self.generation, &more);
        self.numbers.push(number);
        text.push('\n');
        text
    }

    pub(crate) fn lines(&mut self, count: u64) {
        let mut text = String::new();
        for _ in 0..count {
            let more = "0123456789 größer ".repeat(self.rng.usize(1..8));
            text += &self.line(&more);
        }
        self.file.write_all(text.as_bytes()).unwrap();
    }

    /// A line in parts, with pauses in which no agent may take it for a whole one.
    async fn in_parts(&mut self, more: &str, pause: u64) {
        let text = self.line(more);
        let mut at = 0;
        while at < text.len() {
            let end = (at + self.rng.usize(1..text.len())).min(text.len());
            self.file.write_all(&text.as_bytes()[at..end]).unwrap();
            at = end;
            moment(&mut self.rng, 1..pause).await;
        }
    }

    /// One thing that programs do to their logs.
    pub(crate) async fn write(&mut self) {
        match self.rng.u8(0..40) {
            0 => {
                let count = self.rng.u64(50..800);
                self.lines(count);
            }
            1 => {
                let more = "in parts ".repeat(self.rng.usize(1..30));
                self.in_parts(&more, 400).await;
            }
            2 => {
                let more = "x".repeat(self.rng.usize(MAX_LINE / 2..MAX_LINE * 4));
                self.in_parts(&more, 100).await;
            }
            3 => moment(&mut self.rng, 100..600).await,
            _ => {
                let count = self.rng.u64(1..20);
                self.lines(count);
            }
        }
        moment(&mut self.rng, 1..30).await;
    }
}

/// Writes and rotates until `end`, or until there are `most` lines in all logs.
pub(crate) async fn live(mut log: Log, rotations: &[Rotation], end: Instant, most: usize) {
    while Instant::now() < end && log.world.book().lines().len() < most {
        log.write().await;
        if log.numbers.len() > 5 && log.rng.u8(..) < 16 {
            let how = rotations.get(log.rng.usize(..rotations.len().max(1)));
            if let Some(how) = how {
                rotate(&mut log, *how).await;
            }
        }
    }
}

/// Many files of some lines each.
pub(crate) async fn many(folder: &Path, count: u64, world: Arc<World>, mut rng: fastrand::Rng) {
    for number in 0..count {
        let path = folder.join(format!("small-{number:05}.log"));
        let mut log = Log::new(path, rng.bool(), world.clone(), rng.fork());
        let lines = rng.u64(1..5);
        log.lines(lines);
        if rng.u8(..) < 8 {
            moment(&mut rng, 1..100).await;
        }
    }
}

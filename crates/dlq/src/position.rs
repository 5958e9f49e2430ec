//! How far a queue was read, whatever becomes of its file meanwhile.

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Take, Write as _},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Identity, Line, Lines, Queue, lock};

/// The last line that was read. Where letters were taken out of the file, it is looked for; where it was taken out itself, reading goes on
/// at the first letter that is as new.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Position {
    start: u64,
    end: u64,
    /// The line's [`Identity`].
    line: String,
    /// When the last letter was refused.
    time: Timestamp,
}

impl Position {
    /// Behind a line. `before` is the position until then: a line that is no letter has no time of its own.
    pub fn behind(line: &Line<'_>, before: Option<&Self>) -> Self {
        let time = line.entry().map(|entry| entry.time).or(before.map(|before| before.time));
        Self {
            start: line.start,
            end: line.end,
            line: written(line.bytes),
            time: time.unwrap_or(Timestamp::MIN),
        }
    }

    /// Reads it from a file; none where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or is none of ours.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => Ok(Some(serde_json::from_slice(&read?)?)),
        }
    }

    /// Writes it into a file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written: then what was there before is.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let mut file = File::create(&beside)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        lock::sync_folder(path)
    }

    fn is_line(&self, line: &Line<'_>) -> bool {
        self.line == written(line.bytes)
    }
}

fn written(line: &[u8]) -> String {
    format!("{:032x}", Identity::of(line).number())
}

impl Queue {
    /// The lines behind a position that are there now; none where there is no file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lines_behind(&self, position: Option<&Position>) -> io::Result<Option<Lines<Take<File>>>> {
        let Some((mut file, len)) = self.open()? else { return Ok(None) };
        let start = match position {
            Some(position) => find(&file, len, position)?,
            None => 0,
        };
        file.seek(SeekFrom::Start(start))?;
        Ok(Some(Lines::new(file.take(len.saturating_sub(start)), start)))
    }
}

/// Where the line behind a position begins.
fn find(mut file: &File, len: u64, position: &Position) -> io::Result<u64> {
    if position.end <= len {
        file.seek(SeekFrom::Start(position.start))?;
        let mut lines =
            Lines::new(file.take(position.end - position.start.min(position.end)), position.start);
        if lines
            .next()?
            .is_some_and(|line| line.is_whole && line.end == position.end && position.is_line(&line))
        {
            return Ok(position.end);
        }
    }
    file.rewind()?;
    let (mut lines, mut as_new) = (Lines::new(file.take(len), 0), None);
    while let Some(line) = lines.next()? {
        if line.is_whole && position.is_line(&line) {
            return Ok(line.end);
        }
        if as_new.is_none() && line.entry().is_some_and(|entry| entry.time >= position.time) {
            as_new = Some(line.start);
        }
    }
    Ok(as_new.unwrap_or(len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A letter of that second.
    fn line(second: i64) -> String {
        let time = Timestamp::from_second(second).unwrap();
        format!("{{\"time\":\"{time}\",\"plugin\":\"p\",\"reason\":\"{second}\",\"event\":{{}}}}")
    }

    fn rest(queue: &Queue, position: Option<&Position>) -> Vec<String> {
        let mut lines = queue.lines_behind(position).unwrap().unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(line.entry().map_or("damaged".to_owned(), |entry| entry.reason.into_owned()));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever letters are taken out meanwhile: those that were not read are, and those before are not.
        #[test]
        fn reading_goes_on_behind_the_last_line(read in 1_usize..8, taken: u16, torn: bool) {
            let dir = tempfile::tempdir().unwrap();
            let queue = Queue::in_folder(dir.path(), "main");
            let text: Vec<String> = (0..8).map(|second| if torn && second == 3 { "\0\0".to_owned() } else { line(second) }).collect();
            std::fs::write(queue.path(), text.join("\n") + "\n").unwrap();
            let mut position: Option<Position> = None;
            let mut lines = queue.lines_behind(None).unwrap().unwrap();
            for _ in 0..read {
                let line = lines.next().unwrap().unwrap();
                position = Some(Position::behind(&line, position.as_ref()));
            }
            let file = dir.path().join("position");
            prop_assert_eq!(Position::load(&file).unwrap(), None);
            position.unwrap().save(&file).unwrap();
            let position = Position::load(&file).unwrap();
            let is_taken = |number: usize| taken >> number & 1 == 1;
            let mut number = 0;
            queue.remove(|_| { number += 1; is_taken(number - 1) }).unwrap();
            let expect: Vec<String> = (read..8).filter(|number| !is_taken(*number))
                .map(|number| if torn && number == 3 { "damaged".to_owned() } else { number.to_string() }).collect();
            let found = rest(&queue, position.as_ref());
            // Where the damaged line was the last one and is gone, the letter before it has its time and may come again.
            let again = torn && read == 4 && is_taken(3) && !is_taken(2);
            let found: Vec<_> = found.into_iter().skip(usize::from(again)).collect();
            // A damaged line has no time: where the line before it is gone, it is not come back to.
            let skipped = is_taken(read - 1) && expect.first().is_some_and(|line| line == "damaged");
            let expect: Vec<_> = expect.into_iter().skip(usize::from(skipped)).collect();
            prop_assert_eq!(found, expect);
        }
    }
}

use std::{
    fs::File,
    io::{Seek as _, Write as _},
};

use encoding_rs::{UTF_8, UTF_16LE};
use proptest::prelude::*;

use super::*;

const KEY: Inode = Inode { device: 0, inode: 0 };

struct Opened {
    temp: tempfile::NamedTempFile,
    harvester: Harvester,
    framing: Framing,
}

fn open(content: &[u8], max_line: usize) -> Opened {
    let mut temp = tempfile::NamedTempFile::new().unwrap();
    temp.write_all(content).unwrap();
    let source = Source::Plain(File::open(temp.path()).unwrap());
    let place = (temp.path().to_owned(), KEY, 0);
    let harvester = Harvester::new(FileId(1), place, source, Default::default(), Instant::now());
    Opened { temp, harvester, framing: Framing { end: LineEnd::of(UTF_8), max_line } }
}

impl Opened {
    fn turn(&mut self, out: &mut Vec<String>) -> Turn {
        self.harvester
            .turn(self.framing, &mut Vec::new(), |line| {
                let cut = if line.cut { "…" } else { "" };
                out.push(format!("{}{cut}@{}", String::from_utf8_lossy(line.bytes), line.offset));
                // Places are those in the file.
                let mut file = File::open(self.temp.path()).unwrap();
                assert_eq!(line.start_position(), Position::at(line.offset, &mut &file));
                assert_eq!(line.end_position(), Position::at(line.end, &mut &file));
                file.rewind().unwrap();
                true
            })
            .unwrap()
    }

    fn lines(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        while self.turn(&mut out) == Turn::More {}
        out
    }

    fn state(&mut self) -> Turn {
        self.turn(&mut Vec::new())
    }
}

#[test]
fn a_line_without_its_end_is_held() {
    let mut file = open(b"one\r\ntw", 100);
    assert_eq!(file.lines(), ["one@0"]);
    file.temp.write_all(b"o\nthree").unwrap();
    assert_eq!(file.lines(), ["two@5"]);
    assert_eq!(file.harvester.position().offset, 9);
}

#[test]
fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let mut file = open(b"0123456789", 4);
    assert_eq!(file.lines(), [""; 0]);
    file.temp.write_all(b"0123\nab\nabcdef\n").unwrap();
    assert_eq!(file.lines(), ["0123…@0", "ab@15", "abcd…@18"]);
    let mut file = open("aéé\n".as_bytes(), 4);
    assert_eq!(file.lines(), ["aé…@0"], "not within a character");
}

#[test]
fn a_line_longer_than_a_turn_costs_no_memory() {
    let mut file = open(&vec![b'x'; 3 * TURN], 5);
    assert_eq!(file.lines(), [""; 0]);
    for _ in 0..3 {
        file.temp.write_all(&vec![b'y'; TURN]).unwrap();
        assert_eq!(file.lines(), [""; 0]);
    }
    file.temp.write_all(b"\nnext\n").unwrap();
    assert_eq!(file.lines(), ["xxxxx…@0".to_owned(), format!("next@{}", 6 * TURN + 1)]);
    file.temp.write_all(&vec![b'z'; TURN + 5]).unwrap();
    assert_eq!(file.lines(), [""; 0]);
    file.framing.max_line = 2 * TURN;
    file.temp.write_all(b"\n").unwrap();
    let lines = file.lines();
    assert_eq!((lines.len(), lines[0].len()), (1, TURN + 5 + "@1572870".len()));
}

#[test]
fn lines_of_two_bytes_a_character() {
    let text: Vec<u8> = "ab\r\nc\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut file = open(&text[..7], 3);
    file.framing.end = LineEnd::of(UTF_16LE);
    assert_eq!(file.lines(), [""; 0]);
    file.temp.write_all(&text[7..]).unwrap();
    assert_eq!(file.lines(), ["a\0…@0", "c\0@8"]);
}

#[test]
fn a_file_that_is_cut_and_has_grown_past_the_old_offset_is_noticed() {
    let mut file = open(b"one\n", 100);
    file.lines();
    std::fs::write(file.temp.path(), b"two\nthree\n").unwrap();
    assert_eq!(file.state(), Turn::Truncated);
}

#[test]
fn a_file_written_anew_with_the_same_beginning_is_noticed() {
    let header = "# version: 1\n".repeat(100);
    let mut file = open(format!("{header}one\n").as_bytes(), 100);
    file.lines();
    file.harvester.prefix();
    assert_eq!(file.state(), Turn::AtEnd);
    // Of the same length, and longer.
    for rest in ["two\n", "two\nthree\n"] {
        std::fs::write(file.temp.path(), format!("{header}{rest}")).unwrap();
        assert_eq!(file.state(), Turn::Truncated, "{rest}");
    }
}

#[test]
fn a_file_with_another_beginning_and_the_same_last_bytes_is_noticed() {
    let rest = "GET /health\n".repeat(100);
    let mut file = open(format!("one\n{rest}").as_bytes(), 100);
    file.lines();
    file.harvester.prefix();
    std::fs::write(file.temp.path(), format!("two\n{rest}GET /\n")).unwrap();
    assert_eq!(file.state(), Turn::Truncated);
}

#[test]
fn a_file_that_grows_is_the_same() {
    let mut file = open(b"", 100);
    for n in 0..100 {
        write!(file.temp, "{}\n{n}", "x".repeat(n * 7 % 90)).unwrap();
        assert_eq!(file.state(), Turn::AtEnd, "{n}");
        file.lines();
        file.harvester.prefix();
    }
}

#[test]
fn a_cut_file_is_noticed_and_a_deleted_one_is_read_to_its_end() {
    let mut file = open(b"one\ntwo\nthr", 100);
    assert_eq!(file.lines(), ["one@0", "two@4"]);
    file.temp.as_file().set_len(9).unwrap();
    assert_eq!(file.state(), Turn::Truncated);
    let mut file = open(b"one\ntwo\nthr", 100);
    let path = file.temp.into_temp_path();
    std::fs::remove_file(&path).unwrap();
    let mut buffer = Vec::new();
    assert_eq!(file.harvester.turn(file.framing, &mut buffer, |_| true).unwrap(), Turn::Deleted);
    let mut rest = String::new();
    let framing = file.framing;
    file.harvester
        .rest(framing, &mut buffer, |line| rest = String::from_utf8_lossy(line.bytes).into_owned())
        .unwrap();
    assert_eq!((rest.as_str(), file.harvester.position().offset), ("thr", 11));
}

#[test]
fn a_closed_file_is_opened_again_if_its_name_is_still_its_own() {
    let mut file = open(b"one\n", 100);
    file.harvester.key = Inode::of(&file.temp.as_file().metadata().unwrap());
    file.lines();
    file.harvester.close();
    assert!(!file.harvester.is_open());
    file.temp.write_all(b"two\n").unwrap();
    assert_eq!(file.lines(), ["two@4"]);
    file.harvester.close();
    let other = tempfile::NamedTempFile::new_in(file.temp.path().parent().unwrap()).unwrap();
    std::fs::rename(other.path(), file.temp.path()).unwrap();
    let error = file.harvester.turn(file.framing, &mut Vec::new(), |_| true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    std::fs::write(other.path(), "").unwrap();
}

proptest! {
    /// However a file grows and however little is taken at once: its lines, each once.
    #[test]
    fn every_line_once(parts in prop::collection::vec("[ab\n]{0,9}", 0..12), at_once in 1..4_usize, max_line in 1..6_usize) {
        let mut file = open(b"", max_line);
        let mut out = Vec::new();
        for part in &parts {
            file.temp.write_all(part.as_bytes()).unwrap();
            loop {
                let mut room = at_once;
                let turn = file.harvester.turn(file.framing, &mut Vec::new(), |line| {
                    out.push((line.bytes.to_vec(), line.offset, line.cut));
                    room -= 1;
                    room > 0
                });
                if turn.unwrap() != Turn::More {
                    break;
                }
            }
        }
        let text = parts.concat();
        let mut dull = Vec::new();
        let mut offset = 0;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let bytes = line.trim_end_matches('\n').as_bytes();
            dull.push((bytes[..bytes.len().min(max_line)].to_vec(), offset, bytes.len() > max_line));
            offset += line.len() as u64;
        }
        prop_assert_eq!(out, dull);
    }
}

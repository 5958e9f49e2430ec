//! Lines, held against the dull way: every document whole.

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*};

use super::{template::example, *};
use crate::{Limits, WindowReader, encode_window};

#[derive(Clone, Debug)]
enum Event {
    Document(String),
    Line { template: usize, text: String, gap: u64, cut: bool, several: bool },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let line =
        (0_usize..3, ".{0,30}", prop_oneof![4 => Just(0_u64), 1 => any::<u64>()], any::<(bool, bool)>());
    let line = line.prop_map(|(template, text, gap, (cut, several))| Event::Line {
        template,
        text,
        gap,
        cut,
        several,
    });
    vec(
        prop_oneof![1 => "[a-z]{0,9}".prop_map(|s| Event::Document(format!("{{\"a\":\"{s}\"}}"))), 6 => line],
        0..20,
    )
}

/// The lines, and the document of each event.
fn make(events: &[Event]) -> (Lines, Vec<Vec<u8>>) {
    let templates: Vec<_> = (0..3).map(|n| Arc::new(example(&"x".repeat(n)))).collect();
    let (mut lines, mut documents, mut next) = (Lines::default(), Vec::new(), 0_u64);
    for event in events {
        match event {
            Event::Document(document) => {
                lines.push(document.as_bytes());
                documents.push(document.clone().into_bytes());
            }
            Event::Line { template, text, gap, cut, several } => {
                let line = Line { text, offset: next.wrapping_add(*gap), cut: *cut, several: *several };
                next = record::behind(line.offset, text.len() as u64);
                lines.push_line(&templates[*template], &line);
                let mut document = Vec::new();
                templates[*template].write(&line, &mut document);
                documents.push(document);
            }
        }
    }
    (lines, documents)
}

fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = WindowReader::new(Limits::default());
    reader.allow_records();
    let mut input = BytesMut::from(bytes);
    let window = reader.next_window(&mut input).unwrap().expect("a whole window");
    assert!(input.is_empty());
    assert_eq!(window.ack as usize, window.events.len());
    window.events.iter().map(|event| event.document().unwrap().into_owned()).collect()
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::Plain),
        (0_u32..=9).prop_map(Compression::Zlib),
        Just(Compression::Records),
        (-3_i32..4).prop_map(Compression::Zstd)
    ]
}

proptest! {
    #[test]
    fn a_window_is_what_the_dull_way_writes(
        events in events(), from in 0_usize..20, to in 0_usize..22, ways in vec(compression(), 1..4),
    ) {
        let (lines, documents) = make(&events);
        prop_assert_eq!(lines.documents(), &documents[..]);
        let to = to.max(from);
        let part = &documents[from.min(documents.len())..to.min(documents.len())];
        let mut packer = Packer::default();
        for way in ways {
            packer.set(way);
            let mut got = Vec::new();
            prop_assert!(!lines.window(from..to, false, &mut packer, &mut got));
            prop_assert_eq!(&read(&got), part);
            if way == Compression::Plain {
                let mut dull = Vec::new();
                encode_window(&mut dull, part.iter().map(Vec::as_slice), 0);
                prop_assert_eq!(got, dull);
            }
        }
        let mut got = Vec::new();
        let rest = lines.own_window(from..to, &mut got);
        got.extend_from_slice(&lines.as_buffer()[rest]);
        prop_assert_eq!(&read(&got), part);
    }

    #[test]
    fn the_buffer_is_all_there_is(events in events(), more in events()) {
        let (lines, documents) = make(&events);
        let mut again = Lines::from_buffer(lines.as_buffer().to_vec()).unwrap();
        prop_assert_eq!(&again, &lines);
        prop_assert_eq!((&again.starts, again.longest), (&lines.starts, lines.longest));
        let (more, others) = make(&more);
        // What is added behind it does not depend on what was known.
        again.push(b"{}");
        for record in more.documents() {
            again.push(&record);
        }
        prop_assert_eq!(again.documents(), [documents, vec![b"{}".to_vec()], others].concat());
    }

    #[test]
    fn other_bytes_are_the_same_bytes_again_or_an_error(events in events(), at in any::<prop::sample::Index>(), byte: u8) {
        let (lines, _) = make(&events);
        let mut buffer = lines.as_buffer().to_vec();
        if !buffer.is_empty() {
            let at = at.index(buffer.len());
            buffer[at] = byte;
            if let Ok(other) = Lines::from_buffer(buffer.clone()) {
                prop_assert_eq!(other.as_buffer(), &buffer[..]);
                prop_assert_eq!(other.documents().len(), other.len());
            }
            buffer.truncate(at);
            let _ = Lines::from_buffer(buffer);
        }
    }

    #[test]
    fn a_range_is_cut_where_its_bytes_are_too_many(
        events in events(), from in 0_usize..20, limit in 0_usize..900, way in compression(),
    ) {
        let (lines, _) = make(&events);
        prop_assume!(from < lines.len());
        let got = lines.fitting(from..lines.len(), limit, way);
        let size = |end: usize| lines.bytes_of(from..end, way);
        prop_assert!(got.start == from && got.end > from);
        prop_assert!(got.len() == 1 || size(got.end) <= limit);
        prop_assert!(got.end == lines.len() || size(got.end + 1) > limit);
    }
}

#[test]
fn the_question_stands_in_the_first_document_of_the_window() {
    let template = Arc::new(example("x"));
    let mut lines = Lines::default();
    for offset in [0, 2, 4] {
        lines.push_line(&template, &Line { text: "a", offset, cut: false, several: false });
    }
    for compression in [Compression::Plain, Compression::Zlib(3)] {
        let mut out = Vec::new();
        assert!(lines.window(1..3, true, &mut Packer::new(compression), &mut out));
        assert_eq!(
            read(&out).iter().map(|document| crate::asks(document)).collect::<Vec<_>>(),
            [true, false]
        );
    }
    let mut numbers = Lines::default();
    numbers.push(b"7");
    assert!(!numbers.window(0..1, true, &mut Packer::default(), &mut Vec::new()), "no place for it");
}

#[test]
fn lines_that_follow_each_other_cost_three_bytes_each() {
    let template = Arc::new(example("x"));
    let mut lines = Lines::default();
    let text = "y".repeat(200);
    for n in 0..100 {
        lines.push_line(&template, &Line { text: &text, offset: 201 * n, cut: false, several: false });
    }
    assert!(lines.bytes() < 100 * 203 + 200, "{}", lines.bytes());
}

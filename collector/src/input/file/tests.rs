use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    super::{
        Site,
        test_support::{Running, errors, events},
    },
    options::{Cut, SincedbPlace},
    sincedb::FileId,
    watched::{Content, Watched},
};

/// A folder with logs, and the input that reads them.
struct Logs {
    dir: TempDir,
}

impl Logs {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn conf(&self, options: &str) -> String {
        format!(
            "file {{ path => '{}/*.log*' sincedb_path => '{}' stat_interval => '5 ms' discover_interval => 1 ecs_compatibility => disabled {options} }}",
            self.dir.path().display(),
            self.path("sincedb").display()
        )
    }

    async fn start(&self, options: &str) -> Running {
        Running::start(&self.conf(options)).await
    }

    /// Events without what is the folder's name.
    fn plain(&self, text: &str) -> String {
        text.replace(&self.dir.path().display().to_string(), "DIR")
    }

    /// The offsets that are kept, by file.
    fn offsets(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("sincedb")).unwrap();
        let show = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            format!("{} {}", words[3], Path::new(words[5]).file_name().unwrap().display())
        };
        let mut found: Vec<_> = text.lines().map(show).collect();
        found.sort();
        found
    }
}

/// The messages of events.
fn messages(events: &[String]) -> Vec<String> {
    let message = |event: &String| {
        // Behind the event are its metadata.
        let event = serde_json::Deserializer::from_str(event).into_iter::<serde_json::Value>().next();
        event.unwrap().unwrap()["message"].as_str().unwrap().to_owned()
    };
    events.iter().map(message).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

const READ: &str = "mode => read exit_after_read => true file_sort_by => path";

#[tokio::test]
async fn files_are_read_to_their_end_and_deleted() {
    let logs = Logs::new();
    logs.write("a.log", "one\r\ntwo");
    fs::write(logs.path("b.log.gz"), [gzip("three\n"), gzip("four\n")].concat()).unwrap();
    logs.write("c.log", "");
    insta::assert_snapshot!(logs.plain(&events(&logs.conf(READ)).await), @r#"
    {"message":"one","host":"box","path":"DIR/a.log"}
    {"message":"two","host":"box","path":"DIR/a.log"}
    {"message":"three","host":"box","path":"DIR/b.log.gz"}
    {"message":"four","host":"box","path":"DIR/b.log.gz"}
    "#);
    assert!(!logs.path("a.log").exists() && !logs.path("b.log.gz").exists() && !logs.path("c.log").exists());
    assert_eq!(logs.offsets(), [""; 0]);
}

#[tokio::test]
async fn names_of_the_common_schema() {
    let logs = Logs::new();
    logs.write("a.log", "one\n");
    let conf = logs.conf(&format!("{READ} tags => 't'")).replace("disabled", "v8");
    insta::assert_snapshot!(logs.plain(&events(&conf).await), @r#"{"message":"one","event":{"original":"one"},"tags":["t"],"host":{"name":"box"},"log":{"file":{"path":"DIR/a.log"}}}"#);
    logs.write("a.log", "{\"a\":1};{\"a\":2}");
    let conf = logs.conf(&format!("{READ} codec => json delimiter => ';'")).replace("disabled", "v8");
    insta::assert_snapshot!(logs.plain(&events(&conf).await), @r#"
    {"a":1,"event":{"original":"{\"a\":1}"},"host":{"name":"box"},"log":{"file":{"path":"DIR/a.log"}}}
    {"a":2,"event":{"original":"{\"a\":2}"},"host":{"name":"box"},"log":{"file":{"path":"DIR/a.log"}}}
    "#);
}

#[tokio::test]
async fn what_was_read_is_logged_and_not_read_again() {
    let logs = Logs::new();
    logs.write("a.log", "one\n");
    fs::write(logs.path("b.log.gz"), gzip("two\n")).unwrap();
    let options = format!(
        "{READ} file_completed_action => log file_completed_log_path => '{}'",
        logs.path("done").display()
    );
    assert_eq!(events(&logs.conf(&options)).await.lines().count(), 2);
    assert_eq!(events(&logs.conf(&options)).await, "");
    let done = logs.plain(&fs::read_to_string(logs.path("done")).unwrap());
    // In the order in which they were delivered.
    let mut done: Vec<_> = done.lines().collect();
    done.sort_unstable();
    assert_eq!(done, ["DIR/a.log", "DIR/b.log.gz"]);
    assert_eq!(logs.offsets(), ["-1 b.log.gz", "4 a.log"]);
}

#[tokio::test]
async fn what_is_written_is_followed_over_rotation_cuts_and_restarts() {
    let logs = Logs::new();
    logs.write("a.log", "before\n");
    let mut running = logs.start("exclude => '*.1' start_position => beginning").await;
    assert_eq!(messages(&running.take(1).await), ["before"]);
    logs.append("b.log", "new\nbegun");
    assert_eq!(messages(&running.take(1).await), ["new"]);
    logs.append("a.log", "one\n");
    assert_eq!(messages(&running.take(1).await), ["one"]);
    // Renamed, and the writer goes on for a while.
    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    logs.append("a.log.1", "two\n");
    assert_eq!(messages(&running.take(1).await), ["two"]);
    logs.append("a.log", "three\n");
    assert_eq!(messages(&running.take(1).await), ["three"]);
    // Cut.
    logs.write("a.log", "4\n");
    assert_eq!(messages(&running.take(1).await), ["4"]);
    running.stop().await;
    assert_eq!(logs.offsets(), ["15 a.log", "2 a.log", "4 b.log"]);
    logs.append("a.log", "five\n");
    let mut running = logs.start("exclude => '*.1'").await;
    assert_eq!(messages(&running.take(1).await), ["five"]);
    logs.append("b.log", " whole\n");
    assert_eq!(messages(&running.take(1).await), ["begun whole"]);
    running.stop().await;
}

#[tokio::test]
async fn a_tail_begins_at_the_end() {
    let logs = Logs::new();
    logs.write("a.log", "before\n");
    let mut running = logs.start("").await;
    // When it has begun is not seen, so something is written until it is.
    let batch = loop {
        logs.append("a.log", "now\n");
        match tokio::time::timeout(std::time::Duration::from_millis(20), running.batches.recv()).await {
            Ok(batch) => break batch.unwrap(),
            Err(_) => continue,
        }
    };
    let mut found = batch.events;
    assert_eq!(found.next().unwrap().fields().get("message").unwrap().as_str(), Some("now"));
    batch.delivery.done();
    running.stop().await;
}

#[tokio::test]
async fn an_offset_moves_when_events_are_delivered_and_what_is_not_comes_again() {
    let logs = Logs::new();
    logs.write("a.log", "one\ntwo\n");
    let mut running = logs.start("start_position => beginning file_chunk_size => 4").await;
    let first = running.batches.recv().await.unwrap();
    let second = running.batches.recv().await.unwrap();
    // The second is delivered, the first is not: both come again.
    second.delivery.done();
    drop(first);
    assert_eq!(messages(&running.take(2).await), ["one", "two"]);
    running.stop().await;
    assert_eq!(logs.offsets(), ["8 a.log"]);
    // What is under way when it ends is not acknowledged.
    logs.append("a.log", "three\n");
    let mut running = logs.start("").await;
    let held = running.batches.recv().await.unwrap();
    let stopping = tokio::spawn(running.stop());
    drop(held);
    stopping.await.unwrap();
    assert_eq!(logs.offsets(), ["8 a.log"]);
}

#[tokio::test]
async fn lines_that_a_codec_keeps_back_are_not_acknowledged() {
    let logs = Logs::new();
    logs.write("a.log", "a\n b\nc\n d\n");
    let codec = r#"start_position => beginning codec => multiline { pattern => "^ " what => previous }"#;
    let mut running = logs.start(codec).await;
    assert_eq!(messages(&running.take(1).await), ["a\n b"]);
    running.stop().await;
    assert_eq!(logs.offsets(), ["5 a.log"]);
    logs.append("a.log", "e\n");
    let mut running = logs.start(codec).await;
    assert_eq!(messages(&running.take(1).await), ["c\n d"]);
    running.stop().await;
    // In read mode a file has an end, and with it its last event.
    let read = format!("{READ} {codec}");
    let found = events(&logs.conf(&read)).await;
    assert!(found.contains(r#""message":"e""#), "{found}");
}

#[tokio::test]
async fn more_files_than_may_be_open() {
    let logs = Logs::new();
    for number in 0..5 {
        logs.write(&format!("{number}.log"), "a\n");
    }
    let mut running = logs.start("start_position => beginning max_open_files => 1").await;
    assert_eq!(running.take(5).await.len(), 5);
    for number in 0..5 {
        logs.append(&format!("{number}.log"), "b\n");
    }
    assert_eq!(messages(&running.take(5).await), ["b"; 5]);
    running.stop().await;
}

#[tokio::test]
async fn a_broken_archive_is_read_as_far_as_it_goes() {
    let logs = Logs::new();
    let mut packed = gzip("one\ntwo\n");
    packed.extend(&gzip("three\n")[..14]);
    fs::write(logs.path("a.log.gz"), packed).unwrap();
    let found = events(&logs.conf(READ)).await;
    assert_eq!(found.lines().count(), 2, "{found}");
    assert!(logs.path("a.log.gz").exists());
}

#[test]
fn what_is_wrong_is_told() {
    assert!(errors("file { sincedb_path => '/dev/null' }").contains("wants `path =>"));
    assert!(errors("file { path => 'a.log' sincedb_path => '/dev/null' }").contains("must be absolute"));
    assert!(errors("file { path => '/a[' sincedb_path => '/dev/null' }").contains("is no pattern of paths"));
    assert!(
        errors("file { path => '/a' sincedb_path => '/dev/null' exit_after_read => true }")
            .contains("a tail has no end")
    );
    assert!(
        errors("file { path => '/a' sincedb_path => '/dev/null' close_older => '1 moon' }")
            .contains("wants seconds")
    );
    assert!(
        errors("file { path => '/a' sincedb_path => '/dev/null' mode => read file_completed_action => log }")
            .contains("wants `file_completed_log_path")
    );
}

#[test]
fn offsets_are_in_the_collectors_folder_and_pipelines_do_not_share_them() {
    let place = |given: &SincedbPlace, pipeline: &str| {
        let site = Site { data_dir: "/data".into(), pipeline: pipeline.to_owned(), ..Site::default() };
        given.path(&site)
    };
    let usual = SincedbPlace::Usual("/a,/b".to_owned());
    let one = place(&usual, "one");
    assert!(one.to_str().unwrap().starts_with("/data/plugins/inputs/file/.sincedb_"), "{one:?}");
    assert_eq!(one, place(&usual, "one"));
    assert_ne!(one, place(&usual, "other"));
    assert_eq!(place(&SincedbPlace::Given("/x".into()), "one"), std::path::Path::new("/x"));
}

proptest! {
    /// Whatever the size of the pieces, lines are those of a split, and each byte is read once.
    #[test]
    fn pieces_of_any_size(text in "[ab|\n]{0,60}", size in 1_usize..9, bars: bool, packed: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let bytes = if packed { gzip(&text) } else { text.clone().into_bytes() };
        fs::write(&path, bytes).unwrap();
        let delimiter = if bars { "||" } else { "\n" };
        let cut = Cut { delimiter: delimiter.to_owned(), codec: None, keeps: false };
        let id = FileId::of(&fs::metadata(&path).unwrap());
        let mut watched = Watched::new(id, path, 0, packed, &cut);
        let (mut whole, mut ends) = (Vec::new(), Vec::new());
        loop {
            let (block, at_end) = watched.next(&cut, size, true, jiff::Timestamp::UNIX_EPOCH).unwrap();
            if let Some(block) = block {
                let Content::Lines(lines) = block.content else { panic!("lines") };
                whole.extend_from_slice(&lines);
                prop_assert_eq!(block.end, whole.len() as u64);
                prop_assert!(at_end || lines.ends_with(delimiter.as_bytes()));
                ends.push(block.end);
            }
            if at_end {
                break;
            }
        }
        prop_assert!(watched.ended);
        prop_assert_eq!(String::from_utf8(whole).unwrap(), text);
    }
}

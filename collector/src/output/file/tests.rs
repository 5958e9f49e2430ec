//! Events into files, and files that others move, fill and take away meanwhile.

use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _};

use super::super::test_support::{House, errors, send, sent};

/// What each of some files holds after events were sent, one batch for each list.
async fn check(output: &str, batches: &[&[&str]], files: &[&str]) -> String {
    let house = House::new();
    let output = house.open(output);
    for batch in batches {
        send(&output, batch).await;
    }
    files.iter().map(|file| format!("{file}: {}", house.read(file))).collect::<Vec<_>>().join("\n")
}

const TWO: &[&str] = &[r#"{"h":"a","message":"1"}"#, r#"{"h":"b","message":"2"}"#];

#[tokio::test]
async fn events_go_into_the_files_they_name() {
    insta::assert_snapshot!(
        check(r#"file { path => "DIR/x/%{h}.log" }"#, &[TWO, TWO], &["x/a.log", "x/b.log"]).await,
        @r#"
    x/a.log: {"@timestamp":"1970-01-01T00:00:00.000Z","h":"a","message":"1","@version":"1"}
    {"@timestamp":"1970-01-01T00:00:00.000Z","h":"a","message":"1","@version":"1"}

    x/b.log: {"@timestamp":"1970-01-01T00:00:00.000Z","h":"b","message":"2","@version":"1"}
    {"@timestamp":"1970-01-01T00:00:00.000Z","h":"b","message":"2","@version":"1"}
    "#
    );
    let line = r#"codec => line { format => "%{message}" }"#;
    insta::assert_snapshot!(
        check(&format!(r#"file {{ path => "DIR/o" {line} write_behavior => overwrite }}"#), &[TWO, TWO], &["o"]).await,
        @"o: 2"
    );
    insta::assert_snapshot!(
        check(&format!(r#"file {{ path => "DIR/d/%{{h}}" {line} }}"#), &[&[r#"{"h":"../x","message":"out"}"#]], &["d/_filepath_failures", "x"]).await,
        @"
    d/_filepath_failures: out

    x: No such file or directory (os error 2)
    "
    );
    insta::assert_snapshot!(
        check(&format!(r#"file {{ path => "DIR/f" {line} create_if_deleted => false filename_failure => "lost" }}"#), &[TWO], &["f", "lost"]).await,
        @"
    f: No such file or directory (os error 2)
    lost: 1
    2
    "
    );
    insta::assert_snapshot!(
        check(&format!(r#"file {{ path => "DIR/r.log" {line} rotate_bytes => 4 }}"#), &[TWO, TWO, &TWO[..1]], &["r.log", "r.1.log", "r.2.log"]).await,
        @"
    r.log: 1

    r.1.log: 1
    2

    r.2.log: 1
    2
    "
    );
    insta::assert_snapshot!(
        check(r#"file { path => "DIR/c.csv" codec => csv { columns => ["h"] include_headers => true } }"#, &[TWO, TWO], &["c.csv"]).await,
        @"
    c.csv: h
    a
    b
    a
    b
    "
    );
}

#[tokio::test]
async fn a_file_that_is_renamed_or_removed_is_made_anew() {
    let house = House::new();
    let output =
        house.open(r#"file { path => "DIR/a.log" codec => line { format => "%{message}" } fsync => true }"#);
    send(&output, &TWO[..1]).await;
    fs::rename(house.dir.path().join("a.log"), house.dir.path().join("a.log.1")).unwrap();
    send(&output, &TWO[1..]).await;
    assert_eq!((house.read("a.log.1"), house.read("a.log")), ("1\n".to_owned(), "2\n".to_owned()));
    fs::remove_file(house.dir.path().join("a.log")).unwrap();
    send(&output, &TWO[..1]).await;
    assert_eq!(house.read("a.log"), "1\n");
}

#[tokio::test]
async fn modes_are_those_that_were_asked_for() {
    let house = House::new();
    send(&house.open(r#"file { path => "DIR/d/a.log" file_mode => 0600 dir_mode => 0700 }"#), TWO).await;
    let mode = |path: &str| fs::metadata(house.dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("d"), mode("d/a.log")), (0o700, 0o600));
}

#[tokio::test]
async fn what_cannot_be_written_is_held_and_written_when_it_can() {
    let house = House::new();
    // A link into a folder that is not there stands in the way.
    let path = house.dir.path().join("a.log");
    std::os::unix::fs::symlink("nowhere/else", &path).unwrap();
    let output = house.open(r#"file { path => "DIR/a.log" codec => line { format => "%{message}" } }"#);
    let stats = house.outlet.stats.clone();
    let sending = sent(&output, TWO);
    let mend = async {
        while stats.retries.get() == 0 {
            tokio::task::yield_now().await;
        }
        fs::remove_file(&path).unwrap();
    };
    let (done, ()) = tokio::join!(sending, mend);
    done.unwrap();
    assert_eq!(house.read("a.log"), "1\n2\n");
}

#[tokio::test]
async fn what_cannot_be_written_at_the_end_is_not_acknowledged() {
    let house = House::new();
    let output = house.open(r#"file { path => "/dev/full" }"#);
    house.give_up.send(true).unwrap();
    assert!(sent(&output, TWO).await.is_err());
}

#[tokio::test]
async fn a_torn_line_does_not_take_the_next_one_with_it() {
    let house = House::new();
    fs::write(house.dir.path().join("a.log"), "whole\nto").unwrap();
    send(&house.open(r#"file { path => "DIR/a.log" codec => line { format => "%{message}" } }"#), TWO).await;
    assert_eq!(house.read("a.log"), "whole\nto\n1\n2\n");
}

#[tokio::test]
async fn packed_files_are_whole_after_each_batch_and_mended_after_a_crash() {
    let line = r#"codec => line { format => "%{message}" }"#;
    for (option, zstd) in [("gzip => true", false), ("compression => zstd", true)] {
        let house = House::new();
        let path = house.dir.path().join("a.log.gz");
        let conf = format!(r#"file {{ path => "DIR/a.log.gz" {line} {option} }}"#);
        let unpacked = || {
            let mut text = String::new();
            let file = fs::File::open(&path).unwrap();
            match zstd {
                true => zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap(),
                false => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap(),
            };
            text
        };
        let output = house.open(&conf);
        send(&output, TWO).await;
        send(&output, TWO).await;
        assert_eq!(unpacked(), "1\n2\n1\n2\n", "{option}");
        drop(output);
        // Half of a batch more, as a kill leaves it.
        let bytes = fs::read(&path).unwrap();
        for torn in [1, 7, bytes.len() / 2 - 1] {
            fs::write(&path, [&bytes[..], &bytes[..torn]].concat()).unwrap();
            send(&house.open(&conf), &TWO[..1]).await;
            assert_eq!(unpacked(), "1\n2\n1\n2\n1\n", "{option} {torn}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    insta::assert_snapshot!(errors(r#"file { path => "/%{host}/x" file_mode => 640 gzip => true compression => zstd }"#), @r#"
    x.conf:1:10: `gzip` and `compression` say two things: remove one of them
      |
    1 | output { file { path => "/%{host}/x" file_mode => 640 gzip => true compression => zstd } }
      |          ^^^^
    x.conf:1:51: `640` is no mode of a file
      |
    1 | output { file { path => "/%{host}/x" file_mode => 640 gzip => true compression => zstd } }
      |                                                   ^^^
      = help: write it octal with a leading 0, as in `0640`
    x.conf:1:25: the path must not begin with a field: write a folder first
      |
    1 | output { file { path => "/%{host}/x" file_mode => 640 gzip => true compression => zstd } }
      |                         ^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(errors("file { }"), @r#"
    x.conf:1:10: file wants `path => "…"`
      |
    1 | output { file { } }
      |          ^^^^
    "#);
}

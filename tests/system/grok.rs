//! `alces grok` as a person and a script use it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
};

use crate::support::{files, project};

/// Exit code, standard output and standard error of a run with this on standard input.
fn run(args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alces"))
        .arg("grok")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that fails early does not read.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn matches_and_misses_from_standard_input_without_colours() {
    let (code, out, err) =
        run(&["%{WORD:verb} %{INT:bytes:int} %{INT:ms}"], b"GET 12 7\nGET 12 abcdef\r\n\xff\n");
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r#"
    GET 12 7
      verb  = "GET"
      bytes = 12
      ms    = "7"
    GET 12 abcdef
           ^
      stopped at column 8: `%{INT:ms}` does not match `abcdef`
    �
    ^
      stopped at column 1: `%{WORD:verb}` matches nowhere in the line
    "#);
    assert!(err.starts_with("3 lines: 1 matched, 2 not matched, 0 timed out\nmatching: "), "{err}");
}

#[test]
fn colours_are_there_when_they_are_asked_for() {
    let (_, out, _) = run(&["--color", "always", "%{INT:n}", "-"], b"a 1\n");
    assert!(out.contains("\x1b[32m1\x1b[0m"), "{out:?}");
}

#[test]
fn json_is_one_object_a_line_and_nothing_else() {
    let (code, out, _) = run(
        &["--json", "--ecs", "disabled", "%{COMMONAPACHELOG} %{NUMBER:[time][total]:float}"],
        b"1.2.3.4 - bob [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 9 0.25\nnonsense\n\xe4 1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\xe4 HTTP/1.1\" 200 9 1\n",
    );
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r#"
    {"clientip":"1.2.3.4","ident":"-","auth":"bob","timestamp":"17/May/2015:10:05:03 +0000","verb":"GET","request":"/a","httpversion":"1.1","response":"200","bytes":"9","time":{"total":0.25}}
    null
    {"clientip":"1.2.3.4","ident":"-","auth":"-","timestamp":"17/May/2015:10:05:03 +0000","verb":"GET","request":"/�","httpversion":"1.1","response":"200","bytes":"9","time":{"total":1.0}}
    "#);
}

#[test]
fn only_the_misses_of_the_sample() {
    let (code, out, err) = run(&["--only", "misses", "%{COMBINEDAPACHELOG}"], files::sample().as_bytes());
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r#"
    46.118.127.106 - - [20/May/2015:12:05:17 +0000] "GET /scripts/grok-py-test/configlib.py HTTP/1.1" 200 235 "-" "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html
                                                                                                                   ^
      stopped at column 112: `%{COMBINEDAPACHELOG}` → `%{HTTPD_COMBINEDLOG}` → `"` matches nowhere in `Mozilla/5.0 (compatible;…`, which `(?:-|%{DATA:[user_agent][original]})` would take
    "#);
    assert!(err.starts_with("10000 lines: 9999 matched, 1 not matched, 0 timed out\n"), "{err}");
}

#[test]
fn exit_codes_are_greps() {
    assert_eq!(run(&["x"], b"x\n").0, 0);
    assert_eq!(run(&["x"], b"y\n").0, 1);
    assert_eq!(run(&["x"], b"").0, 1);
    assert_eq!(run(&[], b"").0, 2);
    let (code, out, err) = run(&["%{IP:ip} %{WROD:w}"], b"x\n");
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!(err, @"
    pattern:1:10: pattern `%{WROD}` is not defined
      |
    1 | %{IP:ip} %{WROD:w}
      |          ^^^^^^^^^
      = help: did you mean `%{WORD}`?
    ");
    let (code, _, err) = run(&["x", "/no/such/file"], b"");
    assert_eq!(code, 2);
    assert!(err.starts_with("/no/such/file: No such file"), "{err}");
}

#[test]
fn definitions_come_from_folders_and_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("10-first"), "PLACE [A-Z]+\nDESK %{PLACE:place}\n").unwrap();
    std::fs::write(dir.path().join("20-second"), "# the later one wins\nPLACE [a-z]+\n").unwrap();
    let dir = dir.path().to_str().unwrap();
    let args = ["--patterns-dir", dir, "--definition", "NO=[0-9]=", "--json", "%{DESK} %{NO:no}"];
    assert_eq!(run(&args, b"berlin 7=\n").1, "{\"place\":\"berlin\",\"no\":\"7=\"}\n");
    let (code, _, err) = run(&["--definition", "NO", "x"], b"");
    assert_eq!((code, err.as_str()), (2, "--definition `NO`: expected NAME=REGEX\n"));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alces"))
        .args(["grok", "%{GREEDYDATA:all}"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Far more than pipes hold: it must end before its input does.
    let writer = std::thread::spawn(move || while stdin.write_all(b"a line that is not long\n").is_ok() {});
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "a line that is not long\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    writer.join().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}

#[test]
fn a_line_is_shown_before_the_next_one_comes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alces"))
        .args(["grok", "--json", "%{INT:n:int}"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    for n in 0..3 {
        writeln!(stdin, "{n}").unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{{\"n\":{n}}}\n"));
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_known_pattern_is_suggested_for_the_sample() {
    let (code, out, _) = run(&["--suggest"], files::sample().as_bytes());
    assert_eq!(code, 0);
    assert!(out.starts_with("1. 9999 of 10000 lines (99.99 %)\n\n^%{COMBINEDAPACHELOG}$\n"), "{out}");
}

#[test]
fn a_suggested_filter_is_one_that_the_collector_takes() {
    let lines = "2024-05-01 12:00:01,1 INFO  [main] app.Start - user 'bob' took \"0.5\" s from 10.0.0.1\n\
                 2024-05-01 12:00:02,9 ERROR [exec-1] app.web.Orders - user 'eve' took \"12.5\" s from 10.0.0.2\n";
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    std::fs::write(&log, lines).unwrap();
    let (code, out, _) = run(&["--suggest", log.to_str().unwrap()], b"");
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r#"
    1. 2 of 2 lines (100.00 %)

    ^%{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:loglevel}\s+\[%{DATA:field1}\] %{NOTSPACE:class} - user '%{DATA:user}' took "%{NUMBER:took:float}" s from %{IP:client_ip}$

    2024-05-01 12:00:01,1 INFO  [main] app.Start - user 'bob' took "0.5" s from 10.0.0.1
      timestamp = "2024-05-01 12:00:01,1"
      loglevel  = "INFO"
      field1    = "main"
      class     = "app.Start"
      user      = "bob"
      took      = 0.5
      client_ip = "10.0.0.1"

    filter {
      grok {
        match => {
          "message" => "^%{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:loglevel}\s+\[%{DATA:field1}\] %{NOTSPACE:class} - user '%{DATA:user}' took \x22%{NUMBER:took:float}\x22 s from %{IP:client_ip}$"
        }
      }
    }
    "#);
    let filter = &out[out.find("filter {").unwrap()..];
    let conf = dir.path().join("app.conf");
    std::fs::write(&conf, format!("input {{ stdin {{ }} }}\n{filter}\noutput {{ stdout {{ }} }}\n")).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_alces")).arg("check").arg(&conf).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn prose_gets_no_suggestion() {
    let (code, out, _) = run(&["--suggest"], b"one two\nand so on\nuntil the end, or not\n");
    assert_eq!((code, out.as_str()), (1, "the 3 lines have nothing in common that a pattern could name\n"));
}

#[test]
fn json_gets_no_suggestion_and_no_lines_none_either() {
    let (code, out, _) = run(&["--suggest"], b"{\"a\":1}\n{\"a\":2}\n");
    assert_eq!((code, out.as_str()), (1, "lines that are JSON objects and want no grok: 2\n\n"));
    assert_eq!(run(&["--suggest"], b"").0, 1);
}

#[test]
fn the_readme_shows_what_it_prints() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let pattern = "%{WORD:verb} %{URIPATH:path} %{INT:status:int} %{INT:bytes:int}";
    assert!(readme.contains(&format!("alces grok '{pattern}'\n")));
    let (_, out, _) = run(&[pattern], b"GET /a 200 12\nGET /b 200 -\n");
    assert!(readme.contains(&format!("<!-- grok-output -->\n```\n{out}```\n")), "{out}");
}

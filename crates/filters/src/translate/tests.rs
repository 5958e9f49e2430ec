use crate::test_support::{check_changing, check_json, errors};

const CODES: &str = r#"dictionary => { "100" => "Continue" "200" => "OK" "list" => [1, "b"] "hash" => { "a" => 1.5 } "n" => 7 }"#;

#[track_caller]
fn translate(options: &str, json: &str) -> String {
    check_json(&format!(r#"translate {{ source => "s" add_tag => "ok" {options} }}"#), json)
}

#[test]
fn a_value_is_looked_up() {
    let coded = |json: &str| translate(&format!(r#"{CODES} target => "t""#), json);
    insta::assert_snapshot!(coded(r#"{"s":"100"}"#), @r#"{"s":"100","t":"Continue","tags":["ok"]}"#);
    insta::assert_snapshot!(coded(r#"{"s":200}"#), @r#"{"s":200,"t":"OK","tags":["ok"]}"#);
    insta::assert_snapshot!(coded(r#"{"s":["200","100"]}"#), @r#"{"s":["200","100"],"t":"OK","tags":["ok"]}"#);
    insta::assert_snapshot!(coded(r#"{"s":"404"}"#), @r#"{"s":"404"}"#);
    insta::assert_snapshot!(coded(r#"{"x":"100"}"#), @r#"{"x":"100"}"#);
    insta::assert_snapshot!(coded(r#"{"s":[]}"#), @r#"{"s":[]}"#);
}

#[test]
fn values_of_any_type() {
    let coded = |json: &str| translate(CODES, json);
    insta::assert_snapshot!(coded(r#"{"s":"list"}"#), @r#"{"s":[1,"b"],"tags":["ok"]}"#);
    insta::assert_snapshot!(coded(r#"{"s":"hash"}"#), @r#"{"s":{"a":1.5},"tags":["ok"]}"#);
    insta::assert_snapshot!(coded(r#"{"s":"n"}"#), @r#"{"s":7,"tags":["ok"]}"#);
    // In place it is a success in any case.
    insta::assert_snapshot!(coded(r#"{"s":"x"}"#), @r#"{"s":"x","tags":["ok"]}"#);
    // A list of pairs is a hash to Logstash.
    insta::assert_snapshot!(translate(r#"dictionary => ["a", "b", "c", "d"]"#, r#"{"s":"c"}"#), @r#"{"s":"d","tags":["ok"]}"#);
}

#[test]
fn where_the_answer_goes() {
    let legacy = "ecs_compatibility => disabled";
    insta::assert_snapshot!(translate(&format!("{CODES} {legacy}"), r#"{"s":"100"}"#), @r#"{"s":"100","translation":"Continue","tags":["ok"]}"#);
    insta::assert_snapshot!(check_json(&format!(r#"translate {{ field => "s" destination => "[a][b]" {CODES} }}"#), r#"{"s":"100"}"#), @r#"{"s":"100","a":{"b":"Continue"}}"#);
}

#[test]
fn what_stands_there_already() {
    let there = r#"{"s":"100","t":"x"}"#;
    insta::assert_snapshot!(translate(&format!(r#"{CODES} target => "t""#), there), @r#"{"s":"100","t":"x"}"#);
    insta::assert_snapshot!(translate(&format!(r#"{CODES} target => "t" override => true"#), there), @r#"{"s":"100","t":"Continue","tags":["ok"]}"#);
    insta::assert_snapshot!(translate(&format!(r#"{CODES} override => false"#), there), @r#"{"s":"100","t":"x"}"#);
}

#[test]
fn a_fallback_with_values_of_the_event() {
    let fallback = format!(r#"{CODES} target => "t" fallback => "no %{{s}}""#);
    insta::assert_snapshot!(translate(&fallback, r#"{"s":"404"}"#), @r#"{"s":"404","t":"no 404","tags":["ok"]}"#);
    insta::assert_snapshot!(translate(&fallback, r#"{"s":"100"}"#), @r#"{"s":"100","t":"Continue","tags":["ok"]}"#);
    insta::assert_snapshot!(translate(&fallback, r#"{"x":"404"}"#), @r#"{"x":"404"}"#);
}

#[test]
fn keys_as_expressions() {
    let regex =
        r#"dictionary => { "^1\d\d$" => "info" "^\d" => "number" "(?i)ERROR" => "bad" } regex => true"#;
    let find = |s: &str| translate(&format!(r#"{regex} target => "t""#), &format!(r#"{{"s":"{s}"}}"#));
    insta::assert_snapshot!(find("101"), @r#"{"s":"101","t":"info","tags":["ok"]}"#);
    insta::assert_snapshot!(find("1010"), @r#"{"s":"1010","t":"number","tags":["ok"]}"#);
    insta::assert_snapshot!(find("an error"), @r#"{"s":"an error","t":"bad","tags":["ok"]}"#);
    insta::assert_snapshot!(find("x"), @r#"{"s":"x"}"#);
}

#[test]
fn keys_are_replaced_within_the_text() {
    let replace = |dictionary: &str, s: &str| {
        translate(
            &format!(r#"dictionary => {dictionary} exact => false target => "t""#),
            &format!(r#"{{"s":"{s}"}}"#),
        )
    };
    insta::assert_snapshot!(replace(r#"{ "foo" => "bar" }"#, "foofing"), @r#"{"s":"foofing","t":"barfing","tags":["ok"]}"#);
    // The first key that matches wins, numbers are printed, and keys are no expressions.
    insta::assert_snapshot!(replace(r#"{ "a" => 1 "ab" => 2 "x.z" => "dot" }"#, "ab xyz x.z"), @r#"{"s":"ab xyz x.z","t":"1b xyz dot","tags":["ok"]}"#);
    insta::assert_snapshot!(replace(r#"{ "a" => "a" }"#, "a"), @r#"{"s":"a"}"#);
    insta::assert_snapshot!(replace("{ }", "a"), @r#"{"s":"a"}"#);
}

#[test]
fn all_values_of_a_list() {
    let ids = r#"translate { iterate_on => "[ids]" source => "[ids]" target => "names" dictionary => { "100" => "Yuki" "103" => "Kwame" } add_tag => "ok""#;
    insta::assert_snapshot!(check_json(&format!(r#"{ids} fallback => "Unknown" }}"#), r#"{"ids":[100,103,110]}"#), @r#"{"ids":[100,103,110],"names":["Yuki","Kwame","Unknown"],"tags":["ok"]}"#);
    insta::assert_snapshot!(check_json(&format!("{ids} }}"), r#"{"ids":[110,100]}"#), @r#"{"ids":[110,100],"names":[null,"Yuki"],"tags":["ok"]}"#);
    insta::assert_snapshot!(check_json(&format!("{ids} }}"), r#"{"ids":110}"#), @r#"{"ids":110,"names":[null]}"#);
}

#[test]
fn a_value_of_each_object_of_a_list() {
    let conf = r#"translate { iterate_on => "people" source => "[a][id]" target => "[a][name]" dictionary => { "100" => "Yuki" } add_tag => "ok""#;
    let json = r#"{"people":[{"a":{"id":100}},{"a":{"id":7}},{"b":1},3]}"#;
    insta::assert_snapshot!(check_json(&format!(r#"{conf} fallback => "?" }}"#), json), @r#"{"people":[{"a":{"id":100,"name":"Yuki"}},{"a":{"id":7,"name":"?"}},{"b":1,"a":{"name":"?"}},3],"tags":["ok"]}"#);
    insta::assert_snapshot!(check_json(&format!("{conf} }}"), json), @r#"{"people":[{"a":{"id":100,"name":"Yuki"}},{"a":{"id":7}},{"b":1},3],"tags":["ok"]}"#);
    insta::assert_snapshot!(check_json(&format!("{conf} }}"), r#"{"people":"x"}"#), @r#"{"people":"x"}"#);
}

/// What becomes of `b` and `c` by two workers, before and after the file is another.
fn reloaded(options: &str, name: &str, before: &str, after: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, before).unwrap();
    let written = path.clone();
    let after = after.to_owned();
    let change = move || std::fs::write(&written, &after).unwrap();
    let conf = format!(
        r#"translate {{ source => "message" target => "t" dictionary_path => "{}" {options} fallback => "-" }}"#,
        path.display()
    );
    let events =
        [(0, Some("b")), (1, Some("c")), (400, Some("b")), (400, None), (401, Some("b")), (402, Some("c"))];
    check_changing(&conf, &events, 2, change)
        .lines()
        .filter_map(|line| line.split_once("\"t\":")?.1.chars().find(|c| *c != '"'))
        .collect()
}

#[test]
fn a_file_is_read_again_by_all_workers() {
    assert_eq!(reloaded("", "d.yml", "b: 1\nc: 2\n", "b: 33\n"), "12132");
    assert_eq!(reloaded("refresh_behaviour => replace", "d.csv", "b,1\nc,2\n", "b,33\n"), "1213-");
    assert_eq!(reloaded("", "d.json", r#"{"b":"1","c":"2"}"#, "{"), "12112");
    assert_eq!(reloaded("refresh_interval => 500", "d.csv", "b,1\nc,2\n", "b,33\n"), "12112");
    assert_eq!(reloaded("refresh_interval => 0", "d.csv", "b,1\nc,2\n", "b,33\n"), "12112");
}

#[test]
fn wrong_options_are_named() {
    insta::assert_snapshot!(errors(r#"translate { field => "a" source => "b" dictionary => { "(" => "x" } regex => true }"#), @r#"
    x.conf:1:31: `field` is the old name of `source`: write one of them
      |
    1 | filter { translate { field => "a" source => "b" dictionary => { "(" => "x" } regex => true } }
      |                               ^^^
    x.conf:1:65: the regular expression is broken: Parsing error at position 5: Opening parenthesis without closing parenthesis
      |
    1 | filter { translate { field => "a" source => "b" dictionary => { "(" => "x" } regex => true } }
      |                                                                 ^^^
    "#);
    insta::assert_snapshot!(errors(r#"translate { dictionary_path => "/nowhere.yml" dictionary => { a => b } refresh_behaviour => "keep" }"#), @r#"
    x.conf:1:72: expected a key or `}`, found `a`
      |
    1 | filter { translate { dictionary_path => "/nowhere.yml" dictionary => { a => b } refresh_behaviour => "keep" } }
      |                                                                        ^
    "#);
    insta::assert_snapshot!(errors(r#"translate { source => "a" dictionary_path => "codes.txt" }"#), @r#"
    x.conf:1:55: `codes.txt` is no kind of file that a dictionary can be in
      |
    1 | filter { translate { source => "a" dictionary_path => "codes.txt" } }
      |                                                       ^^^^^^^^^^^
      = help: the name ends with `.yaml`, `.yml`, `.json` or `.csv`
    "#);
}

#[test]
fn a_broken_file_is_an_error_at_its_place() {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), "[1]").unwrap();
    let conf = format!(r#"translate {{ source => "a" dictionary_path => "{}" }}"#, file.path().display());
    let errors = errors(&conf);
    assert!(errors.starts_with("x.conf:1:55: cannot read the dictionary"), "{errors}");
    assert!(errors.contains("expected keys with values"), "{errors}");
}

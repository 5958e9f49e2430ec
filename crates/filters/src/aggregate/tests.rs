use crate::test_support::{check_all, check_at, errors};

/// `ID WHAT` becomes two fields; the filters; what is left.
fn conf(filters: &str) -> String {
    format!(
        r#"dissect {{ mapping => {{ "message" => "%{{id}} %{{what}}" }} }} mutate {{ remove_field => ["message", "@version"] }}
        {filters}
        mutate {{ remove_field => "@version" }}"#
    )
}

fn at(filters: &str, events: &[(i64, Option<&str>)]) -> String {
    check_at(&conf(filters), events)
}

#[test]
fn several_filters_share_the_maps_of_a_task() {
    let filters = r#"
        if [what] == "start" { aggregate { task_id => "%{id}" code => "map['n'] = 0" map_action => create } }
        else if [what] == "sql" { aggregate { task_id => "%{id}" code => "map['n'] += 1" map_action => update add_tag => "counted" } }
        else { aggregate { task_id => "%{id}" code => "event.set('n', map['n'])" map_action => update end_of_task => true timeout => 120 } }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a start")), (1, Some("b sql")), (2, Some("a sql")), (3, Some("a sql")), (4, Some("a end")), (5, Some("a end"))]), @r#"
    {"@timestamp":"1970-01-01T00:00:00.000Z","id":"a","what":"start"}
    {"@timestamp":"1970-01-01T00:00:01.000Z","id":"b","what":"sql"}
    {"@timestamp":"1970-01-01T00:00:02.000Z","id":"a","what":"sql","tags":["counted"]}
    {"@timestamp":"1970-01-01T00:00:03.000Z","id":"a","what":"sql","tags":["counted"]}
    {"@timestamp":"1970-01-01T00:00:04.000Z","id":"a","what":"end","n":2}
    {"@timestamp":"1970-01-01T00:00:05.000Z","id":"a","what":"end"}
    "#);
}

#[test]
fn an_expired_map_becomes_an_event() {
    let filters = r#"aggregate { task_id => "%{id}" code => "map['n'] ||= 0; map['n'] += 1; map['whats'] ||= []; map['whats'] << event.get('what')" push_map_as_event_on_timeout => true timeout => 60 timeout_task_id_field => "[task][id]" timeout_tags => ["late", "n%{n}"] timeout_code => "event.set('many', event.get('n') > 1)" }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a x")), (1, Some("a y")), (2, Some("b x")), (60, None), (60, None), (61, None), (91, None), (92, None), (122, None)]), @r#"
    {"@timestamp":"1970-01-01T00:00:00.000Z","id":"a","what":"x"}
    {"@timestamp":"1970-01-01T00:00:01.000Z","id":"a","what":"y"}
    {"@timestamp":"1970-01-01T00:00:02.000Z","id":"b","what":"x"}
    {"@timestamp":"1970-01-01T00:01:31.000Z","n":2,"whats":["x","y"],"task":{"id":"a"},"tags":["late","n2"],"many":true}
    {"@timestamp":"1970-01-01T00:01:31.000Z","n":1,"whats":["x"],"task":{"id":"b"},"tags":["late","n1"],"many":false}
    "#);
}

#[test]
fn a_map_at_rest_expires_sooner() {
    let filters = r#"aggregate { task_id => "%{id}" code => "map['n'] ||= 0; map['n'] += 1" push_map_as_event_on_timeout => true timeout => 600 inactivity_timeout => 10 }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a x")), (9, Some("a x")), (18, Some("a x")), (28, None), (34, None)]), @r#"
    {"@timestamp":"1970-01-01T00:00:00.000Z","id":"a","what":"x"}
    {"@timestamp":"1970-01-01T00:00:09.000Z","id":"a","what":"x"}
    {"@timestamp":"1970-01-01T00:00:18.000Z","id":"a","what":"x"}
    {"@timestamp":"1970-01-01T00:00:34.000Z","n":3}
    "#);
}

#[test]
fn the_map_before_comes_out_with_the_next() {
    let filters = r#"aggregate { task_id => "%{id}" code => "map['id'] = event.get('id'); map['l'] ||= []; map['l'] << event.get('what'); event.cancel" push_previous_map_as_event => true timeout => 3 }"#;
    insta::assert_snapshot!(check_all(&conf(filters), &["a x", "a y", "b z", "c w"]), @r#"
    cancelled
    cancelled
    {"@timestamp":"2026-01-02T00:00:00.000Z","id":"a","l":["x","y"]}
    cancelled
    {"@timestamp":"2026-01-02T00:00:00.000Z","id":"b","l":["z"]}
    cancelled
    {"@timestamp":"2026-01-02T00:00:00.000Z","id":"c","l":["w"],"tags":["_aggregatefinalflush"]}
    "#);
}

#[test]
fn the_time_of_the_events_lets_a_task_expire() {
    let filters = r#"date { match => ["what", "UNIX"] } aggregate { task_id => "%{id}" code => "map['n'] ||= 0; map['n'] += 1; event.set('n', map['n'])" timeout_timestamp_field => "@timestamp" timeout => 60 push_map_as_event_on_timeout => true } mutate { remove_field => "what" }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a 1000")), (1, Some("a 1060")), (2, Some("a 1061")), (3, None)]), @r#"
    {"@timestamp":"1970-01-01T00:16:40.000Z","id":"a","n":1}
    {"@timestamp":"1970-01-01T00:17:40.000Z","id":"a","n":2}
    {"@timestamp":"1970-01-01T00:00:02.000Z","n":2}
    {"@timestamp":"1970-01-01T00:17:41.000Z","id":"a","n":1}
    "#);
}

#[test]
fn what_goes_wrong_is_tagged() {
    let filters = r#"aggregate { task_id => "%{id}" code => "map['x'] += 1" add_tag => "ok" }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a x"))]), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","id":"a","what":"x","tags":["_aggregateexception"]}"#);
    // Without an identifier nothing happens.
    let filters = r#"aggregate { task_id => "%{nothing}" code => "map['x'] += 1" add_tag => "ok" }"#;
    insta::assert_snapshot!(at(filters, &[(0, Some("a x"))]), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","id":"a","what":"x"}"#);
}

#[test]
fn wrong_options_are_named() {
    insta::assert_snapshot!(errors(r#"aggregate { task_id => "id" code => "map_meta.timeout" aggregate_maps_path => "/x" inactivity_timeout => 9999 }"#), @r#"
    x.conf:1:65: option `aggregate_maps_path` of aggregate is not supported yet
      |
    1 | filter { aggregate { task_id => "id" code => "map_meta.timeout" aggregate_maps_path => "/x" inactivity_timeout => 9999 } }
      |                                                                 ^^^^^^^^^^^^^^^^^^^
      = help: maps are not stored: let tasks end, or push their maps with `timeout`
    x.conf:1:33: `task_id` is the same for all events
      |
    1 | filter { aggregate { task_id => "id" code => "map_meta.timeout" aggregate_maps_path => "/x" inactivity_timeout => 9999 } }
      |                                 ^^^^
      = help: write a field of the event, as in `%{id}`
    x.conf:1:47: `map_meta` is not supported
      |
    1 | filter { aggregate { task_id => "id" code => "map_meta.timeout" aggregate_maps_path => "/x" inactivity_timeout => 9999 } }
      |                                               ^^^^^^^^
      = help: the options `timeout` and `inactivity_timeout` are for all tasks
    x.conf:1:10: `inactivity_timeout` of aggregate must be lower than `timeout`
      |
    1 | filter { aggregate { task_id => "id" code => "map_meta.timeout" aggregate_maps_path => "/x" inactivity_timeout => 9999 } }
      |          ^^^^^^^^^
    "#);
    let twice = r#"aggregate { task_id => "%{a}" code => "1" timeout => 5 } aggregate { task_id => "%{a}" code => "1" timeout => 5 }"#;
    insta::assert_snapshot!(errors(twice), @r#"
    x.conf:1:67: another aggregate with this `task_id` has options of timeouts already
      |
    1 | filter { aggregate { task_id => "%{a}" code => "1" timeout => 5 } aggregate { task_id => "%{a}" code => "1" timeout => 5 } }
      |                                                                   ^^^^^^^^^
      = help: one filter has them for all with that `task_id`: `timeout`, `inactivity_timeout`, `timeout_code`, `push_map_as_event_on_timeout`, `push_previous_map_as_event`, `timeout_timestamp_field`, `timeout_task_id_field`, `timeout_tags`
    "#);
    assert!(errors("aggregate { }").contains("aggregate wants `task_id"));
}

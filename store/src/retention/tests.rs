use super::decide::{Step, Target, decide};
use super::*;
use serde_json::json;

const DAY: i64 = 86_400_000;

/// An index of a test: made on a day, with so many documents and gigabytes.
fn index(name: &str, day: i64, docs: u64, gigabytes: u64) -> Held {
    Held {
        name: name.to_owned(),
        uuid: xxhash_rust::xxh3::xxh3_64(name.as_bytes()),
        known_as: name.to_owned(),
        created: day * DAY,
        docs,
        bytes: gigabytes << 30,
        alias: None,
        writes: Vec::new(),
        rolled: None,
    }
}

fn written(mut held: Held, through: &str) -> Held {
    held.writes.push(Target { name: through.to_owned(), is_stream: false });
    held
}

fn rolled(mut held: Held, day: i64) -> Held {
    held.rolled = Some(day * DAY);
    held
}

fn book(policy: &Value, indexes: &[Held]) -> Book {
    let mut book = Book::default();
    book.put(Policy::parse("p", policy, 0).unwrap(), None).unwrap();
    book.attach(indexes);
    book
}

/// What is decided on a day: name, state, action, step, message.
fn check(policy: &Value, indexes: &[Held], day: i64) -> String {
    let judged = decide(&book(policy, indexes), indexes, day * DAY);
    let line = |one: &decide::Judged| {
        let name = &indexes.iter().find(|held| held.uuid == one.uuid).unwrap().name;
        let step = match &one.step {
            None if one.stuck => "stuck".to_owned(),
            None => "-".to_owned(),
            Some(Step::Delete) => "delete".to_owned(),
            Some(Step::RollOver(target)) => format!("roll over {}", target.name),
        };
        format!("{name} {}: {step} ({})", one.state, one.message)
    };
    judged.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn after_days(days: u32) -> Value {
    json!({
        "ism_template": [{"index_patterns": ["logs-*"]}],
        "default_state": "hot",
        "states": [
            {"name": "hot", "transitions": [{"state_name": "gone", "conditions": {"min_index_age": format!("{days}d")}}]},
            {"name": "gone", "actions": [{"delete": {}}]},
        ],
    })
}

fn with_rollover() -> Value {
    json!({
        "ism_template": {"index_patterns": ["logs-*"]},
        "default_state": "hot",
        "states": [
            {"name": "hot", "actions": [{"rollover": {"min_size": "5gb", "min_index_age": "1d"}}],
                "transitions": [{"state_name": "gone", "conditions": {"min_rollover_age": "7d"}}]},
            {"name": "gone", "actions": [{"retry": {"count": 3}, "delete": {}}]},
        ],
    })
}

#[test]
fn dated_indexes_go_by_their_age() {
    let indexes = [
        index("logs-2026.11.01", 1, 5, 1),
        index("logs-2026.11.02", 2, 0, 0),
        index("other-2026.11.01", 1, 5, 1),
    ];
    insta::assert_snapshot!(check(&after_days(7), &indexes, 8), @r#"
    logs-2026.11.01 gone: delete (to be deleted: its policy says so)
    logs-2026.11.02 hot: - (waiting for a transition's condition)
    "#);
}

#[test]
fn what_is_written_to_is_rolled_over_before_it_goes() {
    let indexes = [
        rolled(index("logs-000001", 1, 5, 1), 20),
        written(index("logs-000002", 1, 5, 1), "logs"),
        written(index("logs-000003", 1, 0, 0), "empty"),
        written(index("logs-2026.11.01", 1, 5, 1), "today"),
    ];
    insta::assert_snapshot!(check(&after_days(7), &indexes, 30), @r#"
    logs-000001 gone: delete (to be deleted: its policy says so)
    logs-000002 gone: roll over logs (`logs` is to be rolled over: to be deleted, as its policy says so, and it is written to)
    logs-000003 gone: - (it is empty, and is kept as `empty` is written through it)
    logs-2026.11.01 gone: stuck (`today` is written through it, and its name does not end in a dash and a number, so that the next one has no name)
    "#);
}

#[test]
fn rollovers_by_age_or_size_and_deletion_by_the_time_since() {
    let indexes = [
        written(index("logs-a-1", 9, 5, 1), "young"),
        written(index("logs-b-1", 9, 5, 5), "large"),
        written(index("logs-c-1", 8, 5, 0), "old"),
        rolled(index("logs-d-1", 1, 5, 1), 2),
        rolled(index("logs-e-1", 1, 5, 1), 3),
        index("logs-f", 1, 5, 9),
    ];
    insta::assert_snapshot!(check(&with_rollover(), &indexes, 9), @r#"
    logs-a-1 hot: - (waiting for the conditions of its rollover)
    logs-b-1 hot: roll over large (`large` is to be rolled over: its conditions hold)
    logs-c-1 hot: roll over old (`old` is to be rolled over: its conditions hold)
    logs-d-1 gone: delete (to be deleted: its policy says so)
    logs-e-1 hot: - (waiting for a transition's condition)
    logs-f hot: stuck (nothing is written through this index: it cannot be rolled over)
    "#);
}

#[test]
fn the_oldest_go_while_there_is_too_much() {
    let policy = json!({
        "ism_template": [{"index_patterns": ["logs-*"], "max_total_size": "10gb"}],
        "states": [{"name": "kept"}],
    });
    let indexes = [
        index("logs-d", 4, 5, 4),
        index("logs-a", 1, 5, 4),
        index("logs-c", 3, 5, 4),
        index("logs-b", 2, 5, 4),
        index("other", 1, 5, 400),
    ];
    insta::assert_snapshot!(check(&policy, &indexes, 9), @r#"
    logs-d kept: - (its policy is at its end)
    logs-a kept: delete (to be deleted: the indexes of ["logs-*"] have 17179869184 bytes, and may have 10737418240)
    logs-c kept: - (its policy is at its end)
    logs-b kept: delete (to be deleted: the indexes of ["logs-*"] have 12884901888 bytes, and may have 10737418240)
    "#);
    let one = [written(index("logs-000001", 1, 5, 40), "logs"), index("logs-x", 2, 5, 4)];
    insta::assert_snapshot!(check(&policy, &one, 9), @r#"
    logs-000001 kept: roll over logs (`logs` is to be rolled over: to be deleted, as the indexes of ["logs-*"] have 47244640256 bytes, and may have 10737418240, and it is written to)
    logs-x kept: - (its policy is at its end)
    "#);
}

#[test]
fn circles_end_and_settings_name_the_alias() {
    let circle = json!({
        "ism_template": [{"index_patterns": ["*"]}],
        "states": [
            {"name": "a", "transitions": [{"state_name": "b"}]},
            {"name": "b", "transitions": [{"state_name": "a"}]},
        ],
    });
    insta::assert_snapshot!(check(&circle, &[index("x", 1, 1, 1)], 2), @"x a: - (the policy leads in a circle, and this is where it closes)");
    let mut two = written(written(index("logs-000001", 1, 5, 1), "a"), "b");
    two.alias = Some("b".into());
    insta::assert_snapshot!(check(&with_rollover(), &[two], 9), @"logs-000001 hot: roll over b (`b` is to be rolled over: its conditions hold)");
}

#[test]
fn a_policy_takes_what_is_younger_and_the_highest_priority_wins() {
    let policy = |id: &str, pattern: &str, priority: u32, updated| {
        let json = json!({"states": [{"name": "s"}], "ism_template": [{"index_patterns": [pattern], "priority": priority}]});
        Policy::parse(id, &json, updated).unwrap()
    };
    let mut book = Book::default();
    book.put(policy("all", "*", 0, DAY), None).unwrap();
    book.put(policy("logs", "logs-*", 5, DAY), None).unwrap();
    let indexes = [index("logs-old", 0, 1, 1), index("logs-new", 1, 1, 1), index("x", 2, 1, 1)];
    assert!(book.attach(&indexes));
    assert!(!book.attach(&indexes), "nothing is new");
    let of = |book: &Book, at: usize| book.attached.get(&indexes[at].uuid).cloned();
    assert_eq!((of(&book, 0), of(&book, 1), of(&book, 2)), (None, Some("logs".into()), Some("all".into())));
    let error = book.put(policy("more", "logs-*", 5, DAY), None).unwrap_err();
    assert!(error.reason.contains("[logs-*]"), "{}", error.reason);
    // Another version of the policy: what it has, it keeps.
    book.put(policy("logs", "none-*", 5, 9 * DAY), Some((1, 1))).unwrap();
    book.attach(&indexes);
    assert_eq!(of(&book, 1), Some("logs".into()));
    assert_eq!(book.put(policy("logs", "x", 5, 0), None).unwrap_err().status, 409);
    assert_eq!(book.put(policy("logs", "x", 5, 0), Some((1, 1))).unwrap_err().status, 409);
    // The index is no more.
    assert!(book.attach(&indexes[..1]));
    assert!(book.attached.is_empty());
}

#[test]
fn a_book_survives() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention::open(dir.path()).unwrap();
    let policy = Policy::parse("p", &with_rollover(), 7).unwrap();
    retention.change(|book| book.put(policy, None)).unwrap();
    retention.change(|book| Ok(book.attach(&[index("logs-1", 1, 1, 1)]))).unwrap();
    let (before, after) = (retention.book(), Retention::open(dir.path()).unwrap().book());
    assert_eq!(before.attached, after.attached);
    assert_eq!(before.policies["p"].policy.json, after.policies["p"].policy.json);
    assert_eq!((after.policies["p"].version, after.policies["p"].policy.updated), (1, 7));
}

#[test]
fn policies_that_cannot_be() {
    let state = |state: Value| json!({"states": [state]});
    let action = |action: Value| state(json!({"name": "s", "actions": [action]}));
    let condition = |condition: Value| {
        state(json!({"name": "s", "transitions": [{"state_name": "s", "conditions": condition}]}))
    };
    let mut said = String::new();
    for policy in [
        json!(null),
        json!({}),
        json!({"states": [], "default_state": "s"}),
        json!({"states": [{"name": "s"}], "default_state": "t"}),
        json!({"states": [{"name": "s"}, {"name": "s"}]}),
        json!({"states": [{"name": "s"}], "error_notification": {}}),
        json!({"states": [{"name": "s"}], "ism_template": [{}]}),
        json!({"states": [{"name": "s"}], "ism_template": [{"index_patterns": ["a"], "max_total_size": "much"}]}),
        state(json!({"name": "s", "transitions": [{"state_name": "t"}]})),
        action(json!({"force_merge": {"max_num_segments": 1}})),
        action(json!({"timeout": "1h", "delete": {}})),
        action(json!({"rollover": {"min_size": "5"}})),
        action(json!({"rollover": {"copy_alias": true}})),
        state(json!({"name": "s", "actions": [{"delete": {}}, {"rollover": {}}]})),
        condition(json!({"cron": {}})),
        condition(json!({"min_size": "1gb", "min_doc_count": 1})),
    ] {
        let error = Policy::parse("p", &policy, 0).unwrap_err();
        said += &format!("{} {}\n", error.status, error.reason);
    }
    insta::assert_snapshot!(said, @r#"
    400 [policy] must be an object
    400 Policy must contain at least one State
    400 Policy must contain at least one State
    400 Policy must have a valid default state, not [t]
    400 Duplicate state [s] found, states must have unique names
    400 of a policy [error_notification] is not supported by this store
    400 [ism_template] must have [index_patterns]
    400 failed to parse setting [max_total_size] with value [much] as a size in bytes: write it as `50gb` or `500mb`
    400 Policy contains a transition in state=s pointing to a nonexistent state=t
    400 the action [force_merge] is not supported by this store
    400 the action [timeout] is not supported by this store
    400 failed to parse setting [min_size] with value [5] as a size in bytes: write it as `50gb` or `500mb`
    400 of [rollover] [copy_alias] is not supported by this store
    400 State with a [delete] action must not contain other actions behind it, nor transitions
    400 the condition [cron] is not supported by this store
    400 Cannot provide more than one Transition condition
    "#);
}

use super::*;
use roles::Role;
use std::collections::BTreeSet;

/// What roles may do, for all indexes, for some, or not at all.
fn may(roles: &[Role], indexes: &str, method: &str, path: &str) -> &'static str {
    let grants = vec![Grant {
        indexes: indexes.split(',').map(str::to_owned).collect(),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
    }];
    let caller = Caller { name: "ada".into(), grants, by_key: false };
    let method = axum::http::Method::from_bytes(method.as_bytes()).unwrap();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match caller.may(&need::need(&method, &parts)) {
        Ok(None) => "all",
        Ok(Some(_)) => "some",
        Err(error) => {
            assert_eq!((error.status, error.kind), (403, "security_exception"));
            "no"
        }
    }
}

#[test]
fn what_roles_may() {
    let mut table = String::new();
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/_bulk"),
        ("PUT", "/a/_bulk"),
        ("PUT", "/a/_doc/1"),
        ("GET", "/a/_doc/1"),
        ("POST", "/a/_search"),
        ("POST", "/_msearch"),
        ("POST", "/a/_search/point_in_time"),
        ("DELETE", "/_search/point_in_time"),
        ("DELETE", "/_search/point_in_time/_all"),
        ("GET", "/_count"),
        ("GET", "/a/_mapping"),
        ("PUT", "/a/_mapping"),
        ("POST", "/a/_refresh"),
        ("HEAD", "/a"),
        ("PUT", "/a"),
        ("DELETE", "/a"),
        ("GET", "/_index_template/a"),
        ("PUT", "/_index_template/a"),
        ("DELETE", "/_index_template/a"),
        ("PUT", "/_data_stream/a"),
        ("DELETE", "/_data_stream/a"),
        ("GET", "/a/_alias"),
        ("POST", "/_aliases"),
        ("PUT", "/a/_alias/b"),
        ("GET", "/_cat/indices"),
        ("GET", "/metrics"),
        ("GET", "/_plugins/_ism/explain/a"),
        ("PUT", "/_plugins/_ism/policies/a"),
        ("GET", "/_security/api_key"),
        ("POST", "/_security/api_key"),
        ("POST", "/_anything"),
        ("POST", "/"),
    ] {
        let of = |roles: &[Role], indexes| may(roles, indexes, method, path);
        let line = format!(
            "{:42} {:4} {:4} {:4}  {:4} {:4} {:4}",
            format!("{method} {path}"),
            of(&[Role::Read], "*"),
            of(&[Role::Write], "*"),
            of(&[Role::Admin], "*"),
            of(&[Role::Read], "a*"),
            of(&[Role::Write], "a*"),
            of(&[Role::Admin], "a*"),
        );
        table += line.trim_end();
        table.push('\n');
    }
    insta::assert_snapshot!(table, @r"
    GET /                                      all  all  all   some some some
    POST /_bulk                                no   all  all   no   some some
    PUT /a/_bulk                               no   all  all   no   some some
    PUT /a/_doc/1                              no   all  all   no   some some
    GET /a/_doc/1                              all  no   all   some no   some
    POST /a/_search                            all  no   all   some no   some
    POST /_msearch                             all  no   all   some no   some
    POST /a/_search/point_in_time              all  no   all   some no   some
    DELETE /_search/point_in_time              all  no   all   some no   some
    DELETE /_search/point_in_time/_all         no   no   all   no   no   no
    GET /_count                                all  no   all   some no   some
    GET /a/_mapping                            all  all  all   some some some
    PUT /a/_mapping                            no   no   all   no   no   some
    POST /a/_refresh                           no   all  all   no   some some
    HEAD /a                                    all  all  all   some some some
    PUT /a                                     no   all  all   no   some some
    DELETE /a                                  no   no   all   no   no   some
    GET /_index_template/a                     all  all  all   some some some
    PUT /_index_template/a                     no   all  all   no   some some
    DELETE /_index_template/a                  no   no   all   no   no   no
    PUT /_data_stream/a                        no   all  all   no   some some
    DELETE /_data_stream/a                     no   no   all   no   no   some
    GET /a/_alias                              all  all  all   some some some
    POST /_aliases                             no   no   all   no   no   no
    PUT /a/_alias/b                            no   no   all   no   no   no
    GET /_cat/indices                          all  no   all   some no   some
    GET /metrics                               all  no   all   no   no   no
    GET /_plugins/_ism/explain/a               all  no   all   some no   some
    PUT /_plugins/_ism/policies/a              no   no   all   no   no   no
    GET /_security/api_key                     no   no   all   no   no   no
    POST /_security/api_key                    no   no   all   no   no   no
    POST /_anything                            no   no   all   no   no   no
    POST /                                     no   no   all   no   no   no
    ");
}

#[test]
fn a_pattern_lies_within_another_only_where_all_of_it_does() {
    let scope = Scope { patterns: vec!["logs-*".into(), "a*z".into()], action: "x", user: "ada".into() };
    for inside in ["logs-", "logs-a", "logs-*", "logs-*-x", "abz", "a*z", "a?z"] {
        assert!(scope.holds(inside), "{inside}");
    }
    for outside in ["logs", "log*", "*", "a*", "b*z", "?ogs-a", "_all"] {
        assert!(!scope.holds(outside), "{outside}");
    }
}

#[tokio::test]
async fn who_is_who() {
    use base64::Engine as _;
    let dir = tempfile::tempdir().unwrap();
    let peer: IpAddr = "192.0.2.1".parse().unwrap();
    let security = Security::open(dir.path()).unwrap();
    assert_eq!(security.identify(None, peer, 0).await.unwrap().name, "anonymous");
    users::Users::change(dir.path(), |users| users.set("ada", "long enough", [Role::Read])).unwrap();
    let basic = |text: &str| format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text));
    let ask = async |header: &str, now| {
        let caller = security.identify(Some(header.as_bytes()), peer, now).await;
        caller.map(|caller| caller.name).map_err(|error| error.status)
    };
    assert_eq!(security.identify(None, peer, 0).await.unwrap_err().status, 401);
    assert_eq!(ask(&basic("ada:long enough"), 0).await, Ok("ada".into()));
    assert_eq!(ask(&basic("bob:long enough"), 0).await, Err(401));
    assert_eq!(ask(&basic("ada:long enougH"), 0).await, Err(401));
    for _ in 0..8 {
        assert_eq!(ask("ApiKey eDp5", 0).await, Err(401));
    }
    // The address has no attempt left; who was let in before still is.
    assert_eq!(ask("ApiKey eDp5", 0).await, Err(429));
    assert_eq!(ask(&basic("bob:long enough"), 0).await, Err(429));
    assert_eq!(ask(&basic("ada:long enough"), 0).await, Ok("ada".into()));
    // Another password: the one from before is forgotten.
    users::Users::change(dir.path(), |users| users.set("ada", "even longer", [Role::Read])).unwrap();
    assert_eq!(ask(&basic("ada:long enough"), 60_000).await, Err(401));
    assert_eq!(ask(&basic("ada:even longer"), 60_000).await, Ok("ada".into()));
}

#[test]
fn keys_are_kept_expire_and_go() {
    use serde_json::json;
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let made = keys.create(
        &json!({"name": "shipper", "expiration": "1d", "role_descriptors": {"w": {"indices": [
            {"names": ["logs-*"], "privileges": ["create_doc", "auto_configure"]}]}}}),
        "ada",
        1000,
    );
    let made = made.unwrap();
    assert_eq!(made["expiration"], 1000 + 86_400_000);
    let (id, secret) = (made["id"].as_str().unwrap(), made["api_key"].as_str().unwrap());
    let text = std::fs::read_to_string(dir.path().join("api_keys.json")).unwrap();
    assert!(text.contains(id) && !text.contains(secret));
    let again = ApiKeys::open(dir.path()).unwrap();
    let caller = again.check(id, secret.as_bytes(), 2000).unwrap();
    assert_eq!((caller.name.as_str(), caller.by_key), ("ada", true));
    assert_eq!(caller.grants, [Grant { indexes: vec!["logs-*".into()], roles: [Role::Write].into() }]);
    assert!(again.check(id, b"other", 2000).is_none() && again.check("x", secret.as_bytes(), 2000).is_none());
    assert!(again.check(id, secret.as_bytes(), 1000 + 86_400_000).is_none(), "it has expired");
    let chosen = keys::Chosen { name: Some("ship*".into()), ..Default::default() };
    assert!(!again.list(&chosen)[0].to_string().contains(secret));
    assert_eq!(again.remove(&chosen).unwrap(), [id]);
    assert!(again.check(id, secret.as_bytes(), 2000).is_none());
}

#[test]
fn keys_that_cannot_be() {
    use serde_json::json;
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let role = |role: serde_json::Value| json!({"name": "x", "role_descriptors": {"r": role}});
    let index = |names: &str, privilege: &str| {
        role(json!({"indices": [{"names": [names], "privileges": [privilege]}]}))
    };
    let mut said = String::new();
    for body in [
        json!(null),
        json!({}),
        json!({"name": "x", "expiration": "soon"}),
        json!({"name": "x", "access": {}}),
        role(json!({"cluster": ["manage_ilm"]})),
        role(json!({"indices": [{"names": ["a"]}]})),
        role(json!({"indices": [{"names": ["a"], "privileges": ["read"], "query": {}}]})),
        index("a?", "read"),
        index("a", "delete_index"),
    ] {
        let error = keys.create(&body, "ada", 0).unwrap_err();
        said += &format!("{} {}\n", error.status, error.reason);
    }
    insta::assert_snapshot!(said, @r"
    400 the body of an API key must be an object with a [name]
    400 Validation Failed: 1: api key name is required;
    400 [expiration] cannot be [soon]: `7d` and `12h` can
    400 an API key does not support [access]
    400 the cluster privilege [manage_ilm] is not supported by this store
    400 a role's indices want [names] and [privileges]
    400 of a role's indices [query] is not supported by this store
    400 the index pattern [a?] is not supported by this store
    400 the index privilege [delete_index] is not supported by this store
    ");
}

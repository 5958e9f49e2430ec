use std::path::Path;

use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use serde_json::{Value, json};

use crate::test_support::{check_changing, check_json, errors};

/// A database of a kind that knows something of one network.
fn write(path: &Path, kind: &str, network: &str, record: &Value) {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V4;
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = kind.to_owned();
    let record = database.insert_value(record).unwrap();
    database.insert_node(network.parse::<IpAddrWithMask>().unwrap(), record);
    let mut bytes = Vec::new();
    database.write_to(&mut bytes).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn city() -> Value {
    json!({
        "city": {"names": {"en": "Linköping", "de": "Linköping"}},
        "continent": {"code": "EU", "names": {"en": "Europe"}},
        "country": {"iso_code": "SE", "names": {"en": "Sweden"}},
        "location": {"latitude": 58.4167, "longitude": 15.6167, "time_zone": "Europe/Stockholm", "metro_code": 7},
        "postal": {"code": "580 02"},
        "subdivisions": [{"iso_code": "X"}, {"iso_code": "E", "names": {"en": "Östergötland County"}}],
    })
}

/// What is known of `json`'s address by a database that has a record of 89.160.20.112/28.
fn geoip(kind: &str, record: &Value, options: &str, json: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), kind, "89.160.20.112/28", record);
    let conf = format!(r#"geoip {{ database => "{}" add_tag => "ok" {options} }}"#, file.path().display());
    check_json(&conf, json)
}

const SOURCE: &str = r#"source => "[source][ip]""#;
const KNOWN: &str = r#"{"source":{"ip":"89.160.20.114"}}"#;

#[test]
fn a_city_with_and_without_ecs() {
    insta::assert_snapshot!(geoip("GeoLite2-City", &city(), SOURCE, KNOWN), @r#"{"source":{"ip":"89.160.20.114","geo":{"city_name":"Linköping","country_name":"Sweden","continent_code":"EU","country_iso_code":"SE","postal_code":"580 02","region_name":"Östergötland County","region_iso_code":"SE-E","timezone":"Europe/Stockholm","location":{"lat":58.4167,"lon":15.6167}},"mmdb":{"dma_code":7}},"tags":["ok"]}"#);
    let legacy = r#"source => "ip" ecs_compatibility => disabled"#;
    insta::assert_snapshot!(geoip("GeoLite2-City", &city(), legacy, r#"{"ip":["89.160.20.114","x"]}"#), @r#"{"ip":["89.160.20.114","x"],"geoip":{"city_name":"Linköping","country_name":"Sweden","continent_code":"EU","country_code2":"SE","country_code3":"SE","ip":"89.160.20.114","postal_code":"580 02","dma_code":7,"region_name":"Östergötland County","region_code":"E","timezone":"Europe/Stockholm","location":{"lat":58.4167,"lon":15.6167},"latitude":58.4167,"longitude":15.6167},"tags":["ok"]}"#);
}

#[test]
fn the_fields_that_are_asked_for() {
    let fields = r#"source => "ip" target => "[a][b]" fields => ["CITY_NAME", "network", "country_code3", "latitude"]"#;
    insta::assert_snapshot!(geoip("GeoIP2-City", &city(), fields, r#"{"ip":"89.160.20.114","a":{"b":{"geo":{"x":1}}}}"#), @r#"{"ip":"89.160.20.114","a":{"b":{"geo":{"x":1,"city_name":"Linköping","location":{"lat":58.4167}},"ip_traits":{"network":"89.160.20.112/28"}}},"tags":["ok"]}"#);
}

#[test]
fn other_databases() {
    let asn = json!({"autonomous_system_number": 29518, "autonomous_system_organization": "Bredband2 AB",
        "isp": "Bredband2", "organization": "B2", "domain": "b2.example", "connection_type": "Corporate",
        "is_anonymous": true, "is_tor_exit_node": true});
    for (kind, expect) in [
        ("GeoLite2-ASN", r#""as":{"number":29518,"organization":{"name":"Bredband2 AB"}}}"#),
        (
            "GeoIP2-ISP",
            r#""as":{"number":29518,"organization":{"name":"Bredband2 AB"}},"mmdb":{"isp":"Bredband2","organization":"B2"}}"#,
        ),
        ("GeoIP2-Domain", r#""domain":"b2.example"}"#),
        ("GeoIP2-Connection-Type", r#""mmdb":{"connection_type":"Corporate"}}"#),
        (
            "GeoIP2-Anonymous-IP",
            r#""ip_traits":{"hosting_provider":false,"tor_exit_node":true,"anonymous_vpn":false,"anonymous":true,"public_proxy":false,"residential_proxy":false}}"#,
        ),
    ] {
        let found = geoip(kind, &asn, SOURCE, KNOWN);
        assert!(found.contains(expect), "{kind}: {found}");
    }
    insta::assert_snapshot!(geoip("GeoLite2-ASN", &asn, r#"source => "ip" ecs_compatibility => disabled"#, r#"{"ip":"89.160.20.114"}"#), @r#"{"ip":"89.160.20.114","geoip":{"asn":29518,"as_org":"Bredband2 AB","ip":"89.160.20.114"},"tags":["ok"]}"#);
    insta::assert_snapshot!(geoip("GeoIP2-Country", &city(), SOURCE, KNOWN), @r#"{"source":{"ip":"89.160.20.114","geo":{"country_name":"Sweden","continent_name":"Europe","country_iso_code":"SE"}},"tags":["ok"]}"#);
    let enterprise =
        r#"source => "[source][ip]" fields => ["autonomous_system_number", "anonymous", "region_name"]"#;
    let mut record = city();
    record["traits"] = json!({"autonomous_system_number": 7, "is_anonymous": true});
    insta::assert_snapshot!(geoip("GeoIP2-Enterprise", &record, enterprise, KNOWN), @r#"{"source":{"ip":"89.160.20.114","as":{"number":7},"geo":{"region_name":"Östergötland County"},"ip_traits":{"anonymous":true}},"tags":["ok"]}"#);
}

#[test]
fn what_is_not_known_is_tagged() {
    for (address, target) in [
        (r#""127.0.0.1""#, r#","t":{}"#),
        (r#""192.168.0.7""#, r#","t":{}"#),
        (r#""::1""#, r#","t":{}"#),
        (r#""localhost""#, r#","t":{}"#),
        (r#""""#, ""),
        ("[]", ""),
        ("7", ""),
        ("null", ""),
    ] {
        let json = format!(r#"{{"s":{address}}}"#);
        let expect = format!(r#"{{"s":{address}{target},"tags":["_geoip_lookup_failure"]}}"#);
        assert_eq!(geoip("GeoLite2-City", &city(), r#"source => "s" target => "t""#, &json), expect);
    }
    // Without a place nothing is told.
    let placeless = json!({"country": {"iso_code": "SE"}});
    insta::assert_snapshot!(geoip("GeoLite2-City", &placeless, r#"source => "[source][ip]" tag_on_failure => ["a", "b"]"#, KNOWN), @r#"{"source":{"ip":"89.160.20.114"},"tags":["a","b"]}"#);
}

#[test]
fn another_database_is_read_while_the_pipeline_runs() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let record = |domain: &str| json!({ "domain": domain });
    write(file.path(), "GeoIP2-Domain", "10.0.0.0/8", &record("old.example"));
    let conf = format!(
        r#"geoip {{ source => "message" target => "t" database => "{}" }} mutate {{ remove_field => ["message", "@version"] }}"#,
        file.path().display()
    );
    let address = Some("10.1.1.1");
    let events = [(0, address), (0, address), (99, address), (99, None), (99, address), (99, address)];
    let path = file.path().to_owned();
    let change = move || write(&path, "GeoIP2-Domain", "10.0.0.0/8", &record("another.example"));
    let out = check_changing(&conf, &events, 2, change);
    let domains: Vec<_> = out.lines().map(|line| line.contains("another.example")).collect();
    assert_eq!(domains, [false, false, false, true, true], "{out}");
}

#[test]
fn wrong_options_are_named() {
    insta::assert_snapshot!(errors(r#"geoip { source => "client_ip" fields => ["city_nam"] }"#), @r#"
    x.conf:1:51: `fields` of geoip knows no `city_nam`
      |
    1 | filter { geoip { source => "client_ip" fields => ["city_nam"] } }
      |                                                   ^^^^^^^^^^
      = help: did you mean `city_name`?
    x.conf:1:10: geoip wants `database => "/path/to/GeoLite2-City.mmdb"`: none comes with the program; MaxMind gives GeoLite2 to whoever has an account there, and others (DB-IP, IPinfo) have databases of the same form
      |
    1 | filter { geoip { source => "client_ip" fields => ["city_nam"] } }
      |          ^^^^^
    x.conf:1:28: geoip wants a `target` where `source` does not end with `[ip]`
      |
    1 | filter { geoip { source => "client_ip" fields => ["city_nam"] } }
      |                            ^^^^^^^^^^^
      = help: write `target => "source"`, or one of client, destination, host, observer, server
    "#);
    insta::assert_snapshot!(errors(r#"geoip { database => "/nowhere.mmdb" }"#), @r#"
    x.conf:1:10: geoip wants `source => "[source][ip]"`, the field that holds the address
      |
    1 | filter { geoip { database => "/nowhere.mmdb" } }
      |          ^^^^^
    x.conf:1:30: cannot read the database `/nowhere.mmdb`: No such file or directory (os error 2)
      |
    1 | filter { geoip { database => "/nowhere.mmdb" } }
      |                              ^^^^^^^^^^^^^^^
      = help: geoip reads files of MaxMind's format (`.mmdb`)
    "#);
    let file = tempfile::NamedTempFile::new().unwrap();
    let conf = format!(r#"geoip {{ source => "a" target => "b" database => "{}" }}"#, file.path().display());
    assert!(errors(&conf).contains("x.conf:1:58: cannot read the database"), "{}", errors(&conf));
    write(file.path(), "Weather", "10.0.0.0/8", &json!({}));
    assert!(errors(&conf).contains("a database of the kind `Weather`"), "{}", errors(&conf));
}

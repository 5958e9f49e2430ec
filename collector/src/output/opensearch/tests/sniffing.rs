//! The engine's own list of its nodes.

use super::engine::Engine;
use crate::output::test_support::{House, errors, send};

const ONE: &[&str] = &[r#"{"message":"1"}"#];

fn names(engine: &Engine) -> String {
    let port = engine.port;
    format!(r#"{{"nodes":{{"a":{{"roles":["data"],"http":{{"publish_address":"127.0.0.1:{port}"}}}}}}}}"#)
}

fn output(seed: &Engine, options: &str) -> String {
    format!(
        r#"opensearch {{ index => "x" manage_template => false hosts => "127.0.0.1:{}" {options} }}"#,
        seed.port
    )
}

#[tokio::test]
async fn events_go_to_the_nodes_that_the_engine_names_where_that_is_wanted() {
    for (options, of_seed, of_node) in [
        ("", vec!["POST /_bulk", "POST /_bulk"], vec![]),
        (
            "sniffing => true sniffing_delay => 100",
            vec!["GET /_nodes/http"],
            vec!["POST /_bulk", "POST /_bulk"],
        ),
        (
            "sniffing => true sniffing_delay => 100 path => '/es'",
            vec!["GET /es/_nodes/http"],
            vec!["POST /es/_bulk", "POST /es/_bulk"],
        ),
        (
            "sniffing => true sniffing_delay => 100 path => '/es' sniffing_path => '/all/of/them'",
            vec!["GET /all/of/them"],
            vec!["POST /es/_bulk", "POST /es/_bulk"],
        ),
    ] {
        let (seed, node) = (Engine::new(None).await, Engine::new(None).await);
        seed.will_say("GET", 1, 200, names(&node));
        let house = House::new();
        let output = house.open(&output(&seed, options));
        for _ in 0..2 {
            send(&output, ONE).await;
        }
        assert_eq!((seed.heads(), node.heads()), (strings(&of_seed), strings(&of_node)), "{options}");
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn where_the_engine_does_not_tell_events_go_on_and_the_hosts_of_the_pipeline_join_those_it_told_before()
{
    let (seed, node) = (Engine::new(None).await, Engine::new(None).await);
    let house = House::new();
    let output = house.open(&output(&seed, "sniffing => true sniffing_delay => 0.000001"));
    // No list at all, then one.
    seed.will_say("GET", 1, 403, "");
    seed.will_say("GET", 1, 200, names(&node));
    node.will_say("GET", 9, 200, r#"{"nodes":{}}"#);
    for _ in 0..3 {
        send(&output, ONE).await;
    }
    assert_eq!(seed.heads(), ["GET /_nodes/http", "POST /_bulk", "GET /_nodes/http"]);
    assert_eq!(node.heads(), ["POST /_bulk", "GET /_nodes/http", "POST /_bulk"]);
    node.will_say("POST", 1, 503, "");
    seed.forgets();
    send(&output, ONE).await;
    assert_eq!(node.heads(), ["GET /_nodes/http", "POST /_bulk"]);
    assert_eq!(seed.heads(), ["GET /_nodes/http", "POST /_bulk"]);
}

#[test]
fn a_wait_that_is_none_is_an_error() {
    assert!(errors("opensearch { sniffing_delay => 0 }").contains("wants a number of seconds above 0"));
}

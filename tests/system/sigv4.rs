//! Requests that are signed for AWS, held against what botocore, AWS's own, makes of the same ones.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{
    eventually,
    process::Process,
    project, target,
    wire::{self, Request},
};

const ACCESS: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Options of the output and of its login, with the region and the service that they mean.
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("", "", "us-east-1", "es"),
    ("", "region => 'eu-central-1' service_name => 'aoss'", "eu-central-1", "aoss"),
    ("", "session_token => 'IQoJb3JpZ2luX2VjEXAMPLE//+token=='", "us-east-1", "es"),
    ("path => '/search/logs'", "", "us-east-1", "es"),
    ("path => '/a b/ü+~(1)'", "", "us-east-1", "es"),
    ("bulk_path => '/es/%41/_bulk'", "", "us-east-1", "es"),
    (
        "parameters => { 'z' => '1' 'a' => 'two words' 'filter_path' => 'errors,items.*.error' }",
        "",
        "us-east-1",
        "es",
    ),
    (
        "parameters => { 'ü' => 'a+b&c=d/e~f' 'empty' => '' 'A' => 'capital' 'a' => 'small' }",
        "",
        "us-east-1",
        "es",
    ),
    ("custom_headers => { 'X-Tenant' => '  a   b  ' 'X-amz-meta-team' => 'logs' }", "", "us-east-1", "es"),
    ("compression_level => 6", "", "us-east-1", "es"),
    (
        "action => 'index' routing => '%{message}' pipeline => 'p q'",
        "region => 'ap-south-1'",
        "ap-south-1",
        "es",
    ),
];

/// What an OpenSearch is asked that has no templates yet.
fn asked(options: &str, login: &str) -> (std::net::SocketAddr, Vec<Request>) {
    let requests = Arc::<Mutex<Vec<Request>>>::default();
    let kept = requests.clone();
    let address = wire::serve(move |request| {
        kept.lock().unwrap().push(request.clone());
        match request.method.as_str() {
            "POST" => (200, json!({"errors": false, "items": [{"create": {"status": 201}}]}).to_string()),
            "HEAD" => (404, String::new()),
            _ => (200, "{\"acknowledged\":true}".to_owned()),
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let conf = format!(
        "input {{ stdin {{ }} }} output {{ opensearch {{ hosts => 'http://{address}' {options}
         auth_type => {{ type => 'aws_iam' aws_access_key_id => '{ACCESS}' aws_secret_access_key => '{SECRET}' {login} }} }} }}"
    );
    let data = dir.path().to_str().unwrap();
    let mut collector = Process::alces("collector", &["--api", "off", "--data-dir", data, "-e", &conf]);
    // Long enough to be packed.
    collector.write(&format!("räksmörgås \"{}\"\n", "x".repeat(2_000)));
    eventually("a line is sent", || {
        requests.lock().unwrap().iter().any(|r| r.method == "POST").then_some(())
    });
    assert!(collector.finish().success());
    let all = requests.lock().unwrap().clone();
    assert!(["HEAD", "PUT", "POST"].iter().all(|method| all.iter().any(|request| request.method == *method)));
    (address, all)
}

/// What botocore signs requests with.
fn botocore(requests: &[Value]) -> Vec<String> {
    let mut command = Command::new(target().join("peers/botocore/bin/python"));
    command.arg(project().join("tests/peers/botocore/sign.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = command.spawn().expect("botocore: run tests/peers/setup first");
    python.stdin.take().unwrap().write_all(&serde_json::to_vec(requests).unwrap()).unwrap();
    let out = python.wait_with_output().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn requests_are_signed_as_botocore_signs_them() {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for (options, login, region, service) in TABLE {
        let (address, requests) = asked(options, login);
        for request in requests {
            let said = request.header("authorization").unwrap().to_owned();
            let names = said.split_once("SignedHeaders=").unwrap().1.split(',').next().unwrap().to_owned();
            let signed = |name: &str| names.split(';').any(|signed| signed == name);
            // Nobody on the way may change these.
            let token = login.contains("session_token").then_some("x-amz-security-token");
            for name in ["host", "x-amz-date"].into_iter().chain(token) {
                assert!(signed(name), "{name} is not signed: {said}");
            }
            assert!(!said.contains(SECRET));
            let time = request.header("x-amz-date").unwrap();
            let time = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &time[..4],
                &time[4..6],
                &time[6..8],
                &time[9..11],
                &time[11..13],
                &time[13..15]
            );
            let age = Timestamp::now().as_second() - time.parse::<Timestamp>().unwrap().as_second();
            assert!((-1..=120).contains(&age), "signed at {time}");
            let headers: serde_json::Map<String, Value> = request
                .headers
                .iter()
                .filter(|(name, _)| signed(&name.to_ascii_lowercase()))
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect();
            let hex: String = request.body.iter().map(|byte| format!("{byte:02x}")).collect();
            theirs.push(json!({
                "method": request.method, "url": format!("http://{address}{}", request.target), "headers": headers,
                "body": hex, "access": ACCESS, "secret": SECRET, "region": region, "service": service,
            }));
            ours.push((format!("{options} {login}: {} {}", request.method, request.target), said));
        }
    }
    let theirs = botocore(&theirs);
    assert_eq!(theirs.len(), ours.len());
    let other: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != *theirs)
        .map(|((what, ours), theirs)| format!("{what}\n  ours   {ours}\n  theirs {theirs}"))
        .collect();
    assert!(other.is_empty(), "{} of {} differ:\n{}", other.len(), ours.len(), other.join("\n"));
}

//! The stand-in's traffic: two hours, the same on every run.

use serde_json::{Value, json};

/// Hash-like noise between 0 and 1.
fn noise(n: i64) -> f64 {
    let mut x = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x ^ (x >> 32)) & 0xFFFF) as f64 / 65_535.0
}

fn stamp(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| String::new(), |t| t.to_string())
}

/// A request a second; in the second hour a hole of five minutes, and twenty minutes with errors on web02.
pub(super) fn logs(noon: i64, seed: bool) -> Vec<Value> {
    const URLS: [&str; 5] = [
        "/",
        "/api/tickets?status=open&page=1",
        "/api/search?q=refund",
        "/login",
        "/<script>alert(1)</script>",
    ];
    let mut all = Vec::new();
    for second in 1..7200 {
        let at = noon - second * 1000;
        if (2400..2700).contains(&second) {
            continue;
        }
        let trouble = second < 1200;
        let host = ["web01", "web02"][(second % 2) as usize];
        let url = URLS[(noise(second) * 4.99) as usize];
        let status = if trouble && second % 10 == 1 {
            502
        } else if second % 25 == 3 {
            404
        } else {
            200
        };
        let seconds = 0.02 + noise(second + 9) * if status == 502 { 2.0 } else { 0.2 };
        let mut document = json!({
            "@timestamp": stamp(at), "at": at, "http.response.status_code": status, "url.original": url, "host.name": host,
            "service.version": if trouble && host == "web02" { "1.1" } else { "1.0" },
            "message": format!("203.0.113.{} - - \"GET {url} HTTP/1.1\" {status} 1532", second % 250),
        });
        if !seed {
            document["pattern"] = json!(format!("{host} answered with <num>"));
            document["pattern_id"] = json!(format!("00000000000000{}", &host[3..]));
            document["nginx.request_time"] = json!((seconds * 1000.0).round() / 1000.0);
            document["nginx.upstream_response_time"] = json!((seconds * 900.0).round() / 1000.0);
        }
        all.push(document);
    }
    all.push(json!({"@timestamp": stamp(noon - 30_000), "at": noon - 30_000, "tags": "_grokparsefailure", "host.name": "web01",
        "message": "what is this"}));
    all.push(json!({"@timestamp": stamp(noon - 31_000), "at": noon - 31_000, "log.level": "critical", "host.name": "db01",
        "message": "Replica SQL: \u{1b}[31mCould not execute\u{1b}[0m event; \u{202e}duplicate entry, Error_code: 1062"}));
    all
}

/// CPU, memory, disk and network of three hosts each half minute.
pub(super) fn metrics(noon: i64) -> Vec<Value> {
    let mut all = Vec::new();
    for turn in 0..240 {
        let at = noon - 4000 - turn * 30_000;
        for (host, base) in [("web01", 0.62), ("web02", 0.34), ("db01", 0.18)] {
            all.push(json!({
                "@timestamp": stamp(at), "at": at, "host.name": host, "system.cpu.total.norm.pct": base + 0.05 * noise(at),
                "system.memory.actual.used.pct": base * 0.8, "system.filesystem.used.pct": 0.5,
                "alces.network.in.bytes_per_s": 2.1e6 * base, "alces.network.out.bytes_per_s": 7.4e6 * base,
            }));
        }
    }
    all
}

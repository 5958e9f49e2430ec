//! `/_health_report`, in the shape of Logstash's: green, or yellow with what is slow and what to do.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::{Stats, plugins::PluginStats};

/// An output that holds events for so long is in trouble.
const SLOW: Duration = Duration::from_secs(30);

/// The status of all pipelines together.
pub(super) fn status(pipelines: &[(String, Arc<Stats>)]) -> &'static str {
    if pipelines.iter().any(|(_, stats)| !slow(stats).is_empty()) { "yellow" } else { "green" }
}

fn slow(stats: &Stats) -> Vec<Arc<PluginStats>> {
    let outputs = stats.plugins().outputs;
    outputs.into_iter().filter(|output| output.held().1.is_some_and(|age| age > SLOW)).collect()
}

/// The whole report.
pub(super) fn report(pipelines: &[(String, Arc<Stats>)]) -> Value {
    let indicators: Map<_, _> = pipelines.iter().map(|(id, stats)| (id.clone(), one(stats))).collect();
    let status = status(pipelines);
    let symptom = if status == "green" { "all pipelines deliver" } else { "a pipeline waits for an output" };
    json!({
        "status": status,
        "symptom": symptom,
        "indicators": {"pipelines": {"status": status, "symptom": symptom, "indicators": indicators}},
    })
}

fn one(stats: &Stats) -> Value {
    let slow = slow(stats);
    if slow.is_empty() {
        return json!({"status": "green", "symptom": "it delivers", "details": {"status": {"state": "RUNNING"}}});
    }
    let diagnosis: Vec<_> = slow
        .iter()
        .map(|output| {
            let (held, age) = output.held();
            json!({
                "cause": format!("the output {} holds {held} events, the oldest for {} s", output.label.id, age.unwrap_or_default().as_secs()),
                "action": "see whether what it sends to answers, and what the collector's log says; nothing is lost, senders wait",
            })
        })
        .collect();
    json!({"status": "yellow", "symptom": "it waits for an output", "details": {"status": {"state": "RUNNING"}}, "diagnosis": diagnosis})
}

//! What a receiver is sent.
//!
//! The default is a superset of Alertmanager's webhook body, version 4 (its documentation, "webhook_config"), so that receivers made for that
//! take ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The shape of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Alertmanager's webhook, version 4, and a little more.
    #[default]
    Alertmanager,
    /// Slack and Mattermost: an incoming webhook.
    Slack,
    /// Microsoft Teams: a workflow's webhook, an adaptive card.
    Teams,
    /// DingTalk: a robot of a group.
    Dingtalk,
    /// Feishu and Lark: a robot of a group.
    Feishu,
    /// WeCom: a robot of a group.
    Wecom,
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Whether it fires, or is over.
    pub firing: bool,
    /// What it is of: rule, severity, group, labels of the rule.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// When it began, epoch milliseconds.
    pub starts: i64,
    /// When it ended.
    pub ends: Option<i64>,
    /// The figure, and the worst of the episode.
    pub value: Option<f64>,
    /// As `value`.
    pub peak: Option<f64>,
    /// The view that it is about.
    pub link: String,
    /// What its lines are; none where that could not be gathered in time.
    #[serde(default)]
    pub context: Option<Context>,
}

/// What a message shows of an alert's lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The commonest patterns, each with how many of the newest lines are of it.
    pub patterns: Vec<(String, u64)>,
    /// The newest lines, with masked values struck out.
    pub lines: Vec<String>,
    /// The address of a picture (PNG) of the figure.
    pub picture: Option<String>,
}

/// What tells alerts apart: a hash of the labels.
#[must_use]
pub fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in labels {
        // Lengths, so that no name runs into its value.
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hex(&hash.finalize()[..8])
}

/// The name of a message: the same for the same episodes and what is told of them, so that a receiver that is told twice can know.
#[must_use]
pub fn message_id(receiver: &str, told: &[(String, i64, &str)], now: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(json!([receiver, told, now]).to_string());
    format!("msg_{}", hex(&hash.finalize()[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A moment as RFC 3339 has it.
fn stamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| "0001-01-01T00:00:00Z".into(), |t| t.to_string())
}

/// The body for a receiver, of alerts that belong together. `base` is where the dashboard is.
#[must_use]
pub fn body(preset: Preset, receiver: &str, alerts: &[Alert], dropped: usize, base: &str) -> Value {
    match preset {
        Preset::Alertmanager => alertmanager(receiver, alerts, dropped, base),
        Preset::Slack => json!({"text": text(alerts, dropped, "*", "<{link}|open>")}),
        Preset::Teams => json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.4", "body": [
                {"type": "TextBlock", "wrap": true, "text": text(alerts, dropped, "**", "[open]({link})")}]}}]}),
        Preset::Dingtalk => json!({"msgtype": "markdown", "markdown": {
            "title": headline(alerts), "text": text(alerts, dropped, "**", "[open]({link})").replace('\n', "\n\n")}}),
        Preset::Feishu => {
            json!({"msg_type": "text", "content": {"text": text(alerts, dropped, "", "{link}")}})
        }
        Preset::Wecom => {
            json!({"msgtype": "markdown", "markdown": {"content": text(alerts, dropped, "**", "[open]({link})")}})
        }
    }
}

fn alertmanager(receiver: &str, alerts: &[Alert], dropped: usize, base: &str) -> Value {
    let common = |of: fn(&Alert) -> &BTreeMap<String, String>| -> BTreeMap<&String, &String> {
        let Some(first) = alerts.first() else { return BTreeMap::new() };
        of(first)
            .iter()
            .filter(|(name, value)| alerts.iter().all(|a| of(a).get(*name) == Some(value)))
            .collect()
    };
    let name = alerts.first().and_then(|a| a.labels.get("alertname")).cloned().unwrap_or_default();
    let one = |alert: &Alert| {
        json!({
            "status": if alert.firing { "firing" } else { "resolved" },
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": stamp(alert.starts),
            // Alertmanager's word for "not yet".
            "endsAt": alert.ends.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), stamp),
            "generatorURL": alert.link,
            "fingerprint": fingerprint(&alert.labels),
            "value": alert.value,
            "peak": alert.peak,
            "context": alert.context.as_ref().map(evidence),
        })
    };
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname={name:?}}}"),
        "truncatedAlerts": dropped,
        "status": if alerts.iter().any(|a| a.firing) { "firing" } else { "resolved" },
        "receiver": receiver,
        "groupLabels": {"alertname": name},
        "commonLabels": common(|a| &a.labels),
        "commonAnnotations": common(|a| &a.annotations),
        "externalURL": base,
        "alerts": alerts.iter().map(one).collect::<Vec<_>>(),
    })
}

fn evidence(context: &Context) -> Value {
    let patterns =
        context.patterns.iter().map(|(pattern, count)| json!({"pattern": pattern, "count": count}));
    json!({"patterns": patterns.collect::<Vec<_>>(), "lines": context.lines, "picture": context.picture})
}

/// A text for people at most, bytes.
const LONGEST: usize = 3_500;

fn headline(alerts: &[Alert]) -> String {
    let firing = alerts.iter().filter(|a| a.firing).count();
    let title = alerts.first().and_then(|a| a.annotations.get("title")).map_or("", String::as_str);
    match (firing, alerts.len()) {
        (0, 1) => format!("Resolved: {title}"),
        (0, n) => format!("Resolved ({n}): {title}"),
        (1, 1) => format!("Firing: {title}"),
        (n, _) => format!("Firing ({n}): {title}"),
    }
}

/// For people: a headline, and a line for each alert. `link` holds `{link}`.
fn text(alerts: &[Alert], dropped: usize, bold: &str, link: &str) -> String {
    let mut lines = vec![format!("{bold}{}{bold}", headline(alerts))];
    for alert in alerts.iter().take(10) {
        let summary = alert
            .annotations
            .get("summary")
            .or_else(|| alert.annotations.get("title"))
            .map_or("", String::as_str);
        let state = if alert.firing { "🔴" } else { "🟢" };
        lines.push(format!(
            "{state} {} · since {} · {}",
            plain(summary),
            stamp(alert.starts),
            link.replace("{link}", &alert.link)
        ));
        // Of several alerts the lines would hide what fires.
        if let Some(context) = alert.context.as_ref().filter(|_| alerts.len() == 1) {
            let cut = |text: &str| plain(text).chars().take(200).collect::<String>();
            lines.extend(
                context.patterns.iter().map(|(pattern, count)| format!("{count} × {}", cut(pattern))),
            );
            lines.extend(context.lines.iter().map(|line| format!("– {}", cut(line))));
            lines.extend(context.picture.iter().cloned());
        }
    }
    let more = alerts.len().saturating_sub(10) + dropped;
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    // WeCom takes 4,096 bytes, and says so with status 200.
    let mut text = lines.join("\n");
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

/// Text of a log line must not become markup, a mention of everybody, or another line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => '‹',
            '>' => '›',
            '@' => '＠',
            '[' => '［',
            ']' => '］',
            '`' | '*' | '_' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(host: &str, firing: bool) -> Alert {
        let of =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Alert {
            firing,
            labels: of(&[("alertname", "errors"), ("host_name", host), ("severity", "critical")]),
            annotations: of(&[("title", "Error rate"), ("summary", "5 % of <!channel> fail")]),
            starts: 1_795_428_000_000,
            ends: (!firing).then_some(1_795_428_060_000),
            value: Some(5.0),
            peak: Some(7.5),
            link: "https://dash/explore?q=a".into(),
            context: Some(Context {
                patterns: vec![("user <*> is gone".into(), 7)],
                lines: vec!["user @here is gone".into()],
                picture: Some("https://dash/render/alert.png?sig=x".into()),
            }),
        }
    }

    #[test]
    fn as_alertmanager_has_it() {
        let body = body(
            Preset::Alertmanager,
            "ops",
            &[alert("web-1", true), alert("web-2", false)],
            3,
            "https://dash/",
        );
        assert_eq!(body["version"], "4");
        assert_eq!(body["status"], "firing");
        assert_eq!(body["truncatedAlerts"], 3);
        assert_eq!(body["commonLabels"], json!({"alertname": "errors", "severity": "critical"}));
        assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
        assert_eq!(body["alerts"][1]["startsAt"], "2026-11-23T10:00:00Z");
        assert_eq!(body["alerts"][1]["endsAt"], "2026-11-23T10:01:00Z");
        assert_eq!(
            body["alerts"][0]["context"]["patterns"][0],
            json!({"pattern": "user <*> is gone", "count": 7})
        );
        assert_eq!(body["groupKey"], "{}:{alertname=\"errors\"}");
        assert_ne!(body["alerts"][0]["fingerprint"], body["alerts"][1]["fingerprint"]);
    }

    #[test]
    fn for_people_and_without_the_power_of_a_line() {
        for (preset, place) in [
            (Preset::Slack, "/text"),
            (Preset::Dingtalk, "/markdown/text"),
            (Preset::Feishu, "/content/text"),
            (Preset::Wecom, "/markdown/content"),
            (Preset::Teams, "/attachments/0/content/body/0/text"),
        ] {
            let body = body(preset, "ops", &[alert("web-1", true)], 0, "https://dash/");
            let text = body.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{body}"));
            assert!(
                text.contains("Firing: Error rate") && text.contains("https://dash/explore?q=a"),
                "{text}"
            );
            assert!(!text.contains("<!channel>") && !text.contains("@here"), "{text}");
            assert!(text.contains("7 × user ‹ › is gone") && text.contains("render/alert.png"), "{text}");
        }
    }

    #[test]
    fn names_are_the_same_for_the_same() {
        let told = [("f".to_owned(), 5, "firing")];
        assert_eq!(message_id("ops", &told, 7), message_id("ops", &told, 7));
        assert_ne!(message_id("ops", &told, 7), message_id("dev", &told, 7));
        let labels =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_ne!(fingerprint(&labels(&[("a", "bc")])), fingerprint(&labels(&[("ab", "c")])));
    }
}

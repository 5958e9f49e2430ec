//! What a receiver is sent.
//!
//! The default is a superset of Alertmanager's webhook body, version 4 (its documentation, "webhook_config"), so that receivers made for that
//! take ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Receiver, WordingError, wording};

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
    /// Telegram: a bot's message.
    Telegram,
    /// PagerDuty: Events API v2; a group of alerts is an incident.
    Pagerduty,
    /// Opsgenie: a group of alerts is an alert, which is closed when all of it is over.
    Opsgenie,
    /// A mail.
    Email,
    /// Somebody who misses us when nothing comes (Healthchecks, Dead Man's Snitch): told of what fires only, and only while that is new.
    Heartbeat,
}

impl Preset {
    /// Whether messages are texts, which a template may write.
    #[must_use]
    pub const fn is_for_people(self) -> bool {
        !matches!(self, Self::Alertmanager | Self::Heartbeat | Self::Pagerduty | Self::Opsgenie)
    }
}

/// A message before it has a shape.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// To whom.
    pub receiver: &'a Receiver,
    /// What its alerts belong to ([`crate::dispatch::Message`]).
    pub bundle: &'a str,
    /// The labels of that.
    pub labels: &'a BTreeMap<String, String>,
    /// When that began, epoch milliseconds.
    pub began: i64,
    /// Whether nothing was told of that before.
    pub is_first: bool,
    /// The alerts, what fires first. A message shows the first ones and counts the others.
    pub alerts: &'a [Alert],
    /// Where the dashboard is.
    pub base: &'a str,
}

/// Alerts of a message at most.
const MOST: usize = 50;
/// Alerts of a text for people at most.
const LINES: usize = 10;

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

/// The body for a receiver. What is secret is not in it: a key that belongs into a body is put there when it is sent.
#[must_use]
pub fn body(telling: &Telling<'_>) -> Value {
    let markdown = |name: &str, link: &str| format!("[{name}]({link})");
    let bare = |name: &str, link: &str| format!("{name}: {link}");
    match telling.receiver.preset {
        Preset::Alertmanager | Preset::Heartbeat => alertmanager(telling),
        Preset::Slack => {
            json!({"text": text(telling, "*", &|name, link| format!("<{link}|{name}>"))})
        }
        Preset::Teams => json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.4", "body": [
                {"type": "TextBlock", "wrap": true, "text": text(telling, "**", &markdown)}]}}]}),
        Preset::Dingtalk => json!({"msgtype": "markdown", "markdown": {
            "title": headline(telling.alerts), "text": text(telling, "**", &markdown).replace('\n', "\n\n")}}),
        Preset::Feishu => json!({"msg_type": "text", "content": {"text": text(telling, "", &bare)}}),
        Preset::Wecom => {
            json!({"msgtype": "markdown", "markdown": {"content": text(telling, "**", &markdown)}})
        }
        // Without `parse_mode`, so that nothing in it is markup.
        Preset::Telegram => json!({"chat_id": telling.receiver.chat, "text": text(telling, "", &bare),
            "link_preview_options": {"is_disabled": true}}),
        Preset::Pagerduty => pagerduty(telling),
        Preset::Opsgenie => opsgenie(telling),
        Preset::Email => json!({"subject": headline(telling.alerts), "text": text(telling, "", &bare),
            "thread": name(telling, telling.began), "first": telling.is_first}),
    }
}

/// The name of an incident for services that know it by one. `began` is 0 where the service itself tells one time from the next.
fn name(telling: &Telling<'_>, began: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(json!([telling.receiver.id, telling.bundle, began]).to_string());
    format!("alces-{}", hex(&hash.finalize()[..16]))
}

/// The worst severity of what fires, or of all where nothing does.
fn worst(alerts: &[Alert]) -> &'static str {
    let firing = alerts.iter().any(|a| a.firing);
    let is = |word: &str| {
        let of = |a: &&Alert| a.labels.get("severity").is_some_and(|s| s == word);
        alerts.iter().filter(|a| a.firing || !firing).any(|a| of(&a))
    };
    ["critical", "warning"].into_iter().find(|word| is(word)).unwrap_or("info")
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn bare_text(telling: &Telling<'_>) -> String {
    text(telling, "", &|name, link| format!("{name}: {link}"))
}

/// An event of PagerDuty's Events API v2, without its `routing_key`.
fn pagerduty(telling: &Telling<'_>) -> Value {
    let key = name(telling, 0);
    let alerts = telling.alerts;
    if alerts.iter().all(|a| !a.firing) {
        return json!({"event_action": "resolve", "dedup_key": key});
    }
    let source = ["host_name", "host", "service"].iter().find_map(|label| alerts.first()?.labels.get(*label));
    json!({
        "event_action": "trigger",
        "dedup_key": key,
        "client": "Alces",
        "client_url": telling.base,
        "links": alerts.first().map(|a| vec![json!({"href": a.link, "text": "lines"})]),
        "payload": {
            "summary": cut(&headline(alerts), 1024),
            "source": source.map_or("alces", String::as_str),
            "severity": worst(alerts),
            "timestamp": alerts.iter().map(|a| a.starts).min().map(stamp),
            "custom_details": {"text": bare_text(telling), "labels": telling.labels},
        },
    })
}

/// A request to Opsgenie's API of alerts: what follows its address, and the body.
fn opsgenie(telling: &Telling<'_>) -> Value {
    let alias = name(telling, 0);
    if telling.alerts.iter().all(|a| !a.firing) {
        return json!({"path": format!("/{alias}/close?identifierType=alias"), "body": {"source": "Alces", "note": "all of it is over"}});
    }
    let priority = match worst(telling.alerts) {
        "critical" => "P1",
        "warning" => "P3",
        _ => "P5",
    };
    json!({"path": "", "body": {
        "alias": alias,
        "message": cut(&headline(telling.alerts), 130),
        "description": bare_text(telling),
        "priority": priority,
        "source": "Alces",
        "details": telling.labels,
    }})
}

/// Where alerts with these labels are silenced: the page, with its form filled in.
fn silence_link<'a>(base: &str, labels: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut link = format!("{base}alerts?");
    for (n, (name, value)) in labels.enumerate() {
        let pair = format!("{name}={value}");
        link.push_str(if n == 0 { "silence=" } else { "&silence=" });
        for byte in pair.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => link.push(char::from(byte)),
                byte => link.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    link.push_str("#silence");
    link
}

fn common(alerts: &[Alert], of: fn(&Alert) -> &BTreeMap<String, String>) -> BTreeMap<&String, &String> {
    let Some(first) = alerts.first() else { return BTreeMap::new() };
    of(first).iter().filter(|(name, value)| alerts.iter().all(|a| of(a).get(*name) == Some(value))).collect()
}

fn alertmanager(telling: &Telling<'_>) -> Value {
    let Telling { alerts, base, .. } = *telling;
    let shown = &alerts[..alerts.len().min(MOST)];
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
            "silenceURL": silence_link(base, alert.labels.iter()),
            "value": alert.value,
            "peak": alert.peak,
            "context": alert.context.as_ref().map(evidence),
        })
    };
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{}", telling.bundle),
        "truncatedAlerts": alerts.len() - shown.len(),
        "status": if alerts.iter().any(|a| a.firing) { "firing" } else { "resolved" },
        "receiver": telling.receiver.id,
        "groupLabels": telling.labels,
        "commonLabels": common(alerts, |a| &a.labels),
        "commonAnnotations": common(alerts, |a| &a.annotations),
        "externalURL": base,
        "alerts": shown.iter().map(one).collect::<Vec<_>>(),
    })
}

/// What the lines of an alert are, for people.
fn lines_of(context: &Context) -> Vec<String> {
    let short = |text: &str| plain(&cut(text, 200));
    let patterns = context.patterns.iter().map(|(pattern, count)| format!("{count} × {}", short(pattern)));
    let lines = context.lines.iter().map(|line| format!("– {}", short(line)));
    patterns.chain(lines).chain(context.picture.iter().cloned()).collect()
}

fn evidence(context: &Context) -> Value {
    let patterns =
        context.patterns.iter().map(|(pattern, count)| json!({"pattern": pattern, "count": count}));
    json!({"patterns": patterns.collect::<Vec<_>>(), "lines": context.lines, "picture": context.picture})
}

/// A text for people at most, bytes. WeCom takes 4,096, and says so with status 200.
const LONGEST: usize = 3_500;

fn headline(alerts: &[Alert]) -> String {
    let firing = alerts.iter().filter(|a| a.firing).count();
    let title = plain(alerts.first().and_then(|a| a.annotations.get("title")).map_or("", String::as_str));
    match (firing, alerts.len()) {
        (0, 1) => format!("Resolved: {title}"),
        (0, n) => format!("Resolved ({n}): {title}"),
        (1, 1) => format!("Firing: {title}"),
        (n, _) => format!("Firing ({n}): {title}"),
    }
}

/// For people: what the receiver's template writes, or a headline and a line for each alert. `link` writes a link as the receiver has it.
fn text(telling: &Telling<'_>, bold: &str, link: &dyn Fn(&str, &str) -> String) -> String {
    let template = &telling.receiver.template;
    if !template.is_empty() {
        let mut context = alertmanager(telling);
        disarm(&mut context);
        // Checked when it was read. What fails on real labels must not cost the message.
        if let Ok(said) = wording::write(template, &context, LONGEST) {
            return said;
        }
    }
    let alerts = telling.alerts;
    let mut text = format!("{bold}{}{bold}", headline(alerts));
    if alerts.len() > LINES {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for alert in alerts {
            *counts.entry(alert.labels.get("alertname").map_or("", String::as_str)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let counts: Vec<String> =
            counts.iter().take(5).map(|(name, count)| format!("{} × {count}", plain(name))).collect();
        text.push_str(&format!("\n{}", counts.join(", ")));
    }
    let labels = common(alerts, |a| &a.labels);
    if alerts.iter().any(|a| a.firing) && !labels.is_empty() {
        let silence = link("silence", &silence_link(telling.base, labels.into_iter()));
        text.push_str(&format!("\n{silence}"));
    }
    let mut shown = 0;
    for alert in alerts.iter().take(LINES) {
        let summary = alert
            .annotations
            .get("summary")
            .or_else(|| alert.annotations.get("title"))
            .map_or("", String::as_str);
        let state = if alert.firing { "🔴" } else { "🟢" };
        let by = alert.annotations.get("acknowledged_by");
        let by = by.map_or_else(String::new, |by| format!(" · acknowledged by {}", plain(by)));
        let open = link("open", &alert.link);
        let line =
            format!("\n{state} {} · since {}{by} · {open}", plain(&cut(summary, 300)), stamp(alert.starts));
        let evidence = alert.context.as_ref().filter(|_| alerts.len() == 1).map(lines_of).unwrap_or_default();
        // No line is cut, so that no link is.
        if text.len() + line.len() > LONGEST {
            break;
        }
        text.push_str(&line);
        shown += 1;
        // Of several alerts the lines would hide what fires.
        for line in evidence {
            if text.len() + line.len() < LONGEST {
                text.push('\n');
                text.push_str(&line);
            }
        }
    }
    if alerts.len() > shown {
        text.push_str(&format!("\nand {} more", alerts.len() - shown));
    }
    text
}

/// Values of log lines become no markup, whatever a template does with them. Addresses are encoded already.
fn disarm(value: &mut Value) {
    match value {
        Value::String(text) => *text = plain(text),
        Value::Array(all) => all.iter_mut().for_each(disarm),
        Value::Object(all) => all
            .iter_mut()
            .filter(|(name, _)| !name.ends_with("URL") && !name.ends_with("_url"))
            .for_each(|(_, value)| disarm(value)),
        _ => {}
    }
}

/// Whether a template of messages can be used.
pub(crate) fn check_template(template: &str) -> Result<(), WordingError> {
    let labels = BTreeMap::from([("alertname".to_owned(), "errors".to_owned())]);
    let alert = Alert {
        firing: true,
        annotations: labels.clone(),
        labels: labels.clone(),
        starts: 0,
        ends: None,
        value: Some(1.0),
        peak: Some(1.0),
        link: String::new(),
        context: None,
    };
    let receiver = Receiver::default();
    let telling = Telling {
        receiver: &receiver,
        bundle: "{}",
        labels: &labels,
        began: 0,
        is_first: true,
        alerts: &[alert],
        base: "",
    };
    wording::write(template, &alertmanager(&telling), LONGEST).map(drop)
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

    fn told(receiver: &Receiver, alerts: &[Alert]) -> Value {
        let labels = [("alertname".to_owned(), "errors".to_owned())].into();
        body(&Telling {
            receiver,
            bundle: "{alertname=\"errors\"}",
            labels: &labels,
            began: 5,
            is_first: true,
            alerts,
            base: "https://dash/",
        })
    }

    fn receiver(preset: Preset) -> Receiver {
        Receiver { id: "ops".into(), preset, chat: "-100".into(), ..Receiver::default() }
    }

    #[test]
    fn as_alertmanager_has_it() {
        let body = told(&receiver(Preset::Alertmanager), &[alert("web-1", true), alert("web-2", false)]);
        assert_eq!(body["version"], "4");
        assert_eq!(body["status"], "firing");
        assert_eq!(body["truncatedAlerts"], 0);
        assert_eq!(body["commonLabels"], json!({"alertname": "errors", "severity": "critical"}));
        assert_eq!(body["groupLabels"], json!({"alertname": "errors"}));
        assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
        assert_eq!(body["alerts"][1]["startsAt"], "2026-11-23T10:00:00Z");
        assert_eq!(body["alerts"][1]["endsAt"], "2026-11-23T10:01:00Z");
        assert_eq!(
            body["alerts"][0]["context"]["patterns"][0],
            json!({"pattern": "user <*> is gone", "count": 7})
        );
        assert_eq!(body["groupKey"], "{}:{alertname=\"errors\"}");
        assert_ne!(body["alerts"][0]["fingerprint"], body["alerts"][1]["fingerprint"]);
        assert_eq!(
            body["alerts"][0]["silenceURL"],
            "https://dash/alerts?silence=alertname%3Derrors&silence=host_name%3Dweb-1&silence=severity%3Dcritical#silence"
        );
    }

    const FOR_PEOPLE: [(Preset, &str); 7] = [
        (Preset::Slack, "/text"),
        (Preset::Dingtalk, "/markdown/text"),
        (Preset::Feishu, "/content/text"),
        (Preset::Wecom, "/markdown/content"),
        (Preset::Teams, "/attachments/0/content/body/0/text"),
        (Preset::Telegram, "/text"),
        (Preset::Email, "/text"),
    ];

    #[test]
    fn for_people_and_without_the_power_of_a_line() {
        for (preset, place) in FOR_PEOPLE {
            let mut receiver = receiver(preset);
            let said = |receiver: &Receiver| {
                let body = told(receiver, &[alert("web-1", true)]);
                body.pointer(place)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .unwrap_or_else(|| panic!("{body}"))
            };
            let text = said(&receiver);
            assert!(
                text.contains("Firing: Error rate") && text.contains("https://dash/explore?q=a"),
                "{text}"
            );
            assert!(text.contains("https://dash/alerts?silence=alertname%3Derrors"), "{text}");
            assert!(!text.contains("<!channel>"), "{text}");
            assert!(text.contains("7 × user ‹ › is gone") && text.contains("render/alert.png"), "{text}");
            receiver.template =
                "{{ status }} {{ alerts[0].annotations.summary }} {{ commonLabels.nothing }}{{ alerts[0].generatorURL }}".into();
            assert_eq!(said(&receiver), "firing 5 % of ‹!channel› fail https://dash/explore?q=a");
        }
    }

    #[test]
    fn a_storm_is_counted_and_no_link_is_cut() {
        let mut many: Vec<Alert> = (0..10_000).map(|n| alert(&format!("web-{n}"), true)).collect();
        let body = told(&receiver(Preset::Alertmanager), &many);
        assert_eq!(
            (body["alerts"].as_array().map(Vec::len), &body["truncatedAlerts"]),
            (Some(50), &json!(9_950))
        );
        let link = format!("https://dash/{}", "x".repeat(700));
        many.iter_mut().for_each(|a| a.link.clone_from(&link));
        let body = told(&receiver(Preset::Slack), &many);
        let text = body["text"].as_str().expect("a text");
        assert!(text.len() <= LONGEST + 40 && text.contains("errors × 10000"), "{text}");
        assert_eq!(text.matches(&link).count(), 4);
        assert!(text.ends_with("and 9996 more"), "{text}");
    }

    #[test]
    fn an_incident_has_one_name_from_its_beginning_to_its_end() {
        let both = |preset| {
            let receiver = receiver(preset);
            (told(&receiver, &[alert("web-1", true)]), told(&receiver, &[alert("web-1", false)]))
        };
        let (begins, ends) = both(Preset::Pagerduty);
        assert_eq!((&begins["event_action"], &ends["event_action"]), (&json!("trigger"), &json!("resolve")));
        assert_eq!(begins["dedup_key"], ends["dedup_key"]);
        assert_eq!(begins["payload"]["severity"], "critical");
        assert_eq!(begins["payload"]["source"], "web-1");
        let (begins, ends) = both(Preset::Opsgenie);
        let alias = begins["body"]["alias"].as_str().expect("an alias");
        assert_eq!(begins["body"]["priority"], "P1");
        assert_eq!(ends["path"], format!("/{alias}/close?identifierType=alias"));
        let (begins, ends) = both(Preset::Email);
        assert_eq!(begins["thread"], ends["thread"]);
        assert_eq!(
            (&begins["subject"], &ends["subject"]),
            (&json!("Firing: Error rate"), &json!("Resolved: Error rate"))
        );
    }

    #[test]
    fn a_template_is_checked() {
        assert!(
            check_template(
                "{{ commonLabels.host }} {% for a in alerts %}{{ a.annotations.summary }}{% endfor %}"
            )
            .is_ok()
        );
        assert!(check_template("{{ alerts ").is_err());
        assert!(check_template("{% include 'x' %}").is_err());
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

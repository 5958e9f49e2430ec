//! A message that says that it is a test: whether a receiver is reached is known before it matters.

use std::collections::BTreeMap;
use std::path::Path;

use alces_alerts::{Alert, Delivery, Receiver, Telling, body, message_id};
use ipnet::IpNet;
use jiff::Timestamp;

use super::{Rules, post};
use crate::error::DashboardError;

/// A test for a receiver: an alert that is over already, so that no service keeps it open.
pub(crate) fn test_message(receiver: &Receiver, base: &str, now: i64) -> Delivery {
    let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let labels = of(&[("alertname", "alces-test"), ("severity", "info")]);
    let alert = Alert {
        firing: false,
        annotations: of(&[
            ("title", "A test"),
            ("summary", "This is a test: messages of Alces arrive here. Nothing is wrong."),
        ]),
        labels: labels.clone(),
        starts: now,
        ends: Some(now),
        value: None,
        peak: None,
        link: format!("{base}alerts"),
        context: None,
    };
    let told = [("alces-test".to_owned(), now, "resolved")];
    let telling = Telling {
        receiver,
        bundle: "{alertname=\"alces-test\"}",
        labels: &labels,
        began: now,
        is_first: true,
        alerts: &[alert],
        base,
    };
    Delivery { id: message_id(&receiver.id, &told, now), receiver: receiver.id.clone(), body: body(&telling) }
}

/// Sends a test to a receiver of a folder of rules, once and at once; what it answered.
///
/// # Errors
/// [`DashboardError`]: the folder, a receiver that is not there, and what kept the message from being taken.
pub async fn send_test(
    folder: &Path,
    receiver: &str,
    allowed: &[IpNet],
    now: Timestamp,
) -> Result<String, DashboardError> {
    let rules = Rules::read(folder).map_err(|errors| DashboardError::Alerts(errors.join("\n")))?;
    let Some(found) = rules.receivers.iter().find(|r| r.id == receiver) else {
        let names: Vec<&str> = rules.receivers.iter().map(|r| r.id.as_str()).collect();
        return Err(DashboardError::Nothing(format!(
            "there is no receiver {receiver}. There are: {}",
            names.join(", ")
        )));
    };
    let now = now.as_millisecond();
    let message = test_message(found, "http://localhost/", now);
    let sending = post::attempt(found, allowed, &message, now / 1000);
    let nothing = |why: String| DashboardError::Nothing(format!("{receiver}: {why}"));
    match tokio::time::timeout(post::PATIENCE, sending).await {
        Ok(Ok(said)) if (200..300).contains(&said.status) => Ok(said.reason),
        Ok(Ok(said)) => Err(nothing(said.reason)),
        Ok(Err(reason)) => Err(nothing(reason)),
        Err(_) => Err(nothing(format!("no answer within {} s", post::PATIENCE.as_secs()))),
    }
}

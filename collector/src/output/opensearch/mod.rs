//! `elasticsearch` and `opensearch`: one implementation for both names, as both speak the same REST API.

mod bulk;
mod client;
mod fields;
mod hosts;
mod options;
mod pace;
mod resend;
mod sniff;
mod templates;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use alces_event::Event;
use tokio::sync::OnceCell;
use tracing::{info, warn};

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered};
use crate::{CollectorError, dlq::Letter};
pub(crate) use bulk::{Encoded, Spare};
use bulk::{Item, ItemAnswer, Refused, Sent, Verdict};
use hosts::Hosts;
pub(crate) use options::OpenSearchPlan;
use pace::Pace;
pub use resend::{Outcome, Resender};

/// Waits between attempts: doubling, as Logstash's `retry_initial_interval` and `retry_max_interval`.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A running output.
pub(crate) struct OpenSearchOutput {
    plan: OpenSearchPlan,
    hosts: Hosts,
    /// How long a request's body may be, as far as that is known.
    most_bytes: AtomicUsize,
    outlet: Outlet,
    pace: Pace,
    /// Index templates are there, or have been refused for good.
    prepared: OnceCell<()>,
    spare: Spare,
    /// That it is away has been said.
    away: AtomicBool,
}

impl Plan for OpenSearchPlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        for host in self.hosts.iter().filter(|host| host.scheme() == "http") {
            super::tell_plaintext(self.name, host.host_str().unwrap_or_default());
        }
        if !self.connect.verifies {
            super::tls::tell_trusting(self.name, &self.shown_hosts());
        }
        Ok(Output::new(OpenSearchOutput {
            plan: self.clone(),
            hosts: Hosts::new(self)?,
            most_bytes: AtomicUsize::new(bulk::BODY_BYTES),
            outlet: outlet.clone(),
            pace: Pace::default(),
            prepared: OnceCell::new(),
            spare: Spare::default(),
            away: AtomicBool::new(false),
        }))
    }
}

impl Sink for OpenSearchOutput {
    type Pending = Encoded;

    fn pending(&self) -> Encoded {
        Encoded::new(&self.spare)
    }

    fn encode(&self, event: &Event, to: &mut Encoded) {
        to.add(event, &self.plan);
    }

    /// Indexes documents. Each item is judged alone: done, already there, to be tried again, or never to be taken (then it
    /// goes to the dead-letter queue). What is to be tried again is, until the collector gives up.
    async fn send(&self, encoded: Encoded) -> Result<Fates, Undelivered> {
        self.outlet.stats.capped.add(encoded.capped());
        let mut fates = self.bury_unsent(encoded.refused())?;
        let (sent, mut items, never) = encoded.split();
        let long = || "its id is longer than 512 bytes, which is more than OpenSearch takes".to_owned();
        fates.add(self.bury(&sent, never.iter().map(|item| (item, 400, long())).collect())?);
        if items.is_empty() {
            return Ok(fates);
        }
        self.prepare().await?;
        let mut wait = FIRST_WAIT;
        while !items.is_empty() {
            let mut again = Vec::new();
            let mut refused = false;
            let mut rest = items.as_slice();
            while !rest.is_empty() {
                self.outlet.until_given_up(self.hosts.sniff(&self.plan)).await?;
                let (request, taken) = sent.request(rest, self.most_bytes.load(Ordering::Relaxed));
                let (bytes, (now, later)) = (request.len(), rest.split_at(taken));
                let place = self.outlet.until_given_up(self.pace.begin()).await?;
                self.outlet.stats.bulk_requests.add(1);
                let answer = self.hosts.pick().bulk(request).await;
                place.end(match &answer {
                    Ok(answers) if answers.iter().any(|answer| matches!(answer.status, 429 | 503)) => {
                        pace::Outcome::Busy
                    }
                    Ok(_) | Err(client::Failure::TooLarge) => pace::Outcome::Taken,
                    Err(client::Failure::Away(_)) => pace::Outcome::Busy,
                });
                match answer {
                    Ok(answers) => {
                        self.is_back();
                        self.is_short_enough(bytes);
                        fates.add(self.judge(&sent, now, &answers, &mut again)?);
                    }
                    // A smaller request may pass, and at once; a single event that is too large never will.
                    Err(client::Failure::TooLarge) if now.len() > 1 => {
                        self.is_too_long(bytes);
                        continue;
                    }
                    Err(client::Failure::TooLarge) => {
                        let reason = "the event is larger than a request may be".to_owned();
                        let refused = now.iter().map(|item| (item, 413, reason.clone())).collect();
                        fates.add(self.bury(&sent, refused)?);
                    }
                    Err(client::Failure::Away(reason)) => {
                        self.is_away(&reason);
                        again.extend_from_slice(now);
                        refused = true;
                        self.hosts.turn();
                    }
                }
                rest = later;
            }
            items = again;
            if items.is_empty() {
                break;
            }
            self.outlet.stats.retries.add(1);
            self.outlet.pause(wait).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
            if !refused {
                // It answers, and is only busy: come back sooner than to one that is away.
                wait = wait.min(Duration::from_secs(4));
            }
        }
        sent.recycle(&self.spare);
        Ok(fates)
    }
}

impl OpenSearchOutput {
    fn judge(
        &self,
        sent: &Sent,
        items: &[Item],
        answers: &[ItemAnswer],
        again: &mut Vec<Item>,
    ) -> Result<Fates, Undelivered> {
        if answers.len() != items.len() {
            warn!(sent = items.len(), answered = answers.len(), "the answer is cut short: sending again");
            again.extend_from_slice(items);
            return Ok(Fates::default());
        }
        let mut refused = Vec::new();
        for (item, answer) in items.iter().zip(answers) {
            match item.judge(answer.status) {
                Verdict::Done => {}
                Verdict::DoneBefore => self.outlet.stats.resent.add(1),
                Verdict::Refused => refused.push((item, answer.status, answer.reason())),
                Verdict::Again => {
                    if again.is_empty() {
                        warn!(status = answer.status, reason = %answer.reason(), "events were not taken: trying them again");
                    }
                    again.push(*item);
                }
            }
        }
        self.bury(sent, refused)
    }

    /// Items that are refused for good, each with its status and reason: into the dead-letter queue all at once, as each time is synced.
    fn bury(&self, sent: &Sent, refused: Vec<(&Item, u16, String)>) -> Result<Fates, Undelivered> {
        if refused.is_empty() {
            return Ok(Fates::default());
        }
        let hosts = resend::addresses(&self.plan.hosts);
        let letters = refused.into_iter().map(|(item, status, reason)| {
            let letter = Letter {
                document: sent.document(item),
                metadata: sent.metadata(item),
                status: Some(status),
                reason,
                index: Some(sent.index(item)),
                action: Some(sent.action(item)),
                hosts: &hosts,
            };
            (item.place, letter)
        });
        self.outlet.bury(self.plan.name, "events were refused", letters)
    }

    /// A body of so many bytes was taken: a little more may be. Else one refusal, perhaps of something that stood in between, would
    /// keep requests short for ever.
    fn is_short_enough(&self, bytes: usize) {
        let more = |most: usize| (most < bulk::BODY_BYTES && bytes > most / 2).then(|| most + most / 64 + 1);
        let _ = self.most_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// A body of so many bytes was refused: none of more than half of that from here on.
    fn is_too_long(&self, bytes: usize) {
        let most = (bytes / 2).max(1);
        if self.most_bytes.fetch_min(most, Ordering::Relaxed) > most {
            info!(
                refused = bytes,
                most, "a request is longer than OpenSearch takes: shorter ones from here on"
            );
        }
    }

    /// Keeps events of which no items could be made.
    fn bury_unsent(&self, refused: &[Refused]) -> Result<Fates, Undelivered> {
        let letters = refused.iter().map(|refused| {
            let letter = Letter {
                document: &refused.document,
                metadata: &refused.metadata,
                reason: refused.reason.clone(),
                ..Letter::default()
            };
            (refused.place, letter)
        });
        self.outlet.bury(self.plan.name, "no request can be made of events", letters)
    }

    /// Puts the index templates in place, once, before the first event: what is indexed without them has wrong types for
    /// ever.
    async fn prepare(&self) -> Result<(), Undelivered> {
        if self.plan.templates.list.is_empty() {
            return Ok(());
        }
        self.prepared.get_or_try_init(|| self.install_templates()).await.copied()
    }

    async fn install_templates(&self) -> Result<(), Undelivered> {
        let mut wait = FIRST_WAIT;
        loop {
            match templates::install(&self.hosts.pick(), &self.plan.templates).await {
                Ok(()) => {
                    self.is_back();
                    return Ok(());
                }
                Err(reason) => {
                    self.is_away(&reason);
                    self.hosts.turn();
                }
            }
            self.outlet.pause(wait).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn is_away(&self, reason: &str) {
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(hosts = ?self.plan.shown_hosts(), reason, "OpenSearch does not answer: holding events, nothing is acknowledged");
        }
    }

    fn is_back(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            info!(hosts = ?self.plan.shown_hosts(), "OpenSearch answers again");
        }
    }
}

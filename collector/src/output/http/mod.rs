//! `http`: events as requests of HTTP, one each or many as one (logstash-output-http 6.0).
//!
//! An event is acknowledged when it was answered with success, or with a code that is ignored. What cannot be answered now is sent again until
//! it is; what is refused for good goes to the dead-letter queue. A request whose answer was lost is sent again too: the receiver may see an
//! event twice. Plain `http://` is taken to other machines as well, as the outputs of OpenSearch do, and said.

mod body;
mod client;
mod options;

use std::{
    collections::HashMap,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use alces_event::Event;
use alces_tls::ClientConfig;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Client;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use self::client::{Answer, Target};
use super::{Fates, Outlet, Output, Plan, Sink, Undelivered, outlet::Backoff};
use crate::{CollectorError, dlq::Letter, renew::Follows};
pub(crate) use options::HttpPlan;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The body of a request of many events is at most this long, unless a single event is longer.
const BODY_BYTES: usize = 8 << 20;

/// A running output.
struct HttpOutput {
    plan: HttpPlan,
    client: Follows<ClientConfig, Client>,
    outlet: Outlet,
    /// Requests at once.
    places: Semaphore,
    /// That it is away has been said.
    away: AtomicBool,
}

/// What is to be sent.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// One event, as places in [`Requests`].
#[derive(Debug)]
struct Item {
    target: Target,
    body: Range<usize>,
    document: Range<usize>,
    metadata: Range<usize>,
}

impl Requests {
    fn part(&self, place: &Range<usize>) -> &[u8] {
        self.bytes.get(place.clone()).unwrap_or_default()
    }
}

impl Plan for HttpPlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        // Of an address that events make nothing can be said yet.
        let url = self.url.as_literal().and_then(|url| url::Url::parse(url).ok());
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or_default();
        if url.as_ref().is_some_and(|url| url.scheme() == "http") {
            super::tell_plaintext("http", host);
        }
        if let Some(tls) = &self.network.tls {
            tls.tell("http", host);
        }
        let client = client::client(self.network.clone())
            .map_err(|reason| CollectorError::Output { output: "http".to_owned(), reason })?;
        Ok(Output::new(HttpOutput {
            plan: self.clone(),
            client,
            outlet: outlet.clone(),
            places: Semaphore::new(self.network.most),
            away: AtomicBool::new(false),
        }))
    }
}

impl Sink for HttpOutput {
    type Pending = Requests;

    fn pending(&self) -> Requests {
        Requests::default()
    }

    fn encode(&self, event: &Event, to: &mut Requests) {
        let target = Target {
            url: self.plan.url.render(event),
            headers: self.plan.headers.iter().map(|(_, value)| value.render(event)).collect(),
        };
        let bytes = &mut to.bytes;
        let start = bytes.len();
        event.write_json(bytes);
        let document = start..bytes.len();
        event.metadata().write_json(bytes);
        let metadata = document.end..bytes.len();
        let body = if self.plan.format.is_event() {
            document.clone()
        } else {
            self.plan.format.write(event, bytes);
            metadata.end..bytes.len()
        };
        to.items.push(Item { target, body, document, metadata });
    }

    async fn send(&self, requests: Requests) -> Result<Fates, Undelivered> {
        let groups = self.groups(&requests);
        let sent = stream::iter(groups).map(|group| self.deliver(&requests, group));
        let sent = sent.buffer_unordered(self.plan.network.most);
        sent.try_fold(Fates::default(), |mut fates, of_group| {
            fates.add(of_group);
            std::future::ready(Ok(fates))
        })
        .await
    }
}

impl HttpOutput {
    /// The events of each request, as numbers.
    fn groups(&self, requests: &Requests) -> Vec<Vec<usize>> {
        if !self.plan.format.is_batch() {
            return (0..requests.items.len()).map(|number| vec![number]).collect();
        }
        // The last group of each target, and its bytes.
        let mut open: HashMap<&Target, (usize, usize)> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (number, item) in requests.items.iter().enumerate() {
            let len = item.body.len() + 1;
            match open.get_mut(&item.target) {
                Some((at, bytes)) if *bytes + len <= BODY_BYTES => {
                    *bytes += len;
                    if let Some(group) = groups.get_mut(*at) {
                        group.push(number);
                    }
                }
                _ => {
                    open.insert(&item.target, (groups.len(), len));
                    groups.push(vec![number]);
                }
            }
        }
        groups
    }

    fn body(&self, requests: &Requests, group: &[usize]) -> Vec<u8> {
        let bodies = group.iter().filter_map(|number| requests.items.get(*number));
        let bodies: Vec<&[u8]> = bodies.map(|item| requests.part(&item.body)).collect();
        match self.plan.format.is_batch() {
            true => [&b"["[..], &bodies.join(&b','), b"]"].concat(),
            false => bodies.concat(),
        }
    }

    /// Returns when the events of a group are taken, or in the dead-letter queue.
    async fn deliver(&self, requests: &Requests, group: Vec<usize>) -> Result<Fates, Undelivered> {
        let mut fates = Fates::default();
        let mut left = vec![group];
        while let Some(group) = left.pop() {
            match self.answer(requests, &group).await? {
                Answer::TooLarge { .. } if group.len() > 1 => {
                    let (one, other) = group.split_at(group.len() / 2);
                    left.extend([other.to_vec(), one.to_vec()]);
                }
                Answer::TooLarge { reason } => fates.add(self.bury(requests, &group, Some(413), &reason)?),
                Answer::Refused { status, reason } => {
                    fates.add(self.bury(requests, &group, status, &reason)?);
                }
                Answer::Done | Answer::Later { .. } => {}
            }
        }
        Ok(fates)
    }

    /// The answer to a request that is sent until there is one.
    async fn answer(&self, requests: &Requests, group: &[usize]) -> Result<Answer, Undelivered> {
        let first = group.first().and_then(|number| requests.items.get(*number));
        let Some(Item { target, .. }) = first else { return Ok(Answer::Done) };
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut attempts = 0;
        loop {
            let attempt = async {
                // Never closed.
                let _place = self.places.acquire().await;
                let now = (self.outlet.clock)();
                client::attempt(&self.client.now(), &self.plan, target, self.body(requests, group), now).await
            };
            attempts += 1;
            match self.outlet.until_given_up(attempt).await? {
                Answer::Later { status, reason, .. }
                    if self.plan.attempts.is_some_and(|most| attempts >= most) =>
                {
                    return Ok(Answer::Refused { status, reason });
                }
                Answer::Later { reason, wish, .. } => {
                    if !self.away.swap(true, Ordering::Relaxed) {
                        warn!(
                            reason,
                            "the http output is not answered as it should be: holding its events, nothing of them is acknowledged"
                        );
                    }
                    self.outlet.stats.retries.add(1);
                    let wait = backoff.wait();
                    self.outlet.pause(wish.map_or(wait, |wish| wish.max(wait))).await?;
                }
                answer => {
                    if self.away.swap(false, Ordering::Relaxed) {
                        info!("the http output is answered again");
                    }
                    return Ok(answer);
                }
            }
        }
    }

    fn bury(
        &self,
        requests: &Requests,
        group: &[usize],
        status: Option<u16>,
        reason: &str,
    ) -> Result<Fates, Undelivered> {
        let items = group.iter().filter_map(|number| Some((*number as u32, requests.items.get(*number)?)));
        let letters = items.map(|(place, item)| {
            let letter = Letter {
                document: requests.part(&item.document),
                metadata: requests.part(&item.metadata),
                status,
                reason: reason.to_owned(),
                ..Letter::default()
            };
            (place, letter)
        });
        self.outlet.bury("http", "events were refused", letters)
    }
}

#[cfg(test)]
mod tests;

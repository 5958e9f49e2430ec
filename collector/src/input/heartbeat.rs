//! `heartbeat`: an event now and then, which says that the pipeline lives (logstash-input-heartbeat 3.1).

use std::time::Duration;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value};
use alces_filters::{Context, EcsMode};
use alces_plugin::host::host_name;
use futures_util::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval};

use super::{Bound, Decoration, Input, Intake, Site, field, flow::Flow, peer::Peer};
use crate::CollectorError;

/// A checked `heartbeat { … }`.
#[derive(Clone, Debug)]
pub(crate) struct HeartbeatPlan {
    message: Option<String>,
    interval: Duration,
    /// None for ever.
    count: Option<i64>,
    counting: Counting,
    sequence: FieldRef,
    decoration: Decoration,
    host: Peer,
}

/// What the field of numbers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    None,
    Epoch,
    Sequence,
}

const COUNTING: &[(&str, Counting)] =
    &[("none", Counting::None), ("epoch", Counting::Epoch), ("sequence", Counting::Sequence)];

impl HeartbeatPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let ecs = decoration.ecs();
        options.no_effect("codec", "a heartbeat is made, not decoded");
        options.no_effect("threads", "one is enough");
        let message = options.text("message").map_or("ok".to_owned(), |message| message.node);
        let named = COUNTING.iter().find(|(name, _)| *name == message && *name != "none");
        let chosen = options.choice("sequence", COUNTING);
        // In ECS mode `message` no longer chooses.
        let by_message = named.filter(|_| ecs == EcsMode::Disabled).map(|(_, counting)| *counting);
        let seconds = options.number("interval");
        let interval = seconds.as_ref().map_or(Ok(Duration::from_secs(60)), |seconds| {
            Duration::try_from_secs_f64(seconds.node).map_err(|_| seconds.span.clone())
        });
        let interval = interval.unwrap_or_else(|span| {
            options.error(&span, "`interval` is a number of seconds");
            Duration::ZERO
        });
        let count = options.integer("count", -1..=i64::MAX).unwrap_or(-1);
        let (sequence, name) = match ecs {
            EcsMode::V8 => ("[event][sequence]", "[host][name]"),
            EcsMode::Disabled => ("clock", "host"),
        };
        let counting = chosen.or(by_message).unwrap_or(Counting::None);
        let host = host_name(context);
        Self {
            message: (named.is_none() || counting == Counting::None).then_some(message),
            // A timer wants some time.
            interval: interval.max(Duration::from_millis(1)),
            count: (count > 0).then_some(count),
            counting,
            sequence: field(sequence),
            decoration,
            host: host.map_or(Peer::default(), |host| Peer::default().with(name, host.as_str())),
        }
    }

    async fn run(self, intake: Intake) {
        let (mut stop, mut flow) = (intake.stop.clone(), Flow::new(&intake));
        let mut ticks = interval(self.interval);
        // Beats that a slow pipeline held up are not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        while self.count.is_none_or(|count| number < count) {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                _ = ticks.tick() => {}
            }
            // Logstash's documents begin at 0, Logstash at 1.
            number += 1;
            if !flow.send(1, std::iter::once(self.event(number, &intake))).await {
                return;
            }
        }
        flow.settle().await;
    }

    fn event(&self, number: i64, intake: &Intake) -> Event {
        let now = (intake.clock)();
        let mut event = Event::new(now);
        self.host.apply(&mut event);
        match self.counting {
            Counting::None => false,
            Counting::Epoch => event.set(&self.sequence, Value::Int(now.as_second())),
            Counting::Sequence => event.set(&self.sequence, Value::Int(number)),
        };
        if let Some(message) = &self.message {
            event.set(&FieldRef::field("message"), message.as_str());
        }
        self.decoration.apply(&mut event);
        event
    }
}

impl Input for HeartbeatPlan {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let plan = self.clone();
        Box::pin(std::future::ready(Ok(Bound::new(|intake| plan.run(intake)))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{errors, events};

    #[tokio::test(start_paused = true)]
    async fn beats_of_both_modes() {
        insta::assert_snapshot!(events("heartbeat { count => 2 tags => 't' }").await, @r#"
        {"host":{"name":"box"},"message":"ok","tags":["t"]}
        {"host":{"name":"box"},"message":"ok","tags":["t"]}
        "#);
        insta::assert_snapshot!(events("heartbeat { count => 2 message => hi sequence => sequence }").await, @r#"
        {"host":{"name":"box"},"event":{"sequence":1},"message":"hi"}
        {"host":{"name":"box"},"event":{"sequence":2},"message":"hi"}
        "#);
        insta::assert_snapshot!(events("heartbeat { count => 1 sequence => epoch }").await, @r#"{"host":{"name":"box"},"event":{"sequence":1767312000},"message":"ok"}"#);
        insta::assert_snapshot!(events("heartbeat { count => 2 message => sequence ecs_compatibility => disabled }").await, @r#"
        {"host":"box","clock":1}
        {"host":"box","clock":2}
        "#);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(errors("heartbeat { interval => -1 }").contains("a number of seconds"));
        assert!(errors("heartbeat { sequence => clock }").contains("wants one of"));
    }
}

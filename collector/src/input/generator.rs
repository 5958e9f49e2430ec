//! `generator`: the same lines again and again, for trying a pipeline and for measuring it (logstash-input-generator 3.1).

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_event::{Event, FieldRef, Value};
use alces_filters::{Context, EcsMode};
use alces_plugin::host::host_name;
use bytes::Bytes;
use bytestring::ByteString;
use futures_util::future::BoxFuture;

use super::{Bound, Decoration, Input, Intake, Site, codec, field, flow::Flow, peer::Peer};
use crate::CollectorError;

/// Events that are made for one batch, about.
const BATCH: u64 = 1024;

/// A checked `generator { … }`.
#[derive(Clone, Debug)]
pub(crate) struct GeneratorPlan {
    lines: Vec<ByteString>,
    /// How often all lines are given out; none for ever.
    count: Option<u64>,
    /// None for lines as they are.
    codec: Option<DecoderPlan>,
    decoration: Decoration,
    host: Peer,
    sequence: FieldRef,
}

impl GeneratorPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context);
        let ecs = decoration.ecs();
        // The codec names fields as the input does.
        let world = Context { ecs, ..context.clone() };
        let codec = codec(&world, options, Framing::Messages, &["plain"]);
        let decoration = if codec.is_some() { decoration.without_original() } else { decoration };
        options.no_effect("threads", "one makes more events than any pipeline takes");
        let message = options.text("message");
        options.differs("message", "`stdin` is an error: there is the input `stdin`");
        if let Some(stdin) = message.as_ref().filter(|message| message.node == "stdin") {
            options.error_with_help(
                &stdin.span,
                "a line of standard input is not generated",
                "write the line here, or use `stdin { }`",
            );
        }
        let message = message.map_or("Hello world!".to_owned(), |message| message.node);
        let lines = options.texts("lines");
        let lines = lines.map_or(vec![message], |lines| lines.into_iter().map(|line| line.node).collect());
        let count = options.integer("count", 0..=i64::MAX).unwrap_or(0);
        let (sequence, name) = match ecs {
            EcsMode::V8 => ("[event][sequence]", "[host][name]"),
            EcsMode::Disabled => ("sequence", "host"),
        };
        let host = host_name(context);
        Self {
            lines: lines.into_iter().map(ByteString::from).collect(),
            count: u64::try_from(count).ok().filter(|count| *count > 0),
            codec,
            decoration,
            host: host.map_or(Peer::default(), |host| Peer::default().with(name, host.as_str())),
            sequence: field(sequence),
        }
    }

    /// What every event gets besides its line.
    fn finish(&self, event: &mut Event, sequence: Option<u64>) {
        self.decoration.apply(event);
        self.host.apply(event);
        if let Some(sequence) = sequence {
            event.set(&self.sequence, Value::Int(sequence as i64));
        }
    }

    /// Makes events until there are enough, or the collector is told to stop.
    async fn run(self, intake: Intake) {
        let (mut flow, mut decoder) = (Flow::new(&intake), self.codec.as_ref().map(DecoderPlan::stream));
        // So many times all lines for one batch.
        let rounds = (BATCH / (self.lines.len() as u64).max(1)).max(1);
        let (mut next, end) = (0, if self.lines.is_empty() { 0 } else { self.count.unwrap_or(u64::MAX) });
        while next < end && !*intake.stop.borrow() {
            let turn = next..next.saturating_add(rounds).min(end);
            next = turn.end;
            let (now, plan) = ((intake.clock)(), self.clone());
            let taken = match &mut decoder {
                None => {
                    let len = (turn.end - turn.start) as usize * plan.lines.len();
                    let each = turn.flat_map(move |number| {
                        let plan = plan.clone();
                        (0..plan.lines.len()).filter_map(move |at| {
                            let mut event = Event::from_line(plan.lines.get(at)?.clone(), now);
                            plan.finish(&mut event, Some(number));
                            Some(event)
                        })
                    });
                    flow.send(len, each).await
                }
                Some(decoder) => {
                    let mut events = Vec::new();
                    for number in turn {
                        let first = events.len();
                        for line in &self.lines {
                            decoder.decode(Bytes::copy_from_slice(line.as_bytes()), now, &mut events);
                        }
                        events.iter_mut().skip(first).for_each(|event| self.finish(event, Some(number)));
                    }
                    flow.send(events.len(), events.into_iter()).await
                }
            };
            if !taken {
                return;
            }
        }
        if let Some(decoder) = &mut decoder {
            let mut events = Vec::new();
            decoder.flush((intake.clock)(), &mut events);
            events.iter_mut().for_each(|event| self.finish(event, None));
            flow.send(events.len(), events.into_iter()).await;
        }
        flow.settle().await;
    }
}

impl Input for GeneratorPlan {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let plan = self.clone();
        Box::pin(std::future::ready(Ok(Bound::new(|intake| plan.run(intake)))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{errors, events};

    #[tokio::test]
    async fn all_lines_again_and_again() {
        insta::assert_snapshot!(events(r#"generator { lines => ["a", "b"] count => 2 tags => "t" }"#).await, @r#"
        {"message":"a","event":{"original":"a","sequence":0},"tags":["t"],"host":{"name":"box"}}
        {"message":"b","event":{"original":"b","sequence":0},"tags":["t"],"host":{"name":"box"}}
        {"message":"a","event":{"original":"a","sequence":1},"tags":["t"],"host":{"name":"box"}}
        {"message":"b","event":{"original":"b","sequence":1},"tags":["t"],"host":{"name":"box"}}
        "#);
    }

    #[tokio::test]
    async fn a_line_goes_through_a_codec() {
        insta::assert_snapshot!(events(r#"generator { message => '{"a":1}' codec => json count => 1 ecs_compatibility => disabled }"#).await, @r#"{"a":1,"host":"box","sequence":0}"#);
    }

    #[tokio::test]
    async fn more_than_a_batch() {
        assert_eq!(events("generator { count => 2500 }").await.lines().count(), 2500);
    }

    #[test]
    fn standard_input_is_another_input() {
        assert!(errors("generator { message => stdin }").contains("use `stdin { }`"));
        assert!(errors("generator { cont => 1 }").contains("did you mean `count`"));
    }
}

//! `stdin`: a line is an event. At its end the pipeline finishes what it has and ends.

use std::{collections::VecDeque, fs::File, os::fd::AsFd as _};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Bound, Decoration, Input, Intake, Site, blocks::Blocks, codec, lines, stream};
use crate::{
    CollectorError,
    batch::{Batch, Delivered},
};

/// A checked `stdin { }`.
#[derive(Clone, Debug)]
pub(crate) struct StdinPlan {
    decoration: Decoration,
    /// None for lines as they are.
    codec: Option<DecoderPlan>,
}

/// Blocks that may be under way.
const UNDER_WAY: usize = 8;

impl StdinPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).of_this_host(context);
        let codec = codec(context, options, Framing::Stream, &["line", "plain"]);
        let decoration = if codec.is_some() { decoration.without_original() } else { decoration };
        Self { decoration, codec }
    }

    /// Reads to the end. Blocks, so it has a thread of its own.
    fn run(&self, intake: &Intake) {
        let mut lines = match std::io::stdin().as_fd().try_clone_to_owned() {
            Ok(input) => Blocks::new(File::from(input)),
            Err(error) => return tracing::error!(%error, "standard input cannot be read"),
        };
        let mut under_way = VecDeque::new();
        while !*intake.stop.borrow() {
            let block = match lines.next() {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "standard input cannot be read");
                    break;
                }
            };
            let (batch, delivered) = self.batch(block, intake);
            under_way.push_back(delivered);
            if intake.out.blocking_send(batch).is_err() {
                break;
            }
            while under_way.len() > UNDER_WAY {
                let _ = under_way.pop_front().map(tokio::sync::oneshot::Receiver::blocking_recv);
            }
        }
        for delivered in under_way {
            let _ = delivered.blocking_recv();
        }
    }

    fn batch(&self, block: Bytes, intake: &Intake) -> (Batch, Delivered) {
        let (len, lines) = lines::events(block, intake);
        let decoration = self.decoration.clone();
        let finish = move |mut event| {
            decoration.apply_to_line(&mut event);
            event
        };
        Batch::unacknowledged(len, lines.map(finish))
    }
}

impl Input for StdinPlan {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let Self { codec, decoration } = self.clone();
        let bound = match codec {
            Some(codec) => {
                let finish = move |event: &mut Event| decoration.apply(event);
                Bound::new(move |intake| stream::run(std::io::stdin(), codec.stream(), finish, intake))
            }
            None => Bound::blocking(move |intake| Self { codec: None, decoration }.run(&intake)),
        };
        Box::pin(std::future::ready(Ok(bound)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alces_conf::{Escapes, Source, Statement, parse};
    use alces_event::Timestamp;
    use alces_filters::{EcsMode, NoFiles};
    use bytestring::ByteString;

    use super::*;

    fn decoration(ecs: EcsMode, options: &str) -> Decoration {
        let source = Source::new("x.conf", &format!("input {{ stdin {{ {options} }} }}"));
        let config = parse(&source, Escapes::Off).unwrap();
        let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else { panic!("a plugin") };
        let env = |name: &str| (name == "HOSTNAME").then(|| "box".to_owned());
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let context = Context { source: &source, env: &env, ecs, clock, files: &NoFiles };
        StdinPlan::compile(&context, &mut Options::new(&source, &env, plugin)).decoration
    }

    /// What the input adds to an event.
    fn check(ecs: EcsMode, event: &str) -> String {
        let (mut event, _) = Event::from_json(event.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
        decoration(ecs, "").apply(&mut event);
        serde_json::to_string(&event).unwrap()
    }

    #[test]
    fn a_line_gets_what_any_event_gets() {
        let options = [
            r#"tags => "t" type => "x" add_field => { "a" => "%{message}" }"#,
            r#"add_field => { "host" => "other" }"#,
            r#"add_field => { "[host][name]" => "other" }"#,
            r#"add_field => { "[event][kind]" => "other" }"#,
        ];
        for (ecs, options) in
            [EcsMode::V8, EcsMode::Disabled].into_iter().flat_map(|ecs| options.map(|options| (ecs, options)))
        {
            let line = || Event::from_line(ByteString::from("a line"), Timestamp::UNIX_EPOCH);
            let (mut any, mut fresh) = (line(), line());
            decoration(ecs, options).apply(&mut any);
            decoration(ecs, options).apply_to_line(&mut fresh);
            let json = |event: &Event| serde_json::to_value(event).unwrap();
            assert_eq!(json(&any), json(&fresh), "{options}");
        }
    }

    #[test]
    fn an_event_that_names_no_host_is_of_this_one() {
        insta::assert_snapshot!(check(EcsMode::V8, "{}"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","host":{"hostname":"box"}}"#);
        insta::assert_snapshot!(check(EcsMode::Disabled, "{}"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","host":"box"}"#);
        insta::assert_snapshot!(check(EcsMode::V8, r#"{"host":{"name":"n"}}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","host":{"name":"n","hostname":"box"},"@version":"1"}"#);
        insta::assert_snapshot!(check(EcsMode::V8, r#"{"host":"n"}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","host":"n","@version":"1"}"#);
    }
}

//! Says which plugin it is that does not get on.

use std::{sync::Arc, time::Duration};

use alces_filters::Post;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::plugins::Plugins;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// A filter that has one event for so many looks is stalled. A window of long lines takes milliseconds.
const FILTER_LOOKS: u32 = 5;

/// An output that has not delivered events for so long is.
const OUTPUT: Duration = Duration::from_secs(30);

/// Looks after the workers of a pipeline, until it is dropped.
pub(crate) async fn watch(plugins: Plugins, posts: Vec<Arc<Post>>) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watchman = Watchman {
        posts: posts.into_iter().map(Seen::new).collect(),
        slow: vec![false; plugins.outputs.len()],
        plugins,
    };
    loop {
        every.tick().await;
        for what in watchman.look() {
            match what {
                Stall::Filter(id) => {
                    warn!(filter = %id, "this filter is at one event for {FILTER_LOOKS} seconds: the pipeline waits for it");
                }
                Stall::Output { id, queued: false } => {
                    warn!(output = %id, "this output has not delivered events for {} seconds: the pipeline waits for it", OUTPUT.as_secs());
                }
                Stall::Output { id, queued: true } => {
                    warn!(output = %id, "this output has not delivered events for {} seconds: what it is to have waits in its queue, as long as that has room", OUTPUT.as_secs());
                }
                Stall::OutputGoesOn(id) => info!(output = %id, "this output delivers again"),
            }
        }
    }
}

/// What is to be said.
#[derive(Debug, PartialEq)]
enum Stall {
    Filter(String),
    Output {
        id: String,
        /// It has a queue of its own, so that nobody else waits.
        queued: bool,
    },
    OutputGoesOn(String),
}

/// A worker, where it was, and for how many looks.
struct Seen {
    post: Arc<Post>,
    was: Option<(usize, u64)>,
    looks: u32,
}

impl Seen {
    fn new(post: Arc<Post>) -> Self {
        Self { post, was: None, looks: 0 }
    }
}

struct Watchman {
    posts: Vec<Seen>,
    /// Outputs of which it has been said.
    slow: Vec<bool>,
    plugins: Plugins,
}

impl Watchman {
    fn look(&mut self) -> Vec<Stall> {
        let mut found = Vec::new();
        for seen in &mut self.posts {
            let is = seen.post.at();
            seen.looks = if is.is_some() && is == seen.was { seen.looks + 1 } else { 0 };
            seen.was = is;
            if seen.looks == FILTER_LOOKS
                && let Some((filter, _)) = is
                && let Some(filter) = self.plugins.filters.get(filter)
            {
                found.push(Stall::Filter(filter.label.id.clone()));
            }
        }
        for (output, said) in self.plugins.outputs.iter().zip(&mut self.slow) {
            let slow = output.held().1.is_some_and(|age| age > OUTPUT);
            if slow != *said {
                let id = output.label.id.clone();
                let queued = output.queue().is_some();
                found.push(if slow { Stall::Output { id, queued } } else { Stall::OutputGoesOn(id) });
                *said = slow;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use alces_conf::{Source, parse};
    use alces_event::Event;
    use alces_filters::{Context, EcsMode, NoFiles, Program};

    use super::*;

    #[test]
    fn a_filter_that_does_not_get_on_is_named_once() {
        let source =
            Source::new("x.conf", "filter { mutate { } ruby { id => \"slow\" code => \"event.cancel\" } }");
        let context = Context {
            source: &source,
            env: &|_| None,
            ecs: EcsMode::V8,
            clock: Arc::new(|| alces_event::Timestamp::UNIX_EPOCH),
            files: &NoFiles,
        };
        let config = parse(&source, alces_conf::Escapes::Off).unwrap();
        let program = Program::compile(&context, &config).unwrap();
        let plugins = Plugins { filters: program.filters(), ..Plugins::default() };
        let post = program.post();
        let mut watchman = Watchman { posts: vec![Seen::new(post.clone())], slow: Vec::new(), plugins };
        for _ in 0..20 {
            assert_eq!(watchman.look(), [], "between events nothing is stalled");
        }
        // As a worker in the second filter leaves it.
        post.enter(2);
        let said: Vec<_> = (0..20).flat_map(|_| watchman.look()).collect();
        assert_eq!(said, [Stall::Filter("slow".to_owned())]);
        let mut program = program;
        program
            .run(&mut Event::from_line("".into(), alces_event::Timestamp::UNIX_EPOCH), &mut Vec::new())
            .unwrap();
        assert_eq!(post.at(), None);
    }
}

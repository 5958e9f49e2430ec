//! The filters of a pipeline, in order, with their conditionals.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use alces_conf::{
    Config, Diagnostic, OptionInfo, Options, Plugin, SectionKind, Spanned, Statement, unknown_plugin,
};
use alces_event::Event;

use crate::{
    Condition, Context, Label, Undecided,
    aggregate::{Aggregate, Shared},
    anonymize::Anonymize,
    cidr::Cidr,
    clone::CloneEvent,
    csv::Csv,
    date::Date,
    dissect::Dissect,
    drain::Drain,
    drop::Drop,
    elapsed::Elapsed,
    filter::{Compile, Filter},
    fingerprint::Fingerprint,
    geoip::GeoIp,
    grok::Grok,
    json::Json,
    kv::Kv,
    meter::{FilterStats, Metered, Nanos},
    metrics::Metrics,
    mutate::Mutate,
    prune::Prune,
    redact::Redact,
    ruby_filter::RubyFilter,
    sleep::Sleep,
    split::Split,
    syslog_pri::SyslogPri,
    throttle::Throttle,
    translate::Translate,
    truncate::Truncate,
    urldecode::UrlDecode,
    useragent::UserAgent,
    uuid::Uuid,
};

/// All filters, in the order of their names.
const FILTERS: &[(&str, Compile)] = &[
    ("aggregate", Aggregate::compile),
    ("anonymize", Anonymize::compile),
    ("cidr", Cidr::compile),
    ("clone", CloneEvent::compile),
    ("csv", Csv::compile),
    ("date", Date::compile),
    ("dissect", Dissect::compile),
    ("drain", Drain::compile),
    ("drop", Drop::compile),
    ("elapsed", Elapsed::compile),
    ("fingerprint", Fingerprint::compile),
    ("geoip", GeoIp::compile),
    ("grok", Grok::compile),
    ("json", Json::compile),
    ("kv", Kv::compile),
    ("metrics", Metrics::compile),
    ("mutate", Mutate::compile),
    ("prune", Prune::compile),
    ("redact", Redact::compile),
    ("ruby", RubyFilter::compile),
    ("sleep", Sleep::compile),
    ("split", Split::compile),
    ("syslog_pri", SyslogPri::compile),
    ("throttle", Throttle::compile),
    ("translate", Translate::compile),
    ("truncate", Truncate::compile),
    ("urldecode", UrlDecode::compile),
    ("useragent", UserAgent::compile),
    ("uuid", Uuid::compile),
];

/// The names of all filters with their options, for documents.
pub fn describe(context: &Context<'_>) -> Vec<(&'static str, Vec<OptionInfo>)> {
    let describe = |&(name, compile): &(&'static str, Compile)| {
        let plugin = Plugin { name: Spanned { node: name.to_owned(), span: 0..0 }, attributes: Vec::new() };
        let mut options = Options::new(context.source, context.env, &plugin);
        compile(context, &mut options);
        (name, options.described().to_vec())
    };
    FILTERS.iter().map(describe).collect()
}

/// The filters of a pipeline, compiled.
#[derive(Clone, Debug, Default)]
pub struct Program {
    steps: Vec<Step>,
    pass: Pass,
}

/// What goes along with an event.
#[derive(Clone, Debug, Default)]
struct Pass {
    undecided: Vec<(Event, Undecided)>,
    clock: Option<Nanos>,
    post: Arc<Post>,
}

/// Where a worker is, for those who want to know why it does not get on.
#[derive(Debug, Default)]
pub struct Post {
    /// The number of the filter that has the event, from 1 on; 0 between events.
    filter: AtomicU32,
    turn: AtomicU64,
}

impl Post {
    /// The filter of that number, from 1 on, has an event.
    pub fn enter(&self, filter: u32) {
        self.filter.store(filter, Relaxed);
    }

    /// The filter that has an event now, by its place in [`Program::filters`], and a number that is another for each event.
    pub fn at(&self) -> Option<(usize, u64)> {
        let filter = self.filter.load(Relaxed).checked_sub(1)?;
        Some((filter as usize, self.turn.load(Relaxed)))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Filter(Metered, u32),
    If(Vec<(Option<Condition>, Vec<Step>)>),
}

impl Program {
    /// Checks and compiles all `filter` sections.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn compile(context: &Context<'_>, config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut steps = steps(context, config.statements(SectionKind::Filter), &mut errors);
        let mut shared = Shared::default();
        share(&mut steps, &mut shared);
        errors.append(&mut shared.errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        number(&mut steps, &mut 0);
        Ok(Self { steps, pass: Pass::default() })
    }

    /// The filters of another text of the same pipeline, after these.
    pub fn append(&mut self, mut other: Self) {
        self.steps.append(&mut other.steps);
        share(&mut self.steps, &mut Shared::default());
        number(&mut self.steps, &mut 0);
    }

    /// The program for a worker of its own, which times now and then what filters do.
    #[must_use]
    pub fn for_worker(mut self, clock: Nanos) -> Self {
        (self.pass.clock, self.pass.post) = (Some(clock), Arc::default());
        self
    }

    /// Where this program is in its work.
    pub fn post(&self) -> Arc<Post> {
        self.pass.post.clone()
    }

    /// What each filter did, in their order.
    pub fn filters(&self) -> Vec<Arc<FilterStats>> {
        let mut found = Vec::new();
        each(&self.steps, &mut |filter| found.push(filter.stats.clone()));
        found
    }

    /// Adds what this worker counted to the sums that [`Program::filters`] gives.
    pub fn publish(&mut self) {
        publish(&mut self.steps);
    }

    /// Applies all filters to one event; a dropped event [is cancelled](Event::is_cancelled). Events that filters make
    /// besides (`split`, `clone`) are pushed to `more` and have been through all filters after theirs; those for which a
    /// condition could not be decided are kept for [`Program::take_undecided`].
    ///
    /// # Errors
    /// A condition cannot be decided for `event`, which is left as it was there.
    pub fn run(&mut self, event: &mut Event, more: &mut Vec<Event>) -> Result<(), Undecided> {
        let done = run(&mut self.steps, event, more, &mut self.pass);
        let post = &self.pass.post;
        post.turn.store(post.turn.load(Relaxed).wrapping_add(1), Relaxed);
        post.filter.store(0, Relaxed);
        done
    }

    /// The events that filters made since the last call and for which a condition could not be decided, as they were there.
    pub fn take_undecided(&mut self) -> Vec<(Event, Undecided)> {
        std::mem::take(&mut self.pass.undecided)
    }

    /// Lets filters that hold events back (`aggregate`, `metrics`) give out what is due, or all of it at the `end`.
    pub fn flush(&mut self, end: bool, more: &mut Vec<Event>) {
        flush(&mut self.steps, end, more, &mut self.pass);
        self.pass.post.filter.store(0, Relaxed);
    }
}

/// Numbers filters from 1 on, in their order.
fn number(steps: &mut [Step], last: &mut u32) {
    for step in steps {
        match step {
            Step::Filter(_, number) => {
                *last += 1;
                *number = *last;
            }
            Step::If(branches) => branches.iter_mut().for_each(|(_, body)| self::number(body, last)),
        }
    }
}

fn each(steps: &[Step], look: &mut impl FnMut(&Metered)) {
    for step in steps {
        match step {
            Step::Filter(filter, _) => look(filter),
            Step::If(branches) => branches.iter().for_each(|(_, body)| each(body, look)),
        }
    }
}

fn publish(steps: &mut [Step]) {
    for step in steps {
        match step {
            Step::Filter(filter, _) => filter.publish(),
            Step::If(branches) => branches.iter_mut().for_each(|(_, body)| publish(body)),
        }
    }
}

fn share(steps: &mut [Step], shared: &mut Shared) {
    for step in steps {
        match step {
            Step::Filter(filter, _) => filter.share(shared),
            Step::If(branches) => branches.iter_mut().for_each(|(_, body)| share(body, shared)),
        }
    }
}

fn steps<'s>(
    context: &Context<'_>,
    body: impl Iterator<Item = &'s Statement>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for statement in body {
        match statement {
            Statement::Plugin(plugin) => {
                let (filter, mut found) = compile_filter(context, plugin);
                errors.append(&mut found);
                let stats = FilterStats::new(Label::new(context.source, plugin));
                steps.extend(filter.map(|filter| Step::Filter(Metered::new(filter, stats), 0)));
            }
            Statement::If(branches) => {
                let mut compiled = Vec::new();
                for branch in branches {
                    let condition = match branch.condition.as_ref().map(|c| Condition::compile(context, c)) {
                        None => None,
                        Some(Ok(condition)) => Some(condition),
                        Some(Err(error)) => {
                            errors.push(error);
                            None
                        }
                    };
                    compiled.push((condition, self::steps(context, branch.body.iter(), errors)));
                }
                steps.push(Step::If(compiled));
            }
        }
    }
    steps
}

fn compile_filter(context: &Context<'_>, plugin: &Plugin) -> (Option<Box<dyn Filter>>, Vec<Diagnostic>) {
    let name = plugin.name.node.as_str();
    if let Some((_, compile)) = FILTERS.iter().find(|(known, _)| *known == name) {
        let mut options = Options::new(context.source, context.env, plugin);
        let filter = compile(context, &mut options);
        return (filter, options.finish());
    }
    let known: Vec<_> = FILTERS.iter().map(|(name, _)| *name).collect();
    (None, vec![unknown_plugin(context.source, "filter", &plugin.name, &known)])
}

fn run(
    steps: &mut [Step],
    event: &mut Event,
    more: &mut Vec<Event>,
    pass: &mut Pass,
) -> Result<(), Undecided> {
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first_mut() {
        let mut made = Vec::new();
        let done = match step {
            Step::Filter(filter, number) => {
                pass.post.enter(*number);
                filter.apply(event, &mut made, pass.clock);
                Ok(())
            }
            Step::If(branches) => match taken(branches, event) {
                Ok(Some(body)) => run(body, event, &mut made, pass),
                Ok(None) => Ok(()),
                Err(reason) => Err(reason),
            },
        };
        finish(after, made, more, pass);
        done?;
        if event.is_cancelled() {
            break;
        }
        rest = after;
    }
    Ok(())
}

/// The branch whose condition holds first.
fn taken<'b>(
    branches: &'b mut [(Option<Condition>, Vec<Step>)],
    event: &Event,
) -> Result<Option<&'b mut [Step]>, Undecided> {
    for (condition, body) in branches {
        let holds = match condition {
            Some(condition) => condition.holds(event)?,
            None => true,
        };
        if holds {
            return Ok(Some(body));
        }
    }
    Ok(None)
}

fn flush(steps: &mut [Step], end: bool, more: &mut Vec<Event>, pass: &mut Pass) {
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first_mut() {
        let mut made = Vec::new();
        match step {
            Step::Filter(filter, _) => filter.flush(end, &mut made),
            Step::If(branches) => {
                branches.iter_mut().for_each(|(_, body)| flush(body, end, &mut made, pass));
            }
        }
        finish(after, made, more, pass);
        rest = after;
    }
}

/// Takes events that a filter made through the filters `after` it.
fn finish(after: &mut [Step], made: Vec<Event>, more: &mut Vec<Event>, pass: &mut Pass) {
    for mut event in made {
        match run(after, &mut event, more, pass) {
            Ok(()) if event.is_cancelled() => {}
            Ok(()) => more.push(event),
            Err(reason) => pass.undecided.push((event, reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    #[test]
    fn the_first_branch_that_holds_is_taken() {
        let conf = r#"if [message] == "a" { drop { } } else if [message] =~ /^b/ { mutate { add_tag => "b" } } else { mutate { add_tag => "else" } }"#;
        assert_eq!(check(conf, "a"), "cancelled");
        assert!(check(conf, "bc").contains(r#""tags":["b"]"#));
        assert!(check(conf, "c").contains(r#""tags":["else"]"#));
    }

    #[test]
    fn an_unknown_filter_is_named_with_what_is_near() {
        insta::assert_snapshot!(errors("grock { }"), @r"
        x.conf:1:10: unknown filter `grock`
          |
        1 | filter { grock { } }
          |          ^^^^^
          = help: did you mean `grok`?
        ");
    }
}

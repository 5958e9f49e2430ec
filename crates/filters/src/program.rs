//! The filters of a pipeline, in order, with their conditionals.

use alces_conf::{
    Config, Diagnostic, OptionInfo, Options, Plugin, SectionKind, Spanned, Statement, unknown_plugin,
};
use alces_event::Event;

use crate::{
    Condition, Context, Undecided,
    anonymize::Anonymize,
    cidr::Cidr,
    clone::CloneEvent,
    csv::Csv,
    date::Date,
    dissect::Dissect,
    drop::Drop,
    elapsed::Elapsed,
    filter::{Compile, Filter},
    fingerprint::Fingerprint,
    grok::Grok,
    json::Json,
    kv::Kv,
    metrics::Metrics,
    mutate::Mutate,
    prune::Prune,
    redact::Redact,
    sleep::Sleep,
    split::Split,
    syslog_pri::SyslogPri,
    throttle::Throttle,
    truncate::Truncate,
    urldecode::UrlDecode,
    useragent::UserAgent,
    uuid::Uuid,
};

/// All filters, in the order of their names.
const FILTERS: &[(&str, Compile)] = &[
    ("anonymize", Anonymize::compile),
    ("cidr", Cidr::compile),
    ("clone", CloneEvent::compile),
    ("csv", Csv::compile),
    ("date", Date::compile),
    ("dissect", Dissect::compile),
    ("drop", Drop::compile),
    ("elapsed", Elapsed::compile),
    ("fingerprint", Fingerprint::compile),
    ("grok", Grok::compile),
    ("json", Json::compile),
    ("kv", Kv::compile),
    ("metrics", Metrics::compile),
    ("mutate", Mutate::compile),
    ("prune", Prune::compile),
    ("redact", Redact::compile),
    ("sleep", Sleep::compile),
    ("split", Split::compile),
    ("syslog_pri", SyslogPri::compile),
    ("throttle", Throttle::compile),
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
    undecided: Vec<(Event, Undecided)>,
}

#[derive(Clone, Debug)]
enum Step {
    Filter(Box<dyn Filter>),
    If(Vec<(Option<Condition>, Vec<Step>)>),
}

impl Program {
    /// Checks and compiles all `filter` sections.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn compile(context: &Context<'_>, config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let steps = steps(context, config.statements(SectionKind::Filter), &mut errors);
        if errors.is_empty() { Ok(Self { steps, undecided: Vec::new() }) } else { Err(errors) }
    }

    /// The filters of another text of the same pipeline, after these.
    pub fn append(&mut self, mut other: Self) {
        self.steps.append(&mut other.steps);
    }

    /// Applies all filters to one event; a dropped event [is cancelled](Event::is_cancelled). Events that filters make
    /// besides (`split`, `clone`) are pushed to `more` and have been through all filters after theirs; those for which a
    /// condition could not be decided are kept for [`Program::take_undecided`].
    ///
    /// # Errors
    /// A condition cannot be decided for `event`, which is left as it was there.
    pub fn run(&mut self, event: &mut Event, more: &mut Vec<Event>) -> Result<(), Undecided> {
        run(&mut self.steps, event, more, &mut self.undecided)
    }

    /// The events that filters made since the last call and for which a condition could not be decided, as they were there.
    pub fn take_undecided(&mut self) -> Vec<(Event, Undecided)> {
        std::mem::take(&mut self.undecided)
    }

    /// Lets filters that hold events back (`aggregate`, `metrics`) give out what is due, or all of it at the `end`.
    pub fn flush(&mut self, end: bool, more: &mut Vec<Event>) {
        flush(&mut self.steps, end, more, &mut self.undecided);
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
                steps.extend(filter.map(Step::Filter));
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
    undecided: &mut Vec<(Event, Undecided)>,
) -> Result<(), Undecided> {
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first_mut() {
        let mut made = Vec::new();
        let done = match step {
            Step::Filter(filter) => {
                filter.apply(event, &mut made);
                Ok(())
            }
            Step::If(branches) => match taken(branches, event) {
                Ok(Some(body)) => run(body, event, &mut made, undecided),
                Ok(None) => Ok(()),
                Err(reason) => Err(reason),
            },
        };
        finish(after, made, more, undecided);
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

fn flush(steps: &mut [Step], end: bool, more: &mut Vec<Event>, undecided: &mut Vec<(Event, Undecided)>) {
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first_mut() {
        let mut made = Vec::new();
        match step {
            Step::Filter(filter) => filter.flush(end, &mut made),
            Step::If(branches) => {
                branches.iter_mut().for_each(|(_, body)| flush(body, end, &mut made, undecided));
            }
        }
        finish(after, made, more, undecided);
        rest = after;
    }
}

/// Takes events that a filter made through the filters `after` it.
fn finish(
    after: &mut [Step],
    made: Vec<Event>,
    more: &mut Vec<Event>,
    undecided: &mut Vec<(Event, Undecided)>,
) {
    for mut event in made {
        match run(after, &mut event, more, undecided) {
            Ok(()) if event.is_cancelled() => {}
            Ok(()) => more.push(event),
            Err(reason) => undecided.push((event, reason)),
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

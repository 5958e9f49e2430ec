//! The filters of a pipeline, in order, with their conditionals.

use alces_conf::{Config, Diagnostic, Plugin, SectionKind, Statement, closest};
use alces_event::Event;

use crate::{Condition, Context, date::Date, drop::Drop, grok::Grok, mutate::Mutate};

/// The names of all filters, for messages and documents.
pub const FILTERS: &[&str] = &["date", "drop", "grok", "mutate"];

/// The filters of a pipeline, compiled.
#[derive(Clone, Debug, Default)]
pub struct Program {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Filter(Filter),
    If(Vec<(Option<Condition>, Vec<Step>)>),
}

#[derive(Clone, Debug)]
enum Filter {
    Date(Box<Date>),
    Drop(Drop),
    Grok(Box<Grok>),
    Mutate(Box<Mutate>),
}

impl Program {
    /// Checks and compiles all `filter` sections.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn compile(context: &Context<'_>, config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let steps = steps(context, config.statements(SectionKind::Filter), &mut errors);
        if errors.is_empty() { Ok(Self { steps }) } else { Err(errors) }
    }

    /// The filters of another text of the same pipeline, after these.
    pub fn append(&mut self, mut other: Self) {
        self.steps.append(&mut other.steps);
    }

    /// Applies all filters to one event; a dropped event [is cancelled](Event::is_cancelled).
    pub fn run(&mut self, event: &mut Event) {
        run(&mut self.steps, event);
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

fn compile_filter(context: &Context<'_>, plugin: &Plugin) -> (Option<Filter>, Vec<Diagnostic>) {
    match plugin.name.node.as_str() {
        "date" => {
            let (date, errors) = Date::compile(context, plugin);
            (date.map(|date| Filter::Date(Box::new(date))), errors)
        }
        "drop" => {
            let (drop, errors) = Drop::compile(context, plugin);
            (Some(Filter::Drop(drop)), errors)
        }
        "grok" => {
            let (grok, errors) = Grok::compile(context, plugin);
            (Some(Filter::Grok(Box::new(grok))), errors)
        }
        "mutate" => {
            let (mutate, errors) = Mutate::compile(context, plugin);
            (Some(Filter::Mutate(Box::new(mutate))), errors)
        }
        unknown => {
            let error = context.source.error(&plugin.name.span, format!("unknown filter `{unknown}`"));
            let help = match closest(unknown, FILTERS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("filters that are there: {}", FILTERS.join(", ")),
            };
            (None, vec![error.with_help(help)])
        }
    }
}

fn run(steps: &mut [Step], event: &mut Event) {
    for step in steps {
        match step {
            Step::Filter(Filter::Date(date)) => date.apply(event),
            Step::Filter(Filter::Drop(_)) => Drop::apply(event),
            Step::Filter(Filter::Grok(grok)) => grok.apply(event),
            Step::Filter(Filter::Mutate(mutate)) => mutate.apply(event),
            Step::If(branches) => {
                let taken = branches
                    .iter_mut()
                    .find(|(condition, _)| condition.as_ref().is_none_or(|c| c.holds(event)));
                if let Some((_, body)) = taken {
                    run(body, event);
                }
            }
        }
        if event.is_cancelled() {
            return;
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

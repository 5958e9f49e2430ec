//! A pipeline's text, checked and compiled.

use std::{fmt, sync::Arc};

use alces_conf::{Config, Diagnostic, Env, Escapes, SectionKind, Source, Statement, parse};
use alces_filters::{Clock, Condition, Context, Disk, EcsMode, Label, Program};

use crate::{
    input::{self, Input},
    output::OutputPlan,
    overflow::Identity,
    plugins::PluginStats,
};

/// A checked pipeline.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) inputs: Vec<PlannedInput>,
    pub(crate) program: Program,
    pub(crate) outputs: Vec<OutputPlan>,
    pub(crate) routes: Vec<Route>,
}

/// A checked input.
#[derive(Clone, Debug)]
pub(crate) struct PlannedInput {
    /// The same text for the same input, so that a reload leaves it open. Nobody is shown it: it may hold secrets.
    pub(crate) identity: String,
    pub(crate) input: Arc<dyn Input>,
    pub(crate) stats: Arc<PluginStats>,
}

impl PlannedInput {
    /// One that stands in no text.
    pub(crate) fn alone(name: &str, input: Arc<dyn Input>) -> Self {
        let label = Label { id: name.to_owned(), name: name.to_owned() };
        Self { identity: name.to_owned(), input, stats: PluginStats::new(label) }
    }
}

/// What a pipeline's text does not say of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// `pipeline.ecs_compatibility`.
    pub ecs: EcsMode,
    /// `config.support_escapes`.
    pub escapes: Escapes,
}

/// Which output an event goes to.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// The output of that number.
    To(usize),
    /// The first branch whose condition holds.
    If(Vec<(Option<Condition>, Vec<Route>)>),
}

/// Everything that is wrong with a pipeline.
#[derive(Debug)]
pub struct PlanErrors(pub Vec<Diagnostic>);

impl std::error::Error for PlanErrors {}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// By what its outputs are known from one configuration to the next, in their order.
    pub(crate) fn identities(&self) -> Vec<Identity> {
        self.outputs.iter().map(|output| output.identity().clone()).collect()
    }

    /// Checks and compiles the texts of one pipeline, which count as one file after the other.
    ///
    /// # Errors
    /// Everything that is wrong, each with file, line and column.
    pub fn compile(
        sources: &[Source],
        env: Env<'_>,
        options: PlanOptions,
        clock: &Clock,
    ) -> Result<Self, PlanErrors> {
        let mut errors = Vec::new();
        let mut parsed = Vec::new();
        for source in sources {
            match parse(source, options.escapes) {
                Ok(config) => parsed.push((source, config)),
                Err(mut found) => errors.append(&mut found),
            }
        }
        let mut plan =
            Self { inputs: Vec::new(), program: Program::default(), outputs: Vec::new(), routes: Vec::new() };
        for (source, config) in &parsed {
            let context = Context { source, env, ecs: options.ecs, clock: Arc::clone(clock), files: &Disk };
            plan.inputs(&context, config, &mut errors);
            match Program::compile(&context, config) {
                Ok(program) => plan.program.append(program),
                Err(mut found) => errors.append(&mut found),
            }
            let routes = plan.routes(&context, config.statements(SectionKind::Output), &mut errors);
            plan.routes.extend(routes);
        }
        if errors.is_empty()
            && let Some(source) = sources.first()
        {
            for (missing, name) in [(plan.inputs.is_empty(), "input"), (plan.outputs.is_empty(), "output")] {
                if missing {
                    errors.push(source.error(
                        &(0..0),
                        format!(
                            "there is no {name}: events could not {}",
                            match name {
                                "input" => "come in",
                                _ => "go anywhere",
                            }
                        ),
                    ));
                }
            }
        }
        if errors.is_empty() { Ok(plan) } else { Err(PlanErrors(errors)) }
    }

    fn inputs(&mut self, context: &Context<'_>, config: &Config, errors: &mut Vec<Diagnostic>) {
        for statement in config.statements(SectionKind::Input) {
            let plugin = match statement {
                Statement::Plugin(plugin) => plugin,
                Statement::If(branches) => {
                    let span = branches.first().map_or(0..0, |b| match b.body.first() {
                        Some(Statement::Plugin(p)) => p.name.span.clone(),
                        _ => 0..0,
                    });
                    errors.push(context.source.error(&span, "an input cannot stand in a condition"));
                    continue;
                }
            };
            let (input, mut found) = input::compile(context, plugin);
            errors.append(&mut found);
            // The text alone would not do: variables and settings stand behind it.
            self.inputs.extend(input.map(|input| PlannedInput {
                identity: format!("{plugin} {input:?}"),
                input,
                stats: PluginStats::new(Label::new(context.source, plugin)),
            }));
        }
    }

    fn routes<'s>(
        &mut self,
        context: &Context<'_>,
        body: impl Iterator<Item = &'s Statement>,
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        for statement in body {
            match statement {
                Statement::Plugin(plugin) => {
                    let (output, mut found) = OutputPlan::compile(context, plugin);
                    errors.append(&mut found);
                    if let Some(output) = output {
                        routes.push(Route::To(self.outputs.len()));
                        self.outputs.push(output);
                    }
                }
                Statement::If(branches) => {
                    let mut compiled = Vec::new();
                    for branch in branches {
                        let condition = branch.condition.as_ref().and_then(|condition| {
                            Condition::compile(context, condition).map_err(|e| errors.push(e)).ok()
                        });
                        compiled.push((condition, self.routes(context, branch.body.iter(), errors)));
                    }
                    routes.push(Route::If(compiled));
                }
            }
        }
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(conf: &str) -> String {
        let clock: Clock = Arc::new(|| alces_event::Timestamp::UNIX_EPOCH);
        match Plan::compile(&[Source::new("x.conf", conf)], &|_| None, PlanOptions::default(), &clock) {
            Ok(plan) => format!("{} inputs, {} outputs", plan.inputs.len(), plan.outputs.len()),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn the_seed_is_a_plan() {
        let seed = include_str!("../../pipelines/seed.conf");
        assert_eq!(check(seed), "1 inputs, 2 outputs");
    }

    #[test]
    fn all_errors_at_once() {
        insta::assert_snapshot!(
            check("input { beets { } }\nfilter { grok { } }\noutput { stdout { codec => rubydebugg } elasticsearch { hosts => [\"a b\"] indx => 1 } }"),
            @r#"
        x.conf:1:9: unknown input `beets`
          |
        1 | input { beets { } }
          |         ^^^^^
          = help: did you mean `beats`?

        x.conf:2:10: grok wants `match => { "message" => "%{PATTERN}" }`
          |
        2 | filter { grok { } }
          |          ^^^^

        x.conf:3:28: unknown codec `rubydebugg`
          |
        3 | output { stdout { codec => rubydebugg } elasticsearch { hosts => ["a b"] indx => 1 } }
          |                            ^^^^^^^^^^
          = help: did you mean `rubydebug`?

        x.conf:3:67: `a b` is no address of a host: write `es01:9200` or `https://es01:9200`
          |
        3 | output { stdout { codec => rubydebugg } elasticsearch { hosts => ["a b"] indx => 1 } }
          |                                                                   ^^^^^

        x.conf:3:74: unknown option `indx` of elasticsearch
          |
        3 | output { stdout { codec => rubydebugg } elasticsearch { hosts => ["a b"] indx => 1 } }
          |                                                                          ^^^^
          = help: did you mean `index`?
        "#
        );
        assert!(check("filter { }").contains("there is no input"));
    }

    #[test]
    fn lines_cannot_be_joined_where_streams_are_mixed() {
        insta::assert_snapshot!(
            check(r#"input { beats { codec => multiline { pattern => "^ " what => "previous" } } } output { null { } }"#),
            @r#"
        x.conf:1:26: Multiline codec with beats input is not supported
          |
        1 | input { beats { codec => multiline { pattern => "^ " what => "previous" } } } output { null { } }
          |                          ^^^^^^^^^
          = help: let Filebeat join the lines, with `parsers` or `multiline` of its input
        "#
        );
        assert_eq!(
            check(
                "input { beats { codec => json { } } stdin { codec => csv } } output { stdout { codec => dots } }"
            ),
            "2 inputs, 1 outputs"
        );
    }
}

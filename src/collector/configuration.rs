//! What a collector is to run: read from the command line and the settings folder, and checked.

use std::path::{Path, PathBuf};

use alces_collector::{
    DiskQueue, Plan, PlanOptions,
    cli::{Api, CollectorArgs, QueueType},
    settings::{PipelineSettings, ServiceSettings},
};
use alces_conf::{Diagnostic, Escapes, Source};
use alces_dlq::Limits;
use alces_filters::Clock;
use tracing::warn;

/// Values of variables, where they have one.
pub(super) type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Reads what is to run, as often as it is asked.
pub(super) struct Reader {
    pub(super) args: CollectorArgs,
    /// Opens the variables of values, secrets and the environment; anew each time, so that a secret which was changed is taken up.
    pub(super) variables: Box<dyn Fn() -> anyhow::Result<Variables> + Send + Sync>,
    pub(super) clock: Clock,
}

/// What is to run.
pub(super) struct Configuration {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) api: Option<Api>,
    notes: Vec<Diagnostic>,
    /// Where its files are.
    pub(super) folders: Vec<PathBuf>,
}

/// Names and texts of a pipeline's files, and its settings.
pub(super) type Identity = (Vec<(String, String)>, PlanOptions, Option<usize>);

/// One pipeline, checked.
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) plan: Plan,
    pub(super) workers: Option<usize>,
    pub(super) dead_letters: Limits,
    pub(super) queue: Option<DiskQueue>,
    /// Whether a change of its files is enough for a reload.
    pub(super) reload: bool,
    /// The same for the same pipeline.
    pub(super) identity: Identity,
}

/// What is to run, as texts that nobody has checked yet.
pub(super) struct Draft {
    service: ServiceSettings,
    variables: Variables,
    /// Each pipeline's, with its name.
    pub(super) identities: Vec<(String, Identity)>,
}

impl Reader {
    /// Reads and checks all of it.
    pub(super) fn read(&self) -> anyhow::Result<Configuration> {
        self.check(self.gather()?)
    }

    /// Reads all of it.
    pub(super) fn gather(&self) -> anyhow::Result<Draft> {
        let args = &self.args;
        let variables = (self.variables)()?;
        let mut service = match &args.settings {
            Some(folder) => ServiceSettings::read(folder, &variables)?,
            None => ServiceSettings::default(),
        };
        let sources = args.sources().map_err(anyhow::Error::msg)?;
        if !sources.is_empty() {
            let options = PlanOptions::default();
            service.pipelines = vec![PipelineSettings {
                id: "main".to_owned(),
                sources,
                options,
                workers: None,
                reload: None,
                queue: None,
                dead_letters: Limits::default(),
            }];
        }
        for pipeline in &mut service.pipelines {
            pipeline.options.ecs = args.ecs.map_or(pipeline.options.ecs, Into::into);
            if args.support_escapes {
                pipeline.options.escapes = Escapes::On;
            }
            pipeline.workers = args.workers.or(pipeline.workers);
            pipeline.reload = args.reload.or(pipeline.reload);
            pipeline.queue = match args.queue {
                None => pipeline.queue.take(),
                Some(QueueType::Memory) => None,
                Some(QueueType::Persisted) => Some(pipeline.queue.take().unwrap_or_default()),
            };
        }
        let identities = service.pipelines.iter().map(|pipeline| (pipeline.id.clone(), identity(pipeline)));
        Ok(Draft { identities: identities.collect(), service, variables })
    }

    /// Checks what was read.
    pub(super) fn check(&self, draft: Draft) -> anyhow::Result<Configuration> {
        let ServiceSettings { pipelines, data_dir, api, notes } = draft.service;
        let folders = self.folders(&pipelines);
        let pipelines = pipelines
            .into_iter()
            .map(|pipeline| self.compile(pipeline, &draft.variables))
            .collect::<Result<_, _>>()?;
        Ok(Configuration { pipelines, data_dir, api, notes, folders })
    }

    fn compile(&self, pipeline: PipelineSettings, variables: &Variables) -> anyhow::Result<Pipeline> {
        let identity = identity(&pipeline);
        let PipelineSettings { id, sources, options, workers, reload, queue, dead_letters } = pipeline;
        let plan = Plan::compile(&sources, variables, options, &self.clock)?;
        Ok(Pipeline { id, plan, workers, dead_letters, queue, reload: reload.unwrap_or(true), identity })
    }

    fn folders(&self, pipelines: &[PipelineSettings]) -> Vec<PathBuf> {
        let of_sources =
            pipelines.iter().flat_map(|pipeline| &pipeline.sources).map(Source::name).map(Path::new);
        let named = self.args.files.iter().map(PathBuf::as_path).chain(of_sources);
        let mut folders: Vec<PathBuf> = named
            .filter_map(|path| match path {
                path if path.is_dir() => Some(path),
                path if path.is_file() => path.parent(),
                // A text of its own.
                _ => None,
            })
            .chain(self.args.settings.as_deref())
            .map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
            .collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

fn identity(pipeline: &PipelineSettings) -> Identity {
    let texts = pipeline.sources.iter().map(|source| (source.name().to_owned(), source.text().to_owned()));
    (texts.collect(), pipeline.options, pipeline.workers)
}

impl Configuration {
    /// Says what is read and has no effect.
    pub(super) fn say_notes(&self) {
        for note in &self.notes {
            warn!(file = note.file(), line = note.line(), help = note.help(), "{}", note.message());
        }
    }
}

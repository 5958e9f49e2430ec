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
    /// Variables of values: secrets and the environment.
    pub(super) variables: Variables,
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

impl Reader {
    /// Reads and checks all of it.
    pub(super) fn read(&self) -> anyhow::Result<Configuration> {
        let args = &self.args;
        let mut service = match &args.settings {
            Some(folder) => ServiceSettings::read(folder, &self.variables)?,
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
        let folders = self.folders(&service.pipelines);
        let pipelines =
            service.pipelines.into_iter().map(|pipeline| self.check(pipeline)).collect::<Result<_, _>>()?;
        Ok(Configuration {
            pipelines,
            data_dir: service.data_dir,
            api: service.api,
            notes: service.notes,
            folders,
        })
    }

    fn check(&self, pipeline: PipelineSettings) -> anyhow::Result<Pipeline> {
        let PipelineSettings { id, sources, mut options, workers, reload, queue, dead_letters } = pipeline;
        options.ecs = self.args.ecs.map_or(options.ecs, Into::into);
        if self.args.support_escapes {
            options.escapes = Escapes::On;
        }
        let plan = Plan::compile(&sources, &self.variables, options, &self.clock)?;
        let workers = self.args.workers.or(workers);
        let queue = match self.args.queue {
            None => queue,
            Some(QueueType::Memory) => None,
            Some(QueueType::Persisted) => Some(queue.unwrap_or_default()),
        };
        let texts =
            sources.iter().map(|source| (source.name().to_owned(), source.text().to_owned())).collect();
        let reload = self.args.reload.or(reload).unwrap_or(true);
        Ok(Pipeline { id, plan, workers, dead_letters, queue, reload, identity: (texts, options, workers) })
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

impl Configuration {
    /// Says what is read and has no effect.
    pub(super) fn say_notes(&self) {
        for note in &self.notes {
            warn!(file = note.file(), line = note.line(), help = note.help(), "{}", note.message());
        }
    }
}

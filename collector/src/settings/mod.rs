//! Logstash's settings folder: `logstash.yml` and `pipelines.yml`, under Logstash's names.

mod names;
mod yaml;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use alces_conf::{Diagnostic, Env, Escapes, Source, Span};
use alces_dlq::{Limits, WhenFull};
use alces_filters::EcsMode;

use crate::{DiskQueue, PlanOptions, cli};
pub use names::describe_settings;
use names::{Kind, Meaning};
use yaml::{Document, Entry};

/// A settings folder, read.
#[derive(Debug, Default)]
pub struct ServiceSettings {
    /// The pipelines, in the order of `pipelines.yml`, or the one of `logstash.yml`.
    pub pipelines: Vec<PipelineSettings>,
    /// `path.data`.
    pub data_dir: Option<PathBuf>,
    /// `api.enabled`, `api.http.host` and `api.http.port`.
    pub api: Option<cli::Api>,
    /// Settings that are read and have no effect here, each with the reason.
    pub notes: Vec<Diagnostic>,
}

/// One pipeline of `pipelines.yml`.
#[derive(Debug)]
pub struct PipelineSettings {
    /// `pipeline.id`
    pub id: String,
    /// Its texts, from `path.config` and `config.string`.
    pub sources: Vec<Source>,
    /// `pipeline.ecs_compatibility` and `config.support_escapes`.
    pub options: PlanOptions,
    /// `pipeline.workers`
    pub workers: Option<usize>,
    /// `config.reload.automatic`: whether it is reloaded when its files change. Here that is the default.
    pub reload: Option<bool>,
    /// `queue.type: persisted`, with `path.queue`, `queue.max_bytes` and `queue.drain`.
    pub queue: Option<DiskQueue>,
    /// `dead_letter_queue.max_bytes` and `dead_letter_queue.storage_policy`; without the first it has no limit.
    pub dead_letters: Limits,
}

/// What is wrong with a settings folder.
#[derive(Debug)]
pub struct SettingsErrors(pub Vec<String>);

impl std::error::Error for SettingsErrors {}

impl std::fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n\n"))
    }
}

/// Values as they are found, the pipeline's own before those of `logstash.yml`.
#[derive(Clone, Default)]
struct Values {
    id: Option<String>,
    /// Where the `id` stands.
    place: Span,
    workers: Option<usize>,
    ordered: bool,
    ecs: Option<EcsMode>,
    escapes: Option<Escapes>,
    reload: Option<bool>,
    config: Vec<PathBuf>,
    string: Option<String>,
    data_dir: Option<PathBuf>,
    api: bool,
    api_host: Option<IpAddr>,
    api_port: Option<u16>,
    dead_letters: Limits,
    persisted: bool,
    queue: DiskQueue,
}

struct Reader<'r> {
    env: Env<'r>,
    errors: Vec<String>,
    notes: Vec<Diagnostic>,
}

impl ServiceSettings {
    /// Reads `logstash.yml` and `pipelines.yml` of `folder`; either may be missing. Relative paths are relative to where the
    /// process runs, as in Logstash.
    ///
    /// # Errors
    /// Everything that is wrong: YAML, names, values, a pipeline without a text, an `id` that stands twice.
    pub fn read(folder: &Path, env: Env<'_>) -> Result<Self, SettingsErrors> {
        let mut reader = Reader { env, errors: Vec::new(), notes: Vec::new() };
        let mut common = Values { api: true, ..Values::default() };
        let file = |name: &str| match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok(Some(Source::new(&folder.join(name).display().to_string(), &text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", folder.join(name).display())),
        };
        let (mut logstash, mut pipelines) = (None, None);
        for (name, to) in [("logstash.yml", &mut logstash), ("pipelines.yml", &mut pipelines)] {
            match file(name) {
                Ok(source) => *to = source,
                Err(error) => reader.errors.push(error),
            }
        }
        if logstash.is_none() && pipelines.is_none() && reader.errors.is_empty() {
            return Err(SettingsErrors(vec![format!(
                "{}: there is neither logstash.yml nor pipelines.yml in this folder",
                folder.display()
            )]));
        }
        if let Some(source) = &logstash {
            match Document::map(source) {
                Ok(entries) => reader.values(source, &entries, &mut common, false),
                Err(error) => reader.errors.push(error.to_string()),
            }
        }
        let mut found: Vec<PipelineSettings> = Vec::new();
        match &pipelines {
            Some(source) => match Document::list(source) {
                Ok(list) => {
                    for entries in list {
                        // What `logstash.yml` says of its own pipeline is not for these.
                        let mut values = Values {
                            config: Vec::new(),
                            string: None,
                            id: None,
                            place: 0..0,
                            ..common.clone()
                        };
                        reader.values(source, &entries, &mut values, true);
                        found.extend(reader.pipeline(values, source));
                    }
                }
                Err(error) => reader.errors.push(error.to_string()),
            },
            None => {
                if let Some(source) = logstash.as_ref().filter(|_| reader.errors.is_empty()) {
                    found.extend(reader.pipeline(common.clone(), source));
                }
            }
        }
        for (at, pipeline) in found.iter().enumerate() {
            if found[..at].iter().any(|other| other.id == pipeline.id) {
                reader.errors.push(format!("pipelines.yml: the pipeline.id `{}` stands twice", pipeline.id));
            }
        }
        if !reader.errors.is_empty() {
            return Err(SettingsErrors(reader.errors));
        }
        let api = match (common.api, common.api_host, common.api_port) {
            (false, ..) => Some(cli::Api::Off),
            (true, None, None) => None,
            (true, host, port) => Some(cli::Api::At(SocketAddr::new(
                host.unwrap_or(Ipv4Addr::LOCALHOST.into()),
                port.unwrap_or(9600),
            ))),
        };
        Ok(Self { pipelines: found, data_dir: common.data_dir, api, notes: reader.notes })
    }
}

impl Reader<'_> {
    fn values(&mut self, source: &Source, entries: &[Entry], to: &mut Values, of_pipeline: bool) {
        for entry in entries {
            let Some(setting) = names::find(&entry.name, of_pipeline) else {
                let message = format!("unknown setting `{}`", entry.name);
                let error = source.error(&entry.span, message);
                let error = match names::near(&entry.name, of_pipeline) {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error,
                };
                self.errors.push(error.to_string());
                continue;
            };
            match setting.meaning {
                Meaning::NoEffect(why) => {
                    let message = format!("`{}` has no effect here", entry.name);
                    self.notes.push(source.error(&entry.span, message).with_help(why));
                }
                Meaning::Unsupported(instead) => {
                    let message = format!("`{}` is not supported", entry.name);
                    self.errors.push(source.error(&entry.span, message).with_help(instead).to_string());
                }
                Meaning::Is(kind) => {
                    if let Err(message) = self.set(kind, entry, to) {
                        self.errors.push(source.error(&entry.span, message).to_string());
                    }
                }
            }
        }
    }

    fn set(&self, kind: Kind, entry: &Entry, to: &mut Values) -> Result<(), String> {
        let name = &entry.name;
        let texts: Vec<String> = entry
            .values
            .iter()
            .map(|text| {
                alces_conf::substitute(text, self.env)
                    .map_err(|variable| format!("the variable `{variable}` is not set"))
            })
            .collect::<Result<_, _>>()?;
        let text = match &texts[..] {
            [one] => one.as_str(),
            _ if kind == Kind::Config => "",
            _ => return Err(format!("`{name}` wants one value")),
        };
        let boolean = || match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("`{name}` wants true or false")),
        };
        match kind {
            Kind::Id => {
                to.id = Some(text.to_owned());
                to.place = entry.span.clone();
            }
            Kind::Workers => {
                let workers = text.parse().ok().filter(|n| (1..=1024).contains(n));
                to.workers = Some(workers.ok_or_else(|| format!("`{name}` wants a number from 1 to 1024"))?);
            }
            Kind::Ordered => to.ordered = text == "true",
            Kind::Ecs => {
                to.ecs = Some(match text {
                    "disabled" => EcsMode::Disabled,
                    "v1" | "v8" => EcsMode::V8,
                    _ => return Err(format!("`{name}` wants disabled, v1 or v8")),
                });
            }
            Kind::Escapes => to.escapes = Some(if boolean()? { Escapes::On } else { Escapes::Off }),
            Kind::Reload => to.reload = Some(boolean()?),
            Kind::Config => to.config = texts.iter().map(PathBuf::from).collect(),
            Kind::String => to.string = Some(text.to_owned()),
            Kind::Data => to.data_dir = Some(PathBuf::from(text)),
            Kind::Api => to.api = boolean()?,
            Kind::ApiHost => {
                let host = if text == "localhost" { "127.0.0.1" } else { text };
                to.api_host = Some(host.parse().map_err(|_| format!("`{name}` wants an IP address"))?);
            }
            Kind::ApiPort => {
                // A range, of which the first free port is taken, is the default's way.
                let first = text.split('-').next().unwrap_or(text);
                let port = first.trim().parse().map_err(|_| format!("`{name}` wants a port"))?;
                to.api_port = (text != "9600-9700").then_some(port);
            }
            Kind::QueueType => {
                to.persisted = match text {
                    "memory" => false,
                    "persisted" => true,
                    _ => return Err(format!("`{name}` wants memory or persisted")),
                };
            }
            Kind::QueueFolder => to.queue.folder = Some(PathBuf::from(text)),
            Kind::QueueBytes => {
                // A segment is a quarter of it at the most, and a record may have a mebibyte and more.
                let bytes = bytes(text).filter(|bytes| *bytes >= 64 << 20);
                to.queue.max_bytes = bytes.ok_or_else(|| {
                    format!("`{name}` wants a number of bytes, as in 1024mb, and at least 64mb")
                })?;
            }
            Kind::QueueDrain => to.queue.drain = boolean()?,
            Kind::LettersBytes => {
                let bytes = bytes(text).filter(|bytes| *bytes > 0);
                to.dead_letters.max_bytes =
                    Some(bytes.ok_or_else(|| format!("`{name}` wants a number of bytes, as in 1024mb"))?);
            }
            Kind::LettersPolicy => {
                to.dead_letters.when_full = match text {
                    "drop_newer" => WhenFull::DropNewer,
                    "drop_older" => WhenFull::DropOlder,
                    _ => return Err(format!("`{name}` wants drop_newer or drop_older")),
                };
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, values: Values, source: &Source) -> Option<PipelineSettings> {
        let id = values.id.unwrap_or_else(|| "main".to_owned());
        let mut sources = match expand(&values.config).and_then(|paths| cli::read_sources(&paths)) {
            Ok(sources) => sources,
            Err(error) => {
                self.errors.push(error);
                return None;
            }
        };
        sources.extend(values.string.map(|text| Source::new(&format!("config.string of {id}"), &text)));
        if sources.is_empty() {
            let error = source
                .error(&values.place, format!("the pipeline `{id}` has no text"))
                .with_help("name its files with `path.config`, or write it into `config.string`");
            self.errors.push(error.to_string());
            return None;
        }
        let options =
            PlanOptions { ecs: values.ecs.unwrap_or_default(), escapes: values.escapes.unwrap_or_default() };
        // In order means one after the other.
        let workers = if values.ordered { Some(1) } else { values.workers };
        Some(PipelineSettings {
            id,
            sources,
            options,
            workers,
            reload: values.reload,
            queue: values.persisted.then_some(values.queue),
            dead_letters: values.dead_letters,
        })
    }
}

/// `1024mb`, `1gb`, `1048576`, as Logstash reads sizes: in powers of 1,024.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << unit)
}

/// `path.config` may be a pattern: `/etc/logstash/conf.d/*.conf`.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        let pattern =
            path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(['*', '?', '{']));
        let (Some(pattern), Some(folder)) = (pattern, path.parent()) else {
            found.push(path.clone());
            continue;
        };
        let files = alces_filters::Files::list(&alces_filters::Disk, folder, pattern)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if files.is_empty() {
            return Err(format!("{}: no file has such a name", path.display()));
        }
        found.extend(files);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(logstash: &str, pipelines: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("conf.d")).unwrap();
        for name in ["b.conf", "a.conf", "c.txt"] {
            std::fs::write(dir.path().join("conf.d").join(name), "input { stdin { } }").unwrap();
        }
        let place = dir.path().display().to_string();
        for (name, text) in [("logstash.yml", logstash), ("pipelines.yml", pipelines)] {
            if !text.is_empty() {
                std::fs::write(dir.path().join(name), text.replace("DIR", &place)).unwrap();
            }
        }
        let env = |name: &str| (name == "N").then(|| "3".to_owned());
        let text = match ServiceSettings::read(dir.path(), &env) {
            Ok(settings) => {
                let mut lines = vec![format!("data {:?} api {:?}", settings.data_dir, settings.api)];
                for pipeline in settings.pipelines {
                    let names: Vec<_> = pipeline.sources.iter().map(Source::name).collect();
                    lines.push(format!(
                        "{} workers {:?} {:?} {:?} {names:?}",
                        pipeline.id, pipeline.workers, pipeline.options.ecs, pipeline.options.escapes
                    ));
                }
                lines.extend(settings.notes.iter().map(ToString::to_string));
                lines.join("\n")
            }
            Err(errors) => errors.to_string(),
        };
        text.replace(&place, "DIR")
    }

    #[test]
    fn pipelines_take_what_they_do_not_say_from_logstash_yml() {
        insta::assert_snapshot!(
            check(
                "pipeline.workers: ${N}\npipeline:\n  ecs_compatibility: disabled\npath.data: /srv/data\napi.http.port: 9601\nqueue.checkpoint.acks: 1\n",
                "- pipeline.id: web\n  path.config: DIR/conf.d/*.conf\n- pipeline.id: app\n  config.string: |\n    input { stdin { } }\n  pipeline.workers: 2\n  pipeline.ecs_compatibility: v8\n  config.support_escapes: true\n"
            ),
            @r#"
        data Some("/srv/data") api Some(At(127.0.0.1:9601))
        web workers Some(3) Disabled Off ["DIR/conf.d/a.conf", "DIR/conf.d/b.conf"]
        app workers Some(2) V8 On ["config.string of app"]
        DIR/logstash.yml:6:1: `queue.checkpoint.acks` has no effect here
          |
        6 | queue.checkpoint.acks: 1
          | ^^^^^^^^^^^^^^^^^^^^^
          = help: what is acknowledged is synced first, many batches at once; segments have 16 MiB
        "#
        );
    }

    #[test]
    fn a_queue_on_disk_is_the_pipelines_own_or_that_of_all() {
        let queues = |logstash: &str| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("logstash.yml"), logstash).unwrap();
            let text = "- pipeline.id: a\n  config.string: x\n- pipeline.id: b\n  config.string: x\n  queue.type: memory\n";
            std::fs::write(dir.path().join("pipelines.yml"), text).unwrap();
            let read = ServiceSettings::read(dir.path(), &|_| None);
            read.map(|settings| settings.pipelines.into_iter().map(|p| p.queue).collect::<Vec<_>>())
        };
        let all = "queue.type: persisted\npath.queue: /srv/queue\nqueue.max_bytes: 64mb\nqueue.drain: true\n";
        let queue = DiskQueue { folder: Some("/srv/queue".into()), max_bytes: 64 << 20, drain: true };
        assert_eq!(queues(all).unwrap(), [Some(queue), None]);
        assert_eq!(queues("queue.max_bytes: 64mb\n").unwrap(), [None, None]);
        assert!(queues("queue.max_bytes: 63mb\n").unwrap_err().to_string().contains("at least 64mb"));
    }

    #[test]
    fn a_pipeline_has_its_own_size_of_its_dead_letter_queue() {
        let limits = |logstash: &str| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("logstash.yml"), logstash).unwrap();
            let text = "- pipeline.id: a\n  config.string: x\n- pipeline.id: b\n  config.string: x\n  dead_letter_queue.storage_policy: drop_older\n";
            std::fs::write(dir.path().join("pipelines.yml"), text).unwrap();
            let read = ServiceSettings::read(dir.path(), &|_| None);
            read.map(|settings| settings.pipelines.iter().map(|p| p.dead_letters).collect::<Vec<_>>())
        };
        let limit = |max_bytes, when_full| Limits { max_bytes, when_full };
        assert_eq!(
            limits("dead_letter_queue.max_bytes: 2gb\n").unwrap(),
            [limit(Some(2 << 30), WhenFull::DropNewer), limit(Some(2 << 30), WhenFull::DropOlder)]
        );
        assert_eq!(limits("node.name: x\n").unwrap()[0], Limits::default());
        for (size, expect) in [
            ("1024", Some(1024)),
            ("1 KB", Some(1024)),
            ("-1", None),
            ("1x", None),
            ("", None),
            ("16384pb", None),
        ] {
            assert_eq!(bytes(size), expect, "{size}");
        }
        assert!(
            limits("dead_letter_queue.max_bytes: much\n").unwrap_err().to_string().contains("as in 1024mb")
        );
    }

    #[test]
    fn without_pipelines_yml_there_is_one_pipeline() {
        insta::assert_snapshot!(check("path.config: DIR/conf.d\npipeline.ordered: true\napi.enabled: false\n", ""), @r#"
        data None api Some(Off)
        main workers Some(1) V8 Off ["DIR/conf.d/a.conf", "DIR/conf.d/b.conf"]
        "#);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_its_place() {
        insta::assert_snapshot!(
            check(
                "pipeline.wokers: 2\napi.auth.type: basic\n",
                "- pipeline.id: a\n  path.config: DIR/conf.d\n- pipeline.id: a\n  path.config: DIR/conf.d\n  pipeline.workers: many\n- pipeline.id: b\n- pipeline.id: c\n  path.config: DIR/none.conf\n"
            ),
            @"
        DIR/logstash.yml:1:1: unknown setting `pipeline.wokers`
          |
        1 | pipeline.wokers: 2
          | ^^^^^^^^^^^^^^^
          = help: did you mean `pipeline.workers`?

        DIR/logstash.yml:2:1: `api.auth.type` is not supported
          |
        2 | api.auth.type: basic
          | ^^^^^^^^^^^^^
          = help: the monitoring API is on loopback; put a proxy with a login before it

        DIR/pipelines.yml:5:3: `pipeline.workers` wants a number from 1 to 1024
          |
        5 |   pipeline.workers: many
          |   ^^^^^^^^^^^^^^^^

        DIR/pipelines.yml:6:3: the pipeline `b` has no text
          |
        6 | - pipeline.id: b
          |   ^^^^^^^^^^^
          = help: name its files with `path.config`, or write it into `config.string`

        DIR/none.conf: No such file or directory (os error 2)

        pipelines.yml: the pipeline.id `a` stands twice
        "
        );
        insta::assert_snapshot!(check("a: [1\n", ""), @"
        DIR/logstash.yml:1:1: this is no YAML: line 1 column 4: unclosed bracket '['
          |
        1 | a: [1
          | ^
        ");
        insta::assert_snapshot!(check("", ""), @"DIR: there is neither logstash.yml nor pipelines.yml in this folder");
    }
}

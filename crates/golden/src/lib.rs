//! Golden cases: logs that lie beside a pipeline, with the events that its filters are expected to make of them.
//!
//! The cases of `nginx.conf` lie in `nginx.cases/`, those of a folder of `*.conf` files in its `cases/`. A case is
//!
//! - `access.log`, a line an event, or `access.ndjson`, a JSON object an event;
//! - `access.log-expected.json`, the list of events; `null` where a filter dropped one;
//! - and, where needed, `access.log.yml`: what every event has besides ([`Options`]).
//!
//! Only filters are run: no input listens and no output sends.

mod compare;
mod input;

pub use input::{Multiline, Options, What};

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use alces_conf::{Diagnostic, Env, Escapes, Source, parse};
use alces_event::Timestamp;
use alces_filters::{Clock, Context, Disk, EcsMode, Program};
use serde_json::Value;

/// What stops a run before a case can be told right from wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of a case is not what it is to be.
    #[error("{}: {reason}", .path.display())]
    Case {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The pipeline is broken.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Pipeline(Vec<Diagnostic>),
}

/// A pipeline with its cases.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file, or the folder.
    pub pipeline: PathBuf,
    files: Vec<PathBuf>,
    /// The logs of its cases, in the order of their names.
    pub cases: Vec<PathBuf>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many events the pipeline made.
    pub events: usize,
    /// `event 3: /http/response/status_code: 200 is expected, 404 came`
    pub differences: Vec<String>,
    /// The expectation was written, because it was asked for and there was none, or another one.
    pub updated: bool,
}

/// The pipelines below `path` that have cases: a file, a folder that is one pipeline, or a folder of single ones.
///
/// # Errors
/// A file or folder cannot be read; a file has no cases.
pub fn suites(path: &Path) -> Result<Vec<Suite>, GoldenError> {
    if path.is_file() {
        let folder = path.with_extension("cases");
        return match cases(&folder)? {
            Some(cases) => Ok(vec![Suite { pipeline: path.to_owned(), files: vec![path.to_owned()], cases }]),
            None => Err(GoldenError::Case {
                path: path.to_owned(),
                reason: format!("it has no cases: put logs into {}", folder.display()),
            }),
        };
    }
    let files = list(path, |path| path.extension().is_some_and(|e| e == "conf"))?;
    if let Some(cases) = cases(&path.join("cases"))? {
        return Ok(vec![Suite { pipeline: path.to_owned(), files, cases }]);
    }
    let mut suites = Vec::new();
    for file in files {
        if let Some(cases) = cases(&file.with_extension("cases"))? {
            suites.push(Suite { pipeline: file.clone(), files: vec![file], cases });
        }
    }
    Ok(suites)
}

fn cases(folder: &Path) -> Result<Option<Vec<PathBuf>>, GoldenError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    list(folder, |path| path.extension().is_some_and(|e| e == "log" || e == "ndjson")).map(Some)
}

fn list(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, GoldenError> {
    let io = |source| GoldenError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_file() && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, GoldenError> {
    fs::read_to_string(path).map_err(|source| GoldenError::Io { path: path.to_owned(), source })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The file of what is expected of a case.
pub fn expectation(case: &Path) -> PathBuf {
    with_suffix(case, "-expected.json")
}

impl Suite {
    /// Runs one case; with `update` what came is written down as what is expected.
    ///
    /// # Errors
    /// The pipeline is broken; a file cannot be read or written, or is not what it is to be.
    pub fn run(&self, case: &Path, env: Env<'_>, ecs: EcsMode, update: bool) -> Result<Outcome, GoldenError> {
        let options = Options::read(&with_suffix(case, ".yml"))?;
        let came = self.events(case, &options, env, ecs)?;
        let path = expectation(case);
        let expected: Option<Vec<Value>> = match fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(|error| GoldenError::Case {
                path: path.clone(),
                reason: format!("this is no JSON list: {error}"),
            })?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(GoldenError::Io { path, source }),
        };
        let mut outcome = Outcome { events: came.len(), differences: Vec::new(), updated: false };
        match &expected {
            Some(expected) => outcome.differences = compare::events(expected, &came),
            None if update => {}
            None => {
                let reason = format!("{} is not there: `--update` writes it", path.display());
                outcome.differences.push(reason);
            }
        }
        if update && expected.as_ref() != Some(&came) {
            let text = format!("{:#}\n", Value::Array(came));
            fs::write(&path, text).map_err(|source| GoldenError::Io { path, source })?;
            outcome = Outcome { differences: Vec::new(), updated: true, ..outcome };
        }
        Ok(outcome)
    }

    /// The events that the filters make of a case.
    fn events(
        &self,
        case: &Path,
        options: &Options,
        env: Env<'_>,
        ecs: EcsMode,
    ) -> Result<Vec<Value>, GoldenError> {
        let now = options.now(case)?;
        let mut program = self.compile(now, env, ecs)?;
        let mut came = Vec::new();
        let mut more = Vec::new();
        for mut event in options.events(case, &read(case)?, now)? {
            let done = program.run(&mut event, &mut more);
            came.extend(more.drain(..).map(|event| json(&event)));
            came.push(match done {
                Ok(()) if event.is_cancelled() => Value::Null,
                Ok(()) => json(&event),
                Err(reason) => Value::String(format!("undecided: {reason}")),
            });
            came.extend(
                program.take_undecided().iter().map(|(_, r)| Value::String(format!("undecided: {r}"))),
            );
        }
        program.flush(true, &mut more);
        came.extend(more.iter().map(json));
        Ok(came)
    }

    fn compile(&self, now: Timestamp, env: Env<'_>, ecs: EcsMode) -> Result<Program, GoldenError> {
        let clock: Clock = Arc::new(move || now);
        let (mut program, mut errors) = (Program::default(), Vec::new());
        for path in &self.files {
            let source = Source::new(&path.display().to_string(), &read(path)?);
            let context = Context { source: &source, env, ecs, clock: clock.clone(), files: &Disk };
            match parse(&source, Escapes::Off).and_then(|config| Program::compile(&context, &config)) {
                Ok(filters) => program.append(filters),
                Err(mut found) => errors.append(&mut found),
            }
        }
        if errors.is_empty() { Ok(program) } else { Err(GoldenError::Pipeline(errors)) }
    }
}

fn json(event: &alces_event::Event) -> Value {
    let mut bytes = Vec::new();
    event.write_json(&mut bytes);
    // What an event writes is JSON.
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = r#"
input { stdin { } }
filter {
  grok { match => { "message" => "%{WORD:verb} %{GREEDYDATA:rest}" } }
  if [verb] == "drop" { drop { } }
  if [rest] =~ "stack" { mutate { add_tag => "%{[event][dataset]}" } }
}
output { elasticsearch { hosts => "${NOT_SET}" } }"#;

    fn suite() -> (tempfile::TempDir, Suite) {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("app.conf", CONF);
        fs::create_dir(dir.path().join("app.cases")).unwrap();
        write("app.cases/a.log", "get it\ndrop that\nput stack\n  at line 1\n  at line 2\n");
        write(
            "app.cases/a.log.yml",
            "fields:\n  event:\n    dataset: app\nmultiline:\n  pattern: '^\\s'\n  what: previous\nnow: 2020-02-03T04:05:06Z\n",
        );
        let suite = suites(dir.path()).unwrap().remove(0);
        (dir, suite)
    }

    fn run(suite: &Suite, update: bool) -> Outcome {
        suite.run(&suite.cases[0], &|_| None, EcsMode::V8, update).unwrap()
    }

    #[test]
    fn what_is_written_down_once_is_expected_from_then_on() {
        let (_dir, suite) = suite();
        let outcome = run(&suite, false);
        assert!(outcome.differences[0].ends_with("a.log-expected.json is not there: `--update` writes it"));
        assert!(run(&suite, true).updated);
        let outcome = run(&suite, true);
        assert_eq!((outcome.events, outcome.differences.len(), outcome.updated), (3, 0, false));
        let path = expectation(&suite.cases[0]);
        let text = fs::read_to_string(&path).unwrap();
        insta::assert_snapshot!(text, @r#"
        [
          {
            "@timestamp": "2020-02-03T04:05:06.000Z",
            "@version": "1",
            "event": {
              "dataset": "app"
            },
            "message": "get it",
            "rest": "it",
            "verb": "get"
          },
          null,
          {
            "@timestamp": "2020-02-03T04:05:06.000Z",
            "@version": "1",
            "event": {
              "dataset": "app"
            },
            "message": "put stack\n  at line 1\n  at line 2",
            "rest": "stack\n  at line 1\n  at line 2",
            "tags": [
              "app"
            ],
            "verb": "put"
          }
        ]
        "#);
        fs::write(&path, text.replace("\"put\"", "\"post\"").replace("\"it\"", "\"it\", \"x\": 1")).unwrap();
        insta::assert_snapshot!(run(&suite, false).differences.join("\n"), @r#"
        event 1: /x: 1 is expected, nothing came
        event 3: /verb: "post" is expected, "put" came
        "#);
    }

    #[test]
    fn a_folder_may_be_one_pipeline_and_a_file_without_cases_is_an_error() {
        let (dir, _suite) = suite();
        fs::create_dir(dir.path().join("cases")).unwrap();
        fs::write(dir.path().join("cases/b.ndjson"), "{\"message\":\"get it\"}\n").unwrap();
        fs::write(dir.path().join("other.conf"), "").unwrap();
        let suites = suites(dir.path()).unwrap();
        assert_eq!((suites.len(), suites[0].files.len(), suites[0].cases.len()), (1, 2, 1));
        let error = super::suites(&dir.path().join("other.conf")).unwrap_err().to_string();
        assert!(error.contains("it has no cases: put logs into"), "{error}");
    }

    #[test]
    fn a_broken_case_is_named() {
        let (dir, suite) = suite();
        fs::write(dir.path().join("app.cases/a.log.yml"), "feilds: {}\n").unwrap();
        let error = suite.run(&suite.cases[0], &|_| None, EcsMode::V8, false).unwrap_err().to_string();
        assert!(error.contains("a.log.yml") && error.contains("feilds"), "{error}");
    }
}

//! The file, and those that it includes.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use alces_diagnostic::{Diagnostic, Env, Source};

use super::{
    build::{self, Wrong},
    check::Checker,
    config::{Config, Input},
    table::{INPUT, TOP},
    values::Values,
    yaml::{self, What},
};
use crate::files::Files;

/// A file that is right.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// The file and those that it includes, with their texts.
    pub sources: Vec<(PathBuf, String)>,
    /// Folders in which a change may change what is read.
    pub folders: Vec<PathBuf>,
}

/// Everything that is wrong with a file and those that it includes.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<String>);

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n\n"))
    }
}

/// Reads a file and those that it includes. Paths are relative to where the process runs, those of `include` to the file's folder.
///
/// # Errors
/// Everything that is wrong, each with file, line and column.
pub fn load(path: &Path, env: Env<'_>) -> Result<Loaded, ConfigErrors> {
    let text = text_of(path).map_err(|error| ConfigErrors(vec![error]))?;
    let mut reader = Reader { env, errors: Vec::new(), sources: Vec::new() };
    let mut inputs = Vec::new();
    let mut folders = vec![folder_of(path)];
    let values = reader.file(path, text, |checker, root| match &root.what {
        What::Map(members) => {
            let values = checker.group(&TOP, members, 0..0);
            inputs = checker.inputs(&values.groups("inputs"));
            Some(values)
        }
        What::Nothing => Some(Values::none(&TOP)),
        What::Text { .. } | What::List(_) => {
            let help = "write `inputs:` and below it what is read; `alces agent options` lists all options";
            let place = root.place(checker.source.text());
            checker
                .errors
                .push(checker.source.error(&place, "this is to be a map of options").with_help(help));
            None
        }
    });
    let values = values.unwrap_or_else(|| Values::none(&TOP));
    for pattern in values.texts("include") {
        let pattern = folder_of(path).join(pattern).display().to_string();
        folders.push(folder_of(Path::new(&pattern)));
        let found = Files::new(std::slice::from_ref(&pattern), &[])
            .map(|files| files.find().files)
            .unwrap_or_default();
        for included in found {
            match text_of(&included) {
                Ok(text) => inputs.extend(reader.file(&included, text, included_inputs).unwrap_or_default()),
                Err(error) => reader.errors.push(error),
            }
        }
    }
    let mut wrong = Vec::new();
    let config = build::config(&values, inputs, &mut wrong);
    let source = reader.sources.first().map(|(path, text)| Source::new(&path.display().to_string(), text));
    if let Some(source) = source {
        reader.errors.extend(wrong.iter().map(|wrong| tell(&source, wrong).to_string()));
    }
    if !reader.errors.is_empty() {
        return Err(ConfigErrors(reader.errors));
    }
    folders.sort();
    folders.dedup();
    Ok(Loaded { config, sources: reader.sources, folders })
}

struct Reader<'r> {
    env: Env<'r>,
    errors: Vec<String>,
    sources: Vec<(PathBuf, String)>,
}

impl Reader<'_> {
    fn file<T>(
        &mut self,
        path: &Path,
        text: String,
        read: impl FnOnce(&mut Checker<'_>, &yaml::Node) -> Option<T>,
    ) -> Option<T> {
        let source = Source::new(&path.display().to_string(), &text);
        self.sources.push((path.to_owned(), text));
        let root = match yaml::read(&source) {
            Ok(root) => root,
            Err(error) => {
                self.errors.push(error.to_string());
                return None;
            }
        };
        let mut checker = Checker { source: &source, env: self.env, errors: Vec::new() };
        let found = read(&mut checker, &root);
        checker.errors.sort_by_key(|error| (error.line(), error.column()));
        self.errors.extend(checker.errors.iter().map(ToString::to_string));
        found
    }
}

impl Checker<'_> {
    fn inputs(&mut self, groups: &[Values]) -> Vec<Input> {
        let mut wrong = Vec::new();
        let inputs = groups
            .iter()
            .map(|values| {
                build::complete(values, &mut wrong);
                build::input(values, &mut wrong)
            })
            .collect();
        self.errors.extend(wrong.iter().map(|wrong| tell(self.source, wrong)));
        inputs
    }
}

/// The inputs of a file that is included: a list of them.
fn included_inputs(checker: &mut Checker<'_>, root: &yaml::Node) -> Option<Vec<Input>> {
    match &root.what {
        What::Nothing => Some(Vec::new()),
        What::List(items) => {
            let groups: Vec<_> = items.iter().filter_map(|item| checker.item(&INPUT, item)).collect();
            Some(checker.inputs(&groups))
        }
        What::Text { .. } | What::Map(_) => {
            let help = "write each input with a dash: `- paths: /var/log/nginx/*.log`";
            let place = root.place(checker.source.text());
            checker
                .errors
                .push(checker.source.error(&place, "this is to be a list of inputs").with_help(help));
            None
        }
    }
}

fn tell(source: &Source, wrong: &Wrong) -> Diagnostic {
    source.error(&wrong.span, wrong.message).with_help(wrong.help)
}

fn text_of(path: &Path) -> Result<String, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{name}: there is no such file"),
        _ => format!("{name}: {error}"),
    })?;
    String::from_utf8(bytes).map_err(|_| format!("{name}: this is not UTF-8: save it as UTF-8"))
}

/// The folder that a path's last part is in, before any wildcard.
fn folder_of(path: &Path) -> PathBuf {
    let parent = path.parent().unwrap_or(Path::new(""));
    let fixed: PathBuf = parent
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed }
}

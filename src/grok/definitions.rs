//! The set of definitions that the command line asks for.

use std::path::{Path, PathBuf};

use alces_collector::cli::Ecs;
use alces_grok::PatternSet;

use super::Failure;
use crate::cli::GrokArgs;

/// The built-in set, then each folder's files in the order of their names, then the definitions of the command line: a
/// later one of the same name wins.
pub(crate) fn load(args: &GrokArgs) -> Result<PatternSet, Failure> {
    let mut set = match args.ecs {
        Ecs::Disabled => PatternSet::legacy(),
        Ecs::V8 => PatternSet::ecs_v1(),
    };
    for folder in &args.patterns_dir {
        for path in files(folder).map_err(|error| Failure::Read { path: folder.clone(), error })? {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Failure::Read { path: path.clone(), error })?;
            set.add_file(&text).map_err(|error| Failure::Definitions { path, error })?;
        }
    }
    for definition in &args.definition {
        match definition.split_once('=') {
            Some((name, regex)) if !name.is_empty() => set.add(name, regex),
            _ => return Err(Failure::Definition(definition.clone())),
        }
    }
    Ok(set)
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

//! Grok patterns as options carry them: files of definitions, and errors at their very place.

use std::path::Path;

use alces_conf::{Options, Spanned, closest};
use alces_grok::{GrokError, PatternSet, Reason};

use crate::Context;

/// An error in a pattern at its very place in the file.
pub fn locate(options: &mut Options<'_>, set: &PatternSet, text: &Spanned<String>, error: &GrokError) {
    // The text stands between quotes; where it is longer or shorter than what it says, it holds `${…}`.
    let plain = text.span.len() == text.node.len() + 2;
    let span = match (plain, error.span.is_empty()) {
        (true, false) => text.span.start + 1 + error.span.start..text.span.start + 1 + error.span.end,
        _ => text.span.clone(),
    };
    let near = match &error.reason {
        Reason::Unknown(name) => closest(name, set.names()),
        _ => None,
    };
    match near {
        Some(near) => {
            options.error_with_help(&span, error.to_string(), format!("did you mean `%{{{near}}}`?"));
        }
        None => options.error(&span, error.to_string()),
    }
}

/// Reads the files of `patterns_dir` whose names match `glob`; a later definition of a name wins.
pub fn pattern_files(context: &Context<'_>, options: &mut Options<'_>, glob: &str, set: &mut PatternSet) {
    for directory in options.texts("patterns_dir").unwrap_or_default() {
        let files = match context.files.list(Path::new(&directory.node), glob) {
            Ok(files) => files,
            Err(error) => {
                options.error(&directory.span, format!("{}: {error}", directory.node));
                continue;
            }
        };
        for file in files {
            let read = context.files.read(&file).map_err(|error| error.to_string()).and_then(|bytes| {
                let text = String::from_utf8_lossy(&bytes);
                set.add_file(&text).map_err(|error| error.to_string())
            });
            if let Err(reason) = read {
                options.error(&directory.span, format!("{}: {reason}", file.display()));
            }
        }
    }
}

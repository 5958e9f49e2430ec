//! Errors that point at the place.

use std::{fmt, ops::Range, sync::Arc};

/// Bytes of a text.
pub type Span = Range<usize>;

/// A text with its name, for error messages.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// `name` is shown in errors, usually the file's path as the user wrote it.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: Arc::from(name), text: Arc::from(text) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error at `span`.
    pub fn error(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { source: self.clone(), span: span.clone(), message: message.into(), help: None }
    }

    /// Line and column (in characters), both from 1, of a byte offset.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// What is wrong, where, and what to write instead.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    source: Source,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Diagnostic {
    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The name of the text that it is about, usually a file's path.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.source.position(self.span.start).0
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.source.position(self.span.start).1
    }
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    /// `file:line:column: message`, the line, carets under the place, and help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.position(self.span.start);
        writeln!(f, "{}:{line}:{column}: {}", self.source.name, self.message)?;
        let text = self.source.text.lines().nth(line - 1).unwrap_or_default();
        let gutter = line.to_string().len();
        let on_line = text.chars().count() + 1 - column.min(text.chars().count() + 1);
        let wide = self.source.text.get(self.span.clone()).unwrap_or_default().chars().count();
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} | {text}")?;
        write!(
            f,
            "{:gutter$} | {:indent$}{}",
            "",
            "",
            "^".repeat(wide.clamp(1, on_line.max(1))),
            indent = column - 1
        )?;
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

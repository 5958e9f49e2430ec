//! The boards that a dashboard serves.

use std::path::Path;
use std::sync::Arc;

use super::{Board, BoardError, read};

/// A board with the text that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Shelved {
    pub(crate) board: Arc<Board>,
    /// The file's text, which the editor begins with.
    pub(crate) text: Arc<str>,
}

/// All boards, in the order of the menu.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    boards: Vec<Shelved>,
}

/// The boards within the program: those of `pipelines/boards`, in the order of the menu.
const BUILT_IN: [(&str, &str); 7] = [
    ("overview", include_str!("../../../pipelines/boards/overview.yaml")),
    ("nginx", include_str!("../../../pipelines/boards/nginx.yaml")),
    ("application", include_str!("../../../pipelines/boards/application.yaml")),
    ("database", include_str!("../../../pipelines/boards/database.yaml")),
    ("queues", include_str!("../../../pipelines/boards/queues.yaml")),
    ("hosts", include_str!("../../../pipelines/boards/hosts.yaml")),
    ("pipeline", include_str!("../../../pipelines/boards/pipeline.yaml")),
];

/// A file of a folder of boards that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    #[error("{path}: {reason}")]
    Io { path: String, reason: std::io::Error },
    #[error("{path}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Board { path: String, errors: Vec<BoardError> },
}

impl Shelf {
    /// The boards within the program.
    pub(crate) fn built_in() -> Self {
        let boards = BUILT_IN.iter().filter_map(|(id, text)| {
            // A test reads them all.
            let board =
                read(id, text).inspect_err(|e| tracing::error!(id, ?e, "a board within the program")).ok()?;
            Some(Shelved { board: Arc::new(board), text: (*text).into() })
        });
        Self { boards: boards.collect() }
    }

    /// The boards within the program, and over them those of a folder: a file takes the place of the board of its name, a new name
    /// goes behind. A file that is wrong costs itself, not the others; the errors come with the shelf.
    pub(crate) fn with_folder(folder: &Path) -> (Self, Vec<ShelfError>) {
        let mut shelf = Self::built_in();
        let mut errors = Vec::new();
        let io = |path: &Path, reason| ShelfError::Io { path: path.display().to_string(), reason };
        let mut files = Vec::new();
        match std::fs::read_dir(folder) {
            Ok(entries) => files.extend(entries.flatten().map(|e| e.path())),
            Err(reason) => errors.push(io(folder, reason)),
        }
        files.retain(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"));
        files.sort();
        for path in files {
            let Some(id) = path.file_stem().and_then(|s| s.to_str()) else { continue };
            match std::fs::read_to_string(&path) {
                Ok(text) => match read(id, &text) {
                    Ok(board) => shelf.put(Shelved { board: Arc::new(board), text: text.into() }),
                    Err(e) => errors.push(ShelfError::Board { path: path.display().to_string(), errors: e }),
                },
                Err(reason) => errors.push(io(&path, reason)),
            }
        }
        (shelf, errors)
    }

    fn put(&mut self, new: Shelved) {
        match self.boards.iter_mut().find(|s| s.board.id == new.board.id) {
            Some(old) => *old = new,
            None => self.boards.push(new),
        }
    }

    /// A board by its name in the address.
    pub(crate) fn get(&self, id: &str) -> Option<&Shelved> {
        self.boards.iter().find(|s| s.board.id == id)
    }

    /// All boards.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Board> {
        self.boards.iter().map(|s| &*s.board)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_within_the_program_can_be_read() {
        for (id, text) in BUILT_IN {
            if let Err(errors) = read(id, text) {
                panic!("{id}: {errors:?}");
            }
        }
    }
}

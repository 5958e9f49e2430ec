//! The boards that a dashboard serves.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::load::MOST_BYTES;
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
    /// goes behind. A file that is wrong costs itself only: the board that `before` had of it stays. The errors come with the shelf.
    pub(crate) fn with_folder(folder: &Path, before: Option<&Self>) -> (Self, Vec<ShelfError>) {
        let mut shelf = Self::built_in();
        let mut errors = Vec::new();
        let io = |path: &Path, reason| ShelfError::Io { path: path.display().to_string(), reason };
        let mut files = Vec::new();
        match std::fs::read_dir(folder) {
            Ok(entries) => files.extend(entries.flatten().map(|e| e.path())),
            Err(reason) => {
                errors.push(io(folder, reason));
                // A folder that is away for a moment takes no board with it.
                return (before.cloned().unwrap_or(shelf), errors);
            }
        }
        files.retain(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"));
        files.sort();
        for path in files {
            let Some(id) = path.file_stem().and_then(|s| s.to_str()) else { continue };
            let shelved = text(&path).map_err(|reason| io(&path, reason)).and_then(|text| {
                let board = read(id, &text)
                    .map_err(|errors| ShelfError::Board { path: path.display().to_string(), errors })?;
                Ok(Shelved { board: Arc::new(board), text: text.into() })
            });
            match shelved {
                Ok(shelved) => shelf.put(shelved),
                Err(error) => {
                    errors.push(error);
                    if let Some(old) = before.and_then(|b| b.get(id)) {
                        shelf.put(old.clone());
                    }
                }
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

/// A file's text, but no more than tells that it is too long.
fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(shelf: &Shelf) -> Vec<&str> {
        shelf.all().skip(BUILT_IN.len()).map(|b| b.title.as_str()).collect()
    }

    #[test]
    fn a_board_that_was_broken_stays_as_it_was_and_one_that_was_removed_goes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, title: &str| {
            let text =
                format!("title: {title}\npanels: [{{ id: a, title: A, kind: markdown, text: hello }}]\n");
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("a.yaml", "A");
        write("b.yaml", "B");
        let (before, errors) = Shelf::with_folder(folder.path(), None);
        assert!(errors.is_empty() && titles(&before) == ["A", "B"], "{errors:?}");
        write("a.yaml", "[");
        write("c.yaml", "C");
        std::fs::remove_file(folder.path().join("b.yaml")).unwrap();
        std::fs::write(folder.path().join("long.yaml"), vec![b'#'; MOST_BYTES + 1]).unwrap();
        let (after, errors) = Shelf::with_folder(folder.path(), Some(&before));
        assert_eq!(titles(&after), ["A", "C"]);
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            errors.len() == 2 && errors[0].contains("a.yaml") && errors[1].contains("larger than 256 kB"),
            "{errors:?}"
        );
        std::fs::remove_dir_all(folder.path()).unwrap();
        let (away, errors) = Shelf::with_folder(folder.path(), Some(&after));
        assert!(titles(&away) == ["A", "C"] && errors.len() == 1);
    }

    #[test]
    fn every_board_within_the_program_can_be_read() {
        for (id, text) in BUILT_IN {
            if let Err(errors) = read(id, text) {
                panic!("{id}: {errors:?}");
            }
        }
    }
}

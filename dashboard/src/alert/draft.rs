//! Rules that are written in the browser: one file of the folder, `browser.yaml`, beside those that are under version control.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Rules;

/// The file's name.
pub(crate) const FILE: &str = "browser.yaml";
const HEAD: &str = "# Rules that were written in the browser. Whoever edits this file by hand loses nothing: the browser asks for the new text first.\nrules:\n";

/// Why nothing was saved.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DraftError {
    /// With file, line and column.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    #[error("somebody else has changed the rules meanwhile: look at them, and save once more")]
    Changed,
    #[error("{file} is one of the files beside {FILE}: change the rule there")]
    Elsewhere { file: String },
    #[error("the folder of rules cannot be written to ({0}): put this text into a file of it")]
    ReadOnly(String),
}

/// The file as it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drafts {
    path: PathBuf,
    text: String,
}

/// What becomes of a rule.
pub(crate) enum Deed<'t> {
    /// This text takes the place of the rule of this id, or is added where there is none.
    Save {
        instead_of: &'t str,
        text: &'t str,
    },
    Delete(&'t str),
}

impl Drafts {
    /// Reads the file of a folder; it need not be there.
    ///
    /// # Errors
    /// [`DraftError::ReadOnly`] where it cannot be read.
    pub(crate) fn open(folder: &Path) -> Result<Self, DraftError> {
        let path = folder.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { path, text: String::new() })
            }
            Err(error) => Err(DraftError::ReadOnly(error.to_string())),
        }
    }

    /// What tells this state of the file from another.
    pub(crate) fn version(&self) -> String {
        Sha256::digest(&self.text)[..12].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Does a deed, if the file is still as it was at `version`, and all files together are fine afterwards; the rule's id.
    ///
    /// # Errors
    /// [`DraftError`]; nothing has changed then.
    pub(crate) fn carry_out(&self, deed: &Deed<'_>, version: &str) -> Result<String, DraftError> {
        if version != self.version() {
            return Err(DraftError::Changed);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let now = Rules::read(folder).map_err(DraftError::Wrong)?;
        let own = |id: &str| match now.files.get(id) {
            Some(file) if file != FILE => Err(DraftError::Elsewhere { file: file.clone() }),
            _ => Ok(()),
        };
        let mut items = items(&self.text);
        let id = match deed {
            Deed::Delete(id) => {
                own(id)?;
                items.retain(|(of, _)| of != id);
                (*id).to_owned()
            }
            Deed::Save { instead_of, text } => {
                own(instead_of)?;
                let (id, item) = one(text)?;
                own(&id)?;
                match items.iter_mut().find(|(of, _)| of == instead_of) {
                    Some(place) => *place = (id.clone(), item),
                    None => items.push((id.clone(), item)),
                }
                id
            }
        };
        let text = match items.as_slice() {
            [] => "rules: []\n".to_owned(),
            items => items.iter().fold(HEAD.to_owned(), |text, (_, item)| text + item),
        };
        Rules::read_with(folder, Some((&self.path, &text))).map_err(DraftError::Wrong)?;
        write(&self.path, &text).map_err(|error| DraftError::ReadOnly(error.to_string()))?;
        Ok(id)
    }
}

/// The only rule of a draft: its id, and its text as an item of the file.
///
/// # Errors
/// [`DraftError::Wrong`], with line and column of the draft.
pub(crate) fn one(text: &str) -> Result<(String, String), DraftError> {
    let rules = Rules::parse(text).map_err(DraftError::Wrong)?;
    let mut items = items(text);
    match (rules.rules.len(), rules.receivers.len(), items.pop()) {
        (1, 0, Some(item)) if items.is_empty() => Ok(item),
        (1, 0, _) => {
            Err(DraftError::Wrong(vec!["write the rule as a list of one: `rules:`, then `  - id: …`".into()]))
        }
        _ => Err(DraftError::Wrong(vec![
            "a draft is one rule; receivers, whose addresses are secrets, stand in files".into(),
        ])),
    }
}

/// The rules of a text: each with its id, and its lines as an item two spaces within its list. None where they are written in another way than
/// one below the other.
pub(crate) fn items(text: &str) -> Vec<(String, String)> {
    let Ok(file) = alces_alerts::read(text) else { return Vec::new() };
    let dash = |line: &str| line.trim_start().starts_with("- ").then(|| line.len() - line.trim_start().len());
    let within = text.lines().skip_while(|line| !line.trim_end().eq("rules:")).skip(1);
    // Up to the next list of the file.
    let within: Vec<&str> =
        within.take_while(|line| line.is_empty() || line.starts_with([' ', '-', '#'])).collect();
    let Some(indent) = within.iter().find_map(|line| dash(line)) else { return Vec::new() };
    let mut items: Vec<String> = Vec::new();
    for line in within {
        if dash(line) == Some(indent) {
            items.push(String::new());
        }
        let Some(item) = items.last_mut() else { continue };
        if line.trim().is_empty() {
            item.push('\n');
        } else {
            item.push_str("  ");
            item.push_str(line.get(indent..).unwrap_or_else(|| line.trim_start()));
            item.push('\n');
        }
    }
    if items.len() != file.rules.len() {
        return Vec::new();
    }
    let trimmed = |item: String| item.trim_end().to_owned() + "\n";
    file.rules.iter().map(|rule| rule.id.clone()).zip(items.into_iter().map(trimmed)).collect()
}

/// All of it or nothing, after a power cut too.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("yaml.new");
    let done = (|| {
        let mut file = File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    })();
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "rules:\n- id: a\n  title: A\n  metric: count\n  windows: [5m]\n  above: 1\n  description: |\n    two\n      lines\n";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "rules:\n  - {id: filed, title: F, metric: count, windows: [5m], above: 1}\n";
        fs::write(folder.path().join("fleet.yaml"), text).expect("written");
        folder
    }

    fn save(folder: &Path, instead_of: &str, text: &str) -> Result<String, DraftError> {
        let drafts = Drafts::open(folder)?;
        drafts.carry_out(&Deed::Save { instead_of, text }, &drafts.version())
    }

    #[test]
    fn a_rule_is_saved_changed_and_deleted() {
        let folder = folder();
        let at = folder.path();
        assert_eq!(save(at, "", RULE).as_deref(), Ok("a"));
        assert_eq!(save(at, "", &RULE.replace("id: a", "id: b")).as_deref(), Ok("b"));
        assert_eq!(save(at, "a", &RULE.replace("above: 1", "above: 7")).as_deref(), Ok("a"));
        let rules = Rules::read(at).expect("rules");
        let seen: Vec<_> = rules.rules.iter().map(|r| (r.id.as_str(), r.above)).collect();
        assert_eq!(seen, [("a", Some(7.0)), ("b", Some(1.0)), ("filed", Some(1.0))]);
        assert_eq!(rules.rules[0].description, "two\n  lines\n");
        for id in ["a", "b"] {
            let drafts = Drafts::open(at).expect("drafts");
            assert_eq!(drafts.carry_out(&Deed::Delete(id), &drafts.version()).as_deref(), Ok(id));
        }
        assert_eq!(Rules::read(at).expect("rules").rules.len(), 1);
        let left: Vec<_> = fs::read_dir(at).expect("a folder").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn what_would_do_harm_changes_nothing() {
        let folder = folder();
        let at = folder.path();
        let before = Drafts::open(at).expect("drafts");
        assert_eq!(save(at, "", RULE).as_deref(), Ok("a"));
        let now = Drafts::open(at).expect("drafts");
        assert_eq!(now.carry_out(&Deed::Delete("a"), &before.version()), Err(DraftError::Changed));
        assert_eq!(save(at, "filed", RULE), Err(DraftError::Elsewhere { file: "fleet.yaml".into() }));
        assert!(save(at, "", &RULE.replace("id: a", "id: filed")).is_err());
        assert!(save(at, "", "rules: []\n").is_err());
        assert!(
            save(at, "", &RULE.replace("above: 1", "above: x"))
                .is_err_and(|e| e.to_string().contains("line 6"))
        );
        assert!(save(at, "", "rules:\n  - {id: c, title: C, metric: count, windows: [5m], above: 1}\nreceivers:\n  - {id: d, url: 'https://x'}\n").is_err());
        assert_eq!(Rules::read(at).expect("rules").rules.len(), 2);
    }

    #[test]
    fn comments_stay_with_their_rules() {
        let text = format!(
            "# head\n{RULE}  # a comment\n\n# of b\n- id: b\n  title: B\n  metric: count\n  windows: [5m]\n  above: 1\nreceivers: []\n"
        );
        let items = items(&text);
        assert_eq!(items.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(items[0].1.contains("    # a comment") && !items[1].1.contains("receivers"), "{items:?}");
        assert!(
            super::items("rules: [{id: a, title: A, metric: count, windows: [5m], above: 1}]\n").is_empty()
        );
    }
}

//! A language: a catalog in the format of GNU gettext (`.po`).

use std::collections::HashMap;

use thiserror::Error;

use super::po::{self, SyntaxError};
use super::{Piece, pieces};

/// A catalog that cannot be used.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// It is no `.po` file.
    #[error("this is no catalog of gettext: {0}")]
    Syntax(#[from] SyntaxError),
    /// Its header does not say which language it is.
    #[error("the header names no language: write \"Language: de\\n\" and \"Language-Team: Deutsch\\n\"")]
    Nameless,
    /// A text has other `{names}` than the English one, so that a value would be lost.
    #[error("`{text}` must have the same names in braces as `{english}`")]
    Names {
        /// The English text.
        english: String,
        /// What was to stand for it.
        text: String,
    },
}

/// The texts of one language.
#[derive(Debug)]
pub struct Language {
    /// BCP 47: `zh-CN`.
    pub(crate) tag: String,
    /// What the language calls itself: `中文`.
    pub(crate) name: String,
    pub(super) texts: HashMap<String, String>,
}

impl Language {
    /// English, which stands in the code.
    #[must_use]
    pub fn english() -> Self {
        Self { tag: "en".into(), name: "English".into(), texts: HashMap::new() }
    }

    /// Reads a catalog: `Language` of its header is the language's tag, `Language-Team` what it calls itself. Texts that are marked fuzzy are
    /// not used, as in gettext.
    ///
    /// # Errors
    /// [`CatalogError`] names the text.
    pub fn parse(po: &str) -> Result<Self, CatalogError> {
        let entries = po::parse(po)?;
        let header = entries.iter().find(|e| e.id.is_empty()).map_or("", |e| e.text.as_str());
        let of = |name: &str| {
            let mut fields = header.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| *field == name).map(|(_, value)| value.trim()).unwrap_or_default()
        };
        // gettext writes `zh_CN`, browsers `zh-CN`.
        let (tag, name) = (of("Language").replace('_', "-"), of("Language-Team").to_owned());
        let is_tag = !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_tag || name.is_empty() {
            return Err(CatalogError::Nameless);
        }
        let mut texts = HashMap::new();
        for entry in entries {
            if entry.id.is_empty() || entry.text.is_empty() || entry.fuzzy {
                continue;
            }
            if names(&entry.id) != names(&entry.text) {
                return Err(CatalogError::Names { english: entry.id, text: entry.text });
            }
            texts.insert(entry.id, entry.text);
        }
        Ok(Self { tag, name, texts })
    }

    /// What stands for an English text.
    pub(crate) fn get(&self, english: &str) -> Option<&str> {
        self.texts.get(english).map(String::as_str)
    }

    /// Takes the texts of another catalog of the same language over its own.
    pub(super) fn extend(&mut self, other: Self) {
        self.texts.extend(other.texts);
        self.name = other.name;
    }
}

fn names(text: &str) -> Vec<&str> {
    let name = |piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    };
    let mut names: Vec<&str> = pieces(text).filter_map(name).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "msgid \"\"\nmsgstr \"\"\n\"Language: zh_CN\\n\"\n\"Language-Team: 中文\\n\"\n\n";

    #[test]
    fn a_catalog_says_what_it_is() {
        let chinese =
            Language::parse(&format!("{HEAD}msgid \"Lines\"\nmsgstr \"日志行\"\n\nmsgid \"Fields\"\nmsgstr \"\"\n\n#, fuzzy\nmsgid \"Live\"\nmsgstr \"?\"\n"))
                .expect("a catalog");
        assert_eq!((&*chinese.tag, &*chinese.name), ("zh-CN", "中文"));
        assert_eq!(chinese.get("Lines"), Some("日志行"));
        assert_eq!((chinese.get("Fields"), chinese.get("Live")), (None, None));
    }

    #[test]
    fn a_value_cannot_get_lost_in_translation() {
        let error = Language::parse(&format!("{HEAD}msgid \"{{n}} lines\"\nmsgstr \"行\"\n"))
            .expect_err("a lost name");
        assert_eq!(error.to_string(), "`行` must have the same names in braces as `{n} lines`");
    }

    #[test]
    fn what_is_no_catalog_is_refused() {
        for text in [
            "",
            "msgid \"a\"\nmsgstr \"b\"\n",
            "hello",
            "msgid \"\"\nmsgstr \"Language: <b>\\nLanguage-Team: x\\n\"\n",
        ] {
            assert!(Language::parse(text).is_err(), "{text}");
        }
    }
}

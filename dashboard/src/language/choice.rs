//! Which languages there are, and which of them a visitor reads.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::Language;
use crate::error::DashboardError;

/// Ours besides English.
const CHINESE: &str = include_str!("../../languages/zh-CN.po");

/// All languages: English, the built-in ones, and those of a folder.
#[derive(Clone, Debug)]
pub struct Languages {
    all: Vec<Arc<Language>>,
}

impl Languages {
    /// English and Chinese.
    #[must_use]
    pub fn built_in() -> Self {
        let chinese = Language::parse(CHINESE).into_iter();
        Self { all: std::iter::once(Language::english()).chain(chinese).map(Arc::new).collect() }
    }

    /// Those, and the catalogs `*.po` of a folder. Texts of a language that is there already take the place of its own.
    ///
    /// # Errors
    /// [`DashboardError::Language`] names the file.
    pub fn with_folder(folder: &Path) -> Result<Self, DashboardError> {
        let failed = |path: &Path, reason: String| DashboardError::Language { path: path.to_owned(), reason };
        let entries = fs::read_dir(folder).map_err(|e| failed(folder, e.to_string()))?;
        let mut paths: Vec<_> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "po"))
            .collect();
        paths.sort();
        let mut languages = Self::built_in();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|e| failed(&path, e.to_string()))?;
            let language = Language::parse(&text).map_err(|e| failed(&path, e.to_string()))?;
            languages.add(language);
        }
        Ok(languages)
    }

    fn add(&mut self, language: Language) {
        match self.all.iter_mut().find(|l| l.tag == language.tag).and_then(Arc::get_mut) {
            Some(there) => there.extend(language),
            None => self.all.push(Arc::new(language)),
        }
    }

    /// English first.
    pub(crate) fn all(&self) -> &[Arc<Language>] {
        &self.all
    }

    /// The language of a request: the visitor's choice (a cookie), else the best that the browser asks for (`Accept-Language`, RFC 9110
    /// section 12.5.4), else English.
    pub(crate) fn choose(&self, chosen: Option<&str>, accepted: Option<&str>) -> Arc<Language> {
        let chosen = chosen.and_then(|tag| self.all.iter().find(|l| l.tag == tag));
        let found = chosen.or_else(|| accepted.and_then(|accepted| self.accepted(accepted)));
        found.or(self.all.first()).map_or_else(|| Arc::new(Language::english()), Arc::clone)
    }

    fn accepted(&self, header: &str) -> Option<&Arc<Language>> {
        let mut ranges: Vec<(&str, f32)> = header.split(',').take(32).filter_map(range).collect();
        // Of two that are as welcome the first one: the order is kept.
        ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranges.into_iter().find_map(|(range, _)| {
            let same = |l: &&Arc<Language>| l.tag.eq_ignore_ascii_case(range);
            // `zh` and `zh-TW` are content with `zh-CN` (RFC 4647, section 3.4, and a guess that is better than English).
            let near = |l: &&Arc<Language>| primary(&l.tag).eq_ignore_ascii_case(primary(range));
            self.all.iter().find(same).or_else(|| self.all.iter().find(near))
        })
    }
}

impl Default for Languages {
    fn default() -> Self {
        Self::built_in()
    }
}

fn range(text: &str) -> Option<(&str, f32)> {
    let (range, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight = weight.trim().strip_prefix("q=")?.parse().ok().filter(|w: &f32| *w > 0.0)?;
    Some((range.trim(), weight))
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(cookie: Option<&str>, accepted: Option<&str>) -> String {
        Languages::built_in().choose(cookie, accepted).tag.clone()
    }

    #[test]
    fn ours_are_readable() {
        let tags: Vec<String> = Languages::built_in().all().iter().map(|l| l.tag.clone()).collect();
        assert_eq!(tags, ["en", "zh-CN"]);
    }

    #[test]
    fn the_visitors_choice_comes_before_the_browsers() {
        assert_eq!(chosen(None, None), "en");
        assert_eq!(chosen(None, Some("zh-CN,zh;q=0.9,en;q=0.8")), "zh-CN");
        assert_eq!(chosen(None, Some("zh-TW")), "zh-CN");
        assert_eq!(chosen(Some("en"), Some("zh-CN")), "en");
        assert_eq!(chosen(Some("xx"), Some("zh")), "zh-CN");
        assert_eq!(chosen(None, Some("fr, en;q=0.8, zh;q=0.9")), "zh-CN");
        assert_eq!(chosen(None, Some("zh;q=0, en")), "en");
        assert_eq!(chosen(None, Some(";;,q=,zh;q=x")), "en");
    }

    #[test]
    fn a_folder_brings_languages_and_better_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write(
            "de.po",
            "msgid \"\"\nmsgstr \"Language: de\\nLanguage-Team: Deutsch\\n\"\n\nmsgid \"Lines\"\nmsgstr \"Zeilen\"\n",
        );
        write(
            "zh.po",
            "msgid \"\"\nmsgstr \"Language: zh_CN\\nLanguage-Team: 中文\\n\"\n\nmsgid \"Lines\"\nmsgstr \"行\"\n",
        );
        let languages = Languages::with_folder(folder.path()).expect("read");
        assert_eq!(languages.choose(None, Some("de")).get("Lines"), Some("Zeilen"));
        let chinese = languages.choose(Some("zh-CN"), None);
        assert_eq!(chinese.get("Lines"), Some("行"));
        assert!(chinese.get("Fields").is_some(), "its other words are still there");
        write("broken.po", "hello");
        let error = Languages::with_folder(folder.path()).expect_err("broken").to_string();
        assert!(error.contains("broken.po"), "{error}");
    }
}

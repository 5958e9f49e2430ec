//! The files that the pages need, within the program: no build step, nothing from elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

/// The style sheet.
pub(crate) const CSS: &str = include_str!("../assets/alces.css");
const JS: &str = include_str!("../assets/alces.js");
const EXPLORE: &str = include_str!("../assets/explore.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// A file by its name: type and content.
pub(crate) fn find(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "alces.css" => Some(("text/css; charset=utf-8", CSS)),
        "alces.js" => Some(("text/javascript; charset=utf-8", JS)),
        "explore.js" => Some(("text/javascript; charset=utf-8", EXPLORE)),
        "icon.svg" => Some(("image/svg+xml", ICON)),
        _ => None,
    }
}

/// Changes with the files, so that a browser may keep them for a year and still sees a new release at once.
pub(crate) fn tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        (CSS, JS, EXPLORE).hash(&mut hasher);
        format!("{:x}", hasher.finish())
    })
}

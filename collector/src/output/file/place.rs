//! Where an event is written to: the names that events make are held within one folder.

use std::path::{Component, Path, PathBuf};

use alces_event::Template;

/// The longest name of a file, and the longest path, that Linux takes.
const NAME_BYTES: usize = 255;
const PATH_BYTES: usize = 4095;

/// A checked `path`.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The same for all events, and where they go when it may not be made.
    Fixed(String, PathBuf),
    /// Made of the event.
    OfEvent {
        template: Template,
        /// The folder that no name leads out of: what of the path stands before the first field.
        root: PathBuf,
        /// Where events go whose names do.
        failure: PathBuf,
    },
}

impl Place {
    /// Reads `path`; relative ones are relative to where the process runs.
    pub(crate) fn new(path: &str, filename_failure: &str, here: &Path) -> Result<Self, String> {
        if path.is_empty() {
            return Err("the path is empty".to_owned());
        }
        let template = Template::parse(path).map_err(|error| error.to_string())?;
        if template.as_literal().is_some() {
            let whole = lexical(&here.join(path)).ok_or("the path leads above `/`")?;
            let folder = whole.parent().ok_or("the path names a folder, not a file")?;
            let failure = folder.join(filename_failure);
            return Ok(Self::Fixed(whole.to_string_lossy().into_owned(), failure));
        }
        // Up to the last `/` before the first field.
        let fixed = path.split("%{").next().unwrap_or_default();
        let root = match fixed.rfind('/') {
            Some(0) => return Err("the path must not begin with a field: write a folder first".to_owned()),
            Some(end) => here.join(&fixed[..end]),
            None => here.to_owned(),
        };
        let root = lexical(&root).ok_or("the path leads above `/`")?;
        // A relative path is made whole here, once.
        let template = match path.starts_with('/') {
            true => template,
            false => {
                let here = here.to_string_lossy().replace("%{", "_");
                Template::parse(&format!("{here}/{path}")).map_err(|error| error.to_string())?
            }
        };
        let failure = root.join(filename_failure);
        Ok(Self::OfEvent { template, root, failure })
    }

    /// The failure file.
    pub(crate) fn failure(&self) -> &Path {
        match self {
            Self::Fixed(_, failure) | Self::OfEvent { failure, .. } => failure,
        }
    }

    /// The path that a rendered name stands for; none where it leads out of the folder, or can be no path.
    pub(crate) fn resolve(&self, name: &str) -> Option<PathBuf> {
        let Self::OfEvent { root, .. } = self else { return Some(PathBuf::from(name)) };
        let path = lexical(Path::new(name))?;
        let inside = path.strip_prefix(root).ok()?;
        let mut names = inside.components();
        // The folder itself is no file in it.
        let fits = names.clone().next().is_some()
            && path.as_os_str().len() <= PATH_BYTES
            && !name.contains('\0')
            && !name.ends_with('/')
            && names.all(|name| name.as_os_str().len() <= NAME_BYTES);
        fits.then_some(path)
    }
}

/// The path without `.` and `..`, as it is written: links are not followed. None where it leads above `/`.
fn lexical(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use alces_event::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, event: &str) -> String {
        let place = match Place::new(path, "_failures", Path::new("/here")) {
            Ok(place) => place,
            Err(error) => return error,
        };
        let (event, _) = Event::from_json(event.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
        let name = match &place {
            Place::Fixed(name, _) => name.clone(),
            Place::OfEvent { template, .. } => template.render(&event),
        };
        match place.resolve(&name) {
            Some(path) => path.display().to_string(),
            None => format!("to {}", place.failure().display()),
        }
    }
    use alces_event::Event;

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(check("/a/b.log", "{}"), "/a/b.log");
        assert_eq!(check("b.log", "{}"), "/here/b.log");
        assert_eq!(check("/a/%{h}.log", r#"{"h":"web"}"#), "/a/web.log");
        assert_eq!(check("/a/x-%{h}/%{+yyyy}.log", r#"{"h":"web"}"#), "/a/x-web/1970.log");
        assert_eq!(check("l/%{h}.log", r#"{"h":"web"}"#), "/here/l/web.log");
        assert_eq!(check("/a/%{h}", r#"{"h":"b/c"}"#), "/a/b/c", "as in Logstash");
        assert_eq!(check("/a/%{h}", r#"{"h":"../b"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":"x/../../b"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":"../ab"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":"../a"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":"../../../../x"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":""}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", r#"{"h":"x\u0000y"}"#), "to /a/_failures");
        assert_eq!(check("/a/%{h}", &format!(r#"{{"h":"{}"}}"#, "x".repeat(256))), "to /a/_failures");
        assert_eq!(check("/a/%{h}", "{}"), "/a/%{h}", "a field that is not there, as in Logstash");
        assert!(check("/%{h}", "{}").contains("must not begin with a field"));
    }

    proptest! {
        #[test]
        fn no_name_leads_out(name in "[a./\\x00]{0,12}") {
            let place = Place::new("/r/s/%{h}", "_f", Path::new("/")).unwrap();
            if let Some(path) = place.resolve(&format!("/r/s/{name}")) {
                prop_assert!(path.starts_with("/r/s/") && path != Path::new("/r/s"));
                prop_assert!(path.components().all(|c| c != Component::ParentDir));
            }
        }
    }
}

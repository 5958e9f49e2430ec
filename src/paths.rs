//! Where data is kept when nothing is said.

use std::path::PathBuf;

/// `/var/lib/alces/NAME` for root, the user's state folder (`XDG_STATE_HOME`) otherwise.
pub(crate) fn data_dir(given: Option<PathBuf>, name: &str, env: impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(given) = given {
        return given;
    }
    let home = env("HOME").filter(|home| !home.is_empty());
    let base = match (env("XDG_STATE_HOME"), home) {
        (Some(state), _) if !state.is_empty() => PathBuf::from(state).join("alces"),
        (_, Some(home)) if home != "/root" => PathBuf::from(home).join(".local/state/alces"),
        _ => PathBuf::from("/var/lib/alces"),
    };
    base.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is() {
        let env = |home: &'static str, state: &'static str| {
            move |name: &str| Some(if name == "HOME" { home } else { state }.to_owned())
        };
        assert_eq!(data_dir(Some("x".into()), "store", env("/root", "")), PathBuf::from("x"));
        assert_eq!(data_dir(None, "store", env("/root", "")), PathBuf::from("/var/lib/alces/store"));
        assert_eq!(
            data_dir(None, "store", env("/home/a", "")),
            PathBuf::from("/home/a/.local/state/alces/store")
        );
        assert_eq!(data_dir(None, "", env("/home/a", "/s")), PathBuf::from("/s/alces/"));
    }
}

//! Names that a log has after it was rotated.

use std::path::{Path, PathBuf};

/// What a file may be the rotated one of, by its name: `access.log` for `access.log.1`, `access.log-20261125.gz`, `access.log.old`,
/// `access-20261125.log` and `access.1.log.zst`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rotated {
    /// The log.
    pub(super) base: PathBuf,
    /// The name is the log's with something behind it: nobody gives a log that is still written such a name.
    pub(super) surely: bool,
}

/// See [`Rotated`].
pub(super) fn rotated(path: &Path) -> Option<Rotated> {
    let name = path.file_name()?.to_str()?;
    let unpacked = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let base = |name: &str, surely| Some(Rotated { base: path.with_file_name(name), surely });
    if let Some(name) = without_number(unpacked) {
        return base(name, true);
    }
    if let Some((stem, extension)) = unpacked.rsplit_once('.')
        && let Some(stem) = without_number(stem)
    {
        return base(&format!("{stem}.{extension}"), false);
    }
    (unpacked.len() < name.len()).then(|| base(unpacked, true))?
}

/// The name without `.1`, `-20261125`, `_2026-11-25T10:00` or `.old` at its end.
fn without_number(name: &str) -> Option<&str> {
    if let Some(name) = name.strip_suffix(".old") {
        return Some(name);
    }
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ':' | 'T');
    let rest = name.trim_end_matches(number);
    let number = name.get(rest.len()..)?;
    let first = number.chars().next()?;
    (!rest.is_empty() && matches!(first, '.' | '-' | '_') && number.ends_with(|c: char| c.is_ascii_digit()))
        .then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_logrotate_and_others_give() {
        let check = |name: &str, expect: &str| {
            let found = rotated(Path::new(&format!("/l/{name}")));
            let found = found.map(|r| {
                let name = r.base.file_name().unwrap().to_str().unwrap().to_owned();
                if r.surely { name } else { format!("{name}?") }
            });
            assert_eq!(found.unwrap_or_default(), expect, "{name}");
        };
        check("access.log.1", "access.log");
        check("access.log.2.gz", "access.log");
        check("access.log-20261125", "access.log");
        check("access.log-20261125.zst", "access.log");
        check("access.log.2026-11-25T10:00:00", "access.log");
        check("access.log.old", "access.log");
        check("access.log.gz", "access.log");
        check("access-20261125.log", "access.log?");
        check("app.1.log.gz", "app.log?");
        check("access.log", "");
        check("app-error.log", "");
        check("app2.log", "");
        check("20261125", "");
        check(".1", "");
        check("mysql-slow.log.", "");
    }
}

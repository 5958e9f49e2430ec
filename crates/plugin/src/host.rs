//! The machine's name, for events that begin here.

use std::path::Path;

use crate::context::Context;

/// The name as the kernel has it, or as the environment does; none where neither knows.
pub fn host_name(context: &Context<'_>) -> Option<String> {
    let read = |path: &str| String::from_utf8(context.files.read(Path::new(path)).ok()?).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| (context.env)("HOSTNAME"))?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

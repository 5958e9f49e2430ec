//! What is known of one user agent's text.

use ua_parser::{os, user_agent};

use super::{parsers::Parsers, part::Part};

/// Names and versions of browser, system and device.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) name: Part,
    pub(super) device: Part,
    pub(super) version: Option<Part>,
    pub(super) major: Option<Part>,
    pub(super) minor: Option<Part>,
    pub(super) patch: Option<Part>,
    pub(super) os_name: Part,
    pub(super) os_full: Part,
    pub(super) os_version: Option<Part>,
    pub(super) os_major: Option<Part>,
    pub(super) os_minor: Option<Part>,
    pub(super) os_patch: Option<Part>,
}

/// What uap's parsers say of what they do not know.
const OTHER: &str = "Other";

impl Agent {
    pub(super) fn parse(parsers: &Parsers, text: &str) -> Self {
        let agent = parsers.agent(text).unwrap_or_default();
        let system = parsers.system(text).unwrap_or_default();
        let device = parsers.device(text);
        let or_other = |name: &str| Part::of(if name.is_empty() { OTHER } else { name }, text);
        let part = |found: Option<&str>| found.map(|found| Part::of(found, text));
        let os_name = if system.os.is_empty() { OTHER } else { &*system.os };
        let os_version = os_version(&system);
        let os_full = match &os_version {
            Some(version) => format!("{os_name} {version}"),
            None => os_name.to_owned(),
        };
        Self {
            name: or_other(&agent.family),
            device: or_other(device.as_ref().map_or("", |device| &device.device)),
            version: part(version(&agent, text).as_deref()),
            major: part(agent.major),
            minor: part(agent.minor),
            patch: part(agent.patch),
            os_name: Part::of(os_name, text),
            os_full: Part::of(&os_full, text),
            os_version: part(os_version.as_deref()),
            os_major: part(system.major.as_deref()),
            os_minor: part(system.minor.as_deref()),
            os_patch: part(system.patch.as_deref()),
        }
    }
}

/// The parts joined by dots; a fourth one that the expressions leave out is taken from the text.
fn version(agent: &user_agent::ValueRef<'_>, text: &str) -> Option<String> {
    let mut version = agent.major?.to_owned();
    for part in [agent.minor, agent.patch, agent.patch_minor] {
        let Some(part) = part else { break };
        version.push('.');
        version.push_str(part);
    }
    if agent.minor.is_some() && agent.patch.is_some() && agent.patch_minor.is_none() {
        let more = text
            .split_once(version.as_str())
            .and_then(|(_, after)| after.strip_prefix('.')?.split_once(' '))
            .map(|(more, _)| more)
            .filter(|more| is_whole(more));
        if let Some(more) = more {
            version.push('.');
            version.push_str(more);
        }
    }
    Some(version)
}

/// `10.11.6`, but `Vista` and `XP` are followed by a space.
fn os_version(system: &os::ValueRef<'_>) -> Option<String> {
    let major = system.major.as_deref()?;
    let mut version = major.to_owned();
    let mut between = if is_whole(major) { '.' } else { ' ' };
    for part in [&system.minor, &system.patch, &system.patch_minor] {
        let Some(part) = part else { break };
        version.push(between);
        version.push_str(part);
        between = '.';
    }
    Some(version)
}

/// A whole number as it would be printed.
fn is_whole(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

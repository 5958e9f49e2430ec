//! What the agent's torture and the collector's storms share: the book of what was written, what arrived of it, the bad net, the full disk, and
//! what the environment says of how long it goes on.

pub(crate) mod arrivals;
pub(crate) mod book;
pub(crate) mod disk;
pub(crate) mod proxy;
pub(crate) mod world;

/// The seed that is to be repeated, or a new one.
pub(crate) fn seed() -> u64 {
    number("ALCES_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// How long a run goes on.
pub(crate) fn seconds() -> u64 {
    number("ALCES_TORTURE_SECONDS").unwrap_or(8)
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

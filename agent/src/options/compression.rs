//! How windows are packed.

/// How windows are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// With zstd for a collector of ours, with zlib for others.
    #[default]
    Auto,
    /// The same, with a warning for a collector that does not know our form.
    Zstd,
    /// With zlib at a level of 1 to 9.
    Zlib(u32),
    /// Not at all; a collector of ours still is sent our own form.
    None,
}

/// The level of zlib for collectors that know nothing better, as Filebeat's.
pub(super) const ZLIB: u32 = 3;

/// The level of zstd: a quarter of zlib's time at its level 3, and smaller. `benches/ship.rs` measures both.
const ZSTD: i32 = 1;

impl Compression {
    /// zlib at a level, 0 for none.
    #[must_use]
    pub fn zlib(level: u32) -> Self {
        if level == 0 { Self::None } else { Self::Zlib(level) }
    }

    /// What every collector reads; where nothing else is said, zlib at that level.
    pub(crate) fn for_anybody(self, zlib: u32) -> alces_lumberjack::Compression {
        match self {
            Self::Auto | Self::Zstd => alces_lumberjack::Compression::Zlib(library_level(zlib)),
            Self::Zlib(level) => alces_lumberjack::Compression::Zlib(library_level(level)),
            Self::None => alces_lumberjack::Compression::Plain,
        }
    }

    /// What a collector of ours is sent once it has said that it reads it.
    pub(crate) fn for_our_own(self) -> Option<alces_lumberjack::Compression> {
        match self {
            Self::Auto | Self::Zstd => Some(alces_lumberjack::Compression::Zstd(ZSTD)),
            Self::Zlib(_) => None,
            Self::None => Some(alces_lumberjack::Compression::Records),
        }
    }
}

/// The level of our library (libdeflate) that does what people know a level of zlib for: it packs smaller at each of its own. Access lines, with
/// all of their documents, become 64 bytes each at Filebeat's level 3, which is that of Go's library, and 57 at our library's 1.
fn library_level(level: u32) -> u32 {
    level.saturating_sub(2).max(1)
}

//! What those who work on the store may ask of this test, by its environment.
#![allow(clippy::disallowed_methods, reason = "a test's own settings, read in one place")]

/// All of it.
pub struct Wishes {
    /// `ALCES_OPENSEARCH`: an engine that runs already, for those who do not want to wait for one.
    pub opensearch: Option<String>,
    /// `ALCES_SCENARIO`: only the files whose names contain this.
    pub scenario: Option<String>,
    /// `ALCES_RANDOM`: so many random rounds, others each time.
    pub rounds: Option<u32>,
    /// `UPDATE`: write the page anew.
    pub update: bool,
}

impl Wishes {
    pub fn read() -> Self {
        let text = |name| std::env::var(name).ok();
        Self {
            opensearch: text("ALCES_OPENSEARCH"),
            scenario: text("ALCES_SCENARIO"),
            rounds: text("ALCES_RANDOM").map(|rounds| rounds.parse().unwrap()),
            update: text("UPDATE").is_some(),
        }
    }
}

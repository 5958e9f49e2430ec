//! uap-core's expressions, each compiled when the first text gets as far as to it.
//!
//! There are 1,200, and the traffic of one site wants a few dozen. Compiling all of them takes 80 ms and 30 MB.
//! [`ua_parser::Extractor`] does that at once; here it is asked for one expression at a time. Which ones may match a text is
//! told by the literals that they need, as in `regex-filtered`, whose parts these are (hidden in its docs, so a new version of it
//! is to be looked at).

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex_filtered::{mapper, model::Model};
use ua_parser::{Regexes, device, os, user_agent};

/// What a `regexes.yaml` says.
pub(super) struct Parsers {
    agents: List<user_agent::Extractor<'static>>,
    systems: List<os::Extractor<'static>>,
    devices: List<device::Extractor<'static>>,
}

impl Parsers {
    /// Reads the file's text; the expressions in it are not compiled yet.
    pub(super) fn read(yaml: &str) -> Result<Self, String> {
        let Regexes { user_agent_parsers, os_parsers, device_parsers } =
            serde_saphyr::from_str::<Regexes<'static>>(yaml).map_err(|error| error.to_string())?;
        let mut agents = Builder::new(3);
        for parser in user_agent_parsers {
            agents.push(&parser.regex.clone(), false, move || {
                user_agent::Builder::new().push(parser).map_err(text)?.build().map_err(text)
            })?;
        }
        let mut systems = Builder::new(3);
        for parser in os_parsers {
            systems.push(&parser.regex.clone(), false, move || {
                os::Builder::new().push(parser).map_err(text)?.build().map_err(text)
            })?;
        }
        // As ua_parser: many devices are told by two letters.
        let mut devices = Builder::new(2);
        for parser in device_parsers {
            let any_case = parser.regex_flag == Some(device::Flag::IgnoreCase);
            devices.push(&parser.regex.clone(), any_case, move || {
                device::Builder::new().push(parser).map_err(text)?.build().map_err(text)
            })?;
        }
        Ok(Self { agents: agents.build()?, systems: systems.build()?, devices: devices.build()? })
    }

    /// Compiles all of them now.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(super) fn compile_all(&self) -> Result<(), String> {
        self.agents.compile_all()?;
        self.systems.compile_all()?;
        self.devices.compile_all()
    }

    pub(super) fn agent<'a>(&'a self, text: &'a str) -> Option<user_agent::ValueRef<'a>> {
        self.agents.first(text, |extractor| extractor.extract(text))
    }

    pub(super) fn system<'a>(&'a self, text: &'a str) -> Option<os::ValueRef<'a>> {
        self.systems.first(text, |extractor| extractor.extract(text))
    }

    pub(super) fn device<'a>(&'a self, text: &'a str) -> Option<device::ValueRef<'a>> {
        self.devices.first(text, |extractor| extractor.extract(text))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

type Compile<E> = Box<dyn FnOnce() -> Result<E, String> + Send>;

/// Expressions in their order; the first that matches counts.
struct List<E> {
    literals: AhoCorasick,
    candidates: mapper::Mapper,
    parsers: Vec<LazyLock<Result<E, String>, Compile<E>>>,
}

impl<E> List<E> {
    fn first<'a, V>(&'a self, text: &str, extract: impl Fn(&'a E) -> Option<V>) -> Option<V> {
        let found = self.literals.find_overlapping_iter(text).map(|found| found.pattern().as_usize());
        self.candidates
            .atom_to_re(found)
            .into_iter()
            .filter_map(|index| self.parsers.get(index)?.as_ref().ok())
            .find_map(extract)
    }

    fn compile_all(&self) -> Result<(), String> {
        self.parsers.iter().try_for_each(|parser| parser.as_ref().map(drop).map_err(String::clone))
    }
}

struct Builder<E> {
    candidates: mapper::Builder,
    parsers: Vec<LazyLock<Result<E, String>, Compile<E>>>,
}

impl<E> Builder<E> {
    /// Literals shorter than `shortest` bytes tell nothing.
    fn new(shortest: usize) -> Self {
        Self { candidates: mapper::Builder::new(shortest), parsers: Vec::new() }
    }

    fn push(
        &mut self,
        regex: &str,
        any_case: bool,
        compile: impl FnOnce() -> Result<E, String> + Send + 'static,
    ) -> Result<(), String> {
        let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(any_case).build();
        let syntax = parser.parse(regex).map_err(text)?;
        self.candidates.push(Model::new(&syntax).map_err(text)?);
        self.parsers.push(LazyLock::new(Box::new(compile)));
        Ok(())
    }

    fn build(self) -> Result<List<E>, String> {
        let (candidates, literals) = self.candidates.build();
        let literals = AhoCorasick::builder().ascii_case_insensitive(true).build(literals).map_err(text)?;
        Ok(List { literals, candidates, parsers: self.parsers })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Read as _};

    use super::{super::REGEXES, *};

    #[test]
    fn every_built_in_expression_compiles() {
        Parsers::read(REGEXES).unwrap().compile_all().unwrap();
    }

    #[test]
    fn one_at_a_time_they_find_what_they_find_together() {
        let log = std::fs::File::open("../../data/apache_access_10k.log.gz").unwrap();
        let mut lines = String::new();
        flate2::read::GzDecoder::new(log).read_to_string(&mut lines).unwrap();
        let agents: BTreeSet<_> = lines.lines().filter_map(|line| line.rsplit('"').nth(1)).collect();
        assert!(agents.len() > 500, "{}", agents.len());
        let together =
            ua_parser::Extractor::try_from(serde_saphyr::from_str::<Regexes<'_>>(REGEXES).unwrap()).unwrap();
        let parsers = Parsers::read(REGEXES).unwrap();
        for text in agents {
            let (agent, system, device) = together.extract(text);
            assert_eq!(parsers.agent(text), agent, "{text}");
            assert_eq!(parsers.system(text), system, "{text}");
            assert_eq!(parsers.device(text), device, "{text}");
        }
    }
}

//! What stands in the place of what was found.

use alces_conf::{Options, Spanned};

use super::find::{Kind, Span};
use crate::digest::{Algorithm, Digest, Print};

/// A replacement with places for the kind and the pseudonym.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    parts: Vec<Part>,
    /// None: masked.
    digest: Option<Digest>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Kind,
    Hash,
}

/// How much of the digest a pseudonym has: enough that no two people share one, and short to read.
const DIGITS: usize = 16;

impl Replacement {
    pub(crate) fn read(options: &mut Options<'_>) -> Option<Self> {
        let is_hash = options.choice("method", &[("mask", false), ("hash", true)]);
        let written = options.text("replace");
        let key = options.text("key");
        let is_hash = if options.is_given("method") { is_hash? } else { false };
        let digest = match (is_hash, key) {
            (true, Some(key)) if !key.node.is_empty() => {
                Some(Digest::new(Algorithm::Sha256, Some(&key.node), Print::Hex)?)
            }
            (true, _) => {
                let span = options.plugin_span();
                options.error_with_help(
                    &span,
                    "`method => hash` wants a `key`",
                    "without a secret key the values can be guessed again; write as in `key => \"${REDACT_KEY}\"`",
                );
                return None;
            }
            (false, Some(key)) => {
                options.error_with_help(
                    &key.span,
                    "a `key` has no use where values are masked",
                    "write `method => hash` to keep pseudonyms",
                );
                return None;
            }
            (false, None) => None,
        };
        let parts = match written {
            Some(written) => parts(options, &written, is_hash)?,
            None if is_hash => {
                vec![
                    Part::Text("[".into()),
                    Part::Kind,
                    Part::Text(":".into()),
                    Part::Hash,
                    Part::Text("]".into()),
                ]
            }
            None => vec![Part::Text("[".into()), Part::Kind, Part::Text("]".into())],
        };
        Some(Self { parts, digest })
    }

    /// The text with all that was found replaced.
    pub(crate) fn apply(&self, text: &str, spans: &[Span]) -> String {
        let mut out = String::with_capacity(text.len() + 16 * spans.len());
        let mut at = 0;
        for span in spans {
            out.push_str(text.get(at..span.start).unwrap_or_default());
            let found = text.get(span.start..span.end).unwrap_or_default();
            for part in &self.parts {
                match part {
                    Part::Text(text) => out.push_str(text),
                    Part::Kind => out.push_str(span.kind.name()),
                    Part::Hash => {
                        if let Some(digest) = &self.digest {
                            let digest = digest.of(&plain(found, span.kind));
                            out.push_str(digest.get(..DIGITS).unwrap_or_default());
                        }
                    }
                }
            }
            at = span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// The same in all its spellings, so that it has one pseudonym.
fn plain(found: &str, kind: Kind) -> String {
    match kind {
        Kind::Email => found.replace("%40", "@").to_lowercase(),
        Kind::Ipv6 => found
            .parse::<std::net::Ipv6Addr>()
            .map_or_else(|_| found.to_owned(), |address| address.to_string()),
        Kind::Card => found.chars().filter(char::is_ascii_digit).collect(),
        Kind::Phone => found.replace("(0)", "").chars().filter(char::is_ascii_digit).collect(),
        Kind::Token | Kind::Ipv4 => found.to_owned(),
    }
}

fn parts(options: &mut Options<'_>, written: &Spanned<String>, is_hash: bool) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = written.node.as_str();
    while let Some((text, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        parts.push(Part::Text(text.to_owned()));
        parts.push(match name {
            "kind" => Part::Kind,
            "hash" if is_hash => Part::Hash,
            _ => {
                let known = if is_hash {
                    "`{kind}` and `{hash}`"
                } else {
                    "`{kind}`; `{hash}` with `method => hash`"
                };
                options.error_with_help(
                    &written.span,
                    format!("`replace` knows no `{{{name}}}`"),
                    format!("it knows {known}"),
                );
                return None;
            }
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    if is_hash && !parts.iter().any(|part| matches!(part, Part::Hash)) {
        options.error(
            &written.span,
            "with `method => hash` the replacement wants `{hash}`, as in `[{kind}:{hash}]`",
        );
        return None;
    }
    Some(parts)
}

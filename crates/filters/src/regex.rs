//! Ruby's regular expressions as options carry them, and what replaces their matches.

use fancy_regex::{Captures, Regex, RegexBuilder};

/// Steps back before a match is given up, so that no pattern stalls a worker.
const BACKTRACKS: usize = 1_000_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

/// Where the groups of a match stand; `None` for one that took no part.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

/// A pattern was given up: it explodes on this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GaveUp;

impl Pattern {
    /// Reads Ruby's dialect: `^` and `$` are the ends of lines, `\d \w \s` are ASCII, `(?m)` is what others call `(?s)`.
    pub(crate) fn compile(ruby: &str) -> Result<Self, String> {
        let broken = |reason: String| format!("the regular expression is broken: {reason}");
        alces_grok::check_references(ruby).map_err(broken)?;
        RegexBuilder::new(&format!("(?m){}", translate(ruby)))
            .backtrack_limit(BACKTRACKS)
            .build()
            .map(Self)
            .map_err(|error| broken(error.to_string()))
    }

    /// The first match at or after a byte.
    pub(crate) fn find(&self, text: &str, from: usize) -> Result<Option<(usize, usize)>, GaveUp> {
        let found = self.0.find_from_pos(text, from).map_err(|_| GaveUp)?;
        Ok(found.map(|found| (found.start(), found.end())))
    }

    /// The groups of the first match at or after a byte; the first is the match itself.
    pub(crate) fn groups(&self, text: &str, from: usize) -> Result<Option<Groups>, GaveUp> {
        let found = self.0.captures_from_pos(text, from).map_err(|_| GaveUp)?;
        Ok(found.map(|captures| captures.iter().map(|group| group.map(|g| (g.start(), g.end()))).collect()))
    }

    /// Ruby's `gsub`; `None` where nothing matches.
    pub(crate) fn replace_all(&self, text: &str, with: &Replacement) -> Result<Option<String>, GaveUp> {
        self.replace(
            text,
            |out, found| {
                match found {
                    Found::Span => {}
                    Found::Captures(captures) => return with.expand(out, text, captures),
                }
                out.push_str(with.literal().unwrap_or_default());
            },
            with.literal().is_none(),
            usize::MAX,
        )
    }

    /// Ruby's `sub`; `None` where nothing matches.
    pub(crate) fn replace_first(&self, text: &str, with: &Replacement) -> Result<Option<String>, GaveUp> {
        let put = |out: &mut String, found: Found<'_, '_>| {
            if let Found::Captures(captures) = found {
                with.expand(out, text, captures);
            }
        };
        self.replace(text, put, true, 1)
    }

    fn replace(
        &self,
        text: &str,
        put: impl Fn(&mut String, Found<'_, '_>),
        captures: bool,
        most: usize,
    ) -> Result<Option<String>, GaveUp> {
        let mut out = String::new();
        let (mut copied, mut at, mut any) = (0, 0, 0);
        while at <= text.len() && any < most {
            let (start, end);
            if captures {
                let Some(found) = self.0.captures_from_pos(text, at).map_err(|_| GaveUp)? else { break };
                let Some(whole) = found.get(0) else { break };
                (start, end) = (whole.start(), whole.end());
                out.push_str(text.get(copied..start).unwrap_or_default());
                put(&mut out, Found::Captures(&found));
            } else {
                let Some(found) = self.find(text, at)? else { break };
                (start, end) = found;
                out.push_str(text.get(copied..start).unwrap_or_default());
                put(&mut out, Found::Span);
            }
            any += 1;
            copied = end;
            // After nothing the next letter is passed over. After something nothing may follow at once: `b*` in `abc` matches
            // `b` and then the place before `c`, in Ruby.
            at = if start == end {
                end + text.get(end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            } else {
                end
            };
        }
        if any == 0 {
            return Ok(None);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(Some(out))
    }
}

enum Found<'c, 't> {
    Span,
    Captures(&'c Captures<'t, str>),
}

/// What stands in place of a match: `\1`, `\k<name>`, `\0` and `\&` are what was matched, `\\` is a backslash.
#[derive(Clone, Debug)]
pub(crate) struct Replacement(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Group(usize),
    Name(String),
    Before,
    After,
}

impl Replacement {
    pub(crate) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            plain.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let Some(next) = after.chars().next() else {
                plain.push('\\');
                rest = "";
                break;
            };
            let mut tail = &after[next.len_utf8()..];
            let piece = match next {
                '0'..='9' => Some(Piece::Group(next as usize - '0' as usize)),
                '&' => Some(Piece::Group(0)),
                '`' => Some(Piece::Before),
                '\'' => Some(Piece::After),
                'k' => tail.strip_prefix('<').and_then(|name| name.split_once('>')).map(|(name, after)| {
                    tail = after;
                    name.parse().map_or_else(|_| Piece::Name(name.to_owned()), Piece::Group)
                }),
                _ => None,
            };
            match piece {
                Some(piece) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(piece);
                }
                None if next == '\\' => plain.push('\\'),
                None => {
                    plain.push('\\');
                    plain.push(next);
                }
            }
            rest = tail;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self(pieces)
    }

    fn literal(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn expand(&self, out: &mut String, text: &str, captures: &Captures<'_, str>) {
        let whole = captures.get(0).map_or(0..0, |whole| whole.start()..whole.end());
        for piece in &self.0 {
            let part = match piece {
                Piece::Text(part) => Some(part.as_str()),
                Piece::Group(number) => captures.get(*number).map(|group| group.as_str()),
                Piece::Name(name) => captures.name(name).map(|group| group.as_str()),
                Piece::Before => text.get(..whole.start),
                Piece::After => text.get(whole.end..),
            };
            out.push_str(part.unwrap_or_default());
        }
    }
}

/// Ruby's dialect in that of `fancy-regex`.
fn translate(ruby: &str) -> String {
    let mut out = String::with_capacity(ruby.len() + 16);
    let mut depth = 0_usize;
    // What was last put inside a class, for `--`.
    let mut last = ' ';
    let mut rest = ruby;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let Some(next) = rest.chars().next() else {
                    out.push('\\');
                    break;
                };
                rest = &rest[next.len_utf8()..];
                escape(&mut out, next, depth > 0);
                last = next;
                continue;
            }
            '[' if depth > 0 && rest.starts_with(':') => match posix(rest) {
                Some((class, after)) => {
                    out.push_str(class);
                    rest = after;
                }
                None => out.push_str("\\["),
            },
            '[' => {
                depth += 1;
                out.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                // A bracket that closes at once stands for itself.
                if let Some(after) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = after;
                }
                last = '[';
                continue;
            }
            ']' if depth > 0 => {
                depth -= 1;
                out.push(']');
            }
            // These are operators of classes in Rust's engine and plain letters in Ruby's.
            '~' if depth > 0 => out.push_str("\\~"),
            '-' if depth > 0 && last == '-' => out.push_str("\\-"),
            '(' if depth == 0 && rest.starts_with('?') => {
                out.push('(');
                rest = flags(&mut out, rest);
            }
            _ => out.push(c),
        }
        last = c;
    }
    out
}

/// `?m-i:` and `?m)`: Ruby's `m` is the `s` of others.
fn flags<'r>(out: &mut String, rest: &'r str) -> &'r str {
    let end = rest[1..].find(|c: char| !"imxuads-".contains(c)).map_or(rest.len(), |at| at + 1);
    let letters = &rest[1..end];
    if letters.is_empty() || !rest[end..].starts_with([':', ')']) {
        return rest;
    }
    out.push('?');
    out.extend(letters.chars().filter(|c| "imx-".contains(*c)).map(|c| if c == 'm' { 's' } else { c }));
    &rest[end..]
}

fn escape(out: &mut String, next: char, in_class: bool) {
    let (inside, outside) = match next {
        'd' => ("0-9", "[0-9]"),
        'w' => ("0-9A-Za-z_", "[0-9A-Za-z_]"),
        's' => (" \\t\\n\\x0b\\x0c\\r", "[ \\t\\n\\x0b\\x0c\\r]"),
        'h' => ("0-9A-Fa-f", "[0-9A-Fa-f]"),
        'D' => ("[^0-9]", "[^0-9]"),
        'W' => ("[^0-9A-Za-z_]", "[^0-9A-Za-z_]"),
        'S' => ("[^ \\t\\n\\x0b\\x0c\\r]", "[^ \\t\\n\\x0b\\x0c\\r]"),
        'H' => ("[^0-9A-Fa-f]", "[^0-9A-Fa-f]"),
        ' ' => ("\\x20", "\\x20"),
        // Rust's engine knows no escape for these, or another one.
        '_' | '\'' | '"' | '`' | '@' | '%' | '!' | ',' | '=' | ';' | '/' | ':' | '<' | '>' => {
            out.push(next);
            return;
        }
        _ => {
            out.push('\\');
            out.push(next);
            return;
        }
    };
    out.push_str(if in_class { inside } else { outside });
}

/// `[:alpha:]` is Unicode in Ruby and ASCII in Rust's engine.
fn posix(rest: &str) -> Option<(&'static str, &str)> {
    let (name, after) = rest.strip_prefix(':')?.split_once(":]")?;
    let class = match name {
        "alpha" => r"\p{Alphabetic}",
        "^alpha" => r"\P{Alphabetic}",
        "digit" => r"\p{Nd}",
        "^digit" => r"\P{Nd}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "^alnum" => r"[^\p{Alphabetic}\p{Nd}]",
        "upper" => r"\p{Uppercase}",
        "^upper" => r"\P{Uppercase}",
        "lower" => r"\p{Lowercase}",
        "^lower" => r"\P{Lowercase}",
        "space" => r"\s",
        "^space" => r"\S",
        "word" => r"\w",
        "^word" => r"\W",
        "punct" => r"\p{P}$+<=>\^`|\~",
        "^punct" => r"[^\p{P}$+<=>\^`|\~]",
        "blank" => r"\p{Zs}\t",
        "cntrl" => r"\p{Cc}",
        "xdigit" => "0-9A-Fa-f",
        "graph" => r"[^\s\p{Cc}\p{Cn}\p{Cs}]",
        "print" => r"[^\p{Cc}\p{Cn}\p{Cs}]",
        "ascii" => r"\x00-\x7f",
        _ => return None,
    };
    Some((class, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(regex: &str, replacement: &str, text: &str, expect: &str) {
        let pattern = Pattern::compile(regex).unwrap();
        let replaced = pattern.replace_all(text, &Replacement::parse(replacement)).unwrap();
        assert_eq!(replaced.as_deref().unwrap_or(text), expect, "{regex} in {text}");
    }

    #[test]
    fn gsub_as_in_ruby() {
        check("/", "_", "a/b/c", "a_b_c");
        check(r"[\\?#-]", ".", r"a\b?c#d-e", "a.b.c.d.e");
        check(r"(\d+)-(\d+)", r"\2-\1", "1-2 3-4", "2-1 4-3");
        check(r"(?<day>\d+)", r"<\k<day>>", "a1b22", "a<1>b<22>");
        check("b", r"[\0\&]\\x\q", "abc", r"a[bb]\x\qc");
        check("b", r"(\`|\')", "abc", "a(a|c)c");
        check("x*", "-", "abc", "-a-b-c-");
        check("b*", "-", "abc", "-a--c-");
        check("é", "$1", "été", "$1t$1");
        check("", "-", "ß", "-ß-");
        check("nothing", "-", "abc", "abc");
    }

    #[test]
    fn the_dialect_is_rubys() {
        // Line ends, and a dot that knows no newline unless told.
        check("^", "> ", "a\nb", "> a\n> b");
        check(r"a.b", "-", "a\nb", "a\nb");
        check(r"(?m:a.b)", "-", "a\nb", "-");
        check(r"(?mi)A.B", "-", "a\nb", "-");
        check(r"\Aa|b\z", "-", "ab\nab", "-b\na-");
        // ASCII classes and Unicode ones.
        check(r"\w", "-", "aé", "-é");
        check(r"[[:alpha:]]", "-", "aé1", "--1");
        check(r"[[:punct:]]", "-", "a.b$", "a-b-");
        check(r"\h+", "-", "zfFz", "z-z");
        // Letters that are operators elsewhere.
        check(r"[+--]", "_", "+,-", "___");
        check(r"[a~~b]", "_", "~b", "__");
        check(r"\<\/\>", "_", "</>", "_");
        check("[]a]", "_", "]a", "__");
        // What only a backtracking engine does.
        check(r"(?<=a)b", "-", "ab bb", "a- bb");
        check(r"(.)\1", "-", "aabb", "--");
    }

    #[test]
    fn a_broken_or_exploding_pattern_is_said() {
        assert!(Pattern::compile("(").unwrap_err().starts_with("the regular expression is broken"));
        let pattern = Pattern::compile(r"(?:(a|aa)+)+\1(?<!a)c").unwrap();
        let text = format!("{}c", "a".repeat(60));
        assert_eq!(pattern.replace_all(&text, &Replacement::parse("")), Err(GaveUp));
    }
}

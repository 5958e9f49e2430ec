//! A line cut into what a person sees in it: times, addresses, numbers, words, marks.

use alces_grok::{Grok, Outcome, PatternSet, Spans};

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'l> {
    pub(crate) kind: Kind,
    pub(crate) text: &'l str,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A time, in the writing of this entry of [`TIMES`].
    Time(usize),
    Ip,
    Uuid,
    Mac,
    Email,
    Uri,
    Path,
    Level,
    Int,
    Number,
    /// In double or single quotes, with them.
    Quoted(char),
    /// A word with `=` behind it.
    Key,
    Word,
    Space,
    /// Any other character.
    Mark(char),
}

/// The ways that times are written, each as a pattern; the longer before what they contain.
pub(crate) const TIMES: [&str; 14] = [
    "%{TIMESTAMP_ISO8601}",
    "%{HTTPDATE}",
    "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME}",
    "%{YEAR}/%{MONTHNUM}/%{MONTHDAY} %{TIME}",
    "%{HTTPDERROR_DATE}",
    "%{DATESTAMP_RFC2822}",
    "%{DATESTAMP_OTHER}",
    "%{MONTHDAY} %{MONTH} %{YEAR} %{TIME}",
    "%{MONTHDAY} %{MONTH} %{TIME}",
    "%{SYSLOGTIMESTAMP}",
    "%{DATESTAMP}",
    "[0-9]{6} +%{TIME}",
    "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}",
    "%{TIME}",
];

/// Cuts lines, with the real engine.
pub(crate) struct Tokenizer {
    kinds: Vec<(Kind, Grok)>,
    spans: Spans,
}

impl Tokenizer {
    pub(crate) fn new(set: &PatternSet) -> Self {
        let times = TIMES.iter().enumerate().map(|(at, time)| (Kind::Time(at), format!(r"(?:{time})(?!\w)")));
        let others = [
            (Kind::Uuid, r"%{UUID}(?!\w)"),
            (Kind::Mac, r"%{MAC}(?![\w:])"),
            (Kind::Ip, r"%{IP}(?![\w.]\w)"),
            (Kind::Uri, r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>()\[\]]+"#),
            (Kind::Email, r"%{EMAILADDRESS}(?!\w)"),
            (Kind::Level, r"%{LOGLEVEL}(?![\w.-])"),
            (Kind::Int, r"%{INT}(?![\w/]|[.-]\w)"),
            (Kind::Number, r"%{BASE10NUM}(?![\w/]|[.-]\w)"),
            (Kind::Quoted('"'), r#""(?:[^"\\]|\\.)*""#),
            // Not an apostrophe.
            (Kind::Quoted('\''), r"'[^']*'(?!\w)"),
            (Kind::Path, r#"/[^\s"'<>()\[\],;:]+"#),
            (Kind::Key, r"[A-Za-z_](?:[\w.-]*\w)?(?==)"),
            (Kind::Word, r"\w(?:[\w.@$+/-]*\w)?"),
            (Kind::Space, r"\s+"),
        ];
        let others = others.into_iter().map(|(kind, pattern)| (kind, pattern.to_owned()));
        let compile = |(kind, pattern): (Kind, String)| {
            // A set without one of the names does without that kind.
            Some((kind, Grok::compile(set, &format!(r"\A(?<token>{pattern})")).ok()?))
        };
        Self { kinds: times.chain(others).filter_map(compile).collect(), spans: Spans::default() }
    }

    /// The parts of a line; together they are the line.
    pub(crate) fn cut<'l>(&mut self, line: &'l str) -> Vec<Token<'l>> {
        let mut tokens = Vec::new();
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let after_word = tokens.last().is_some_and(|token: &Token<'_>| token.kind == Kind::Word);
            let (kind, length) = self.next(rest, first, after_word);
            let (text, after) = rest.split_at(length);
            tokens.push(Token { kind, text });
            rest = after;
        }
        tokens
    }

    fn next(&mut self, rest: &str, first: char, after_word: bool) -> (Kind, usize) {
        for (kind, grok) in &self.kinds {
            if after_word && *kind == Kind::Quoted('\'') {
                continue;
            }
            if grok.matches(rest, &mut self.spans) == Outcome::Match
                && let Some((0, end)) = self.spans.get(0)
                && end > 0
            {
                return (*kind, end);
            }
        }
        (Kind::Mark(first), first.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> String {
        let tokens = Tokenizer::new(&PatternSet::ecs_v1()).cut(line);
        assert_eq!(tokens.iter().map(|t| t.text).collect::<String>(), line);
        let seen = tokens.iter().filter(|t| t.kind != Kind::Space);
        seen.map(|t| format!("{:?} {}", t.kind, t.text)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_application() {
        insta::assert_snapshot!(check("[2018-05-17T08:29:12,177][INFO ][o.e.Node] user=bob took 32.4gb 0.5 s, wasn't at 10.0.0.1:80"), @r"
        Mark('[') [
        Time(0) 2018-05-17T08:29:12,177
        Mark(']') ]
        Mark('[') [
        Level INFO
        Mark(']') ]
        Mark('[') [
        Word o.e.Node
        Mark(']') ]
        Key user
        Mark('=') =
        Word bob
        Word took
        Word 32.4gb
        Number 0.5
        Word s
        Mark(',') ,
        Word wasn
        Mark('\'') '
        Word t
        Word at
        Ip 10.0.0.1
        Mark(':') :
        Int 80
        ");
    }

    #[test]
    fn times_paths_and_quotes() {
        insta::assert_snapshot!(check(r#"30 May 10:05:20 161209 14:18:50 "GET /" 'a b' /var/log/x.log: http://x/y?z 5.7.10"#), @r#"
        Time(8) 30 May 10:05:20
        Time(11) 161209 14:18:50
        Quoted('"') "GET /"
        Quoted('\'') 'a b'
        Path /var/log/x.log
        Mark(':') :
        Uri http://x/y?z
        Word 5.7.10
        "#);
    }
}

//! Columns written as a pattern.

use super::{
    align::{Column, What, is_constant},
    names::Names,
    token::{Kind, TIMES},
};

/// The pattern for columns; without anchors.
pub(crate) fn pattern(columns: &[Column<'_>], names: &mut Names) -> String {
    let mut out = String::new();
    for at in 0..columns.len() {
        out.push_str(&column(columns, at, names));
    }
    out
}

fn column(columns: &[Column<'_>], at: usize, names: &mut Names) -> String {
    let here = &columns[at];
    let first = here.texts.first().copied().unwrap_or_default();
    match here.what {
        What::Same(Kind::Mark(_) | Kind::Key) => escape(first),
        What::Same(Kind::Word) if is_constant(here) && !follows_key(columns, at) => escape(first),
        // Padding: it is shorter or not there where the value is longer.
        What::Same(Kind::Space) if closes(columns.get(at + 1)) => "%{SPACE}".to_owned(),
        What::Same(Kind::Space) if is_constant(here) && first.len() == 1 => escape(first),
        What::Same(Kind::Space) => r"\s+".to_owned(),
        What::PerhapsSpace => "%{SPACE}".to_owned(),
        What::Same(Kind::Quoted(quote)) => quoted(columns, at, quote, names),
        What::Same(kind) => value(columns, at, kind, names),
        What::OrDash(kind) => format!("(?:-|{})", value(columns, at, kind, names)),
        What::Mixed => text(columns, at, &name(columns, at, names)),
        What::Enclosed => format!("%{{DATA:{}}}", name(columns, at, names)),
        What::Rest => format!("%{{GREEDYDATA:{}}}", names.fixed("message")),
    }
}

/// Whether a column is what a key stands for; that is a value even where all lines have the same.
fn follows_key(columns: &[Column<'_>], at: usize) -> bool {
    at >= 2 && matches!(columns[at - 2].what, What::Same(Kind::Key))
}

/// Whether a column is a bracket that closes.
fn closes(column: Option<&Column<'_>>) -> bool {
    column.is_some_and(|column| matches!(column.what, What::Same(Kind::Mark(']' | ')' | '}' | '>'))))
}

fn value(columns: &[Column<'_>], at: usize, kind: Kind, names: &mut Names) -> String {
    match kind {
        Kind::Time(way) => {
            let way = TIMES[way];
            let name = names.fixed(match way {
                "%{TIME}" => "time",
                way if way.contains("TIME") || way.contains("DATE") => "timestamp",
                _ => "date",
            });
            match way.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}')) {
                Some(sole) if !sole.contains('%') => format!("%{{{sole}:{name}}}"),
                _ => format!("(?<{name}>{way})"),
            }
        }
        Kind::Level => format!("%{{LOGLEVEL:{}}}", names.fixed("loglevel")),
        Kind::Ip => {
            let name = label(columns, at, names).unwrap_or_else(|| names.fixed("client_ip"));
            format!("%{{IP:{name}}}")
        }
        Kind::Uuid => {
            format!("%{{UUID:{}}}", label(columns, at, names).unwrap_or_else(|| names.fixed("uuid")))
        }
        Kind::Mac => format!("%{{MAC:{}}}", label(columns, at, names).unwrap_or_else(|| names.fixed("mac"))),
        Kind::Email => {
            let name = label(columns, at, names).unwrap_or_else(|| names.fixed("email"));
            format!("%{{EMAILADDRESS:{name}}}")
        }
        Kind::Uri => text(columns, at, &label(columns, at, names).unwrap_or_else(|| names.fixed("uri"))),
        Kind::Path => text(columns, at, &label(columns, at, names).unwrap_or_else(|| names.fixed("path"))),
        Kind::Int | Kind::Number => number(&columns[at], &name(columns, at, names)),
        _ => text(columns, at, &name(columns, at, names)),
    }
}

fn number(column: &Column<'_>, name: &str) -> String {
    let digits = |text: &str| text.trim_start_matches(['+', '-']).to_owned();
    let texts: Vec<&str> = column.texts.iter().copied().filter(|text| *text != "-").collect();
    if texts.iter().any(|text| text.contains('.')) {
        return format!("%{{NUMBER:{name}:float}}");
    }
    // `007` and a card's number are names made of digits.
    let plain = texts
        .iter()
        .all(|text| digits(text).len() <= 18 && (digits(text).len() == 1 || !digits(text).starts_with('0')));
    format!("%{{INT:{name}{}}}", if plain { ":int" } else { "" })
}

/// Text without spaces, as narrow as what stands there allows.
fn text(columns: &[Column<'_>], at: usize, name: &str) -> String {
    let word = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let before_space = columns
        .get(at + 1)
        .is_none_or(|next| matches!(next.what, What::Same(Kind::Space) | What::PerhapsSpace | What::Rest));
    let here = &columns[at];
    let pattern = if here.what != What::OrDash(Kind::Word) && here.texts.iter().all(word) {
        "WORD"
    } else if before_space {
        "NOTSPACE"
    } else {
        "DATA"
    };
    format!("%{{{pattern}:{name}}}")
}

fn quoted(columns: &[Column<'_>], at: usize, quote: char, names: &mut Names) -> String {
    let here = &columns[at];
    if is_request(here) {
        let (verb, request, version) =
            (names.fixed("verb"), names.fixed("request"), names.fixed("httpversion"));
        return format!("{quote}%{{WORD:{verb}}} %{{NOTSPACE:{request}}} HTTP/%{{NUMBER:{version}}}{quote}");
    }
    let name = name(columns, at, names);
    // With an escaped quote inside, the quotes stay in the value.
    // `"0.003"`, and `"-"` where there is none.
    let inner: Vec<&str> = here.texts.iter().map(|text| text.trim_matches(quote)).collect();
    let dash = inner.contains(&"-");
    let is_number =
        |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.parse::<f64>().is_ok();
    if inner.iter().all(|text| *text == "-" || is_number(text)) && inner.iter().any(is_number) {
        let number = number(&Column { what: here.what, texts: inner }, &name);
        return if dash {
            format!("{quote}(?:-|{number}){quote}")
        } else {
            format!("{quote}{number}{quote}")
        };
    }
    if here.texts.iter().any(|text| text.contains('\\')) {
        return format!("%{{QS:{name}}}");
    }
    format!("{quote}%{{DATA:{name}}}{quote}")
}

fn name(columns: &[Column<'_>], at: usize, names: &mut Names) -> String {
    let what = |back: usize| at.checked_sub(back).map(|at| columns[at].what);
    let number = matches!(columns[at].what, What::Same(Kind::Int));
    // `sshd[3402]`, `10.0.0.1:80`.
    if number
        && what(1) == Some(What::Same(Kind::Mark('[')))
        && matches!(what(2), Some(What::Same(Kind::Word) | What::Mixed))
    {
        return names.fixed("pid");
    }
    if number && what(1) == Some(What::Same(Kind::Mark(':'))) && what(2) == Some(What::Same(Kind::Ip)) {
        return names.fixed("port");
    }
    // `54053#0` of nginx.
    let hash = |column: Option<&Column<'_>>| column.is_some_and(|c| c.what == What::Same(Kind::Mark('#')));
    if number && hash(columns.get(at + 1)) {
        return names.fixed("pid");
    }
    if number && what(1) == Some(What::Same(Kind::Mark('#'))) && what(2) == Some(What::Same(Kind::Int)) {
        return names.fixed("tid");
    }
    if let Some(name) = label(columns, at, names) {
        return name;
    }
    match after_request(columns, at) {
        Some(name) => names.fixed(name),
        None if is_class_name(&columns[at]) => names.fixed("class"),
        None => names.numbered(),
    }
}

/// A request of HTTP in quotes.
fn is_request(column: &Column<'_>) -> bool {
    let What::Same(Kind::Quoted(quote)) = column.what else { return false };
    column.texts.iter().all(|text| {
        let words: Vec<&str> = text.trim_matches(quote).split(' ').collect();
        matches!(words[..], [verb, _, version]
            if verb.len() > 2 && verb.bytes().all(|b| b.is_ascii_uppercase()) && version.starts_with("HTTP/"))
    })
}

/// What usually follows a request, in this order.
fn after_request(columns: &[Column<'_>], at: usize) -> Option<&'static str> {
    let request = columns[..at].iter().position(is_request)?;
    let number = |column: &Column<'_>| matches!(column.what, What::Same(Kind::Int) | What::OrDash(Kind::Int));
    let quoted = |column: &Column<'_>| matches!(column.what, What::Same(Kind::Quoted(_)));
    let between = &columns[request + 1..at];
    if number(&columns[at]) {
        let texts = || columns[at].texts.iter().filter(|text| **text != "-");
        let counted = between.iter().any(number);
        // Three digits are a status; a fraction is a time, whatever stands before it.
        if texts().any(|text| text.contains('.') || (!counted && text.len() != 3)) {
            return None;
        }
        return ["response", "bytes"].get(between.iter().filter(|c| number(c)).count()).copied();
    }
    let names = ["referrer", "agent"];
    quoted(&columns[at]).then(|| names.get(between.iter().filter(|c| quoted(c)).count()).copied()).flatten()
}

/// `o.e.node.Node`: names with dots, the last of them with a capital.
fn is_class_name(column: &Column<'_>) -> bool {
    column.what == What::Same(Kind::Word)
        && column.texts.iter().all(|text| {
            let last = text.rsplit_once('.').map(|(_, last)| last);
            last.is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()))
        })
}

/// The key or the constant word right before a value: `user=`, `port 22`, `client: `.
fn label(columns: &[Column<'_>], at: usize, names: &mut Names) -> Option<String> {
    let what = |back: usize| at.checked_sub(back).map(|at| columns[at].what);
    let space = What::Same(Kind::Space);
    let colon = What::Same(Kind::Mark(':'));
    let equals = What::Same(Kind::Mark('='));
    let back = match (what(1)?, what(2)) {
        (mark, _) if mark == equals => 2,
        (mark, Some(before)) if mark == space && before == colon => 3,
        (mark, _) if mark == space || mark == colon => 2,
        _ => return None,
    };
    let column = columns.get(at.checked_sub(back)?)?;
    // `InnoDB: Mutexes and …` is prose, `server: localhost, …` is not.
    let value = columns[at].what != What::Same(Kind::Word);
    let mark = |column: &Column<'_>| matches!(column.what, What::Same(Kind::Mark(_)));
    let closed = columns.get(at + 1).is_none_or(mark);
    let named = match column.what {
        What::Same(Kind::Key) => true,
        // A name with dots is a value itself.
        What::Same(Kind::Word) if value || closed => {
            is_constant(column) && column.texts.iter().all(|text| !text.contains('.'))
        }
        _ => false,
    };
    named.then(|| column.texts.first().and_then(|text| names.label(text))).flatten()
}

/// Text that stands for itself.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\t' => out.push_str(r"\t"),
            c => {
                if r".\+*?()|[]{}^$".contains(c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    out
}

/// A string of a pipeline file; those have no escapes, so the quote is chosen.
pub(crate) fn conf_string(pattern: &str) -> String {
    if !pattern.contains('"') {
        format!("\"{pattern}\"")
    } else if !pattern.contains('\'') {
        format!("'{pattern}'")
    } else {
        format!("\"{}\"", pattern.replace('"', r"\x22"))
    }
}

#[cfg(test)]
mod tests {
    use alces_grok::{Grok, Outcome, PatternSet, Spans};

    use super::{
        super::{align::align, token::Tokenizer},
        *,
    };

    /// The pattern, and which lines the engine matches with it.
    fn check(lines: &[&str]) -> String {
        let set = PatternSet::ecs_v1();
        let mut tokenizer = Tokenizer::new(&set);
        let tokens: Vec<_> = lines.iter().map(|line| tokenizer.cut(line)).collect();
        let Some(columns) = align(&tokens) else { return "nothing in common".to_owned() };
        let pattern = format!("^{}$", pattern(&columns, &mut Names::default()));
        let grok = Grok::compile(&set, &pattern).unwrap();
        let mut spans = Spans::default();
        let matched: String = lines
            .iter()
            .map(|l| if grok.matches(l, &mut spans) == Outcome::Match { '+' } else { '-' })
            .collect();
        format!("{pattern}\n{matched}")
    }

    #[test]
    fn times_levels_and_free_text() {
        insta::assert_snapshot!(check(&[
            "[2018-05-17T08:29:12,177][INFO ][o.e.c.m.Create] [node_4] [test] creating index",
            "[2018-05-17T08:19:35,939][ERROR][o.e.n.Node    ] [] initializing ...",
            "[2018-05-17T08:19:36,089][WARN ][o.e.e.Env     ] [node_4] using [1] data paths",
        ]), @r"
        ^\[%{TIMESTAMP_ISO8601:timestamp}\]\[%{LOGLEVEL:loglevel}%{SPACE}\]\[%{NOTSPACE:class}%{SPACE}\] \[%{DATA:field1}\] %{GREEDYDATA:message}$
        +++
        ");
    }

    #[test]
    fn keys_name_their_values() {
        insta::assert_snapshot!(check(&[
            r#"time=2024-01-01T00:00:00Z level=info user=bob status=200 took=0.5 path=/a/b msg="a b" host=x-1.y"#,
            r#"time=2024-01-01T00:00:01Z level=warn user=eve status=404 took=12 path=/c msg="it is" host=x-2.y"#,
        ]), @r#"
        ^time=%{TIMESTAMP_ISO8601:timestamp} level=%{LOGLEVEL:loglevel} user=%{WORD:user} status=%{INT:status:int} took=%{NUMBER:took:float} path=%{NOTSPACE:path} msg="%{DATA:msg}" host=%{NOTSPACE:host_name}$
        ++
        "#);
    }

    #[test]
    fn words_before_values_name_them_too() {
        insta::assert_snapshot!(check(&[
            "Accepted password for bob from 10.0.0.1 port 22 (tty1)",
            "Accepted password for eve from 10.0.0.2 port 23 (tty2)",
        ]), @r"
        ^Accepted password for %{WORD:field1} from %{IP:client_ip} port %{INT:port:int} \(%{WORD:field2}\)$
        ++
        ");
    }

    #[test]
    fn a_dash_where_there_is_no_value() {
        insta::assert_snapshot!(check(&[
            r#"10.0.0.1:80 200 "GET / HTTP/1.1" 0.004"#,
            r#"10.0.0.1:80 - "GET / HTTP/1.1" 0.004"#,
            r#"10.0.0.1:80 404 "POST /x HTTP/1.0" 0.1"#,
        ]), @r#"
        ^%{IP:client_ip}:%{INT:port:int} (?:-|%{INT:field1:int}) "%{WORD:verb} %{NOTSPACE:request} HTTP/%{NUMBER:httpversion}" %{NUMBER:field2:float}$
        +++
        "#);
    }

    #[test]
    fn the_end_that_all_lines_share_is_kept() {
        insta::assert_snapshot!(check(&[
            "10:00:00 INFO starting up (kafka.Server)",
            "10:00:01 INFO a=b 1 2 3 (kafka.Log)",
            "10:00:01 WARN what? (kafka.Log)",
        ]), @r"
        ^%{TIME:time} %{LOGLEVEL:loglevel} %{GREEDYDATA:message} \(%{DATA:class}\)$
        +++
        ");
    }

    #[test]
    fn words_of_one_line_among_others_are_not_what_its_kind_has_in_common() {
        insta::assert_snapshot!(check(&[
            "98738:M 30 May 12:23:52.442 * Saving the final snapshot",
            "30 May 10:05:20 . 0 clients connected",
        ]), @r"
        ^%{INT:field1:int}:M (?<timestamp>%{MONTHDAY} %{MONTH} %{TIME}) \* %{GREEDYDATA:message}$
        +-
        ");
        insta::assert_snapshot!(check(&["98738:M 30 May 12:23:52.442 * Saving the final snapshot of 12"]), @r"
        ^%{INT:field1:int}:M (?<timestamp>%{MONTHDAY} %{MONTH} %{TIME}) \* Saving the final snapshot of %{INT:field2:int}$
        +
        ");
    }

    #[test]
    fn prose_has_nothing_in_common() {
        insta::assert_snapshot!(check(&["one two", "three", "and so on, until"]), @"nothing in common");
    }

    #[test]
    fn quotes_of_a_pipeline() {
        assert_eq!(conf_string("a"), "\"a\"");
        assert_eq!(conf_string("a\"b"), "'a\"b'");
        assert_eq!(conf_string("a\"b'"), "\"a\\x22b'\"");
    }
}

//! The grammar, in nom. Every place where only one thing can follow is a `cut`, so that the error names that place
//! and not the start of the file.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_while, take_while1},
    character::complete::{char, satisfy},
    combinator::{cut, opt, recognize, value as constant},
    error::{ErrorKind, ParseError},
    multi::many0,
    sequence::pair,
};

use crate::{
    Attribute, BoolOp, Branch, CompareOp, Condition, Config, Diagnostic, Operand, Plugin, Section,
    SectionKind, Source, Span, Spanned, Statement, Value,
};

/// Deeper nesting is refused, so that a hostile file cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Whether backslashes in quoted strings are read: `config.support_escapes`, off in Logstash until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Escapes {
    /// A backslash is a backslash.
    #[default]
    Off,
    /// `\n`, `\r`, `\t`, `\\`, `\"` and `\'` are read; others stay.
    On,
}

/// Reads a `.conf` text.
///
/// # Errors
/// Every section's first place that is not Logstash's grammar, with what was expected there, and every key that stands twice
/// in a hash.
pub fn parse(source: &Source, escapes: Escapes) -> Result<Config, Vec<Diagnostic>> {
    let text = source.text();
    let at = At { base: text.as_ptr() as usize, depth: 0, escapes };
    let (mut config, mut errors, mut rest) = (Config::default(), Vec::new(), text);
    loop {
        match at.next_section(rest) {
            Ok((_, None)) => break,
            Ok((after, Some(section))) => {
                config.sections.push(section);
                rest = after;
            }
            Err(nom::Err::Error(fail) | nom::Err::Failure(fail)) => {
                let stopped = fail.at;
                errors.push(describe(source, at, fail));
                // What follows is read again from the next line that begins a section, so that its errors are told too.
                match resume(stopped) {
                    Some(next) => rest = next,
                    None => break,
                }
            }
            // Complete parsers never ask for more.
            Err(nom::Err::Incomplete(_)) => {
                errors.push(source.error(&(0..0), "the file ends too early"));
                break;
            }
        }
    }
    check_hashes(source, &config, &mut errors);
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

/// Reads a condition, as one stands behind `if`, and nothing else.
///
/// # Errors
/// The first place that is not Logstash's grammar, with what was expected there.
pub fn parse_condition(source: &Source, escapes: Escapes) -> Result<Condition, Diagnostic> {
    let text = source.text();
    let at = At { base: text.as_ptr() as usize, depth: 0, escapes };
    let whole = ws(text)
        .and_then(|(rest, ())| at.condition(rest))
        .and_then(|(rest, condition)| Ok((ws(rest)?.0, condition)));
    match whole {
        Ok(("", condition)) => Ok(condition),
        Ok((rest, _)) => {
            Err(describe(source, at, Fail { at: rest, expected: "the end of the condition", help: None }))
        }
        Err(nom::Err::Error(fail) | nom::Err::Failure(fail)) => Err(describe(source, at, fail)),
        // Complete parsers never ask for more.
        Err(nom::Err::Incomplete(_)) => Err(source.error(&(0..0), "the condition ends too early")),
    }
}

fn describe(source: &Source, at: At, fail: Fail<'_>) -> Diagnostic {
    let start = at.offset(fail.at);
    let found = match fail.at.chars().next() {
        None => "the end of the file".to_owned(),
        Some('\n' | '\r') => "the end of the line".to_owned(),
        Some(c) => {
            let word: String =
                fail.at.chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(30).collect();
            format!("`{}`", if word.is_empty() { c.to_string() } else { word })
        }
    };
    let width = fail.at.chars().next().map_or(0, char::len_utf8);
    let diagnostic =
        source.error(&(start..start + width), format!("expected {}, found {found}", fail.expected));
    match fail.help.or_else(|| slip(source.text().get(..start)?, &fail)) {
        Some(help) => diagnostic.with_help(help),
        None => diagnostic,
    }
}

/// What is often written in place of what Logstash's grammar wants.
fn slip(before: &str, fail: &Fail<'_>) -> Option<&'static str> {
    let at = fail.at;
    let word = |text: &str| {
        at.strip_prefix(text).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    match fail.expected {
        "`{`" | "the end of the condition" => match at {
            _ if at.starts_with("==") || at.starts_with("!=") || at.starts_with("=~") => {
                Some("after `!` stands a field alone, or a condition in parentheses: `!([a] == \"b\")`")
            }
            _ if at.starts_with('=') => Some("`==` compares"),
            _ if at.starts_with("&&") => Some("write `and`"),
            _ if at.starts_with("||") => Some("write `or`"),
            _ => None,
        },
        "`{` after the plugin's name" => {
            let name = before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next()?;
            ["elseif", "elsif", "elif"].contains(&name).then_some("write `else if`")
        }
        expected if expected.starts_with("a condition: a field") => match at {
            _ if word("not") => Some("write `!`, as in `![field]`"),
            _ if at.starts_with(char::is_alphabetic) => Some("a field stands in brackets: `[field]`"),
            _ => None,
        },
        "a field, a string or a number" => ["true", "false", "null", "nil"].into_iter().any(word).then_some(
            "no condition knows this word: `[field]` asks whether a field is there and not false, `![field]` the opposite",
        ),
        _ => None,
    }
}

/// The next line after `stopped` that begins a section.
fn resume(stopped: &str) -> Option<&str> {
    let begins = |line: &str| {
        ["input", "filter", "output"]
            .iter()
            .any(|word| line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('{')))
    };
    let mut rest = stopped;
    loop {
        rest = &rest[rest.find('\n')? + 1..];
        if begins(rest) {
            return Some(rest);
        }
    }
}

/// Duplicate keys inside one hash are an error in Logstash too.
fn check_hashes(source: &Source, config: &Config, errors: &mut Vec<Diagnostic>) {
    fn in_value(source: &Source, value: &Value, errors: &mut Vec<Diagnostic>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| in_value(source, &item.node, errors)),
            Value::Plugin(plugin) => in_plugin(source, plugin, errors),
            Value::Hash(entries) => {
                for (i, (key, value)) in entries.iter().enumerate() {
                    if entries[..i].iter().any(|(before, _)| before.node == key.node) {
                        let twice = format!("the key `{}` stands twice in this hash", key.node);
                        errors.push(
                            source
                                .error(&key.span, twice)
                                .with_help("keep one, or give its values as a list"),
                        );
                    }
                    in_value(source, &value.node, errors);
                }
            }
            Value::String(_) | Value::Bareword(_) | Value::Number(_) => {}
        }
    }
    fn in_plugin(source: &Source, plugin: &Plugin, errors: &mut Vec<Diagnostic>) {
        plugin.attributes.iter().for_each(|a| in_value(source, &a.value.node, errors));
    }
    fn in_body(source: &Source, body: &[Statement], errors: &mut Vec<Diagnostic>) {
        for statement in body {
            match statement {
                Statement::Plugin(plugin) => in_plugin(source, plugin, errors),
                Statement::If(branches) => branches.iter().for_each(|b| in_body(source, &b.body, errors)),
            }
        }
    }
    config.sections.iter().for_each(|section| in_body(source, &section.body, errors));
}

/// Where parsing stopped and what was expected there.
#[derive(Debug, PartialEq)]
struct Fail<'s> {
    at: &'s str,
    expected: &'static str,
    help: Option<&'static str>,
}

impl<'s> ParseError<&'s str> for Fail<'s> {
    fn from_error_kind(at: &'s str, _: ErrorKind) -> Self {
        Self { at, expected: "something else", help: None }
    }

    fn append(_: &'s str, _: ErrorKind, other: Self) -> Self {
        other
    }

    /// Of two alternatives the one that came further knows more.
    fn or(self, other: Self) -> Self {
        if self.at.len() < other.at.len() { self } else { other }
    }
}

type Out<'s, T> = IResult<&'s str, T, Fail<'s>>;

/// `parser`, where a failure says that `expected` was expected.
fn expect<'s, T>(
    expected: &'static str,
    mut parser: impl Parser<&'s str, Output = T, Error = Fail<'s>>,
) -> impl Parser<&'s str, Output = T, Error = Fail<'s>> {
    move |input: &'s str| {
        parser.parse(input).map_err(|e| match e {
            nom::Err::Error(_) => nom::Err::Error(Fail { at: input, expected, help: None }),
            other => other,
        })
    }
}

/// `parser`, where only this can follow.
fn must<'s, T>(
    expected: &'static str,
    parser: impl Parser<&'s str, Output = T, Error = Fail<'s>>,
) -> impl Parser<&'s str, Output = T, Error = Fail<'s>> {
    cut(expect(expected, parser))
}

/// Whitespace and comments.
fn ws(input: &str) -> Out<'_, ()> {
    let mut rest = input.trim_start();
    while let Some(comment) = rest.strip_prefix('#') {
        // The empty rest too is a slice of the text: spans are told by address.
        let end = comment.find('\n').unwrap_or(comment.len());
        rest = comment[end..].trim_start();
    }
    Ok((rest, ()))
}

fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A keyword, not the beginning of a longer word.
fn keyword<'s>(word: &'static str) -> impl Parser<&'s str, Output = &'s str, Error = Fail<'s>> {
    move |input: &'s str| {
        let (rest, found) = tag(word).parse(input)?;
        if rest.starts_with(word_char) {
            return Err(nom::Err::Error(Fail { at: input, expected: word, help: None }));
        }
        Ok((rest, found))
    }
}

/// The parsers, which know where the text begins (for spans) and how deep they are.
#[derive(Clone, Copy)]
struct At {
    base: usize,
    depth: usize,
    escapes: Escapes,
}

impl At {
    fn offset(self, rest: &str) -> usize {
        rest.as_ptr() as usize - self.base
    }

    fn span(self, from: &str, to: &str) -> Span {
        self.offset(from)..self.offset(to)
    }

    fn spanned<'s, T>(
        self,
        mut parser: impl Parser<&'s str, Output = T, Error = Fail<'s>>,
    ) -> impl Parser<&'s str, Output = Spanned<T>, Error = Fail<'s>> {
        move |input: &'s str| {
            let (rest, node) = parser.parse(input)?;
            Ok((rest, Spanned { node, span: self.span(input, rest) }))
        }
    }

    /// One level down, or an error where that is too deep.
    fn deeper<'s>(self, input: &'s str) -> Result<Self, nom::Err<Fail<'s>>> {
        if self.depth >= MAX_DEPTH {
            let fail = Fail { at: input, expected: "less nesting (64 levels at most)", help: None };
            return Err(nom::Err::Failure(fail));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// `None` at the end of the text.
    fn next_section<'s>(self, input: &'s str) -> Out<'s, Option<Section>> {
        let (rest, ()) = ws(input)?;
        if rest.is_empty() {
            return Ok((rest, None));
        }
        let (rest, section) = self.section(rest)?;
        Ok((rest, Some(section)))
    }

    fn section<'s>(self, input: &'s str) -> Out<'s, Section> {
        let (after, kind) = expect(
            "`input`, `filter` or `output`",
            alt((
                constant(SectionKind::Input, keyword("input")),
                constant(SectionKind::Filter, keyword("filter")),
                constant(SectionKind::Output, keyword("output")),
            )),
        )
        .parse(input)?;
        let span = self.span(input, after);
        let (rest, body) = self.block(after)?;
        Ok((rest, Section { kind, body, span }))
    }

    /// `{ statement* }`
    fn block<'s>(self, input: &'s str) -> Out<'s, Vec<Statement>> {
        let at = self.deeper(input)?;
        let (rest, _) = (ws, must("`{`", char('{'))).parse(input)?;
        let mut body = Vec::new();
        let (mut rest, ()) = ws(rest)?;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                return Ok((after, body));
            }
            let (next, statement) = at.statement(rest)?;
            body.push(statement);
            (rest, ()) = ws(next)?;
        }
    }

    fn statement<'s>(self, input: &'s str) -> Out<'s, Statement> {
        if keyword("if").parse(input).is_ok() {
            return self.conditional(input);
        }
        let (rest, name) =
            must("a plugin's name, `if` or `}`", self.spanned(|i| self.name(i))).parse(input)?;
        let (rest, plugin) = self.plugin_body(name, rest)?;
        Ok((rest, Statement::Plugin(plugin)))
    }

    fn conditional<'s>(self, input: &'s str) -> Out<'s, Statement> {
        let (mut rest, first) = self.arm(input)?;
        let mut branches = vec![first];
        loop {
            let (after, ()) = ws(rest)?;
            let Ok((after_else, _)) = keyword("else").parse(after) else {
                return Ok((rest, Statement::If(branches)));
            };
            let (at_if, ()) = ws(after_else)?;
            if keyword("if").parse(at_if).is_ok() {
                let (next, branch) = self.arm(at_if)?;
                branches.push(branch);
                rest = next;
            } else {
                let (next, body) = self.block(after_else)?;
                branches.push(Branch { condition: None, body });
                return Ok((next, Statement::If(branches)));
            }
        }
    }

    /// `if condition { … }`
    fn arm<'s>(self, input: &'s str) -> Out<'s, Branch> {
        let (rest, _) = (keyword("if"), ws).parse(input)?;
        let (rest, condition) = self.condition(rest)?;
        let (rest, body) = self.block(rest)?;
        Ok((rest, Branch { condition: Some(condition), body }))
    }

    fn name<'s>(self, input: &'s str) -> Out<'s, String> {
        let plain = take_while1(|c: char| word_char(c) || c == '-').map(str::to_owned);
        alt((plain, |i| self.string(i))).parse(input)
    }

    /// `{ name => value … }` after a plugin's name.
    fn plugin_body<'s>(self, name: Spanned<String>, input: &'s str) -> Out<'s, Plugin> {
        let (rest, _) = (ws, must("`{` after the plugin's name", char('{'))).parse(input)?;
        let (mut rest, ()) = ws(rest)?;
        let mut attributes = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                return Ok((after, Plugin { name, attributes }));
            }
            if rest.starts_with(',') {
                let fail = Fail {
                    at: rest,
                    expected: "an option's name or `}`",
                    help: Some("options are separated by white space, not by commas"),
                };
                return Err(nom::Err::Failure(fail));
            }
            let (next, attribute) = self.attribute(rest)?;
            attributes.push(attribute);
            (rest, ()) = ws(next)?;
        }
    }

    fn attribute<'s>(self, input: &'s str) -> Out<'s, Attribute> {
        let at = self.deeper(input)?;
        let (rest, name) = must("an option's name or `}`", self.spanned(|i| self.name(i))).parse(input)?;
        let (rest, ((), _, ())) = (ws, must("`=>` after the option's name", tag("=>")), ws).parse(rest)?;
        let (rest, value) = must("a value", at.spanned(|i| at.value(i))).parse(rest)?;
        Ok((rest, Attribute { name, value }))
    }

    fn value<'s>(self, input: &'s str) -> Out<'s, Value> {
        match input.chars().next() {
            Some('"' | '\'') => self.string(input).map(|(rest, s)| (rest, Value::String(s))),
            Some('[') => self.array(input),
            Some('{') => self.hash(input),
            Some(c) if c.is_ascii_digit() || c == '-' => number(input).map(|(r, n)| (r, Value::Number(n))),
            _ => {
                let (rest, word) = self.spanned(bareword).parse(input)?;
                // `json { … }` is a codec; Logstash allows space between the two.
                let (after, ()) = ws(rest)?;
                if after.starts_with('{') {
                    let (rest, plugin) = self.plugin_body(word, rest)?;
                    return Ok((rest, Value::Plugin(plugin)));
                }
                Ok((rest, Value::Bareword(word.node)))
            }
        }
    }

    fn string<'s>(self, input: &'s str) -> Out<'s, String> {
        let quote = match input.chars().next() {
            Some(q @ ('"' | '\'')) => q,
            _ => return Err(nom::Err::Error(Fail { at: input, expected: "a quoted string", help: None })),
        };
        // A quote behind a backslash does not end the string, and both stay in the text, unless escapes are on.
        let mut before = quote;
        for (at, c) in input.char_indices().skip(1) {
            if c == quote && before != '\\' {
                let text = &input[1..at];
                let text = match self.escapes {
                    Escapes::Off => text.to_owned(),
                    Escapes::On => unescape(text),
                };
                return Ok((&input[at + 1..], text));
            }
            before = c;
        }
        let help = "a quote behind a backslash does not end a string, even where two backslashes stand there";
        Err(nom::Err::Failure(Fail {
            at: input,
            expected: "a closing quote for the string that begins here",
            help: input.contains('\\').then_some(help),
        }))
    }

    fn array<'s>(self, input: &'s str) -> Out<'s, Value> {
        let at = self.deeper(input)?;
        let (mut rest, _) = (char('['), ws).parse(input)?;
        let mut items = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix(']') {
                return Ok((after, Value::Array(items)));
            }
            let (next, item) = must("a value or `]`", at.spanned(|i| at.value(i))).parse(rest)?;
            items.push(item);
            let (next, ((), comma, ())) = (ws, opt(char(',')), ws).parse(next)?;
            rest = next;
            if comma.is_none() && !rest.starts_with(']') {
                let fail = Fail { at: rest, expected: "`,` or `]`", help: None };
                return Err(nom::Err::Failure(fail));
            }
        }
    }

    fn hash<'s>(self, input: &'s str) -> Out<'s, Value> {
        let at = self.deeper(input)?;
        let (mut rest, _) = (char('{'), ws).parse(input)?;
        let mut entries = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                return Ok((after, Value::Hash(entries)));
            }
            let key = alt((|i| self.string(i), number, bareword));
            let (next, key) = must("a key or `}`", self.spanned(key)).parse(rest)?;
            let (next, ((), _, ())) = (ws, must("`=>` after the key", tag("=>")), ws).parse(next)?;
            let (next, value) = must("a value", at.spanned(|i| at.value(i))).parse(next)?;
            entries.push((key, value));
            (rest, ()) = ws(next)?;
            if rest.starts_with(',') {
                let fail = Fail {
                    at: rest,
                    expected: "a key or `}`",
                    help: Some("entries of a hash are separated by white space, not by commas"),
                };
                return Err(nom::Err::Failure(fail));
            }
        }
    }

    /// `expression (op expression)*`; `and` binds tighter than `or`; `xor` and `nand` are not mixed with others.
    fn condition<'s>(self, input: &'s str) -> Out<'s, Condition> {
        let at = self.deeper(input)?;
        let (mut rest, first) = at.expression(input)?;
        // Sums of products: `or` starts a new product, `and` goes on with the last one.
        let mut products = vec![first];
        let mut chain: Option<BoolOp> = None;
        loop {
            let (at_op, ()) = ws(rest)?;
            let Ok((after_op, op)) = bool_op(at_op) else {
                let sum = products.into_iter().reduce(|a, b| join(BoolOp::Or, a, b));
                // There is always a first.
                return match sum {
                    Some(condition) => Ok((rest, condition)),
                    None => Err(nom::Err::Error(Fail { at: input, expected: "a condition", help: None })),
                };
            };
            let mixes = |op| matches!(op, BoolOp::Xor | BoolOp::Nand);
            if chain.is_some_and(|before| mixes(before) || mixes(op)) {
                let fail = Fail {
                    at: at_op,
                    expected: "the end of the condition",
                    help: Some("`xor` and `nand` do not chain: put parentheses around one of them"),
                };
                return Err(nom::Err::Failure(fail));
            }
            chain = Some(op);
            let (next, ()) = ws(after_op)?;
            let (next, right) = at.expression(next)?;
            rest = next;
            match (op, products.pop()) {
                (BoolOp::Or, Some(left)) => products.extend([left, right]),
                (op, Some(left)) => products.push(join(op, left, right)),
                (_, None) => products.push(right),
            }
        }
    }

    fn expression<'s>(self, input: &'s str) -> Out<'s, Condition> {
        if input.starts_with('(') {
            return self.parenthesised(input);
        }
        if let Some(after) = input.strip_prefix('!') {
            let (after, ()) = ws(after)?;
            let (rest, inner) = if after.starts_with('(') {
                self.parenthesised(after)?
            } else {
                let (rest, field) =
                    must("`(` or `[field]` after `!`", self.spanned(selector)).parse(after)?;
                (rest, Condition::Truthy(Operand::Field(field)))
            };
            return Ok((rest, Condition::Not(Box::new(inner))));
        }
        let (after, left) =
            must("a condition: a field as in `[type]`, a string, a number", |i| self.operand(i))
                .parse(input)?;
        let (at_op, ()) = ws(after)?;
        if let Ok((rest, negated)) = alt((constant(false, tag("=~")), constant(true, tag("!~"))))
            .parse(at_op)
            .map_err(|_: nom::Err<Fail<'_>>| ())
        {
            let (rest, ()) = ws(rest)?;
            let pattern = alt((regex, |i| self.string(i)));
            let (rest, pattern) = must("a regex as in `/^a/`", self.spanned(pattern)).parse(rest)?;
            return Ok((rest, Condition::Match { subject: left, pattern, negated }));
        }
        if let Ok((rest, op)) = compare_op(at_op) {
            let (rest, ()) = ws(rest)?;
            let (rest, right) = must("a field, a string or a number", |i| self.operand(i)).parse(rest)?;
            return Ok((rest, Condition::Compare(left, op, right)));
        }
        let not_in = pair(keyword("not"), pair(ws, keyword("in")));
        if let Ok((rest, negated)) = alt((constant(true, not_in), constant(false, keyword("in"))))
            .parse(at_op)
            .map_err(|_: nom::Err<Fail<'_>>| ())
        {
            let (rest, ()) = ws(rest)?;
            let (rest, haystack) = must("a field, a list or a string", |i| self.operand(i)).parse(rest)?;
            return Ok((rest, Condition::In { needle: left, haystack, negated }));
        }
        Ok((after, Condition::Truthy(left)))
    }

    fn parenthesised<'s>(self, input: &'s str) -> Out<'s, Condition> {
        let (rest, _) = (char('('), ws).parse(input)?;
        let (rest, inner) = self.condition(rest)?;
        let (rest, _) = (ws, must("`)`", char(')'))).parse(rest)?;
        Ok((rest, inner))
    }

    fn operand<'s>(self, input: &'s str) -> Out<'s, Operand> {
        match input.chars().next() {
            Some('"' | '\'') => {
                let (rest, text) = self.spanned(|i| self.string(i)).parse(input)?;
                Ok((rest, Operand::String(text)))
            }
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let (rest, number) = self.spanned(number).parse(input)?;
                Ok((rest, Operand::Number(number)))
            }
            // `[field]` and `["a", "b"]` both begin with a bracket: a quote or a digit makes it a list.
            Some('[') if input[1..].trim_start().starts_with(['"', '\'', ']']) => self.operand_list(input),
            Some('[') => match self.spanned(selector).parse(input) {
                Ok((rest, field)) => Ok((rest, Operand::Field(field))),
                Err(_) => self.operand_list(input),
            },
            _ => Err(nom::Err::Error(Fail { at: input, expected: "an operand", help: None })),
        }
    }

    fn operand_list<'s>(self, input: &'s str) -> Out<'s, Operand> {
        let at = self.deeper(input)?;
        let (mut rest, _) = (char('['), ws).parse(input)?;
        let mut items = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix(']') {
                return Ok((after, Operand::Array(items, self.span(input, after))));
            }
            let (next, item) = must("a value or `]`", |i| at.operand(i)).parse(rest)?;
            items.push(item);
            let (next, ((), comma, ())) = (ws, opt(char(',')), ws).parse(next)?;
            rest = next;
            if comma.is_none() && !rest.starts_with(']') {
                let fail = Fail { at: rest, expected: "`,` or `]`", help: None };
                return Err(nom::Err::Failure(fail));
            }
        }
    }
}

fn join(op: BoolOp, a: Condition, b: Condition) -> Condition {
    Condition::Bool(op, Box::new(a), Box::new(b))
}

/// Logstash's `StringEscape.process_escapes`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(c @ ('\\' | '"' | '\'')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

fn bareword(input: &str) -> Out<'_, String> {
    let first = satisfy(|c| c.is_ascii_alphabetic() || c == '_');
    recognize(pair(first, take_while1(word_char))).map(str::to_owned).parse(input)
}

fn number(input: &str) -> Out<'_, String> {
    let digits = take_while1(|c: char| c.is_ascii_digit());
    let fraction = opt(pair(char('.'), take_while(|c: char| c.is_ascii_digit())));
    recognize((opt(char('-')), digits, fraction)).map(str::to_owned).parse(input)
}

fn selector(input: &str) -> Out<'_, String> {
    let element = (char('['), take_while1(|c: char| !"[],\"'".contains(c) && c != '\n'), char(']'));
    recognize(pair(
        element,
        many0((char('['), take_while1(|c: char| !"[],\"'".contains(c) && c != '\n'), char(']'))),
    ))
    .map(str::to_owned)
    .parse(input)
}

/// `/…/`; `\/` does not end it, and stays, as it is a slash to the engine too.
fn regex(input: &str) -> Out<'_, String> {
    let (body, _) = char('/').parse(input)?;
    let mut before = '/';
    for (at, c) in body.char_indices() {
        if c == '/' && before != '\\' {
            return Ok((&body[at + 1..], body[..at].to_owned()));
        }
        before = c;
    }
    Err(nom::Err::Failure(Fail {
        at: input,
        expected: "a closing `/` for the regex that begins here",
        help: None,
    }))
}

fn bool_op(input: &str) -> Out<'_, BoolOp> {
    alt((
        constant(BoolOp::And, keyword("and")),
        constant(BoolOp::Or, keyword("or")),
        constant(BoolOp::Xor, keyword("xor")),
        constant(BoolOp::Nand, keyword("nand")),
    ))
    .parse(input)
}

fn compare_op(input: &str) -> Out<'_, CompareOp> {
    alt((
        constant(CompareOp::Eq, tag("==")),
        constant(CompareOp::Ne, tag("!=")),
        constant(CompareOp::Le, tag("<=")),
        constant(CompareOp::Ge, tag(">=")),
        constant(CompareOp::Lt, tag("<")),
        constant(CompareOp::Gt, tag(">")),
    ))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let errors = parse(&Source::new("x.conf", text), Escapes::Off).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_seed() {
        let text = r#"input { beats { port => 5044 } }
filter { grok { match => { "message" => "%{COMBINEDAPACHELOG}" } } }
output { elasticsearch { hosts => ["es01:9200"] } stdout { codec => rubydebug } }"#;
        let config = parse(&Source::new("seed.conf", text), Escapes::Off).unwrap();
        let plugins: Vec<_> = config
            .sections
            .iter()
            .flat_map(|s| &s.body)
            .map(|s| match s {
                Statement::Plugin(p) => (p.name.node.as_str(), p.attributes[0].value.node.clone()),
                Statement::If(_) => panic!("no conditionals there"),
            })
            .collect();
        assert_eq!(plugins[0], ("beats", Value::Number("5044".into())));
        assert_eq!(plugins[3], ("stdout", Value::Bareword("rubydebug".into())));
        assert!(matches!(&plugins[1], ("grok", Value::Hash(entries)) if entries[0].0.node == "message"));
        assert!(matches!(&plugins[2], ("elasticsearch", Value::Array(hosts)) if hosts.len() == 1));
    }

    #[test]
    fn conditions() {
        let text = r#"
            # and binds tighter than or
            filter {
              if [type] == "nginx" and [status] >= 500 or !("a" in [tags]) { drop { } }
              else if [m] =~ /^\/x/ { } else if "b" not in ["a", 'b'] { } else { noop { codec => json { a1 => 1 } } }
            }"#;
        let config = parse(&Source::new("x.conf", text), Escapes::Off).unwrap();
        let Statement::If(branches) = &config.sections[0].body[0] else { panic!("an if") };
        assert_eq!(branches.len(), 4);
        assert!(matches!(branches[0].condition, Some(Condition::Bool(BoolOp::Or, ..))));
        assert!(
            matches!(&branches[1].condition, Some(Condition::Match { pattern, .. }) if pattern.node == r"^\/x")
        );
        assert!(branches[3].condition.is_none());
    }

    #[test]
    fn errors_point_at_the_place() {
        insta::assert_snapshot!(error("filter {\n  grok { match \"x\" }\n}"), @r#"
        x.conf:2:16: expected `=>` after the option's name, found `"`
          |
        2 |   grok { match "x" }
          |                ^
        "#);
        insta::assert_snapshot!(error("filter { grok { match => { \"m\" => \"x\" } }"), @r#"
        x.conf:1:42: expected a plugin's name, `if` or `}`, found the end of the file
          |
        1 | filter { grok { match => { "m" => "x" } }
          |                                          ^
        "#);
        insta::assert_snapshot!(error("filters { }"), @r"
        x.conf:1:1: expected `input`, `filter` or `output`, found `filters`
          |
        1 | filters { }
          | ^
        ");
        insta::assert_snapshot!(error("input { beats { port => 1, host => ab } }"), @r"
        x.conf:1:26: expected an option's name or `}`, found `,`
          |
        1 | input { beats { port => 1, host => ab } }
          |                          ^
          = help: options are separated by white space, not by commas
        ");
        insta::assert_snapshot!(error("filter { if [a] nand [b] and [c] { } }"), @r"
        x.conf:1:26: expected the end of the condition, found `and`
          |
        1 | filter { if [a] nand [b] and [c] { } }
          |                          ^
          = help: `xor` and `nand` do not chain: put parentheses around one of them
        ");
        insta::assert_snapshot!(error("filter { a1 { h => { k1 => 1 k1 => 2 } } }"), @r"
        x.conf:1:30: the key `k1` stands twice in this hash
          |
        1 | filter { a1 { h => { k1 => 1 k1 => 2 } } }
          |                              ^^
          = help: keep one, or give its values as a list
        ");
        insta::assert_snapshot!(error("filter { grok { match => \"abc } }"), @r#"
        x.conf:1:26: expected a closing quote for the string that begins here, found `"`
          |
        1 | filter { grok { match => "abc } }
          |                          ^
        "#);
    }

    #[test]
    fn a_common_slip_is_told_from_others() {
        for (condition, help) in [
            ("[a] = 1 {", "`==` compares"),
            ("[a] and ![b] && [c] {", "write `and`"),
            ("[a] == 1 || [c] {", "write `or`"),
            ("![a] == 1 {", "!([a] == \"b\")"),
            ("not [a] {", "write `!`"),
            ("a == 1 {", "a field stands in brackets"),
            ("[a] == true {", "no condition knows this word"),
            ("[a] == nil {", "no condition knows this word"),
            ("[a] { } elseif [b] {", "write `else if`"),
            ("[a] { } elsif [b] {", "write `else if`"),
        ] {
            let error = error(&format!("filter {{ if {condition} }} }}"));
            assert!(error.contains(help), "{condition}: {error}");
        }
        assert!(!error("filter { if [a] == truely { } }").contains("no condition knows"));
    }

    #[test]
    fn a_quote_behind_a_backslash_stays_with_it_unless_escapes_are_on() {
        let check = |text: &str, escapes: Escapes, expect: &str| {
            let config =
                parse(&Source::new("x.conf", &format!("filter {{ a1 {{ v => {text} }} }}")), escapes)
                    .unwrap();
            let Statement::Plugin(plugin) = &config.sections[0].body[0] else { panic!("a plugin") };
            assert_eq!(plugin.attributes[0].value.node, Value::String(expect.to_owned()), "{text}");
        };
        check(r#""a \"b\" \n""#, Escapes::Off, r#"a \"b\" \n"#);
        check(r#""a \"b\" \n""#, Escapes::On, "a \"b\" \n");
        check(r"'it\'s \d'", Escapes::Off, r"it\'s \d");
        check(r"'it\'s \d'", Escapes::On, r"it's \d");
        // Logstash does not count backslashes.
        check(r#""C:\\" x ""#, Escapes::Off, r#"C:\\" x "#);
    }

    #[test]
    fn each_section_tells_its_own_error() {
        insta::assert_snapshot!(
            error("input { beats { port 5044 } }\nfilter {\n  grok { match => }\n}\noutput { stdout { h => { k1 => 1 k1 => 2 } } }\n"),
            @"
        x.conf:1:22: expected `=>` after the option's name, found `5044`
          |
        1 | input { beats { port 5044 } }
          |                      ^
        x.conf:3:19: expected a value, found `}`
          |
        3 |   grok { match => }
          |                   ^
        x.conf:5:34: the key `k1` stands twice in this hash
          |
        5 | output { stdout { h => { k1 => 1 k1 => 2 } } }
          |                                  ^^
          = help: keep one, or give its values as a list
        "
        );
    }

    #[test]
    fn hostile_nesting_is_an_error_and_not_a_crash() {
        assert!(
            error(&format!("filter {{ a1 {{ b1 => {} }} }}", "[".repeat(100_000))).contains("less nesting")
        );
        assert!(error(&format!("filter {{ if {}", "(".repeat(100_000))).contains("less nesting"));
        assert!(error("filter { if [a] { ").contains("expected"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z{}\\[\\]()\"'=>~!,#/ \n0-9.$%é-]{0,80}") {
            let _ = parse(&Source::new("x.conf", &format!("filter {{ {text}")), Escapes::On);
            let _ = parse(&Source::new("x.conf", &text), Escapes::Off);
        }
    }
}

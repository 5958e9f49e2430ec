//! The words of a script, with their places.

use super::tree::{CodeError, Span};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Int(i64),
    Float(f64),
    /// A text without `#{…}`.
    Text(String),
    /// A text with it: what is plain, and where in the code the expressions stand.
    Parts(Vec<TextPart>),
    Symbol(String),
    /// `name:` within a hash or a call.
    Label(String),
    Name(String),
    Instance(String),
    Group(usize),
    Regex {
        text: String,
        flags: String,
    },
    Sign(&'static str),
    /// The end of a line, or `;`.
    Newline,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextPart {
    Text(String),
    Code(Span),
}

#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Span,
    /// Whether there is white space before and after it: Ruby reads `a [1]` and `a[1]`, `x -1` and `x - 1` as different things.
    pub(super) space_before: bool,
    pub(super) space_after: bool,
}

/// The longest first.
const SIGNS: &[&str] = &[
    "<=>", "===", "...", "||=", "&&=", "**=", "<<=", "**", "==", "!=", ">=", "<=", "&&", "||", "=~", "!~",
    "<<", "+=", "-=", "*=", "/=", "%=", "=>", "->", "::", "..", "&.", "+", "-", "*", "/", "%", "=", "<", ">",
    "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}", "|", "&", "^", "~",
];

pub(super) fn error(span: Span, message: impl Into<String>) -> CodeError {
    CodeError { span, message: message.into(), help: None }
}

struct Lexer<'c> {
    code: &'c str,
    at: usize,
    end: usize,
    found: Vec<Lexeme>,
}

/// The words of a part of the code.
pub(super) fn lex(code: &str, part: Span) -> Result<Vec<Lexeme>, CodeError> {
    let mut lexer = Lexer { code, at: part.start, end: part.end, found: Vec::new() };
    lexer.run()?;
    Ok(lexer.found)
}

impl<'c> Lexer<'c> {
    fn rest(&self) -> &'c str {
        self.code.get(self.at..self.end).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn run(&mut self) -> Result<(), CodeError> {
        loop {
            let before = self.at;
            self.blank();
            let space_before = self.at > before || before == 0;
            let space_after = self.at > before || self.peek().is_none_or(|c| c == '\n');
            if let Some(last) = self.found.last_mut() {
                last.space_after = space_after;
            }
            let start = self.at;
            let Some(c) = self.peek() else {
                let span = start..start;
                self.found.push(Lexeme { token: Token::End, span, space_before, space_after: true });
                return Ok(());
            };
            let token = self.token(c, space_before)?;
            self.found.push(Lexeme { token, span: start..self.at, space_before, space_after: false });
        }
    }

    /// Passes over white space, comments and lines that go on after a backslash.
    fn blank(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    /// Whether a value may begin here: `/` is then a regular expression and not a division.
    fn value_begins(&self, space_before: bool) -> bool {
        let Some(last) = self.found.last() else { return true };
        match &last.token {
            Token::Sign(sign) => !matches!(*sign, ")" | "]" | "}"),
            Token::Newline | Token::Label(_) => true,
            Token::Name(name) => {
                let word = matches!(
                    name.as_str(),
                    "if" | "unless"
                        | "elsif"
                        | "and"
                        | "or"
                        | "not"
                        | "when"
                        | "case"
                        | "then"
                        | "return"
                        | "else"
                        | "do"
                );
                let next = self.rest().chars().nth(1);
                word || (space_before && next.is_some_and(|c| !c.is_whitespace() && c != '='))
            }
            _ => false,
        }
    }

    fn token(&mut self, c: char, space_before: bool) -> Result<Token, CodeError> {
        let start = self.at;
        match c {
            '\n' | ';' => {
                self.at += 1;
                Ok(Token::Newline)
            }
            '0'..='9' => self.number(),
            '\'' => self.plain_text(),
            '"' => self.text(),
            '/' if self.value_begins(space_before) => self.regex(),
            '@' => {
                self.at += 1;
                match self.word() {
                    "" => Err(error(start..self.at, "only variables of the filter (`@name`) are known here")),
                    name => Ok(Token::Instance(name.to_owned())),
                }
            }
            '$' => {
                self.at += 1;
                let digits = self.word();
                match digits.parse() {
                    Ok(group) => Ok(Token::Group(group)),
                    Err(_) => Err(error(
                        start..self.at,
                        "global variables are not supported, but for `$1` and the like",
                    )),
                }
            }
            ':' if self.rest().get(1..).is_some_and(|rest| rest.starts_with(is_letter)) => {
                self.at += 1;
                let mut name = self.word().to_owned();
                if self.rest().starts_with(['?', '!']) && !name.is_empty() {
                    name.push_str(&self.rest()[..1]);
                    self.at += 1;
                }
                Ok(Token::Symbol(name))
            }
            ':' if self.rest().starts_with(":\"") => {
                self.at += 1;
                match self.text()? {
                    Token::Text(text) => Ok(Token::Symbol(text)),
                    _ => Err(error(start..self.at, "a symbol with `#{…}` in it is not supported")),
                }
            }
            '%' if self.value_begins(space_before) => Err(CodeError {
                span: start..start + 1,
                message: "texts and lists that begin with `%` are not supported".to_owned(),
                help: Some("write `\"text\"` or `[\"a\", \"b\"]`".to_owned()),
            }),
            '`' => Err(error(start..start + 1, "commands of the system are not run")),
            c if is_letter(c) => Ok(self.name()),
            _ => {
                let sign = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
                let sign = sign.ok_or_else(|| {
                    let span = start..start + c.len_utf8();
                    let mut error = error(span, format!("`{c}` has no place in the Ruby that is supported"));
                    // Ruby cannot read it either: Logstash hands the text over as it stands.
                    error.help = (c == '\\').then(|| {
                        "escapes are off, so that a `\\` stays in the code: put the code in single quotes, or set \
                         `config.support_escapes`"
                            .to_owned()
                    });
                    error
                })?;
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
        }
    }

    fn word(&mut self) -> &'c str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(is_letter(c) || c.is_ascii_digit())).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn name(&mut self) -> Token {
        let mut name = self.word().to_owned();
        let rest = self.rest();
        // `a ? b : c` has a space before its question mark, `nil?` has none.
        let marked = rest.starts_with('?') || (rest.starts_with('!') && !rest.starts_with("!="));
        if marked && !rest.starts_with("?:") {
            name.push_str(&rest[..1]);
            self.at += 1;
        }
        let rest = self.rest();
        let label = rest.starts_with(':') && !rest.starts_with("::") && !self.after_question();
        if label && rest.get(1..).is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
            self.at += 1;
            return Token::Label(name);
        }
        Token::Name(name)
    }

    /// Within `a ? b : c` a name before the colon is no label.
    fn after_question(&self) -> bool {
        let line = self.found.iter().rev().take_while(|lexeme| lexeme.token != Token::Newline);
        let mut open = 0_i32;
        for lexeme in line {
            match lexeme.token {
                Token::Sign("?") => open += 1,
                Token::Sign(":") => open -= 1,
                _ => {}
            }
        }
        open > 0
    }

    fn number(&mut self) -> Result<Token, CodeError> {
        let start = self.at;
        let rest = self.rest();
        let digits =
            |text: &str| text.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
        if rest.starts_with("0x") || rest.starts_with("0b") || rest.starts_with("0o") {
            self.word();
            return Err(error(start..self.at, "write the number in decimal"));
        }
        let mut end = digits(rest);
        let mut float = false;
        if rest[end..].starts_with('.') && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            float = true;
            end += 1 + digits(&rest[end + 1..]);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let after = rest[end + 1..].trim_start_matches(['+', '-']);
            if after.starts_with(|c: char| c.is_ascii_digit()) {
                float = true;
                end = rest.len() - after.len() + digits(after);
            }
        }
        self.at += end;
        let text = rest[..end].replace('_', "");
        let number =
            if float { text.parse().ok().map(Token::Float) } else { text.parse().ok().map(Token::Int) };
        number.ok_or_else(|| error(start..self.at, "the number is too large"))
    }

    /// In single quotes: only `\'` and `\\` mean anything.
    fn plain_text(&mut self) -> Result<Token, CodeError> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at += at + 1;
                    return Ok(Token::Text(out));
                }
                '\\' => match chars.next_if(|(_, c)| matches!(c, '\'' | '\\')) {
                    Some((_, c)) => out.push(c),
                    None => out.push('\\'),
                },
                c => out.push(c),
            }
        }
        Err(error(start..start + 1, "this quote is never closed"))
    }

    fn text(&mut self) -> Result<Token, CodeError> {
        let start = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        let mut plain = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return Err(error(start..start + 1, "this quote is never closed"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => {
                    let Some(next) = self.peek() else { continue };
                    self.at += next.len_utf8();
                    plain.push(match next {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        '0' => '\0',
                        'e' => '\x1b',
                        's' => ' ',
                        'u' | 'x' => {
                            return Err(error(self.at - 2..self.at, "write the character itself"));
                        }
                        other => other,
                    });
                }
                '#' if self.rest().starts_with('{') => {
                    let from = self.at + 1;
                    let to = self
                        .closing(from)
                        .ok_or_else(|| error(from - 2..from, "this `#{` is never closed"))?;
                    if !plain.is_empty() {
                        parts.push(TextPart::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(TextPart::Code(from..to));
                    self.at = to + 1;
                }
                c => plain.push(c),
            }
        }
        if parts.is_empty() {
            return Ok(Token::Text(plain));
        }
        if !plain.is_empty() {
            parts.push(TextPart::Text(plain));
        }
        Ok(Token::Parts(parts))
    }

    /// Where the brace is that closes one that was opened before `from`. Quotes within hide braces.
    fn closing(&self, from: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut quote = None;
        let mut chars = self.code.get(from..self.end)?.char_indices();
        while let Some((at, c)) = chars.next() {
            match (quote, c) {
                (_, '\\') => {
                    chars.next();
                }
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '{') => depth += 1,
                (None, '}') if depth == 0 => return Some(from + at),
                (None, '}') => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn regex(&mut self) -> Result<Token, CodeError> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    self.at += at + 1;
                    let flags = self.word().to_owned();
                    if let Some(flag) = flags.chars().find(|c| !matches!(c, 'i' | 'm' | 'x')) {
                        return Err(error(
                            start..self.at,
                            format!("a regular expression has no flag `{flag}` here"),
                        ));
                    }
                    return Ok(Token::Regex { text, flags });
                }
                '\\' => match chars.next() {
                    Some((_, '/')) => text.push('/'),
                    Some((_, next)) => text.extend(['\\', next]),
                    None => break,
                },
                '#' if self.code.get(self.at + at + 1..).is_some_and(|rest| rest.starts_with('{')) => {
                    let span = self.at + at..self.at + at + 2;
                    return Err(error(span, "`#{…}` within a regular expression is not supported"));
                }
                '\n' => break,
                c => text.push(c),
            }
        }
        Err(error(start..start + 1, "this regular expression is never closed"))
    }
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

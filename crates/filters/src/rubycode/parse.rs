//! Statements: what stands on a line, and `if`, `case`, blocks.

use std::ops::Range;

use super::{
    lex::{Lexeme, Token, error, lex},
    tree::{Block, CodeError, Expr, Kind, Span},
    value::V,
    words,
};

/// Deeper nesting is refused, so that a script cannot exhaust the stack.
const DEEPEST: usize = 60;

/// As deep as what is built out of it may be.
const CHAIN: usize = 200;

/// Words that are no names.
const WORDS: &[&str] = &[
    "if", "elsif", "else", "unless", "end", "then", "do", "and", "or", "not", "case", "when", "nil", "true",
    "false", "next", "break", "return", "self", "in", "while", "until", "begin", "rescue", "ensure", "def",
    "class", "module", "for",
];

pub(super) struct Parser<'c> {
    pub(super) code: &'c str,
    pub(super) lexemes: Vec<Lexeme>,
    pub(super) at: usize,
    /// Variables in sight, and their places.
    pub(super) scope: Vec<(String, usize)>,
    /// How many places there are.
    pub(super) places: usize,
    depth: usize,
}

pub(super) type Parsed<T> = Result<T, CodeError>;

impl<'c> Parser<'c> {
    pub(super) fn new(code: &'c str, parameters: &[&str]) -> Parsed<Self> {
        let scope: Vec<_> =
            parameters.iter().enumerate().map(|(at, name)| ((*name).to_owned(), at)).collect();
        let places = scope.len();
        Ok(Self { code, lexemes: lex(code, 0..code.len())?, at: 0, scope, places, depth: 0 })
    }

    pub(super) fn script(&mut self) -> Parsed<Expr> {
        let body = self.statements(&[])?;
        self.bounded(&body)?;
        match self.token() {
            Token::End => Ok(body),
            _ => Err(self.unexpected("a statement")),
        }
    }

    pub(super) fn token(&self) -> &Token {
        self.lexemes.get(self.at).map_or(&Token::End, |lexeme| &lexeme.token)
    }

    pub(super) fn lexeme(&self, ahead: usize) -> Option<&Lexeme> {
        self.lexemes.get(self.at + ahead)
    }

    pub(super) fn span(&self) -> Span {
        let end = self.code.len();
        self.lexemes.get(self.at).map_or(end..end, |lexeme| lexeme.span.clone())
    }

    /// The end of what was read last.
    pub(super) fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.lexemes.get(at)).map_or(0, |lexeme| lexeme.span.end)
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Name(name) if name == word)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str, opened: Range<usize>) -> Parsed<()> {
        self.newlines();
        if self.take(sign) {
            return Ok(());
        }
        let mut error = self.unexpected(&format!("`{sign}`"));
        if *self.token() == Token::End {
            error.span = opened;
            error.message = format!("this is never closed by `{sign}`");
        }
        Err(error)
    }

    pub(super) fn newlines(&mut self) {
        while *self.token() == Token::Newline {
            self.at += 1;
        }
    }

    pub(super) fn unexpected(&self, wanted: &str) -> CodeError {
        let span = self.span();
        let found = match self.token() {
            Token::End => "the end of the code".to_owned(),
            Token::Newline => "the end of the line".to_owned(),
            _ => format!("`{}`", self.code.get(span.clone()).unwrap_or_default()),
        };
        let mut error = error(span, format!("{wanted} is expected here, not {found}"));
        error.help = match self.token() {
            Token::Name(name) => words::instead(name),
            Token::Sign(".." | "...") => {
                Some("ranges are for parts, as in `text[0..4]`; count with `5.times do |at| … end`")
            }
            Token::Sign("->") => Some("a script has no functions of its own"),
            _ => None,
        }
        .map(str::to_owned);
        error
    }

    /// One level of nesting more.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err(error(self.span(), "the code is nested too deeply"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// A chain of operators or calls nests too, to its left.
    pub(super) fn bounded(&self, expr: &Expr) -> Parsed<()> {
        if expr.depth > CHAIN {
            return Err(error(
                self.span(),
                "the expression is too long: set a part of it to a variable first",
            ));
        }
        Ok(())
    }

    pub(super) fn is_reserved(name: &str) -> bool {
        WORDS.contains(&name)
    }

    /// Statements up to one of some words, a brace, or the end.
    pub(super) fn statements(&mut self, ends: &[&str]) -> Parsed<Expr> {
        self.deeper(|parser| {
            let start = parser.span().start;
            let mut statements = Vec::new();
            loop {
                parser.newlines();
                let ended = match parser.token() {
                    Token::End => true,
                    Token::Sign("}" | ")") => true,
                    Token::Name(name) => ends.contains(&name.as_str()),
                    _ => false,
                };
                if ended {
                    break;
                }
                statements.push(parser.statement()?);
                let goes_on = match parser.token() {
                    Token::Newline | Token::End | Token::Sign("}" | ")") => true,
                    Token::Name(name) => ends.contains(&name.as_str()),
                    _ => false,
                };
                if !goes_on {
                    return Err(parser.unexpected("an operator or the end of the line"));
                }
            }
            let span = start..parser.behind().max(start);
            Ok(match statements.len() {
                0 => Expr::new(Kind::Value(V::Nil), span),
                1 => statements.remove(0),
                _ => Expr::new(Kind::Sequence(statements), span),
            })
        })
    }

    fn statement(&mut self) -> Parsed<Expr> {
        let mut statement = self.expression()?;
        loop {
            let unless = self.is_word("unless");
            let rescue = self.is_word("rescue");
            if !unless && !rescue && !self.is_word("if") {
                return Ok(statement);
            }
            self.at += 1;
            self.bounded(&statement)?;
            if rescue {
                let other = self.expression()?;
                let span = statement.span.start..other.span.end;
                // `a = b rescue c` sets a either way.
                let kind = match statement.kind {
                    Kind::Assign(target, value) => {
                        let value = Expr::new(rescued(*value, None, other), span.clone());
                        Kind::Assign(target, Box::new(value))
                    }
                    _ => rescued(statement, None, other),
                };
                statement = Expr::new(kind, span);
                continue;
            }
            let condition = self.expression()?;
            let span = statement.span.start..condition.span.end;
            let nothing = Box::new(nil(span.clone()));
            let (then, other) =
                if unless { (nothing, Box::new(statement)) } else { (Box::new(statement), nothing) };
            statement = Expr::new(Kind::If(Box::new(condition), then, other), span);
        }
    }

    /// After `if`, `elsif` or `unless`.
    pub(super) fn condition(&mut self, opened: Span, unless: bool) -> Parsed<Expr> {
        let condition = self.expression()?;
        self.take_word("then");
        let then = self.statements(&["elsif", "else", "end"])?;
        let word = self.span();
        let other = if self.take_word("elsif") {
            let other = self.deeper(|parser| parser.condition(word, false))?;
            let span = opened.start..self.behind();
            return Ok(choose(condition, then, other, unless, span));
        } else if self.take_word("else") {
            self.statements(&["end"])?
        } else {
            nil(word)
        };
        self.end(opened.clone())?;
        Ok(choose(condition, then, other, unless, opened.start..self.behind()))
    }

    fn end(&mut self, opened: Span) -> Parsed<()> {
        if self.take_word("end") {
            return Ok(());
        }
        if *self.token() == Token::End {
            return Err(error(opened, "this is never closed by `end`"));
        }
        Err(self.unexpected("`end`"))
    }

    /// After `case`.
    pub(super) fn case(&mut self, opened: Span) -> Parsed<Expr> {
        let subject = if *self.token() == Token::Newline {
            return Err(error(opened, "`case` wants the value that it is about; write `if` otherwise"));
        } else {
            self.expression()?
        };
        self.newlines();
        let mut branches = Vec::new();
        while self.take_word("when") {
            let mut values = vec![self.operand()?];
            while self.take(",") {
                self.newlines();
                values.push(self.operand()?);
            }
            self.take_word("then");
            branches.push((values, self.statements(&["when", "else", "end"])?));
        }
        if branches.is_empty() {
            return Err(self.unexpected("`when`"));
        }
        let other = if self.take_word("else") { self.statements(&["end"])? } else { nil(self.span()) };
        self.end(opened.clone())?;
        let span = opened.start..self.behind();
        Ok(Expr::new(Kind::Case { subject: Box::new(subject), branches, other: Box::new(other) }, span))
    }

    /// After `begin`.
    pub(super) fn rescued(&mut self, opened: Span) -> Parsed<Expr> {
        let body = self.statements(&["rescue", "else", "ensure", "end"])?;
        if !self.take_word("rescue") {
            self.end(opened)?;
            return Ok(body);
        }
        while let Token::Name(class) = self.token() {
            if !["StandardError", "Exception"].contains(&class.as_str()) {
                let mut error =
                    error(self.span(), format!("`{class}` is not told from what else goes wrong"));
                error.help = Some("write `rescue => error`, which takes all of it".to_owned());
                return Err(error);
            }
            self.at += 1;
            self.take(",");
        }
        let mut name = None;
        if self.take("=>") {
            let Token::Name(found) = self.token().clone() else { return Err(self.unexpected("a name")) };
            self.at += 1;
            name = Some(self.variable(&found).unwrap_or_else(|| self.declare(&found)));
        }
        self.take_word("then");
        let other = self.statements(&["rescue", "else", "ensure", "end"])?;
        self.end(opened.clone())?;
        Ok(Expr::new(rescued(body, name, other), opened.start..self.behind()))
    }

    /// `{ |a| … }` or `do |a| … end`, where one begins here.
    pub(super) fn block(&mut self) -> Parsed<Option<Block>> {
        let opened = self.span();
        let brace = self.is("{");
        if !brace && !self.is_word("do") {
            return Ok(None);
        }
        self.at += 1;
        let seen = self.scope.len();
        let mut parameters = Vec::new();
        self.newlines();
        if self.take("|") {
            loop {
                let span = self.span();
                let Token::Name(name) = self.token().clone() else {
                    return Err(self.unexpected("a name"));
                };
                self.at += 1;
                if Self::is_reserved(&name) {
                    return Err(error(span, format!("`{name}` is not a name")));
                }
                parameters.push(self.declare(&name));
                if self.take("|") {
                    break;
                }
                if !self.take(",") {
                    return Err(self.unexpected("`,` or `|`"));
                }
            }
        } else if self.take("||") {
        }
        let body = self.statements(if brace { &[] } else { &["end"] })?;
        if brace {
            self.expect("}", opened)?;
        } else {
            self.end(opened)?;
        }
        self.scope.truncate(seen);
        Ok(Some(Block { parameters, body }))
    }

    /// A new variable.
    pub(super) fn declare(&mut self, name: &str) -> usize {
        let place = self.places;
        self.places += 1;
        self.scope.push((name.to_owned(), place));
        place
    }

    pub(super) fn variable(&self, name: &str) -> Option<usize> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, place)| *place)
    }

    /// The expression within `#{…}`.
    pub(super) fn within(&mut self, part: Span) -> Parsed<Expr> {
        let lexemes = lex(self.code, part.clone())?;
        let outer = (std::mem::replace(&mut self.lexemes, lexemes), std::mem::replace(&mut self.at, 0));
        let read = self.script();
        (self.lexemes, self.at) = outer;
        read.map(|expr| Expr { span: part, ..expr })
    }
}

pub(super) fn nil(span: Span) -> Expr {
    Expr::new(Kind::Value(V::Nil), span)
}

fn rescued(body: Expr, name: Option<usize>, other: Expr) -> Kind {
    Kind::Rescue { body: Box::new(body), name, other: Box::new(other) }
}

fn choose(condition: Expr, then: Expr, other: Expr, unless: bool, span: Span) -> Expr {
    let (then, other) = if unless { (other, then) } else { (then, other) };
    Expr::new(Kind::If(Box::new(condition), Box::new(then), Box::new(other)), span)
}

//! What an expression begins with: literals, words, variables, constants.

use std::sync::Arc;

use alces_conf::closest;

use super::{
    expr::UPDATES,
    lex::{TextPart, Token, error},
    parse::{Parsed, Parser, nil},
    tree::{CodeError, Constant, Expr, Kind, Part, Span, regex},
    value::V,
    words::{self, CLASSES, JSON},
};

impl Parser<'_> {
    pub(super) fn value(&mut self) -> Parsed<Expr> {
        self.newlines();
        let span = self.span();
        let token = self.token().clone();
        let plain = match token {
            Token::Int(number) => Some(Kind::Value(V::Int(number))),
            Token::Float(number) => Some(Kind::Value(V::Float(number))),
            Token::Text(ref text) => Some(Kind::Value(V::text(text))),
            Token::Symbol(ref name) => Some(Kind::Value(V::Symbol(Arc::from(name.as_str())))),
            Token::Instance(ref name) => Some(Kind::Instance(Arc::from(name.as_str()))),
            Token::Group(group) => Some(Kind::Group(group)),
            Token::Regex { ref text, ref flags } => Some(Kind::Value(regex(text, flags, &span)?)),
            _ => None,
        };
        if let Some(kind) = plain {
            self.at += 1;
            return Ok(Expr::new(kind, span));
        }
        match token {
            Token::Parts(parts) => {
                self.at += 1;
                self.deeper(|parser| parser.parts(parts, span))
            }
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.statements(&[])?;
                self.expect(")", span)?;
                Ok(inner)
            }
            Token::Sign("[") => {
                self.at += 1;
                let items = self.deeper(|parser| parser.items(span.clone()))?;
                Ok(Expr::new(Kind::List(items), span.start..self.behind()))
            }
            Token::Sign("{") => {
                self.at += 1;
                let entries = self.deeper(|parser| parser.entries(span.clone()))?;
                Ok(Expr::new(Kind::Hash(entries), span.start..self.behind()))
            }
            Token::Name(name) => {
                self.at += 1;
                self.deeper(|parser| parser.named(&name, span))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn parts(&mut self, parts: Vec<TextPart>, span: Span) -> Parsed<Expr> {
        let parts = parts.into_iter().map(|part| {
            Ok(match part {
                TextPart::Text(text) => Part::Text(text),
                TextPart::Code(part) => Part::Code(self.within(part)?),
            })
        });
        Ok(Expr::new(Kind::Text(parts.collect::<Parsed<_>>()?), span))
    }

    fn items(&mut self, opened: Span) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        self.newlines();
        while !self.is("]") {
            items.push(self.operand()?);
            self.newlines();
            if !self.take(",") {
                break;
            }
            self.newlines();
        }
        self.expect("]", opened)?;
        Ok(items)
    }

    fn entries(&mut self, opened: Span) -> Parsed<Vec<(Expr, Expr)>> {
        let mut entries = Vec::new();
        self.newlines();
        while !self.is("}") {
            let key = match self.token().clone() {
                Token::Label(name) => {
                    let span = self.span();
                    self.at += 1;
                    Expr::new(Kind::Value(V::Symbol(Arc::from(name))), span)
                }
                _ => {
                    let key = self.operand()?;
                    self.newlines();
                    if !self.take("=>") {
                        return Err(self.unexpected("`=>`"));
                    }
                    key
                }
            };
            self.newlines();
            entries.push((key, self.operand()?));
            self.newlines();
            if !self.take(",") {
                break;
            }
            self.newlines();
        }
        self.expect("}", opened)?;
        Ok(entries)
    }

    /// A word, a variable or a constant, which was read.
    fn named(&mut self, name: &str, span: Span) -> Parsed<Expr> {
        let value = |value| Ok(Expr::new(Kind::Value(value), span.clone()));
        match name {
            "nil" => return value(V::Nil),
            "true" => return value(V::Bool(true)),
            "false" => return value(V::Bool(false)),
            "if" | "unless" => return self.condition(span, name == "unless"),
            "case" => return self.case(span),
            "begin" => return self.rescued(span),
            "require" if self.library() => return value(V::Bool(true)),
            "next" | "break" | "return" => {
                let nothing = match self.token() {
                    Token::Newline | Token::End | Token::Sign("}" | ")") => true,
                    Token::Name(word) => matches!(word.as_str(), "if" | "unless" | "end"),
                    _ => false,
                };
                let inner = Box::new(if nothing { nil(span.clone()) } else { self.expression()? });
                let span = span.start..self.behind();
                let kind = match name {
                    "next" => Kind::Next(inner),
                    "break" => Kind::Break(inner),
                    _ => Kind::Return(inner),
                };
                return Ok(Expr::new(kind, span));
            }
            _ => {}
        }
        if let Some(place) = self.variable(name) {
            return Ok(Expr::new(Kind::Local(place), span));
        }
        if name.starts_with(char::is_uppercase) {
            return self.constant(name, span);
        }
        let assigned = match self.token() {
            Token::Sign(sign) => *sign == "=" || UPDATES.iter().any(|(known, _)| known == sign),
            _ => false,
        };
        if assigned && !Self::is_reserved(name) && !name.ends_with(['?', '!']) {
            let place = self.declare(name);
            return Ok(Expr::new(Kind::Local(place), span));
        }
        let what = if words::instead(name).is_some() { "supported" } else { "known" };
        let mut error = error(span, format!("`{name}` is not {what}"));
        let known = self.scope.iter().map(|(name, _)| name.as_str());
        error.help = Some(match (words::instead(name), closest(name, known.clone())) {
            (Some(help), _) => help.to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        });
        Err(error)
    }

    /// The name of a library after `require`. None is read: what is supported of it is there, and the rest is told where it is used.
    fn library(&mut self) -> bool {
        let signs = usize::from(self.is("("));
        let named = matches!(self.lexeme(signs).map(|lexeme| &lexeme.token), Some(Token::Text(_)));
        if named {
            self.at += 1 + 2 * signs;
        }
        named
    }

    fn constant(&mut self, name: &str, span: Span) -> Parsed<Expr> {
        let mut span = span;
        let kind = match name {
            "Time" => Kind::Constant(Constant::Time),
            "LogStash" if self.is("::") => {
                self.at += 1;
                let known = self.take_word("Timestamp");
                span = span.start..self.behind();
                if !known {
                    return Err(not_there("LogStash", span));
                }
                Kind::Constant(Constant::Time)
            }
            JSON if self.is(".") => Kind::Value(V::Symbol(Arc::from(name))),
            _ if CLASSES.contains(&name) && !self.is(".") && !self.is("::") && !self.is("(") => {
                Kind::Value(V::Symbol(Arc::from(name)))
            }
            _ => return Err(not_there(name, span)),
        };
        Ok(Expr::new(kind, span))
    }
}

fn not_there(name: &str, span: Span) -> CodeError {
    let help = words::instead(name)
        .unwrap_or("of Ruby's classes there are `Time`, `JSON` and `LogStash::Timestamp`");
    CodeError { span, message: format!("`{name}` is not supported"), help: Some(help.to_owned()) }
}

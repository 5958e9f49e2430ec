//! Expressions: operators by how tightly they bind (Vaughan Pratt, "Top Down Operator Precedence"), and calls.

use alces_conf::closest;

use super::{
    lex::{Token, error},
    parse::{Parsed, Parser},
    tree::{Binary, Block, Call, CodeError, Expr, Kind, Span, Target, Update},
    value::V,
    words::{self, JSON},
};

/// Operators with two sides: the higher binds tighter.
const BINARY: &[(&str, u8, Operator)] = &[
    ("||", 4, Operator::Or),
    ("&&", 5, Operator::And),
    ("<=>", 7, Operator::Plain(Binary::Compare)),
    ("==", 7, Operator::Plain(Binary::Equal)),
    ("!=", 7, Operator::Plain(Binary::Unequal)),
    ("=~", 7, Operator::Plain(Binary::Match)),
    ("!~", 7, Operator::Plain(Binary::NoMatch)),
    ("<", 8, Operator::Plain(Binary::Less)),
    ("<=", 8, Operator::Plain(Binary::AtMost)),
    (">", 8, Operator::Plain(Binary::More)),
    (">=", 8, Operator::Plain(Binary::AtLeast)),
    ("|", 9, Operator::Plain(Binary::Either)),
    ("&", 10, Operator::Plain(Binary::Both)),
    ("<<", 11, Operator::Plain(Binary::Push)),
    ("+", 12, Operator::Plain(Binary::Add)),
    ("-", 12, Operator::Plain(Binary::Subtract)),
    ("*", 13, Operator::Plain(Binary::Multiply)),
    ("/", 13, Operator::Plain(Binary::Divide)),
    ("%", 13, Operator::Plain(Binary::Remainder)),
    ("**", 15, Operator::Plain(Binary::Power)),
];

/// How tightly a minus before a value binds: less than `**`.
const NEGATION: u8 = 14;

#[derive(Clone, Copy)]
enum Operator {
    Or,
    And,
    Plain(Binary),
}

pub(super) const UPDATES: &[(&str, Update)] = &[
    ("||=", Update::Or),
    ("&&=", Update::And),
    ("+=", Update::By(Binary::Add)),
    ("-=", Update::By(Binary::Subtract)),
    ("*=", Update::By(Binary::Multiply)),
    ("/=", Update::By(Binary::Divide)),
    ("%=", Update::By(Binary::Remainder)),
    ("**=", Update::By(Binary::Power)),
    ("<<=", Update::By(Binary::Push)),
];

impl Parser<'_> {
    /// With `and`, `or` and `not`, which bind least.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        let mut left = self.negated()?;
        loop {
            let and = self.is_word("and");
            if !and && !self.is_word("or") {
                return Ok(left);
            }
            self.at += 1;
            self.newlines();
            self.bounded(&left)?;
            let right = self.negated()?;
            let span = left.span.start..right.span.end;
            let (left_, right) = (Box::new(left), Box::new(right));
            left = Expr::new(if and { Kind::And(left_, right) } else { Kind::Or(left_, right) }, span);
        }
    }

    fn negated(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if self.take_word("not") {
            let inner = self.deeper(Self::negated)?;
            let span = span.start..inner.span.end;
            return Ok(Expr::new(Kind::Not(Box::new(inner)), span));
        }
        self.operand()
    }

    /// An assignment, or what may stand on its right.
    pub(super) fn operand(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            let left = parser.choice()?;
            let Token::Sign(sign) = *parser.token() else { return Ok(left) };
            let update = UPDATES.iter().find(|(known, _)| *known == sign).map(|(_, update)| *update);
            if sign != "=" && update.is_none() {
                return Ok(left);
            }
            let at = parser.span();
            parser.at += 1;
            parser.newlines();
            let target = match left.kind {
                Kind::Local(place) => Target::Local(place),
                Kind::Instance(name) => Target::Instance(name),
                Kind::Index(of, mut keys) if keys.len() == 1 => Target::Index(of, Box::new(keys.remove(0))),
                Kind::Call(call) if call.method == "timestamp" => {
                    return Err(CodeError {
                        span: left.span,
                        message: "the event's time is not set like this".to_owned(),
                        help: Some("write `event.set(\"@timestamp\", time)`".to_owned()),
                    });
                }
                _ => return Err(error(at, "nothing can be set to a value here")),
            };
            let value = Box::new(parser.operand()?);
            let span = left.span.start..value.span.end;
            let kind = match update {
                None => Kind::Assign(target, value),
                Some(update) => Kind::Update(target, update, value),
            };
            Ok(Expr::new(kind, span))
        })
    }

    /// `a ? b : c`.
    fn choice(&mut self) -> Parsed<Expr> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        self.newlines();
        let then = self.operand()?;
        self.newlines();
        match self.token().clone() {
            Token::Sign(":") => self.at += 1,
            _ => return Err(self.unexpected("`:`")),
        }
        self.newlines();
        let other = self.operand()?;
        let span = condition.span.start..other.span.end;
        Ok(Expr::new(Kind::If(Box::new(condition), Box::new(then), Box::new(other)), span))
    }

    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let Token::Sign(sign) = *self.token() else { return Ok(left) };
            let Some((_, power, operator)) = BINARY.iter().find(|(known, ..)| *known == sign) else {
                return Ok(left);
            };
            if *power < least {
                return Ok(left);
            }
            self.bounded(&left)?;
            self.at += 1;
            self.newlines();
            // `**` binds to the right, all others to the left.
            let right = self.deeper(|parser| parser.binary(if sign == "**" { *power } else { power + 1 }))?;
            let span = left.span.start..right.span.end;
            let (first, second) = (Box::new(left), Box::new(right));
            let kind = match operator {
                Operator::Or => Kind::Or(first, second),
                Operator::And => Kind::And(first, second),
                Operator::Plain(binary) => Kind::Binary(*binary, first, second),
            };
            left = Expr::new(kind, span);
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if self.take("!") {
            let inner = self.deeper(Self::unary)?;
            let span = span.start..inner.span.end;
            return Ok(Expr::new(Kind::Not(Box::new(inner)), span));
        }
        if self.is("-") {
            self.at += 1;
            // `-1.abs` is that of -1, `-2 ** 2` is -4.
            let power = self.lexeme(1).is_some_and(|next| next.token == Token::Sign("**"));
            let number = match self.token() {
                Token::Int(number) if !power => Some(V::Int(-number)),
                Token::Float(number) if !power => Some(V::Float(-number)),
                _ => None,
            };
            if let Some(number) = number {
                let value = Expr::new(Kind::Value(number), span.start..self.span().end);
                self.at += 1;
                return self.calls(value);
            }
            let inner = self.deeper(|parser| parser.binary(NEGATION))?;
            let span = span.start..inner.span.end;
            return Ok(Expr::new(Kind::Negate(Box::new(inner)), span));
        }
        let value = self.value()?;
        self.calls(value)
    }

    /// `.method(…)`, `[…]` and the like after a value.
    fn calls(&mut self, mut value: Expr) -> Parsed<Expr> {
        loop {
            self.bounded(&value)?;
            // A line may begin with the dot of a call.
            let mut ahead = 0;
            while self.lexeme(ahead).is_some_and(|lexeme| lexeme.token == Token::Newline) {
                ahead += 1;
            }
            if ahead > 0 {
                match self.lexeme(ahead).map(|lexeme| &lexeme.token) {
                    Some(Token::Sign("." | "&.")) => self.at += ahead,
                    _ => return Ok(value),
                }
            }
            let start = value.span.start;
            let opened = self.span();
            let safe = self.is("&.");
            if safe || self.is(".") {
                self.at += 1;
                let call = self.deeper(|parser| parser.call(value, safe))?;
                value = Expr::new(Kind::Call(Box::new(call)), start..self.behind());
            } else if self.is("[") {
                self.at += 1;
                let kind = self.deeper(|parser| parser.index(value, opened))?;
                value = Expr::new(kind, start..self.behind());
            } else {
                return Ok(value);
            }
        }
    }

    fn index(&mut self, of: Expr, opened: Span) -> Parsed<Kind> {
        if self.code.get(of.span.clone()) == Some("event") {
            return Err(CodeError {
                span: of.span.start..opened.end,
                message: "fields are not reached like this, in Logstash neither".to_owned(),
                help: Some("write `event.get(\"[a][b]\")` and `event.set(\"[a][b]\", value)`".to_owned()),
            });
        }
        self.newlines();
        let first = self.expression()?;
        let exclusive = self.is("...");
        if exclusive || self.is("..") {
            self.at += 1;
            self.newlines();
            let to = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
            self.expect("]", opened)?;
            return Ok(Kind::Slice { of: Box::new(of), from: Box::new(first), to, exclusive });
        }
        let mut keys = vec![first];
        if self.take(",") {
            self.newlines();
            keys.push(self.expression()?);
        }
        self.expect("]", opened)?;
        Ok(Kind::Index(Box::new(of), keys))
    }

    fn call(&mut self, receiver: Expr, safe: bool) -> Parsed<Call> {
        self.newlines();
        let span = self.span();
        let Token::Name(name) = self.token().clone() else { return Err(self.unexpected("a method's name")) };
        self.at += 1;
        let Some((method, least, most)) = words::method(&name) else { return Err(unknown(&name, span)) };
        if method == "parse" && !matches!(&receiver.kind, Kind::Value(V::Symbol(of)) if &**of == JSON) {
            return Err(unknown(&name, span));
        }
        let (arguments, mut block) = self.arguments()?;
        if block.is_none() {
            block = self.block()?;
        }
        if !(least..=most).contains(&arguments.len()) {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(error(span, format!("`{name}` takes {wanted} arguments, not {}", arguments.len())));
        }
        Ok(Call { receiver, method, arguments, block, safe })
    }

    /// In parentheses, or without them up to the end of the line.
    fn arguments(&mut self) -> Parsed<(Vec<Expr>, Option<Block>)> {
        let opened = self.span();
        let mut arguments = Vec::new();
        let mut block = None;
        let space = self.lexeme(0).is_some_and(|lexeme| lexeme.space_before);
        if self.is("(") && !space {
            self.at += 1;
            self.newlines();
            while !self.is(")") {
                if self.take("&") {
                    block = Some(self.method_as_block()?);
                } else {
                    arguments.push(self.argument()?);
                }
                self.newlines();
                if !self.take(",") {
                    break;
                }
                self.newlines();
            }
            self.expect(")", opened)?;
            return Ok((arguments, block));
        }
        let begins = match self.token() {
            Token::Name(name) => {
                !Self::is_reserved(name) || matches!(name.as_str(), "nil" | "true" | "false")
            }
            Token::Sign("(") => true,
            Token::Text(_) | Token::Parts(_) | Token::Int(_) | Token::Float(_) => true,
            Token::Symbol(_) | Token::Instance(_) | Token::Regex { .. } => true,
            Token::Sign("[") => self.lexeme(0).is_some_and(|lexeme| !lexeme.space_after),
            _ => false,
        };
        if space && begins {
            loop {
                arguments.push(self.operand()?);
                if !self.take(",") {
                    break;
                }
                self.newlines();
            }
        }
        Ok((arguments, block))
    }

    fn argument(&mut self) -> Parsed<Expr> {
        if matches!(self.token(), Token::Label(_)) {
            return Err(error(self.span(), "arguments with names are not supported"));
        }
        self.expression()
    }

    /// `&:name`.
    fn method_as_block(&mut self) -> Parsed<Block> {
        let span = self.span();
        let Token::Symbol(name) = self.token().clone() else {
            return Err(self.unexpected("the symbol of a method, as in `&:to_i`,"));
        };
        self.at += 1;
        let (method, least, _) = words::method(&name).ok_or_else(|| unknown(&name, span.clone()))?;
        if least > 0 {
            return Err(error(span, format!("`{method}` takes arguments")));
        }
        let place = self.places;
        self.places += 1;
        let receiver = Expr::new(Kind::Local(place), span.clone());
        let call = Call { receiver, method, arguments: Vec::new(), block: None, safe: false };
        Ok(Block { parameters: vec![place], body: Expr::new(Kind::Call(Box::new(call)), span) })
    }
}

fn unknown(name: &str, span: Span) -> CodeError {
    let known = words::METHODS.iter().map(|(name, ..)| *name);
    let help = match (words::instead(name), closest(name, known.clone())) {
        (Some(help), _) => help.to_owned(),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => format!("methods that are there: {}", known.collect::<Vec<_>>().join(", ")),
    };
    CodeError { span, message: format!("the method `{name}` is not supported"), help: Some(help) }
}

//! Ruby's syntax, as Onigmo reads it under grok's options (`Regexp::MULTILINE`: a dot matches a newline).

use super::{
    ast::{Assertion, Node},
    class::{Class, named},
};

/// Why an expression is not for this engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is right, and this engine does not do it: back references, calls, absence operators, exotic classes.
    Unsupported(&'static str),
    /// It is broken, at this byte.
    Broken(usize, &'static str),
}

/// Deeper nesting is refused, so that a hostile pattern cannot exhaust the stack.
const MAX_DEPTH: usize = 200;

/// A repetition count may be this high, as in Onigmo.
const MAX_REPEAT: u32 = 100_000;

/// The tree, and the names of the capture groups in order.
pub(crate) fn parse(text: &str) -> Result<(Node, Vec<String>), Refusal> {
    let mut parser = Parser { text, at: 0, depth: 0, ignore_case: false, extended: false, names: Vec::new() };
    let node = parser.alternation()?;
    if parser.at < text.len() {
        return Err(parser.broken("an unmatched `)`"));
    }
    Ok((node, parser.names))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    ignore_case: bool,
    extended: bool,
    names: Vec<String>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn broken(&self, what: &'static str) -> Refusal {
        Refusal::Broken(self.at, what)
    }

    fn alternation(&mut self) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.broken("nested too deeply"));
        }
        // Options inside a group end with it.
        let (ignore_case, extended) = (self.ignore_case, self.extended);
        let mut branches = vec![self.concat()?];
        while self.eat("|") {
            branches.push(self.concat()?);
        }
        (self.ignore_case, self.extended) = (ignore_case, extended);
        self.depth -= 1;
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Node::Alternate(branches) })
    }

    fn concat(&mut self) -> Result<Node, Refusal> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            match self.peek() {
                None | Some('|' | ')') => break,
                Some('#') if self.extended => {
                    let end = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.at += end;
                    continue;
                }
                Some(c) if self.extended && c.is_ascii_whitespace() => {
                    self.next();
                    continue;
                }
                Some(_) => {}
            }
            if self.eat("(?#") {
                let end = self.rest().find(')').ok_or_else(|| self.broken("a comment without its end"))?;
                self.at += end + 1;
                continue;
            }
            let Some(node) = self.atom()? else { continue };
            let node = self.repeated(node)?;
            // Neighbouring characters become one literal.
            match (nodes.last_mut(), node) {
                (Some(Node::Literal(before)), Node::Literal(more)) => before.extend(more),
                (_, node) => nodes.push(node),
            }
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.swap_remove(0),
            _ => Node::Concat(nodes),
        })
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, Refusal> {
        loop {
            let (min, max, braces) = match self.peek() {
                Some('*') => (0, None, false),
                Some('+') => (1, None, false),
                Some('?') => (0, Some(1), false),
                Some('{') => match self.braces()? {
                    Some((min, max)) => (min, max, true),
                    None => return Ok(node),
                },
                _ => return Ok(node),
            };
            if !braces {
                self.next();
            }
            let greedy = !self.eat("?");
            // After braces a plus is another repetition in Ruby, not the mark of a possessive one.
            let possessive = greedy && !braces && self.eat("+");
            // An assertion once is as good as often.
            let often = matches!(node, Node::Assert(_) | Node::Look { .. }) && max.is_none_or(|max| max > 1);
            let (min, max) = if often { (min.min(1), Some(1)) } else { (min, max) };
            node = Node::Repeat { node: Box::new(node), min, max, greedy };
            if possessive {
                node = Node::Atomic(Box::new(node));
            }
        }
    }

    /// `{n}`, `{n,}`, `{n,m}`, `{,m}`; anything else between braces stands for itself.
    fn braces(&mut self) -> Result<Option<(u32, Option<u32>)>, Refusal> {
        let Some(end) = self.rest().find('}') else { return Ok(None) };
        let inner = &self.rest()[1..end];
        let number = |text: &str| text.parse::<u32>().ok();
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let found = match inner.split_once(',') {
            None if !inner.is_empty() && digits(inner) => number(inner).map(|n| (n, Some(n))),
            Some((from, to)) if digits(from) && digits(to) && !(from.is_empty() && to.is_empty()) => {
                let min = if from.is_empty() { Some(0) } else { number(from) };
                let max = if to.is_empty() { Some(None) } else { number(to).map(Some) };
                min.zip(max)
            }
            _ => return Ok(None),
        };
        let (min, max) = found.ok_or_else(|| self.broken("a repetition count that is too large"))?;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT) {
            return Err(self.broken("a repetition count that is too large"));
        }
        if max.is_some_and(|max| max < min) {
            // Onigmo reads this as a possessive one with its ends swapped; nobody means that.
            return Err(Refusal::Unsupported("a repetition whose ends are swapped"));
        }
        self.at += end + 1;
        Ok(Some((min, max)))
    }

    /// One thing; `None` where it only set an option.
    fn atom(&mut self) -> Result<Option<Node>, Refusal> {
        let Some(c) = self.next() else { return Ok(Some(Node::Empty)) };
        Ok(Some(match c {
            '(' => return self.group(),
            '[' => {
                let class = self.class()?;
                Node::Class(if self.ignore_case { class.fold() } else { class })
            }
            '.' => Node::Class(Class::any()),
            '^' => Node::Assert(Assertion::LineStart),
            '$' => Node::Assert(Assertion::LineEnd),
            '\\' => self.escape()?,
            '*' | '+' | '?' => return Err(Refusal::Broken(self.at - 1, "a repetition of nothing")),
            c => self.character(c),
        }))
    }

    fn character(&self, c: char) -> Node {
        if self.ignore_case {
            let class = Class::of(&[(c, c)]).fold();
            if class.single().is_none() {
                return Node::Class(class);
            }
        }
        Node::Literal(c.to_string().into_bytes())
    }

    fn group(&mut self) -> Result<Option<Node>, Refusal> {
        let open = self.at - 1;
        if !self.eat("?") {
            // With named groups about, plain ones do not capture; without, nobody asks for them.
            let node = self.alternation()?;
            return self.close(node, open).map(Some);
        }
        let look = |behind, negated| move |node| Node::Look { node: Box::new(node), behind, negated };
        let wrapped: Box<dyn Fn(Node) -> Node> = if self.eat(":") {
            Box::new(|node| node)
        } else if self.eat(">") {
            Box::new(|node| Node::Atomic(Box::new(node)))
        } else if self.eat("=") {
            Box::new(look(false, false))
        } else if self.eat("!") {
            Box::new(look(false, true))
        } else if self.eat("<=") {
            Box::new(look(true, false))
        } else if self.eat("<!") {
            Box::new(look(true, true))
        } else if self.eat("<") || self.eat("'") {
            let end =
                self.rest().find(['>', '\'']).ok_or_else(|| self.broken("a group's name without its end"))?;
            let name = self.rest()[..end].to_owned();
            if name.is_empty() {
                return Err(self.broken("a group without a name"));
            }
            self.at += end + 1;
            let number = self.names.len();
            self.names.push(name);
            Box::new(move |node| Node::Capture(number, Box::new(node)))
        } else if self.peek().is_some_and(|c| "imx-".contains(c)) {
            return self.options(open);
        } else {
            return Err(Refusal::Unsupported("this kind of group"));
        };
        let node = self.alternation()?;
        if let Node::Look { behind: true, node, .. } = &wrapped(node.clone())
            && look_behind_widths(node).is_none()
        {
            return Err(Refusal::Unsupported("a look-behind without a fixed width"));
        }
        let node = self.close(node, open)?;
        Ok(Some(wrapped(node)))
    }

    fn close(&mut self, node: Node, open: usize) -> Result<Node, Refusal> {
        if self.eat(")") { Ok(node) } else { Err(Refusal::Broken(open, "a group without its `)`")) }
    }

    /// `(?i)`, `(?-x)`, `(?i-m:…)`.
    fn options(&mut self, open: usize) -> Result<Option<Node>, Refusal> {
        let before = (self.ignore_case, self.extended);
        let mut on = true;
        loop {
            match self.next() {
                Some('-') => on = false,
                Some('i') => self.ignore_case = on,
                Some('x') => self.extended = on,
                Some('m') if on => {}
                Some('m') => return Err(Refusal::Unsupported("a dot that does not match a newline")),
                Some(')') => {
                    // It holds for the rest of the group, alternatives included, as in Onigmo.
                    let (ignore_case, extended) = (self.ignore_case, self.extended);
                    let node = self.alternation_with(ignore_case, extended)?;
                    return Ok(Some(node));
                }
                Some(':') => {
                    let node = self.alternation()?;
                    let node = self.close(node, open)?;
                    (self.ignore_case, self.extended) = before;
                    return Ok(Some(node));
                }
                _ => return Err(self.broken("an unknown option")),
            }
        }
    }

    fn alternation_with(&mut self, ignore_case: bool, extended: bool) -> Result<Node, Refusal> {
        (self.ignore_case, self.extended) = (ignore_case, extended);
        self.alternation()
    }

    fn escape(&mut self) -> Result<Node, Refusal> {
        if let Some(class) = self.shorthand()? {
            return Ok(Node::Class(class));
        }
        let assertion = match self.peek() {
            Some('A') => Some(Assertion::TextStart),
            Some('z') => Some(Assertion::TextEnd),
            Some('Z') => Some(Assertion::TextEndBeforeNewline),
            Some('b') => Some(Assertion::WordBoundary),
            Some('B') => Some(Assertion::NotWordBoundary),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.next();
            return Ok(Node::Assert(assertion));
        }
        match self.peek() {
            Some('1'..='9') | Some('k') => return Err(Refusal::Unsupported("a back reference")),
            Some('g') => return Err(Refusal::Unsupported("a subexpression call")),
            Some('G' | 'K' | 'R' | 'X') => return Err(Refusal::Unsupported("this escape")),
            _ => {}
        }
        let c = self.escaped_character()?;
        Ok(self.character(c))
    }

    /// `\d` and its kin, ASCII as in Ruby, and `\p{…}`.
    fn shorthand(&mut self) -> Result<Option<Class>, Refusal> {
        let digit = || Class::of(&[('0', '9')]);
        let word = || Class::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
        let space = || Class::of(&[('\t', '\r'), (' ', ' ')]);
        let hex = || Class::of(&[('0', '9'), ('A', 'F'), ('a', 'f')]);
        let class = match self.peek() {
            Some('d') => digit(),
            Some('w') => word(),
            Some('s') => space(),
            Some('h') => hex(),
            Some('D') => digit().negate(),
            Some('W') => word().negate(),
            Some('S') => space().negate(),
            Some('H') => hex().negate(),
            Some(c @ ('p' | 'P')) if self.rest()[1..].starts_with('{') => {
                let end = self.rest().find('}').ok_or_else(|| self.broken("a property without its `}`"))?;
                let name = self.rest()[2..end].to_owned();
                let (name, negated) = match name.strip_prefix('^') {
                    Some(name) => (name, c == 'p'),
                    None => (name.as_str(), c == 'P'),
                };
                let class = named(name).ok_or(Refusal::Unsupported("this property"))?;
                self.at += end + 1;
                return Ok(Some(if negated { class.negate() } else { class }));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(class))
    }

    fn escaped_character(&mut self) -> Result<char, Refusal> {
        let Some(c) = self.next() else { return Err(self.broken("a backslash at the end")) };
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\x0c',
            'v' => '\x0b',
            'a' => '\x07',
            'e' => '\x1b',
            'x' if self.eat("{") => {
                let end = self.rest().find('}').ok_or_else(|| self.broken("a code point without its `}`"))?;
                let digits = self.rest()[..end].to_owned();
                self.at += end + 1;
                self.code_point(&digits)?
            }
            'x' => {
                let digits: String =
                    self.rest().chars().take(2).take_while(char::is_ascii_hexdigit).collect();
                self.at += digits.len();
                let c = self.code_point(&digits)?;
                if !c.is_ascii() {
                    return Err(Refusal::Unsupported("a byte that is no character of its own"));
                }
                c
            }
            'u' => {
                let digits: String = self.rest().chars().take(4).collect();
                self.at += digits.len();
                self.code_point(&digits)?
            }
            '0' => {
                let digits: String =
                    self.rest().chars().take(2).take_while(|c| ('0'..='7').contains(c)).collect();
                self.at += digits.len();
                char::from(u8::from_str_radix(&format!("0{digits}"), 8).unwrap_or(0))
            }
            'c' | 'C' | 'M' => return Err(Refusal::Unsupported("a control escape")),
            other => other,
        })
    }

    fn code_point(&self, digits: &str) -> Result<char, Refusal> {
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| self.broken("a code point that is none"))
    }

    /// After `[`: items, ranges, nested classes, POSIX brackets, `&&`.
    fn class(&mut self) -> Result<Class, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.broken("nested too deeply"));
        }
        let open = self.at - 1;
        let negated = self.eat("^");
        let mut class = Class::default();
        let mut whole: Option<Class> = None;
        let mut first = true;
        loop {
            if !first && self.eat("]") {
                break;
            }
            if self.rest().is_empty() {
                return Err(Refusal::Broken(open, "a `[` without its `]`"));
            }
            if self.eat("&&") {
                whole = Some(whole.map_or_else(|| class.clone(), |w| w.intersect(&class)));
                class = Class::default();
                first = false;
                continue;
            }
            if let Some(inside) = self.rest().strip_prefix("[:")
                && let Some(end) = inside.find(":]")
            {
                let name = inside[..end].to_owned();
                let (name, inverse) = name.strip_prefix('^').map_or((name.as_str(), false), |n| (n, true));
                let set = named(name).ok_or(Refusal::Unsupported("this POSIX bracket"))?;
                class = class.union(&if inverse { set.negate() } else { set });
                self.at += end + 4;
                first = false;
                continue;
            }
            if !first && self.eat("[") || first && self.rest().starts_with('[') && self.eat("[") {
                let inner = self.class()?;
                class = class.union(&inner);
                first = false;
                continue;
            }
            let start = self.at;
            let Some(from) = self.class_item(&mut class)? else {
                first = false;
                continue;
            };
            first = false;
            // `a-z`, but `a-]` and `a-\d` hold a dash.
            if self.rest().starts_with('-') && !self.rest().starts_with("-]") {
                let dash = self.at;
                self.next();
                if self.rest().starts_with('[') || self.rest().starts_with("&&") {
                    self.at = dash;
                    class.add(from, from);
                    continue;
                }
                match self.class_item(&mut class)? {
                    Some(to) if from <= to => class.add(from, to),
                    Some(_) => return Err(Refusal::Broken(start, "a range whose ends are swapped")),
                    None => {
                        class.add(from, from);
                        class.add('-', '-');
                    }
                }
            } else {
                class.add(from, from);
            }
        }
        self.depth -= 1;
        let class = whole.map_or(class.clone(), |w| w.intersect(&class));
        Ok(if negated { class.negate() } else { class })
    }

    /// One character, or a shorthand that is added at once.
    fn class_item(&mut self, class: &mut Class) -> Result<Option<char>, Refusal> {
        if !self.eat("\\") {
            return Ok(self.next());
        }
        if let Some(set) = self.shorthand()? {
            *class = class.clone().union(&set);
            return Ok(None);
        }
        if self.eat("b") {
            return Ok(Some('\x08'));
        }
        self.escaped_character().map(Some)
    }
}

/// The widths of a look-behind's alternatives; Onigmo wants each of them fixed.
pub(crate) fn look_behind_widths(node: &Node) -> Option<Vec<usize>> {
    match node {
        Node::Alternate(branches) => branches.iter().map(Node::width).collect(),
        other => other.width().map(|width| vec![width]),
    }
}

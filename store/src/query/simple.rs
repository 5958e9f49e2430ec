//! `simple_query_string`: a syntax for search boxes, in which nothing is an error (Lucene's `SimpleQueryParser`).

use super::ast::Query;

/// Groups deeper than this are read as if they ended.
const DEPTH: usize = 30;

/// Parses the text; `all`: words are all required. `on` puts a query on the fields that were asked for.
pub(crate) fn parse(text: &str, all: bool, on: &dyn Fn(Query) -> Query) -> Query {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, all, on };
    parser.group(0).unwrap_or(Query::None)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    all: bool,
    on: &'a dyn Fn(Query) -> Query,
}

impl Parser<'_> {
    fn group(&mut self, depth: usize) -> Option<Query> {
        // What was read, and whether its parts are all required.
        let mut tree: Option<(Vec<Query>, bool)> = None;
        let (mut next, mut not) = (None, false);
        while let Some(c) = self.chars.get(self.at).copied() {
            let branch = match c {
                ')' if depth > 0 => break,
                '(' if depth < DEPTH => {
                    self.at += 1;
                    let inner = self.group(depth + 1);
                    // A group that is not closed is read as if its sign were not there.
                    self.at += usize::from(self.chars.get(self.at) == Some(&')'));
                    inner
                }
                '+' | '|' => {
                    next = Some(c == '+');
                    self.at += 1;
                    continue;
                }
                '-' => {
                    not = !not;
                    self.at += 1;
                    continue;
                }
                '"' if self.chars[self.at + 1..].contains(&'"') => Some(self.quoted()),
                c if c.is_whitespace() || "()\"".contains(c) => {
                    self.at += 1;
                    // A sign that stands alone is forgotten.
                    not &= !c.is_whitespace();
                    continue;
                }
                _ => self.word(),
            };
            let Some(mut branch) = branch else { continue };
            if std::mem::take(&mut not) {
                branch = Query::Bool {
                    must: vec![],
                    filter: vec![],
                    should: vec![],
                    must_not: vec![branch],
                    minimum: None,
                };
            }
            let required = next.take();
            tree = Some(match tree {
                None => (vec![branch], required.unwrap_or(self.all)),
                Some((mut parts, together)) => {
                    let required = required.unwrap_or(self.all);
                    if required == together || parts.len() == 1 {
                        parts.push(branch);
                        (parts, required)
                    } else {
                        (vec![tie(parts, together), branch], required)
                    }
                }
            });
        }
        tree.map(|(parts, together)| tie(parts, together))
    }

    fn quoted(&mut self) -> Query {
        self.at += 1;
        let text = self.text(|c| c == '"');
        self.at += 1;
        let slop = self.number().unwrap_or(0);
        (self.on)(Query::Phrase { field: String::new(), text: text.into(), slop, prefix: false })
    }

    fn word(&mut self) -> Option<Query> {
        let start = self.at;
        let text = self.text(|c| c.is_whitespace() || "()\"|+".contains(c));
        if self.at == start {
            self.at += 1;
            return None;
        }
        let prefix = text.len() > 1 && text.ends_with('*') && !self.chars[..self.at].ends_with(&['\\', '*']);
        Some((self.on)(if prefix {
            let value = text[..text.len() - 1].to_owned();
            Query::Prefix { field: String::new(), value, insensitive: false }
        } else {
            Query::Match { field: String::new(), text: text.into(), all: self.all, minimum: None }
        }))
    }

    /// Up to a sign that is not escaped.
    fn text(&mut self, ends: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.chars.get(self.at).copied() {
            if c == '\\' {
                text.extend(self.chars.get(self.at + 1));
                self.at += 2;
                continue;
            }
            if ends(c) {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        self.at = self.at.min(self.chars.len());
        text
    }

    /// `~2` after a phrase.
    fn number(&mut self) -> Option<u32> {
        let rest = self.chars.get(self.at..)?.strip_prefix(&['~'])?;
        let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
        self.at += 1 + digits.len();
        digits.parse().ok()
    }
}

fn tie(mut parts: Vec<Query>, together: bool) -> Query {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let (must, should) = if together { (parts, vec![]) } else { (vec![], parts) };
    Query::Bool { must, filter: vec![], should, must_not: vec![], minimum: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(query: &Query) -> String {
        match query {
            Query::Bool { must, should, must_not, .. } => {
                let list = |sign: &str, all: &[Query]| {
                    all.iter().map(|q| format!("{sign}{}", show(q))).collect::<Vec<_>>()
                };
                format!("({})", [list("+", must), list("", should), list("-", must_not)].concat().join(" "))
            }
            Query::Match { text, .. } => text.as_str().unwrap_or_default().to_owned(),
            Query::Phrase { text, slop, .. } => format!("{text}~{slop}"),
            Query::Prefix { value, .. } => format!("{value}*"),
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(show(&parse(text, false, &|query| query)), expect);
    }

    #[test]
    fn reads_what_people_type() {
        check("a b", "(a b)");
        check("a + b", "(+a +b)");
        check("a | -b", "(a (-b))");
        check("\"x y\"~3 we*", "(\"x y\"~3 we*)");
        check("a + (b | c)", "(+a +(b c))");
        check("a + b | c", "((+a +b) c)");
        check("", "None");
        check("((((", "None");
        check("a)", "a");
    }

    proptest! {
        #[test]
        fn nothing_is_an_error(text in "[ab+|\\-\"*()~\\\\ 2]{0,40}") {
            parse(&text, false, &|query| query);
        }
    }
}

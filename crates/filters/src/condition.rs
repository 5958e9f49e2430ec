//! Conditions, as Logstash's `EventCondition.java` decides them: `==` of unlike types is false, `<` of unlike types, or of what is
//! missing, cannot be decided, and the event goes no further.

use std::{cmp::Ordering, fmt};

use alces_conf::{BoolOp, CompareOp, Diagnostic, Operand, Spanned};
use alces_event::{Event, FieldRef, ValueRef, render_value};
use alces_grok::{Grok, Outcome, PatternSet, Spans};

use crate::Context;

/// A compiled condition.
#[derive(Clone, Debug)]
pub struct Condition(Node);

#[derive(Clone, Debug)]
enum Node {
    Bool(BoolOp, Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare(Term, CompareOp, Term),
    Match { subject: Term, pattern: Box<Grok>, negated: bool },
    In { needle: Term, haystack: Term, negated: bool },
    Truthy(Term),
}

#[derive(Clone, Debug)]
enum Term {
    Field(FieldRef),
    Text(String),
    Int(i64),
    Float(f64),
    List(Vec<Term>),
}

impl Condition {
    /// Checks and compiles a condition.
    ///
    /// # Errors
    /// A broken field reference or regex, with its place.
    pub fn compile(context: &Context<'_>, condition: &alces_conf::Condition) -> Result<Self, Diagnostic> {
        node(context, condition).map(Self)
    }

    /// Whether it holds for `event`.
    ///
    /// # Errors
    /// `<`, `>`, `<=` or `>=` between unlike types, or with a field that is missing.
    pub fn holds(&self, event: &Event) -> Result<bool, Undecided> {
        holds(&self.0, event)
    }
}

/// Why a condition can be decided neither way for an event; says what of the event it is, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided(String);

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undecided {}

fn node(context: &Context<'_>, condition: &alces_conf::Condition) -> Result<Node, Diagnostic> {
    use alces_conf::Condition as C;
    Ok(match condition {
        C::Bool(op, a, b) => Node::Bool(*op, Box::new(node(context, a)?), Box::new(node(context, b)?)),
        C::Not(inner) => Node::Not(Box::new(node(context, inner)?)),
        C::Compare(a, op, b) => Node::Compare(term(context, a)?, *op, term(context, b)?),
        C::Match { subject, pattern, negated } => {
            let compiled = Grok::compile(&PatternSet::default(), &pattern.node)
                .map_err(|e| context.source.error(&pattern.span, e.to_string()))?;
            Node::Match { subject: term(context, subject)?, pattern: Box::new(compiled), negated: *negated }
        }
        C::In { needle, haystack, negated } => {
            Node::In { needle: term(context, needle)?, haystack: term(context, haystack)?, negated: *negated }
        }
        C::Truthy(operand) => Node::Truthy(term(context, operand)?),
    })
}

fn term(context: &Context<'_>, operand: &Operand) -> Result<Term, Diagnostic> {
    let substituted = |text: &Spanned<String>| {
        alces_conf::substitute(&text.node, context.env).map_err(|variable| {
            context.source.error(&text.span, format!("the variable `{variable}` is not set"))
        })
    };
    Ok(match operand {
        Operand::Field(text) => {
            let field = FieldRef::parse(&text.node);
            Term::Field(field.map_err(|e| context.source.error(&text.span, e.to_string()))?)
        }
        Operand::String(text) => Term::Text(substituted(text)?),
        Operand::Number(text) => match text.node.parse() {
            Ok(whole) => Term::Int(whole),
            Err(_) => Term::Float(
                text.node.parse().map_err(|_| context.source.error(&text.span, "this is not a number"))?,
            ),
        },
        Operand::Array(items, _) => {
            Term::List(items.iter().map(|item| term(context, item)).collect::<Result<_, _>>()?)
        }
    })
}

fn holds(node: &Node, event: &Event) -> Result<bool, Undecided> {
    Ok(match node {
        Node::Bool(BoolOp::And, a, b) => holds(a, event)? && holds(b, event)?,
        Node::Bool(BoolOp::Or, a, b) => holds(a, event)? || holds(b, event)?,
        Node::Bool(BoolOp::Xor, a, b) => holds(a, event)? != holds(b, event)?,
        Node::Bool(BoolOp::Nand, a, b) => !(holds(a, event)? && holds(b, event)?),
        Node::Not(inner) => !holds(inner, event)?,
        Node::Compare(a, CompareOp::Eq, b) => equal(a, b, event),
        Node::Compare(a, CompareOp::Ne, b) => !equal(a, b, event),
        Node::Compare(a, op, b) => {
            let order = order(a, *op, b, event)?;
            match op {
                CompareOp::Lt => order.is_lt(),
                CompareOp::Gt => order.is_gt(),
                CompareOp::Le => order.is_le(),
                _ => order.is_ge(),
            }
        }
        Node::Match { subject, pattern, negated } => {
            // `=~` on what is not text is false, and `!~` therefore true.
            let found = value(subject, event)
                .and_then(ValueRef::as_str)
                .is_some_and(|text| pattern.matches(text, &mut Spans::default()) == Outcome::Match);
            found != *negated
        }
        Node::In { needle, haystack, negated } => contains(needle, haystack, event) != *negated,
        Node::Truthy(term) => match value(term, event) {
            None | Some(ValueRef::Null | ValueRef::Bool(false)) => false,
            Some(ValueRef::Str(text)) => !text.is_empty() && text != "false",
            Some(_) => true,
        },
    })
}

/// A term's value; `None` for a missing field and for lists.
fn value<'v>(term: &'v Term, event: &'v Event) -> Option<ValueRef<'v>> {
    match term {
        Term::Field(field) => event.get(field).filter(|value| !matches!(value, ValueRef::Null)),
        Term::Text(text) => Some(ValueRef::Str(text)),
        Term::Int(number) => Some(ValueRef::Int(*number)),
        Term::Float(number) => Some(ValueRef::Float(*number)),
        Term::List(_) => None,
    }
}

/// `==`: of unlike types no two are equal, but numbers are numbers; what is missing equals what is missing.
fn equal(a: &Term, b: &Term, event: &Event) -> bool {
    match (a, b) {
        (Term::List(a), Term::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, event))
        }
        (Term::List(items), field) | (field, Term::List(items)) => match value(field, event) {
            Some(ValueRef::List(list)) => {
                list.len() == items.len()
                    && items
                        .iter()
                        .zip(list.iter())
                        .all(|(item, found)| value(item, event).is_some_and(|item| same(item, found)))
            }
            _ => false,
        },
        (a, b) => match (value(a, event), value(b, event)) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            _ => false,
        },
    }
}

fn same(a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
    match (a, b) {
        (ValueRef::Int(a), ValueRef::Int(b)) => a == b,
        (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
        (ValueRef::List(a), ValueRef::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (ValueRef::Object(a), ValueRef::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key.as_str()).is_some_and(|b| same(a, b)))
        }
        (a, b) => ordered(a, b) == Some(Ordering::Equal),
    }
}

/// `<`, `>`, `<=`, `>=`.
fn order(a: &Term, op: CompareOp, b: &Term, event: &Event) -> Result<Ordering, Undecided> {
    let values = (value(a, event), value(b, event));
    let found = match values {
        (Some(a), Some(b)) => ordered(a, b),
        _ => None,
    };
    found.ok_or_else(|| {
        let side = |term: &Term, value: Option<ValueRef<'_>>| {
            let kind = match value {
                None if matches!(term, Term::List(_)) => "a list",
                None => "missing",
                Some(value) => kind(value),
            };
            match term {
                Term::Field(field) => match field.to_string() {
                    name if name.starts_with('[') => format!("{name} is {kind}"),
                    name => format!("[{name}] is {kind}"),
                },
                _ => format!("the other side is {kind}"),
            }
        };
        let sign = match op {
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Gt => ">",
            CompareOp::Le => "<=",
            CompareOp::Ge => ">=",
        };
        Undecided(format!("`{sign}` cannot compare: {}, {}", side(a, values.0), side(b, values.1)))
    })
}

fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "null",
        ValueRef::Bool(_) => "a boolean",
        ValueRef::Int(_) | ValueRef::Float(_) => "a number",
        ValueRef::Time(_) => "a time",
        ValueRef::Str(_) => "text",
        ValueRef::List(_) => "a list",
        ValueRef::Object(_) => "an object",
    }
}

fn ordered(a: ValueRef<'_>, b: ValueRef<'_>) -> Option<Ordering> {
    match (a, b) {
        (ValueRef::Int(a), ValueRef::Int(b)) => Some(a.cmp(&b)),
        (ValueRef::Int(a), ValueRef::Float(b)) => (a as f64).partial_cmp(&b),
        (ValueRef::Float(a), ValueRef::Int(b)) => a.partial_cmp(&(b as f64)),
        (ValueRef::Float(a), ValueRef::Float(b)) => a.partial_cmp(&b),
        (ValueRef::Str(a), ValueRef::Str(b)) => Some(a.cmp(b)),
        (ValueRef::Time(a), ValueRef::Time(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

fn contains(needle: &Term, haystack: &Term, event: &Event) -> bool {
    let Some(found) = value(needle, event) else {
        // A constant list in a constant list, or in a text.
        return match (needle, haystack) {
            (Term::List(items), Term::Text(_)) => items.iter().any(|item| equal(item, haystack, event)),
            _ => false,
        };
    };
    match haystack {
        // As texts: 200 is in ["200", "301"].
        Term::List(items) => items.iter().filter_map(|item| value(item, event)).any(|item| {
            if let (ValueRef::Str(a), ValueRef::Str(b)) = (found, item) {
                return a == b;
            }
            let (mut a, mut b) = (String::new(), String::new());
            render_value(&mut a, found);
            render_value(&mut b, item);
            a == b
        }),
        _ => match (found, value(haystack, event)) {
            (ValueRef::List(_) | ValueRef::Object(_), _) => false,
            (_, Some(ValueRef::List(list))) => list.iter().any(|item| same(found, item)),
            (ValueRef::Str(part), Some(ValueRef::Str(text))) => text.contains(part),
            (_, Some(other)) => {
                matches!((needle, haystack), (Term::Field(_), Term::Field(_))) && same(found, other)
            }
            (_, None) => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    fn decide(condition: &str) -> String {
        let conf = format!(
            r#"grok {{ match => {{ "message" => "%{{WORD:verb}} %{{INT:status:int}}" }} }}
               mutate {{ add_field => {{ "empty" => "" "no" => "false" "l" => ["a", "b"] "code" => "%{{status}}" }} }}
               if {condition} {{ drop {{ }} }}"#
        );
        check(&conf, "GET 503")
    }

    fn holds(condition: &str) -> bool {
        decide(condition) == "cancelled"
    }

    #[test]
    fn as_logstash_decides() {
        for yes in [
            r#"[verb] == "GET""#,
            r#"[verb] == 'GET' and [status] >= 500"#,
            "[status] == 503.0",
            "[verb]",
            "![missing]",
            "![empty]",
            "![no]",
            r#"[verb] in ["GET", "POST"]"#,
            r#""E" in [verb]"#,
            r#"[verb] in "GETTER""#,
            // In a list of constants texts are compared.
            r#"[status] in ["500", "503"]"#,
            "[code] in [500, 503]",
            r#""a" in [l]"#,
            r#"[l] == ["a", "b"]"#,
            "[verb] =~ /^G.T$/",
            r#"[verb] !~ "^P""#,
            "[status] !~ /503/",
            r#"[missing] != "x""#,
            "[missing] == [absent]",
            r#""x" not in [verb]"#,
            "([verb] and [missing]) or [status] > 1",
            "[verb] xor [missing]",
            "[verb] nand [missing]",
            "[status] < 504",
            // The second part is not asked.
            "[verb] or [missing] > 1",
        ] {
            assert!(holds(yes), "{yes} holds");
        }
        for no in [
            r#"[verb] == "get""#,
            "[missing]",
            "[empty]",
            // Unlike types: text and number.
            r#"[status] == "503""#,
            r#"[missing] in ["a"]"#,
            r#""a" in [missing]"#,
            r#""503" in [status]"#,
            "[l] in [l]",
            "!([verb])",
            "[missing] and [missing] > 1",
        ] {
            assert!(!holds(no), "{no} does not hold");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not_decided() {
        let undecided = |condition: &str, expect: &str| {
            assert_eq!(decide(condition), format!("undecided: {expect}"), "{condition}");
        };
        undecided("[missing] > 1", "`>` cannot compare: [missing] is missing, the other side is a number");
        undecided("[verb] <= 1", "`<=` cannot compare: [verb] is text, the other side is a number");
        undecided(
            "![verb] or !([status] < [verb])",
            "`<` cannot compare: [status] is a number, [verb] is text",
        );
        undecided("[l] >= 1", "`>=` cannot compare: [l] is a list, the other side is a number");
    }

    #[test]
    fn a_broken_regex_is_an_error_at_its_place() {
        assert!(
            errors("if [a] =~ /(/ { drop { } }").starts_with("x.conf:1:20: the regular expression is broken")
        );
    }
}

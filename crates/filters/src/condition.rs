//! Conditions, as Logstash's `EventCondition.java` decides them.

use std::cmp::Ordering;

use alces_conf::{BoolOp, CompareOp, Diagnostic, Operand, Spanned};
use alces_event::{Event, FieldRef, ValueRef};
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

    /// Whether it holds for `event`. A comparison of unlike types does not hold.
    pub fn holds(&self, event: &Event) -> bool {
        holds(&self.0, event)
    }
}

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

fn holds(node: &Node, event: &Event) -> bool {
    match node {
        Node::Bool(BoolOp::And, a, b) => holds(a, event) && holds(b, event),
        Node::Bool(BoolOp::Or, a, b) => holds(a, event) || holds(b, event),
        Node::Bool(BoolOp::Xor, a, b) => holds(a, event) != holds(b, event),
        Node::Bool(BoolOp::Nand, a, b) => !(holds(a, event) && holds(b, event)),
        Node::Not(inner) => !holds(inner, event),
        Node::Compare(a, op, b) => compare(a, *op, b, event),
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
            Some(_) => true,
        },
    }
}

/// A term's value; `None` for a missing field and for lists, which only `in` knows.
fn value<'v>(term: &'v Term, event: &'v Event) -> Option<ValueRef<'v>> {
    match term {
        Term::Field(field) => event.get(field),
        Term::Text(text) => Some(ValueRef::Str(text)),
        Term::Int(number) => Some(ValueRef::Int(*number)),
        Term::Float(number) => Some(ValueRef::Float(*number)),
        Term::List(_) => None,
    }
}

fn compare(a: &Term, op: CompareOp, b: &Term, event: &Event) -> bool {
    let (a, b) = (value(a, event), value(b, event));
    let order = match (a, b) {
        (None | Some(ValueRef::Null), None | Some(ValueRef::Null)) => Some(Ordering::Equal),
        (Some(a), Some(b)) => order(a, b),
        _ => None,
    };
    match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::Ne => order != Some(Ordering::Equal),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn order(a: ValueRef<'_>, b: ValueRef<'_>) -> Option<Ordering> {
    match (a, b) {
        (ValueRef::Int(a), ValueRef::Int(b)) => Some(a.cmp(&b)),
        (ValueRef::Int(a), ValueRef::Float(b)) => (a as f64).partial_cmp(&b),
        (ValueRef::Float(a), ValueRef::Int(b)) => a.partial_cmp(&(b as f64)),
        (ValueRef::Float(a), ValueRef::Float(b)) => a.partial_cmp(&b),
        (ValueRef::Str(a), ValueRef::Str(b)) => Some(a.cmp(b)),
        (ValueRef::Time(a), ValueRef::Time(b)) => Some(a.cmp(&b)),
        (ValueRef::Bool(a), ValueRef::Bool(b)) => (a == b).then_some(Ordering::Equal),
        // A boolean is compared with the word, as users write `[flag] == "true"`.
        (ValueRef::Bool(a), ValueRef::Str(b)) | (ValueRef::Str(b), ValueRef::Bool(a)) => {
            (b == if a { "true" } else { "false" }).then_some(Ordering::Equal)
        }
        _ => None,
    }
}

fn contains(needle: &Term, haystack: &Term, event: &Event) -> bool {
    let Some(needle) = value(needle, event) else { return false };
    let same = |item: ValueRef<'_>| order(needle, item) == Some(Ordering::Equal);
    if let Term::List(items) = haystack {
        return items.iter().filter_map(|item| value(item, event)).any(same);
    }
    match value(haystack, event) {
        Some(ValueRef::List(list)) => list.iter().any(same),
        Some(ValueRef::Str(text)) => needle.as_str().is_some_and(|needle| text.contains(needle)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    fn holds(condition: &str) -> bool {
        let conf = format!(
            r#"grok {{ match => {{ "message" => "%{{WORD:verb}} %{{INT:status:int}}" }} }} if {condition} {{ drop {{ }} }}"#
        );
        check(&conf, "GET 503") == "cancelled"
    }

    #[test]
    fn as_logstash_decides() {
        for yes in [
            r#"[verb] == "GET""#,
            r#"[verb] == 'GET' and [status] >= 500"#,
            "[status] == 503.0",
            "[verb]",
            "![missing]",
            r#"[verb] in ["GET", "POST"]"#,
            r#""E" in [verb]"#,
            "[verb] =~ /^G.T$/",
            r#"[verb] !~ "^P""#,
            "[status] !~ /503/",
            r#"[missing] != "x""#,
            r#""x" not in [verb]"#,
            "([verb] and [missing]) or [status] > 1",
            "[verb] xor [missing]",
            "[verb] nand [missing]",
            "[status] < 504",
        ] {
            assert!(holds(yes), "{yes} holds");
        }
        for no in [
            r#"[verb] == "get""#,
            "[missing]",
            "[missing] > 1",
            // Unlike types: text and number.
            "[verb] > 1",
            r#"[status] == "503""#,
            r#"[missing] in ["a"]"#,
            r#""a" in [missing]"#,
            "!([verb])",
        ] {
            assert!(!holds(no), "{no} does not hold");
        }
    }

    #[test]
    fn a_broken_regex_is_an_error_at_its_place() {
        assert!(
            errors("if [a] =~ /(/ { drop { } }").starts_with("x.conf:1:20: the regular expression is broken")
        );
    }
}

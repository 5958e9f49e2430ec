//! A syntax tree as text again: what [`parse`](crate::parse) reads of it, escapes off, is the same tree.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::{
    Attribute, BoolOp, CompareOp, Condition, Config, Operand, Plugin, SectionKind, Statement, Value,
};

impl Display for Config {
    /// The whole file, indented by two spaces. Comments are not in the tree, and so not in the text.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            let kind = match section.kind {
                SectionKind::Input => "input",
                SectionKind::Filter => "filter",
                SectionKind::Output => "output",
            };
            write!(f, "{kind} ")?;
            block(f, 0, section.body.is_empty(), |f| body(f, 1, &section.body))?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

impl Display for Plugin {
    /// As it stands in a section, from its name to its closing brace.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        plugin(f, 0, self)
    }
}

impl Display for Condition {
    /// With parentheses around each part that is itself a combination.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let part = |f: &mut Formatter<'_>, inner: &Condition| match inner {
            Condition::Bool(..) => write!(f, "({inner})"),
            _ => write!(f, "{inner}"),
        };
        match self {
            Self::Bool(op, a, b) => {
                part(f, a)?;
                f.write_str(match op {
                    BoolOp::And => " and ",
                    BoolOp::Or => " or ",
                    BoolOp::Xor => " xor ",
                    BoolOp::Nand => " nand ",
                })?;
                part(f, b)
            }
            Self::Not(inner) => match &**inner {
                Self::Truthy(Operand::Field(field)) => write!(f, "!{}", field.node),
                inner => write!(f, "!({inner})"),
            },
            Self::Compare(a, op, b) => {
                let op = match op {
                    CompareOp::Eq => "==",
                    CompareOp::Ne => "!=",
                    CompareOp::Lt => "<",
                    CompareOp::Gt => ">",
                    CompareOp::Le => "<=",
                    CompareOp::Ge => ">=",
                };
                write!(f, "{a} {op} {b}")
            }
            Self::Match { subject, pattern, negated } => {
                write!(f, "{subject} {} ", if *negated { "!~" } else { "=~" })?;
                if stands_between(&pattern.node, '/') {
                    write!(f, "/{}/", pattern.node)
                } else {
                    string(f, &pattern.node)
                }
            }
            Self::In { needle, haystack, negated } => {
                write!(f, "{needle} {} {haystack}", if *negated { "not in" } else { "in" })
            }
            Self::Truthy(operand) => write!(f, "{operand}"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(text) | Self::Number(text) => f.write_str(&text.node),
            Self::String(text) => string(f, &text.node),
            Self::Array(items, _) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
        }
    }
}

fn indent(f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    write!(f, "{:width$}", "", width = depth * 2)
}

/// `{ … }` over several lines, or `{ }`.
fn block(
    f: &mut Formatter<'_>,
    depth: usize,
    empty: bool,
    inside: impl FnOnce(&mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if empty {
        return f.write_str("{ }");
    }
    f.write_str("{\n")?;
    inside(f)?;
    indent(f, depth)?;
    f.write_char('}')
}

fn body(f: &mut Formatter<'_>, depth: usize, statements: &[Statement]) -> fmt::Result {
    for statement in statements {
        indent(f, depth)?;
        match statement {
            Statement::Plugin(one) => plugin(f, depth, one)?,
            Statement::If(branches) => {
                for (at, branch) in branches.iter().enumerate() {
                    match (&branch.condition, at) {
                        (Some(condition), 0) => write!(f, "if {condition} ")?,
                        (Some(condition), _) => write!(f, " else if {condition} ")?,
                        (None, _) => f.write_str(" else ")?,
                    }
                    block(f, depth, branch.body.is_empty(), |f| body(f, depth + 1, &branch.body))?;
                }
            }
        }
        f.write_char('\n')?;
    }
    Ok(())
}

fn plugin(f: &mut Formatter<'_>, depth: usize, plugin: &Plugin) -> fmt::Result {
    name(f, &plugin.name.node)?;
    f.write_char(' ')?;
    block(f, depth, plugin.attributes.is_empty(), |f| {
        for Attribute { name: key, value: of } in &plugin.attributes {
            indent(f, depth + 1)?;
            name(f, &key.node)?;
            f.write_str(" => ")?;
            value(f, depth + 1, &of.node)?;
            f.write_char('\n')?;
        }
        Ok(())
    })
}

fn value(f: &mut Formatter<'_>, depth: usize, of: &Value) -> fmt::Result {
    match of {
        Value::String(text) => string(f, text),
        Value::Bareword(text) | Value::Number(text) => f.write_str(text),
        Value::Array(items) => {
            f.write_char('[')?;
            for (at, item) in items.iter().enumerate() {
                f.write_str(if at > 0 { ", " } else { "" })?;
                value(f, depth, &item.node)?;
            }
            f.write_char(']')
        }
        Value::Hash(entries) => block(f, depth, entries.is_empty(), |f| {
            for (key, of) in entries {
                indent(f, depth + 1)?;
                string(f, &key.node)?;
                f.write_str(" => ")?;
                value(f, depth + 1, &of.node)?;
                f.write_char('\n')?;
            }
            Ok(())
        }),
        Value::Plugin(one) => plugin(f, depth, one),
    }
}

/// A plugin's or an option's name, quoted where it must be.
fn name(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(plain) { f.write_str(text) } else { string(f, text) }
}

fn string(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if stands_between(text, '"') { '"' } else { '\'' };
    write!(f, "{quote}{text}{quote}")
}

/// Whether nothing in `text` ends it before its end.
fn stands_between(text: &str, quote: char) -> bool {
    let mut before = quote;
    for c in text.chars() {
        if c == quote && before != '\\' {
            return false;
        }
        before = c;
    }
    before != '\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Branch, Escapes, Section, Source, Spanned, parse};

    fn read(text: &str) -> Config {
        parse(&Source::new("x.conf", text), Escapes::Off).unwrap_or_else(|e| panic!("{}\n{text}", e[0]))
    }

    /// The tree as text without its places.
    fn tree(config: &Config) -> String {
        let debug = format!("{config:?}");
        let parts: Vec<_> =
            debug.split("..").map(|part| part.trim_matches(|c: char| c.is_ascii_digit())).collect();
        parts.join("..")
    }

    fn spanned<T>(node: T) -> Spanned<T> {
        Spanned { node, span: 0..0 }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            r#"[a-z%{}é# \n\\.]{0,8}[a-z]"#,
            r#"[a-z"]{1,6}"#,
            "[a-z']{1,6}",
            r#"[a-z']{0,3}\\"[a-z]{0,3}"#
        ]
        .prop_filter("no quote fits", |t| stands_between(t, '"') || stands_between(t, '\''))
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-z_][a-z0-9_]{1,6}"
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof!["-?[0-9]{1,3}", "[0-9]{1,2}\\.[0-9]{0,2}"]
    }

    fn plugin_with(value: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Plugin> {
        let attribute = (word(), value).prop_map(|(n, v)| Attribute { name: spanned(n), value: spanned(v) });
        (word().prop_filter("a keyword", |w| w != "if"), prop::collection::vec(attribute, 0..3))
            .prop_map(|(name, attributes)| Plugin { name: spanned(name), attributes })
    }

    fn values() -> impl Strategy<Value = Value> + Clone {
        let leaf = prop_oneof![
            text().prop_map(Value::String),
            word().prop_map(Value::Bareword),
            number().prop_map(Value::Number),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let entries = prop::collection::btree_map(text(), inner.clone(), 0..3);
            prop_oneof![
                prop::collection::vec(inner.clone().prop_map(spanned), 0..3).prop_map(Value::Array),
                entries.prop_map(|e| Value::Hash(
                    e.into_iter().map(|(k, v)| (spanned(k), spanned(v))).collect()
                )),
                plugin_with(inner.boxed()).prop_map(Value::Plugin),
            ]
        })
    }

    fn field() -> impl Strategy<Value = Operand> {
        r"(\[[a-z@][a-z. ]{0,4}\]){1,2}".prop_map(|f| Operand::Field(spanned(f)))
    }

    fn operand() -> impl Strategy<Value = Operand> {
        prop_oneof![
            field(),
            text().prop_map(|t| Operand::String(spanned(t))),
            number().prop_map(|n| Operand::Number(spanned(n))),
            (text(), number()).prop_map(|(a, b)| {
                Operand::Array(vec![Operand::String(spanned(a)), Operand::Number(spanned(b))], 0..0)
            }),
        ]
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let op = prop::sample::select(vec![
            CompareOp::Eq,
            CompareOp::Ne,
            CompareOp::Lt,
            CompareOp::Gt,
            CompareOp::Le,
            CompareOp::Ge,
        ]);
        let leaf = prop_oneof![
            field().prop_map(Condition::Truthy),
            (operand(), op, operand()).prop_map(|(a, op, b)| Condition::Compare(a, op, b)),
            (field(), text(), any::<bool>()).prop_map(|(subject, pattern, negated)| Condition::Match {
                subject,
                pattern: spanned(pattern),
                negated
            }),
            (operand(), operand(), any::<bool>()).prop_map(|(needle, haystack, negated)| Condition::In {
                needle,
                haystack,
                negated
            }),
        ];
        leaf.prop_recursive(3, 8, 2, |inner| {
            let op = prop::sample::select(vec![BoolOp::And, BoolOp::Or, BoolOp::Xor, BoolOp::Nand]);
            prop_oneof![
                inner.clone().prop_map(|c| Condition::Not(Box::new(c))),
                (op, inner.clone(), inner).prop_map(|(op, a, b)| Condition::Bool(
                    op,
                    Box::new(a),
                    Box::new(b)
                )),
            ]
        })
    }

    fn statements() -> impl Strategy<Value = Vec<Statement>> {
        let leaf = plugin_with(values()).prop_map(Statement::Plugin);
        let one = leaf.prop_recursive(2, 6, 2, |inner| {
            let arm = (condition(), prop::collection::vec(inner.clone(), 0..2))
                .prop_map(|(c, body)| Branch { condition: Some(c), body });
            let last = prop::option::of(prop::collection::vec(inner, 0..2));
            (prop::collection::vec(arm, 1..3), last).prop_map(|(mut arms, last)| {
                arms.extend(last.map(|body| Branch { condition: None, body }));
                Statement::If(arms)
            })
        });
        prop::collection::vec(one, 0..3)
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same_tree(parts in prop::collection::vec((0..3usize, statements()), 0..3)) {
            let kinds = [SectionKind::Input, SectionKind::Filter, SectionKind::Output];
            let sections = parts.into_iter().map(|(k, body)| Section { kind: kinds[k], body, span: 0..0 });
            let config = Config { sections: sections.collect() };
            let printed = config.to_string();
            let again = read(&printed);
            prop_assert_eq!(tree(&again), tree(&config), "{}", printed);
            prop_assert_eq!(again.to_string(), printed);
        }
    }

    #[test]
    fn a_file_as_people_write_it() {
        let config = read(
            r#"filter{grok{match=>{message=>"%{IP:ip}"}}if[a]=~/^\/x/and![b]or"c"in[tags]{mutate{add_tag=>[a1,'b"']}}else{drop{}}}"#,
        );
        insta::assert_snapshot!(config, @r#"
        filter {
          grok {
            match => {
              "message" => "%{IP:ip}"
            }
          }
          if ([a] =~ /^\/x/ and ![b]) or "c" in [tags] {
            mutate {
              add_tag => [a1, 'b"']
            }
          } else {
            drop { }
          }
        }
        "#);
    }
}

//! Branches that are never taken.

use alces_conf::{
    BoolOp, CompareOp, Condition, Config, Diagnostic, Operand, SectionKind, Source, Span, Statement,
};

pub(crate) fn warnings(configs: &[(&Source, &Config)]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (source, config) in configs {
        for kind in [SectionKind::Filter, SectionKind::Output] {
            for statement in config.statements(kind) {
                // Filters change events between one condition and the next one inside; outputs do not.
                walk(source, statement, kind == SectionKind::Output, &mut Vec::new(), &mut warnings);
            }
        }
    }
    warnings
}

fn walk<'c>(
    source: &Source,
    statement: &'c Statement,
    keeps: bool,
    outer: &mut Vec<&'c Condition>,
    warnings: &mut Vec<Diagnostic>,
) {
    let Statement::If(branches) = statement else { return };
    for (at, branch) in branches.iter().enumerate() {
        let before = outer.len();
        if let Some(condition) = &branch.condition {
            let span = place(condition).unwrap_or(0..0);
            let same = |other: &&Condition| other.to_string() == condition.to_string();
            let earlier = branches[..at].iter().filter_map(|b| b.condition.as_ref()).find(same);
            if let Some(earlier) = earlier {
                let line = source.error(&place(earlier).unwrap_or(0..0), "").line();
                let message =
                    format!("this branch is never taken: line {line} asks the same and comes first");
                warnings.push(source.error(&span, message));
            }
            if !keeps {
                outer.clear();
            }
            outer.push(condition);
            if let Some(contradiction) = contradiction(outer) {
                let message = format!("this branch is never taken: {contradiction}");
                warnings.push(source.error(&span, message));
            }
        }
        for statement in &branch.body {
            walk(source, statement, keeps, outer, warnings);
        }
        outer.truncate(before);
    }
}

/// Where a condition's first operand stands.
fn place(condition: &Condition) -> Option<Span> {
    let operand = |operand: &Operand| match operand {
        Operand::Field(text) | Operand::String(text) | Operand::Number(text) => text.span.clone(),
        Operand::Array(_, span) => span.clone(),
    };
    match condition {
        Condition::Bool(_, a, _) | Condition::Not(a) => place(a),
        Condition::Compare(a, ..) | Condition::Truthy(a) => Some(operand(a)),
        Condition::Match { subject, .. } => Some(operand(subject)),
        Condition::In { needle, .. } => Some(operand(needle)),
    }
}

/// Why not all of these can hold at once.
fn contradiction(all: &[&Condition]) -> Option<String> {
    let mut parts = Vec::new();
    for condition in all {
        conjuncts(condition, &mut parts);
    }
    for (at, a) in parts.iter().enumerate() {
        for b in &parts[..at] {
            if let (Some((field, one)), Some((other, two))) = (equals(a), equals(b))
                && field == other
                && one != two
            {
                return Some(format!("{field} cannot be both {two} and {one}"));
            }
            let negates = |a: &Condition, b: &Condition| matches!(a, Condition::Not(inner) if inner.to_string() == b.to_string());
            if negates(a, b) || negates(b, a) {
                let positive = if matches!(a, Condition::Not(_)) { b } else { a };
                return Some(format!("`{positive}` cannot both hold and not hold"));
            }
        }
    }
    None
}

fn conjuncts<'c>(condition: &'c Condition, parts: &mut Vec<&'c Condition>) {
    match condition {
        Condition::Bool(BoolOp::And, a, b) => {
            conjuncts(a, parts);
            conjuncts(b, parts);
        }
        other => parts.push(other),
    }
}

/// `[field] == constant`
fn equals(condition: &Condition) -> Option<(String, String)> {
    match condition {
        Condition::Compare(Operand::Field(field), CompareOp::Eq, constant)
        | Condition::Compare(constant, CompareOp::Eq, Operand::Field(field))
            if !matches!(constant, Operand::Field(_)) =>
        {
            Some((field.node.clone(), constant.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::check;

    #[test]
    fn branches_that_are_never_taken() {
        insta::assert_snapshot!(
            check(
                r#"filter {
  if [type] == "a" { drop { } }
  else if [type] == "b" and [x] { drop { } }
  else if [type]=="a" { drop { } }
  if [type] == "a" and [type] == "b" { drop { } }
}
output {
  if [type] == "a" { if [level] == 'x' and ![type] == "a" { stdout { } } else if [type] == "b" { stdout { } } }
  if [a] and ![a] { stdout { } }
}"#.replace("![type] == \"a\"", "!([type] == \"a\")").as_str()
            ),
            @r#"
        x.conf:4:11: this branch is never taken: line 2 asks the same and comes first
          |
        4 |   else if [type]=="a" { drop { } }
          |           ^^^^^^
        x.conf:5:6: this branch is never taken: [type] cannot be both "a" and "b"
          |
        5 |   if [type] == "a" and [type] == "b" { drop { } }
          |      ^^^^^^
        x.conf:8:25: this branch is never taken: `[type] == "a"` cannot both hold and not hold
          |
        8 |   if [type] == "a" { if [level] == 'x' and !([type] == "a") { stdout { } } else if [type] == "b" { stdout { } } }
          |                         ^^^^^^^
        x.conf:8:84: this branch is never taken: [type] cannot be both "a" and "b"
          |
        8 |   if [type] == "a" { if [level] == 'x' and !([type] == "a") { stdout { } } else if [type] == "b" { stdout { } } }
          |                                                                                    ^^^^^^
        x.conf:9:6: this branch is never taken: `[a]` cannot both hold and not hold
          |
        9 |   if [a] and ![a] { stdout { } }
          |      ^^^
        "#
        );
    }

    #[test]
    fn what_can_be_is_no_warning() {
        for conf in [
            r#"filter { if [t] == "a" { mutate { replace => { "t" => "b" } } if [t] == "b" { drop { } } } }"#,
            r#"output { if [t] == "a" or [t] == "b" { stdout { } } else if [t] == "c" { stdout { } } else { stdout { } } }"#,
            r#"output { if [t] == "a" { stdout { } } if [t] == "a" { stdout { } } }"#,
        ] {
            assert_eq!(check(conf), "", "{conf}");
        }
    }
}

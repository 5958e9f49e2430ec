//! YAML as a tree whose every node knows where it stands.

use alces_diagnostic::{Diagnostic, Source, Span};
use granit_parser::{Event, Parser, ScalarStyle, options};

/// A part of a file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Nothing, `~` or `null`.
    Nothing,
    /// `quoted`: it is text, even if it looks like a number.
    Text {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) value: Node,
}

/// A list or a map that is not at its end yet.
enum Open {
    List(usize, Vec<Node>),
    /// With the name that waits for its value.
    Map(usize, Vec<Member>, Option<(String, Span)>),
}

/// Reads one document; an empty one is nothing.
pub(super) fn read(source: &Source) -> Result<Node, Diagnostic> {
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    // A pattern that begins with `*` and has no quotes looks like one.
    let options = options! { emit_unresolved_aliases: true };
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let (event, place) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or_default().min(source.text().len());
            let help =
                "a text with `{`, `[`, `#`, `: ` or `*` in it needs quotes, as in '/var/log/{a,b}.log'";
            source.error(&(at..at), format!("this is no YAML: {}", error.info())).with_help(help)
        })?;
        let span = place.byte_range().unwrap_or_default();
        let refuse = |message: &str, help: &str| Err(source.error(&span, message).with_help(help));
        let done = match event {
            Event::DocumentStart(..) if root.is_some() => {
                return refuse(
                    "a second document begins here",
                    "one file is one document: take the `---` away",
                );
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let help = "a pattern that begins with `*` needs quotes, as in '*.gz'";
                return refuse("aliases (`*name`) are not read here", help);
            }
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                let nothing = !quoted && matches!(&*text, "" | "~" | "null");
                let what =
                    if nothing { What::Nothing } else { What::Text { text: text.into_owned(), quoted } };
                Node { span, what }
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(span.start, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(span.start, Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(start, items)) => Node { span: start..span.end, what: What::List(items) },
                Some(Open::Map(start, members, _)) => {
                    Node { span: start..span.end, what: What::Map(members) }
                }
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List(_, items)) => items.push(done),
            Some(Open::Map(_, members, name)) => match name.take() {
                Some((name, span)) => members.push(Member { name, span, value: done }),
                None => match done.what {
                    What::Text { text, .. } => *name = Some((text, done.span)),
                    _ => return Err(source.error(&done.span, "a name is wanted here, as in `name: value`")),
                },
            },
        }
    }
    Ok(root.unwrap_or(Node { span: 0..0, what: What::Nothing }))
}

impl Node {
    /// Its first line, for a place that is shown; a map or a list ends where the next thing begins.
    pub(super) fn place(&self, text: &str) -> Span {
        let end = text.get(self.span.clone()).and_then(|part| part.find('\n')).map(|at| self.span.start + at);
        self.span.start..end.unwrap_or(self.span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node in short, with what the text has at its place.
    fn show(node: &Node, text: &str) -> String {
        match &node.what {
            What::Nothing => "nothing".to_owned(),
            What::Text { text: read, quoted } => {
                format!("{read}{} @{:?}", if *quoted { " quoted" } else { "" }, &text[node.span.clone()])
            }
            What::List(items) => {
                format!("[{}]", items.iter().map(|item| show(item, text)).collect::<Vec<_>>().join("; "))
            }
            What::Map(members) => {
                let member = |m: &Member| format!("{}={}", &text[m.span.clone()], show(&m.value, text));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join("; "))
            }
        }
    }

    fn check(text: &str, expect: &str) {
        let source = Source::new("a.yaml", text);
        let found = read(&source).map(|node| show(&node, text)).unwrap_or_else(|e| e.to_string());
        assert_eq!(found, expect);
    }

    #[test]
    fn every_node_knows_its_place() {
        check("", "nothing");
        check("a: 1\nb: ['x', y]\n", r#"{a=1 @"1"; b=[x quoted @"'x'"; y @"y"]}"#);
        check("é:\n  - p: ~\n  - \"q\"\n", r#"{é=[{p=nothing}; q quoted @"\"q\""]}"#);
    }

    #[test]
    fn what_is_not_read_is_said_with_its_place() {
        check(
            "a: 1\n---\nb: 2\n",
            "a.yaml:2:1: a second document begins here\n  |\n2 | ---\n  | ^^^\n  = help: one file is one document: take the `---` away",
        );
        check(
            "a: &x 1\nb: *x\n",
            "a.yaml:2:4: aliases (`*name`) are not read here\n  |\n2 | b: *x\n  |    ^^\n  = help: a pattern that begins with `*` needs quotes, as in '*.gz'",
        );
        check("[a]: 1\n", "a.yaml:1:1: a name is wanted here, as in `name: value`\n  |\n1 | [a]: 1\n  | ^^^");
    }
}

//! Rewriting of what has a simpler form with the same matches in the same order.

use super::{ast::Node, class::Class, compile::single_class};

/// The same expression, simpler.
pub(crate) fn simplify(node: Node) -> Node {
    let all = |nodes: Vec<Node>| nodes.into_iter().map(simplify).collect();
    match node {
        Node::Empty | Node::Class(_) | Node::Literal(_) | Node::Assert(_) => node,
        Node::Capture(number, node) => Node::Capture(number, Box::new(simplify(*node))),
        Node::Atomic(node) => Node::Atomic(Box::new(simplify(*node))),
        Node::Look { node, behind, negated } => {
            // A look-behind must keep its width, and has no loops.
            let node = if behind { node } else { Box::new(simplify(*node)) };
            Node::Look { node, behind, negated }
        }
        Node::Concat(nodes) => Node::Concat(all(nodes)),
        Node::Alternate(nodes) => Node::Alternate(all(nodes)),
        Node::Repeat { node, min, max, greedy } => {
            let node = Box::new(simplify(*node));
            match (min, max, greedy) {
                (1, None, true) => segments(&node).unwrap_or(Node::Repeat { node, min, max, greedy }),
                _ => Node::Repeat { node, min, max, greedy },
            }
        }
    }
}

/// `(?:xC*)+`, where `x` is not in `C`, is `x[xC]*`: a path of segments. Both match a prefix of the same run, and give back
/// one character after the other: within a segment first, and then the `x` that began it.
fn segments(node: &Node) -> Option<Node> {
    let Node::Concat(nodes) = node else { return None };
    let [head, Node::Repeat { node: rest, min: 0, max: None, greedy: true }] = &nodes[..] else {
        return None;
    };
    let (first, rest) = (single_class(head)?, single_class(rest)?);
    first.single()?;
    (first.intersect(&rest) == Class::default()).then(|| {
        let any = Node::Class(rest.union(&first));
        let run = Node::Repeat { node: Box::new(any), min: 0, max: None, greedy: true };
        Node::Concat(vec![head.clone(), run])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::parse;

    fn check(regex: &str, simple: &str) {
        assert_eq!(simplify(parse(regex).unwrap().0), parse(simple).unwrap().0, "{regex}");
    }

    #[test]
    fn a_path_of_segments_is_a_run() {
        check("(?:/[a-z]*)+", "/[a-z/]*");
        check("(?<p>(?:-[0-9]*)+)x", "(?<p>-[0-9-]*)x");
    }

    #[test]
    fn what_is_not_the_same_stays() {
        for regex in ["(?:/[a-z/]*)+", "(?:/[a-z]*)*", "(?:/[a-z]+)+", "(?:/[a-z]*)+?", "(?:/[a-z]*?)+"] {
            check(regex, regex);
        }
    }
}

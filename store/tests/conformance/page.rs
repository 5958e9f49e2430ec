//! `store/COMPATIBILITY.md`: what was asked of both engines, and what differs.

use super::script::Step;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "# Compatibility with OpenSearch

Made by `cargo test -p alces-store --test conformance` (with `UPDATE=1`), which sends these requests to the store and to a real OpenSearch 3.8 and
compares the answers: status, and the whole body but for times, shards, sequence numbers, scores and the words of errors. What is not listed was not
compared. A request that the store does not know is refused with 400 or 404 and the name of what it does not know; nothing is ignored silently.

";

/// Fails when the page is not what the scenarios say.
pub fn check(scenarios: &[(String, Vec<Step>)], update: bool) {
    let page = page(scenarios);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("COMPATIBILITY.md");
    if update {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "store/COMPATIBILITY.md is not what the scenarios say: run this test with UPDATE=1 and look at the difference"
    );
}

fn page(scenarios: &[(String, Vec<Step>)]) -> String {
    let mut text = HEAD.to_owned();
    let compared = |steps: &[Step]| steps.iter().filter(|step| !step.rules.setup).count();
    let total: usize = scenarios.iter().map(|(_, steps)| compared(steps)).sum();
    let differ =
        scenarios.iter().flat_map(|(_, steps)| steps).filter(|step| step.rules.differs.is_some()).count();
    let _ = writeln!(
        text,
        "{total} requests: {} answered the same, {differ} with a known difference.\n",
        total - differ
    );
    text += "## Known differences\n\n| request | why |\n|---|---|\n";
    for (name, steps) in scenarios {
        for step in steps {
            if let Some(reason) = &step.rules.differs {
                let _ = writeln!(text, "| {name}: {} | {} |", cell(&step.name), cell(reason));
            }
        }
    }
    text += "\n## What is the same\n";
    for (name, steps) in scenarios {
        let _ = writeln!(text, "\n### {name}: {} requests\n", compared(steps));
        let mut names: Vec<&str> = Vec::new();
        for step in steps.iter().filter(|step| !step.rules.setup && step.rules.differs.is_none()) {
            if !names.contains(&step.name.as_str()) {
                names.push(&step.name);
            }
        }
        let _ = writeln!(text, "{}", names.join("; "));
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

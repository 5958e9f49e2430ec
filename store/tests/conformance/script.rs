//! Scenario files: requests as people write them in OpenSearch's Dev Tools console, and what matters of the answers.
//!
//! ```text
//! # A comment. The last one before a request is its name.
//! @ignore hits.max_score
//! POST /shop/_search
//! {"query": {"match_all": {}}}
//! ```
//!
//! A request is a line with method and path, and a body until the next empty line. Lines with `@` before it say how answers are compared;
//! without any the status and the whole JSON must be the same, but for what is of one engine alone (see `compare.rs`):
//!
//! - `@ignore PATH` leaves out what is there; `[]` in a path means every item of a list, `*` every member of an object;
//! - `@near RATIO PATH` wants numbers that differ by no more than this part of their value (sketches);
//! - `@unordered PATH` compares a list as a set;
//! - `@save NAME PATH` keeps a value of each engine's own answer; `{{NAME}}` in later paths and bodies stands for it;
//! - `@differs REASON` is a difference that is known and stays: the test fails when there is none;
//! - `@setup` marks a request whose answer is not compared.

/// How the answers to a request are compared.
#[derive(Debug, Default, Clone)]
pub struct Rules {
    pub ignore: Vec<String>,
    pub near: Vec<(f64, String)>,
    pub unordered: Vec<String>,
    pub save: Vec<(String, String)>,
    pub differs: Option<String>,
    pub setup: bool,
}

/// One request of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    pub name: String,
    pub method: String,
    pub path: String,
    pub body: String,
    pub rules: Rules,
}

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// Reads a scenario. Panics with the line where it cannot be read: scenarios are ours.
pub fn read(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut name, mut rules) = (String::new(), Rules::default());
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let line = line.trim_end();
        if let Some(comment) = line.strip_prefix('#') {
            name = comment.trim().to_owned();
        } else if let Some(rule) = line.strip_prefix('@') {
            add(&mut rules, rule).unwrap_or_else(|| panic!("line {}: what does `{line}` mean?", at + 1));
        } else if !line.is_empty() {
            let request = line.split_once(' ').filter(|(method, _)| METHODS.contains(method));
            let (method, path) = request
                .unwrap_or_else(|| panic!("line {}: expected a method and a path, found `{line}`", at + 1));
            let mut body = String::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
                body.push_str(line);
                body.push('\n');
            }
            let rules = std::mem::take(&mut rules);
            steps.push(Step {
                line: at + 1,
                name: name.clone(),
                method: method.into(),
                path: path.into(),
                body,
                rules,
            });
        }
    }
    steps
}

fn add(rules: &mut Rules, text: &str) -> Option<()> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim().to_owned();
    match (word, rest.is_empty()) {
        ("ignore", false) => rules.ignore.push(rest),
        ("unordered", false) => rules.unordered.push(rest),
        ("differs", false) => rules.differs = Some(rest),
        ("setup", true) => rules.setup = true,
        ("near", false) => {
            let (ratio, path) = rest.split_once(' ')?;
            rules.near.push((ratio.parse().ok()?, path.to_owned()));
        }
        ("save", false) => {
            let (name, path) = rest.split_once(' ')?;
            rules.save.push((name.to_owned(), path.to_owned()));
        }
        _ => return None,
    }
    Some(())
}

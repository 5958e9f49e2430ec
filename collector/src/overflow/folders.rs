//! Which of a pipeline's queues is which output's, when the outputs have changed.

use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::{files, queue::folder_name};

/// The file in a queue's folder that says whose it is.
const FILE: &str = "output.json";

/// By what an output is known from one configuration to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// What it is: `elasticsearch`.
    plugin: String,
    /// The `id` that it was given.
    id: Option<String>,
    /// A hash of what the configuration says of it, variables unresolved.
    print: String,
}

impl Identity {
    /// Of a plugin of a file.
    pub(crate) fn of(plugin: &alces_conf::Plugin) -> Self {
        let name = plugin.name.node.clone();
        let print = format!("{:032x}", xxh3_128(plugin.to_string().as_bytes()));
        let given = plugin.attributes.iter().find(|attribute| attribute.name.node == "id");
        let id = given.and_then(|attribute| match &attribute.value.node {
            alces_conf::Value::String(id) | alces_conf::Value::Bareword(id) => Some(id.clone()),
            _ => None,
        });
        Self { plugin: name, id, print }
    }

    /// Of the output whose queue is in this folder; one that says nothing of it is known by its name alone.
    pub(super) fn read(folder: &Path) -> Self {
        let said = std::fs::read(folder.join(FILE)).ok();
        said.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_else(|| {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let plugin = name.split('@').next().unwrap_or_default().to_owned();
            Self { plugin, id: None, print: String::new() }
        })
    }

    /// Writes it into the folder.
    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        files::replace(&folder.join(FILE), &serde_json::to_vec(self)?)
    }
}

/// A queue that there is.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The folder's name.
    pub(super) folder: String,
    pub(super) identity: Identity,
    /// Whether something waits in it.
    pub(super) waits: bool,
}

/// The queue of each output, by its place in `known`: the one with its `id` (or the folder of that name), or that of an output with the same
/// words. Where of one kind a single output and a single queue with something in it are left, the output was changed, and has it. Any others
/// are not guessed at.
pub(super) fn assign(outputs: &[Identity], known: &[Known]) -> Vec<Option<usize>> {
    let mut found = vec![None; outputs.len()];
    let by_id = |output: &Identity, queue: &Known| {
        output.id.is_some() && (queue.identity.id == output.id || output.id.as_deref() == Some(&queue.folder))
    };
    let by_words = |output: &Identity, queue: &Known| {
        output.id.is_none() && queue.identity.id.is_none() && queue.identity.print == output.print
    };
    for fits in [&by_id as &dyn Fn(&Identity, &Known) -> bool, &by_words] {
        for (at, output) in outputs.iter().enumerate() {
            if found[at].is_none() {
                let free = known.iter().enumerate().filter(|(queue, _)| !found.contains(&Some(*queue)));
                found[at] = free.into_iter().find(|(_, queue)| fits(output, queue)).map(|(queue, _)| queue);
            }
        }
    }
    let before = found.clone();
    for (at, output) in outputs.iter().enumerate().filter(|(at, _)| before[*at].is_none()) {
        let alone = outputs.iter().zip(&before).filter(|(o, f)| f.is_none() && o.plugin == output.plugin);
        let mut left = known.iter().enumerate().filter(|(queue, known)| {
            known.waits && known.identity.plugin == output.plugin && !before.contains(&Some(*queue))
        });
        if let (1, Some((queue, _)), None) = (alone.count(), left.next(), left.next()) {
            found[at] = Some(queue);
        }
    }
    found
}

/// A name for the folder of a new queue, which none of the others has.
pub(super) fn fresh(output: &Identity, taken: &dyn Fn(&str) -> bool) -> String {
    let base = output.id.as_deref().map_or_else(|| format!("{}@", output.plugin), folder_name);
    if output.id.is_some() && !taken(&base) {
        return base;
    }
    let separator = if output.id.is_some() { "~" } else { "" };
    let mut number = 1;
    loop {
        let name = format!("{base}{separator}{number}");
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(words: &str) -> Identity {
        let (plugin, print) = words.split_once(' ').unwrap();
        let id = print.strip_prefix('#').map(str::to_owned);
        Identity { plugin: plugin.to_owned(), id, print: print.to_owned() }
    }

    /// For each output the queue that it gets, of those of other outputs (`-` before those that are empty).
    fn check(outputs: &[&str], queues: &[&str], expect: &[Option<usize>]) {
        let outputs: Vec<Identity> = outputs.iter().map(|words| output(words)).collect();
        let known: Vec<Known> = queues
            .iter()
            .enumerate()
            .map(|(at, words)| Known {
                folder: format!("folder{at}"),
                identity: output(words.trim_start_matches('-')),
                waits: !words.starts_with('-'),
            })
            .collect();
        assert_eq!(assign(&outputs, &known), expect);
    }

    #[test]
    fn an_output_has_the_queue_of_its_id_or_of_its_words_wherever_it_stands() {
        check(&["es a", "es b"], &["es a", "es b"], &[Some(0), Some(1)]);
        check(&["es b", "es a"], &["es a", "es b"], &[Some(1), Some(0)]);
        check(&["es b"], &["es a", "es b"], &[Some(1)]);
        check(&["es new", "es a", "es b"], &["es a", "es b"], &[None, Some(0), Some(1)]);
        check(&["http #archive"], &["es #archive", "http a"], &[Some(0)]);
        check(&["es a", "es a"], &["es a", "es a"], &[Some(0), Some(1)]);
    }

    #[test]
    fn one_that_was_changed_has_its_queue_where_there_is_no_doubt() {
        check(&["es a", "es changed"], &["es a", "es b"], &[Some(0), Some(1)]);
        check(&["es changed", "http c"], &["es a", "http c"], &[Some(0), Some(1)]);
        check(&["es other", "es changed"], &["es a", "es b"], &[None, None]);
        check(&["es changed"], &["es a", "es b"], &[None]);
        check(&["es changed"], &["-es a", "es b"], &[Some(1)]);
        check(&["es new"], &["-es a"], &[None]);
        check(&["http new"], &["es a"], &[None]);
        check(&["es #named"], &["es a"], &[Some(0)]);
    }

    #[test]
    fn an_id_may_be_the_name_of_a_folder() {
        check(&["es #folder1", "es #x"], &["es a", "es b", "es c"], &[Some(1), None]);
    }

    #[test]
    fn no_two_queues_have_one_folder() {
        let taken = |name: &str| ["es@1", "a_b"].contains(&name);
        assert_eq!(fresh(&output("es x"), &taken), "es@2");
        assert_eq!(fresh(&output("es #a/b"), &taken), "a_b~1");
        assert_eq!(fresh(&output("es #c"), &taken), "c");
    }
}

//! `alces plugins`: what a pipeline may be made of, out of the tables that read it. `docs/plugins.md` is this command's page.

use std::{collections::BTreeSet, fmt::Write as _, io::Write as _, process::ExitCode};

use alces_collector::{PluginInfo, describe, describe_settings};
use alces_conf::{OptionInfo, Support, closest, logstash_plugins};

use crate::cli::PluginsArgs;

const KINDS: [&str; 4] = ["input", "filter", "output", "codec"];

/// What every plugin of a kind has, told once.
const COMMON: &[(&str, &[&str])] = &[
    ("input", &["add_field", "ecs_compatibility", "enable_metric", "id", "tags", "type"]),
    (
        "filter",
        &["add_field", "add_tag", "enable_metric", "id", "periodic_flush", "remove_field", "remove_tag"],
    ),
    ("output", &["enable_metric", "id", "workers"]),
    ("codec", &["enable_metric", "id"]),
];

pub(crate) fn run(args: &PluginsArgs) -> anyhow::Result<ExitCode> {
    let all = describe();
    let (text, code) = if args.markdown {
        (markdown(&all), ExitCode::SUCCESS)
    } else if args.names.is_empty() {
        (list(&all), ExitCode::SUCCESS)
    } else {
        let (mut text, mut code) = (String::new(), ExitCode::SUCCESS);
        for name in &args.names {
            let found: Vec<_> = all.iter().filter(|plugin| plugin.name == name).collect();
            if found.is_empty() {
                eprintln!("alces: {}", absent(&all, name));
                code = ExitCode::FAILURE;
            }
            found.into_iter().for_each(|plugin| options(&mut text, plugin));
        }
        (text, code)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Its reader has seen enough: `alces plugins | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(code),
        written => Ok(written.map(|()| code)?),
    }
}

fn absent(all: &[PluginInfo], name: &str) -> String {
    if let Some(kind) = KINDS.iter().find(|kind| logstash_plugins(kind).contains(&name)) {
        return format!("the {kind} `{name}` of Logstash is not supported yet");
    }
    match closest(name, all.iter().map(|plugin| plugin.name)) {
        Some(near) => format!("there is no plugin `{name}`: did you mean `{near}`?"),
        None => format!("there is no plugin `{name}`: `alces plugins` lists those that are there"),
    }
}

/// Names of a kind that are there, and those that are not.
fn names<'p>(all: &'p [PluginInfo], kind: &str) -> (Vec<&'p str>, Vec<&'static str>) {
    let there: BTreeSet<&str> = all.iter().filter(|p| p.kind == kind).map(|p| p.name).collect();
    let missing = logstash_plugins(kind).iter().filter(|name| !there.contains(*name)).copied().collect();
    (there.into_iter().collect(), missing)
}

fn list(all: &[PluginInfo]) -> String {
    let mut out = String::new();
    for kind in KINDS {
        let (there, missing) = names(all, kind);
        let _ = writeln!(out, "{kind}s\n  {}", there.join(" "));
        if !missing.is_empty() {
            let _ = writeln!(out, "  not yet: {}", missing.join(" "));
        }
        out.push('\n');
    }
    out
}

fn options(out: &mut String, plugin: &PluginInfo) {
    let _ = writeln!(out, "{} {}", plugin.kind, plugin.name);
    let options = sorted(&plugin.options);
    let widest = options.iter().map(|option| option.name.len()).max().unwrap_or(0);
    for option in options {
        let (word, more) = words(option.support);
        let kind = option.kind;
        let _ = write!(out, "  {:widest$}  {kind:8} {word}", option.name);
        let _ = if more.is_empty() { writeln!(out) } else { writeln!(out, ": {more}") };
    }
    out.push('\n');
}

fn sorted(options: &[OptionInfo]) -> Vec<OptionInfo> {
    let mut options = options.to_vec();
    options.sort_by_key(|option| option.name);
    options
}

fn words(support: Support) -> (&'static str, &'static str) {
    match support {
        Support::Full => ("supported", ""),
        Support::Differs(how) => ("differs", how),
        Support::NoEffect(why) => ("no effect", why),
        Support::Unsupported(instead) => ("not supported", instead),
    }
}

fn markdown(all: &[PluginInfo]) -> String {
    let mut out = String::from(
        "# Plugins and settings\n\n\
         <!-- Made by `alces plugins --markdown` out of the tables that read pipelines; a test holds it against them. -->\n\n\
         What of Logstash 8 runs here. *Supported* is as in Logstash; *differs* says how; *no effect* is read and does nothing, and says\n\
         why; *not supported* is an error that says what to do instead. An option that is not listed is an error too: nothing is ignored\n\
         silently. `alces check FILE…` tells all of it of your own files.\n",
    );
    for kind in KINDS {
        let (there, missing) = names(all, kind);
        let _ = writeln!(out, "\n## {}{}s\n", kind[..1].to_uppercase(), &kind[1..]);
        let links: Vec<_> = there.iter().map(|name| format!("[{name}](#{kind}-{name})")).collect();
        let _ = writeln!(out, "There are {}.", links.join(", "));
        if !missing.is_empty() {
            let _ = writeln!(
                out,
                "Of those that Logstash brings along there are not yet: {}.",
                missing.join(", ")
            );
        }
        let common = COMMON.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, names)| names);
        let shared: Vec<_> = all
            .iter()
            .filter(|plugin| plugin.kind == kind)
            .flat_map(|plugin| plugin.options.iter().copied())
            .filter(|option| common.contains(&option.name))
            .collect();
        let mut once: Vec<OptionInfo> = Vec::new();
        for option in sorted(&shared) {
            // What a plugin tells otherwise stands with it.
            let usual = shared.iter().filter(|o| **o == option).count() * 2
                > shared.iter().filter(|o| o.name == option.name).count();
            if usual && !once.contains(&option) {
                once.push(option);
            }
        }
        if !once.is_empty() {
            let _ = writeln!(out, "\nEvery {kind} has:\n");
            table(&mut out, &once);
        }
        for plugin in all.iter().filter(|plugin| plugin.kind == kind) {
            let _ = writeln!(out, "\n### {kind} {}\n", plugin.name);
            let own: Vec<_> =
                sorted(&plugin.options).into_iter().filter(|option| !once.contains(option)).collect();
            if own.is_empty() {
                out.push_str("No options of its own.\n");
            } else {
                table(&mut out, &own);
            }
        }
    }
    out.push_str("\n## Settings\n\nOf `logstash.yml`, and of a pipeline in `pipelines.yml` where the second column says so.\n\n");
    out.push_str("| setting | of a pipeline | |\n|---|---|---|\n");
    for (name, of_pipeline, support) in describe_settings() {
        let _ = writeln!(out, "| `{name}` | {} | {} |", if of_pipeline { "yes" } else { "" }, cell(support));
    }
    out
}

fn table(out: &mut String, options: &[OptionInfo]) {
    out.push_str("| option | type | |\n|---|---|---|\n");
    for option in options {
        let _ = writeln!(out, "| `{}` | {} | {} |", option.name, option.kind, cell(option.support));
    }
}

fn cell(support: Support) -> String {
    let (word, more) = words(support);
    let more = more.replace('|', "\\|");
    if more.is_empty() { word.to_owned() } else { format!("{word}: {more}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_tables_say() {
        assert!(
            include_str!("../docs/plugins.md") == markdown(&describe()),
            "run `cargo run -- plugins --markdown > docs/plugins.md`"
        );
    }

    #[test]
    fn every_option_says_what_it_wants() {
        for plugin in describe() {
            for option in plugin.options {
                let is_read = matches!(option.support, Support::Full | Support::Differs(_));
                assert!(!option.kind.is_empty() || !is_read, "{} {}", plugin.name, option.name);
            }
        }
    }
}

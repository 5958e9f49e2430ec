//! What a filter reads and what it sets, as far as its options tell.

use alces_conf::{Plugin, Span, Spanned, Value};
use alces_filters::EcsMode;
use alces_grok::{Cast, Grok, PatternSet};

use crate::values::{of, pairs, plain, text, texts};

/// A field's name, part by part.
pub(crate) type Path = Vec<String>;

/// What a filter does to fields.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) reads: Vec<(Path, Span)>,
    /// Fields that are there from then on.
    pub(crate) sets: Vec<Path>,
    /// Those of them that are text, by grok.
    pub(crate) texts: Vec<Path>,
    /// Fields whose type or value it changes.
    pub(crate) changes: Vec<Path>,
    /// It may set fields that its options do not name.
    pub(crate) anything: bool,
}

/// `[a][b]` and `a` as parts.
pub(crate) fn path(name: &str) -> Path {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.split("][").map(str::to_owned).collect(),
        None => vec![name.to_owned()],
    }
}

/// The fields that `%{…}` in a text names.
fn references(text: &str) -> impl Iterator<Item = Path> {
    text.split("%{").skip(1).filter_map(|part| {
        let name = part.split_once('}')?.0;
        (!name.is_empty() && !name.starts_with(['+', '{'])).then(|| path(name))
    })
}

/// What a filter does to fields.
pub(crate) fn effects(plugin: &Plugin, ecs: EcsMode) -> Effects {
    let mut effects = Effects::default();
    // In these `%{…}` is no reference.
    let own_language: &[&str] = match plugin.name.node.as_str() {
        "grok" => &["match", "pattern_definitions", "patterns_dir", "patterns_files_glob"],
        "dissect" => &["mapping"],
        "ruby" | "aggregate" => &["code", "init", "timeout_code"],
        _ => &[],
    };
    for attribute in &plugin.attributes {
        if own_language.contains(&attribute.name.node.as_str()) {
            continue;
        }
        for text in texts(&attribute.value) {
            effects.reads.extend(references(text.node).map(|path| (path, text.span.clone())));
        }
    }
    for value in of(plugin, "add_field") {
        effects.sets.extend(pairs(value).iter().map(|(key, _)| path(key.node)));
    }
    let target = text(plugin, "target").map(|t| path(t.node));
    match plugin.name.node.as_str() {
        "grok" => grok(plugin, ecs, &mut effects),
        "mutate" => mutate(plugin, &mut effects),
        "dissect" => dissect(plugin, &mut effects),
        "date" => {
            let field = of(plugin, "match").next().and_then(|value| texts(value).into_iter().next());
            effects.reads.extend(field.map(|t| (path(t.node), t.span)));
            effects.sets.extend(target);
        }
        "csv" => {
            source(plugin, "source", &mut effects);
            let columns: Vec<_> = of(plugin, "columns").flat_map(texts).map(|t| path(t.node)).collect();
            match target {
                Some(target) => effects.sets.push(target),
                None if columns.is_empty() => effects.anything = true,
                None => effects.sets.extend(columns),
            }
        }
        "useragent" if own_mode(plugin).unwrap_or(ecs) == EcsMode::V8 => {
            source(plugin, "source", &mut effects);
            effects.sets.push(target.unwrap_or_else(|| path("user_agent")));
        }
        "json" | "kv" | "useragent" | "geoip" => {
            source(plugin, "source", &mut effects);
            match target {
                Some(target) => effects.sets.push(target),
                None => effects.anything = true,
            }
        }
        "translate" => {
            let option = if of(plugin, "source").next().is_some() { "source" } else { "field" };
            source(plugin, option, &mut effects);
            let target = target.or_else(|| text(plugin, "destination").map(|t| path(t.node)));
            match (target, of(plugin, "iterate_on").next()) {
                (Some(target), None) => effects.sets.push(target),
                // The source itself, or elements of a list.
                _ => effects.anything = true,
            }
        }
        "drain" => {
            source(plugin, "source", &mut effects);
            effects.sets.push(target.unwrap_or_else(|| path("pattern")));
            let id = text(plugin, "id_target").map(|t| path(t.node));
            effects.sets.push(id.unwrap_or_else(|| path("pattern_id")));
        }
        "syslog_pri" => effects.sets.extend(
            [
                "[log][syslog]",
                "syslog_facility",
                "syslog_facility_code",
                "syslog_severity",
                "syslog_severity_code",
            ]
            .map(path),
        ),
        "urldecode" | "split" => source(plugin, "field", &mut effects),
        "drop" | "fingerprint" | "uuid" | "cidr" | "throttle" | "truncate" | "redact" | "anonymize"
        | "prune" | "sleep" | "clone" => effects.sets.extend(target),
        _ => effects.anything = true,
    }
    effects
}

/// The plugin's own `ecs_compatibility`.
fn own_mode(plugin: &Plugin) -> Option<EcsMode> {
    let mode = text(plugin, "ecs_compatibility")?;
    Some(if mode.node == "disabled" { EcsMode::Disabled } else { EcsMode::V8 })
}

fn source(plugin: &Plugin, option: &str, effects: &mut Effects) {
    if let Some(text) = text(plugin, option) {
        effects.reads.push((path(text.node), text.span));
    }
}

/// The patterns of a grok filter, with their places. `None` where they need files, which are not read here.
pub(crate) fn patterns(plugin: &Plugin, ecs: EcsMode) -> Option<(PatternSet, Vec<Spanned<&str>>)> {
    if of(plugin, "patterns_dir").next().is_some() {
        return None;
    }
    let legacy = own_mode(plugin).unwrap_or(ecs) == EcsMode::Disabled;
    let mut set = if legacy { PatternSet::legacy() } else { PatternSet::ecs_v1() };
    for (name, definition) in of(plugin, "pattern_definitions").flat_map(pairs) {
        if let Some(definition) = plain(definition) {
            set.add(name.node, definition.node);
        }
    }
    let patterns = of(plugin, "match").flat_map(pairs).flat_map(|(_, value)| texts(value)).collect();
    Some((set, patterns))
}

fn grok(plugin: &Plugin, ecs: EcsMode, effects: &mut Effects) {
    for (field, _) in of(plugin, "match").flat_map(pairs) {
        effects.reads.push((path(field.node), field.span));
    }
    let prefix = text(plugin, "target").map(|t| path(t.node)).unwrap_or_default();
    let Some((set, patterns)) = patterns(plugin, ecs) else {
        effects.anything = true;
        return;
    };
    for pattern in patterns {
        let Ok(grok) = Grok::compile(&set, pattern.node) else {
            effects.anything = true;
            continue;
        };
        for capture in grok.captures() {
            let mut name = prefix.clone();
            name.extend(path(&capture.field));
            if capture.cast == Cast::None {
                effects.texts.push(name.clone());
            }
            effects.sets.push(name);
        }
    }
}

fn mutate(plugin: &Plugin, effects: &mut Effects) {
    for option in ["convert", "rename", "copy", "replace", "update", "split", "join", "merge", "coerce"] {
        for (key, value) in of(plugin, option).flat_map(pairs) {
            let of_value = plain(value).map(|t| path(t.node));
            match option {
                "rename" | "copy" => {
                    effects.reads.push((path(key.node), key.span));
                    effects.sets.extend(of_value);
                }
                "convert" | "split" | "join" => {
                    effects.reads.push((path(key.node), key.span));
                    effects.changes.push(path(key.node));
                }
                _ => effects.changes.push(path(key.node)),
            }
        }
    }
    for text in
        ["uppercase", "lowercase", "strip", "capitalize"].iter().flat_map(|o| of(plugin, o)).flat_map(texts)
    {
        effects.reads.push((path(text.node), text.span));
    }
    for list in of(plugin, "gsub") {
        let Value::Array(items) = &list.node else { continue };
        effects.reads.extend(items.iter().step_by(3).filter_map(plain).map(|t| (path(t.node), t.span)));
    }
}

fn dissect(plugin: &Plugin, effects: &mut Effects) {
    for (key, mapping) in of(plugin, "mapping").flat_map(pairs) {
        effects.reads.push((path(key.node), key.span));
        for part in texts(mapping).iter().flat_map(|t| t.node.split("%{").skip(1)) {
            let Some((name, _)) = part.split_once('}') else { continue };
            if name.contains(['&', '*']) {
                effects.anything = true;
            }
            let name = name.trim_start_matches(['+', '?']).trim_end_matches("->");
            let name = name.split('/').next().unwrap_or(name);
            if !name.is_empty() {
                effects.sets.push(path(name));
                effects.texts.push(path(name));
            }
        }
    }
    // Its fields become numbers here.
    effects.changes.extend(of(plugin, "convert_datatype").flat_map(pairs).map(|(key, _)| path(key.node)));
}

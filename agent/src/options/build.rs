//! Values become a [`Config`]; what only shows when several of them are seen together is found here.

use std::path::PathBuf;

use alces_diagnostic::Span;
use encoding_rs::Encoding;
use regex::Regex;

use super::{
    compression::{Compression, ZLIB},
    config::{Config, Input, Match, Multiline, OnFull, SpoolOptions, StartAt},
    presets::preset,
    table::{INPUT, METRICS, MULTILINE, SPOOL, TOP},
    values::Values,
};
use crate::Tls;

/// What is wrong, where, and what to do.
pub(super) struct Wrong {
    pub(super) span: Span,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// All defaults.
pub(super) fn usual() -> Config {
    config(&Values::none(&TOP), Vec::new(), &mut Vec::new())
}

/// The defaults of an input.
pub(super) fn usual_input() -> Input {
    input(&Values::none(&INPUT), &mut Vec::new())
}

/// The agent's own options, with inputs that are read already.
pub(super) fn config(values: &Values, inputs: Vec<Input>, wrong: &mut Vec<Wrong>) -> Config {
    let level =
        values.number("compression_level").and_then(|level| u32::try_from(level).ok()).unwrap_or(ZLIB);
    let compression = match values.text("compression").as_deref() {
        Some("zstd") => Compression::Zstd,
        Some("zlib") => Compression::Zlib(level),
        Some("none") => Compression::None,
        _ => Compression::Auto,
    };
    let metrics_every = match values.text("metrics") {
        Some(_) => None,
        None => values.group("metrics").unwrap_or_else(|| Values::none(&METRICS)).duration("every"),
    };
    let config = Config {
        inputs: Vec::new(),
        collectors: values.texts("collectors"),
        load_balance: values.bool("load_balance").unwrap_or_default(),
        compression,
        zlib_level: level,
        tls: values.group("tls").and_then(|values| tls(&values, wrong)),
        data_dir: values.text("data_dir").map(PathBuf::from).unwrap_or_default(),
        host_name: values
            .text("host_name")
            .unwrap_or_else(|| sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned())),
        fields: values.fields("fields"),
        fields_under_root: values.bool("fields_under_root").unwrap_or_default(),
        tags: values.texts("tags"),
        metrics_every,
        rate_limit: values.number("rate_limit"),
        nice: values.number("nice").and_then(|nice| i32::try_from(nice).ok()),
        spool: spool(&values.group("spool").unwrap_or_else(|| Values::none(&SPOOL))),
        window_events: values.count("window_events").unwrap_or_default(),
        windows_in_flight: values.count("windows_in_flight").unwrap_or_default(),
        scan_every: values.duration("scan_every").unwrap_or_default(),
        poll_every: values.duration("poll_every").unwrap_or_default(),
        log_level: values.text("log_level"),
        reload: values.bool("reload").unwrap_or_default(),
    };
    if let (Some(span), true) = (values.place("collectors"), config.collectors.is_empty()) {
        let help = "write one, as in `collectors: logs1:5044`";
        wrong.push(Wrong { span: span.clone(), message: "there is no collector", help });
    }
    config.with_inputs(inputs)
}

fn tls(values: &Values, wrong: &mut Vec<Wrong>) -> Option<Tls> {
    let path = |name| values.text(name).map(PathBuf::from);
    let (certificate, key) = (path("certificate"), path("key"));
    if certificate.is_some() != key.is_some() {
        let help = "give both, or neither where collectors do not ask for one";
        let span = values.place("certificate").or(values.place("key")).unwrap_or(&values.span).clone();
        wrong.push(Wrong { span, message: "a certificate needs its key, and a key its certificate", help });
    }
    values
        .bool("enabled")
        .unwrap_or_default()
        .then(|| Tls { authorities: path("ca"), identity: certificate.zip(key) })
}

fn spool(values: &Values) -> SpoolOptions {
    SpoolOptions {
        enabled: values.bool("enabled").unwrap_or_default(),
        max_size: values.number("max_size").unwrap_or_default(),
        after: values.duration("after").unwrap_or_default(),
        on_full: match values.text("on_full").as_deref() {
            Some("drop_oldest") => OnFull::DropOldest,
            _ => OnFull::Pause,
        },
    }
}

/// One input.
pub(super) fn input(values: &Values, wrong: &mut Vec<Wrong>) -> Input {
    let multiline = match (values.text("multiline"), values.group("multiline")) {
        (Some(name), _) => named(&name),
        (None, Some(own)) => Some(multiline(&own, wrong)),
        (None, None) => None,
    };
    let encoding = values.text("encoding").and_then(|name| Encoding::for_label(name.as_bytes()));
    Input {
        paths: values.texts("paths"),
        exclude: values.texts("exclude"),
        start_at: match values.text("start_at").as_deref() {
            Some("end") => StartAt::End,
            _ => StartAt::Beginning,
        },
        encoding: encoding.unwrap_or(encoding_rs::UTF_8),
        symlinks: values.bool("symlinks").unwrap_or_default(),
        ignore_older: values.duration("ignore_older"),
        close_inactive: values.duration("close_inactive").unwrap_or_default(),
        close_removed: values.bool("close_removed").unwrap_or_default(),
        max_line: values.count("max_line").unwrap_or_default(),
        dataset: values.text("dataset"),
        fields: values.fields("fields"),
        fields_under_root: values.bool("fields_under_root"),
        tags: values.texts("tags"),
        include_lines: values.regexes("include_lines"),
        exclude_lines: values.regexes("exclude_lines"),
        compressed: values.bool("compressed").unwrap_or_default(),
        multiline,
    }
}

/// What an input must have.
pub(super) fn complete(values: &Values, wrong: &mut Vec<Wrong>) {
    if values.texts("paths").is_empty() && !values.misspelt {
        let help = "write which, as in `paths: /var/log/nginx/*.log`";
        wrong.push(Wrong { span: values.span.clone(), message: "this input has no `paths`", help });
    }
}

fn multiline(values: &Values, wrong: &mut Vec<Wrong>) -> Multiline {
    let one = |name: &str| values.regexes(name).into_iter().next();
    let (pattern, count_lines) = (one("pattern"), values.count("count_lines"));
    if pattern.is_some() == count_lines.is_some() && !values.misspelt {
        let help = "write one of them, or the name of a preset: `alces agent options` lists those";
        let message = "`multiline` needs either `pattern` or `count_lines`";
        wrong.push(Wrong { span: values.span.clone(), message, help });
    }
    let matching = match values.text("match").as_deref() {
        Some("before") => Match::Before,
        _ => Match::After,
    };
    joined(values, pattern, values.bool("negate").unwrap_or_default(), matching, count_lines)
}

fn named(name: &str) -> Option<Multiline> {
    let preset = preset(name)?;
    let pattern = Regex::new(preset.pattern).ok();
    Some(joined(&Values::none(&MULTILINE), pattern, preset.negate, preset.matching, None))
}

fn joined(
    values: &Values,
    pattern: Option<Regex>,
    negate: bool,
    matching: Match,
    count_lines: Option<usize>,
) -> Multiline {
    Multiline {
        pattern,
        negate,
        matching,
        count_lines,
        max_lines: values.count("max_lines").unwrap_or_default(),
        timeout: values.duration("timeout").unwrap_or_default(),
        flush_pattern: values.regexes("flush_pattern").into_iter().next(),
    }
}

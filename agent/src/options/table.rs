//! Every option, once: the reader, `alces agent check` and `docs/agent.md` are made of this.

use super::kind::{Group, Kind, row};

pub(super) static TOP: Group = Group {
    title: "the agent",
    words: Vec::new,
    rows: &[
        row(
            "collectors",
            Kind::Addresses,
            "127.0.0.1:5044",
            "[logs1:5044, logs2:5044]",
            "Addresses of collectors' `beats` inputs; the first that answers is used",
        ),
        row("load_balance", Kind::Bool, "false", "true", "Use all collectors at once"),
        row(
            "inputs",
            Kind::Groups(&INPUT),
            "",
            "[/var/log/nginx/*.log]",
            "What is read; a path pattern alone is an input too",
        ),
        row(
            "include",
            Kind::Patterns,
            "",
            "/etc/alces/agent.d/*.yaml",
            "Files with more inputs, each a list of them; relative to this file's folder",
        ),
        row("tls", Kind::Group(&TLS), "", "{ ca: /etc/alces/ca.pem }", "Speak TLS with the collectors"),
        row(
            "compression",
            Kind::Word(&["auto", "zstd", "zlib", "none"]),
            "auto",
            "none",
            "How windows are packed; `auto`: zstd for a collector of ours, zlib for others",
        ),
        row("compression_level", Kind::Whole(1, 9), "3", "1", "Of zlib: 1 is fast, 9 is small"),
        row(
            "spool",
            Kind::Group(&SPOOL),
            "",
            "{ max_size: 5GB }",
            "Lines that wait on disk while no collector takes them",
        ),
        row(
            "metrics",
            Kind::Group(&METRICS),
            "",
            "{ every: 60s }",
            "Readings of CPU, memory, disks and network; `off`: none",
        ),
        row("host_name", Kind::Text, "", "web01", "The host's name in events; otherwise the machine's"),
        row("fields", Kind::Fields, "", "{ env: production }", "Fields of all events"),
        row(
            "fields_under_root",
            Kind::Bool,
            "false",
            "true",
            "Put `fields` beside `message` instead of below `fields`",
        ),
        row("tags", Kind::Texts, "", "[web, blue]", "Tags of all events"),
        row(
            "data_dir",
            Kind::Path,
            "/var/lib/alces/agent",
            "/srv/alces/agent",
            "Where offsets, the spool and the socket of `status` are kept; a change needs a restart",
        ),
        row("rate_limit", Kind::Size, "", "5MB", "Bytes a second that are sent at the most, before packing"),
        row("nice", Kind::Whole(0, 19), "", "10", "The process's priority: 0 as others, 19 last"),
        row(
            "log_level",
            Kind::Log,
            "",
            "debug",
            "What is logged: error, warn, info, debug, trace, or as in `ALCES_LOG`, which wins",
        ),
        row(
            "reload",
            Kind::Bool,
            "true",
            "false",
            "Take up a change of this file without a restart; SIGHUP always does",
        ),
        row(
            "scan_every",
            Kind::Duration,
            "10s",
            "1m",
            "How often all files are looked at, whatever the system tells of them; up to a minute where that takes long and it tells",
        ),
        row(
            "poll_every",
            Kind::Duration,
            "200ms",
            "2s",
            "How often known files are looked at where the system does not tell of changes",
        ),
        row("window_events", Kind::Whole(1, 65_536), "2048", "512", "Events in one window at the most"),
        row(
            "windows_in_flight",
            Kind::Whole(1, 64),
            "2",
            "4",
            "Windows that are sent before the first is acknowledged",
        ),
    ],
};

pub(super) static TLS: Group = Group {
    title: "`tls`",
    words: Vec::new,
    rows: &[
        row("enabled", Kind::Bool, "true", "false", "Switches TLS off without taking the rest away"),
        row(
            "ca",
            Kind::Path,
            "",
            "/etc/alces/ca.pem",
            "Authorities that sign the collectors' certificates (PEM); otherwise the system's",
        ),
        row(
            "certificate",
            Kind::Path,
            "",
            "/etc/alces/agent.pem",
            "The agent's own certificate (PEM), for collectors that ask for one",
        ),
        row("key", Kind::Path, "", "/etc/alces/agent.key", "Its key (PEM)"),
    ],
};

pub(super) static METRICS: Group = Group {
    title: "`metrics`",
    words: || vec!["off"],
    rows: &[row("every", Kind::Duration, "10s", "60s", "Time between two readings")],
};

pub(super) static SPOOL: Group = Group {
    title: "`spool`",
    words: Vec::new,
    rows: &[
        row(
            "enabled",
            Kind::Bool,
            "true",
            "false",
            "Whether lines are spooled; without it the log file alone is the buffer",
        ),
        row("max_size", Kind::Size, "1GB", "5GB", "Bytes on disk at the most"),
        row("after", Kind::Duration, "10s", "1m", "How long the output is blocked before lines are spooled"),
        row(
            "on_full",
            Kind::Word(&["pause", "drop_oldest"]),
            "pause",
            "drop_oldest",
            "`pause`: read no further, nothing is lost; `drop_oldest`: the oldest lines are dropped and counted",
        ),
    ],
};

pub(super) static INPUT: Group = Group {
    title: "`inputs`",
    words: Vec::new,
    rows: &[
        row(
            "paths",
            Kind::Patterns,
            "",
            "/var/log/nginx/*.log",
            "Files to read: `*`, `?`, `[…]`, `{a,b}`, and `**` for folders",
        ),
        row(
            "exclude",
            Kind::Patterns,
            "",
            "'*.gz'",
            "Files to leave alone; a pattern without `/` is held against the file's name",
        ),
        row(
            "start_at",
            Kind::Word(&["beginning", "end"]),
            "beginning",
            "end",
            "Where to begin in a file that is there when the agent first starts; one that appears later is read from its beginning",
        ),
        row("dataset", Kind::Text, "", "nginx.access", "`event.dataset` of the events"),
        row(
            "fields",
            Kind::Fields,
            "",
            "{ team: helpdesk }",
            "Fields of the events; they win over the agent's",
        ),
        row(
            "fields_under_root",
            Kind::Bool,
            "",
            "true",
            "Put `fields` beside `message`; otherwise as the agent's",
        ),
        row("tags", Kind::Texts, "", "[nginx]", "Tags of the events, after the agent's"),
        row(
            "multiline",
            Kind::Group(&MULTILINE),
            "",
            "php",
            "How several lines become one event: a preset's name, or options",
        ),
        row(
            "include_lines",
            Kind::Regexes,
            "",
            "['^ERR', '^WARN']",
            "Send only events that match one of these",
        ),
        row("exclude_lines", Kind::Regexes, "", "'^DEBUG'", "Do not send events that match one of these"),
        row("encoding", Kind::Encoding, "utf-8", "utf-16le", "The files' character set, a WHATWG label"),
        row(
            "max_line",
            Kind::Size,
            "1MiB",
            "64KiB",
            "Bytes of a line at the most, 7 MiB or less; the rest is cut off, and the event marked",
        ),
        row("ignore_older", Kind::Duration, "", "24h", "Leave files alone that were not written for so long"),
        row(
            "close_inactive",
            Kind::Duration,
            "5m",
            "1m",
            "Close a file that got no line for so long; it is opened again when it grows",
        ),
        row(
            "close_removed",
            Kind::Bool,
            "false",
            "true",
            "Close a file when it is deleted, and lose what was not read of it",
        ),
        row("symlinks", Kind::Bool, "true", "false", "Follow links"),
        row(
            "compressed",
            Kind::Bool,
            "true",
            "false",
            "Read rotated `.gz` and `.zst` files whose lines were missed",
        ),
    ],
};

pub(super) static MULTILINE: Group = Group {
    title: "`multiline`",
    words: || super::presets::PRESETS.iter().map(|preset| preset.name).collect(),
    rows: &[
        row("pattern", Kind::Regex, "", r"'^\s'", "Lines that match belong to another line"),
        row("negate", Kind::Bool, "false", "true", "Lines that do not match do"),
        row(
            "match",
            Kind::Word(&["after", "before"]),
            "after",
            "before",
            "`after`: to the line before them; `before`: to the one that follows",
        ),
        row(
            "count_lines",
            Kind::Whole(1, 100_000),
            "",
            "3",
            "So many lines are one event, in place of a pattern",
        ),
        row(
            "max_lines",
            Kind::Whole(1, 100_000),
            "500",
            "1000",
            "Lines of one event at the most; the rest is cut off",
        ),
        row("timeout", Kind::Duration, "5s", "1s", "An event that gets no line for so long is complete"),
        row("flush_pattern", Kind::Regex, "", "'^END'", "A line that ends its event"),
    ],
};

/// All groups, as they are listed.
pub(super) fn groups() -> [&'static Group; 6] {
    [&TOP, &INPUT, &MULTILINE, &TLS, &SPOOL, &METRICS]
}

//! Counters in Prometheus' text format (version 0.0.4). `docs/metrics.md` says what each is.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    Accounts, Stats,
    ledger::ACCOUNTS,
    plugins::{PluginStats, Plugins},
    queue::QueueStats,
    stats::COUNTERS,
};

/// A number of one plugin: name, type, what it is, and what it is of each kind of plugin.
struct OfPlugin {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    of: fn(&Plugins) -> Vec<Row>,
}

/// Kind, id and name of a plugin, and the number.
type Row = (&'static str, String, String, f64);

fn row(kind: &'static str, of: &PluginStats, number: f64) -> Row {
    (kind, of.label.id.clone(), of.label.name.clone(), number)
}

fn ends(plugins: &Plugins, number: fn(&PluginStats) -> f64) -> Vec<Row> {
    let inputs = plugins.inputs.iter().map(|input| row("input", input, number(input)));
    inputs.chain(plugins.outputs.iter().map(|output| row("output", output, number(output)))).collect()
}

fn queues(plugins: &Plugins, number: fn(&QueueStats) -> u64) -> Vec<Row> {
    let row = |output: &Arc<PluginStats>| Some(row("output", output, number(output.queue()?) as f64));
    plugins.outputs.iter().filter_map(row).collect()
}

const OF_PLUGINS: &[OfPlugin] = &[
    OfPlugin {
        name: "alces_collector_plugin_events_in_total",
        kind: "counter",
        help: "Events that came to the plugin.",
        of: |plugins| {
            let mut rows = ends(plugins, |plugin| plugin.taken() as f64);
            rows.extend(
                plugins
                    .filters
                    .iter()
                    .map(|f| ("filter", f.label.id.clone(), f.label.name.clone(), f.events_in() as f64)),
            );
            rows
        },
    },
    OfPlugin {
        name: "alces_collector_plugin_events_out_total",
        kind: "counter",
        help: "Events that an input has delivered, that a filter let through or made, that an output has or has put into the dead-letter queue.",
        of: |plugins| {
            let mut rows = ends(plugins, |plugin| plugin.given() as f64);
            rows.extend(
                plugins
                    .filters
                    .iter()
                    .map(|f| ("filter", f.label.id.clone(), f.label.name.clone(), f.events_out() as f64)),
            );
            rows
        },
    },
    OfPlugin {
        name: "alces_collector_plugin_events_dead_lettered_total",
        kind: "counter",
        help: "Events that an output refused for good: dead letters of that output, or lost where a full dead-letter queue took none.",
        of: |plugins| {
            plugins.outputs.iter().map(|output| row("output", output, output.refused() as f64)).collect()
        },
    },
    OfPlugin {
        name: "alces_collector_plugin_seconds_total",
        kind: "counter",
        help: "Seconds that a filter worked (out of every 64th event), or that batches were under way behind an input or in an output, added up.",
        of: |plugins| {
            let mut rows = ends(plugins, |plugin| plugin.time().as_secs_f64());
            rows.extend(
                plugins
                    .filters
                    .iter()
                    .map(|f| ("filter", f.label.id.clone(), f.label.name.clone(), f.nanos() as f64 / 1e9)),
            );
            rows
        },
    },
    OfPlugin {
        name: "alces_collector_plugin_events_held",
        kind: "gauge",
        help: "Events that came in and are not delivered yet, that an output is sending.",
        of: |plugins| ends(plugins, |plugin| plugin.held().0 as f64),
    },
    OfPlugin {
        name: "alces_collector_plugin_oldest_seconds",
        kind: "gauge",
        help: "Age of the oldest of these events; 0 where there is none.",
        of: |plugins| ends(plugins, |plugin| plugin.held().1.map_or(0.0, |age| age.as_secs_f64())),
    },
    OfPlugin {
        name: "alces_collector_plugin_queue_events",
        kind: "gauge",
        help: "Events that wait in an output's own queue on disk, of those that this process has written or read.",
        of: |plugins| queues(plugins, |queue| queue.events()),
    },
    OfPlugin {
        name: "alces_collector_plugin_queue_bytes",
        kind: "gauge",
        help: "Size of an output's own queue on disk.",
        of: |plugins| queues(plugins, |queue| queue.bytes()),
    },
];

/// All of it.
pub(super) fn text(pipelines: &[(String, Arc<Stats>)]) -> String {
    let mut out = String::new();
    // Writing to a `String` does not fail.
    let accounts: Vec<(&String, Accounts)> =
        pipelines.iter().map(|(id, stats)| (id, stats.accounts())).collect();
    for (name, help, read) in ACCOUNTS {
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} counter", help.trim());
        for (id, accounts) in &accounts {
            let _ = writeln!(out, "{name}{{pipeline=\"{}\"}} {}", escaped(id), read(accounts));
        }
    }
    for (name, help, read) in COUNTERS {
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} counter", help.trim());
        for (id, stats) in pipelines {
            let _ = writeln!(out, "{name}{{pipeline=\"{}\"}} {}", escaped(id), read(stats));
        }
    }
    let name = "alces_collector_events_held";
    let _ = writeln!(
        out,
        "# HELP {name} Events that are neither acknowledged nor anything else yet.\n# TYPE {name} gauge"
    );
    for (id, accounts) in &accounts {
        let _ = writeln!(out, "{name}{{pipeline=\"{}\"}} {}", escaped(id), accounts.held);
    }
    let name = "alces_collector_ingest_lag_seconds";
    let _ = writeln!(
        out,
        "# HELP {name} From the time of an event to its delivery, of the last batch of each host in ten minutes.\n# TYPE {name} gauge"
    );
    for (id, stats) in pipelines {
        for (host, late) in stats.lags.all() {
            let (id, host) = (escaped(id), escaped(&host));
            let _ = writeln!(out, "{name}{{pipeline=\"{id}\",host=\"{host}\"}} {late}");
        }
    }
    let plugins: Vec<_> = pipelines.iter().map(|(id, stats)| (id, stats.plugins())).collect();
    for OfPlugin { name, kind, help, of } in OF_PLUGINS {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (pipeline, plugins) in &plugins {
            for (plugin, id, plugin_name, number) in of(plugins) {
                let _ = writeln!(
                    out,
                    "{name}{{pipeline=\"{}\",plugin=\"{plugin}\",id=\"{}\",name=\"{}\"}} {number}",
                    escaped(pipeline),
                    escaped(&id),
                    escaped(&plugin_name)
                );
            }
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

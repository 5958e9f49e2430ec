//! `/_node` and what is below it, in the shape of Logstash's monitoring API (8.x), as far as there is such a thing here.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::Pipelines;
use crate::{
    Accounts, Stats,
    plugins::{PluginStats, Plugins},
    queue::QueueStats,
};

/// What this process says of itself.
pub(super) struct Node {
    address: String,
    host: String,
    id: String,
    started: Instant,
}

impl Node {
    pub(super) fn new(address: String) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Self { address, host, id, started: Instant::now() }
    }

    /// What every answer begins with.
    pub(super) fn head(&self, pipelines: &Pipelines) -> Value {
        let all = pipelines.all();
        let workers = all.iter().map(|(_, stats)| stats.plugins().workers).max().unwrap_or_default();
        json!({
            "host": self.host,
            "version": env!("CARGO_PKG_VERSION"),
            "http_address": self.address,
            "id": self.id,
            "name": "alces-collector",
            "ephemeral_id": self.id,
            "snapshot": false,
            "status": super::health::status(&all),
            "pipeline": {"workers": workers},
        })
    }

    pub(super) fn with_head(&self, pipelines: &Pipelines, body: Value) -> Value {
        let mut answer = self.head(pipelines);
        if let (Some(answer), Value::Object(body)) = (answer.as_object_mut(), body) {
            answer.extend(body);
        }
        answer
    }

    /// `/_node`
    pub(super) fn info(&self, pipelines: &Pipelines) -> Value {
        let body = json!({"pipelines": self::pipelines(&pipelines.all()), "os": {"name": "Linux", "available_processors": cores()}});
        self.with_head(pipelines, body)
    }

    /// `/_node/stats`
    pub(super) fn stats(&self, pipelines: &[(String, Arc<Stats>)]) -> Value {
        let sum = |count: fn(&Stats) -> u64| pipelines.iter().map(|(_, stats)| count(stats)).sum::<u64>();
        // Each pipeline once, so that the sums add up.
        let accounts: Vec<Accounts> = pipelines.iter().map(|(_, stats)| stats.accounts()).collect();
        let total = |of: fn(&Accounts) -> u64| accounts.iter().map(of).sum::<u64>();
        json!({
            "events": {
                "in": total(|a| a.events_in),
                "filtered": total(filtered),
                "out": total(Accounts::out),
                "acknowledged": total(|a| a.acknowledged),
                "dead_lettered": total(|a| a.dead_lettered),
                "dropped": total(|a| a.dropped),
                "made": total(|a| a.made),
                "lost": total(|a| a.lost),
                "returned": total(|a| a.returned),
                "held": total(|a| a.held),
                "duration_in_millis": sum(|s| filter_millis(&s.plugins())),
                "queue_push_duration_in_millis": 0,
            },
            "process": process(self.started.elapsed()),
            "reloads": {"successes": sum(|s| s.reloads.get()), "failures": sum(|s| s.reloads_failed.get())},
            "queue": {"events_count": total(|a| a.held)},
            "pipelines": pipeline_stats(pipelines),
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn filtered(accounts: &Accounts) -> u64 {
    accounts.out() + accounts.dropped
}

fn filter_millis(plugins: &Plugins) -> u64 {
    plugins.filters.iter().map(|filter| filter.nanos()).sum::<u64>() / 1_000_000
}

/// `/_node/pipelines`
pub(super) fn pipelines(pipelines: &[(String, Arc<Stats>)]) -> Map<String, Value> {
    let each = pipelines.iter().map(|(id, stats)| {
        let plugins = stats.plugins();
        (id.clone(), json!({"workers": plugins.workers, "dead_letter_queue_enabled": true}))
    });
    each.collect()
}

/// `/_node/stats/pipelines`
pub(super) fn pipeline_stats(pipelines: &[(String, Arc<Stats>)]) -> Map<String, Value> {
    pipelines.iter().map(|(id, stats)| (id.clone(), one(stats))).collect()
}

fn one(stats: &Stats) -> Value {
    let plugins = stats.plugins();
    let oldest = stats.held().1;
    let accounts = stats.accounts();
    let inputs: Vec<_> = plugins.inputs.iter().map(|input| end(input, "out", input.taken())).collect();
    let outputs: Vec<_> = plugins
        .outputs
        .iter()
        .map(|output| {
            let mut end = end(output, "in", output.taken());
            end["events"]["out"] = json!(output.given());
            end["events"]["dead_lettered"] = json!(output.refused());
            end["events"]["duration_in_millis"] = json!(output.time().as_millis() as u64);
            if let Some(queue) = output.queue() {
                end["queue"] = persisted(queue);
            }
            end
        })
        .collect();
    let filters: Vec<_> = plugins
        .filters
        .iter()
        .map(|filter| {
            json!({
                "id": filter.label.id,
                "name": filter.label.name,
                "events": {"in": filter.events_in(), "out": filter.events_out(), "duration_in_millis": filter.nanos() / 1_000_000},
            })
        })
        .collect();
    let queue = match &plugins.queue {
        None => {
            json!({"type": "memory", "events_count": accounts.held, "queue_size_in_bytes": 0, "max_queue_size_in_bytes": 0})
        }
        Some(queue) => persisted(queue),
    };
    json!({
        "events": {
            "in": accounts.events_in,
            "filtered": filtered(&accounts),
            "out": accounts.out(),
            "acknowledged": accounts.acknowledged,
            "dead_lettered": accounts.dead_lettered,
            "dropped": accounts.dropped,
            "made": accounts.made,
            "lost": accounts.lost,
            "returned": accounts.returned,
            "held": accounts.held,
            "oldest_held_in_millis": oldest.map_or(0, |age| age.as_millis() as u64),
            "duration_in_millis": filter_millis(&plugins),
            "queue_push_duration_in_millis": 0,
        },
        "plugins": {"inputs": inputs, "codecs": [], "filters": filters, "outputs": outputs},
        "reloads": {"successes": stats.reloads.get(), "failures": stats.reloads_failed.get()},
        "queue": queue,
        "dead_letter_queue": {"events": accounts.dead_lettered, "letters": stats.dead_letters.get(), "dropped_events": stats.dead_letters_dropped.get()},
    })
}

fn persisted(queue: &QueueStats) -> Value {
    json!({
        "type": "persisted",
        "events_count": queue.events(),
        "queue_size_in_bytes": queue.bytes(),
        "max_queue_size_in_bytes": queue.max_bytes,
    })
}

fn end(plugin: &PluginStats, direction: &str, events: u64) -> Value {
    let (held, oldest) = plugin.held();
    json!({
        "id": plugin.label.id,
        "name": plugin.label.name,
        "events": {direction: events},
        "held": held,
        "oldest_held_in_millis": oldest.map_or(0, |age| age.as_millis() as u64),
    })
}

/// Ticks of the kernel's clock in a second, which Linux has fixed for programs.
const TICKS: u64 = 100;

fn process(up: Duration) -> Value {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
            .unwrap_or_default()
            * 1024
    };
    let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    json!({
        "open_file_descriptors": files,
        "uptime_in_millis": up.as_millis() as u64,
        "cpu": {"total_in_millis": ticks(&stat) * 1000 / TICKS},
        "mem": {"resident_in_bytes": memory("VmRSS:"), "peak_resident_in_bytes": memory("VmHWM:"), "total_virtual_in_bytes": memory("VmSize:")},
    })
}

/// CPU time of a `stat` of proc(5): fields 14 and 15, behind the name, which may hold anything.
fn ticks(stat: &str) -> u64 {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// `/_node/hot_threads`: the threads by the CPU time that they have used since they began.
pub(super) fn hot_threads() -> Value {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut threads: Vec<(u64, Value)> = tasks
        .filter_map(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).ok()?;
            let name = stat.split_once('(')?.1.rsplit_once(')')?.0;
            let state = stat.rsplit_once(')')?.1.split_whitespace().next()?.to_owned();
            let millis = ticks(&stat) * 1000 / TICKS;
            let id = task.file_name().to_string_lossy().into_owned();
            Some((millis, json!({"name": name, "thread_id": id, "cpu_millis": millis, "state": state})))
        })
        .collect();
    threads.sort_by_key(|(millis, _)| std::cmp::Reverse(*millis));
    let busiest: Vec<_> = threads.into_iter().take(10).map(|(_, thread)| thread).collect();
    json!({"hot_threads": {"threads": busiest}})
}

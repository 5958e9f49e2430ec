//! The host's CPU, memory, disks and network, every few seconds, under Metricbeat's names.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use sysinfo::{Disks, Networks, System};
use tokio::{
    sync::mpsc::Sender,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tracing::warn;

use crate::{batch::Batch, document::Origin};

/// Reads the host until the shipper is gone. The first reading comes after one period: CPU and network are differences.
pub(crate) async fn run(
    every: Duration,
    origin: Origin,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    out: Sender<Arc<Batch>>,
) {
    let (Ok(mut system), Ok(mut networks), Ok(mut disks)) =
        (System::new(), Networks::new_with_refreshed_list(), Disks::new_with_refreshed_list())
    else {
        warn!("the host's metrics cannot be read on this system: none are sent");
        return;
    };
    system.refresh_cpu_usage();
    // The first reading soon, so that a page has something to show; the next ones at their pace.
    let first = every.min(Duration::from_secs(1)).max(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
    let mut ticks = interval_at(Instant::now() + first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = out.closed() => return,
        }
        system.refresh_cpu_usage();
        system.refresh_memory();
        networks.refresh(true);
        disks.refresh(true);
        let seconds = last.elapsed().as_secs_f64().max(0.001);
        last = Instant::now();
        let now = clock();
        let mut batch = Batch::default();
        let mut add = |dataset: &str, part: &str, fields: Value| {
            batch.push(&origin.metric(now, dataset, part, fields));
        };
        add("system.cpu", "", cpu(&system));
        add("system.memory", "", memory(&system));
        add("system.network", "", network(&networks, seconds));
        for disk in disks.iter().filter(|d| d.total_space() > 0) {
            let (total, free) = (disk.total_space(), disk.available_space());
            let used = total.saturating_sub(free);
            let mount = disk.mount_point().display().to_string();
            add(
                "system.filesystem",
                &mount,
                json!({"system": {"filesystem": {
                    "mount_point": mount, "total": total, "free": free,
                    "used": {"bytes": used, "pct": share(used, total)},
                }}}),
            );
        }
        // Waits while the collector is away: a reading that cannot be sent is not taken.
        if out.send(Arc::new(batch)).await.is_err() {
            return;
        }
    }
}

fn cpu(system: &System) -> Value {
    let load = System::load_average().ok();
    let of = |part: fn(&sysinfo::LoadAvg) -> f64| load.as_ref().map(part);
    let cores = system.cpus().len();
    json!({"system": {
        "cpu": {"cores": cores, "total": {"norm": {"pct": round(f64::from(system.global_cpu_usage()) / 100.0)}}},
        "load": {"1": of(|l| l.one), "5": of(|l| l.five), "15": of(|l| l.fifteen), "cores": cores},
    }})
}

fn memory(system: &System) -> Value {
    let (total, free) = (system.total_memory(), system.available_memory());
    let used = total.saturating_sub(free);
    json!({"system": {"memory": {
        "total": total,
        "actual": {"free": free, "used": {"bytes": used, "pct": share(used, total)}},
        "swap": {"total": system.total_swap(), "used": {"bytes": system.used_swap(),
            "pct": share(system.used_swap(), system.total_swap())}},
    }}})
}

fn network(networks: &Networks, seconds: f64) -> Value {
    // The loopback interface says nothing about the node's link.
    let real = || networks.iter().filter(|(name, _)| *name != "lo").map(|(_, data)| data);
    let sum = |of: fn(&sysinfo::NetworkData) -> u64| real().map(of).sum::<u64>();
    json!({
        "system": {"network": {
            "in": {"bytes": sum(sysinfo::NetworkData::total_received)},
            "out": {"bytes": sum(sysinfo::NetworkData::total_transmitted)},
        }},
        "alces": {"network": {
            "in": {"bytes_per_s": round(sum(sysinfo::NetworkData::received) as f64 / seconds)},
            "out": {"bytes_per_s": round(sum(sysinfo::NetworkData::transmitted) as f64 / seconds)},
        }},
    })
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { round(part as f64 / whole as f64) }
}

/// Four digits after the point, as Metricbeat rounds.
fn round(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

//! Health, lists for people, and metrics.

use super::{Call, Reply, Result};
use crate::error::ApiError;
use crate::store::Store;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

/// A table as text, or as JSON with `?format=json`; `?h=` picks columns, `?v` shows their names.
fn table(call: &Call, columns: &[&str], rows: &[Vec<String>]) -> Result {
    call.only(&[
        "h",
        "v",
        "bytes",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "local",
        "ts",
        "s",
    ])?;
    let mut rows = rows.to_vec();
    // By the last key first, so that the first one decides.
    for key in call.param("s").into_iter().flat_map(|list| list.rsplit(',')) {
        let (name, descending) =
            key.split_once(':').map_or((key, false), |(name, order)| (name, order == "desc"));
        let at = columns.iter().position(|column| *column == name);
        let at =
            at.ok_or_else(|| ApiError::illegal(format!("Unable to sort by unknown sort key `{name}`")))?;
        rows.sort_by(|a: &Vec<String>, b| {
            let order = match (a[at].parse::<f64>(), b[at].parse::<f64>()) {
                (Ok(a), Ok(b)) => a.total_cmp(&b),
                _ => a[at].cmp(&b[at]),
            };
            if descending { order.reverse() } else { order }
        });
    }
    let rows = &rows;
    let wanted: Vec<usize> = match call.param("h") {
        Some(list) => {
            list.split(',').filter_map(|name| columns.iter().position(|c| *c == name.trim())).collect()
        }
        None => (0..columns.len()).collect(),
    };
    if call.param("format") == Some("json") {
        let rows: Vec<Map<String, Value>> = rows
            .iter()
            .map(|row| wanted.iter().map(|at| (columns[*at].to_owned(), json!(row[*at]))).collect())
            .collect();
        return Reply::json(&rows);
    }
    let head: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    let lines: Vec<&Vec<String>> =
        (call.flag("v") == Some(true)).then_some(&head).into_iter().chain(rows).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].len()).max().unwrap_or(0);
    let widths: Vec<usize> = wanted.iter().map(|at| width(*at)).collect();
    let mut out = String::new();
    for line in &lines {
        for (place, (at, width)) in wanted.iter().zip(&widths).enumerate() {
            if place > 0 {
                out.push(' ');
            }
            let _ = write!(out, "{:width$}", line[*at]);
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    Reply::text(out)
}

pub(super) fn indices(store: &Store, call: &Call, expression: &str) -> Result {
    let columns = [
        "health",
        "status",
        "index",
        "uuid",
        "pri",
        "rep",
        "docs.count",
        "docs.deleted",
        "store.size",
        "pri.store.size",
    ];
    let mut rows = Vec::new();
    let in_bytes = call.param("bytes") == Some("b");
    for index in store.resolve(expression, call.options())? {
        let (count, deleted, bytes) = index
            .snapshot()
            .map_or((0, 0, 0), |snapshot| (snapshot.count(), snapshot.deleted(), snapshot.bytes()));
        let size = if in_bytes { bytes.to_string() } else { human(bytes) };
        rows.push(vec![
            "green".into(),
            "open".into(),
            index.name.clone(),
            format!("{:016x}", index.uuid),
            "1".into(),
            "0".into(),
            count.to_string(),
            deleted.to_string(),
            size.clone(),
            size,
        ]);
    }
    table(call, &columns, &rows)
}

fn human(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];
    let (name, unit) = UNITS.into_iter().find(|(_, unit)| bytes >= *unit).unwrap_or(("b", 1));
    if unit == 1 { format!("{bytes}{name}") } else { format!("{:.1}{name}", bytes as f64 / unit as f64) }
}

pub(super) fn health(store: &Store, call: &Call) -> Result {
    let columns = ["epoch", "timestamp", "cluster", "status", "node.total", "node.data", "shards", "pri"];
    let count = store.names().len().to_string();
    let now = store.now();
    let time = crate::dates::iso(now);
    let row = vec![
        (now / 1000).to_string(),
        time.get(11..19).unwrap_or("").to_owned(),
        store.config().cluster_name.clone(),
        "green".into(),
        "1".into(),
        "1".into(),
        count.clone(),
        count,
    ];
    table(call, &columns, &[row])
}

pub(super) fn cluster_health(store: &Store) -> Result {
    let count = store.names().len();
    Reply::json(&json!({
        "cluster_name": store.config().cluster_name,
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "discovered_master": true,
        "discovered_cluster_manager": true,
        "active_primary_shards": count,
        "active_shards": count,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    }))
}

pub(super) fn metrics(store: &Store) -> Result {
    let counters = store.counters();
    let mut out = String::new();
    for (name, help, value) in [
        ("documents_acknowledged_total", "Documents made durable.", counters.indexed.load(Ordering::Relaxed)),
        (
            "documents_rejected_total",
            "Bulk items answered with an error.",
            counters.rejected.load(Ordering::Relaxed),
        ),
        (
            "values_beyond_field_limit_total",
            "Values that are searched in `_overflow`, as their index has too many fields.",
            counters.beyond.load(Ordering::Relaxed),
        ),
        ("bulk_requests_total", "Bulk requests.", counters.bulks.load(Ordering::Relaxed)),
        ("searches_total", "Searches.", counters.searches.load(Ordering::Relaxed)),
        ("http_requests_total", "HTTP requests.", counters.requests.load(Ordering::Relaxed)),
        (
            "http_failures_total",
            "HTTP requests answered with an error.",
            counters.failures.load(Ordering::Relaxed),
        ),
        (
            "http_unauthorized_total",
            "HTTP requests answered with 401.",
            counters.unknown.load(Ordering::Relaxed),
        ),
        (
            "searches_timed_out_total",
            "Searches that ended by their timeout.",
            counters.timed_out.load(Ordering::Relaxed),
        ),
        (
            "searches_cancelled_total",
            "Searches whose client went away.",
            counters.cancelled.load(Ordering::Relaxed),
        ),
        (
            "retention_deleted_total",
            "Indexes that policies deleted.",
            counters.deleted.load(Ordering::Relaxed),
        ),
        (
            "retention_rolled_over_total",
            "Indexes that policies rolled over.",
            counters.rolled_over.load(Ordering::Relaxed),
        ),
        ("searches_rejected_total", "Searches that found the line full.", store.gate().rejected()),
        (
            "search_breaker_trips_total",
            "Searches that would have held too much memory.",
            store.breaker().trips(),
        ),
    ] {
        let _ = write!(
            out,
            "# HELP alces_store_{name} {help}\n# TYPE alces_store_{name} counter\nalces_store_{name} {value}\n"
        );
    }
    let in_flight = counters.in_flight.load(Ordering::Relaxed);
    let _ = write!(
        out,
        "# HELP alces_store_bulk_bytes_in_flight Bytes waiting for the writer.\n# TYPE alces_store_bulk_bytes_in_flight \
         gauge\nalces_store_bulk_bytes_in_flight {in_flight}\n"
    );
    let held = store.breaker().held();
    let _ = write!(
        out,
        "# HELP alces_store_search_bytes_held Memory that searches hold, estimated.\n# TYPE alces_store_search_bytes_held \
         gauge\nalces_store_search_bytes_held {held}\n"
    );
    out.push_str("# HELP alces_store_documents Visible documents.\n# TYPE alces_store_documents gauge\n");
    for name in store.names() {
        let count =
            store.index(&name).and_then(|index| index.snapshot()).map_or(0, |snapshot| snapshot.count());
        let _ = writeln!(out, "alces_store_documents{{index=\"{name}\"}} {count}");
    }
    Reply::text(out)
}

//! What other shippers call our options, for those who come from there.

/// Their name, and ours.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("filebeat.inputs", "inputs"),
    ("output.logstash", "collectors"),
    ("hosts", "collectors"),
    ("loadbalance", "load_balance"),
    ("bulk_max_size", "window_events"),
    ("pipelining", "windows_in_flight"),
    ("ssl", "tls"),
    ("certificate_authorities", "ca"),
    ("name", "host_name"),
    ("path.data", "data_dir"),
    ("logging.level", "log_level"),
    ("filebeat.config.inputs", "include"),
    ("exclude_files", "exclude"),
    ("scan_frequency", "scan_every"),
    ("max_bytes", "max_line"),
    ("tail_files", "start_at"),
    ("read_from", "start_at"),
    ("charset", "encoding"),
    ("queue.disk", "spool"),
];

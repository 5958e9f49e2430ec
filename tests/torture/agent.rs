//! The program under torture: started, killed, started again, and asked what it used.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{book::MAX_LINE, disk::Disk};

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Alces,
    /// With the type of its input.
    #[allow(dead_code, reason = "of the figures, not of the test")]
    Filebeat(&'static str),
}

/// What all lives of the program used together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mb: f64,
}

pub(crate) struct Agent {
    kind: Kind,
    folder: PathBuf,
    disk: Option<Disk>,
    child: Option<Child>,
    pub(crate) kills: u64,
    /// Lives that ended by themselves: none should.
    pub(crate) deaths: u64,
    pub(crate) usage: Usage,
}

impl Agent {
    /// `folder` has `logs` below it, and gets the settings and the program's own folder.
    pub(crate) fn new(kind: Kind, folder: &Path, port: u16, small_disk: Option<u64>) -> Self {
        let data = folder.join("agent");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(folder.join("agent.yaml"), settings(kind, folder, &data, port)).unwrap();
        // Enough for the registry, thrice.
        let disk = small_disk.map(|seconds| Disk::new(&data, 512 * (seconds / 8).max(1)));
        let usage = Usage::default();
        Self { kind, folder: folder.to_owned(), disk, child: None, kills: 0, deaths: 0, usage }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("agent.txt")
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    pub(crate) fn start(&mut self) {
        let program = match self.kind {
            Kind::Alces => env!("CARGO_BIN_EXE_alces").to_owned(),
            Kind::Filebeat(_) => crate::support::target().join("peers/filebeat").display().to_string(),
        };
        let mut command = match &self.disk {
            Some(disk) => disk.command(&program),
            None => Command::new(&program),
        };
        let settings = self.folder.join("agent.yaml");
        match self.kind {
            Kind::Alces => command.args(["agent", "run", "--config"]).arg(settings),
            Kind::Filebeat(_) => command.args(["--strict.perms=false", "-e", "-c"]).arg(settings),
        };
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// `kill -9`; nothing where it does not run.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        self.measure(child.id());
        if child.try_wait().unwrap().is_some() {
            self.deaths += 1;
        } else {
            self.kills += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// As a person stops it.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        self.measure(child.id());
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
    }

    fn measure(&mut self, id: u32) {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0.0);
        // Linux counts in hundredths of a second.
        self.usage.cpu_seconds += (ticks(11) + ticks(12)) / 100.0;
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        let peak = peak.and_then(|kilobytes| kilobytes.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0;
        self.usage.peak_mb = self.usage.peak_mb.max(peak);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

fn settings(kind: Kind, folder: &Path, data: &Path, port: u16) -> String {
    let (logs, data) = (folder.join("logs").display().to_string(), data.display().to_string());
    match kind {
        Kind::Alces => format!(
            "collectors: 127.0.0.1:{port}\ndata_dir: {data}\nmetrics: off\nlog_level: info,alces_agent::tail=debug\ninputs:\n  - paths: {logs}/*.log*\n    max_line: {}KiB\n",
            MAX_LINE >> 10
        ),
        // As its documents advise for rotation: the pattern matches the rotated files, packed ones are left out.
        Kind::Filebeat(input) => {
            let long = if input == "filestream" { "message_max_bytes" } else { "max_bytes" };
            let without =
                if input == "filestream" { "prospector.scanner.exclude_files" } else { "exclude_files" };
            format!(
                "filebeat.inputs:\n  - type: {input}\n    id: torture\n    paths: [\"{logs}/*.log*\"]\n    {without}: ['\\.gz$', '\\.zst$']\n    {long}: {MAX_LINE}\n\
                 output.logstash:\n  hosts: [\"127.0.0.1:{port}\"]\npath.data: {data}\npath.logs: {data}/logs\n"
            )
        }
    }
}

//! The collector under the storm: started, killed, told to read its settings anew, asked what it counted, and what it could not deliver.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    clock::Clock,
    disk::Disk,
    senders::Way,
    support::{eventually, http},
};

/// How its queue is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Memory,
    Disk,
}

pub(crate) struct Collector {
    folder: PathBuf,
    data: PathBuf,
    /// An address of its own on loopback, so that its ports are free whenever it is started again.
    host: String,
    engine: SocketAddr,
    queue: Queue,
    pub(crate) disk: Option<Disk>,
    pub(crate) clock: Option<Clock>,
    child: Option<Child>,
    pub(crate) kills: u64,
    pub(crate) reloads: u64,
    /// Lives that ended by themselves, and what they said at last: none should.
    pub(crate) deaths: Vec<String>,
}

/// What it counted in one life.
#[derive(Debug)]
pub(crate) struct Counts {
    taken: u64,
    gone: u64,
    pub(crate) held: u64,
}

impl Counts {
    /// What came in, and what was made, is what went out in some way.
    pub(crate) fn add_up(&self) -> bool {
        self.taken == self.gone + self.held
    }
}

impl Collector {
    pub(crate) fn new(folder: &Path, host: String, engine: SocketAddr, queue: Queue) -> Self {
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        let folder = folder.to_owned();
        let (kills, reloads, deaths) = (0, 0, Vec::new());
        let collector = Self {
            folder,
            data,
            host,
            engine,
            queue,
            disk: None,
            clock: None,
            child: None,
            kills,
            reloads,
            deaths,
        };
        collector.write(&collector.settings());
        collector
    }

    /// Puts its folder on a disk of so many kilobytes.
    pub(crate) fn on_disk(&mut self, kilobytes: u64) {
        self.disk = Some(Disk::new(&self.data, kilobytes));
    }

    /// Where it takes what is sent in this way.
    pub(crate) fn address(&self, way: Way) -> SocketAddr {
        let port = match way {
            Way::Lumberjack => 5044,
            Way::Http => 8080,
            Way::Bulk => 9200,
        };
        SocketAddr::new(self.host.parse().unwrap(), port)
    }

    fn api(&self) -> String {
        format!("{}:9600", self.host)
    }

    /// The pipeline; each reload makes it another one.
    fn settings(&self) -> String {
        let (host, engine, life) = (&self.host, self.engine, self.reloads);
        format!(
            "input {{
               beats {{ host => '{host}' port => 5044 }}
               http {{ host => '{host}' port => 8080 tags => [http] }}
               elastic_bulk {{ host => '{host}' port => 9200 }}
             }}
             filter {{ mutate {{ add_field => {{ life => '{life}' }} }} }}
             output {{
               if 'http' in [tags] {{
                 opensearch {{ hosts => '{engine}' index => storm document_id => '%{{id}}' action => create }}
               }} else {{
                 opensearch {{ hosts => '{engine}' index => storm }}
               }}
             }}\n"
        )
    }

    /// Whole at once, as deployments do it.
    fn write(&self, settings: &str) {
        let (new, path) = (self.folder.join("new"), self.folder.join("storm.conf"));
        std::fs::write(&new, settings).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// The program, where it sees its disk and its time.
    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_alces");
        let mut command = match &self.disk {
            Some(disk) => disk.command(program),
            None => Command::new(program),
        };
        if let Some(clock) = &self.clock {
            clock.rule(&mut command);
        }
        command
    }

    pub(crate) fn start(&mut self) {
        let mut command = self.command();
        command.args(["collector", "-f"]).arg(self.folder.join("storm.conf"));
        command.arg("--data-dir").arg(&self.data).args(["--api", &self.api()]);
        if self.queue == Queue::Disk {
            command.args(["--queue", "persisted"]);
        }
        let log = File::options().create(true).append(true).open(self.folder.join("collector.txt")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// `kill -9`; nothing where it does not run.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        match child.try_wait().unwrap() {
            Some(status) => self.deaths.push(format!("{status}:\n{}", self.last_words(8))),
            None => self.kills += 1,
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if self.clock.is_some() {
            Clock::forget(child.id());
        }
    }

    /// As a person stops it; false where it does not end well, in time.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal("-TERM");
        let Some(mut child) = self.child.take() else { return };
        let status = eventually("the collector stops", || child.try_wait().unwrap());
        if !status.success() {
            self.deaths.push(format!("{status}:\n{}", self.last_words(8)));
        }
    }

    /// The last lines of what it said.
    pub(crate) fn last_words(&self, count: usize) -> String {
        let text = std::fs::read(self.folder.join("collector.txt")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    fn signal(&self, signal: &str) {
        let Some(child) = &self.child else { return };
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    }

    /// Another pipeline takes the place of the one that runs.
    pub(crate) fn reload(&mut self) {
        self.reloads += 1;
        self.write(&self.settings());
        self.signal("-HUP");
    }

    /// One that is wrong does not; the right one is there again at once.
    pub(crate) fn reload_wrongly(&mut self) {
        self.write("input { beats { prot => 5044 } }\n");
        self.signal("-HUP");
        self.write(&self.settings());
    }

    /// What it counted since it was started; none where it does not answer.
    pub(crate) fn counts(&self) -> Option<Counts> {
        let (_, text) = http::get(&format!("http://{}/metrics", self.api()))?;
        let read = |name: &str| {
            let start = format!("alces_collector_events_{name}{{pipeline=\"main\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)?.trim().parse::<u64>().ok())
        };
        let sum =
            |names: &[&str]| names.iter().map(|name| read(&format!("{name}_total"))).sum::<Option<u64>>();
        Some(Counts {
            taken: sum(&["in", "made"])?,
            gone: sum(&["acknowledged", "dead_lettered", "dropped", "lost", "returned"])?,
            held: read("held")?,
        })
    }

    /// What could not be delivered, by `alces dlq show`.
    pub(crate) fn letters(&self) -> Vec<Value> {
        let mut command = self.command();
        command.args(["dlq", "show", "--json", "--limit", "1000000000", "--data-dir"]).arg(&self.data);
        let said = command.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let text = String::from_utf8(said.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

//! A tail over real files, one look after the other.

use std::{fs, io::Write as _};

use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::mpsc::Receiver};

use super::*;
use crate::{Config, Input, StartAt, document::Origin, options::Multiline};

struct World {
    dir: TempDir,
    data: TempDir,
    runtime: Runtime,
    input: Input,
    work: Option<(Work, Receiver<Arc<Batch>>, UnixStream)>,
    /// What arrived is acknowledged.
    acknowledges: bool,
}

impl World {
    fn new(pattern: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let input = Input::new(vec![dir.path().join(pattern).display().to_string()], Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, data: tempfile::tempdir().unwrap(), runtime, input, work: None, acknowledges: true }
    }

    /// An agent that begins, as after a kill.
    fn start(&mut self) -> &mut Self {
        self.work = None;
        let registry = Registry::open(self.data.path(), "x").unwrap();
        let config = Config::usual();
        let origin = Origin { agent_id: "0".repeat(16), host_name: "h".to_owned() };
        let (out, batches) = tokio::sync::mpsc::channel(1000);
        let (stop, stopped) = UnixStream::pair().unwrap();
        let tail = Tail {
            inputs: vec![Reading::new(&self.input, &config, &origin).unwrap()],
            window_events: 100,
            scan_every: Duration::from_secs(10),
            poll_every: Duration::from_secs(1),
            registry: Arc::new(Mutex::new(registry)),
            clock: Arc::new(Timestamp::now),
            outlet: Outlet {
                out,
                runtime: self.runtime.handle().clone(),
                buffer: None,
                patience: Duration::from_secs(1),
            },
            stop: stopped,
            starts: true,
        };
        self.work = Some((Work::new(tail), batches, stop));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    fn truncate(&self, name: &str) {
        fs::OpenOptions::new().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
    }

    fn pack(&self, from: &str, to: &str) {
        let text = fs::read(self.path(from)).unwrap();
        let file = fs::File::create(self.path(to)).unwrap();
        if to.ends_with("gz") {
            flate2::write::GzEncoder::new(file, flate2::Compression::fast()).write_all(&text).unwrap();
        } else {
            zstd::stream::copy_encode(&text[..], file, 1).unwrap();
        }
        fs::remove_file(self.path(from)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Looks at all files, reads them, and tells what came of it: lines with the number of their file in the registry.
    fn look(&mut self) -> String {
        let (work, batches, _) = self.work.as_mut().unwrap();
        for _ in 0..3 {
            work.read_notices();
            work.scan();
            while let Some(key) = work.ready.pop_front() {
                work.turn(key).unwrap();
            }
        }
        work.send().unwrap();
        let mut out = Vec::new();
        while let Ok(batch) = batches.try_recv() {
            if self.acknowledges {
                let mut registry = work.tail.registry();
                batch.positions().for_each(|(id, position)| registry.acknowledge(id, position));
                registry.save().unwrap();
            }
            for document in batch.lines().documents() {
                let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
                let id = document["@metadata"]["_id"].as_str().unwrap().split('-').nth(1).unwrap().to_owned();
                out.push(format!("{id}:{}", document["message"].as_str().unwrap().replace('\n', "+")));
            }
        }
        out.join(" ")
    }
}

#[test]
fn lines_are_read_once_across_starts() {
    let mut world = World::new("*.log");
    world.write("a.log", "one\ntwo\nthr");
    assert_eq!(world.start().look(), "0:one 0:two");
    world.write("a.log", "ee\n");
    world.write("b.log", "four\n");
    assert_eq!(world.look(), "0:three 1:four");
    world.write("a.log", "five\n");
    assert_eq!(world.start().look(), "0:five");
    assert_eq!(world.look(), "");
}

#[test]
fn a_log_that_came_empty_is_not_read_before_what_it_is_known_by_is_on_disk() {
    let mut world = World::new("*.log*");
    world.acknowledges = false;
    world.write("a.log", "");
    assert_eq!(world.start().look(), "");
    // Nothing can be written: as on a full disk.
    let (data, away) = (world.data.path().to_owned(), world.dir.path().join("away"));
    fs::rename(&data, &away).unwrap();
    world.write("a.log", "one\n");
    assert_eq!(world.look(), "", "should the agent be killed now, nobody knew the file by another name");
    fs::rename(&away, &data).unwrap();
    world.rename("a.log", "a.log.1");
    assert_eq!(world.start().look(), "1:one", "as a new file: nothing of it was sent");
    world.rename("a.log.1", "a.log.2");
    assert_eq!(world.start().look(), "1:one");
    // And while one agent runs.
    world.write("b.log", "");
    assert_eq!(world.look(), "");
    fs::rename(&data, &away).unwrap();
    world.write("b.log", "two\n");
    assert_eq!(world.look(), "");
    fs::rename(&away, &data).unwrap();
    assert_eq!(world.look(), "2:two");
}

#[test]
fn a_log_that_is_renamed_is_read_to_its_end() {
    let mut world = World::new("a.log");
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.write("a.log", "two\n");
    world.rename("a.log", "a.log.1");
    world.write("a.log", "three\n");
    world.write("a.log.1", "late\n");
    assert_eq!(world.look(), "0:two 0:late 1:three");
    // Once more, while no agent looks.
    world.write("a.log", "four\n");
    world.rename("a.log.1", "a.log.2");
    world.rename("a.log", "a.log.1");
    world.write("a.log", "five\n");
    assert_eq!(world.start().look(), "1:four 2:five");
}

#[test]
fn a_log_that_is_copied_and_cut_goes_on_in_its_copy() {
    for (agent_looks_between, pattern) in
        [(true, "a.log*"), (false, "a.log*"), (true, "a.log"), (false, "a.log")]
    {
        let mut world = World::new(pattern);
        world.write("a.log", "one\n");
        assert_eq!(world.start().look(), "0:one");
        world.write("a.log", "two\n");
        world.copy("a.log", "a.log.1");
        let mut out = if agent_looks_between { world.look() } else { String::new() };
        world.truncate("a.log");
        world.write("a.log", "three\n");
        out = format!("{out} {}", world.look());
        assert_eq!(out.trim(), "0:two 1:three", "{pattern}");
        world.write("a.log", "four\n");
        world.rename("a.log.1", "a.log.2");
        world.copy("a.log", "a.log.1");
        world.truncate("a.log");
        assert_eq!(world.start().look(), "1:four", "{pattern}");
        assert_eq!(world.look(), "");
    }
}

#[test]
fn a_packed_log_is_read_to_its_end() {
    for end in ["gz", "zst"] {
        let mut world = World::new("a.log");
        world.write("a.log", "one\n");
        assert_eq!(world.start().look(), "0:one");
        world.write("a.log", "two\n");
        world.work = None;
        world.pack("a.log", &format!("a.log.1.{end}"));
        world.write("a.log", "three\n");
        assert_eq!(world.start().look(), "0:two 1:three");
        assert_eq!(world.look(), "");
        assert_eq!(world.start().look(), "");
    }
}

#[test]
fn a_log_of_which_nothing_was_seen_is_read_if_it_was_written_since() {
    let mut world = World::new("a.log");
    world.write("a.log.7", "history\n");
    let old = std::time::SystemTime::now() - Duration::from_secs(100);
    fs::File::options().write(true).open(world.path("a.log.7")).unwrap().set_modified(old).unwrap();
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.work = None;
    world.rename("a.log", "a.log.2");
    world.write("a.log", "two\n");
    world.pack("a.log", "a.log.1.gz");
    world.write("a.log", "three\n");
    let mut lines: Vec<_> = world.start().look().split(' ').map(|line| line[2..].to_owned()).collect();
    lines.sort();
    assert_eq!(lines, ["three", "two"]);
}

#[test]
fn two_files_with_one_beginning_are_two() {
    let mut world = World::new("*.log");
    let header = "# a header that is longer than most\n".repeat(40);
    world.write("a.log", &header);
    world.write("b.log", &header);
    let lines = world.start().look();
    assert_eq!(lines.split(' ').filter(|word| word.contains(':')).count(), 80, "{lines}");
    world.write("a.log", "one\n");
    world.write("b.log", "two\n");
    assert_eq!(world.start().look(), "0:one 1:two");
}

#[test]
fn a_file_written_anew_is_a_new_one() {
    let mut world = World::new("*.log");
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.remove("a.log");
    world.write("a.log", "two\n");
    assert_eq!(world.look(), "1:two");
    world.truncate("a.log");
    world.write("a.log", "three\nfour\n");
    assert_eq!(world.look(), "2:three 2:four");
    fs::write(world.path("a.log"), "one\n").unwrap();
    assert_eq!(world.start().look(), "3:one");
    // The same lines once more, and most likely with the same inode.
    world.remove("a.log");
    world.look();
    world.write("a.log", "one\n");
    assert_eq!(world.look(), "4:one");
}

#[test]
fn a_deleted_file_is_read_to_its_end_with_what_has_none() {
    let mut world = World::new("*.log");
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.write("a.log", "two\nthr");
    world.remove("a.log");
    assert_eq!(world.look(), "0:two 0:thr");
    world.look();
    let (work, ..) = world.work.as_ref().unwrap();
    assert!(work.files.is_empty() && work.finished.is_empty() && work.open == 0);
}

#[test]
fn lines_that_belong_together_are_one_event_across_starts() {
    let mut world = World::new("*.log");
    world.input.multiline = Some(Multiline {
        pattern: Some(regex::Regex::new(r"^\s").unwrap()),
        negate: false,
        matching: crate::options::Match::After,
        count_lines: None,
        max_lines: 500,
        timeout: Duration::from_secs(3600),
        flush_pattern: None,
    });
    world.write("a.log", "one\n 1\n");
    assert_eq!(world.start().look(), "");
    world.write("a.log", " 2\ntwo\n");
    assert_eq!(world.start().look(), "0:one+ 1+ 2");
    world.write("a.log", " 3\n");
    assert_eq!(world.start().look(), "");
    world.remove("a.log");
    assert_eq!(world.look(), "0:two+ 3");
}

#[test]
fn what_is_not_wanted_is_not_sent() {
    let mut world = World::new("*.log");
    world.input.include_lines = vec![regex::Regex::new("^a").unwrap()];
    world.input.exclude_lines = vec![regex::Regex::new("z$").unwrap()];
    world.write("a.log", "a\nb\naz\nab\n");
    assert_eq!(world.start().look(), "0:a 0:ab");
}

#[test]
fn files_that_are_there_may_be_begun_at_their_end() {
    let mut world = World::new("*.log");
    world.input.start_at = StartAt::End;
    world.write("a.log", "old\n");
    assert_eq!(world.start().look(), "");
    world.write("a.log", "new\n");
    world.write("b.log", "whole\n");
    assert_eq!(world.look(), "0:new 1:whole");
}

#[test]
fn a_thousand_files_with_few_handles() {
    let mut world = World::new("*.log");
    for n in 0..300 {
        world.write(&format!("{n:03}.log"), &format!("{n}\n"));
    }
    world.start();
    world.work.as_mut().unwrap().0.most_open = 20;
    assert_eq!(world.look().split(' ').count(), 300);
    let (work, ..) = world.work.as_ref().unwrap();
    let open = work.files.values().filter(|file| file.is_open()).count();
    assert!(open <= 20 && work.open == open, "{open} {}", work.open);
    for n in 0..300 {
        world.write(&format!("{n:03}.log"), "more\n");
    }
    assert_eq!(world.look().split(' ').count(), 300);
}

#[test]
fn many_logs_with_one_head_and_a_number_in_their_names_are_many() {
    let mut world = World::new("*.log");
    let head = "# head\n";
    for n in 0..50 {
        world.write(&format!("small-{n:05}.log"), head);
    }
    assert_eq!(world.start().look().split(' ').filter(|word| word.contains(':')).count(), 50);
}

#[test]
fn a_log_written_anew_with_the_same_head_is_told_from_the_one_whose_lines_were_sent() {
    let mut world = World::new("a.log*");
    world.acknowledges = false;
    let head = "x".repeat(1500) + "\n";
    world.write("a.log", &head);
    assert!(world.start().look().starts_with("0:xx"));
    world.write("a.log", "one\n");
    assert_eq!(world.look(), "0:one");
    // Nothing was acknowledged when the agent is killed.
    world.work = None;
    world.copy("a.log", "a.log.1");
    world.truncate("a.log");
    world.write("a.log", &format!("{head}two\n"));
    let lines = world.start().look().replace(&"x".repeat(1500), "x");
    assert_eq!(lines, "0:x 0:one 1:x 1:two");
}

#[test]
fn a_log_that_was_empty_and_is_packed_before_it_is_read_is_read_once() {
    let mut world = World::new("a.log*");
    world.write("a.log", "");
    assert_eq!(world.start().look(), "");
    world.write("a.log", "one\n");
    world.pack("a.log", "a.log.1.gz");
    assert_eq!(world.look(), "0:one");
    assert_eq!(world.look(), "");
}

#[test]
fn a_packed_log_with_the_inode_of_one_of_which_nothing_was_read_is_not_that_one() {
    let mut world = World::new("a.log*");
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.rename("a.log", "a.log.1");
    world.write("a.log", "");
    assert_eq!(world.look(), "");
    world.work = None;
    // The inode of the empty one, as a file system gives it to the next file.
    world.copy("a.log.1", "plain");
    world.pack("plain", "packed.gz");
    let packed = fs::read(world.path("packed.gz")).unwrap();
    fs::write(world.path("a.log"), packed).unwrap();
    world.rename("a.log", "a.log.1.gz");
    world.remove("a.log.1");
    world.write("a.log", "two\n");
    assert_eq!(world.start().look(), "2:two");
}

#[test]
fn a_link_s_file_is_read_when_the_system_tells_of_it() {
    let mut world = World::new("link.log");
    world.write("file", "one\n");
    std::os::unix::fs::symlink(world.path("file"), world.path("link.log")).unwrap();
    assert_eq!(world.start().look(), "0:one");
    world.write("file", "two\n");
    let (work, ..) = world.work.as_mut().unwrap();
    assert!(!work.read_notices());
    assert_eq!(work.ready.len(), 1);
}

#[test]
fn what_is_known_of_a_short_packed_log_stays_known() {
    let mut world = World::new("a.log*");
    world.write("a.log", "one\n");
    assert_eq!(world.start().look(), "0:one");
    world.pack("a.log", "a.log.2.gz");
    assert_eq!(world.look(), "");
    world.work = None;
    // Another one that is held against all that are known.
    world.write("a.log", "two\n");
    world.pack("a.log", "a.log.3.zst");
    world.start().work.as_mut().unwrap().0.scan();
    // The same bytes with another inode: known by them alone.
    world.copy("a.log.2.gz", "a.log.4.gz");
    world.remove("a.log.2.gz");
    assert_eq!(world.start().look(), "1:two");
}

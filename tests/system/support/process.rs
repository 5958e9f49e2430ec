//! Processes that are started, listened to, and ended with the test.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use super::DEADLINE;

/// A process whose output is read all the time, so that it never blocks on a full pipe. Killed when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    open: usize,
}

impl Process {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start ({e}): run tests/peers/setup first"));
        let output = Arc::new(Output::default());
        output.state.lock().unwrap().open = 2;
        read(child.stdout.take().unwrap(), output.clone());
        read(child.stderr.take().unwrap(), output.clone());
        Self { name: name.to_owned(), child, output }
    }

    /// The program under test.
    pub(crate) fn alces(role: &str, args: &[&str]) -> Self {
        Self::start(role, Command::new(env!("CARGO_BIN_EXE_alces")).arg(role).args(args))
    }

    /// Waits for a line that contains `text`, at any time since the start, and returns it.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut state = self.output.state.lock().unwrap();
        loop {
            if let Some(line) = state.lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                state.open > 0 && !left.is_zero(),
                "{} never said `{text}`; it said:\n{}",
                self.name,
                state.lines.join("\n")
            );
            state = self.output.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// What follows `key=` in the first line with `text`.
    #[track_caller]
    pub(crate) fn value(&self, text: &str, key: &str) -> String {
        let line = self.wait_for(text);
        let after = line.split_once(&format!("{key}=")).unwrap_or_else(|| panic!("no {key} in {line}")).1;
        after.split_whitespace().next().unwrap_or_default().to_owned()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.state.lock().unwrap().lines.clone()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A signal as a person or systemd sends it.
    pub(crate) fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// A signal that ends it, and how it ended.
    pub(crate) fn signal(mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        self.send(signal);
        let status = self.finish();
        (status, self.lines())
    }

    /// Writes to its standard input.
    pub(crate) fn write(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let end = Instant::now() + DEADLINE;
        let mut state = self.output.state.lock().unwrap();
        // Its pipes close when it ends.
        while state.open > 0 {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} does not end; it said:\n{}", self.name, state.lines.join("\n"));
            state = self.output.changed.wait_timeout(state, left).unwrap().0;
        }
        drop(state);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.lines().join("\n"));
        }
    }
}

fn read(pipe: impl Read + Send + 'static, output: Arc<Output>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            output.state.lock().unwrap().lines.push(text);
            output.changed.notify_all();
            line.clear();
        }
        output.state.lock().unwrap().open -= 1;
        output.changed.notify_all();
    });
}

//! The process's priority.

use rustix::process::{Pid, setpriority_process};
use tracing::warn;

/// Sets it for all threads: Linux keeps a priority for each, and a thread that is started later has that of the one that starts it.
pub(crate) fn set(nice: i32) {
    let set = || -> std::io::Result<()> {
        for thread in std::fs::read_dir("/proc/self/task")? {
            let name = thread?.file_name();
            let id = name.to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
            match setpriority_process(id, nice) {
                // A thread that has ended since.
                Err(rustix::io::Errno::SRCH) => {}
                other => other?,
            }
        }
        Ok(())
    };
    if let Err(error) = set() {
        warn!(nice, %error, "the priority cannot be set: going on with the one before");
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn threads_that_run_and_threads_to_come_are_nice() {
        // What it is now, and one more: nobody has to be root to wait longer.
        let wanted = (getpriority_process(None).unwrap() + 1).min(19);
        let (ask, asked) = std::sync::mpsc::channel::<()>();
        let running = std::thread::spawn(move || {
            let _ = asked.recv();
            getpriority_process(None).unwrap()
        });
        set(wanted);
        drop(ask);
        assert_eq!(running.join().unwrap(), wanted);
        assert_eq!(std::thread::spawn(|| getpriority_process(None).unwrap()).join().unwrap(), wanted);
    }
}

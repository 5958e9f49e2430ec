//! A clock that jumps, for one process: libfaketime, preloaded. Only what tells the time of day is false, as when a person sets it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
    pub(crate) jumps: u64,
}

impl Clock {
    pub(crate) fn new(folder: &Path) -> Self {
        let arch = std::env::consts::ARCH;
        let library = PathBuf::from(format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketimeMT.so.1"));
        assert!(library.exists(), "libfaketime is missing: run tests/peers/setup first");
        let mut clock = Self { library, file: folder.join("clock"), jumps: 0 };
        clock.jump(0);
        clock
    }

    /// It is so many seconds later than it is.
    pub(crate) fn jump(&mut self, seconds: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(new, &self.file).unwrap();
        self.jumps += 1;
    }

    /// What the library leaves in memory of a process that was killed: a later one of the same number would not start.
    pub(crate) fn forget(process: u32) {
        for name in [format!("faketime_shm_{process}"), format!("sem.faketime_sem_{process}")] {
            let _ = std::fs::remove_file(Path::new("/dev/shm").join(name));
        }
    }

    /// A process that goes by it.
    pub(crate) fn rule(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

//! A small disk of its own for a program's folder, that can be full. It is there for this test's processes alone.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A tmpfs in a mount namespace that lives as long as this.
pub(crate) struct Disk {
    keeper: Child,
    folder: PathBuf,
}

impl Disk {
    pub(crate) fn new(folder: &Path, kilobytes: u64) -> Self {
        let script = r#"mount -t tmpfs -o "$2" alces "$1" && echo ready && exec cat"#;
        let mut keeper = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(folder)
            .arg(format!("size={kilobytes}k"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "a tmpfs needs root");
        Self { keeper, folder: folder.to_owned() }
    }

    /// A command that sees the disk.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.keeper.id())).arg("--").arg(program);
        command
    }

    /// What fills it.
    pub(crate) fn ballast(&self) -> Ballast {
        let inside = format!("/proc/{}/root", self.keeper.id());
        Ballast(Path::new(&inside).join(self.folder.strip_prefix("/").unwrap()).join("ballast"))
    }
}

/// A file that takes all room.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    /// Until not a byte is free.
    pub(crate) fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(&self.0).unwrap();
        while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    }

    pub(crate) fn free(&self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

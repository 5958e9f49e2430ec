//! What the fuzzer and the benchmark need of the private rooms.

use std::sync::{Arc, Mutex};

use alces_lumberjack::Line;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{
    AgentError, Config, Input,
    batch::Batch,
    document::{Origin, Stamp},
    marker::{Marker, Position},
    registry::{Entry, FileId, Registry},
    ship::Shipper,
    stream::Dialer,
    tail::Inode,
};

/// Any bytes are a batch, which then is the same after it is written and read again, or an error.
///
/// # Panics
/// They are not.
pub fn batch(bytes: &[u8]) {
    if let Ok(batch) = Batch::from_bytes(bytes) {
        assert_eq!(Batch::from_bytes(&batch.to_bytes()).as_ref(), Ok(&batch));
    }
}

/// Ships `count` batches that each have these lines, and returns how many were acknowledged.
///
/// # Errors
/// The data folder cannot be used.
pub async fn ship(config: Config, lines: &[String], count: usize) -> Result<u64, AgentError> {
    let registry = Arc::new(Mutex::new(Registry::open(&config.data_dir, "bench")?));
    let origin = Origin { agent_id: "0123456789abcdef".to_owned(), host_name: "web01".to_owned() };
    let stamp = Stamp::new(&origin, &config, &Input::new(Vec::new(), Vec::new()));
    let dialer = Dialer::new(config.tls.as_ref())?;
    let shipper = Shipper {
        config,
        dialer,
        registry,
        board: Arc::default(),
        buffer: None,
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        seed: 0,
    };
    let (out, batches) = mpsc::channel(1);
    let (_stop, stopped) = oneshot::channel();
    let shipping = tokio::spawn(shipper.run(batches, stopped));
    for at in 0..count {
        let mut batch = Batch::default();
        let template = stamp.begin(FileId(0), "/var/log/nginx/access.log".as_ref(), Timestamp::UNIX_EPOCH);
        let mut offset = 0;
        for text in lines {
            batch.push_line(&template, &Line { text, offset, cut: false, several: false });
            offset += text.len() as u64 + 1;
        }
        batch.reach(FileId(0), Position { offset: at as u64, marker: Marker::default() });
        if out.send(Arc::new(batch)).await.is_err() {
            break;
        }
    }
    drop(out);
    Ok(shipping.await.map_or(0, |totals| totals.acknowledged))
}

/// What one save of the registry costs where 1 of `files` files has changed, on average over `rounds`.
///
/// # Errors
/// The folder cannot be used.
pub fn save(folder: &std::path::Path, files: u64, rounds: u32) -> Result<std::time::Duration, AgentError> {
    let error = |source| AgentError::DataDir { path: folder.to_owned(), source };
    let mut registry = Registry::open(folder, "bench")?;
    for inode in 0..files {
        let path = format!("/var/log/containers/a-service-{inode}.log");
        registry.add(Entry::new(path.as_ref(), Inode { device: 1, inode }, Position::default()));
    }
    registry.save().map_err(error)?;
    let began = std::time::Instant::now();
    for offset in 1..=rounds.into() {
        registry.acknowledge(FileId(offset % files), Position { offset, marker: Marker::default() });
        registry.save().map_err(error)?;
    }
    Ok(began.elapsed() / rounds.max(1))
}

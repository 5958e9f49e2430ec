use std::path::Path;

use tempfile::TempDir;
use tokio::{
    runtime::Handle,
    sync::mpsc::{Receiver, channel},
};

use super::*;
use crate::{
    Config,
    marker::{Marker, Position},
    outlet::{Closed, Outlet},
    registry::{Entry, FileId},
    tail::Inode,
};

struct World {
    dir: TempDir,
    registry: Arc<Mutex<Registry>>,
    buffer: Buffer,
    file: FileId,
}

const KEY: Inode = Inode { device: 1, inode: 1 };

impl World {
    fn new(max_size: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(dir.path(), "x").unwrap();
        let file = registry.add(Entry::new(Path::new("/a"), KEY, Position::default()));
        let registry = Arc::new(Mutex::new(registry));
        let buffer = Self::open(&dir, &registry, max_size);
        Self { dir, registry, buffer, file }
    }

    fn open(dir: &TempDir, registry: &Arc<Mutex<Registry>>, max_size: u64) -> Buffer {
        let mut config = Config::new(Vec::new(), dir.path().to_owned());
        config.spool.max_size = max_size;
        Buffer::open(&config, registry, &Arc::default()).unwrap().unwrap()
    }

    fn batch(&self, offset: u64) -> Batch {
        self.batch_of(offset, "x")
    }

    fn batch_of(&self, offset: u64, text: &str) -> Batch {
        let mut batch = Batch::default();
        batch.push(format!("{offset}{text}").as_bytes());
        batch.reach(self.file, Position { offset, marker: Marker::default() });
        batch
    }

    fn offset(&self) -> u64 {
        self.registry.lock().unwrap().entry(self.file).unwrap().offset
    }

    fn outlet(&self, room: usize) -> (Outlet, Receiver<Arc<Batch>>) {
        let (out, batches) = channel(room);
        let patience = Duration::from_millis(1);
        (Outlet { out, runtime: Handle::current(), buffer: Some(self.buffer.clone()), patience }, batches)
    }
}

/// For a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn text(batch: &Batch) -> String {
    String::from_utf8(batch.lines().documents().remove(0)).unwrap()
}

#[tokio::test]
async fn what_nobody_takes_waits_on_disk_and_comes_in_order() {
    let world = World::new(1 << 30);
    let (outlet, mut batches) = world.outlet(1);
    let all: Vec<_> = (1..=4).map(|at| world.batch(at)).collect();
    let outlet = blocking(move || {
        for batch in all {
            outlet.send(batch).unwrap();
        }
        outlet.rest();
        outlet
    })
    .await;
    assert!(world.buffer.is_busy());
    assert_eq!(world.offset(), 4, "all of it is durable");
    tokio::spawn(world.buffer.clone().feed_on(outlet.out.clone()));
    // The first went past the spool, and is not given out a second time.
    let first = batches.recv().await.unwrap();
    assert_eq!((text(&first).as_str(), first.record()), ("1x", None));
    for (at, expect) in ["2x", "3x", "4x"].iter().enumerate() {
        let batch = batches.recv().await.unwrap();
        assert_eq!((text(&batch).as_str(), batch.record()), (*expect, Some(at as u64 + 2)));
    }
    world.buffer.arrived();
    assert_eq!(world.buffer.lock().spool.stats().pending, 3);
    world.buffer.acknowledge(4);
    assert_eq!(world.buffer.lock().spool.stats().pending, 0);
}

#[tokio::test]
async fn a_record_that_is_no_batch_is_kept_aside_and_the_spool_waits_where_it_cannot_be() {
    let world = World::new(1 << 30);
    let aside = world.dir.path().join("spool-aside");
    std::fs::write(&aside, "a file where the folder should be").unwrap();
    world.buffer.lock().spool.append(b"\x63of another version").unwrap();
    let (buffer, batch) = (world.buffer.clone(), world.batch(7));
    blocking(move || {
        assert!(buffer.push(batch, || false));
        buffer.sync();
    })
    .await;
    let next = || {
        let buffer = world.buffer.clone();
        blocking(move || buffer.next())
    };
    assert_eq!(next().await, None);
    assert_eq!(world.buffer.lock().spool.stats().pending, 2, "nothing is passed over");
    std::fs::remove_file(&aside).unwrap();
    assert_eq!(text(&next().await.unwrap()), "7x");
    assert_eq!(std::fs::read(aside.join("1.record")).unwrap(), b"\x63of another version");
}

#[tokio::test]
async fn what_went_past_the_spool_is_in_it_when_something_else_is() {
    let world = World::new(1 << 30);
    let past = Arc::new(world.batch(3));
    world.buffer.passes(&past);
    let (buffer, batch) = (world.buffer.clone(), world.batch(7));
    blocking(move || {
        assert!(buffer.push(batch, || false));
        buffer.sync();
    })
    .await;
    assert_eq!(world.offset(), 7);
    let World { dir, registry, buffer, .. } = world;
    drop(buffer);
    // After a crash both are still there.
    let buffer = World::open(&dir, &registry, 1 << 30);
    assert!(buffer.is_busy());
    let (out, mut batches) = channel(1);
    tokio::spawn(buffer.clone().feed(out));
    for expect in ["3x", "7x"] {
        let batch = batches.recv().await.unwrap();
        assert_eq!(text(&batch), expect);
        buffer.acknowledge(batch.record().unwrap());
    }
    buffer.save();
    assert_eq!(buffer.lock().spool.stats().pending, 0);
}

#[tokio::test]
async fn what_has_arrived_before_its_record_is_read_is_not_given_out() {
    let world = World::new(1 << 30);
    world.buffer.passes(&Arc::new(world.batch(3)));
    let (buffer, batch) = (world.buffer.clone(), world.batch(7));
    blocking(move || {
        assert!(buffer.push(batch, || false));
        buffer.sync();
    })
    .await;
    world.buffer.arrived();
    let (out, mut batches) = channel(1);
    tokio::spawn(world.buffer.clone().feed_on(out));
    assert_eq!(text(&batches.recv().await.unwrap()), "7x");
    assert_eq!(world.buffer.lock().spool.done(), 1);
}

#[tokio::test]
async fn a_full_spool_waits_until_something_has_arrived() {
    let world = World::new(4 << 20);
    // Nothing that could be packed.
    let noise: String = (0..1_900_000).map(|_| char::from(fastrand::alphanumeric() as u8)).collect();
    let (outlet, mut batches) = world.outlet(1);
    let all: Vec<_> = (1..=9).map(|at| world.batch_of(at, &noise)).collect();
    let out = outlet.out.clone();
    let sending = tokio::task::spawn_blocking(move || {
        all.into_iter().try_for_each(|batch| outlet.send(batch)).unwrap();
        outlet.rest();
    });
    tokio::spawn(world.buffer.clone().feed(out));
    for at in 1..=9 {
        let batch = batches.recv().await.unwrap();
        assert!(text(&batch).starts_with(&at.to_string()), "in order");
        match batch.record() {
            Some(record) => world.buffer.acknowledge(record),
            None => world.buffer.arrived(),
        }
        world.buffer.save();
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn who_waits_for_room_hears_that_nobody_comes() {
    let world = World::new(4 << 20);
    let (outlet, batches) = world.outlet(1);
    let noise: String = (0..1_900_000).map(|_| char::from(fastrand::alphanumeric() as u8)).collect();
    let all: Vec<_> = (1..=9).map(|at| world.batch_of(at, &noise)).collect();
    let sending = tokio::task::spawn_blocking(move || {
        all.into_iter().try_for_each(|batch| outlet.send(batch)).map_err(|Closed| "closed")
    });
    drop(batches);
    assert_eq!(sending.await.unwrap(), Err("closed"));
}

#[tokio::test]
async fn what_a_shipper_did_not_bring_home_is_kept_when_it_ends() {
    let world = World::new(1 << 30);
    world.buffer.passes(&Arc::new(world.batch(3)));
    let buffer = world.buffer.clone();
    blocking(move || buffer.keep()).await;
    assert_eq!(world.offset(), 3, "its file may be gone");
    let (out, mut batches) = channel(1);
    tokio::spawn(world.buffer.clone().feed(out));
    assert_eq!(text(&batches.recv().await.unwrap()), "3x");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(world.dir.path().join("spool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "log lines are not for everybody");
}

//! The way of batches from the tail to the shipper, past the spool or through it.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::mpsc::{Sender, error::TrySendError},
    time::timeout,
};

use crate::{batch::Batch, buffer::Buffer};

/// For a thread that may block.
pub(crate) struct Outlet {
    pub(crate) out: Sender<Arc<Batch>>,
    pub(crate) runtime: Handle,
    pub(crate) buffer: Option<Buffer>,
    /// How long the shipper may take nothing before lines are spooled.
    pub(crate) patience: Duration,
}

/// Nobody takes batches any more.
#[derive(Debug)]
pub(crate) struct Closed;

impl Outlet {
    /// Hands a batch on. Waits as long as neither shipper nor spool has room: this is how back pressure reaches the files.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Closed> {
        if self.buffer.as_ref().is_some_and(Buffer::is_busy) {
            return self.spool(batch);
        }
        let room = match self.out.try_reserve() {
            Ok(room) => Some(room),
            Err(TrySendError::Closed(())) => return Err(Closed),
            Err(TrySendError::Full(())) => self.runtime.block_on(async {
                match &self.buffer {
                    Some(_) => timeout(self.patience, self.out.reserve()).await.ok(),
                    None => Some(self.out.reserve().await),
                }
                .transpose()
                .map_err(|_| Closed)
            })?,
        };
        let Some(room) = room else { return self.spool(batch) };
        let batch = Arc::new(batch);
        self.buffer.iter().for_each(|buffer| buffer.passes(&batch));
        room.send(batch);
        Ok(())
    }

    /// Keeps a batch, whatever the shipper does.
    pub(crate) fn spool(&self, batch: Batch) -> Result<(), Closed> {
        let pushed = self.buffer.as_ref().is_some_and(|buffer| buffer.push(batch, || !self.out.is_closed()));
        if pushed { Ok(()) } else { Err(Closed) }
    }

    /// Nothing more comes for now.
    pub(crate) fn rest(&self) {
        if let Some(buffer) = &self.buffer {
            buffer.sync();
        }
    }
}

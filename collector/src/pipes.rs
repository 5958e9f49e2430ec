//! How pipelines of one process reach each other (Logstash's pipeline-to-pipeline communication): an output knows addresses, and an
//! input stands behind each.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::input::Door;

/// The addresses of all pipelines of a process.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    places: Mutex<HashMap<String, Place>>,
    /// Changes whenever a place does.
    changed: watch::Sender<()>,
}

/// What is known of an address.
#[derive(Default)]
struct Place {
    /// None while no input stands there.
    door: Option<Door>,
    /// Outputs that send there.
    senders: usize,
}

impl Default for Bus {
    fn default() -> Self {
        Self(Arc::new(Inner { places: Mutex::default(), changed: watch::channel(()).0 }))
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.places().keys()).finish()
    }
}

impl Bus {
    fn places(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, address: &str, change: impl FnOnce(&mut Place) -> T) -> T {
        let done = {
            let mut places = self.places();
            let place = places.entry(address.to_owned()).or_default();
            let done = change(place);
            if place.door.is_none() && place.senders == 0 {
                places.remove(address);
            }
            done
        };
        self.0.changed.send_replace(());
        done
    }

    /// What `look` finds, once it finds something.
    async fn until<T>(&self, mut look: impl FnMut(&mut HashMap<String, Place>) -> Option<T>) -> T {
        let mut changed = self.0.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(found) = look(&mut self.places()) {
                return found;
            }
            // The sender lives as long as this bus.
            let _ = changed.changed().await;
        }
    }

    /// Puts an input behind an address. The door comes back where another input stands there.
    pub(crate) fn open(&self, address: &str, door: Door) -> Result<Opened, Door> {
        self.change(address, |place| {
            if place.door.is_some() {
                return Err(door);
            }
            place.door = Some(door);
            Ok(())
        })?;
        Ok(Opened { bus: self.clone(), address: address.to_owned() })
    }

    /// Says that an output sends to an address, as long as what is returned is kept.
    pub(crate) fn sends_to(&self, address: &str) -> Sending {
        self.change(address, |place| place.senders += 1);
        Sending { bus: self.clone(), address: address.to_owned() }
    }

    /// Waits while another input stands behind an address.
    pub(crate) async fn free(&self, address: &str) {
        self.until(|places| places.get(address).is_none_or(|place| place.door.is_none()).then_some(())).await;
    }
}

/// An input stands behind an address until this is dropped.
pub(crate) struct Opened {
    bus: Bus,
    address: String,
}

impl Opened {
    /// Waits until no output sends there any more.
    pub(crate) async fn unused(&self) {
        self.bus
            .until(|places| places.get(&self.address).is_none_or(|place| place.senders == 0).then_some(()))
            .await;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.bus.change(&self.address, |place| place.door = None);
    }
}

/// An output sends to an address until this is dropped.
pub(crate) struct Sending {
    bus: Bus,
    address: String,
}

impl Sending {
    /// The address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The input behind the address, if there is one.
    pub(crate) fn door(&self) -> Option<Door> {
        self.bus.places().get(&self.address).and_then(|place| place.door.clone())
    }

    /// The input behind the address, once there is one.
    pub(crate) async fn wait(&self) -> Door {
        self.bus.until(|places| places.get(&self.address).and_then(|place| place.door.clone())).await
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.bus.change(&self.address, |place| place.senders -= 1);
    }
}

//! Points in time: frozen states of indexes that several searches share.

use crate::error::ApiError;
use crate::search::run::Part;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// OpenSearch's `search.max_open_pit_context`.
const MOST: usize = 300;
/// OpenSearch's `point_in_time.max_keep_alive`, in milliseconds.
const LONGEST: i64 = 24 * 3_600_000;

/// The open ones, by id.
#[derive(Default)]
pub(crate) struct Pits(Mutex<HashMap<String, Pit>>);

struct Pit {
    parts: Arc<Vec<Part>>,
    created: i64,
    keep_alive: i64,
    until: i64,
}

/// One of them, for those who list them.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) keep_alive: i64,
}

impl Pits {
    /// Keeps the parts for so many milliseconds.
    pub(crate) fn open(
        &self,
        id: String,
        parts: Vec<Part>,
        keep_alive: i64,
        now: i64,
    ) -> Result<(), ApiError> {
        check(keep_alive)?;
        let mut pits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pits.retain(|_, pit| pit.until > now);
        if pits.len() >= MOST {
            return Err(ApiError::new(
                429,
                "rejected_execution_exception",
                format!(
                    "Trying to create too many Point In Time contexts. Must be less than or equal to: [{MOST}]"
                ),
            ));
        }
        let until = now + keep_alive;
        pits.insert(id, Pit { parts: Arc::new(parts), created: now, keep_alive, until });
        Ok(())
    }

    /// The parts of a point, which from now on is kept for another while.
    pub(crate) fn get(
        &self,
        id: &str,
        keep_alive: Option<i64>,
        now: i64,
    ) -> Result<Arc<Vec<Part>>, ApiError> {
        if let Some(keep_alive) = keep_alive {
            check(keep_alive)?;
        }
        let mut pits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pits.retain(|_, pit| pit.until > now);
        let pit = pits.get_mut(id).ok_or_else(|| {
            let reason = format!("No search context found for id [{id}]");
            let mut error = ApiError::new(404, "search_context_missing_exception", reason);
            error.phase = true;
            error
        })?;
        pit.keep_alive = keep_alive.unwrap_or(pit.keep_alive);
        pit.until = pit.until.max(now + pit.keep_alive);
        Ok(Arc::clone(&pit.parts))
    }

    /// Lets go of a point; false where it was not there.
    pub(crate) fn close(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id).is_some()
    }

    /// All of them, oldest first.
    pub(crate) fn list(&self, now: i64) -> Vec<Listed> {
        let mut pits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pits.retain(|_, pit| pit.until > now);
        let one = |(id, pit): (&String, &Pit)| Listed {
            id: id.clone(),
            created: pit.created,
            keep_alive: pit.keep_alive,
        };
        let mut all: Vec<Listed> = pits.iter().map(one).collect();
        all.sort_by_key(|pit| pit.created);
        all
    }
}

fn check(keep_alive: i64) -> Result<(), ApiError> {
    if keep_alive > LONGEST {
        return Err(ApiError::illegal(format!(
            "Keep alive for request ({keep_alive}ms) is too large. It must be less than (1d)"
        )));
    }
    Ok(())
}

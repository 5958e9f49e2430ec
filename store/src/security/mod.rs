//! Who may do what: passwords, API keys, roles, and the certificate that the store shows.
//!
//! Without a file of users there is no login, which is allowed on this machine only (see [`crate::Config::check_exposure`]). With one,
//! every request but the health checks says who sends it. What a caller may do is judged by the request's method and path
//! ([`need::need`]); which indexes it may touch is judged where names are resolved ([`crate::Store::scoped`]), so that names in a body,
//! as those of `_bulk` and `_msearch`, pass the same judge.

mod attempts;
mod header;
pub(crate) mod keys;
pub(crate) mod need;
pub(crate) mod password;
pub(crate) mod roles;
#[cfg(test)]
mod tests;
pub(crate) mod users;
mod verified;

use crate::error::{ApiError, StoreError};
use attempts::Attempts;
use header::Shown;
use keys::ApiKeys;
use need::Need;
use roles::{Grant, Scope};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;
use users::Login;
use verified::Verified;

/// Passwords that are hashed at one time: each takes 19 MiB and some ten milliseconds of a core, and ingest should go on meanwhile.
const HASHING: usize = 2;

/// Who sends a request, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) grants: Vec<Grant>,
    /// Whether an API key says who it is.
    pub(crate) by_key: bool,
}

impl Caller {
    /// Everybody, where there is no login.
    fn anybody() -> Self {
        Self { name: "anonymous".to_owned(), grants: vec![Grant::everything()], by_key: false }
    }

    /// The indexes that a request with this need may touch; none: all of them.
    pub(crate) fn may(&self, need: &Need) -> Result<Option<Arc<Scope>>, ApiError> {
        let fits = |grant: &&Grant| need.is_met_by(&grant.roles);
        let grants: Vec<&Grant> = self.grants.iter().filter(fits).collect();
        if grants.iter().any(|grant| grant.is_everywhere()) {
            return Ok(None);
        }
        if grants.is_empty() || need.everywhere {
            return Err(refused(need.action, &self.name));
        }
        let patterns = grants.iter().flat_map(|grant| grant.indexes.iter().cloned()).collect();
        Ok(Some(Arc::new(Scope { patterns, action: need.action, user: self.name.clone() })))
    }
}

/// 403 in the words of OpenSearch's security plugin.
pub(crate) fn refused(action: &str, user: &str) -> ApiError {
    ApiError::new(
        403,
        "security_exception",
        format!(
            "no permissions for [{action}] and User [name={user}, backend_roles=[], requestedTenant=null]"
        ),
    )
}

/// 401. Whoever asks learns nothing of which part was wrong.
fn unknown(reason: &str) -> ApiError {
    ApiError::new(401, "security_exception", reason)
}

/// All that is known of logins.
pub(crate) struct Security {
    login: Login,
    keys: ApiKeys,
    attempts: Attempts,
    verified: Verified,
    hashing: Semaphore,
}

impl Security {
    /// Reads users and keys of a data folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            login: Login::open(dir)?,
            keys: ApiKeys::open(dir)?,
            attempts: Attempts::default(),
            verified: Verified::new().map_err(StoreError::io(dir))?,
            hashing: Semaphore::new(HASHING),
        })
    }

    pub(crate) fn keys(&self) -> &ApiKeys {
        &self.keys
    }

    /// Whether a login is wanted at all.
    pub(crate) fn is_on(&self) -> bool {
        self.login.now().is_some()
    }

    /// Says who sends a request, by its `Authorization`.
    pub(crate) async fn identify(
        &self,
        authorization: Option<&[u8]>,
        peer: IpAddr,
        now: i64,
    ) -> Result<Caller, ApiError> {
        let Some((users, generation)) = self.login.now() else { return Ok(Caller::anybody()) };
        let Some(authorization) = authorization else {
            return Err(unknown("missing authentication credentials"));
        };
        match Shown::read(authorization) {
            Some(Shown::Key { id, secret }) => {
                // Compared in no time, so a good one is let in even from an address that guesses.
                if let Some(caller) = self.keys.check(&id, &secret, now) {
                    return Ok(caller);
                }
                self.attempts.begin(peer, now)?;
            }
            Some(Shown::Password { name, password }) => {
                let known = |name: &str| users.caller(name).ok_or_else(|| unknown(WRONG));
                if let Some(name) = self.verified.find(authorization, generation) {
                    return known(&name);
                }
                self.attempts.look(peer, now)?;
                let _turn = self.hashing.acquire().await.map_err(|_| unknown(WRONG))?;
                // Others of this client may have waited for the same.
                if let Some(name) = self.verified.find(authorization, generation) {
                    return known(&name);
                }
                self.attempts.begin(peer, now)?;
                let hash = users.hash(&name);
                let good = tokio::task::spawn_blocking(move || password::verify(hash.as_deref(), &password));
                if good.await.unwrap_or(false) {
                    self.attempts.succeeded(peer);
                    self.verified.remember(authorization, generation, &name);
                    return known(&name);
                }
            }
            None => self.attempts.begin(peer, now)?,
        }
        tracing::warn!(%peer, "a login failed");
        Err(unknown(WRONG))
    }
}

const WRONG: &str = "unable to authenticate with the credentials that were sent";

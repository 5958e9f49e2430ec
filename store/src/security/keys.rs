//! API keys: for programs, which need no name and no password that a person could have chosen.
//!
//! A key is 256 random bits, of which the file holds the SHA-256. That is enough: Argon2 makes it expensive to *guess* a password, and
//! nobody guesses 256 bits, however fast. So a key costs a microsecond to check where a password costs some ten milliseconds.

use super::Caller;
use super::roles::{Grant, Role};
use crate::dates;
use crate::error::{ApiError, StoreError};
use crate::files;
use crate::query::parse::plain;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use subtle::ConstantTimeEq as _;

/// More keys than this are somebody's mistake.
const MOST: usize = 10_000;

/// A key as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Key {
    name: String,
    hash: [u8; 32],
    created: i64,
    expires: Option<i64>,
    /// Who made it.
    owner: String,
    grants: Vec<Grant>,
    /// As they were given.
    role_descriptors: Map<String, Value>,
    metadata: Map<String, Value>,
}

type Keys = BTreeMap<String, Key>;

/// All keys, kept in one file.
pub(crate) struct ApiKeys {
    path: PathBuf,
    changing: Mutex<()>,
    keys: RwLock<Arc<Keys>>,
}

/// Which keys are meant.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) name: Option<String>,
    pub(crate) owner: Option<String>,
}

impl Chosen {
    fn fits(&self, id: &str, key: &Key) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.iter().any(|one| one == id))
            && self.name.as_ref().is_none_or(|name| crate::names::wildcard(name, &key.name))
            && self.owner.as_ref().is_none_or(|owner| *owner == key.owner)
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn random<const N: usize>() -> Result<String, ApiError> {
    let mut bytes = zeroize::Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|_| ApiError::new(500, "exception", "the system has no randomness"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

impl ApiKeys {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("api_keys.json");
        let keys: Keys = files::load_private(&path)?.unwrap_or_default();
        Ok(Self { path, changing: Mutex::new(()), keys: RwLock::new(Arc::new(keys)) })
    }

    fn now(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, keys: Keys) -> Result<(), ApiError> {
        let text = serde_json::to_vec(&keys).map_err(|e| ApiError::new(500, "exception", e.to_string()))?;
        files::replace_private(&self.path, &text)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Who shows a key that is known and has not expired.
    pub(super) fn check(&self, id: &str, secret: &[u8], now: i64) -> Option<Caller> {
        let keys = self.now();
        let key = keys.get(id)?;
        let same = bool::from(hash(secret).ct_eq(&key.hash));
        (same && key.expires.is_none_or(|at| now < at)).then(|| Caller {
            name: key.owner.clone(),
            grants: key.grants.clone(),
            by_key: true,
        })
    }

    /// Makes a key of Elasticsearch's request; the answer is the only place where it is ever shown.
    pub(crate) fn create(&self, body: &Value, owner: &str, now: i64) -> Result<Value, ApiError> {
        let asked = Asked::parse(body)?;
        let (id, secret) = (random::<15>()?, random::<32>()?);
        let expires = asked.lasts.map(|millis| now.saturating_add(millis));
        let key = Key {
            name: asked.name.clone(),
            hash: hash(secret.as_bytes()),
            created: now,
            expires,
            owner: owner.to_owned(),
            grants: asked.grants,
            role_descriptors: asked.role_descriptors,
            metadata: asked.metadata,
        };
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = Keys::clone(&self.now());
        // Nobody can use those any more, and nobody asks for them.
        keys.retain(|_, key| key.expires.is_none_or(|at| now < at));
        if keys.len() >= MOST {
            return Err(ApiError::illegal(format!("there are [{MOST}] API keys; remove some first")));
        }
        keys.insert(id.clone(), key);
        self.keep(keys)?;
        let mut answer = json!({"id": id, "name": asked.name});
        if let Some(at) = expires {
            answer["expiration"] = json!(at);
        }
        answer["encoded"] = json!(BASE64_STANDARD.encode(format!("{id}:{secret}")));
        answer["api_key"] = json!(secret);
        Ok(answer)
    }

    /// Those that were chosen, without their secrets.
    pub(crate) fn list(&self, chosen: &Chosen) -> Vec<Value> {
        let keys = self.now();
        let fitting = keys.iter().filter(|(id, key)| chosen.fits(id, key));
        fitting
            .map(|(id, key)| {
                let mut one = json!({"id": id, "name": key.name, "creation": key.created});
                if let Some(at) = key.expires {
                    one["expiration"] = json!(at);
                }
                one["invalidated"] = json!(false);
                one["username"] = json!(key.owner);
                one["realm"] = json!("alces");
                one["metadata"] = json!(key.metadata);
                one["role_descriptors"] = json!(key.role_descriptors);
                one
            })
            .collect()
    }

    /// Removes those that were chosen, and tells their ids.
    pub(crate) fn remove(&self, chosen: &Chosen) -> Result<Vec<String>, ApiError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = Keys::clone(&self.now());
        let gone: Vec<String> =
            keys.iter().filter(|(id, key)| chosen.fits(id, key)).map(|(id, _)| id.clone()).collect();
        if !gone.is_empty() {
            gone.iter().for_each(|id| drop(keys.remove(id)));
            self.keep(keys)?;
        }
        Ok(gone)
    }
}

/// What a request for a key says.
struct Asked {
    name: String,
    lasts: Option<i64>,
    grants: Vec<Grant>,
    role_descriptors: Map<String, Value>,
    metadata: Map<String, Value>,
}

impl Asked {
    fn parse(body: &Value) -> Result<Self, ApiError> {
        let Value::Object(body) = body else {
            return Err(ApiError::parsing("the body of an API key must be an object with a [name]"));
        };
        let mut asked = Self {
            name: String::new(),
            lasts: None,
            grants: Vec::new(),
            role_descriptors: Map::new(),
            metadata: Map::new(),
        };
        for (key, value) in body {
            match (key.as_str(), value) {
                ("name", Value::String(name)) => asked.name.clone_from(name),
                ("expiration", Value::Null) => {}
                ("expiration", value) => {
                    let text = plain(value);
                    let lasts = dates::interval(&text).filter(|millis| *millis > 0);
                    asked.lasts = Some(lasts.ok_or_else(|| {
                        ApiError::illegal(format!("[expiration] cannot be [{text}]: `7d` and `12h` can"))
                    })?);
                }
                ("role_descriptors", Value::Object(roles)) => asked.role_descriptors.clone_from(roles),
                ("role_descriptors", Value::Null) => {}
                ("metadata", Value::Object(map)) => asked.metadata.clone_from(map),
                ("metadata", Value::Null) => {}
                (other, _) => {
                    return Err(ApiError::parsing(format!("an API key does not support [{other}]")));
                }
            }
        }
        if asked.name.is_empty() || asked.name.len() > 256 {
            return Err(ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: api key name is required;",
            ));
        }
        for role in asked.role_descriptors.values() {
            asked.grants.extend(grants(role)?);
        }
        // Without any it has what its maker has, who is an admin.
        if asked.role_descriptors.is_empty() {
            asked.grants.push(Grant::everything());
        }
        Ok(asked)
    }
}

/// What one of Elasticsearch's role descriptors gives.
fn grants(role: &Value) -> Result<Vec<Grant>, ApiError> {
    let unknown =
        |what: &str, name: &str| ApiError::illegal(format!("{what} [{name}] is not supported by this store"));
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(list) => list.iter().map(plain).collect(),
            one => vec![plain(one)],
        }
    };
    let mut found = Vec::new();
    for (key, value) in role.as_object().into_iter().flatten() {
        match key.as_str() {
            "cluster" => {
                for privilege in texts(value) {
                    match privilege.as_str() {
                        "all" => found.push(Grant::everything()),
                        // What every caller may see, and what writers may do.
                        "monitor" | "manage_index_templates" => {}
                        other => return Err(unknown("the cluster privilege", other)),
                    }
                }
            }
            "index" | "indices" => {
                for entry in value.as_array().into_iter().flatten() {
                    found.push(grant(entry, &texts, &unknown)?);
                }
            }
            "metadata" | "transient_metadata" => {}
            "applications" | "run_as" if value.as_array().is_some_and(Vec::is_empty) => {}
            other => return Err(unknown("of a role", other)),
        }
    }
    Ok(found)
}

fn grant(
    entry: &Value,
    texts: &dyn Fn(&Value) -> Vec<String>,
    unknown: &dyn Fn(&str, &str) -> ApiError,
) -> Result<Grant, ApiError> {
    let (mut indexes, mut roles) = (Vec::new(), BTreeSet::new());
    for (key, value) in entry.as_object().into_iter().flatten() {
        match key.as_str() {
            "names" => indexes = texts(value),
            "privileges" => {
                for privilege in texts(value) {
                    match privilege.as_str() {
                        "read" | "view_index_metadata" | "monitor" => drop(roles.insert(Role::Read)),
                        "write" | "index" | "create" | "create_doc" | "create_index" | "auto_configure" => {
                            roles.insert(Role::Write);
                        }
                        "all" | "manage" => drop(roles.insert(Role::Admin)),
                        other => return Err(unknown("the index privilege", other)),
                    }
                }
            }
            "allow_restricted_indices" if value == &Value::Bool(false) => {}
            other => return Err(unknown("of a role's indices", other)),
        }
    }
    if indexes.is_empty() || roles.is_empty() {
        return Err(ApiError::illegal("a role's indices want [names] and [privileges]"));
    }
    // `?` and regular expressions would make it impossible to say which patterns lie within which.
    if let Some(name) = indexes.iter().find(|name| name.is_empty() || name.contains(['?', '/', ','])) {
        return Err(unknown("the index pattern", name));
    }
    Ok(Grant { indexes, roles })
}

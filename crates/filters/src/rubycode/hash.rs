//! What hashes can do.

use std::sync::Arc;

use super::{
    method::Answer,
    run::Machine,
    tree::Block,
    value::{Entries, Hash, K, V},
};

impl Machine<'_> {
    pub(super) fn hash_method(
        &mut self,
        hash: &Arc<Hash>,
        name: &'static str,
        given: &[V],
        block: Option<&Block>,
    ) -> Answer {
        let this = V::Hash(Arc::clone(hash));
        // Those that do not go through it.
        match (name, given) {
            ("key?" | "has_key?" | "include?", [key]) => {
                return Ok(Some(V::Bool(hash.lock().contains_key(&key.key()?))));
            }
            ("length" | "size" | "count", []) if block.is_none() => {
                return Ok(Some(V::Int(hash.lock().len() as i64)));
            }
            ("empty?", []) => return Ok(Some(V::Bool(hash.lock().is_empty()))),
            ("delete", [key]) => {
                let len = hash.lock().len();
                self.spend(len / 16)?;
                return Ok(Some(hash.lock().shift_remove(&key.key()?).unwrap_or(V::Nil)));
            }
            ("fetch", [key, rest @ ..]) => {
                let found = hash.lock().get(&key.key()?).cloned();
                return match (found, rest) {
                    (Some(found), _) => Ok(Some(found)),
                    (None, [other]) => Ok(Some(other.clone())),
                    (None, _) => {
                        let mut shown = String::new();
                        key.inspect(&mut shown, 0)?;
                        Err(format!("key not found: {shown}").into())
                    }
                };
            }
            ("clear", []) => {
                let gone = std::mem::take(&mut *hash.lock());
                drop(gone);
                return Ok(Some(this));
            }
            ("dig", [first, rest @ ..]) => return self.dig(&this, first, rest).map(Some),
            ("to_h" | "to_hash", []) => return Ok(Some(this)),
            _ => {}
        }
        let entries = hash.lock().clone();
        self.spend(entries.len())?;
        let made = match (name, given) {
            ("keys", []) => V::list(entries.keys().map(K::value).collect()),
            ("values", []) => V::list(entries.into_values().collect()),
            ("dup", []) => V::hash(entries),
            ("value?", [value]) => {
                let mut any = false;
                for other in entries.values() {
                    any |= value.equals(other, 0)?;
                }
                V::Bool(any)
            }
            ("merge", [V::Hash(other)]) => {
                let other = other.lock().clone();
                self.spend(other.len())?;
                let mut merged = entries;
                merged.extend(other);
                V::hash(merged)
            }
            ("to_a", []) => V::list(pairs(&entries)),
            _ => match block {
                Some(block) => return self.hash_with_block(&this, entries, name, given, block),
                None => return Ok(None),
            },
        };
        Ok(Some(made))
    }

    fn hash_with_block(
        &mut self,
        this: &V,
        entries: Entries,
        name: &'static str,
        given: &[V],
        block: &Block,
    ) -> Answer {
        match name {
            "each_pair" => self.list_with_block(this, pairs(&entries), "each", given, block),
            "select" | "reject" | "delete_if" => {
                let mut kept = Entries::new();
                for (key, value) in entries {
                    if self.with(block, &[key.value(), value.clone()])?.holds() == (name == "select") {
                        kept.insert(key, value);
                    }
                }
                if let ("delete_if", V::Hash(hash)) = (name, this) {
                    let gone = std::mem::replace(&mut *hash.lock(), kept);
                    drop(gone);
                    return Ok(Some(this.clone()));
                }
                Ok(Some(V::hash(kept)))
            }
            _ => self.list_with_block(this, pairs(&entries), name, given, block),
        }
    }
}

/// Keys with their values, each as a list of two.
fn pairs(entries: &Entries) -> Vec<V> {
    entries.iter().map(|(key, value)| V::list(vec![key.value(), value.clone()])).collect()
}

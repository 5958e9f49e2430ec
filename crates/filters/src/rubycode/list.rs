//! What lists can do.

use std::{cmp::Ordering, sync::Arc};

use super::{
    calculate,
    method::Answer,
    run::{Machine, Run},
    tree::{Binary, Block},
    value::{Entries, List, V},
};

impl Machine<'_> {
    pub(super) fn list_method(
        &mut self,
        list: &Arc<List>,
        name: &'static str,
        given: &[V],
        block: Option<&Block>,
    ) -> Answer {
        let this = V::List(Arc::clone(list));
        // Those that change it, or do not go through it.
        match (name, given) {
            ("push", [item]) => return self.push(&this, item).map(Some),
            ("pop", []) => return Ok(Some(list.lock().pop().unwrap_or(V::Nil))),
            ("shift", []) => {
                let mut list = list.lock();
                let first = if list.is_empty() { V::Nil } else { list.remove(0) };
                let len = list.len();
                drop(list);
                self.spend(len / 16)?;
                return Ok(Some(first));
            }
            ("clear", []) => {
                let gone = std::mem::take(&mut *list.lock());
                drop(gone);
                return Ok(Some(this));
            }
            ("length" | "size" | "count", []) if block.is_none() => {
                return Ok(Some(V::Int(list.lock().len() as i64)));
            }
            ("empty?", []) => return Ok(Some(V::Bool(list.lock().is_empty()))),
            ("first", []) => return Ok(Some(list.lock().first().cloned().unwrap_or(V::Nil))),
            ("last", []) => return Ok(Some(list.lock().last().cloned().unwrap_or(V::Nil))),
            ("at", [at]) => return self.index(&this, std::slice::from_ref(at)).map(Some),
            ("to_a", []) => return Ok(Some(this)),
            _ => {}
        }
        let items = list.lock().clone();
        self.spend(items.len())?;
        let made = match (name, given) {
            ("concat", [V::List(other)]) => {
                let other = other.lock().clone();
                for item in &other {
                    self.push(&this, item)?;
                }
                this
            }
            ("delete_at", [V::Int(at)]) => {
                let at = if *at < 0 { *at + items.len() as i64 } else { *at };
                let mut list = list.lock();
                match usize::try_from(at).ok().filter(|at| *at < list.len()) {
                    Some(at) => list.remove(at),
                    None => V::Nil,
                }
            }
            ("delete", [item]) => {
                let (mut kept, mut found) = (Vec::new(), V::Nil);
                for other in items {
                    if other.equals(item, 0)? { found = other } else { kept.push(other) }
                }
                let gone = std::mem::replace(&mut *list.lock(), kept);
                drop(gone);
                found
            }
            ("first", [V::Int(count)]) => self.list(some(&items, *count)?.to_vec())?,
            ("last", [V::Int(count)]) => {
                let len = some(&items, *count)?.len();
                self.list(items[items.len() - len..].to_vec())?
            }
            ("dup", []) => self.list(items)?,
            ("reverse", []) => self.list(items.into_iter().rev().collect())?,
            ("compact", []) => {
                self.list(items.into_iter().filter(|item| !matches!(item, V::Nil)).collect())?
            }
            ("flatten", []) => {
                let mut flat = Vec::new();
                self.flatten(&items, &mut flat, 0)?;
                self.list(flat)?
            }
            ("uniq", []) => self.uniq(items)?,
            ("include?", [item]) => {
                let mut any = false;
                for other in &items {
                    any |= item.equals(other, 0)?;
                }
                V::Bool(any)
            }
            ("index", [item]) => {
                let mut found = V::Nil;
                for (at, other) in items.iter().enumerate() {
                    if item.equals(other, 0)? {
                        found = V::Int(at as i64);
                        break;
                    }
                }
                found
            }
            ("join", []) => self.join(&items, "")?,
            ("join", [separator]) => self.join(&items, super::method::text_of(separator)?)?,
            ("sort", []) if block.is_none() => {
                let sorted = sorted(items, |item| item)?;
                self.list(sorted)?
            }
            ("min" | "max", []) if block.is_none() => {
                let sorted = sorted(items, |item| item)?;
                let found = if name == "min" { sorted.first() } else { sorted.last() };
                found.cloned().unwrap_or(V::Nil)
            }
            ("sum", []) if block.is_none() => self.sum(items)?,
            ("dig", [first, rest @ ..]) => self.dig(&this, first, rest)?,
            ("to_h", []) if block.is_none() => {
                let mut entries = Entries::new();
                for item in &items {
                    let V::List(pair) = item else { return Err("`to_h` wants a list of pairs".into()) };
                    let pair = pair.lock().clone();
                    let [key, value] = pair.as_slice() else {
                        return Err("`to_h` wants a list of pairs".into());
                    };
                    entries.insert(key.key()?, value.clone());
                }
                V::hash(entries)
            }
            _ => match block {
                Some(block) => return self.list_with_block(&this, items, name, given, block),
                None => return Ok(None),
            },
        };
        Ok(Some(made))
    }

    /// Methods that go through a list with a block.
    pub(super) fn list_with_block(
        &mut self,
        this: &V,
        items: Vec<V>,
        name: &'static str,
        given: &[V],
        block: &Block,
    ) -> Answer {
        let made = match name {
            "each" => {
                for item in &items {
                    self.with(block, std::slice::from_ref(item))?;
                }
                this.clone()
            }
            "each_with_index" => {
                for (at, item) in items.iter().enumerate() {
                    self.with(block, &[item.clone(), V::Int(at as i64)])?;
                }
                this.clone()
            }
            "map" => {
                let mut made = Vec::with_capacity(items.len());
                for item in &items {
                    made.push(self.with(block, std::slice::from_ref(item))?);
                }
                V::list(made)
            }
            "select" | "reject" => {
                let mut kept = Vec::new();
                for item in items {
                    if self.with(block, std::slice::from_ref(&item))?.holds() == (name == "select") {
                        kept.push(item);
                    }
                }
                V::list(kept)
            }
            "find" => {
                for item in items {
                    if self.with(block, std::slice::from_ref(&item))?.holds() {
                        return Ok(Some(item));
                    }
                }
                V::Nil
            }
            "any?" | "all?" => {
                let wanted = name == "any?";
                for item in items {
                    if self.with(block, std::slice::from_ref(&item))?.holds() == wanted {
                        return Ok(Some(V::Bool(wanted)));
                    }
                }
                V::Bool(!wanted)
            }
            "count" => {
                let mut count = 0;
                for item in items {
                    count += i64::from(self.with(block, std::slice::from_ref(&item))?.holds());
                }
                V::Int(count)
            }
            "sum" => {
                let mut made = Vec::new();
                for item in items {
                    made.push(self.with(block, std::slice::from_ref(&item))?);
                }
                self.sum(made)?
            }
            "sort_by" | "min_by" | "max_by" => {
                let mut pairs = Vec::with_capacity(items.len());
                for item in items {
                    pairs.push((self.with(block, std::slice::from_ref(&item))?, item));
                }
                let sorted: Vec<V> = sorted(pairs, |(by, _)| by)?.into_iter().map(|(_, item)| item).collect();
                match name {
                    "min_by" => sorted.first().cloned().unwrap_or(V::Nil),
                    "max_by" => sorted.last().cloned().unwrap_or(V::Nil),
                    _ => V::list(sorted),
                }
            }
            "inject" | "reduce" => {
                let mut items = items.into_iter();
                let first = match given {
                    [first] => Some(first.clone()),
                    _ => items.next(),
                };
                let Some(mut sum) = first else { return Ok(Some(V::Nil)) };
                for item in items {
                    sum = self.with(block, &[sum, item])?;
                }
                sum
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    fn sum(&mut self, items: Vec<V>) -> Run {
        let mut sum = V::Int(0);
        for item in items {
            sum = calculate::binary(Binary::Add, &sum, &item)?;
        }
        Ok(sum)
    }

    fn join(&mut self, items: &[V], separator: &str) -> Run {
        let mut flat = Vec::new();
        self.flatten(items, &mut flat, 0)?;
        let mut out = String::new();
        for (at, item) in flat.iter().enumerate() {
            out.push_str(if at > 0 { separator } else { "" });
            let text = item.to_s()?;
            self.spend((text.len() + separator.len()) / 16)?;
            out.push_str(&text);
        }
        Ok(V::text(&out))
    }

    fn flatten(&mut self, items: &[V], flat: &mut Vec<V>, depth: usize) -> Run<()> {
        if depth > 100 {
            return Err("a list is nested too deeply".into());
        }
        for item in items {
            self.spend(1)?;
            match item {
                V::List(inner) => {
                    let inner = inner.lock().clone();
                    self.flatten(&inner, flat, depth + 1)?;
                }
                other => flat.push(other.clone()),
            }
        }
        Ok(())
    }

    fn uniq(&mut self, items: Vec<V>) -> Run {
        let mut keys = std::collections::HashSet::new();
        let mut kept: Vec<V> = Vec::new();
        for item in items {
            let new = match item.key() {
                Ok(key) => keys.insert(key),
                Err(_) => {
                    self.spend(kept.len())?;
                    let mut known = false;
                    for other in &kept {
                        known |= item.equals(other, 0)?;
                    }
                    !known
                }
            };
            if new {
                kept.push(item);
            }
        }
        Ok(V::list(kept))
    }

    pub(super) fn dig(&mut self, of: &V, first: &V, rest: &[V]) -> Run {
        let mut at = self.index(of, std::slice::from_ref(first))?;
        for key in rest {
            if matches!(at, V::Nil) {
                break;
            }
            at = self.index(&at, std::slice::from_ref(key))?;
        }
        Ok(at)
    }
}

fn some(items: &[V], count: i64) -> Result<&[V], &'static str> {
    let count = usize::try_from(count).map_err(|_| "negative array size")?;
    Ok(&items[..count.min(items.len())])
}

/// Sorted by what `by` shows of each; an error where two cannot be compared.
fn sorted<T>(mut items: Vec<T>, by: impl Fn(&T) -> &V) -> Run<Vec<T>> {
    let mut failed = None;
    items.sort_by(|a, b| match calculate::order(by(a), by(b)) {
        Ok(Some(order)) => order,
        other => {
            failed.get_or_insert_with(|| match other {
                Err(reason) => reason,
                Ok(_) => format!("comparison of {} with {} failed", by(a).class(), by(b).class()),
            });
            Ordering::Equal
        }
    });
    match failed {
        Some(reason) => Err(reason.into()),
        None => Ok(items),
    }
}

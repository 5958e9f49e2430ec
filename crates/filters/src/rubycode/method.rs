//! Which method of which value is called; what all values can do; `[]`, `[]=` and `<<`.

use alces_event::Value;

use super::{
    run::{Machine, Run, is_a, undefined},
    tree::Block,
    value::{Failure, V},
    words::JSON,
};

/// What a method makes; none where the value has no such method.
pub(super) type Answer = Run<Option<V>>;

impl Machine<'_> {
    pub(super) fn method(
        &mut self,
        receiver: &V,
        name: &'static str,
        given: &[V],
        block: Option<&Block>,
    ) -> Run {
        let made = match (name, receiver, given) {
            ("nil?", ..) => Some(V::Bool(matches!(receiver, V::Nil))),
            ("is_a?", _, [V::Symbol(class)]) => Some(V::Bool(is_a(receiver, class))),
            ("class", ..) => Some(V::Symbol(receiver.class().into())),
            ("inspect", ..) => {
                let mut out = String::new();
                receiver.inspect(&mut out, 0)?;
                Some(self.text(&out)?)
            }
            ("to_json", ..) if !matches!(receiver, V::Event) => {
                let value = receiver.to_event()?;
                let json = serde_json::to_string(&value.view_alone()).map_err(|error| error.to_string())?;
                Some(self.text(&json)?)
            }
            ("parse", V::Symbol(module), [text]) if &**module == JSON => {
                let text = text_of(text)?;
                self.spend(text.len() / 16)?;
                let value: Value = serde_json::from_str(text).map_err(|error| format!("JSON: {error}"))?;
                Some(V::of(value.view_alone()))
            }
            ("generate", V::Symbol(module), [value]) if &**module == JSON => {
                return self.method(value, "to_json", &[], None);
            }
            // What `rescue` names is the text of what went wrong.
            ("message", V::Text(_), []) => Some(receiver.clone()),
            (_, V::Event, _) => self.event_method(name, given)?,
            (_, V::Text(text), _) => self.text_method(text, name, given)?,
            (_, V::Int(_) | V::Float(_), _) => self.number_method(receiver, name, given, block)?,
            (_, V::Time(time), _) => self.time_method(*time, name, given)?,
            (_, V::List(list), _) => self.list_method(list, name, given, block)?,
            (_, V::Hash(hash), _) => self.hash_method(hash, name, given, block)?,
            (_, V::Symbol(class), _) if &**class == "Time" && matches!(name, "now" | "at" | "new") => {
                Some(self.time_of(name, given)?)
            }
            ("to_a", V::Nil, _) => Some(V::list(Vec::new())),
            ("to_h", V::Nil, _) => Some(V::hash(super::value::Entries::new())),
            ("to_i", V::Nil, _) => Some(V::Int(0)),
            ("to_f", V::Nil, _) => Some(V::Float(0.0)),
            ("to_sym" | "dup", V::Symbol(_), _) => Some(receiver.clone()),
            ("match" | "match?", V::Regex(_), [text @ V::Text(of)]) => {
                let _ = text;
                self.text_method(of, name, std::slice::from_ref(receiver))?
            }
            _ => None,
        };
        match (made, name) {
            (Some(made), _) => Ok(made),
            (None, "to_s") if given.is_empty() => {
                let text = receiver.to_s()?;
                self.text(&text)
            }
            (None, "dup") => Ok(receiver.clone()),
            (None, _) => Err(undefined(name, receiver)),
        }
    }

    pub(super) fn index(&mut self, of: &V, keys: &[V]) -> Run {
        match (of, keys) {
            (V::Hash(hash), [key]) => Ok(hash.lock().get(&key.key()?).cloned().unwrap_or(V::Nil)),
            (V::List(list), [V::Int(at)]) => {
                let list = list.lock();
                Ok(place(*at, list.len()).and_then(|at| list.get(at)).cloned().unwrap_or(V::Nil))
            }
            (V::Text(text), [V::Int(at)]) => {
                let Some(at) = place(*at, text.chars().count()) else { return Ok(V::Nil) };
                Ok(text.chars().nth(at).map_or(V::Nil, |c| V::text(c.encode_utf8(&mut [0; 4]))))
            }
            (V::Text(text), [V::Text(part)]) => {
                Ok(if text.contains(&**part) { V::Text(part.clone()) } else { V::Nil })
            }
            (V::Text(_), [V::Regex(_)]) => {
                let found = self.match_at(of, &keys[0])?;
                Ok(found.and_then(|_| self.groups.first().cloned().flatten()).map_or(V::Nil, V::Text))
            }
            (V::Text(_), [regex @ V::Regex(_), V::Int(group)]) => {
                self.match_at(of, regex)?;
                let group = usize::try_from(*group).ok().and_then(|at| self.groups.get(at));
                Ok(group.cloned().flatten().map_or(V::Nil, V::Text))
            }
            (V::Text(_) | V::List(_), [V::Int(from), V::Int(len)]) => {
                let all = length(of);
                let Ok(len) = usize::try_from(*len) else { return Ok(V::Nil) };
                match start(*from, all) {
                    Some(from) => self.part(of, from, from.saturating_add(len)),
                    None => Ok(V::Nil),
                }
            }
            (V::Nil | V::Int(_) | V::Float(_) | V::Bool(_) | V::Event | V::Time(_), _) => {
                Err(undefined("[]", of))
            }
            (_, [key, ..]) => Err(no_conversion(key, "Integer").into()),
            _ => Err(undefined("[]", of)),
        }
    }

    pub(super) fn slice(&mut self, of: &V, from: &V, to: Option<&V>, exclusive: bool) -> Run {
        if !matches!(of, V::Text(_) | V::List(_)) {
            return Err(undefined("[]", of));
        }
        let (V::Int(from), V::Int(to)) = (from, to.unwrap_or(&V::Int(-1))) else {
            return Err("the ends of a range are whole numbers here".into());
        };
        let all = length(of);
        let Some(from) = start(*from, all) else { return Ok(V::Nil) };
        let end = if *to < 0 { *to + i64::try_from(all).unwrap_or(i64::MAX) } else { *to };
        let end = if exclusive { end } else { end.saturating_add(1) };
        self.part(of, from, usize::try_from(end).unwrap_or(0))
    }

    fn part(&mut self, of: &V, from: usize, to: usize) -> Run {
        match of {
            V::Text(text) => {
                let part: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
                self.spend(text.len() / 16)?;
                Ok(V::text(&part))
            }
            V::List(list) => {
                let list = list.lock();
                let to = to.min(list.len());
                let items = list.get(from..to.max(from)).unwrap_or_default().to_vec();
                drop(list);
                self.list(items)
            }
            _ => Ok(V::Nil),
        }
    }

    pub(super) fn set_index(&mut self, of: &V, key: &V, value: V) -> Run {
        self.hold(of, &value)?;
        match (of, key) {
            (V::Hash(hash), key) => {
                hash.lock().insert(key.key()?, value.clone());
                Ok(value)
            }
            (V::List(list), V::Int(at)) => {
                let len = list.lock().len();
                let at = if *at < 0 { *at + i64::try_from(len).unwrap_or(i64::MAX) } else { *at };
                let at = usize::try_from(at).map_err(|_| format!("index {at} too small for array"))?;
                self.spend(at.saturating_sub(len))?;
                let mut list = list.lock();
                if at >= list.len() {
                    list.resize(at + 1, V::Nil);
                }
                if let Some(slot) = list.get_mut(at) {
                    *slot = value.clone();
                }
                Ok(value)
            }
            (V::Text(_), _) => Err("texts are not changed in place here: make a new one".into()),
            (V::List(_), key) => Err(no_conversion(key, "Integer").into()),
            _ => Err(undefined("[]=", of)),
        }
    }

    /// `<<`.
    pub(super) fn push(&mut self, list: &V, item: &V) -> Run {
        match (list, item) {
            (V::List(items), item) => {
                self.hold(list, item)?;
                items.lock().push(item.clone());
                Ok(list.clone())
            }
            (V::Text(_), _) => Err("texts are not changed in place here: write `text += other`".into()),
            (V::Int(number), V::Int(by @ 0..=62)) => {
                let made = number.checked_mul(1_i64 << by);
                Ok(V::Int(made.ok_or("the number is too large: whole numbers are of 64 bits")?))
            }
            _ => Err(undefined("<<", list)),
        }
    }

    /// Whether a list or a hash may hold a value.
    fn hold(&mut self, holder: &V, value: &V) -> Run<()> {
        if matches!(value, V::List(_) | V::Hash(_)) {
            let looked_at = holder.may_hold(value, self.fuel)?;
            self.spend(looked_at)?;
        }
        Ok(())
    }
}

fn length(of: &V) -> usize {
    match of {
        V::Text(text) => text.chars().count(),
        V::List(list) => list.lock().len(),
        _ => 0,
    }
}

/// Where an item is; a negative number counts from the end.
fn place(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(len).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// Where a part begins, which may be the very end.
fn start(at: i64, len: usize) -> Option<usize> {
    if usize::try_from(at) == Ok(len) { Some(len) } else { place(at, len) }
}

pub(super) fn no_conversion(value: &V, wanted: &str) -> Failure {
    match value {
        V::Nil => format!("no implicit conversion from nil to {}", wanted.to_lowercase()),
        other => format!("no implicit conversion of {} into {wanted}", other.class()),
    }
}

/// An argument that must be text.
pub(super) fn text_of(value: &V) -> Result<&str, Failure> {
    match value {
        V::Text(text) | V::Symbol(text) => Ok(text),
        V::Nil => Err("no implicit conversion of nil into String".to_owned()),
        other => Err(no_conversion(other, "String")),
    }
}

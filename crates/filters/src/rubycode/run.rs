//! Runs a checked script over one event, with fuel.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alces_event::{Event, Timestamp};

use super::{
    calculate,
    tree::{Binary, Block, Call, Constant, Expr, Kind, Part, Target, Update},
    value::{Entries, Failure, V},
    words::CLASSES,
};
use crate::context::Clock;

/// Variables of the filter (`@name`): one for all workers and events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance(Arc<Mutex<HashMap<Arc<str>, V>>>);

impl Instance {
    fn get(&self, name: &str) -> V {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or(V::Nil)
    }

    fn set(&self, name: &Arc<str>, value: V) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(name), value);
    }
}

/// Why an expression has no value.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(Failure),
    Next(V),
    Break(V),
    Return,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<&str> for Stop {
    fn from(failure: &str) -> Self {
        Self::Failed(failure.to_owned())
    }
}

pub(super) type Run<T = V> = Result<T, Stop>;

/// Steps that a script may take for one event; texts and lists that it makes cost by their size.
pub(super) const FUEL: usize = 2_000_000;

pub(super) struct Machine<'m> {
    pub(super) event: &'m mut Event,
    pub(super) clock: &'m Clock,
    pub(super) instance: &'m Instance,
    pub(super) locals: Vec<V>,
    /// Those of the last match, for `$1`.
    pub(super) groups: Vec<Option<Arc<str>>>,
    pub(super) fuel: usize,
}

impl Machine<'_> {
    pub(super) fn spend(&mut self, steps: usize) -> Run<()> {
        let left = self.fuel.checked_sub(steps);
        self.fuel = left.unwrap_or(0);
        left.map(|_| ()).ok_or("the script took too long: it was stopped".into())
    }

    /// A text that was made.
    pub(super) fn text(&mut self, text: &str) -> Run {
        self.spend(text.len() / 16)?;
        Ok(V::text(text))
    }

    /// A list that was made.
    pub(super) fn list(&mut self, items: Vec<V>) -> Run {
        self.spend(items.len())?;
        Ok(V::list(items))
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn run(&mut self, expr: &Expr) -> Run {
        self.spend(1)?;
        match &expr.kind {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Local(place) => Ok(self.locals.get(*place).cloned().unwrap_or(V::Nil)),
            Kind::Instance(name) => Ok(self.instance.get(name)),
            Kind::Group(group) => Ok(self.groups.get(*group).cloned().flatten().map_or(V::Nil, V::Text)),
            Kind::Constant(Constant::Time) => Ok(V::Symbol(Arc::from("Time"))),
            Kind::Text(parts) => self.parts(parts),
            Kind::List(items) => {
                let items = self.all(items)?;
                self.list(items)
            }
            Kind::Hash(entries) => {
                let mut hash = Entries::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.run(key)?.key()?;
                    hash.insert(key, self.run(value)?);
                }
                Ok(V::hash(hash))
            }
            Kind::Assign(target, value) => self.assign(target, value),
            Kind::Update(target, update, value) => self.update(target, *update, value),
            Kind::Index(of, keys) => {
                let of = self.run(of)?;
                let keys = self.all(keys)?;
                self.index(&of, &keys)
            }
            Kind::Slice { of, from, to, exclusive } => {
                let of = self.run(of)?;
                let from = self.run(from)?;
                let to = to.as_ref().map(|to| self.run(to)).transpose()?;
                self.slice(&of, &from, to.as_ref(), *exclusive)
            }
            Kind::Call(call) => self.call(call),
            Kind::Binary(binary, left, right) => {
                let left = self.run(left)?;
                let right = self.run(right)?;
                self.binary(*binary, &left, &right)
            }
            Kind::And(left, right) => {
                let left = self.run(left)?;
                if left.holds() { self.run(right) } else { Ok(left) }
            }
            Kind::Or(left, right) => {
                let left = self.run(left)?;
                if left.holds() { Ok(left) } else { self.run(right) }
            }
            Kind::Not(inner) => Ok(V::Bool(!self.run(inner)?.holds())),
            Kind::Negate(inner) => match self.run(inner)? {
                V::Int(number) => Ok(V::Int(number.checked_neg().ok_or("the number is too large")?)),
                V::Float(number) => Ok(V::Float(-number)),
                other => Err(undefined("-@", &other)),
            },
            Kind::Rescue { body, name, other } => match self.run(body) {
                // A script that took too long goes on nowhere.
                Err(Stop::Failed(reason)) if self.fuel > 0 => {
                    if let Some(slot) = name.and_then(|place| self.locals.get_mut(place)) {
                        *slot = V::text(&reason);
                    }
                    self.run(other)
                }
                ended => ended,
            },
            Kind::If(condition, then, other) => {
                if self.run(condition)?.holds() {
                    self.run(then)
                } else {
                    self.run(other)
                }
            }
            Kind::Case { subject, branches, other } => {
                let subject = self.run(subject)?;
                for (values, body) in branches {
                    for value in values {
                        let value = self.run(value)?;
                        if self.is_case(&value, &subject)? {
                            return self.run(body);
                        }
                    }
                }
                self.run(other)
            }
            Kind::Sequence(statements) => {
                let mut last = V::Nil;
                for statement in statements {
                    last = self.run(statement)?;
                }
                Ok(last)
            }
            Kind::Next(value) => Err(Stop::Next(self.run(value)?)),
            Kind::Break(value) => Err(Stop::Break(self.run(value)?)),
            Kind::Return(value) => {
                self.run(value)?;
                Err(Stop::Return)
            }
        }
    }

    fn all(&mut self, exprs: &[Expr]) -> Run<Vec<V>> {
        exprs.iter().map(|expr| self.run(expr)).collect()
    }

    fn parts(&mut self, parts: &[Part]) -> Run {
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Code(expr) => out.push_str(&self.run(expr)?.to_s()?),
            }
            self.spend(out.len() / 16)?;
        }
        self.text(&out)
    }

    fn assign(&mut self, target: &Target, value: &Expr) -> Run {
        match target {
            Target::Index(of, key) => {
                let of = self.run(of)?;
                let key = self.run(key)?;
                let value = self.run(value)?;
                self.set_index(&of, &key, value)
            }
            _ => {
                let value = self.run(value)?;
                self.set(target, value)
            }
        }
    }

    fn set(&mut self, target: &Target, value: V) -> Run {
        match target {
            Target::Local(place) => {
                if let Some(slot) = self.locals.get_mut(*place) {
                    *slot = value.clone();
                }
            }
            Target::Instance(name) => self.instance.set(name, value.clone()),
            Target::Index(..) => {}
        }
        Ok(value)
    }

    fn update(&mut self, target: &Target, update: Update, value: &Expr) -> Run {
        let (of, key, old) = match target {
            Target::Local(place) => (V::Nil, V::Nil, self.locals.get(*place).cloned().unwrap_or(V::Nil)),
            Target::Instance(name) => (V::Nil, V::Nil, self.instance.get(name)),
            Target::Index(of, key) => {
                let of = self.run(of)?;
                let key = self.run(key)?;
                let old = self.index(&of, std::slice::from_ref(&key))?;
                (of, key, old)
            }
        };
        let new = match update {
            Update::Or if old.holds() => return Ok(old),
            Update::And if !old.holds() => return Ok(old),
            Update::Or | Update::And => self.run(value)?,
            Update::By(binary) => {
                let value = self.run(value)?;
                self.binary(binary, &old, &value)?
            }
        };
        match target {
            Target::Index(..) => self.set_index(&of, &key, new),
            _ => self.set(target, new),
        }
    }

    fn call(&mut self, call: &Call) -> Run {
        let receiver = self.run(&call.receiver)?;
        if call.safe && matches!(receiver, V::Nil) {
            return Ok(V::Nil);
        }
        let arguments = self.all(&call.arguments)?;
        match self.method(&receiver, call.method, &arguments, call.block.as_ref()) {
            // `break` ends the call that the block belongs to.
            Err(Stop::Break(value)) if call.block.is_some() => Ok(value),
            other => other,
        }
    }

    /// Calls a block.
    pub(super) fn with(&mut self, block: &Block, values: &[V]) -> Run {
        self.spend(1)?;
        let spread;
        let values = match values {
            [V::List(list)] if block.parameters.len() > 1 => {
                spread = list.lock().clone();
                &spread
            }
            values => values,
        };
        for (at, place) in block.parameters.iter().enumerate() {
            if let Some(slot) = self.locals.get_mut(*place) {
                *slot = values.get(at).cloned().unwrap_or(V::Nil);
            }
        }
        match self.run(&block.body) {
            Err(Stop::Next(value)) => Ok(value),
            other => other,
        }
    }

    fn binary(&mut self, binary: Binary, left: &V, right: &V) -> Run {
        match binary {
            Binary::Equal => Ok(V::Bool(left.equals(right, 0)?)),
            Binary::Unequal => Ok(V::Bool(!left.equals(right, 0)?)),
            Binary::Match | Binary::NoMatch => {
                let at = self.match_at(left, right)?;
                Ok(match (binary, at) {
                    (Binary::NoMatch, at) => V::Bool(at.is_none()),
                    (_, Some(at)) => V::Int(at),
                    (_, None) => V::Nil,
                })
            }
            Binary::Push => self.push(left, right),
            _ => {
                let made = calculate::binary(binary, left, right)?;
                match &made {
                    V::Text(text) => self.spend(text.len() / 16)?,
                    V::List(list) => self.spend(list.lock().len())?,
                    _ => {}
                }
                Ok(made)
            }
        }
    }

    /// `===`.
    fn is_case(&mut self, value: &V, subject: &V) -> Run<bool> {
        match (value, subject) {
            (V::Regex(_), V::Text(_)) => Ok(self.match_at(subject, value)?.is_some()),
            (V::Symbol(class), other) if CLASSES.contains(&&**class) && !matches!(other, V::Symbol(_)) => {
                Ok(is_a(other, class))
            }
            _ => Ok(value.equals(subject, 0)?),
        }
    }
}

pub(super) fn is_a(value: &V, class: &str) -> bool {
    value.class() == class || (class == "Numeric" && matches!(value, V::Int(_) | V::Float(_)))
}

pub(super) fn undefined(method: &str, value: &V) -> Stop {
    let shown = match value {
        V::Nil => "nil:NilClass".to_owned(),
        V::Bool(truth) => format!("{truth}:{}", value.class()),
        other => format!("an instance of {}", other.class()),
    };
    Stop::Failed(format!("undefined method `{method}' for {shown}"))
}

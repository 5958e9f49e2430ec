//! A policy of Index State Management, read and checked: what is not supported here is named.

use super::units::{age, number, size};
use crate::error::ApiError;
use crate::names::wildcard;
use serde_json::{Map, Value, json};

/// More states or patterns than this are nobody's wish.
const STATES: usize = 100;

/// A policy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) id: String,
    /// When it was written, in milliseconds. Indexes that are older are not its own.
    pub(crate) updated: i64,
    default: String,
    states: Vec<State>,
    pub(crate) templates: Vec<Template>,
    /// As it is shown.
    pub(crate) json: Value,
}

/// A state of an index.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) actions: Vec<Action>,
    pub(crate) transitions: Vec<Transition>,
}

/// What is done in a state, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Delete,
    Rollover(Rollover),
}

/// When an index is rolled over: as soon as one of these holds, and at once where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rollover {
    pub(crate) age: Option<i64>,
    pub(crate) size: Option<u64>,
    pub(crate) docs: Option<u64>,
}

/// The way to another state.
#[derive(Debug, Clone)]
pub(crate) struct Transition {
    pub(crate) to: String,
    pub(crate) when: Option<When>,
}

/// What must hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    IndexAge(i64),
    RolloverAge(i64),
    Docs(u64),
    Size(u64),
}

/// Which indexes a policy takes.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) patterns: Vec<String>,
    pub(crate) priority: i64,
    /// Ours: the bytes that the indexes of these patterns may have together; the oldest go first.
    pub(crate) max_total_size: Option<u64>,
}

type Result<T> = std::result::Result<T, ApiError>;

fn unsupported(what: &str, name: &str) -> ApiError {
    ApiError::illegal(format!("{what} [{name}] is not supported by this store"))
}

fn object<'a>(what: &str, json: &'a Value) -> Result<&'a Map<String, Value>> {
    json.as_object().ok_or_else(|| ApiError::parsing(format!("[{what}] must be an object")))
}

fn list<'a>(what: &str, json: &'a Value) -> Result<&'a [Value]> {
    let list = json.as_array().filter(|list| list.len() <= STATES);
    list.map(Vec::as_slice)
        .ok_or_else(|| ApiError::parsing(format!("[{what}] must be an array of [{STATES}] entries at most")))
}

fn text(what: &str, json: &Value) -> Result<String> {
    let text = json.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| ApiError::parsing(format!("[{what}] must be a text")))
}

impl Policy {
    /// Reads what stands within `policy`.
    pub(crate) fn parse(id: &str, json: &Value, updated: i64) -> Result<Self> {
        let (mut default, mut states, mut templates) = (None, Vec::new(), Vec::new());
        let mut description = Value::Null;
        for (key, value) in object("policy", json)? {
            match (key.as_str(), value) {
                ("description", value) => description = value.clone(),
                ("default_state", value) => default = Some(text(key, value)?),
                ("states", value) => {
                    states = list(key, value)?.iter().map(State::parse).collect::<Result<_>>()?;
                }
                ("ism_template", Value::Null) => {}
                ("ism_template", Value::Array(_)) => {
                    templates = list(key, value)?.iter().map(Template::parse).collect::<Result<_>>()?;
                }
                ("ism_template", value) => templates = vec![Template::parse(value)?],
                // What OpenSearch shows, and takes again.
                ("policy_id" | "last_updated_time" | "schema_version", _)
                | ("error_notification" | "user", Value::Null) => {}
                (other, _) => return Err(unsupported("of a policy", other)),
            }
        }
        let Some(first) = states.first() else {
            return Err(ApiError::illegal("Policy must contain at least one State"));
        };
        let default: String = default.unwrap_or_else(|| State::clone(first).name);
        let mut policy = Self { id: id.to_owned(), updated, default, states, templates, json: Value::Null };
        policy.check()?;
        policy.json = json!({
            "policy_id": id,
            "description": description,
            "last_updated_time": updated,
            "schema_version": 1,
            "error_notification": null,
            "default_state": policy.default,
            "states": json["states"],
            "ism_template": json.get("ism_template"),
        });
        Ok(policy)
    }

    fn check(&self) -> Result<()> {
        for (at, state) in self.states.iter().enumerate() {
            if self.states.iter().take(at).any(|other| other.name == state.name) {
                return Err(ApiError::illegal(format!(
                    "Duplicate state [{}] found, states must have unique names",
                    state.name
                )));
            }
            for Transition { to, .. } in &state.transitions {
                if self.state(to).is_none() {
                    return Err(ApiError::illegal(format!(
                        "Policy contains a transition in state={} pointing to a nonexistent state={to}",
                        state.name
                    )));
                }
            }
        }
        if self.state(&self.default).is_none() {
            return Err(ApiError::illegal(format!(
                "Policy must have a valid default state, not [{}]",
                self.default
            )));
        }
        Ok(())
    }

    /// The state of a name.
    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name == name)
    }

    /// The state in which all indexes begin.
    pub(crate) fn first(&self) -> Option<&State> {
        self.state(&self.default)
    }

    /// The priority with which it takes an index; none where it does not.
    pub(crate) fn priority_for(&self, index: &str) -> Option<i64> {
        let fits = |template: &&Template| template.takes(index);
        self.templates.iter().filter(fits).map(|template| template.priority).max()
    }

    /// A pattern that another policy has with the same priority.
    pub(crate) fn conflicts_with(&self, other: &Self) -> Option<&str> {
        self.templates.iter().find_map(|template| {
            let same = |theirs: &&Template| theirs.priority == template.priority;
            let theirs = other.templates.iter().filter(same).flat_map(|theirs| &theirs.patterns);
            let theirs: Vec<&String> = theirs.collect();
            template.patterns.iter().find(|pattern| theirs.contains(pattern)).map(String::as_str)
        })
    }
}

impl State {
    fn parse(json: &Value) -> Result<Self> {
        let mut state = Self { name: String::new(), actions: Vec::new(), transitions: Vec::new() };
        for (key, value) in object("states", json)? {
            match key.as_str() {
                "name" => state.name = text("states.name", value)?,
                "actions" => {
                    state.actions = list(key, value)?.iter().map(Action::parse).collect::<Result<_>>()?;
                }
                "transitions" => {
                    state.transitions =
                        list(key, value)?.iter().map(Transition::parse).collect::<Result<_>>()?;
                }
                other => return Err(unsupported("of a state", other)),
            }
        }
        if state.name.is_empty() {
            return Err(ApiError::illegal("State must contain a valid name"));
        }
        if let Some(at) = state.actions.iter().position(|action| *action == Action::Delete)
            && (at + 1 < state.actions.len() || !state.transitions.is_empty())
        {
            return Err(ApiError::illegal(
                "State with a [delete] action must not contain other actions behind it, nor transitions",
            ));
        }
        Ok(state)
    }
}

impl Action {
    fn parse(json: &Value) -> Result<Self> {
        let mut found = None;
        for (key, value) in object("actions", json)? {
            match key.as_str() {
                // It is tried again at each tick, for ever.
                "retry" => {}
                "delete" => {
                    if let Some(other) = object(key, value)?.keys().next() {
                        return Err(unsupported("of [delete]", other));
                    }
                    found = Some(Self::Delete);
                }
                "rollover" => found = Some(Self::Rollover(Rollover::parse(object(key, value)?)?)),
                other => return Err(unsupported("the action", other)),
            }
        }
        found.ok_or_else(|| {
            ApiError::parsing("an action must name what it does, such as [delete] or [rollover]")
        })
    }
}

impl Rollover {
    fn parse(json: &Map<String, Value>) -> Result<Self> {
        let mut rollover = Self::default();
        for (key, value) in json {
            match key.as_str() {
                "min_index_age" => rollover.age = Some(age(key, value)?),
                "min_doc_count" => rollover.docs = Some(number(key, value)?),
                // An index has one shard.
                "min_size" | "min_primary_shard_size" => {
                    let size = size(key, value)?;
                    rollover.size = Some(rollover.size.map_or(size, |other| other.min(size)));
                }
                "copy_alias" if value == &Value::Bool(false) => {}
                other => return Err(unsupported("of [rollover]", other)),
            }
        }
        Ok(rollover)
    }
}

impl Transition {
    fn parse(json: &Value) -> Result<Self> {
        let (mut to, mut when) = (None, Vec::new());
        for (key, value) in object("transitions", json)? {
            match key.as_str() {
                "state_name" => to = Some(text(key, value)?),
                "conditions" if value.is_null() => {}
                "conditions" => {
                    for (key, value) in object(key, value)? {
                        when.push(match key.as_str() {
                            "min_index_age" => When::IndexAge(age(key, value)?),
                            "min_rollover_age" => When::RolloverAge(age(key, value)?),
                            "min_doc_count" => When::Docs(number(key, value)?),
                            "min_size" => When::Size(size(key, value)?),
                            other => return Err(unsupported("the condition", other)),
                        });
                    }
                }
                other => return Err(unsupported("of a transition", other)),
            }
        }
        if when.len() > 1 {
            return Err(ApiError::illegal("Cannot provide more than one Transition condition"));
        }
        let to = to.ok_or_else(|| ApiError::illegal("Must provide a state_name for a transition"))?;
        Ok(Self { to, when: when.pop() })
    }
}

impl Template {
    fn parse(json: &Value) -> Result<Self> {
        let mut template = Self { patterns: Vec::new(), priority: 0, max_total_size: None };
        for (key, value) in object("ism_template", json)? {
            match key.as_str() {
                "index_patterns" => {
                    template.patterns =
                        list(key, value)?.iter().map(|one| text(key, one)).collect::<Result<_>>()?;
                }
                "priority" => {
                    template.priority =
                        value.as_i64().filter(|priority| *priority >= 0).ok_or_else(|| {
                            ApiError::illegal(format!(
                                "[priority] cannot be [{value}]: a number from 0 is expected"
                            ))
                        })?;
                }
                "max_total_size" if value.is_null() => {}
                "max_total_size" => template.max_total_size = Some(size(key, value)?),
                "last_updated_time" => {}
                other => return Err(unsupported("of [ism_template]", other)),
            }
        }
        if template.patterns.is_empty() {
            return Err(ApiError::illegal("[ism_template] must have [index_patterns]"));
        }
        Ok(template)
    }

    /// Whether one of the patterns means an index.
    pub(crate) fn takes(&self, index: &str) -> bool {
        self.patterns.iter().any(|pattern| wildcard(pattern, index))
    }
}

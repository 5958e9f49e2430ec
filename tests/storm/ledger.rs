//! What one writer knows of its documents in the store: what was acknowledged last, and what was tried since.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A document; none where there is none.
type Document = Option<Value>;

#[derive(Clone, Debug, Default)]
struct Known {
    sure: Document,
    /// Tried since, and not acknowledged.
    maybe: Vec<Document>,
}

/// One action of a request.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    name: &'static str,
    id: String,
    document: Value,
}

/// What became of an action, by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// The store takes nothing now, and says so as OpenSearch does where a disk is full.
    FloodStage,
    /// Nothing that should be answered.
    Wrong,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    writer: usize,
    ids: BTreeMap<String, Known>,
    serial: u64,
    /// Creations that may or may not have been taken: they are sent again, as an agent does.
    again: Vec<Action>,
    /// What is wrong; each text names a document.
    pub(crate) wrong: Vec<String>,
    pub(crate) acknowledged: u64,
    pub(crate) there_already: u64,
    pub(crate) refused: u64,
}

/// How many documents of a writer are changed again and again.
const CHANGED: u64 = 40;

impl Ledger {
    pub(crate) fn new(writer: usize) -> Self {
        Self { writer, ..Self::default() }
    }

    /// The next request: new documents, and changes of such as are there.
    pub(crate) fn request(&mut self, rng: &mut fastrand::Rng) -> Vec<Action> {
        let mut actions = std::mem::take(&mut self.again);
        for _ in 0..rng.usize(1..40) {
            let id = format!("{}-{}", self.writer, self.serial);
            actions.push(self.action("create", id));
        }
        let mut changed: Vec<u64> = (0..rng.u64(0..8)).map(|_| rng.u64(0..CHANGED)).collect();
        changed.sort_unstable();
        changed.dedup();
        for number in changed {
            let id = format!("{}-c{number}", self.writer);
            // What is not known is written whole.
            let there = self.ids.get(&id).is_some_and(|known| known.sure.is_some() && known.maybe.is_empty());
            let name = match (there, rng.u8(0..6)) {
                (true, 0 | 1) => "update",
                (true, 2) => "delete",
                _ => "index",
            };
            actions.push(self.action(name, id));
        }
        actions
    }

    fn action(&mut self, name: &'static str, id: String) -> Action {
        self.serial += 1;
        let number = self.serial * 8 + self.writer as u64;
        let mut document = json!({"number": number});
        if name == "update" {
            // A part, which is laid over the rest.
            document[format!("updated{}", number % 5)] = json!(number);
        } else {
            document["message"] = json!(format!("10.0.0.{} GET /{id} took {number} ms", number % 256));
        }
        Action { name, id, document }
    }

    pub(crate) fn body(index: &str, actions: &[Action]) -> String {
        let mut body = String::new();
        for Action { name, id, document } in actions {
            body += &format!("{}\n", json!({*name: {"_index": index, "_id": id}}));
            match *name {
                "delete" => {}
                "update" => body += &format!("{}\n", json!({"doc": document})),
                _ => body += &format!("{document}\n"),
            }
        }
        body
    }

    /// What an id holds after an action.
    fn after(&self, action: &Action) -> Document {
        match action.name {
            "delete" => None,
            "update" => {
                let mut whole = self.ids.get(&action.id).and_then(|known| known.sure.clone())?;
                whole.as_object_mut()?.extend(action.document.as_object()?.clone());
                Some(whole)
            }
            _ => Some(action.document.clone()),
        }
    }

    /// Nobody answered.
    pub(crate) fn unanswered(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.not_acknowledged(action);
        }
    }

    fn not_acknowledged(&mut self, action: Action) {
        let after = self.after(&action);
        self.ids.entry(action.id.clone()).or_default().maybe.push(after);
        if action.name == "create" {
            self.again.push(action);
        }
    }

    /// The store's answer to a request.
    pub(crate) fn answered(&mut self, actions: Vec<Action>, answer: &Value) {
        for (at, action) in actions.into_iter().enumerate() {
            let said = answer["items"][at][action.name].clone();
            match self.fate(&action, &said) {
                Fate::Done => {
                    self.acknowledged += 1;
                    let sure = self.after(&action);
                    self.ids.insert(action.id, Known { sure, maybe: Vec::new() });
                }
                Fate::FloodStage => {
                    self.refused += 1;
                    self.not_acknowledged(action);
                }
                Fate::Wrong => {
                    let known = self.ids.get(&action.id);
                    self.wrong.push(format!("{} of {}: {said}; known {known:?}", action.name, action.id));
                    self.not_acknowledged(action);
                }
            }
        }
    }

    fn fate(&mut self, action: &Action, said: &Value) -> Fate {
        let reason = said["error"]["reason"].as_str().unwrap_or_default();
        let tried = self
            .ids
            .get(&action.id)
            .is_some_and(|known| known.maybe.contains(&Some(action.document.clone())));
        match (action.name, said["status"].as_u64()) {
            ("create" | "index", Some(201)) | ("index" | "update" | "delete", Some(200)) => Fate::Done,
            // It was taken when it was sent before.
            ("create", Some(409)) if tried => {
                self.there_already += 1;
                Fate::Done
            }
            (_, Some(429))
                if reason.contains("TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark") =>
            {
                Fate::FloodStage
            }
            _ => Fate::Wrong,
        }
    }

    /// The ids of which two things are possible.
    pub(crate) fn unknown(&self) -> Vec<String> {
        self.ids.iter().filter(|(_, known)| !known.maybe.is_empty()).map(|(id, _)| id.clone()).collect()
    }

    /// All ids that were ever sent; nothing is sent again from now on.
    pub(crate) fn close(&mut self) -> Vec<String> {
        self.again.clear();
        self.ids.keys().cloned().collect()
    }

    /// How many documents there must be, once nothing is unknown.
    pub(crate) fn count(&self) -> u64 {
        self.ids.values().filter(|known| known.sure.is_some()).count() as u64
    }

    /// What a search for these ids found: each must be what was acknowledged, or what was tried since. From now on that is known.
    pub(crate) fn found(&mut self, asked: &[String], hits: &[Value]) {
        let mut found: BTreeMap<&str, &Value> = BTreeMap::new();
        for hit in hits {
            let id = hit["_id"].as_str().unwrap_or_default();
            if found.insert(id, &hit["_source"]).is_some() {
                self.wrong.push(format!("{id} is there twice"));
            }
        }
        for id in asked {
            let known = self.ids.entry(id.clone()).or_default();
            let now = found.remove(id.as_str()).cloned();
            if now != known.sure && !known.maybe.contains(&now) {
                self.wrong.push(format!("{id}: found {now:?}, known {known:?}"));
            }
            // A creation is sent again until it is acknowledged, and was tried until then.
            let again = self.again.iter().any(|action| action.id == *id);
            if !again {
                *known = Known { sure: now, maybe: Vec::new() };
            }
        }
        self.wrong.extend(found.keys().map(|id| format!("{id} was not asked for")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong after an id's document was acknowledged, another tried, and something found.
    #[track_caller]
    fn check(found: &[&str], wrong: usize) {
        let mut ledger = Ledger::new(1);
        let action = |word: &str| Action { name: "index", id: "a".into(), document: json!({"word": word}) };
        ledger.answered(vec![action("first")], &json!({"items": [{"index": {"status": 201}}]}));
        ledger.answered(vec![action("second")], &json!({"items": [{"index": {"status": 200}}]}));
        ledger.unanswered(vec![action("third")]);
        let hits: Vec<Value> =
            found.iter().map(|word| json!({"_id": "a", "_source": {"word": word}})).collect();
        assert_eq!(ledger.unknown(), ["a"]);
        ledger.found(&["a".to_owned()], &hits);
        assert_eq!(ledger.wrong.len(), wrong, "{:?}", ledger.wrong);
    }

    #[test]
    fn what_was_acknowledged_or_tried_since_is_good_and_what_is_not_is_told() {
        check(&["second"], 0);
        check(&["third"], 0);
        check(&["first"], 1);
        check(&[], 1);
        check(&["second", "second"], 1);
    }
}

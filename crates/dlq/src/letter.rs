//! One letter as a line of JSON, out and in.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event that is to be kept, and why.
#[derive(Clone, Debug, Default)]
pub struct Letter<'e> {
    /// The event as it was sent, and its `@metadata`: JSON objects, each on one line.
    pub document: &'e [u8],
    /// See `document`.
    pub metadata: &'e [u8],
    /// Where an output was refused it.
    pub status: Option<u16>,
    /// In the other side's words where it said some.
    pub reason: String,
    /// The index that it was meant for.
    pub index: Option<String>,
    /// The action of the `_bulk` request that it was sent with: a JSON object on one line.
    pub action: Option<&'e [u8]>,
    /// Where it was sent, without logins.
    pub hosts: &'e [String],
}

#[derive(Serialize)]
struct Head<'e> {
    time: Timestamp,
    plugin: &'e str,
    /// A number of its own: what a letter is sent again with, where it has no id, so that sending it twice changes nothing.
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    reason: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'e str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    hosts: &'e [String],
}

impl Letter<'_> {
    /// Appends the letter as a line.
    ///
    /// # Errors
    /// None that is known: a line is text in memory.
    pub fn write(&self, plugin: &str, time: Timestamp, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let head = Head {
            time,
            plugin,
            key: format!("{:032x}", fastrand::u128(..)),
            status: self.status,
            reason: &self.reason,
            index: self.index.as_deref(),
            hosts: self.hosts,
        };
        serde_json::to_writer(&mut *out, &head)?;
        // What is JSON already goes in before the brace.
        out.pop();
        let parts = [
            (&b",\"action\":"[..], self.action),
            (b",\"event\":", Some(self.document)),
            (b",\"metadata\":", Some(self.metadata)),
        ];
        for (name, json) in parts {
            if let Some(json) = json {
                out.extend_from_slice(name);
                // A newline can stand between two members only; in a text it is escaped.
                out.extend(json.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            }
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// A letter that was read.
#[derive(Debug, Deserialize)]
pub struct Entry<'l> {
    /// When it was refused.
    pub time: Timestamp,
    /// The plugin that could not take it; `if` where a condition could not be decided.
    #[serde(borrow)]
    pub plugin: Cow<'l, str>,
    /// Its own number; letters of versions before 0.2 have none.
    #[serde(borrow, default)]
    pub key: Option<Cow<'l, str>>,
    /// Where an output was refused it.
    #[serde(default)]
    pub status: Option<u16>,
    /// Why it is here.
    #[serde(borrow)]
    pub reason: Cow<'l, str>,
    /// The index that it was meant for.
    #[serde(borrow, default)]
    pub index: Option<Cow<'l, str>>,
    /// Where it was sent, without logins.
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(borrow, default)]
    action: Option<&'l RawValue>,
    #[serde(borrow)]
    event: &'l RawValue,
    #[serde(borrow, default)]
    metadata: Option<&'l RawValue>,
}

impl<'l> Entry<'l> {
    /// Reads a line; none where it is no letter.
    pub fn read(line: &'l [u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(line).ok()?;
        entry.event.get().starts_with('{').then_some(entry)
    }

    /// The event, a JSON object.
    pub fn document(&self) -> &'l str {
        self.event.get()
    }

    /// Its `@metadata`, a JSON object.
    pub fn metadata(&self) -> &'l str {
        self.metadata.map_or("{}", RawValue::get)
    }

    /// What it is sent again with; none of a letter that was not meant for an index.
    pub fn action(&self) -> Option<Action> {
        let given = self.action.and_then(|action| serde_json::from_str(action.get()).ok());
        let mut action = match (given, &self.index) {
            (Some(Given { create: Some(target), .. }), _) => Action { name: "create", target },
            (Some(Given { index: Some(target), .. }), _) => Action { name: "index", target },
            // What was sent was not the event.
            (Some(Given { update: Some(_), .. } | Given { delete: Some(_), .. }), _) => return None,
            // Of before 0.2. A data stream takes nothing but `create`, and an index takes it too.
            (_, Some(index)) => {
                let target = [("_index".to_owned(), index.as_ref().into())].into_iter().collect();
                Action { name: "create", target }
            }
            (_, None) => return None,
        };
        if action.id().is_none()
            && let Some(id) = self.id_of_its_own()
        {
            action.target.insert("_id".to_owned(), id.into());
        }
        Some(action)
    }

    /// The id that it is sent again with, so that sending it twice changes nothing: the one that it was sent with, its sender's, or its number.
    pub fn id(&self) -> Option<String> {
        self.action().and_then(|action| action.id().map(str::to_owned)).or_else(|| self.id_of_its_own())
    }

    fn id_of_its_own(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(rename = "_id")]
            id: Option<String>,
        }
        let of_sender = self.metadata.and_then(|json| serde_json::from_str(json.get()).ok());
        let of_sender = of_sender.and_then(|metadata: Metadata| metadata.id);
        of_sender
            .filter(|id| (1..=512).contains(&id.len()))
            .or_else(|| self.key.as_deref().filter(|key| !key.is_empty()).map(str::to_owned))
    }
}

#[derive(Deserialize)]
struct Given {
    create: Option<Target>,
    index: Option<Target>,
    update: Option<Target>,
    delete: Option<Target>,
}

type Target = serde_json::Map<String, serde_json::Value>;

/// The action of a `_bulk` request.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    name: &'static str,
    target: Target,
}

impl Action {
    /// Whether it leaves a document alone that is there already.
    pub fn is_create(&self) -> bool {
        self.name == "create"
    }

    /// Whether it brings a version of its own.
    pub fn has_version(&self) -> bool {
        self.target.contains_key("version")
    }

    /// The document's id.
    pub fn id(&self) -> Option<&str> {
        self.target.get("_id")?.as_str()
    }

    /// The index.
    pub fn index(&self) -> Option<&str> {
        self.target.get("_index")?.as_str()
    }

    /// As it stands in a request, without the end of the line.
    pub fn to_json(&self) -> String {
        let object: Target = [(self.name.to_owned(), self.target.clone().into())].into_iter().collect();
        serde_json::Value::from(object).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(letter: &Letter<'_>) -> String {
        let mut line = Vec::new();
        letter.write("elasticsearch", Timestamp::UNIX_EPOCH, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    /// What a letter that was sent with `action`, and has `metadata`, is sent again with.
    fn again(action: Option<&str>, metadata: &str) -> String {
        let letter = Letter {
            document: b"{}",
            metadata: metadata.as_bytes(),
            index: action.map(|_| "x".to_owned()),
            action: action.filter(|action| !action.is_empty()).map(str::as_bytes),
            ..Letter::default()
        };
        let line = line(&letter);
        let entry = Entry::read(line.as_bytes()).unwrap();
        let key = entry.key.clone().unwrap();
        let action = entry.action().map_or("nothing".to_owned(), |action| action.to_json());
        action.replace(&*key, "KEY") + " " + &entry.id().unwrap_or_default().replace(&*key, "KEY")
    }

    #[test]
    fn a_letter_holds_the_whole_event_and_the_reason() {
        let text = line(&Letter {
            document: br#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m"}"#,
            metadata: br#"{"_id":"7"}"#,
            status: Some(400),
            reason: "no".to_owned(),
            index: Some("x".to_owned()),
            action: Some(br#"{"create":{"_index":"x","_id":"7"}}"#),
            hosts: &["http://h:9200".to_owned()],
        });
        let entry = Entry::read(text.as_bytes()).unwrap();
        assert_eq!(entry.document(), r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m"}"#);
        let key = entry.key.unwrap();
        assert_eq!(key.len(), 32);
        insta::assert_snapshot!(text.replace(&*key, "KEY").trim_end(), @r#"{"time":"1970-01-01T00:00:00Z","plugin":"elasticsearch","key":"KEY","status":400,"reason":"no","index":"x","hosts":["http://h:9200"],"action":{"create":{"_index":"x","_id":"7"}},"event":{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m"},"metadata":{"_id":"7"}}"#);
    }

    #[test]
    fn it_is_sent_again_as_it_was_and_with_an_id() {
        insta::assert_snapshot!(
            [
                again(Some(r#"{"index":{"_index":"x","pipeline":"p","routing":"r"}}"#), "{}"),
                again(Some(r#"{"create":{"_index":"x","_id":"7"}}"#), r#"{"_id":"8"}"#),
                again(Some(r#"{"index":{"_index":"x"}}"#), r#"{"_id":"8"}"#),
                again(Some(""), r#"{"_id":8}"#),
                again(None, "{}"),
            ].join("\n"),
            @r#"
        {"index":{"_id":"KEY","_index":"x","pipeline":"p","routing":"r"}} KEY
        {"create":{"_id":"7","_index":"x"}} 7
        {"index":{"_id":"8","_index":"x"}} 8
        {"create":{"_id":"KEY","_index":"x"}} KEY
        nothing KEY
        "#
        );
    }

    #[test]
    fn letters_of_before_are_read_and_what_is_none_is_told() {
        let before = br#"{"time":"2026-01-01T00:00:00Z","plugin":"opensearch","status":400,"reason":"a \"b\"","index":"x","event":{"a":1},"metadata":{}}"#;
        let entry = Entry::read(before).unwrap();
        assert_eq!((entry.reason.as_ref(), entry.id()), ("a \"b\"", None));
        assert_eq!(entry.action().unwrap().to_json(), r#"{"create":{"_index":"x"}}"#);
        for none in [&b""[..], b"{}", b"\0\0", &before[..40], &before[1..], br#"{"time":"x"}"#] {
            assert!(Entry::read(none).is_none());
        }
        assert!(Entry::read(&before.map(|b| if b == b'{' { b'[' } else { b })).is_none());
    }
}

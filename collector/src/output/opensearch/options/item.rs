//! What is done with each event: `action` and what belongs to it.

use std::borrow::Cow;

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, Template};

/// The action of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Index,
    Create,
    Update,
    Delete,
}

impl Action {
    const ALL: [(&'static str, Self); 4] = [
        ("index", Self::Index),
        ("create", Self::Create),
        ("update", Self::Update),
        ("delete", Self::Delete),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
    }
}

/// What is done with each event.
#[derive(Clone, Default)]
pub(crate) struct Items {
    action: Option<Choice>,
    pub(crate) routing: Option<Template>,
    pub(crate) pipeline: Option<Template>,
    pub(crate) version: Option<Template>,
    pub(crate) version_type: Option<&'static str>,
    parent: Option<Template>,
    join_field: Option<FieldRef>,
    pub(crate) retry_on_conflict: i64,
    doc_as_upsert: bool,
    upsert: Option<Template>,
    script: Option<Script>,
    scripted_upsert: bool,
}

#[derive(Clone)]
enum Choice {
    Always(Action),
    /// Its name is made of the event.
    Made(Template),
}

#[derive(Clone)]
struct Script {
    text: Template,
    /// The member that holds it: `source` or `id`.
    member: &'static str,
    lang: String,
    variable: String,
}

impl Items {
    pub(super) fn read(options: &mut Options<'_>) -> Self {
        let action = options.text("action");
        let text = |options: &mut Options<'_>, name: &'static str| {
            options.text(name).filter(|text| !text.node.is_empty()).and_then(|text| template(options, &text))
        };
        let types = ["internal", "external", "external_gt", "external_gte", "force"].map(|name| (name, name));
        let mut items = Self {
            action: None,
            routing: text(options, "routing"),
            pipeline: text(options, "pipeline"),
            version: text(options, "version"),
            version_type: options.choice("version_type", &types),
            parent: text(options, "parent"),
            join_field: options.text("join_field").and_then(|text| field(options, &text)),
            retry_on_conflict: options.integer("retry_on_conflict", 0..=1_000).unwrap_or(1),
            doc_as_upsert: options.boolean("doc_as_upsert").unwrap_or(false),
            upsert: text(options, "upsert"),
            script: None,
            scripted_upsert: options.boolean("scripted_upsert").unwrap_or(false),
        };
        items.script = script(options);
        if let Some(action) = action {
            items.action = match Action::named(&action.node) {
                Some(action) => Some(Choice::Always(action)),
                None if action.node.contains("%{") => template(options, &action).map(Choice::Made),
                None => {
                    options.error(
                        &action.span,
                        format!(
                            "`action` is index, create, update, delete or made of fields, not `{}`",
                            action.node
                        ),
                    );
                    None
                }
            };
        }
        if items.parent.is_some() && items.join_field.is_none() {
            options.error_here("`parent` wants `join_field`: documents have no other parents any more");
        }
        items
    }

    /// The one action of all events, if they have one that is written.
    pub(super) fn fixed(&self) -> Option<Action> {
        match &self.action {
            Some(Choice::Always(action)) => Some(*action),
            _ => None,
        }
    }

    /// Whether some action is written or made.
    pub(super) fn is_given(&self) -> bool {
        self.action.is_some()
    }

    /// The action for an event; none where none is written.
    ///
    /// # Errors
    /// What was made is no action: in words.
    pub(crate) fn action(&self, event: &Event) -> Result<Option<Action>, String> {
        match &self.action {
            None => Ok(None),
            Some(Choice::Always(action)) => Ok(Some(*action)),
            Some(Choice::Made(template)) => {
                let name = template.render(event);
                Action::named(&name).map(Some).ok_or_else(|| format!("`{name}` is no action"))
            }
        }
    }

    /// The event with its place in a family of documents, and the routing that follows from it.
    pub(crate) fn joined<'e>(&self, event: &'e Event) -> (Cow<'e, Event>, Option<String>) {
        let (Some(parent), Some(join)) = (&self.parent, &self.join_field) else {
            return (Cow::Borrowed(event), self.routing.as_ref().map(|routing| routing.render(event)));
        };
        let parent = parent.render(event);
        let mut own = event.clone();
        let name = own.remove(join).unwrap_or(alces_event::Value::Null);
        let mut value = alces_event::Object::default();
        value.push(alces_event::Key::new("name"), name);
        value.push(alces_event::Key::new("parent"), parent.clone().into());
        own.set(join, value);
        (Cow::Owned(own), Some(parent))
    }

    /// Writes the body of an update.
    ///
    /// # Errors
    /// `upsert` is no JSON: in words.
    pub(crate) fn write_update(&self, event: &Event, out: &mut Vec<u8>) -> Result<(), String> {
        let upsert = match &self.upsert {
            None => None,
            Some(template) => {
                let text = template.render(event);
                let checked: serde_json::Result<serde_json::Value> = serde_json::from_str(&text);
                // On one line, as the request wants it.
                Some(checked.map_err(|error| format!("`upsert` is no JSON: {error}"))?.to_string())
            }
        };
        match &self.script {
            None => {
                out.extend_from_slice(b"{\"doc\":");
                event.write_json(out);
                if self.doc_as_upsert {
                    out.extend_from_slice(b",\"doc_as_upsert\":true");
                }
            }
            Some(script) => {
                out.extend_from_slice(b"{\"script\":{\"");
                out.extend_from_slice(script.member.as_bytes());
                out.extend_from_slice(b"\":");
                alces_event::write_text(&script.text.render(event), out);
                if script.member == "source" {
                    out.extend_from_slice(b",\"lang\":");
                    alces_event::write_text(&script.lang, out);
                }
                out.extend_from_slice(b",\"params\":{");
                alces_event::write_text(&script.variable, out);
                out.push(b':');
                event.write_json(out);
                out.extend_from_slice(b"}}");
                if self.scripted_upsert {
                    out.extend_from_slice(b",\"scripted_upsert\":true");
                }
            }
        }
        match (upsert, &self.script) {
            (Some(upsert), _) => {
                out.extend_from_slice(b",\"upsert\":");
                out.extend_from_slice(upsert.as_bytes());
            }
            (None, Some(_)) if self.scripted_upsert => out.extend_from_slice(b",\"upsert\":{}"),
            // As Logstash: the script's document where there is none yet.
            (None, Some(_)) if self.doc_as_upsert => {
                out.extend_from_slice(b",\"upsert\":");
                event.write_json(out);
            }
            _ => {}
        }
        out.push(b'}');
        Ok(())
    }
}

fn script(options: &mut Options<'_>) -> Option<Script> {
    let kinds = [("inline", "source"), ("indexed", "id"), ("stored", "id"), ("file", "file")];
    let member = options.choice("script_type", &kinds).unwrap_or("source");
    let lang = options.text("script_lang").map_or_else(|| "painless".to_owned(), |text| text.node);
    let variable = options.text("script_var_name").map_or_else(|| "event".to_owned(), |text| text.node);
    let text = options.text("script").filter(|text| !text.node.is_empty())?;
    if member == "file" {
        options.error(
            &text.span,
            "there are no scripts in files any more: write `script_type => \"inline\"` or `\"stored\"`",
        );
        return None;
    }
    Some(Script { text: template(options, &text)?, member, lang, variable })
}

fn template(options: &mut Options<'_>, text: &Spanned<String>) -> Option<Template> {
    Template::parse(&text.node).map_err(|error| options.error(&text.span, error.to_string())).ok()
}

fn field(options: &mut Options<'_>, text: &Spanned<String>) -> Option<FieldRef> {
    FieldRef::parse(&text.node).map_err(|error| options.error(&text.span, error.to_string())).ok()
}

//! Who is told, in which shape, at which times, and how much of it at once.

use serde::Deserialize;

use crate::{Mute, Preset, Severity, Span};

/// Who is told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// Its name: letters, digits, `-` and `_`.
    pub id: String,
    /// Where messages are posted to. Where the address is itself a secret (Slack's and others' are), give `url_file` instead.
    #[serde(default)]
    pub url: String,
    /// A file with that address.
    #[serde(default)]
    pub url_file: String,
    /// A file with secrets that messages are signed with (Standard Webhooks), one a line.
    #[serde(default)]
    pub secret_file: String,
    /// A file with what lets us in: a bot's token (Telegram), an integration's key (PagerDuty, Opsgenie).
    #[serde(default)]
    pub token_file: String,
    /// Of Telegram: the chat's number or name.
    #[serde(default)]
    pub chat: String,
    /// Of `email`: by which server, from whom and to whom.
    #[serde(default)]
    pub mail: Option<Mail>,
    /// The shape of messages.
    #[serde(default)]
    pub preset: Preset,
    /// The text of messages for people (a template over the body that Alertmanager's webhook has); ours where it is empty.
    #[serde(default)]
    pub template: String,
    /// Only alerts at least this bad.
    #[serde(default = "info")]
    pub severity: Severity,
    /// Labels whose values make one message of several alerts; the rule where none is named. An empty list is one message for all.
    #[serde(default)]
    pub group_by: Option<Vec<String>>,
    /// So long the first message of a group waits for more of it.
    #[serde(default)]
    pub group_wait: Option<Span>,
    /// Between two messages of a group at least.
    #[serde(default)]
    pub group_interval: Option<Span>,
    /// What goes on is told again after so long; the rule's where none is given.
    #[serde(default)]
    pub repeat: Option<Span>,
    /// Told only of what still fires, and nobody has acknowledged, so long after the others were told.
    #[serde(default)]
    pub after: Span,
    /// Times of the week in which it is not told.
    #[serde(default)]
    pub mute: Vec<Mute>,
}

const fn info() -> Severity {
    Severity::Info
}

/// How a mail goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server that takes it, `mail.example.com` or `mail.example.com:587`.
    pub server: String,
    /// How it is encrypted.
    #[serde(default)]
    pub tls: MailTls,
    /// The sender's address.
    pub from: String,
    /// The readers' addresses.
    pub to: Vec<String>,
    /// The name to log in with; nobody logs in where it is empty.
    #[serde(default)]
    pub user: String,
    /// A file with its password.
    #[serde(default)]
    pub password_file: String,
}

/// How a mail is encrypted on its way to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// From the beginning (port 465).
    #[default]
    Tls,
    /// After a word in plain text, and not at all otherwise (port 587).
    Starttls,
    /// Not: for a server on the same machine (port 25).
    None,
}

/// Ways to a receiver that have their own address.
const TELEGRAM: &str = "https://api.telegram.org";
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
const OPSGENIE: &str = "https://api.opsgenie.com/v2/alerts";

/// The longest wait that a group may have, milliseconds.
const LONGEST: i64 = 24 * 3_600_000;

impl Receiver {
    /// The address that its service has for everybody; none where each has its own.
    #[must_use]
    pub const fn home(&self) -> Option<&'static str> {
        match self.preset {
            Preset::Telegram => Some(TELEGRAM),
            Preset::Pagerduty => Some(PAGERDUTY),
            Preset::Opsgenie => Some(OPSGENIE),
            _ => None,
        }
    }

    /// Labels by which its alerts are grouped.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let by = |all: &Vec<String>| all.iter().map(|name| crate::rule::label(name)).collect();
        self.group_by.as_ref().map_or_else(|| vec!["alertname".to_owned()], by)
    }

    /// How long the first message of a group waits, milliseconds. Where nothing is said of groups, nothing waits.
    #[must_use]
    pub fn wait(&self) -> i64 {
        self.group_wait.map_or(if self.group_by.is_some() { 30_000 } else { 0 }, |wait| wait.0)
    }

    /// Between two messages of a group, milliseconds.
    #[must_use]
    pub fn interval(&self) -> i64 {
        self.group_interval
            .map_or(if self.group_by.is_some() { 5 * 60_000 } else { 0 }, |interval| interval.0)
    }

    /// Whether it is not told now, by its hours.
    #[must_use]
    pub fn is_muted(&self, now: i64) -> bool {
        self.mute.iter().any(|mute| mute.covers(now))
    }

    pub(crate) fn check(&self, wrong: &mut dyn FnMut(String)) {
        let mails = self.preset == Preset::Email;
        let addresses = usize::from(!self.url.is_empty()) + usize::from(!self.url_file.is_empty());
        if mails != self.mail.is_some() {
            wrong("preset: email and mail: {server, from, to} belong together".into());
        } else if mails && addresses > 0 {
            wrong("a mail has no url".into());
        } else if !mails && self.home().is_none() && addresses != 1 {
            wrong("give either url or url_file".into());
        } else if addresses > 1 {
            wrong("give either url or url_file, not both".into());
        }
        if !self.url.is_empty() && !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            wrong("url begins with https:// (or http:// within a network of yours)".into());
        }
        if self.home().is_some() == self.token_file.is_empty() {
            wrong(
                "token_file is what lets us in to telegram, pagerduty and opsgenie, and of no other preset"
                    .into(),
            );
        }
        if (self.preset == Preset::Telegram) == self.chat.is_empty() {
            wrong("chat is where telegram's messages go, and of no other preset".into());
        }
        if let Some(mail) = &self.mail {
            if mail.to.is_empty() || mail.server.is_empty() {
                wrong("mail has a server, and readers: to: [ops@example.com]".into());
            }
            if mail.user.is_empty() != mail.password_file.is_empty() {
                wrong("mail: user and password_file belong together".into());
            }
            if mail.tls == MailTls::None && !mail.user.is_empty() {
                wrong("mail: a password is sent with tls: tls or starttls only".into());
            }
        }
        if self.wait() > LONGEST || self.interval() > LONGEST {
            wrong("group_wait and group_interval are at most 1d".into());
        }
        if self.repeat.is_some_and(|repeat| repeat.0 < 60_000) {
            wrong("repeat is at least 1m".into());
        }
        if !self.template.is_empty() {
            if !self.preset.is_for_people() {
                wrong("template is the text of messages for people: alertmanager, pagerduty and opsgenie have none".into());
            } else if let Err(error) = crate::message::check_template(&self.template) {
                wrong(format!("template: {error}"));
            }
        }
    }
}

//! Dead letters once more, to the OpenSearch that refused them or to another one.

use std::sync::Arc;

use alces_conf::{Escapes, Options, Source, Statement, parse};
use alces_dlq::Action;
use alces_event::Timestamp;
use alces_filters::{Context, Disk, EcsMode};
use bytes::Bytes;
use url::Url;

use super::{
    OpenSearchPlan,
    bulk::{ItemAnswer, Verdict, judge as judge_item},
    client::{Client, Failure},
};
use crate::CollectorError;

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is indexed, now or by an earlier attempt.
    Taken,
    /// It is refused again.
    Refused {
        /// The item's status.
        status: u16,
        /// The engine's words.
        reason: String,
    },
    /// Overloaded, read-only, or a login that may not: another time.
    Later {
        /// The item's status.
        status: u16,
        /// The engine's words.
        reason: String,
    },
}

/// Sends letters as they were sent.
pub struct Resender {
    /// One a host.
    clients: Vec<Client>,
}

impl Resender {
    /// To one of these hosts, written as in `hosts` of the output, with the output's `user` and `password`, and a file of authorities
    /// that are trusted beside the system's.
    ///
    /// # Errors
    /// An address is none; a client cannot be made.
    pub fn new(
        hosts: &[String],
        login: Option<&(String, String)>,
        authorities: Option<&str>,
    ) -> Result<Self, CollectorError> {
        let error = |reason: String| CollectorError::Output { output: "opensearch".to_owned(), reason };
        // The output's own options, so that all is as it is there. Values come by name, whatever stands in them.
        let names: Vec<String> = (0..hosts.len()).map(|at| format!("\"${{HOST_{at}}}\"")).collect();
        let login_text = if login.is_some() { "user => \"${USER}\" password => \"${PASSWORD}\"" } else { "" };
        let trust = if authorities.is_some() { "ssl_certificate_authorities => \"${CA}\"" } else { "" };
        let text =
            format!("output {{ opensearch {{ hosts => [{}] {login_text} {trust} }} }}", names.join(", "));
        let value = |name: &str| match (name, login) {
            ("USER", Some((user, _))) => Some(user.clone()),
            ("PASSWORD", Some((_, password))) => Some(password.clone()),
            ("CA", _) => authorities.map(str::to_owned),
            _ => hosts.get(name.strip_prefix("HOST_")?.parse::<usize>().ok()?).cloned(),
        };
        let source = Source::new("hosts", &text);
        let context = Context {
            source: &source,
            env: &value,
            ecs: EcsMode::V8,
            clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            files: &Disk,
        };
        let config = parse(&source, Escapes::Off)
            .map_err(|errors| error(errors.first().map(|e| e.message().to_owned()).unwrap_or_default()))?;
        let plugin =
            config.sections.iter().flat_map(|section| &section.body).find_map(|statement| match statement {
                Statement::Plugin(plugin) => Some(plugin),
                Statement::If(_) => None,
            });
        let Some(plugin) = plugin else { return Err(error("there is no output".to_owned())) };
        let mut options = Options::new(&source, context.env, plugin);
        let plan = OpenSearchPlan::compile(&context, &mut options);
        if let Some(wrong) = options.finish().first() {
            return Err(error(wrong.message().to_owned()));
        }
        let clients = plan.hosts.iter().map(|host| Client::new(host, &plan)).collect::<Result<_, _>>()?;
        Ok(Self { clients })
    }

    /// Sends documents, each with its action; what became of each, in their order.
    ///
    /// # Errors
    /// None of the hosts takes the request as a whole: why the last one did not.
    pub async fn send(&self, letters: &[(Action, String)]) -> Result<Vec<Outcome>, String> {
        let mut last = "there is no host".to_owned();
        for client in &self.clients {
            match Box::pin(send(client, letters)).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }
}

async fn send(client: &Client, letters: &[(Action, String)]) -> Result<Vec<Outcome>, String> {
    let mut body = Vec::new();
    for (action, document) in letters {
        for line in [&action.to_json(), document] {
            body.extend_from_slice(line.as_bytes());
            body.push(b'\n');
        }
    }
    match client.bulk(Bytes::from(body)).await {
        Ok(answers) if answers.len() == letters.len() => {
            Ok(letters.iter().zip(answers).map(|((action, _), answer)| judge(action, &answer)).collect())
        }
        Ok(_) => Err("the answer is cut short".to_owned()),
        Err(Failure::TooLarge) if letters.len() > 1 => {
            let (one, other) = letters.split_at(letters.len() / 2);
            let mut outcomes = Box::pin(send(client, one)).await?;
            outcomes.extend(Box::pin(send(client, other)).await?);
            Ok(outcomes)
        }
        Err(Failure::TooLarge) => {
            let reason = "the event is larger than a request may be".to_owned();
            Ok(vec![Outcome::Refused { status: 413, reason }])
        }
        Err(Failure::Away(reason)) => Err(reason),
    }
}

/// As the output does.
fn judge(action: &Action, answer: &ItemAnswer) -> Outcome {
    let (status, has_id) = (answer.status, action.id().is_some());
    let kind = if action.is_create() && has_id {
        super::options::Action::Create
    } else {
        super::options::Action::Index
    };
    match judge_item(kind, action.has_version(), status) {
        Verdict::Done | Verdict::DoneBefore => Outcome::Taken,
        Verdict::Refused => Outcome::Refused { status, reason: answer.reason() },
        Verdict::Again => Outcome::Later { status, reason: answer.reason() },
    }
}

/// Hosts as they can be written into `hosts` again, without logins.
pub(super) fn addresses(hosts: &[Url]) -> Vec<String> {
    let address = |url: &Url| {
        let port = url.port_or_known_default().unwrap_or(9200);
        format!(
            "{}://{}:{port}{}",
            url.scheme(),
            url.host_str().unwrap_or_default(),
            url.path().trim_end_matches('/')
        )
    };
    hosts.iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_without_its_login_and_read_as_the_same() {
        let url = |text: &str| Url::parse(text).unwrap();
        let hosts = [url("https://u:secret@h:443/prefix/?q=1"), url("http://[::1]:9200"), url("http://h")];
        let written = addresses(&hosts);
        assert_eq!(written, ["https://h:443/prefix", "http://[::1]:9200", "http://h:80"]);
        assert!(Resender::new(&written, Some(&("a\"b".to_owned(), "c\\}".to_owned())), None).is_ok());
        let wrong = Resender::new(&["ftp://u:secret@h".to_owned()], None, None).err().unwrap().to_string();
        assert!(wrong.contains("is no address of a host") && !wrong.contains("secret"), "{wrong}");
    }
}

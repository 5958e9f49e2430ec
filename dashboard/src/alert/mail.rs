//! Messages as mails: plain text, in one thread from an alert's beginning to its end.

use alces_alerts::{Delivery, Mail, MailTls};
use ipnet::IpNet;
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::Host;

use super::post::{PATIENCE, Said, addresses, read, root};

/// What a mail server refuses for good: the nearest of HTTP's statuses.
const REFUSED: u16 = 422;

/// Sends once.
pub(super) async fn send(mail: &Mail, allowed: &[IpNet], message: &Delivery) -> Result<Said, String> {
    let from = mailbox(&mail.from)?;
    // Servers look at the name that greets them, and readers' programs at those of letters.
    let domain = from.email.domain().to_owned();
    let letter = letter(mail, from, message)?;
    let usual = match mail.tls {
        MailTls::Tls => 465,
        MailTls::Starttls => 587,
        MailTls::None => 25,
    };
    let (host, port) = match mail.server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| "the mail server's port is none".to_owned())?)
        }
        _ => (mail.server.as_str(), usual),
    };
    let host = Host::parse(host).map_err(|e| format!("the mail server's name is none: {e}"))?;
    let tls = || TlsParameters::builder(host.to_string()).build_rustls().map_err(|e| root(&e));
    let tls = match mail.tls {
        MailTls::Tls => Tls::Wrapper(tls()?),
        MailTls::Starttls => Tls::Required(tls()?),
        MailTls::None => Tls::None,
    };
    // The address that was looked at is the one that is met; the certificate must be the name's.
    let address =
        addresses(&host, port, allowed).await?.first().map(|a| a.ip().to_string()).unwrap_or_default();
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
        .port(port)
        .tls(tls)
        .timeout(Some(PATIENCE))
        .hello_name(ClientId::Domain(domain));
    if !mail.user.is_empty() {
        let password = read(&mail.password_file)?;
        transport =
            transport.credentials(Credentials::new(mail.user.clone(), password.trim_end().to_owned()));
    }
    match transport.build().send(letter).await {
        Ok(_) => Ok(Said { status: 250, wish: None, reason: "taken".into() }),
        Err(error) if error.is_permanent() => Ok(Said {
            status: REFUSED,
            wish: None,
            reason: format!("the mail server refused it: {}", root(&error)),
        }),
        Err(error) => Err(root(&error)),
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse::<Mailbox>().map_err(|e| format!("“{text}” is no mail address: {e}"))
}

fn letter(mail: &Mail, from: Mailbox, message: &Delivery) -> Result<Message, String> {
    let of = |name: &str| message.body[name].as_str().unwrap_or_default().to_owned();
    let domain = from.email.domain().to_owned();
    let thread = format!("<{}@{domain}>", of("thread"));
    let mut letter = Message::builder().from(from).subject(of("subject"));
    for reader in &mail.to {
        letter = letter.to(mailbox(reader)?);
    }
    // The first mail has the thread's name; what follows answers it.
    letter = if message.body["first"] == true {
        letter.message_id(Some(thread))
    } else {
        letter
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .in_reply_to(thread.clone())
            .references(thread)
    };
    letter.singlepart(SinglePart::plain(of("text"))).map_err(|e| root(&e))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A mail server that takes one letter, or refuses its reader; what it was told.
    async fn server(takes: bool) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let told = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut told = Vec::new();
            let mut in_letter = false;
            write.write_all(b"220 here\r\n").await.expect("written");
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "." if in_letter => "250 taken\r\n",
                    _ if in_letter => "",
                    "DATA" => "354 go on\r\n",
                    "QUIT" => "221 bye\r\n",
                    line if line.starts_with("RCPT") && !takes => "550 no such reader\r\n",
                    _ => "250 fine\r\n",
                };
                in_letter = (in_letter && line != ".") || line == "DATA";
                told.push(line);
                write.write_all(answer.as_bytes()).await.expect("written");
                if answer.starts_with("221") {
                    break;
                }
            }
            told
        });
        (address, told)
    }

    fn mail(server: String) -> Mail {
        Mail {
            server,
            tls: MailTls::None,
            from: "Alces <alces@example.com>".into(),
            to: vec!["ops@example.com".into()],
            user: String::new(),
            password_file: String::new(),
        }
    }

    fn message(first: bool) -> Delivery {
        let body = json!({"subject": "Firing: A\r\nBcc: eve@example.com", "text": "5 % fail", "thread": "t1", "first": first});
        Delivery { id: "msg_2".into(), receiver: "ops".into(), body }
    }

    fn allowed() -> Vec<IpNet> {
        vec!["127.0.0.0/8".parse().expect("a network")]
    }

    #[tokio::test]
    async fn an_end_answers_its_beginning() {
        for (first, name) in
            [(true, "Message-ID: <t1@example.com>"), (false, "In-Reply-To: <t1@example.com>")]
        {
            let (address, told) = server(true).await;
            let said =
                send(&mail(address), &allowed(), &message(first)).await.unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(said.status, 250);
            let told = told.await.expect("told");
            assert!(told.iter().any(|line| line == name), "{told:?}");
            assert!(
                told.iter().any(|line| line == "5 % fail")
                    && told.iter().any(|l| l == "RCPT TO:<ops@example.com>")
            );
            assert!(!told.iter().any(|line| line.starts_with("Bcc")), "a title writes no headers: {told:?}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_not_tried_for_a_day_and_nothing_goes_inside() {
        let (address, _told) = server(false).await;
        let said =
            send(&mail(address.clone()), &allowed(), &message(true)).await.unwrap_or_else(|e| panic!("{e}"));
        assert!(said.status == REFUSED && said.reason.contains("refused"), "{}", said.reason);
        let inside = send(&mail(address), &[], &message(true)).await.err().unwrap_or_default();
        assert!(inside.contains("private network"), "{inside}");
    }
}

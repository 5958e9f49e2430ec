//! What the command does about people: the first administrator's link, links and tokens made at the server, and whom to believe.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use alces_dashboard::ProxyLogin;
use alces_people::{Act, Event, NewToken, People, PeopleError};
use anyhow::Context as _;
use ipnet::IpNet;
use jiff::Timestamp;
use url::Url;

use super::args::PeopleCommand;

/// What links begin with.
pub(super) fn base(public: Option<&Url>, listen: SocketAddr, tls: bool) -> String {
    match public {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("{}://{listen}", if tls { "https" } else { "http" }),
    }
}

/// Which proxies are believed.
pub(super) fn proxy(
    trusted: Vec<IpNet>,
    user: Option<String>,
    role: Option<String>,
) -> anyhow::Result<Option<ProxyLogin>> {
    if trusted.is_empty() {
        return Ok(None);
    }
    let user_header = user.map(|name| name.parse()).transpose().context("--proxy-user-header")?;
    let role_header = role.map(|name| name.parse()).transpose().context("--proxy-role-header")?;
    Ok(Some(ProxyLogin { trusted, user_header, role_header }))
}

/// Where there is no administrator yet, says how to become one: on the terminal, and in no log.
pub(super) fn welcome(people: &People, base: &str) -> anyhow::Result<()> {
    if let Some(link) = people.first_link(Timestamp::now().as_millisecond())? {
        let mut out = std::io::stderr().lock();
        writeln!(
            out,
            "\nThere is no administrator yet. Open this link within a day to become one; it works once:\n\n  {base}/invite/{}\n",
            link.text()
        )?;
    }
    Ok(())
}

/// `alces dashboard invite` and `alces dashboard token`.
pub(super) fn run(command: PeopleCommand, file: &Path, base: &str) -> anyhow::Result<()> {
    let people = People::open(file)?;
    let event = |what| Event {
        at: Timestamp::now().as_millisecond(),
        who: "(command line)",
        act: Act::People,
        address: "",
        what,
    };
    let find =
        |name: &str| people.user_named(name)?.ok_or(PeopleError::NoUser).with_context(|| name.to_owned());
    match command {
        PeopleCommand::Invite { user: Some(name), .. } => {
            let link =
                people.reset(find(&name)?.id, &event(&format!("made a link for the password of {name}")))?;
            println!("{base}/invite/{}", link.text());
            eprintln!("By this link {name} sets another password; it works once, and for a day.");
        }
        PeopleCommand::Invite { role, user: None } => {
            let link = people.invite(role, &event(&format!("invited a {role}")))?;
            println!("{base}/invite/{}", link.text());
            eprintln!("By this link somebody becomes a user who is {role}; it works once, and for a day.");
        }
        PeopleCommand::Token { name, of, scope, days } => {
            let user = find(&of)?.id;
            let expires = Timestamp::now().as_millisecond() + i64::from(days) * 86_400_000;
            let what = format!("made the token {name:?} ({scope}) of {of}");
            let token = people.add_token(&NewToken { user, name: &name, scope, expires }, &event(&what))?;
            println!("{}", token.text());
            eprintln!("This is the token; it is shown this once. Send it as `Authorization: Bearer …`.");
        }
    }
    Ok(())
}

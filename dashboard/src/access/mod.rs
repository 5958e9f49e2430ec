//! Who asks, and what that person may do.
//!
//! Without a file of people everybody who reaches the listener may do everything, as before. With one, a request is somebody's by a token,
//! by the word of a trusted proxy, or by a session's cookie; nobody's otherwise. What each may see is in `sight/`.

mod form;
mod proxy;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alces_people::{Act, Attempts, Event, People, PeopleError, Right, Session, Subject, User};
use axum::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::config::Config;
use crate::sight::Sight;

use form::Forms;
pub use proxy::ProxyLogin;

/// Passwords that are hashed at a time: 19 MiB of memory each.
const HASHING: usize = 4;
/// The same search of the same person is noted once in this time, milliseconds: an open page asks every ten seconds.
const AGAIN: i64 = 15 * 60_000;
/// Searches that are remembered for that.
const REMEMBERED: usize = 1000;

/// How somebody comes in.
pub(crate) struct Access {
    people: Option<Arc<People>>,
    proxy: Option<ProxyLogin>,
    pub(crate) forms: Forms,
    /// Whether browsers come by TLS, so that cookies need never go without.
    secure: bool,
    pub(crate) attempts: Attempts,
    pub(crate) hashing: Semaphore,
    noted: Mutex<HashMap<(i64, String), i64>>,
    /// What is seen without limits.
    pub(crate) everything: Arc<Sight>,
}

/// By what a request is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// No login is wanted.
    Open,
    /// It is nobody's.
    Nobody,
    Session,
    Token,
    Proxy,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) user: Option<User>,
    /// The most that this request may do.
    pub(crate) right: Option<Right>,
    pub(crate) way: Way,
    pub(crate) address: IpAddr,
    /// What forms of this browser carry, so that no other site can send them. Empty where there is nothing to bind it to.
    pub(crate) form: String,
    /// What such a form is bound to.
    pub(crate) basis: String,
    pub(crate) sight: Arc<Sight>,
}

impl Who {
    pub(crate) fn may(&self, right: Right) -> bool {
        self.right.is_some_and(|r| r >= right)
    }

    /// The name for the audit log.
    pub(crate) fn name(&self) -> &str {
        self.user.as_ref().map_or("", |u| u.name.as_str())
    }

    /// Whether a browser brings along what lets it in, whatever page tells it to.
    pub(crate) const fn is_ambient(&self) -> bool {
        matches!(self.way, Way::Session | Way::Proxy | Way::Nobody)
    }
}

impl Access {
    pub(crate) fn new(config: &Config, secret: &[u8]) -> Self {
        let https = config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        Self {
            people: config.people.clone(),
            proxy: config.proxy.clone(),
            forms: Forms::new(secret),
            secure: config.tls.is_some() || https,
            attempts: Attempts::default(),
            hashing: Semaphore::new(HASHING),
            noted: Mutex::default(),
            everything: Arc::new(Sight::everything(config)),
        }
    }

    /// Whether a login is wanted.
    pub(crate) const fn is_on(&self) -> bool {
        self.people.is_some()
    }

    /// Asks the file of people, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// The question's own. [`PeopleError::NoUser`] where there is no such file.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&People) -> Result<T, PeopleError> + Send + 'static,
    ) -> Result<T, PeopleError> {
        let Some(people) = self.people.clone() else { return Err(PeopleError::NoUser) };
        ask_of(people, what).await
    }

    /// Who asks, and from where.
    ///
    /// # Errors
    /// The file of people's.
    pub(crate) async fn who(
        &self,
        config: &Config,
        peer: IpAddr,
        headers: &HeaderMap,
        now: i64,
    ) -> Result<Who, PeopleError> {
        let address = self.proxy.as_ref().map_or(peer, |proxy| proxy.client(peer, headers));
        let mut who = Who {
            user: None,
            right: None,
            way: Way::Nobody,
            address,
            form: String::new(),
            basis: String::new(),
            sight: Arc::clone(&self.everything),
        };
        if !self.is_on() {
            return Ok(Who { right: Some(Right::Admin), way: Way::Open, ..who });
        }
        if let Some(token) = bearer(headers) {
            let token = token.to_owned();
            if let Some((user, scope)) = self.ask(move |people| people.token(&token, now)).await? {
                who.right = Some(scope.right().min(user.role.right()));
                who.way = Way::Token;
                who.user = Some(user);
            }
        } else if let Some((name, role)) = self.proxy.as_ref().and_then(|proxy| proxy.says(peer, headers)) {
            let user = self.ask(move |people| people.from_proxy(&name, role, now)).await;
            match user {
                Ok(user) if user.disabled.is_none() => {
                    who.basis = format!("proxy\n{}", user.id);
                    who.right = Some(user.role.right());
                    who.way = Way::Proxy;
                    who.user = Some(user);
                }
                Err(error) if error.is_storage() => return Err(error),
                // A name that is somebody else's, or that is disabled, is nobody.
                _ => {}
            }
        } else if let Some(text) = self.cookie(headers) {
            who.basis = text.to_owned();
            let text = text.to_owned();
            if let Some(Session { user, .. }) = self.ask(move |people| people.session(&text, now)).await? {
                who.right = Some(user.role.right());
                who.way = Way::Session;
                who.user = Some(user);
            }
        }
        if who.way == Way::Nobody {
            who.basis = self.anonymous(headers).unwrap_or_default().to_owned();
        }
        if !who.basis.is_empty() {
            who.form = self.forms.token(&who.basis).map_err(|_| PeopleError::Randomness)?;
        }
        if let Some(user) = who.user.clone() {
            who.sight = self.sight(config, user).await?;
        }
        Ok(who)
    }

    /// Somebody of whom only is known what is to be seen: who has a signed link.
    pub(crate) fn bearer_of(&self, sight: Arc<Sight>) -> Who {
        let address = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        Who {
            user: None,
            right: None,
            way: Way::Nobody,
            address,
            form: String::new(),
            basis: String::new(),
            sight,
        }
    }

    /// What a user may see.
    async fn sight(&self, config: &Config, user: User) -> Result<Arc<Sight>, PeopleError> {
        let subjects = [Subject::Role(user.role), Subject::User(user.id)];
        self.sight_of(config, subjects).await
    }

    async fn sight_of(&self, config: &Config, subjects: [Subject; 2]) -> Result<Arc<Sight>, PeopleError> {
        let (limits, pseudonyms) = self
            .ask(move |people| {
                let limits = [people.limits(subjects[0])?, people.limits(subjects[1])?];
                Ok((limits, people.pseudonyms().clone()))
            })
            .await?;
        if limits.iter().all(alces_people::Limits::is_empty) {
            return Ok(Arc::clone(&self.everything));
        }
        let whose = if limits[1].is_empty() { subjects[0] } else { subjects[1] };
        Ok(Arc::new(Sight::limited(config, whose.to_string(), &limits, pseudonyms)))
    }

    /// The sight that a signed link was made with, by [`Sight::id`]; none where its user may not come in any more.
    pub(crate) async fn sight_of_link(&self, config: &Config, id: &str) -> Option<Arc<Sight>> {
        if id.is_empty() {
            return Some(Arc::clone(&self.everything));
        }
        let subjects = match id.parse().ok()? {
            // A role has no user of its own: 0 is nobody's number.
            Subject::Role(role) => [Subject::Role(role), Subject::User(0)],
            Subject::User(number) => {
                let user = self.ask(move |people| people.user(number)).await.ok()?;
                if user.disabled.is_some() {
                    return None;
                }
                [Subject::Role(user.role), Subject::User(number)]
            }
        };
        self.sight_of(config, subjects).await.ok()
    }

    /// Writes down what was done. What changes people is written with its change; where this alone cannot be, the log says so.
    pub(crate) async fn record(&self, who: &Who, act: Act, what: String, now: i64) {
        if !self.is_on() {
            return;
        }
        let (name, address) = (who.name().to_owned(), who.address.to_string());
        let written = self.ask(move |people| {
            people.record(&Event { at: now, who: &name, act, address: &address, what: &what })
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, act = act.word(), "the audit log has a gap");
        }
    }

    /// Whether a search or an export is not the same as a moment ago.
    pub(crate) fn is_new(&self, who: &Who, what: &str, now: i64) -> bool {
        let key = (who.user.as_ref().map_or(0, |u| u.id), what.to_owned());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key).is_some_and(|at| (0..AGAIN).contains(&(now - at))) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, at| (0..AGAIN).contains(&(now - *at)));
        }
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        noted.insert(key, now);
        true
    }

    /// Whether browsers come by TLS, so that cookies need never go without.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The session's cookie. With TLS its name begins with `__Host-`, so that no neighbour in the domain can set it.
    const fn cookie_name(&self) -> &'static str {
        if self.secure { "__Host-alces" } else { "alces" }
    }

    pub(crate) fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie(headers, self.cookie_name()).filter(|text| !text.is_empty())
    }

    /// What binds a form to a browser that is nobody's yet.
    fn anonymous<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie(headers, "alces_form").filter(|text| text.len() >= 20)
    }

    /// Sets the session's cookie, or removes it.
    pub(crate) fn set_cookie(&self, session: Option<&str>) -> String {
        let (text, life) = session.map_or(("", 0), |text| (text, 7 * 86_400));
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={text}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}", self.cookie_name())
    }

    /// What a form of a browser that is nobody's carries, and the cookie that it is bound to.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn anonymous_form(&self) -> Result<(String, String), PeopleError> {
        let mut bytes = [0; 18];
        getrandom::fill(&mut bytes).map_err(|_| PeopleError::Randomness)?;
        let basis = URL_SAFE_NO_PAD.encode(bytes);
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("alces_form={basis}; Path=/; HttpOnly; SameSite=Lax{secure}");
        let token = self.forms.token(&basis).map_err(|_| PeopleError::Randomness)?;
        Ok((token, cookie))
    }
}

/// Asks a file, on a thread that may wait for the disk.
///
/// # Errors
/// The question's own.
pub(crate) async fn ask_of<T: Send + 'static>(
    people: Arc<People>,
    what: impl FnOnce(&People) -> Result<T, PeopleError> + Send + 'static,
) -> Result<T, PeopleError> {
    let asked = tokio::task::spawn_blocking(move || what(&people)).await;
    asked.unwrap_or_else(|_| Err(PeopleError::Storage("a question to it ended early".into())))
}

/// How often what has expired is removed.
const CLEANING: Duration = Duration::from_secs(3600);

/// Removes what has expired from the file of people, for as long as the dashboard runs.
pub(crate) async fn clean(app: Arc<App>) {
    let days = i64::from(app.config.audit_days);
    while app.access.is_on() {
        let now = (app.clock)().as_millisecond();
        if let Err(error) = app.access.ask(move |people| people.clean(now - days * 86_400_000, now)).await {
            tracing::warn!(%error, "what has expired could not be removed");
        }
        tokio::time::sleep(CLEANING).await;
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A cookie by its name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

//! Who comes in, and as what, by the claims of a token. `email` is a name here and never a proof: whether a provider has verified one is
//! its own word, and users are known by issuer and subject alone.

use alces_people::{Grant, Role};
use serde_json::Value;

use super::error::OidcError;
use super::settings::OidcLogin;
use super::token::{Claims, TokenError};

/// Who has come back from the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// For who was never here.
    pub(crate) name: String,
    pub(crate) grant: Grant,
}

/// Characters of a name, as [`alces_people`] takes them.
const LONGEST_NAME: usize = 100;

/// Whether what is needed is not in the ID token: providers may keep it for their userinfo endpoint.
pub(super) fn wants_more(claims: &Claims, settings: &OidcLogin) -> bool {
    let lacks = |name: &str| find(claims, name).is_none();
    lacks(&settings.name_claim) || (!settings.roles.is_empty() && lacks(&settings.role_claim))
}

/// Adds what the userinfo endpoint says of the same person. What the ID token says counts more: it is signed.
pub(super) fn add(claims: &mut Claims, more: Claims) -> Result<(), TokenError> {
    if more.get("sub").is_none() || more.get("sub") != claims.get("sub") {
        return Err(TokenError::Subject);
    }
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
    Ok(())
}

/// Who it is, in which role.
pub(super) fn came(claims: &Claims, settings: &OidcLogin) -> Result<Came, OidcError> {
    let subject = text(claims, "sub").ok_or(TokenError::Subject)?;
    let grant = grant(claims, settings).ok_or_else(|| OidcError::Role { subject: subject.clone() })?;
    let named = [&settings.name_claim, "preferred_username", "email"].into_iter();
    let name =
        named.filter_map(|claim| text(claims, claim)).map(|name| tame(&name)).find(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| tame(&subject));
    Ok(Came { issuer: settings.issuer.clone(), subject, name, grant })
}

fn grant(claims: &Claims, settings: &OidcLogin) -> Option<Grant> {
    if settings.roles.is_empty() {
        return settings.default_role.map(Grant::New);
    }
    let words: Vec<&str> = match find(claims, &settings.role_claim) {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let meant = settings.roles.iter().filter(|(_, word)| words.contains(&word.as_str()));
    let highest: Option<Role> = meant.map(|(role, _)| *role).max();
    highest.or(settings.default_role).map(Grant::Role)
}

/// A claim by its name, else by its way: `realm_access.roles` is `roles` in `realm_access`.
fn find<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let mut steps = name.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    })
}

fn text(claims: &Claims, name: &str) -> Option<String> {
    find(claims, name)?.as_str().map(str::to_owned)
}

/// A name in letters, digits and `._@+-`.
fn tame(name: &str) -> String {
    let good = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
    let name: String =
        name.trim().chars().take(LONGEST_NAME).map(|c| if good(c) { c } else { '-' }).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        match value {
            Value::Object(claims) => claims,
            _ => Claims::new(),
        }
    }

    fn settings() -> OidcLogin {
        let mut settings = OidcLogin::new("https://id.example.com".into(), "alces".into());
        settings.roles = vec![(Role::Admin, "helpdesk-sre".into()), (Role::Editor, "helpdesk".into())];
        settings
    }

    #[test]
    fn the_highest_role_that_a_word_gives() {
        let role = |groups: Value| {
            came(&claims(json!({"sub": "1", "groups": groups})), &settings()).map(|c| c.grant)
        };
        assert_eq!(role(json!(["helpdesk", "helpdesk-sre", "x"])), Ok(Grant::Role(Role::Admin)));
        assert_eq!(role(json!("helpdesk")), Ok(Grant::Role(Role::Editor)));
        for none in
            [json!("helpdesk-sre,x"), json!(["HELPDESK"]), json!([7]), json!({"helpdesk": 1}), Value::Null]
        {
            assert_eq!(role(none.clone()), Ok(Grant::Role(Role::Viewer)), "{none}");
        }
        let strict = OidcLogin { default_role: None, ..settings() };
        let none = came(&claims(json!({"sub": "1", "groups": ["x"]})), &strict);
        assert_eq!(none, Err(OidcError::Role { subject: "1".into() }));
        let open = OidcLogin { roles: Vec::new(), ..settings() };
        let anybody = came(&claims(json!({"sub": "1"})), &open).map(|c| c.grant);
        assert_eq!(anybody, Ok(Grant::New(Role::Viewer)), "later an administrator says");
    }

    #[test]
    fn a_claim_may_lie_deeper_or_have_a_dot_in_its_name() {
        let deep = claims(json!({"realm_access": {"roles": ["x"]}, "https://a.example/roles": ["y"]}));
        assert_eq!(find(&deep, "realm_access.roles"), Some(&json!(["x"])));
        assert_eq!(find(&deep, "https://a.example/roles"), Some(&json!(["y"])));
        assert_eq!(find(&deep, "realm_access.none"), None);
        assert_eq!(find(&deep, ""), None);
    }

    #[test]
    fn a_name_is_one() {
        let name = |value: Value| came(&claims(value), &settings()).map(|c| c.name).unwrap();
        assert_eq!(name(json!({"sub": "1", "preferred_username": "amy", "email": "a@example.com"})), "amy");
        assert_eq!(name(json!({"sub": "1", "email": "a@example.com"})), "a@example.com");
        assert_eq!(name(json!({"sub": "auth0|7", "preferred_username": "  "})), "auth0-7");
        assert_eq!(name(json!({"sub": "1", "preferred_username": "CORP\\amy <b>"})), "CORP-amy--b");
        assert_eq!(name(json!({"sub": "1", "preferred_username": "x".repeat(500)})).len(), LONGEST_NAME);
    }

    #[test]
    fn userinfo_adds_and_changes_nothing() {
        let mut ours = claims(json!({"sub": "1", "email": "signed@example.com"}));
        assert!(wants_more(&ours, &settings()));
        let other = claims(json!({"sub": "2", "groups": ["helpdesk-sre"]}));
        assert_eq!(add(&mut ours, other), Err(TokenError::Subject));
        let more = json!({"sub": "1", "email": "x@example.com", "groups": ["helpdesk"], "preferred_username": "amy"});
        assert_eq!(add(&mut ours, claims(more)), Ok(()));
        assert!(!wants_more(&ours, &settings()));
        assert_eq!(text(&ours, "email").as_deref(), Some("signed@example.com"));
        assert_eq!(came(&ours, &settings()).map(|c| c.grant), Ok(Grant::Role(Role::Editor)));
    }
}

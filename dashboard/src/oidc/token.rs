//! Whether an ID token is to be believed (OpenID Connect Core 3.1.3.7): signed by a key of the provider, by it, for us, now, and in answer
//! to this very login.

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

/// How far clocks may differ, seconds.
const LEEWAY: i64 = 60;
/// A subject's characters, as the standard has it.
const LONGEST_SUBJECT: usize = 255;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("it is no signed token")]
    Form,
    #[error("it is signed in a way that is not taken here")]
    Algorithm,
    #[error("it is signed with a key that the provider does not show")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("it is another provider's")]
    Issuer,
    #[error("it is for another application")]
    Audience,
    #[error("it has expired, or the clocks of dashboard and provider differ")]
    Time,
    #[error("it answers another login")]
    Nonce,
    #[error("it does not say whom it means")]
    Subject,
}

/// What a token says, if it is to be believed at `now`, epoch milliseconds.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
    now: i64,
) -> Result<Claims, TokenError> {
    let claims = signed(token, keys)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|s| s as i64);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenError::Issuer);
    }
    let ours = |value: &Value| value.as_str() == Some(expected.client_id);
    let (has_us, has_others) = match claims.get("aud") {
        Some(Value::Array(all)) => (all.iter().any(ours), !all.iter().all(ours)),
        Some(one) => (ours(one), false),
        None => (false, false),
    };
    // Where it is for several, it must say for whom it was made.
    let party = claims.get("azp");
    if !has_us || party.is_some_and(|p| !ours(p)) || (has_others && party.is_none()) {
        return Err(TokenError::Audience);
    }
    let now = now / 1000;
    let begun = |name: &str| seconds(name).is_none_or(|at| at <= now + LEEWAY);
    if seconds("exp").is_none_or(|at| at + LEEWAY <= now) || !begun("iat") || !begun("nbf") {
        return Err(TokenError::Time);
    }
    if !text("nonce").is_some_and(|n| bool::from(n.as_bytes().ct_eq(expected.nonce.as_bytes()))) {
        return Err(TokenError::Nonce);
    }
    if text("sub").is_none_or(|sub| sub.is_empty() || sub.chars().count() > LONGEST_SUBJECT) {
        return Err(TokenError::Subject);
    }
    Ok(claims)
}

/// What a token says, if one of the keys signed it. Ways in which client and provider share a key are never taken: who knows the
/// client's secret, or takes a public key for one, could sign too.
fn signed(token: &str, keys: &[Jwk]) -> Result<Claims, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Form)?;
    if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return Err(TokenError::Algorithm);
    }
    let mut validation = Validation::new(header.alg);
    // Only the signature: what the token says is judged above, by the clock that was passed in.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let mut found = TokenError::Key;
    for key in keys.iter().filter(|key| fits(key, header.kid.as_deref(), header.alg)) {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        if key.family() != header.alg.family() {
            continue;
        }
        match decode::<Claims>(token, &key, &validation) {
            Ok(token) => return Ok(token.claims),
            Err(_) => found = TokenError::Signature,
        }
    }
    Err(found)
}

/// Whether a key may have signed it, by what the key says of itself.
fn fits(key: &Jwk, id: Option<&str>, algorithm: Algorithm) -> bool {
    let common = &key.common;
    let is_named = id.is_none_or(|id| common.key_id.as_deref().is_none_or(|own| own == id));
    let is_for_signing = !matches!(common.public_key_use, Some(PublicKeyUse::Encryption));
    // The two lists have the same names.
    let own = common.key_algorithm.map(|own| format!("{own:?}"));
    is_named && is_for_signing && own.is_none_or(|own| own == format!("{algorithm:?}"))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_428_000;
    const EXPECTED: Expected<'static> =
        Expected { issuer: "https://id.example.com", client_id: "alces", nonce: "n-0S6_WzA2Mj" };

    struct Signer {
        key: EncodingKey,
        jwk: Jwk,
    }

    fn signer(id: &str) -> Signer {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Signer { key, jwk }
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example.com", "aud": "alces", "sub": "248289761001", "nonce": "n-0S6_WzA2Mj",
            "iat": NOW - 5, "exp": NOW + 3600,
        })
    }

    impl Signer {
        fn sign(&self, claims: &Value) -> String {
            let header = Header { kid: self.jwk.common.key_id.clone(), ..Header::new(Algorithm::ES256) };
            encode(&header, claims, &self.key).unwrap()
        }
    }

    fn check(signer: &Signer, change: impl FnOnce(&mut Value)) -> Result<(), TokenError> {
        let mut claims = good();
        change(&mut claims);
        verify(&signer.sign(&claims), std::slice::from_ref(&signer.jwk), &EXPECTED, NOW * 1000).map(drop)
    }

    #[test]
    fn each_claim_is_held_to() {
        let id = signer("1");
        assert_eq!(check(&id, |_| ()), Ok(()));
        assert_eq!(check(&id, |c| c["iss"] = "https://evil.example".into()), Err(TokenError::Issuer));
        assert_eq!(check(&id, |c| c["iss"] = json!(["https://id.example.com"])), Err(TokenError::Issuer));
        assert_eq!(check(&id, |c| c["aud"] = "other".into()), Err(TokenError::Audience));
        assert_eq!(check(&id, |c| c["aud"] = json!(["alces"])), Ok(()));
        assert_eq!(check(&id, |c| c["aud"] = json!(["alces", "other"])), Err(TokenError::Audience));
        let both = |party: &'static str| {
            move |c: &mut Value| {
                c["aud"] = json!(["alces", "other"]);
                c["azp"] = party.into();
            }
        };
        assert_eq!(check(&id, both("alces")), Ok(()));
        assert_eq!(check(&id, both("other")), Err(TokenError::Audience));
        assert_eq!(check(&id, |c| c["exp"] = (NOW - 60).into()), Err(TokenError::Time));
        assert_eq!(check(&id, |c| c["exp"] = (NOW - 59).into()), Ok(()));
        assert_eq!(check(&id, |c| c["exp"] = Value::Null), Err(TokenError::Time));
        assert_eq!(check(&id, |c| c["exp"] = (NOW as f64 + 0.5).into()), Ok(()));
        assert_eq!(check(&id, |c| c["iat"] = (NOW + 61).into()), Err(TokenError::Time));
        assert_eq!(check(&id, |c| c["nbf"] = (NOW + 61).into()), Err(TokenError::Time));
        assert_eq!(check(&id, |c| c["nonce"] = "another".into()), Err(TokenError::Nonce));
        assert_eq!(check(&id, |c| c["nonce"] = Value::Null), Err(TokenError::Nonce));
        assert_eq!(check(&id, |c| c["sub"] = "".into()), Err(TokenError::Subject));
        assert_eq!(check(&id, |c| c["sub"] = 7.into()), Err(TokenError::Subject));
    }

    #[test]
    fn only_a_key_of_the_provider_signs() {
        let (id, other) = (signer("1"), signer("1"));
        let token = id.sign(&good());
        let ask = |token: &str, keys: &[Jwk]| verify(token, keys, &EXPECTED, NOW * 1000).map(drop);
        assert_eq!(ask(&token, &[other.jwk.clone(), id.jwk.clone()]), Ok(()), "any of that name");
        assert_eq!(ask(&token, std::slice::from_ref(&other.jwk)), Err(TokenError::Signature));
        assert_eq!(ask(&token, &[signer("2").jwk]), Err(TokenError::Key), "keys may have changed");
        assert_eq!(ask(&token, &[]), Err(TokenError::Key));
        let mut sealing = id.jwk.clone();
        sealing.common.public_key_use = Some(PublicKeyUse::Encryption);
        assert_eq!(ask(&token, &[sealing]), Err(TokenError::Key));
        let parts: Vec<&str> = token.split('.').collect();
        let mut claims = good();
        claims["sub"] = "1".into();
        let changed = format!("{}.{}.{}", parts[0], id.sign(&claims).split('.').nth(1).unwrap(), parts[2]);
        assert_eq!(ask(&changed, std::slice::from_ref(&id.jwk)), Err(TokenError::Signature));
        for form in ["", "a.b", "a.b.c", &format!("{}.{}.", parts[0], parts[1])] {
            assert!(ask(form, std::slice::from_ref(&id.jwk)).is_err(), "{form}");
        }
    }

    #[test]
    fn what_is_not_signed_or_signed_with_a_shared_key_is_nobodys() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let id = signer("1");
        let keys = std::slice::from_ref(&id.jwk);
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"1"}"#),
            URL_SAFE_NO_PAD.encode(good().to_string())
        );
        assert_eq!(verify(&none, keys, &EXPECTED, NOW * 1000), Err(TokenError::Form));
        let public = serde_json::to_vec(&id.jwk).unwrap();
        let header = Header { kid: Some("1".into()), ..Header::new(Algorithm::HS256) };
        let shared = encode(&header, &good(), &EncodingKey::from_secret(&public).unwrap()).unwrap();
        assert_eq!(verify(&shared, keys, &EXPECTED, NOW * 1000), Err(TokenError::Algorithm));
    }
}

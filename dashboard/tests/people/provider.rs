//! A provider whose every answer a test decides: right, wrong, forged, late, none.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use super::super::NOON;

pub(super) const SECRET: &str = "p&ss word";

/// What the provider does.
#[derive(Default)]
pub(super) struct Script {
    /// What a code stands for: challenge and claims. A code is taken once.
    pub(super) codes: HashMap<String, (String, Value)>,
    pub(super) userinfo: Option<Value>,
    /// Signs with a key that is not in its set.
    pub(super) forges: bool,
    /// Answers nothing to this address.
    pub(super) hangs_at: Option<&'static str>,
    /// Every path that was asked for.
    pub(super) asked: Vec<&'static str>,
}

pub(super) struct Provider {
    pub(super) at: SocketAddr,
    pub(super) script: Mutex<Script>,
    keys: [(EncodingKey, Jwk); 2],
}

fn key(id: &str) -> (EncodingKey, Jwk) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("its public half");
    public.common.key_id = Some(id.to_owned());
    (key, public)
}

impl Provider {
    pub(super) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let provider = Arc::new(Self { at, script: Mutex::default(), keys: [key("1"), key("1")] });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://{}", self.at)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().expect("no panic"));
    }

    async fn ask(&self, path: &'static str) {
        let hangs = {
            let mut script = self.script.lock().expect("no panic");
            script.asked.push(path);
            script.hangs_at == Some(path)
        };
        if hangs {
            std::future::pending::<()>().await;
        }
    }
}

async fn configuration(State(provider): State<Arc<Provider>>) -> Json<Value> {
    provider.ask("configuration").await;
    let of = |path: &str| format!("{}/{path}", provider.issuer());
    Json(json!({
        "issuer": provider.issuer(), "authorization_endpoint": of("auth?tenant=7"), "token_endpoint": of("token"),
        "jwks_uri": of("keys"), "userinfo_endpoint": of("userinfo"), "end_session_endpoint": of("out"),
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    provider.ask("keys").await;
    Json(json!({"keys": [{"kty": "oct", "k": "AA"}, provider.keys[0].1]}))
}

async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> axum::response::Response {
    provider.ask("token").await;
    let script = &mut *provider.script.lock().expect("no panic");
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    let login = format!("Basic {}", STANDARD.encode("alces:p%26ss+word"));
    if headers.get("authorization").is_none_or(|found| found.as_bytes() != login.as_bytes()) {
        return refuse("invalid_client");
    }
    let Some((challenge, claims)) = script.codes.remove(of("code")) else { return refuse("invalid_grant") };
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(of("code_verifier")));
    if proof != challenge || of("redirect_uri") != "http://dashboard.example/login/oidc/callback" {
        return refuse("invalid_grant");
    }
    let mut all =
        json!({"iss": provider.issuer(), "aud": "alces", "iat": NOON / 1000, "exp": NOON / 1000 + 600});
    for (name, value) in claims.as_object().expect("claims") {
        all[name] = value.clone();
    }
    let header = Header { kid: Some("1".into()), ..Header::new(Algorithm::ES256) };
    let signed = encode(&header, &all, &provider.keys[usize::from(script.forges)].0).expect("signed");
    Json(json!({"id_token": signed, "access_token": "opaque", "token_type": "Bearer"})).into_response()
}

async fn userinfo(State(provider): State<Arc<Provider>>) -> axum::response::Response {
    provider.ask("userinfo").await;
    let said = provider.script.lock().expect("no panic").userinfo.clone();
    said.map_or(StatusCode::FORBIDDEN.into_response(), |said| Json(said).into_response())
}

//! What a forge sends: recorded deliveries as they came, and pushes made up for a test, signed.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sha2::Sha256;
use upaas::{
    db::Db,
    domain::{ids::SecretId, secret::Secret},
    vault::Vault,
};

use super::{fake::Fake, server::Server, shop::with_shop};

/// The secret under which the recorded deliveries were signed.
pub(crate) const RECORDED_SECRET: &str = "topsecret";
pub(crate) const ZEROS: &str = "0000000000000000000000000000000000000000";

/// A webhook of an app, as the forge knows it.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// What µPaaS answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) headers: HeaderMap,
}

/// A recorded file's bytes.
pub(crate) fn recorded(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/src/tests/fixtures/gitea/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The recorded files and the signatures that Gitea sent with them.
pub(crate) fn signatures() -> Vec<(String, String)> {
    let text = String::from_utf8(recorded("signatures.txt")).unwrap();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(file, hex)| (file.to_owned(), hex.trim().to_owned())).collect()
}

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A commit id of one repeated digit.
pub(crate) fn commit(digit: char) -> String {
    digit.to_string().repeat(40)
}

/// The body of a push.
pub(crate) fn push(reference: &str, before: &str, after: &str) -> Vec<u8> {
    let body = serde_json::json!({ "ref": reference, "before": before, "after": after, "pusher": { "login": "dev" } });
    serde_json::to_vec_pretty(&body).unwrap()
}

/// A server with the app `shop` on a stand-in platform, and the app's webhook.
pub(crate) async fn with_hook(fake: &Fake) -> (Server, Hook) {
    let mut server = with_shop(fake, &[]).await;
    let hook = Hook::of(&mut server, "shop").await;
    (server, hook)
}

impl Hook {
    /// As the operator copies it from the app's page, where the secret shows when asked for.
    pub(crate) async fn of(server: &mut Server, slug: &str) -> Self {
        let page = server.browser.post(&format!("/apps/{slug}/webhook-secret"), &[]).await.expect(200);
        let shown = page.text("#webhook-url");
        let path = shown.split_once("/webhook/").unwrap_or_else(|| panic!("no URL on the page: {shown}")).1;
        Self { url: format!("http://{}/webhook/{path}", server.address()), secret: page.text("#webhook-secret") }
    }

    /// As [`Hook::of`], after the app's secret has become the one of the recorded deliveries.
    pub(crate) async fn of_recorded(server: &mut Server, slug: &str) -> Self {
        let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
        let query = sqlx::query_scalar("SELECT webhook_secret_id FROM apps WHERE slug = ?");
        let id: SecretId = query.bind(slug).fetch_one(db.read()).await.unwrap();
        let sealed = Vault::open(&server.data().join("secret.key"), false).unwrap().seal(id, &Secret::new(RECORDED_SECRET));
        sqlx::query("UPDATE secret_versions SET sealed = ? WHERE id = ?").bind(sealed.0).bind(id).execute(db.write()).await.unwrap();
        db.close().await;
        let hook = Self::of(server, slug).await;
        assert_eq!(hook.secret, RECORDED_SECRET);
        hook
    }

    /// Sends any request.
    pub(crate) async fn send(&self, method: Method, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(&self.url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), text: text.trim_end().to_owned(), headers: parts.headers }
    }

    /// Sends a body as Gitea does, with the headers of a real one, under a signature.
    pub(crate) async fn deliver_signed(&self, event: &str, body: Vec<u8>, signature: &str) -> Answer {
        let (hub, uuid) = (format!("sha256={signature}"), uuid::Uuid::new_v4().to_string());
        let headers = [
            ("user-agent", "Go-http-client/1.1"),
            ("content-type", "application/json"),
            ("x-gitea-delivery", uuid.as_str()),
            ("x-gogs-delivery", uuid.as_str()),
            ("x-github-delivery", uuid.as_str()),
            ("x-gitea-event", event),
            ("x-gogs-event", event),
            ("x-github-event", event),
            ("x-gitea-event-type", event),
            ("x-gitea-signature", signature),
            ("x-gogs-signature", signature),
            ("x-hub-signature-256", hub.as_str()),
            ("accept-encoding", "gzip"),
        ];
        self.send(Method::POST, &headers, body).await
    }

    /// Sends a body, signed.
    pub(crate) async fn deliver(&self, event: &str, body: Vec<u8>) -> Answer {
        let signature = sign(&self.secret, &body);
        self.deliver_signed(event, body, &signature).await
    }

    /// Tells of a push to a branch.
    pub(crate) async fn push(&self, branch: &str, before: &str, after: &str) -> Answer {
        self.deliver("push", push(&format!("refs/heads/{branch}"), before, after)).await
    }
}

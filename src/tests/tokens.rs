//! Tokens: made and shown once, good for what their scope allows, ended by time, by hand, and with the password that gave them.

use std::{fs, time::Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::support::{
    fake::{Fake, Step},
    server::{PASSWORD, Server},
    shop::with_shop,
};

async fn server() -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    server
}

/// The token that a name and a password give.
async fn log_in(server: &Server, username: &str, password: &str) -> super::support::browser::Reply {
    server.new_browser().post_json("/auth/token", &json!({ "username": username, "password": password }).to_string()).await
}

/// Changes the tokens behind the server's back, as time does.
async fn alter(server: &Server, change: &str) {
    let db = server.db().await;
    assert!(sqlx::query(change).execute(db.write()).await.unwrap().rows_affected() > 0);
    db.close().await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_its_text_is_kept_nowhere() {
    let mut server = server().await;
    let fields = [("token_name", "prometheus"), ("token_scope", "read"), ("token_expiry", "90")];
    let page = server.browser.post("/settings/tokens", &fields).await.expect(200);
    let token = page.text("#new-token");
    assert!(token.starts_with("upaas_") && token.len() == 49, "{token}");
    assert_eq!(page.header("cache-control"), "no-store");
    let example = page.text("#token-example");
    assert!(example.contains(&format!("Bearer {token}")) && example.ends_with("/health"), "{example}");
    let row = page.text("#tokens .item-row");
    assert!(row.contains("prometheus read") && row.contains("never used"), "{row}");

    assert!(!server.browser.get("/settings").await.expect(200).body.contains(&token));
    server.program(&token).get("/health").await.expect(200);
    let secret = &token["upaas_".len()..];
    for name in ["upaas.db", "upaas.db-wal"] {
        let kept = fs::read(server.data().join(name)).unwrap();
        assert!(!kept.windows(secret.len()).any(|piece| piece == secret.as_bytes()), "{name} holds the token");
    }
}

#[tokio::test]
async fn a_token_that_may_deploy_deploys_and_cancels_in_its_own_name() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let token = server.make_token("ci", "deploy").await;
    let mut program = server.program(&token);
    fake.hold(Step::Build);
    let queued = program.post("/apps/shop/deployments", &[]).await.expect(202).json();
    assert_eq!((&queued["number"], &queued["status"]), (&1.into(), &"queued".into()));
    let url = queued["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/apps/shop/deployments/1"), "{url}");
    let page = server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    assert!(page.text("#deployment").contains("ada (token ci)"), "{}", page.text("#deployment"));
    let cancelled = program.post("/apps/shop/deployments/1/cancellation", &[]).await.expect(202).json();
    assert_eq!(cancelled["number"], 1);
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/1", &["Cancelled"]).await;

    let refused = program.post("/apps/shop/deployments/1/cancellation", &[]).await.expect(409).json();
    assert!(refused["error"].as_str().unwrap().contains("cannot be cancelled any more"), "{refused}");
    program.post("/apps/nothing/deployments", &[]).await.expect(404).json();
    let malformed = program.post("/apps/shop/deployments", &[("commit", "xyz")]).await.expect(400).json();
    assert!(!malformed["error"].as_str().unwrap().is_empty());

    program.headers.push(("accept", "text/html".to_owned()));
    let page = program.post("/apps/shop/deployments", &[]).await.expect(303);
    assert_eq!(page.location(), "/apps/shop/deployments/2", "a browser goes to the page");
}

#[tokio::test]
async fn a_token_that_may_read_does_not_deploy() {
    let mut server = server().await;
    server.create_shop(&[]).await.expect(303);
    let token = server.make_token("monitor", "read").await;
    let mut program = server.program(&token);
    program.get("/health").await.expect(200);
    let refused = program.post("/apps/shop/deployments", &[]).await.expect(403).json();
    assert!(refused["error"].as_str().unwrap().contains("scope"), "{refused}");
    assert_eq!(server.browser.get("/apps/shop/deployments").await.texts(".deployment-row").len(), 0);
}

#[tokio::test]
async fn a_token_that_is_wrong_ended_or_revoked_opens_nothing_not_even_with_a_session() {
    let mut server = server().await;
    let token = server.make_token("ci", "deploy").await;
    server.program(&token).get("/health").await.expect(200);
    let another = format!("{}{}", &token[..48], if token.ends_with('A') { "B" } else { "A" });
    for wrong in [&token[..48], &another, "upaas_", "", &token.to_uppercase()] {
        let refused = server.program(wrong).get("/health").await.expect(401);
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        server.browser.headers = vec![("authorization", format!("Bearer {wrong}"))];
        // One of another kind is a proxy's matter: the session counts.
        server.browser.get("/health").await.expect(if wrong.starts_with("upaas_") { 401 } else { 200 });
        server.browser.headers.clear();
    }

    alter(&server, "UPDATE tokens SET expires_at = 1").await;
    server.program(&token).get("/health").await.expect(401).json();
    assert!(server.browser.get("/settings").await.text("#tokens .item-row").contains("ended"));

    let token = server.make_token("another", "read").await;
    let page = server.browser.get("/settings").await;
    assert_eq!(page.texts("#tokens .item-row").len(), 1, "the one that has ended is gone");
    let revoke = page.attribute("#tokens .item-row form", "action").unwrap();
    assert_eq!(server.browser.post(&revoke, &[]).await.expect(303).location(), "/settings?changed=tokens");
    server.program(&token).get("/health").await.expect(401);
    server.browser.post(&revoke, &[]).await.expect(303);
    server.browser.post("/settings/tokens/x/revocation", &[]).await.expect(404);
}

#[tokio::test]
async fn a_tokens_use_is_noted_once_a_minute() {
    let mut server = server().await;
    let token = server.make_token("ci", "read").await;
    let noted = async |server: &Server| -> Option<i64> {
        let db = server.db().await;
        let noted = sqlx::query_scalar("SELECT last_used_at FROM tokens").fetch_one(db.read()).await.unwrap();
        db.close().await;
        noted
    };
    assert_eq!(noted(&server).await, None);
    server.program(&token).get("/health").await.expect(200);
    let first = noted(&server).await.unwrap();
    server.program(&token).get("/health").await.expect(200);
    assert_eq!(noted(&server).await, Some(first));
    assert!(server.browser.get("/settings").await.text("#tokens .item-row").contains("last used just now"));
    alter(&server, "UPDATE tokens SET last_used_at = last_used_at - 60001").await;
    server.program(&token).get("/health").await.expect(200);
    assert!(noted(&server).await.unwrap() >= first);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_said_beside_its_field_and_nothing_typed_is_lost() {
    let mut server = server().await;
    let page = server.browser.post("/settings/tokens", &[("token_scope", "deploy"), ("token_expiry", "365")]).await.expect(422);
    assert!(page.text("#token_name-error").contains("name"));
    assert!(page.attribute("#token_scope-deploy", "checked").is_some());
    assert!(page.attribute("#token_expiry option[value='365']", "selected").is_some());
    let long = "x".repeat(65);
    for wrong in [long.as_str(), "a\u{202e}b"] {
        let fields = [("token_name", wrong), ("token_scope", "read"), ("token_expiry", "30")];
        let page = server.browser.post("/settings/tokens", &fields).await.expect(422);
        assert!(!page.text("#token_name-error").is_empty(), "{wrong}");
    }
    let page =
        server.browser.post("/settings/tokens", &[("token_name", "ci"), ("token_scope", "all"), ("token_expiry", "1")]).await.expect(422);
    assert_eq!(page.attribute("#token_name", "value").as_deref(), Some("ci"));
    assert!(!page.text("#token_scope-error").is_empty() && !page.text("#token_expiry-error").is_empty());

    server.make_token("ci", "read").await;
    let again = [("token_name", "ci"), ("token_scope", "read"), ("token_expiry", "never")];
    let page = server.browser.post("/settings/tokens", &again).await.expect(422);
    assert!(page.text("#token_name-error").contains("this name"), "a form that is sent twice makes one token");
    assert_eq!(page.texts("#tokens .item-row").len(), 1);
    let lasting = [("token_name", "forever"), ("token_scope", "read"), ("token_expiry", "never")];
    assert!(server.browser.post("/settings/tokens", &lasting).await.expect(200).text("#tokens .item-row").contains("never ends"));
}

#[tokio::test]
async fn a_name_and_a_password_give_a_token_that_reads_for_an_hour() {
    let mut server = server().await;
    server.create_shop(&[]).await.expect(303);
    let given = log_in(&server, "ada", PASSWORD).await.expect(200).json();
    assert_eq!((&given["token_type"], &given["expires_in"]), (&"bearer".into(), &3600.into()));
    let token = given["access_token"].as_str().unwrap();
    server.program(token).get("/health").await.expect(200);
    server.program(token).post("/apps/shop/deployments", &[]).await.expect(403);
    let page = server.browser.get("/settings").await;
    assert!(page.text("#tokens .item-row").starts_with("password login read"), "{}", page.text("#tokens .item-row"));
    let revoke = page.attribute("#tokens .item-row form", "action").unwrap();
    server.browser.post(&revoke, &[]).await.expect(303);
    server.program(token).get("/health").await.expect(401);
}

#[tokio::test]
async fn who_does_not_know_the_password_gets_a_sentence_and_no_token() {
    let server = server().await;
    let wrong = log_in(&server, "ada", "not the password").await.expect(401);
    let unknown = log_in(&server, "eve", PASSWORD).await.expect(401);
    assert_eq!(wrong.json(), unknown.json());
    assert!(wrong.json()["error"].as_str().unwrap().contains("do not belong together"));
    for malformed in ["", "{", "[]", "{\"username\": \"ada\"}", "{\"username\": 1, \"password\": \"x\"}", "username=ada&password=x"] {
        let said = server.new_browser().post_json("/auth/token", malformed).await.expect(400).json();
        assert!(said["error"].as_str().unwrap().contains("Send JSON"), "{malformed}: {said}");
    }
    server.new_browser().get("/auth/token").await.expect(405).json();
    let huge = format!("{{\"username\": \"{}\"}}", "x".repeat(100_000));
    server.new_browser().post_json("/auth/token", &huge).await.expect(400).json();
}

#[tokio::test]
async fn another_password_ends_the_tokens_that_the_old_one_gave_and_no_others() {
    let mut server = server().await;
    let lasting = server.make_token("prometheus", "read").await;
    let given = log_in(&server, "ada", PASSWORD).await.expect(200).json();
    let given = given["access_token"].as_str().unwrap();
    let new = "a new and longer one";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    server.browser.post("/settings/password", &fields).await.expect(303);
    server.program(given).get("/health").await.expect(401);
    server.program(&lasting).get("/health").await.expect(200);
    log_in(&server, "ada", PASSWORD).await.expect(401);
    log_in(&server, "ada", new).await.expect(200);
    assert_eq!(server.browser.get("/settings").await.texts("#tokens .item-row").len(), 2, "the one that has ended is gone");
}

#[tokio::test]
async fn guessing_for_a_token_is_slowed_like_guessing_at_the_page() {
    let server = server().await;
    let tries = join_all((0..12).map(|_| log_in(&server, "ada", "guess"))).await;
    let refused: Vec<_> = tries.iter().filter(|reply| reply.status == 429).collect();
    assert!(refused.len() >= 2, "{:?}", tries.iter().map(|reply| reply.status.as_u16()).collect::<Vec<_>>());
    assert!(refused.iter().all(|reply| !reply.header("retry-after").is_empty() && reply.json()["error"].is_string()));
    let began = Instant::now();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    server.new_browser().post("/login", &fields).await.expect(303);
    assert!(began.elapsed().as_secs() >= 2, "what was guessed here counts there: {:?}", began.elapsed());
}

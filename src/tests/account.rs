//! Signing in and out, sessions, the password.

use super::support::{
    browser::{Browser, Reply},
    fake::Fake,
    server::{PASSWORD, Server},
};

async fn server() -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    server
}

async fn sign_in(browser: &mut Browser, password: &str, next: &str) -> Reply {
    browser.post("/login", &[("username", "ada"), ("password", password), ("next", next)]).await
}

#[tokio::test]
async fn a_wrong_password_or_name_says_the_same() {
    let server = server().await;
    let mut browser = server.new_browser();
    let wrong_password = sign_in(&mut browser, "not the password", "").await.expect(422);
    let wrong_name = browser.post("/login", &[("username", "eve"), ("password", PASSWORD)]).await.expect(422);
    assert_eq!(wrong_password.text("[role=alert]"), wrong_name.text("[role=alert]"));
    assert_eq!(wrong_password.attribute("#username", "value").as_deref(), Some("ada"));
    assert_eq!(wrong_password.attribute("[autofocus]", "id").as_deref(), Some("username"));
    browser.get("/").await.expect(303);
}

#[tokio::test]
async fn sign_in_leads_back_to_where_it_was_asked_for_and_nowhere_else() {
    let server = server().await;
    let mut browser = server.new_browser();
    assert_eq!(browser.get("/settings").await.expect(303).location(), "/login?next=%2Fsettings");
    let page = browser.get("/login?next=%2Fsettings").await.expect(200);
    assert_eq!(page.attribute("input[name=next]", "value").as_deref(), Some("/settings"));
    assert_eq!(sign_in(&mut browser, PASSWORD, "/settings").await.expect(303).location(), "/settings");
    for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        assert_eq!(sign_in(&mut server.new_browser(), PASSWORD, elsewhere).await.expect(303).location(), "/");
    }
}

#[tokio::test]
async fn sign_in_and_the_theme_lead_back_to_the_same_query() {
    let server = server().await;
    let mut browser = server.new_browser();
    let asked = "/audit?user=ada&q=a%26b+c";
    let login = browser.get(asked).await.expect(303).location().to_owned();
    assert_eq!(login, "/login?next=%2Faudit%3Fuser%3Dada%26q%3Da%2526b%2Bc");
    let next = browser.get(&login).await.expect(200).attribute("input[name=next]", "value").unwrap();
    assert_eq!(sign_in(&mut browser, PASSWORD, &next).await.expect(303).location(), asked);
    let back = browser.get(asked).await.expect(200).attribute("input[name=back]", "value").unwrap();
    assert_eq!(browser.post("/theme", &[("theme", "dark"), ("back", &back)]).await.expect(303).location(), asked);
}

#[tokio::test]
async fn the_session_changes_at_sign_in_and_ends_at_sign_out() {
    let server = server().await;
    let mut browser = server.new_browser();
    let reply = sign_in(&mut browser, PASSWORD, "").await.expect(303);
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    let first = browser.cookie("upaas").unwrap().to_owned();
    sign_in(&mut browser, PASSWORD, "").await.expect(303);
    assert_ne!(browser.cookie("upaas"), Some(first.as_str()), "the id is rotated");

    let mut stolen = browser.clone();
    assert_eq!(browser.post("/logout", &[]).await.expect(303).location(), "/login");
    stolen.get("/").await.expect(303);
}

#[tokio::test]
async fn the_cookie_is_secure_on_https_and_cannot_be_made_by_hand() {
    let server = server().await;
    let mut browser = server.new_browser();
    browser.headers = vec![("x-forwarded-proto", "https".to_owned()), ("x-forwarded-for", "203.0.113.9".to_owned())];
    assert!(sign_in(&mut browser, PASSWORD, "").await.expect(303).header("set-cookie").contains("; Secure"));

    let mut forger = server.new_browser();
    let signed = browser.cookie("upaas").unwrap();
    // The session's id, 22 characters, stands behind its signature.
    let unsigned = signed[signed.len() - 22..].to_owned();
    forger.headers = vec![("cookie", format!("upaas={unsigned}"))];
    forger.get("/").await.expect(303);
}

#[tokio::test]
async fn changing_the_password_revokes_every_other_session() {
    let mut server = server().await;
    let mut other = server.new_browser();
    sign_in(&mut other, PASSWORD, "").await.expect(303);
    let new = "a new and longer one";
    let wrong = [("current_password", "wrong"), ("password", new), ("password_confirmation", new)];
    let page = server.browser.post("/settings/password", &wrong).await.expect(422);
    assert!(page.text("#current_password-error").contains("not your current password"));

    let right = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let location = server.browser.post("/settings/password", &right).await.expect(303).location().to_owned();
    assert!(server.browser.get(&location).await.expect(200).text("#alerts").contains("password is changed"));
    other.get("/").await.expect(303);
    sign_in(&mut other, PASSWORD, "").await.expect(422);
    sign_in(&mut other, new, "").await.expect(303);
}

#[tokio::test]
async fn guessing_is_slowed_but_never_locks_out() {
    let server = server().await;
    let mut guesser = server.new_browser();
    for _ in 0..4 {
        sign_in(&mut guesser, "guess", "").await.expect(422);
    }
    let began = std::time::Instant::now();
    sign_in(&mut server.new_browser(), PASSWORD, "").await.expect(303);
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "the right password waits too, from any peer: {:?}", began.elapsed());
}

#[tokio::test]
async fn the_theme_is_remembered() {
    let mut server = server().await;
    assert_eq!(server.browser.get("/").await.attribute("html", "data-theme").as_deref(), Some("auto"));
    assert_eq!(server.browser.post("/theme", &[("theme", "dark"), ("back", "/settings")]).await.expect(303).location(), "/settings");
    assert_eq!(server.browser.get("/").await.attribute("html", "data-theme").as_deref(), Some("dark"));
    assert_eq!(server.browser.post("/theme", &[("theme", "light"), ("back", "//evil.example")]).await.expect(303).location(), "/");
    server.browser.post("/theme", &[("theme", "pink")]).await.expect(400);
}

#[tokio::test]
async fn hostile_forms_are_refused_in_words() {
    let mut server = server().await;
    let huge = "x".repeat(100_000);
    let reply = server.browser.post("/apps", &[("slug", &huge)]).await;
    assert!(matches!(reply.status.as_u16(), 400 | 413), "{}", reply.status);
    assert!(reply.text("main").contains("Use the browser's back button"), "{}", reply.text("main"));
    assert_eq!(reply.attribute(".button-primary", "href"), None, "a link would lead to an empty form");
    server.browser.headers = vec![("content-type", "application/json".to_owned())];
    let reply = server.browser.send(http::Method::POST, "/theme", None).await.expect(400);
    assert!(reply.body.contains("as a form"), "{}", reply.body);
}

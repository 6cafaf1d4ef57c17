//! Setup: open with the code, once.

use std::os::unix::fs::PermissionsExt;

use super::support::{
    fake::Fake,
    server::{PASSWORD, Server},
};

const GOOD: [(&str, &str); 3] = [("username", "ada"), ("password", PASSWORD), ("password_confirmation", PASSWORD)];

#[tokio::test]
async fn everything_leads_to_setup_until_it_is_done() {
    let mut server = Server::fake(&Fake::default()).await;
    for path in ["/", "/apps/new", "/login", "/settings"] {
        assert_eq!(server.browser.get(path).await.expect(303).location(), "/setup");
    }
    let page = server.browser.get("/setup").await.expect(200);
    let file = server.data().canonicalize().unwrap().join("setup-code");
    assert!(page.body.contains(&file.display().to_string()), "the page says where the code is");
    assert!(!page.body.contains(&server.setup_code()), "the page does not say the code");
    assert_eq!(page.attribute("[autofocus]", "id").as_deref(), Some("setup_code"), "one can type at once");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost() {
    let mut server = Server::fake(&Fake::default()).await;
    let wrong = [("setup_code", "nope"), ("username", "ada"), ("password", "short"), ("password_confirmation", "other")];
    let page = server.browser.post("/setup", &wrong).await.expect(422);
    assert!(page.text("#setup_code-error").contains("not the code"), "{}", page.body);
    assert_eq!(page.attribute("[autofocus]", "id").as_deref(), Some("setup_code"));
    let page = server.browser.post("/setup", &[("setup_code", &server.setup_code()), wrong[1], wrong[2], wrong[3]]).await.expect(422);
    assert_eq!(page.attribute("[autofocus]", "id").as_deref(), Some("password"), "the first field with something wrong");
    assert!(page.text("#password-error").contains("at least 12"));
    assert!(page.text("#password_confirmation-error").contains("not the same"));
    assert_eq!(page.attribute("#username", "value").as_deref(), Some("ada"));
    assert_eq!(page.attribute("#password", "value"), None, "a password is never sent back");
    server.set_up().await;
}

#[tokio::test]
async fn after_setup_it_is_closed_for_ever_and_the_code_is_gone() {
    let mut server = Server::fake(&Fake::default()).await;
    let code = server.setup_code();
    server.set_up().await;
    assert!(!server.data().join("setup-code").exists());
    let mut stranger = server.new_browser();
    assert_eq!(stranger.get("/setup").await.expect(303).location(), "/login");
    let again = [("setup_code", code.as_str()), GOOD[0], GOOD[1], GOOD[2]];
    stranger.post("/setup", &again).await.expect(403);
    server.stop().await;
    server.start_fake(&Fake::default()).await;
    assert!(!server.data().join("setup-code").exists());
    server.browser.get("/").await.expect(200);
}

#[tokio::test]
async fn of_two_racing_setups_one_wins() {
    let server = Server::fake(&Fake::default()).await;
    let code = server.setup_code();
    let race = |name: &'static str| {
        let mut browser = server.new_browser();
        let code = code.clone();
        async move {
            let fields = [("setup_code", code.as_str()), ("username", name), GOOD[1], GOOD[2]];
            (browser.post("/setup", &fields).await.status.as_u16(), browser)
        }
    };
    let ((first, mut one), (second, mut other)) = tokio::join!(race("ada"), race("eve"));
    let mut ends = [first, second];
    ends.sort_unstable();
    assert_eq!(ends, [303, 403]);
    let signed_in = [one.get("/").await.status.as_u16(), other.get("/").await.status.as_u16()];
    assert_eq!(signed_in, if first == 303 { [200, 303] } else { [303, 200] });
}

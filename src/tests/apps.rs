//! Creating apps and what their pages say.

use super::support::{
    fake::Fake,
    server::{REPOSITORY, Server},
};

async fn server() -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    server
}

#[tokio::test]
async fn without_apps_the_page_says_what_one_is() {
    let mut server = server().await;
    let page = server.browser.get("/").await.expect(200);
    assert!(page.text("main").contains("No apps yet."), "{}", page.text("main"));
    assert!(page.attribute("main a[href='/apps/new']", "href").is_some());
}

#[tokio::test]
async fn a_new_app_gets_a_deploy_key_with_a_telling_comment() {
    let mut server = server().await;
    assert_eq!(server.create_shop(&[]).await.expect(303).location(), "/apps/shop");
    let page = server.browser.get("/apps/shop").await.expect(200);
    let key = page.text("#public-key");
    let parts: Vec<&str> = key.split(' ').collect();
    assert_eq!(parts[0], "ssh-ed25519");
    assert!(parts[2].starts_with("upaas_20") && parts[2].ends_with("_shop"), "{key}");
    assert!(page.attribute("[data-copy='#public-key']", "data-copy").is_some());
    assert_eq!(page.text("#app-state .badge"), "Not deployed");
    assert!(server.browser.get("/").await.text("#app-shop").contains("shop"));
}

#[tokio::test]
async fn defaults_are_those_of_most_repositories() {
    let mut server = server().await;
    server.create_shop(&[("dockerfile_path", ""), ("context_path", ""), ("host_address", "")]).await.expect(303);
    let page = server.browser.get("/apps/shop").await;
    let configuration = page.texts(".facts-grid code").join(" ");
    assert_eq!(configuration, format!("{REPOSITORY} main Dockerfile . (the whole repository)"));
}

#[tokio::test]
async fn every_bad_field_says_what_is_wrong_and_keeps_what_was_typed() {
    let mut server = server().await;
    let bad = [
        ("slug", "Shop!"),
        ("repo_url", "file:///etc"),
        ("branch", "--upload-pack=x"),
        ("dockerfile_path", "../Dockerfile"),
        ("context_path", "/etc"),
        ("container_port", "0"),
        ("host_address", "localhost"),
        ("host_port", "70000"),
    ];
    let page = server.create_shop(&bad).await.expect(422);
    for (field, typed) in bad {
        assert!(!page.text(&format!("#{field}-error")).is_empty(), "{field}");
        assert_eq!(page.attribute(&format!("#{field}"), "value").as_deref(), Some(typed), "{field}");
        assert_eq!(page.attribute(&format!("#{field}"), "aria-invalid").as_deref(), Some("true"), "{field}");
    }
    assert!(server.browser.get("/").await.text("main").contains("No apps yet."));
}

#[tokio::test]
async fn a_host_port_without_a_container_port_is_asked_about() {
    let mut server = server().await;
    let page = server.create_shop(&[("host_port", "8081")]).await.expect(422);
    assert!(page.text("#container_port-error").contains("Which port"), "{}", page.body);
    server.create_shop(&[("host_port", "8081"), ("container_port", "80")]).await.expect(303);
}

#[tokio::test]
async fn a_slug_is_taken_once() {
    let mut server = server().await;
    server.create_shop(&[]).await.expect(303);
    let page = server.create_shop(&[]).await.expect(422);
    assert!(page.text("#slug-error").contains("Another app"), "{}", page.body);
    let page = server.create_shop(&[("slug", "new")]).await.expect(422);
    assert!(page.text("#slug-error").contains("reserved"));
}

#[tokio::test]
async fn private_keys_and_webhook_secrets_are_stored_sealed_only() {
    let mut server = server().await;
    server.create_shop(&[]).await.expect(303);
    server.stop().await;
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let needle = b"OPENSSH PRIVATE KEY";
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_public_repository_over_https_needs_no_key() {
    let mut server = server().await;
    server.create_shop(&[("repo_url", "https://git.example.org/dev/shop.git")]).await.expect(303);
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert_eq!(page.text("#public-key"), "");
    let page = server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    assert_eq!(page.location(), "/apps/shop#connection");
    assert!(server.browser.get("/apps/shop").await.text(".check").contains("main is at 0c79164d"));
}

#[tokio::test]
async fn a_host_key_is_confirmed_once_and_only_the_one_that_was_shown() {
    let mut server = server().await;
    server.create_shop(&[]).await.expect(303);
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    let page = server.browser.get("/apps/shop").await;
    assert_eq!(page.attribute("input[name=fingerprint]", "value").as_deref(), Some("SHA256:abc"));
    server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:other")]).await.expect(409);
    server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:abc")]).await.expect(303);
    assert!(server.browser.get("/apps/shop").await.text(".check").contains("main is at"));

    server.browser.headers = vec![("hx-request", "true".to_owned())];
    let fragment = server.browser.post("/apps/shop/connection-test", &[]).await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<section id=\"connection\""), "{}", fragment.body);
}

#[tokio::test]
async fn the_page_says_beforehand_which_switch_an_app_will_get() {
    let mut server = server().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.create_shop(&[("slug", "blog"), ("container_port", "80"), ("host_port", "auto")]).await.expect(303);
    assert!(server.browser.get("/apps/shop").await.text(".panel-note").contains("Replace: host port 8081"));
    assert!(server.browser.get("/apps/blog").await.text(".panel-note").contains("Overlap"));
}

#[tokio::test]
async fn a_changed_configuration_is_used_by_the_next_deployment_only() {
    let mut server = server().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    let form = server.browser.get("/apps/shop/settings").await.expect(200);
    assert_eq!(form.attribute("#port_0_host", "value").as_deref(), Some("8081"));
    assert_eq!(form.attribute("#repo_url", "value").as_deref(), Some(REPOSITORY));

    let branch = [("repo_url", REPOSITORY), ("branch", "release")];
    let location = server.browser.post("/apps/shop/settings/source", &branch).await.expect(303).location().to_owned();
    assert!(server.browser.get(&location).await.text("#source").contains("Saved."));
    server.browser.post("/apps/shop/settings/ports", &[("port_0_container", "80"), ("port_0_host", "8082")]).await.expect(303);
    assert!(server.browser.get("/apps/shop").await.text("#app-state .address").contains(":8081"), "what runs stays as it is");
    server.deploy_to_the_end("shop").await;
    let page = server.browser.get("/apps/shop").await;
    assert!(page.text("#app-state .address").contains(":8082") && page.text("#app-state .branch").contains("release"));

    let bad = [("repo_url", "nowhere"), ("branch", "release")];
    let page = server.browser.post("/apps/shop/settings/source", &bad).await.expect(422);
    assert!(!page.text("#repo_url-error").is_empty());
    assert_eq!(page.attribute("#repo_url", "value").as_deref(), Some("nowhere"));
}

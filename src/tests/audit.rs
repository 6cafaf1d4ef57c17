//! Whoever does something finds it in the audit log: in the table, in the file, in the API and in the counter, and no secret with it.

use std::path::PathBuf;

use serde_json::Value;
use upaas::{db::Db, domain::ids::AppId, web::routes};

use super::support::{
    eventually,
    fake::{Fake, Step, stray_image},
    gitea::{Hook, ZEROS, commit},
    server::{PASSWORD, Server},
    shop::app_row,
};
use upaas::deploy::platform::FailureKind;

/// Every address that takes a POST, and the action that doing it records.
const ACTS: &[(&str, &str)] = &[
    ("/setup", "SETUP"),
    ("/login", "LOGIN"),
    ("/logout", "LOGOUT"),
    ("/auth/token", "TOKEN_CREATE"),
    ("/webhook/{uuid}", "WEBHOOK_RECEIVED"),
    ("/apps", "APP_CREATE"),
    ("/apps/{app}/apply", "DEPLOY"),
    ("/apps/{app}/settings/{section}", "APP_UPDATE"),
    ("/apps/{app}/settings/build-secrets/addition", "APP_UPDATE"),
    ("/apps/{app}/settings/build-secrets/change", "APP_UPDATE"),
    ("/apps/{app}/settings/build-secrets/removal", "APP_UPDATE"),
    ("/apps/{app}/settings/environment/addition", "APP_UPDATE"),
    ("/apps/{app}/settings/environment/change", "APP_UPDATE"),
    ("/apps/{app}/settings/environment/removal", "APP_UPDATE"),
    ("/apps/{app}/settings/environment/import", "APP_UPDATE"),
    ("/apps/{app}/settings/files/addition", "APP_UPDATE"),
    ("/apps/{app}/settings/files/change", "APP_UPDATE"),
    ("/apps/{app}/settings/files/removal", "APP_UPDATE"),
    ("/apps/{app}/networks", "SETTINGS_CHANGE"),
    ("/apps/{app}/host-key", "SETTINGS_CHANGE"),
    ("/apps/{app}/auto-deploy", "APP_UPDATE"),
    ("/apps/{app}/deploy-key/rotation", "KEY_ROTATE"),
    ("/apps/{app}/webhook-secret/rotation", "SECRET_ROTATE"),
    ("/apps/{app}/deployments", "DEPLOY"),
    ("/apps/{app}/deployments/{n}/cancellation", "DEPLOY_CANCEL"),
    ("/apps/{app}/deployments/{n}/pin", "APP_UPDATE"),
    ("/apps/{app}/rollbacks", "ROLLBACK"),
    ("/apps/{app}/stop", "CONTAINER_STOP"),
    ("/apps/{app}/start", "CONTAINER_START"),
    ("/system/builder-cache/pruning", "CLEANUP"),
    ("/system/clean-up", "CLEANUP"),
    ("/system/images/removal", "CLEANUP"),
    ("/apps/{app}/restart", "CONTAINER_RESTART"),
    ("/apps/{app}/deletion", "APP_DELETE"),
    ("/system/orphans/adoption", "APP_UPDATE"),
    ("/system/orphans/removal", "CLEANUP"),
    ("/settings/password", "PASSWORD_CHANGE"),
    ("/settings/registries", "SETTINGS_CHANGE"),
    ("/settings/registries/removal", "SETTINGS_CHANGE"),
    ("/settings/retention", "SETTINGS_CHANGE"),
    ("/settings/retention/run", "RETENTION"),
    ("/settings/tokens", "TOKEN_CREATE"),
    ("/settings/tokens/{id}/revocation", "TOKEN_REVOKE"),
];

/// Those that change nothing an operator would call state.
const NO_ACTS: &[&str] = &[
    "/theme",
    "/apps/{app}/connection-test",
    // It fetches, as each deployment does.
    "/apps/{app}/commits",
    "/apps/{app}/webhook-secret",
    "/apps/{app}/settings/build-secrets/reveal",
    "/apps/{app}/settings/environment/reveal",
    "/apps/{app}/settings/environment/preview",
    "/apps/{app}/settings/files/reveal",
    "/system/integrity-check",
];

/// The lines of the files, in order of their days.
fn lines(server: &Server) -> Vec<Value> {
    let Ok(folder) = std::fs::read_dir(server.data().join("audit")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The newest entry of the API.
async fn entries(server: &mut Server) -> Vec<Value> {
    server.browser.get("/api/audit?limit=500").await.expect(200).json()["entries"].as_array().unwrap().clone()
}

/// Who did what to what and whether it worked, as one line.
fn said(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
    let name = if entry["resource_type"] == "container" { "…".to_owned() } else { text("resource_name") };
    format!("{} {} {}: {} {name}", text("user_name"), text("action"), text("result"), text("resource_type"))
}

#[tokio::test]
async fn every_address_that_takes_a_post_is_known_to_record_or_to_change_nothing() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    let mut unknown = Vec::new();
    for route in routes() {
        let path = route.path.replace("{app}", "none").replace("{n}", "1").replace("{id}", "none").replace("{uuid}", "none");
        let takes_post = server.browser.post(&path, &[]).await.status != 405;
        let known = ACTS.iter().any(|(path, _)| *path == route.path) || NO_ACTS.contains(&route.path);
        if takes_post && !known {
            unknown.push(route.path);
        }
    }
    assert!(unknown.is_empty(), "say in ACTS what is recorded, and do it in the walk below: {unknown:?}");
    let gone: Vec<_> = ACTS.iter().map(|(path, _)| path).filter(|path| routes().iter().all(|route| route.path != **path)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// Does every act once, and what can fail once more so that it does.
pub(crate) async fn do_everything(server: &mut Server, fake: &Fake) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), server.setup_code(), "a wrong password".to_owned()];
    server.browser.post("/setup", &[("setup_code", "wrong"), ("username", "ada")]).await.expect(422);
    server.set_up().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.create_shop(&[]).await.expect(422);
    let hook = Hook::of(server, "shop").await;
    secrets.push(hook.secret.clone());
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    let page = server.browser.get("/apps/shop").await.expect(200);
    let fingerprint = page.attribute("input[name=fingerprint]", "value").unwrap();
    server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:another")]).await.expect(409);
    server.browser.post("/apps/shop/host-key", &[("fingerprint", &fingerprint)]).await.expect(303);
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "paused")]).await.expect(303);
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    server.browser.post("/apps/shop/settings/ports", &[("port_0_container", "80"), ("port_0_host", "8082")]).await.expect(303);

    secrets.extend(set_sealed_values(server).await);
    server.browser.post("/apps/shop/deploy-key/rotation", &[]).await.expect(303);
    server.browser.post("/apps/shop/webhook-secret/rotation", &[]).await.expect(200);
    let hook = Hook::of(server, "shop").await;
    secrets.push(hook.secret.clone());

    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps/shop/networks", &[("new_network", "backend")]).await.expect(303);
    server.browser.post("/apps/shop/networks", &[("new_network", "backend")]).await.expect(422);
    fake.fail(Step::Build, FailureKind::Final);
    let failing = server.deploy("shop").await;
    server.wait_for(&failing, &["Failed"]).await;
    fake.mend(Step::Build);
    fake.hold(Step::Build);
    let held = server.deploy("shop").await;
    server.wait_for(&held, &["Building"]).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(409);
    server.browser.post(&format!("{held}/cancellation"), &[]).await.expect(303);
    fake.release(Step::Build);
    server.wait_for(&held, &["Cancelled"]).await;
    server.browser.post(&format!("{held}/cancellation"), &[]).await.expect(409);
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    server.browser.post("/apps/shop/restart", &[]).await.expect(409);
    server.browser.post("/apps/shop/start", &[]).await.expect(303);
    server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    hook.deliver_signed("push", b"{}".to_vec(), &"0".repeat(64)).await;
    hook.push("main", ZEROS, &commit('d')).await;
    server.wait_for("/apps/shop/deployments/4", &["Success"]).await;
    server.browser.post("/apps/shop/deployments/1/pin", &[("pinned", "yes")]).await.expect(303);
    server.browser.post("/apps/shop/deployments/2/pin", &[("pinned", "yes")]).await.expect(409);
    server.browser.post("/apps/shop/rollbacks", &[("deployment", "2")]).await.expect(409);
    let back = server.browser.post("/apps/shop/rollbacks", &[("deployment", "1")]).await.expect(303).location().to_owned();
    server.wait_for(&back, &["Success"]).await;
    adopt_an_orphan(server, fake).await;
    create_and_delete_a_blog(server, fake).await;
    fake.add_orphan(AppId::new(), false);
    let orphan = eventually("the orphan to be seen", async || {
        let page = server.browser.get("/system").await;
        page.attribute("input[name=container]", "value").ok_or_else(|| page.text("#orphans"))
    })
    .await;
    server.browser.post("/system/orphans/removal", &[("container", &orphan)]).await.expect(303);
    server.browser.post("/system/orphans/removal", &[("container", &orphan)]).await.expect(409);

    fake.add_image(stray_image("sha256:stray"));
    server.browser.post("/system/images/removal", &[("image", "sha256:stray")]).await.expect(303);
    server.browser.post("/system/images/removal", &[("image", "sha256:stray")]).await.expect(409);
    server.browser.post("/system/clean-up", &[]).await.expect(303);
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    fake.fail(Step::Cache, FailureKind::Final);
    server.browser.post("/system/builder-cache/pruning", &[]).await.expect(303);
    fake.mend(Step::Cache);

    let days = [("audit_days", "30"), ("deliveries_days", "20"), ("journals_days", "10")];
    server.browser.post("/settings/retention", &days).await.expect(303);
    server.browser.post("/settings/retention/run", &[]).await.expect(303);
    let page = server
        .browser
        .post("/settings/tokens", &[("token_name", "ci"), ("token_scope", "deploy"), ("token_expiry", "30")])
        .await
        .expect(200);
    secrets.push(page.text("#new-token"));
    let revoke = page.attribute("form[action$=revocation]", "action").unwrap();
    server.browser.post(&revoke, &[]).await.expect(303);
    let mut program = server.new_browser();
    let given =
        program.post_json("/auth/token", &serde_json::json!({ "username": "ada", "password": PASSWORD }).to_string()).await.expect(200);
    secrets.push(given.json()["access_token"].as_str().unwrap().to_owned());
    program
        .post_json("/auth/token", &serde_json::json!({ "username": "ada", "password": "a wrong password" }).to_string())
        .await
        .expect(401);

    let mut stranger = server.new_browser();
    stranger.post("/login", &[("username", "eve"), ("password", "a wrong password")]).await.expect(422);
    stranger.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    stranger.post("/logout", &[]).await.expect(303);
    let new = "another long password";
    secrets.push(new.to_owned());
    let wrong = [("current_password", "a wrong password"), ("password", new), ("password_confirmation", new)];
    server.browser.post("/settings/password", &wrong).await.expect(422);
    let right = [("current_password", PASSWORD), wrong[1], wrong[2]];
    server.browser.post("/settings/password", &right).await.expect(303);
    secrets
}

/// Makes a container of `shop`'s, which the database does not know, its live one.
async fn adopt_an_orphan(server: &mut Server, fake: &Fake) {
    let shop = app_row(server, "shop").await;
    fake.add_orphan(shop.id, true);
    eventually("the orphan to be seen", async || {
        let page = server.browser.get("/system").await.text("#orphans");
        if page.contains("orphan") { Ok(()) } else { Err(page) }
    })
    .await;
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(303);
    server.browser.post("/system/orphans/adoption", &[("container", "orphan")]).await.expect(409);
}

/// Deletes an app to its end.
async fn create_and_delete_a_blog(server: &mut Server, fake: &Fake) {
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    fake.hold(Step::Build);
    let held = server.deploy("blog").await;
    server.wait_for(&held, &["Building"]).await;
    server.browser.post("/apps/blog/deletion", &[("slug", "blog")]).await.expect(409);
    server.browser.post(&format!("{held}/cancellation"), &[]).await.expect(303);
    fake.release(Step::Build);
    server.wait_for(&held, &["Cancelled"]).await;
    server.browser.post("/apps/blog/deletion", &[("slug", "blog")]).await.expect(303);
    eventually("nothing to be left of it", async || {
        let page = server.browser.get("/").await.text("#apps");
        if page.contains("is being deleted") { Err(page) } else { Ok(()) }
    })
    .await;
}

/// Adds, changes and deletes variables, files and build secrets, and sets and removes a login; returns the values.
async fn set_sealed_values(server: &mut Server) -> Vec<String> {
    let section = "/apps/shop/settings";
    let acts = [
        ("environment/addition", [("env_name", "TOKEN"), ("env_value", "a value in a variable")]),
        ("environment/change", [("name", "TOKEN"), ("env_new_value", "another value in a variable")]),
        ("environment/import", [("env_text", "TOKEN='a pasted value'\nMORE=1"), ("env_alone", "yes")]),
        ("environment/removal", [("name", "MORE"), ("", "")]),
        ("files/addition", [("file_path", "/etc/shop.toml"), ("file_content", "a secret in a file")]),
        ("files/change", [("path", "/etc/shop.toml"), ("file_new_content", "another secret in a file")]),
        ("files/removal", [("path", "/etc/shop.toml"), ("", "")]),
        ("build-secrets/addition", [("secret_id", "npm"), ("secret_value", "a secret of the build")]),
        ("build-secrets/change", [("id", "npm"), ("secret_new_value", "another secret of the build")]),
        ("build-secrets/removal", [("id", "npm"), ("", "")]),
    ];
    for (act, fields) in acts {
        server.browser.post(&format!("{section}/{act}"), &fields).await.expect(303);
    }
    server.browser.post(&format!("{section}/environment/addition"), &acts[0].1).await.expect(422);
    let login = [("registry_host", "ghcr.io"), ("registry_username", "ci"), ("registry_password", "a registry password")];
    server.browser.post("/settings/registries", &login).await.expect(303);
    server.browser.post("/settings/registries/removal", &[("host", "ghcr.io")]).await.expect(303);
    let mut secrets: Vec<String> = acts.iter().map(|(_, fields)| fields[1].1.to_owned()).filter(|value| value.contains("a ")).collect();
    secrets.extend(["a pasted value".to_owned(), "a registry password".to_owned()]);
    secrets
}

#[tokio::test]
async fn every_act_is_in_the_table_the_file_the_api_and_the_counter_without_a_secret() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    let secrets = do_everything(&mut server, &fake).await;
    let entries: Vec<Value> = entries(&mut server).await.into_iter().rev().collect();
    let walked: Vec<String> = entries.iter().map(said).collect();
    insta::assert_snapshot!(walked.join("\n"), @r"
    ada SETUP FAILURE: user ada
    ada SETUP SUCCESS: user ada
    ada APP_CREATE SUCCESS: app shop
    ada APP_CREATE FAILURE: app shop
    ada SETTINGS_CHANGE FAILURE: host_key git.example.org:22
    ada SETTINGS_CHANGE SUCCESS: host_key git.example.org:22
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE FAILURE: app shop
    ada SETTINGS_CHANGE SUCCESS: setting registry ghcr.io
    ada SETTINGS_CHANGE SUCCESS: setting registry ghcr.io
    ada KEY_ROTATE SUCCESS: app shop
    ada SECRET_ROTATE SUCCESS: app shop
    ada DEPLOY SUCCESS: deployment shop#1
    ada DEPLOY SUCCESS: deployment shop#1
    ada SETTINGS_CHANGE SUCCESS: app shop
    ada SETTINGS_CHANGE FAILURE: app shop
    ada DEPLOY SUCCESS: deployment shop#2
    ada DEPLOY FAILURE: deployment shop#2
    ada DEPLOY SUCCESS: deployment shop#3
    ada CONTAINER_STOP FAILURE: app shop
    ada DEPLOY_CANCEL SUCCESS: deployment shop#3
    ada DEPLOY SUCCESS: deployment shop#3
    ada DEPLOY_CANCEL FAILURE: deployment shop#3
    ada CONTAINER_STOP SUCCESS: app shop
    ada CONTAINER_RESTART FAILURE: app shop
    ada CONTAINER_START SUCCESS: app shop
    ada CONTAINER_RESTART SUCCESS: app shop
    webhook WEBHOOK_RECEIVED FAILURE: delivery shop
    dev WEBHOOK_RECEIVED SUCCESS: delivery shop
    dev DEPLOY SUCCESS: deployment shop#4
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE FAILURE: app shop
    ada ROLLBACK FAILURE: app shop
    ada ROLLBACK SUCCESS: deployment shop#5
    ada DEPLOY SUCCESS: deployment shop#5
    ada APP_UPDATE SUCCESS: app shop
    ada APP_UPDATE FAILURE: container …
    ada APP_CREATE SUCCESS: app blog
    ada DEPLOY SUCCESS: deployment blog#1
    ada APP_DELETE FAILURE: app blog
    ada DEPLOY_CANCEL SUCCESS: deployment blog#1
    ada DEPLOY SUCCESS: deployment blog#1
    ada APP_DELETE SUCCESS: app blog
    ada CLEANUP SUCCESS: container …
    ada CLEANUP FAILURE: container …
    ada CLEANUP SUCCESS: image stray
    ada CLEANUP FAILURE: image stray
    ada CLEANUP SUCCESS: engine clean-up
    ada CLEANUP SUCCESS: engine builder cache
    ada CLEANUP SUCCESS: engine builder cache
    ada CLEANUP SUCCESS: engine builder cache
    ada CLEANUP FAILURE: engine builder cache
    ada SETTINGS_CHANGE SUCCESS: setting retention
    ada RETENTION SUCCESS: setting retention
    ada TOKEN_CREATE SUCCESS: token ci
    ada TOKEN_REVOKE SUCCESS: token ci
    ada TOKEN_CREATE SUCCESS: token password login
    ada LOGIN FAILURE: user ada
    eve LOGIN FAILURE: user eve
    ada LOGIN SUCCESS: user ada
    ada LOGOUT SUCCESS: user ada
    ada PASSWORD_CHANGE FAILURE: user ada
    ada PASSWORD_CHANGE SUCCESS: user ada
    ");
    for (path, action) in ACTS {
        assert!(entries.iter().any(|entry| entry["action"] == *action && entry["result"] == "SUCCESS"), "{path}: no {action}");
    }
    for entry in &entries {
        let is_an_end = entry["action"] == "DEPLOY" && !entry["detail"].as_str().unwrap().starts_with("queued");
        let by_a_request = entry["user_name"] != "µPaaS" && !is_an_end;
        assert_eq!(entry["address"].is_string(), by_a_request, "{entry}");
        assert!(entry["timestamp"].as_str().unwrap().ends_with('Z'), "{entry}");
    }
    let copied = eventually("the file to have them all", async || {
        let lines = lines(&server);
        if lines.len() == entries.len() { Ok(lines) } else { Err(format!("{} of {}", lines.len(), entries.len())) }
    })
    .await;
    assert_eq!(copied, entries, "the file has what the API has");
    let schema: Value = serde_json::from_str(include_str!("../../ops/audit/audit.schema.json")).unwrap();
    let fields: Vec<&str> = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for line in &copied {
        let object = line.as_object().unwrap();
        assert!(object.len() == fields.len() && fields.iter().all(|field| object.contains_key(*field)), "{line} beside {fields:?}");
    }
    let metrics = server.browser.get("/metrics").await.expect(200).body;
    let rows = Db::open(&server.data().join("upaas.db")).await.unwrap();
    for (_, action) in ACTS {
        let count = entries.iter().filter(|entry| entry["action"] == *action).count();
        assert!(metrics.contains(&format!("upaas_audit_events_total{{action=\"{action}\"}} {count}\n")), "{action} {count}\n{metrics}");
    }
    assert_eq!(upaas::db::audit::last(rows.read()).await.unwrap(), entries.len() as i64);
    rows.close().await;
    let text = serde_json::to_string(&entries).unwrap() + &metrics;
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "a secret is in the audit log");
    }
}

#[tokio::test]
async fn an_entry_that_was_not_copied_before_a_kill_is_copied_after_it_once() {
    let mut server = Server::binary(Some("unix:///nowhere/docker.sock".to_owned())).await;
    // Nothing can be copied into a folder that is a file.
    std::fs::write(server.data().join("audit"), "").unwrap();
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    server.kill();
    std::fs::remove_file(server.data().join("audit")).unwrap();
    server.start_binary().await;
    let copied = |server: &Server| lines(server).iter().map(|line| line["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    eventually("the file to catch up", async || match copied(&server) {
        actions if actions == ["SETUP", "APP_CREATE"] => Ok(()),
        actions => Err(format!("{actions:?}")),
    })
    .await;
    // Killed after the copy and before that is noted: nothing is copied twice.
    server.kill();
    let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
    upaas::db::audit::set_copied(db.write(), 1).await.unwrap();
    db.close().await;
    server.start_binary().await;
    server.browser.post("/logout", &[]).await.expect(303);
    eventually("the next entry to be copied", async || match copied(&server) {
        actions if actions == ["SETUP", "APP_CREATE", "LOGOUT"] => Ok(()),
        actions => Err(format!("{actions:?}")),
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_under_the_files_holds_nothing_up_and_loses_nothing() {
    let mut server = Server::fake(&Fake::default()).await;
    let folder = server.data().join("audit");
    std::fs::create_dir(&folder).unwrap();
    let today = folder.join(format!("{}.jsonl", upaas::domain::moment::Moment::now().date()));
    // A disk that is always full.
    std::os::unix::fs::symlink("/dev/full", &today).unwrap();
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    assert_eq!(entries(&mut server).await.len(), 2, "the acts are done and recorded");
    eventually("the backlog to be told", async || {
        let metrics = server.browser.get("/metrics").await.body;
        if metrics.contains("upaas_audit_copy_backlog 2\n") { Ok(()) } else { Err(metrics) }
    })
    .await;
    std::fs::remove_file(&today).unwrap();
    server.browser.post("/logout", &[]).await.expect(303);
    eventually("the file to catch up", async || {
        let actions: Vec<Value> = lines(&server).iter().map(|line| line["action"].clone()).collect();
        if actions == ["SETUP", "APP_CREATE", "LOGOUT"] { Ok(()) } else { Err(format!("{actions:?}")) }
    })
    .await;
}

//! The settings of what is fetched, built and run: saved by section, shown again as they were saved, and explained.

use std::collections::BTreeSet;

use http::Method;
use scraper::{Html, Selector};
use serde_json::json;

use super::support::{
    browser::Reply,
    eventually,
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    server::{REPOSITORY, Server},
    shop::{FIXED_PORT, with_shop},
};

const PAGE: &str = "/apps/shop/settings";

/// Saves a section; returns the page to which that leads.
async fn save(server: &mut Server, section: &str, fields: &[(&str, &str)]) -> Reply {
    let saved = server.browser.post(&format!("{PAGE}/{section}"), fields).await.expect(303).location().to_owned();
    assert_eq!(saved, format!("{PAGE}?saved={section}#{section}"));
    let page = server.browser.get(&saved).await.expect(200);
    assert!(page.text(&format!("#{section} .form-saved")).contains("Saved."));
    page
}

/// A field, what is typed into it, and how the page shows that afterwards.
type Field = (&'static str, &'static str, &'static str);

/// The fields of each section.
const SAVED: &[(&str, &[Field])] = &[
    (
        "general",
        &[
            ("general_name", "Bücher & Co.", "Bücher & Co."),
            ("general_public_url", "https://shop.example.org/", "https://shop.example.org/"),
        ],
    ),
    ("source", &[("repo_url", REPOSITORY, REPOSITORY), ("branch", "dev", "dev"), ("submodules", "yes", "yes")]),
    (
        "build",
        &[
            ("dockerfile_path", "docker/Dockerfile", "docker/Dockerfile"),
            ("context_path", "app", "app"),
            ("build_target", "runtime", "runtime"),
            ("build_args", "A=1\r\n\r\n  B=x y = z", "A=1\nB=x y = z"),
            ("build_pull", "yes", "yes"),
            ("build_time_limit", "45", "45"),
            ("build_context_limit", "512", "512"),
        ],
    ),
    ("deploys", &[("newer_push_cancels", "yes", "yes")]),
    (
        "resources",
        &[
            ("resources_cpus", "1.50", "1.5"),
            ("resources_memory", "1.5G", "1536m"),
            ("resources_pids", "100", "100"),
            ("resources_shm", "64 MB", "64m"),
        ],
    ),
    (
        "process",
        &[
            ("process_entrypoint", r#"["/bin/sh", "-c"]"#, "/bin/sh -c"),
            ("process_command", "'echo  \"$A\"'", "'echo  \"$A\"'"),
            ("process_user", "1000:1000", "1000:1000"),
            ("process_init", "yes", "yes"),
            ("process_extra_hosts", "db=192.0.2.4\r\nhost:host-gateway", "db:192.0.2.4\nhost:host-gateway"),
            ("process_read_only_root", "yes", "yes"),
            ("process_dropped", "cap_net_raw, SYS_ADMIN", "NET_RAW\nSYS_ADMIN"),
            ("process_stop_signal", "SIGQUIT", "SIGQUIT"),
            ("process_stop_grace", "0", "0"),
        ],
    ),
    ("restart", &[("restart_policy", "on-failure", "on-failure"), ("restart_cap", "3", "3")]),
    (
        "health",
        &[
            ("health_probe", "http", "http"),
            ("health_path", "/healthz?deep=1", "/healthz?deep=1"),
            ("health_port", "", "80"),
            ("health_status", "204", "204"),
            ("health_interval", "5", "5"),
            ("health_timeout", "10", "10"),
            ("health_retries", "2", "2"),
            ("health_start_period", "0", "0"),
        ],
    ),
];

#[tokio::test]
async fn what_is_saved_is_shown_again_and_saving_that_changes_nothing() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    for (section, fields) in SAVED {
        let typed: Vec<(&str, &str)> = fields.iter().map(|(name, typed, _)| (*name, *typed)).collect();
        let page = save(&mut server, section, &typed).await;
        for (name, _, shown) in *fields {
            assert_eq!(page.value(name).as_deref(), Some(*shown), "{name}");
        }
    }
    let config = server.config_of_shop().await;
    let run = &config.run;
    let parts = json!([config.build, config.policy, config.public_url, run.resources, run.process, run.restart, run.health]);
    let parts: Vec<String> = parts.as_array().unwrap().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(parts.join("\n"), @r#"
    {"args":[{"name":"A","value":"1"},{"name":"B","value":"x y = z"}],"context_limit":512,"context_path":"app","dockerfile_path":"docker/Dockerfile","pull":true,"secrets":[],"target":"runtime","time_limit":45}
    {"newer_push_cancels":true,"watch_paths":[]}
    "https://shop.example.org/"
    {"cpus":1500,"memory":1610612736,"pids":100,"shm":67108864}
    {"command":["echo  \"$A\""],"dropped":["NET_RAW","SYS_ADMIN"],"entrypoint":["/bin/sh","-c"],"extra_hosts":[{"address":"192.0.2.4","name":"db"},{"address":null,"name":"host"}],"init":true,"read_only_root":true,"stop_grace":0,"stop_signal":"SIGQUIT","user":"1000:1000"}
    {"cap":3,"policy":"on-failure"}
    {"probe":{"http":{"path":"/healthz?deep=1","port":80,"status":204}},"timing":{"interval":5,"retries":2,"start_period":0,"timeout":10}}
    "#);
    let page = server.browser.get(PAGE).await.expect(200);
    for (section, fields) in SAVED {
        let shown: Vec<(&str, String)> = fields.iter().map(|(name, ..)| (*name, page.value(name).unwrap())).collect();
        let shown: Vec<(&str, &str)> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
        save(&mut server, section, &shown).await;
    }
    assert_eq!(server.config_of_shop().await, config);
    assert_eq!(server.browser.get("/apps/shop").await.expect(200).text("h1"), "Bücher & Co.", "the slug stays in the address");
}

#[tokio::test]
async fn what_is_emptied_is_as_it_was_in_the_beginning() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let beginning = server.config_of_shop().await;
    let page = server.browser.get(PAGE).await.expect(200);
    let defaults: Vec<(&str, Vec<(&str, String)>)> = SAVED
        .iter()
        .map(|(section, fields)| (*section, fields.iter().map(|(name, ..)| (*name, page.value(name).unwrap_or_default())).collect()))
        .collect();
    for (section, fields) in SAVED {
        let typed: Vec<(&str, &str)> = fields.iter().map(|(name, typed, _)| (*name, *typed)).collect();
        save(&mut server, section, &typed).await;
    }
    assert_ne!(server.config_of_shop().await, beginning);
    for (section, fields) in &defaults {
        // A box that is not ticked is not sent.
        let unticked = ["submodules", "build_pull", "newer_push_cancels", "process_init", "process_read_only_root"];
        let typed = fields.iter().filter(|(name, _)| !unticked.contains(name)).map(|(name, value)| (*name, value.as_str()));
        // The others of its form are.
        let unchanged = [("watch_paths", "")].into_iter().filter(|_| *section == "deploys");
        save(&mut server, section, &typed.chain(unchanged).collect::<Vec<_>>()).await;
    }
    assert_eq!(server.config_of_shop().await, beginning);
}

#[tokio::test]
async fn every_section_is_in_the_contents_every_field_is_explained_and_every_id_is_there_once() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let page = server.browser.get(PAGE).await.expect(200);
    assert_eq!(page.texts(".settings-nav a"), page.texts(".settings-section h2"));
    let html = Html::parse_document(&page.body);
    let all = |selector: &str, attribute: &str| -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector).map(|it| it.value().attr(attribute).unwrap().to_owned()).collect()
    };
    let ids = all("[id]", "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for link in all(".settings-nav a", "href") {
        assert!(ids.contains(&link[1..].to_owned()), "{link}");
    }
    let forms = "form[action*='/settings/']";
    let fields = all(&format!("{forms} :is(input:not([type=radio]), textarea, select)"), "id");
    assert!(fields.len() > 30, "{fields:?}");
    // What the fields of a row are for stands once below the rows.
    let of_rows = all(".row-fields :is(input, select)", "id");
    assert!(page.texts(".rows-hints li").iter().all(|hint| hint.ends_with('.')) && !of_rows.is_empty());
    for field in fields.into_iter().filter(|field| !of_rows.contains(field)) {
        let hint = page.text(&format!("#{field}-hint")) + &page.text(&format!("label[for={field}] .choice-hint"));
        assert!(hint.ends_with('.'), "{field}: {hint}");
    }
}

#[tokio::test]
async fn a_public_url_is_where_the_app_answers_at_once_and_until_it_is_taken_away() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let link = async |server: &mut Server, page: &str, place: &str| {
        server.browser.get(page).await.attribute(&format!("{place} a.address"), "href").unwrap_or_default()
    };
    let general = |url| [("general_name", "shop"), ("general_public_url", url)];
    save(&mut server, "general", &general("https://shop.example.org")).await;
    assert_eq!(link(&mut server, "/apps/shop", "#app-state").await, "", "nothing answers there before the first deployment");
    server.deploy_to_the_end("shop").await;
    for (page, place) in [("/apps/shop", "#app-state"), ("/", "#app-shop"), ("/apps/shop/deployments/1", "main")] {
        assert_eq!(link(&mut server, page, place).await, "https://shop.example.org", "{page}");
    }
    save(&mut server, "general", &general("https://other.example.org")).await;
    assert_eq!(link(&mut server, "/apps/shop", "#app-state").await, "https://other.example.org", "without a deployment");
    save(&mut server, "general", &general("")).await;
    assert!(link(&mut server, "/apps/shop", "#app-state").await.contains(":8081"));
}

#[tokio::test]
async fn a_repository_that_the_app_was_not_tested_with_says_what_to_do_in_gitea() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let note = "#source .settings-note";
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    assert_eq!(server.browser.get(PAGE).await.text(note), "");
    let same = [("repo_url", REPOSITORY), ("branch", "main")];
    assert_eq!(save(&mut server, "source", &same).await.text(note), "", "nothing changed");
    let page = save(&mut server, "source", &[("repo_url", "git@git.example.org:dev/other.git"), ("branch", "main")]).await;
    assert!(page.text(note).contains("deploy key") && page.text(note).contains("webhook"), "{}", page.text(note));
    for link in [
        "https://git.example.org/dev/other/settings/keys",
        "https://git.example.org/dev/other/settings/hooks/gitea/new",
        "#keys",
        "/apps/shop#connection",
    ] {
        assert!(page.attribute(&format!("{note} a[href='{link}']"), "href").is_some(), "{link}");
    }
    let page = save(&mut server, "source", &[("repo_url", "https://git.example.org/dev/open.git"), ("branch", "main")]).await;
    assert!(!page.text(note).contains("deploy key"), "{}", page.text(note));
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    assert_eq!(server.browser.get(PAGE).await.text(note), "");
}

#[tokio::test]
async fn auto_deploy_is_paused_and_resumed_from_the_settings_too() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    for (state, now) in [("on", "paused"), ("paused", "on")] {
        let page = server.browser.get(PAGE).await;
        assert!(page.text("#deploys h3").contains(state), "{}", page.text("#deploys"));
        let form = "#deploys form[action$='auto-deploy'] input";
        let (from, wanted) = (
            page.attribute(&format!("{form}[name=from]"), "value").unwrap(),
            page.attribute(&format!("{form}[name=auto_deploy]"), "value").unwrap(),
        );
        assert_eq!(wanted, now);
        let fields = [("from", from.as_str()), ("auto_deploy", wanted.as_str())];
        assert_eq!(server.browser.post("/apps/shop/auto-deploy", &fields).await.expect(303).location(), "/apps/shop/settings#deploys");
    }
    let page = server.browser.get(PAGE).await;
    assert!(page.text("#deploys h3").contains("on"));
}

#[tokio::test]
async fn one_build_can_be_asked_for_without_cache() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let page = server.browser.get(PAGE).await;
    let form = "#build form[action='/apps/shop/deployments']";
    assert_eq!(page.attribute(&format!("{form} input[name=no_cache]"), "value").as_deref(), Some("yes"));
    assert_eq!(page.text(&format!("{form} button")), "Deploy now without cache");
    assert_eq!(page.attribute("#build a[href='/settings#registries']", "href").as_deref(), Some("/settings#registries"));
}

#[tokio::test]
async fn of_a_health_check_only_the_chosen_kind_is_read_and_stored() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let timing = [("health_interval", "7"), ("health_timeout", "9"), ("health_retries", "2"), ("health_start_period", "1")];
    let with = |fields: &[(&'static str, &'static str)]| [fields, &timing].concat();
    let rubbish = [("health_path", "no path"), ("health_port", "no port"), ("health_status", "")];
    let command = [&[("health_probe", "command"), ("health_command", "pg_isready | grep ok")][..], &rubbish].concat();
    let page = save(&mut server, "health", &with(&command)).await;
    assert_eq!(page.value("health_command").as_deref(), Some("pg_isready | grep ok"));
    assert_eq!((page.value("health_path").as_deref(), page.value("health_status").as_deref()), (Some(""), Some("200")), "not stored");

    let http = [("health_probe", "http"), ("health_path", ""), ("health_command", "kept \"as\" typed")];
    let page = server.browser.post(&format!("{PAGE}/health"), &with(&http)).await.expect(422);
    assert_eq!(page.value("health_command").as_deref(), Some("kept \"as\" typed"));
    assert_eq!(page.value("health_interval").as_deref(), Some("7"));
    let page = save(&mut server, "health", &with(&[("health_probe", "http"), ("health_path", "/"), ("health_port", "8080")])).await;
    assert_eq!((page.value("health_command").as_deref(), page.value("health_port").as_deref()), (Some(""), Some("8080")));

    for probe in ["off", "image"] {
        let page = save(&mut server, "health", &[("health_probe", probe), ("health_interval", "no number")]).await;
        assert_eq!((page.value("health_probe").as_deref(), page.value("health_interval").as_deref()), (Some(probe), Some("10")));
    }
    server.browser.post(&format!("{PAGE}/ports"), &[("port_0_container", "")]).await.expect(303);
    let page = server.browser.post(&format!("{PAGE}/health"), &with(&[("health_probe", "http"), ("health_path", "/")])).await.expect(422);
    assert_eq!(page.text("#health_port-error"), "On which port does the app answer?");
}

#[tokio::test]
async fn an_http_check_is_refused_when_containers_cannot_be_asked() {
    let fake = Fake::default();
    fake.move_elsewhere();
    let mut server = with_shop(&fake, &[("container_port", "80")]).await;
    let timing = [("health_interval", "7"), ("health_timeout", "9"), ("health_retries", "2"), ("health_start_period", "1")];
    let http = [&[("health_probe", "http"), ("health_path", "/")][..], &timing].concat();
    let page = server.browser.post(&format!("{PAGE}/health"), &http).await.expect(422);
    assert_eq!(page.text("#health_probe-error"), "The engine is elsewhere. Choose a command.", "in the words of who knows");
    save(&mut server, "health", &[&[("health_probe", "command"), ("health_command", "true")][..], &timing].concat()).await;
}

#[tokio::test]
async fn a_browser_with_scripting_gets_the_section_alone() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    server.browser.headers = vec![("hx-request", "true".to_owned())];
    for (section, fields) in
        [("restart", [("restart_policy", "never"), ("restart_cap", "5")]), ("restart", [("restart_policy", "x"), ("restart_cap", "5")])]
    {
        let reply = server.browser.post(&format!("{PAGE}/{section}"), &fields).await;
        assert_eq!(reply.status, if fields[0].1 == "x" { 422 } else { 200 });
        assert!(reply.body.trim_start().starts_with("<section id=\"restart\""), "{}", reply.body);
        assert_eq!(reply.value("restart_cap").as_deref(), Some("5"));
    }
    let reply = server.browser.post("/apps/shop/deploy-key/rotation", &[]).await.expect(200);
    assert!(reply.body.trim_start().starts_with("<section id=\"keys\"") && reply.text("#keys-public-key").starts_with("ssh-ed25519"));
    let reply = server.browser.post("/apps/shop/webhook-secret/rotation", &[]).await.expect(200);
    assert!(reply.body.trim_start().starts_with("<section id=\"keys\"") && reply.text("#keys-secret").len() >= 16);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_as_a_whole() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    let before = server.config_of_shop().await;
    let body = format!("build_args=A={}", "x".repeat(10 * 1024 * 1024));
    let reply = server.browser.send(Method::POST, &format!("{PAGE}/build"), Some(body)).await;
    assert!(reply.status.is_client_error(), "{}", reply.status);
    assert_eq!(server.config_of_shop().await, before);
}

#[tokio::test]
async fn a_new_deploy_key_takes_the_place_of_the_old_one_whose_test_is_forgotten() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    let old = server.browser.get("/apps/shop").await.text("#public-key");
    let sealed = count_of_secrets(&server).await;
    let location = server.browser.post("/apps/shop/deploy-key/rotation", &[]).await.expect(303).location().to_owned();
    let page = server.browser.get(&location).await.expect(200);
    let new = page.text("#keys-public-key");
    assert!(new.starts_with("ssh-ed25519 ") && new != old, "{new}");
    assert!(page.text("#keys [role=status]").contains("Add it in Gitea"));
    let page = server.browser.get("/apps/shop").await;
    assert_eq!(page.text("#public-key"), new);
    assert!(page.text("#connection").contains("Not tested yet"));
    assert_eq!(count_of_secrets(&server).await, sealed, "the old one is gone");
    server.deploy_to_the_end("shop").await;
}

#[tokio::test]
async fn a_test_of_the_old_key_that_ends_after_the_rotation_says_nothing_of_the_new_one() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    server.browser.post("/apps/shop/host-key", &[("fingerprint", "SHA256:abc")]).await.expect(303);
    let looks = |fake: &Fake| fake.acts().iter().filter(|act| *act == "look").count();
    let before = looks(&fake);
    fake.hold(Step::Fetch);
    let mut other = server.browser.clone();
    let testing = tokio::spawn(async move { other.post("/apps/shop/connection-test", &[]).await.expect(303) });
    eventually("the test to look", async || if looks(&fake) > before { Ok(()) } else { Err(format!("{:?}", fake.acts())) }).await;
    server.browser.post("/apps/shop/deploy-key/rotation", &[]).await.expect(303);
    fake.release(Step::Fetch);
    testing.await.unwrap();
    assert!(server.browser.get("/apps/shop").await.text("#connection").contains("Not tested yet"));
}

#[tokio::test]
async fn after_a_rotation_only_the_new_webhook_secret_signs() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let old = Hook::of(&mut server, "shop").await;
    let sealed = count_of_secrets(&server).await;
    let page = server.browser.post("/apps/shop/webhook-secret/rotation", &[]).await.expect(200);
    let secret = page.text("#keys-secret");
    assert!(secret.len() >= 16 && secret != old.secret);
    assert!(!server.browser.get(PAGE).await.body.contains(&secret), "it is shown this once");
    assert_eq!(old.push("main", ZEROS, &commit('a')).await.status, 401);
    let new = Hook::of(&mut server, "shop").await;
    assert_eq!((new.url.as_str(), new.secret.as_str()), (old.url.as_str(), secret.as_str()), "the URL stays");
    assert_eq!(new.push("main", ZEROS, &commit('a')).await.status, 202);
    assert_eq!(count_of_secrets(&server).await, sealed, "the old one is gone");
    server.wait_for("/apps/shop/deployments/1", &["Success"]).await;
}

#[tokio::test]
async fn keys_of_an_app_that_is_not_there_are_not_rotated() {
    let mut server = with_shop(&Fake::default(), FIXED_PORT).await;
    for path in ["/apps/none/deploy-key/rotation", "/apps/none/webhook-secret/rotation"] {
        server.browser.post(path, &[]).await.expect(404);
    }
    server.create_shop(&[("slug", "open"), ("repo_url", "https://git.example.org/dev/open.git")]).await.expect(303);
    let page = server.browser.get("/apps/open/settings").await;
    assert!(page.text("#keys").contains("no deploy key is used"), "{}", page.text("#keys"));
}

async fn count_of_secrets(server: &Server) -> i64 {
    let db = server.db().await;
    let count = sqlx::query_scalar("SELECT count(*) FROM secret_versions").fetch_one(db.read()).await.unwrap();
    db.close().await;
    count
}

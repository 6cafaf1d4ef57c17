//! Restart, drift, adoption and deletion, on a real engine.

use std::{collections::HashMap, process::Command};

use bollard::{
    models::{
        ContainerCreateBody, ContainerUpdateBody, NetworkConnectRequest, NetworkDisconnectRequest, RestartPolicy, RestartPolicyNameEnum,
    },
    query_parameters::{CreateContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions},
};
use sqlx::{Connection, SqliteConnection};
use upaas::domain::app_config::{config_file::ConfigFile, env::EnvVar, volume::Volume};

use super::world::World;
use crate::support::{
    daemon::Daemon,
    engine::{self, Leftovers},
    eventually,
    fake::Fake,
    shop::{app_row, with_shop},
};

impl World {
    async fn only_container(&self) -> String {
        let [container] = &self.left.containers().await[..] else { panic!("there is one") };
        container.id.clone().unwrap()
    }

    /// Behind the back of µPaaS, which does not run.
    async fn forget(&self, statements: &[&str]) {
        let file = format!("sqlite://{}", self.server.data().join("upaas.db").display());
        let mut connection = SqliteConnection::connect(&file).await.unwrap();
        for statement in statements {
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    async fn shows_drift(&mut self, expected: &str) {
        let browser = &mut self.server.browser;
        eventually(expected, async || {
            let said = browser.get("/apps/shop").await.text("#drift");
            let as_expected = if expected.is_empty() { said.is_empty() } else { said.contains(expected) };
            if as_expected { Ok(()) } else { Err(said) }
        })
        .await;
    }

    /// The orphan is listed with this to do about it.
    async fn offers(&mut self, act: &str) {
        let browser = &mut self.server.browser;
        eventually(act, async || {
            let listed = browser.get("/system").await.text("#orphans");
            if listed.contains(act) { Ok(()) } else { Err(listed) }
        })
        .await;
    }

    async fn is_deleted(&mut self) {
        let browser = &mut self.server.browser;
        eventually("nothing to be left of the app", async || {
            let said = browser.get("/").await.text("#apps");
            if said.contains("shop") { Err(said) } else { Ok(()) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_of_the_same_container_which_is_kept_running_as_before() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let container = world.only_container().await;
    let before = engine::inspect(&container).await;
    world.server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    let after = engine::inspect(&world.only_container().await).await;
    assert_eq!(after.id, before.id);
    assert_ne!(after.state.unwrap().started_at, before.state.unwrap().started_at);
    assert_eq!(after.host_config.unwrap().restart_policy.unwrap().name, Some(RestartPolicyNameEnum::UNLESS_STOPPED));
    assert_eq!(world.answer().await, "first");
    engine::client().pause_container(&container).await.unwrap();
    world.server.wait_for_app("shop", "Paused").await;
    world.server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    world.server.wait_for_app("shop", "Running").await;
    assert_eq!(world.answer().await, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_behind_our_back_is_shown_and_made_anew() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    world.server.wait_for_app("shop", "Running").await;
    world.shows_drift("").await;
    let (docker, container) = (engine::client(), world.only_container().await);
    let network = format!("upaas-test-{}", app_row(&world.server, "shop").await.id);
    world.left.make_network(&network).await;
    let name = format!("{network}-renamed");
    docker.rename_container(&container, RenameContainerOptionsBuilder::new().name(&name).build()).await.unwrap();
    world.shows_drift(&format!("Name upaas-shop-1 {name}")).await;
    let joined = NetworkConnectRequest { container: container.clone(), ..NetworkConnectRequest::default() };
    docker.connect_network(&network, joined).await.unwrap();
    world.shows_drift(&format!("Networks bridge bridge, {network}")).await;
    let update = ContainerUpdateBody {
        memory: Some(64 << 20),
        memory_swap: Some(64 << 20),
        nano_cpus: Some(500_000_000),
        pids_limit: Some(50),
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        ..ContainerUpdateBody::default()
    };
    docker.update_container(&container, update).await.unwrap();
    for expected in ["Memory no limit 64m", "CPUs no limit 0.5", "Processes no limit 50", "Restart always never"] {
        world.shows_drift(expected).await;
    }
    let left = NetworkDisconnectRequest { container: container.clone(), force: None };
    docker.disconnect_network(&network, left).await.unwrap();
    let browser = &mut world.server.browser;
    eventually("the network not to be told any more", async || {
        let said = browser.get("/apps/shop").await.text("#drift");
        if said.contains("Networks") { Err(said) } else { Ok(()) }
    })
    .await;
    let path = browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    world.server.wait_for(&path, &["Success"]).await;
    world.only_this_serves("first").await;
    world.shows_drift("").await;
    assert_ne!(world.only_container().await, container);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_the_database_has_forgotten_is_adopted_and_serves_on() {
    let mut world = World::with_shop(None).await;
    let env = vec![EnvVar { name: "GREETING".parse().unwrap(), value: world.server.seal("hello").await }];
    world.server.configure("shop", |config| config.run.env = env).await;
    let commit = world.deploy("Success").await.text(".page-meta .commit code");
    let (container, id) = (world.only_container().await, app_row(&world.server, "shop").await.id);
    let rows = ["UPDATE apps SET live_deployment_id = NULL, last_number = 0;", "DELETE FROM deployments;", "DELETE FROM config_snapshots;"];
    world.server.stop().await;
    world.forget(&rows).await;
    world.server.start_real().await;
    world.offers("Adopt…").await;
    let browser = &mut world.server.browser;
    browser.post("/system/orphans/adoption", &[("container", &container)]).await.expect(303);
    let page = browser.get("/apps/shop/deployments/1").await.expect(200);
    assert!(page.text(".page-meta").contains(&commit), "the commit is known: {}", page.text(".page-meta"));
    world.only_this_serves("first").await;
    world.shows_drift("").await;

    world.server.stop().await;
    world.forget(&[&rows[..], &["DELETE FROM app_secrets;", "DELETE FROM connection_checks;", "DELETE FROM apps;"]].concat()).await;
    world.server.start_real().await;
    world.offers("Create its app…").await;
    let browser = &mut world.server.browser;
    let page = browser.get(&format!("/apps/new?adopt={container}")).await.expect(200);
    assert_eq!(page.attribute("#slug", "value").as_deref(), Some("shop"));
    let port = world.port.to_string();
    let fields = [("adopt", &*container), ("repo_url", &*world.repository.url), ("container_port", "80"), ("host_port", &*port)];
    world.server.create_shop(&fields).await.expect(303);
    assert_eq!(app_row(&world.server, "shop").await.id, id);
    assert_eq!(world.only_container().await, container);
    world.only_this_serves("first").await;
    world.forge.forget_keys();
    world.connect("shop").await;
    world.repository.push("main", &[("index.html", "second")]);
    world.deploy("Success").await;
    world.only_this_serves("second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_app_leaves_nothing_to_the_next_one_of_its_name() {
    let mut world = World::with_shop(None).await;
    let content = world.server.seal("a = 1").await;
    let value = world.server.seal("a value").await;
    let volume = Volume { source: "./data".parse().unwrap(), path: "/data".parse().unwrap(), read_only: false, confirmed: false };
    let change = |config: &mut upaas::domain::app_config::AppConfig| {
        config.run.volumes = vec![volume.clone()];
        config.run.files = vec![ConfigFile { path: "/etc/shop.toml".parse().unwrap(), content }];
        config.run.env = vec![EnvVar { name: "TOKEN".parse().unwrap(), value }];
    };
    world.server.configure("shop", change).await;
    world.connect_webhook().await;
    world.deploy("Success").await;
    let other = uuid::Uuid::new_v4().to_string();
    let others = Leftovers::of(&other);
    let first = engine::inspect(&world.only_container().await).await.image.unwrap();
    let path = world.push_page("second");
    world.server.wait_for(&path, &["Success"]).await;
    world.only_this_serves("second").await;
    let old = app_row(&world.server, "shop").await;
    // Somebody else's, with a name like ours, and from an image of ours.
    let labels = HashMap::from([("upaas.instance".to_owned(), other), ("upaas.app".to_owned(), old.id.to_string())]);
    let foreign = ContainerCreateBody { image: Some(first.clone()), labels: Some(labels), ..ContainerCreateBody::default() };
    let name = format!("upaas-shop-1x-{}", old.id);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    engine::client().create_container(Some(options), foreign).await.unwrap();
    let folder = world.server.data().join("volumes").join(old.id.to_string()).join("data");
    assert!(folder.is_dir());

    world.server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    world.is_deleted().await;
    assert!(world.left.containers().await.is_empty());
    assert_eq!(world.left.images().await, [first], "what somebody else uses stays");
    assert_eq!(others.containers().await.len(), 1);
    assert!(folder.is_dir(), "it was not to go");
    for part in [format!("repos/{}.git", old.id), format!("logs/{}", old.id), format!("files/{}", old.id)] {
        assert!(!world.server.data().join(&part).exists(), "{part}");
    }

    let port = world.port.to_string();
    world.server.create_shop(&[("repo_url", &world.repository.url), ("container_port", "80"), ("host_port", &port)]).await.expect(303);
    let new = app_row(&world.server, "shop").await;
    assert!(new.id != old.id && new.webhook != old.webhook && new.deploy_key_public != old.deploy_key_public);
    assert!(new.config.secrets().is_empty(), "no value of the old one");
    world.forge.forget_keys();
    world.connect("shop").await;
    world.server.configure("shop", |config| config.run.volumes = vec![volume]).await;
    world.deploy("Success").await;
    world.server.browser.get("/apps/shop/deployments/1").await.expect(200);
    world.server.browser.get("/apps/shop/deployments/2").await.expect(404);
    let folder = world.server.data().join("volumes").join(new.id.to_string());
    assert!(folder.is_dir());
    world.server.browser.post("/apps/shop/deletion", &[("slug", "shop"), ("volumes", "yes")]).await.expect(303);
    world.is_deleted().await;
    assert!(!folder.exists(), "it was to go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_cut_short_goes_on_when_the_engine_and_upaas_are_back() {
    let mut daemon = Daemon::start().await;
    let mut world = World::serving_binary(None, Some(daemon.address())).await;
    daemon.kill().await;
    world.server.wait_for_the_banner().await;
    world.server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    world.server.kill_and_start_again().await;
    world.server.wait_for_the_banner().await;
    let said = world.server.browser.get("/").await.text("#apps");
    assert!(said.contains("shop is being deleted") && said.contains("It waits for the engine"), "{said}");
    daemon.start_again().await;
    world.is_deleted().await;
    let all = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).build();
    assert!(daemon.client().list_containers(Some(all)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_made_by_hand_from_our_image_runs_on_whatever_becomes_of_the_app() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let image = engine::inspect(&world.only_container().await).await.image.unwrap();
    // As with `docker run`: it has the image's labels, and no others.
    let by_hand = ContainerCreateBody { image: Some(image.clone()), ..ContainerCreateBody::default() };
    let docker = engine::client();
    let name = format!("by-hand-{}", app_row(&world.server, "shop").await.id);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let container = docker.create_container(Some(options), by_hand).await.unwrap().id;
    docker.start_container(&container, None::<StartContainerOptions>).await.unwrap();
    let started = engine::inspect(&container).await;
    assert!(started.config.unwrap().labels.unwrap().contains_key("upaas.app"), "it looks like ours");
    let started = started.state.unwrap().started_at;

    world.server.stop().await;
    world.server.start_real().await;
    world.server.wait_for_app("shop", "Running").await;
    world.repository.push("main", &[("index.html", "second")]);
    world.deploy("Success").await;
    assert_eq!(world.answers_with("second").await, "second");
    let orphans = world.server.browser.get("/system").await.text("#orphans");
    assert!(orphans.starts_with("Orphans None."), "{orphans}");
    world.server.browser.post("/apps/shop/deletion", &[("slug", "shop")]).await.expect(303);
    world.is_deleted().await;
    assert_eq!(world.only_container().await, container, "what was ours is gone");
    let state = engine::inspect(&container).await.state.unwrap();
    assert_eq!((state.running, state.started_at), (Some(true), started));
    assert_eq!(world.left.images().await, [image], "what it is made of stays");
    let said = world.server.browser.get("/audit").await.text("main");
    assert!(said.contains("1 image stays"), "{said}");
}

/// A file system mounted for as long as this lives.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn at(folder: &std::path::Path, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        assert!(Command::new("mount").args(arguments).arg(folder).status().unwrap().success(), "only root may mount");
        Self(folder.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mounted_below_the_folder_of_volumes_is_not_emptied() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let id = app_row(&server, "shop").await.id;
    let (volumes, elsewhere) = (server.data().join("volumes").join(id.to_string()), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(volumes.join("data")).unwrap();
    std::fs::write(elsewhere.path().join("file"), "somebody's").unwrap();
    let tmpfs = Mounted::at(&volumes.join("data/tmpfs"), &["-t", "tmpfs", "tmpfs"]);
    // Of the same device as the folder.
    let bind = Mounted::at(&volumes.join("bind"), &["--bind", elsewhere.path().to_str().unwrap()]);
    for file in [volumes.join("own"), tmpfs.0.join("file")] {
        std::fs::write(file, "text").unwrap();
    }
    server.browser.post("/apps/shop/deletion", &[("slug", "shop"), ("volumes", "yes")]).await.expect(303);
    let browser = &mut server.browser;
    eventually("the app to be gone", async || {
        let said = browser.get("/").await.text("#apps");
        if said.contains("shop") { Err(said) } else { Ok(()) }
    })
    .await;
    assert!(!volumes.join("own").exists(), "what is the app's goes");
    assert!(tmpfs.0.join("file").exists() && bind.0.join("file").exists() && elsewhere.path().join("file").exists());
    let said = server.browser.get("/audit").await.text("main");
    assert!(said.contains("something is mounted there, which was not touched"), "{said}");
    server.create_shop(&[]).await.expect(303);
}

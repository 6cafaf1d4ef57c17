//! A hundred deployments on a real engine: what they leave is bounded, and what is not ours is as it was.

use std::{collections::HashMap, process::Command, time::Duration};

use bollard::{
    body_full,
    models::ContainerCreateBody,
    query_parameters::{
        BuildImageOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions, InspectNetworkOptions, RemoveImageOptionsBuilder,
        TagImageOptionsBuilder,
    },
};
use futures_util::StreamExt;
use upaas::{
    deploy::{Limits, platform::Source},
    domain::moment::Moment,
};

use super::{sources::Sources, world::World};
use crate::support::{
    engine::{Leftovers, client, dockerfile},
    eventually,
    workshop::Workshop,
};

const APPS: [&str; 3] = ["shop", "blog", "mail"];
const ROUNDS: usize = 34;
/// Kept of each app.
const KEPT: usize = 5;
/// What each version has of its own, in bytes.
const PAGE_BYTES: usize = 200_000;

/// Things at the engine that are somebody else's, though their names are like ours.
struct Foreign {
    instance: String,
    name: String,
    image: String,
    left: Leftovers,
}

impl Foreign {
    async fn make(workshop: &Workshop) -> Self {
        let instance = uuid::Uuid::new_v4().to_string();
        let left = Leftovers::of(&instance);
        let name = format!("upaas-shop-1-mine-{}", &instance[..8]);
        let content = format!("FROM scratch\nCOPY busybox /busybox\nENV WHOSE={instance}");
        let image = workshop.build(workshop.request(&content)).await.image().to_owned();
        tag(&image, "upaas/shop", &name).await;
        left.make_network(&name).await;
        left.make_volume(&name, &[]).await;
        let foreign = Self { instance, name, image, left };
        foreign.make_container(&foreign.name, &foreign.image).await;
        foreign
    }

    async fn make_container(&self, name: &str, image: &str) {
        let labels = HashMap::from([("upaas.instance".to_owned(), self.instance.clone())]);
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(vec!["/busybox".to_owned()]),
            labels: Some(labels),
            ..ContainerCreateBody::default()
        };
        client().create_container(Some(CreateContainerOptionsBuilder::new().name(name).build()), body).await.unwrap();
    }

    /// All that the engine says of them.
    async fn seen(&self) -> serde_json::Value {
        let docker = client();
        let image = docker.inspect_image(&format!("upaas/shop:{}", self.name)).await.unwrap();
        let container = docker.inspect_container(&self.name, None::<InspectContainerOptions>).await.unwrap();
        let network = docker.inspect_network(&self.name, None::<InspectNetworkOptions>).await.unwrap();
        let volumes = self.left.volumes().await;
        serde_json::json!([image, container, network, volumes])
    }
}

async fn tag(image: &str, repository: &str, tag: &str) {
    client().tag_image(image, Some(TagImageOptionsBuilder::new().repo(repository).tag(tag).build())).await.unwrap();
}

/// The image of a deployment of `shop`, as its row says.
async fn image_of(world: &World, number: i64) -> String {
    let db = world.server.db().await;
    let query = sqlx::query_scalar("SELECT image FROM deployments d JOIN apps a ON a.id = d.app_id WHERE a.slug = 'shop' AND d.number = ?");
    let image = query.bind(number).fetch_one(db.read()).await.unwrap();
    db.close().await;
    image
}

async fn pin(world: &World, number: i64) {
    let db = world.server.db().await;
    let query = sqlx::query("UPDATE deployments SET pinned_at = ? WHERE number = ? AND app_id = (SELECT id FROM apps WHERE slug = 'shop')");
    query.bind(Moment::now()).bind(number).execute(db.write()).await.unwrap();
    db.close().await;
}

/// Pushes another version and deploys it for all apps at once.
async fn round(world: &mut World, number: usize) {
    let own = uuid::Uuid::new_v4().simple().to_string();
    world.repository.push("main", &[("page", &own.repeat(PAGE_BYTES / own.len()))]);
    let mut paths = Vec::new();
    for app in APPS {
        paths.push(world.server.deploy(app).await);
    }
    for path in paths {
        let page = world.server.wait_for(&path, &["Success", "Failed"]).await;
        assert_eq!(page.text(".summary .badge"), "Success", "round {number}: {}", page.text("#journal"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deployments_leave_what_is_kept_and_nothing_foreign_is_touched() {
    let workshop = Workshop::open().await;
    let foreign = Foreign::make(&workshop).await;
    let before = foreign.seen().await;
    let limits = Limits { settle: Duration::from_millis(50), drain: Duration::ZERO, ..Limits::default() };
    let mut world = World::with_shop_and(Some(""), limits).await;
    let runs = "COPY page /page\nSTOPSIGNAL SIGKILL\nCMD [\"sleep\", \"1000\"]";
    world.repository.push("main", &[("Dockerfile", &dockerfile(runs))]);
    for app in &APPS[1..] {
        let url = world.repository.url.clone();
        world.server.create_shop(&[("slug", app), ("repo_url", &url)]).await.expect(303);
        world.connect(app).await;
    }
    let mut spared = 0;
    for number in 1..=ROUNDS {
        round(&mut world, number).await;
        match number {
            1 | 2 => pin(&world, number as i64).await,
            // Somebody else has a name for it; somebody else has a container of it.
            3 => tag(&image_of(&world, 3).await, "mine/shop", &foreign.name).await,
            4 => foreign.make_container(&format!("{}-2", foreign.name), &image_of(&world, 4).await).await,
            _ => {}
        }
        spared = 4.min(number);
        let images = world.left.images().await.len();
        assert!(images <= APPS.len() * (KEPT + 1) + spared, "round {number}: {images} images");
    }
    eventually("nothing to be left but what is kept or used", async || {
        let images = world.left.images().await.len();
        if images == APPS.len() * KEPT + spared { Ok(()) } else { Err(images.to_string()) }
    })
    .await;
    let db = world.server.db().await;
    let count =
        async |table: &str| -> i64 { sqlx::query_scalar(&format!("SELECT count(*) FROM {table}")).fetch_one(db.read()).await.unwrap() };
    assert_eq!(count("deployments").await, (APPS.len() * ROUNDS) as i64);
    // They go after the images.
    for (table, kept) in [("config_snapshots", APPS.len() * KEPT + 2), ("secret_versions", APPS.len() * 2)] {
        eventually(&format!("{kept} of {table} to be left"), async || {
            let left = count(table).await;
            if left == kept as i64 { Ok(()) } else { Err(left.to_string()) }
        })
        .await;
    }
    db.close().await;
    assert_eq!(foreign.seen().await, before);
    let pinned = [image_of(&world, 1).await, image_of(&world, 2).await];
    let there = world.left.images().await;
    assert!(pinned.iter().all(|image| there.contains(image)), "pinned ones stay");
    assert!(there.contains(&image_of(&world, 3).await), "what somebody else has named stays");
    assert!(there.contains(&image_of(&world, 4).await), "what somebody else uses stays");
    let named = client().inspect_image(&image_of(&world, 3).await).await.unwrap().repo_tags.unwrap();
    assert_eq!(named, [format!("mine/shop:{}", foreign.name)], "our own name for it is gone");
    let panel = world.server.browser.get("/system").await.text("#clean-up");
    assert!(!panel.contains(&foreign.image[7..19]), "what is not ours is not even listed: {panel}");
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    let _ = client().remove_image(&format!("upaas/shop:{}", foreign.name), Some(force), None).await;
}

/// As a person with `docker build`, who gives it no name.
async fn build_on(image: &str) {
    let dockerfile = format!("FROM {image}\nENV WHOSE=mine\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    let mut context = tar::Builder::new(Vec::new());
    context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    let (docker, context) = (client(), context.into_inner().unwrap().into());
    let said: Vec<_> = docker.build_image(BuildImageOptionsBuilder::new().build(), None, Some(body_full(context))).collect().await;
    assert!(said.iter().all(Result::is_ok), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_builds_on_an_image_of_ours_stays_though_it_has_our_labels() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let ours = image_of(&world, 1).await;
    build_on(&ours).await;
    let there = world.left.images().await;
    let theirs = there.iter().find(|image| **image != ours).expect("it has our labels");
    world.server.browser.post("/system/clean-up", &[]).await.expect(303);
    let said = eventually("the clean-up to be over", async || {
        let said = world.server.browser.get("/system").await.text("#clean-up");
        if said.contains("nothing was there to go") && said.contains(&theirs[7..19]) { Ok(said) } else { Err(said) }
    })
    .await;
    assert!(said.contains("the database does not know it"), "{said}");
    assert_eq!(world.left.images().await.len(), 2);
}

/// How many objects lie about in a mirror, as git counts them.
fn loose_objects(mirror: &std::path::Path) -> String {
    let counted = Command::new("git").arg("--git-dir").arg(mirror).arg("count-objects").output().unwrap();
    String::from_utf8(counted.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_tidied_up_and_serves_as_before() {
    let sources = Sources::of_shop().await;
    let files: Vec<(String, String)> = (0..3000).map(|number| (format!("files/{number}"), format!("content {number}"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let first = sources.shop.push("main", &files);
    sources.fetch().await;
    let mirror = sources.mirror();
    for pack in std::fs::read_dir(mirror.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path()) {
        if pack.extension().is_some_and(|ending| ending == "pack") {
            let aside = mirror.join("aside.pack");
            std::fs::rename(&pack, &aside).unwrap();
            let input = std::fs::File::open(&aside).unwrap();
            let unpacked = Command::new("git").arg("--git-dir").arg(&mirror).args(["unpack-objects", "-q"]).stdin(input).status().unwrap();
            assert!(unpacked.success());
        }
    }
    assert_ne!(loose_objects(&mirror), "0");
    assert!(sources.host.compact(sources.origin.app).await.unwrap());
    assert_eq!(loose_objects(&mirror), "0");
    let second = sources.shop.push("main", &[("more", "1")]);
    assert_eq!(sources.fetch().await.to_string(), second);
    assert_eq!(sources.changed(&first, &second).await, Some(vec!["more".to_owned()]));
}

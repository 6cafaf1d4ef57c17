//! The way back, on a real engine, with the git server gone.

use std::collections::HashMap;

use crate::support::engine::{client, inspect, run_in};

use super::world::World;

const FILE: &str = "/etc/shop.conf";
const DEPLOYMENTS: i64 = 10;

/// What runs, as the engine shows it.
#[derive(Debug, PartialEq, Eq)]
struct Running {
    image: String,
    token: String,
    commit: String,
    file: String,
}

impl World {
    /// Sets the variable `TOKEN` and the text file, for the first time or anew.
    async fn set_values(&mut self, is_new: bool, value: &str) {
        let (act, variable, file) = match is_new {
            true => ("addition", [("env_name", "TOKEN"), ("env_value", value)], [("file_path", FILE), ("file_content", value)]),
            false => ("change", [("name", "TOKEN"), ("env_new_value", value)], [("path", FILE), ("file_new_content", value)]),
        };
        let browser = &mut self.server.browser;
        browser.post(&format!("/apps/shop/settings/environment/{act}"), &variable).await.expect(303);
        browser.post(&format!("/apps/shop/settings/files/{act}"), &file).await.expect(303);
    }

    /// Ten deployments, of a push each, each with a page and values of its own; returns what ran.
    async fn ten_deployments(&mut self) -> HashMap<i64, Running> {
        self.connect_webhook().await;
        let mut ran = HashMap::new();
        for number in 1..=DEPLOYMENTS {
            self.set_values(number == 1, &format!("value {number}")).await;
            let path = self.push_page(&format!("page {number}"));
            self.server.wait_for(&path, &["Success"]).await;
            ran.insert(number, self.running(&format!("page {number}")).await);
        }
        ran
    }

    /// The one container that is left, once it answers with this text.
    async fn running(&self, page: &str) -> Running {
        self.only_this_serves(page).await;
        let id = self.left.containers().await.remove(0).id.unwrap();
        let seen = inspect(&id).await;
        let env = seen.config.unwrap().env.unwrap();
        let variable = |name: &str| env.iter().find_map(|it| it.strip_prefix(&format!("{name}="))).unwrap().to_owned();
        let (file, _) = run_in(&id, &["cat", FILE]).await;
        Running { image: seen.image.unwrap(), token: variable("TOKEN"), commit: variable("UPAAS_COMMIT"), file }
    }

    async fn roll_back(&mut self, to: i64, values: &str) {
        let fields = [("deployment", to.to_string()), ("values", values.to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let path = self.server.browser.post("/apps/shop/rollbacks", &fields).await.expect(303).location().to_owned();
        let page = self.server.wait_for(&path, &["Success", "Failed"]).await;
        assert_eq!(page.text(".summary .badge"), "Success", "{}", page.text("main"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_versions_back_without_the_git_server_and_the_next_push_waits_to_be_resumed() {
    let mut world = World::with_shop(None).await;
    let mut ran = world.ten_deployments().await;
    world.forge.down();
    let shown = world.server.browser.get("/apps/shop/deployments/6/rollback").await.expect(200);
    assert_eq!(shown.texts(".commit-diff h3"), ["Go away: 4 commits"], "{}", shown.text("main"));
    assert_eq!(shown.texts(".diff tbody th"), ["Variable TOKEN", "File /etc/shop.conf"]);
    assert!(shown.text("#rollback").contains("Replace: host port") && !shown.body.contains("value 6"), "{}", shown.text("#rollback"));

    world.roll_back(6, "kept").await;
    assert_eq!(world.running("page 6").await, ran.remove(&6).unwrap(), "image and configuration are those of then");

    world.repository.push("main", &[("index.html", "page 11")]);
    let ignored = world.repository.deliveries().pop().unwrap();
    let answer = ignored["answer"].as_str().unwrap();
    assert!(answer.starts_with("ignored: auto-deploy is paused (by the rollback to #6 by ada)."), "{ignored}");
    assert_eq!(world.answer().await, "page 6");

    world.forge.up().await;
    world.server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    assert_eq!(world.answer().await, "page 6", "resuming alone deploys nothing");
    let path = world.push_page("page 12");
    world.server.wait_for(&path, &["Success"]).await;
    let newest = world.running("page 12").await;
    assert_eq!((newest.token.as_str(), newest.file.as_str()), ("value 10", "value 10"), "with the app's own settings");
}

#[tokio::test(flavor = "multi_thread")]
async fn current_values_are_kept_and_an_image_that_somebody_has_removed_is_said() {
    let mut world = World::with_shop(Some("")).await;
    world.set_values(true, "of then").await;
    world.deploy("Success").await;
    world.repository.push("main", &[("index.html", "second")]);
    world.set_values(false, "replaced since").await;
    world.deploy("Success").await;
    world.roll_back(1, "current").await;
    let id = world.left.containers().await.remove(0).id.unwrap();
    let env = inspect(&id).await.config.unwrap().env.unwrap();
    assert!(env.contains(&"TOKEN=replaced since".to_owned()), "{env:?}");
    assert_eq!(run_in(&id, &["cat", FILE]).await.0, "replaced since");
    assert_eq!(run_in(&id, &["cat", "/www/index.html"]).await.0, "first");

    let second = world.server.browser.get("/apps/shop/deployments/2").await.text(".facts code");
    client().remove_image(&second, None::<bollard::query_parameters::RemoveImageOptions>, None).await.unwrap();
    let refused = world.server.browser.post("/apps/shop/rollbacks", &[("deployment", "2")]).await.expect(409).text("main");
    assert!(refused.contains("The image of #2 is not on the engine any more"), "{refused}");
    assert_eq!(run_in(&id, &["cat", "/www/index.html"]).await.0, "first", "what serves goes on");
}

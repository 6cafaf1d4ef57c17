//! A restart of µPaaS or an absence of the engine, at any moment: nothing is lost, everything ends in the truth.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use upaas::{
    deploy::{Limits, platform::FailureKind},
    domain::app_config::restart::RestartPolicy,
};

use super::support::{
    eventually,
    fake::{Fake, Step},
    server::quick,
    shop::{FIXED_PORT, with_running_shop, with_shop, with_shop_within},
};

#[tokio::test]
async fn a_deployment_interrupted_by_a_stop_goes_on_at_the_next_start() {
    for step in [Step::Fetch, Step::Build, Step::Create, Step::Start] {
        let fake = Fake::default();
        let mut server = with_running_shop(&fake).await;
        fake.hold(step);
        let path = server.deploy("shop").await;
        let act = match step {
            Step::Fetch => "fetch",
            Step::Build => "build #2",
            Step::Create => "create #2",
            _ => "start c2-of-2",
        };
        eventually("the step to be reached", async || {
            let acts = fake.acts();
            let reached = acts.iter().filter(|it| *it == act).count() >= if step == Step::Fetch { 2 } else { 1 };
            if reached { Ok(()) } else { Err(format!("{acts:?}")) }
        })
        .await;
        let began = std::time::Instant::now();
        if step == Step::Start {
            // The old container is started again while stopping, which must not be held.
            let releasing = fake.clone();
            tokio::join!(server.stop(), async move { releasing.release(step) });
        } else {
            server.stop().await;
        }
        assert!(began.elapsed().as_secs() < 10, "a stop is quick: {:?}", began.elapsed());
        assert_eq!(fake.running().0, [1], "{step:?}: the old version serves while µPaaS is away: {:?}", fake.acts());
        fake.release(step);
        server.start_fake(&fake).await;
        let page = server.wait_for(&path, &["Success"]).await;
        assert!(page.text(".summary").contains("attempt 2"), "{}", page.text(".summary"));
        assert!(page.text("#journal").contains("attempt 2 of 3"));
        assert_eq!(fake.running(), (vec![2], vec![]), "{step:?}: {:?}", fake.acts());
    }
}

#[tokio::test]
async fn an_engine_that_goes_away_interrupts_and_its_return_goes_on() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    fake.fail(Step::Build, FailureKind::EngineLost);
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    fake.fail(Step::Hello, FailureKind::EngineLost);
    fake.release(Step::Build);
    server.wait_for_the_banner().await;
    fake.mend(Step::Build);
    fake.mend(Step::Hello);
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text(".summary").contains("attempt 2"));
    assert_eq!(server.browser.get("/").await.text("#alerts"), "");
}

#[tokio::test]
async fn a_failure_that_an_engine_s_own_end_has_made_is_not_believed() {
    for step in [Step::Build, Step::Settle] {
        let fake = Fake::default();
        let mut server = with_shop(&fake, FIXED_PORT).await;
        fake.hold(Step::Build);
        fake.fail(step, FailureKind::Final);
        let path = server.deploy("shop").await;
        server.wait_for(&path, &["Building"]).await;
        fake.fail(Step::Hello, FailureKind::EngineLost);
        fake.release(Step::Build);
        server.wait_for_the_banner().await;
        fake.mend(step);
        fake.mend(Step::Hello);
        let page = server.wait_for(&path, &["Success"]).await;
        assert!(page.text(".summary").contains("attempt 2"), "{step:?}: {}", page.text(".summary"));
    }
}

#[tokio::test]
async fn what_is_queued_while_the_engine_is_away_waits_and_says_so() {
    let fake = Fake::default();
    fake.fail(Step::Hello, FailureKind::EngineLost);
    let mut server = with_shop(&fake, FIXED_PORT).await;
    let path = server.deploy("shop").await;
    let browser = &mut server.browser;
    eventually("the note", async || {
        let note = browser.get(&path).await.text(".note");
        if note.contains("Waiting for the engine") { Ok(()) } else { Err(note) }
    })
    .await;
    fake.mend(Step::Hello);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn a_deployment_that_is_interrupted_again_and_again_fails_after_three_attempts() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, FIXED_PORT).await;
    fake.fail(Step::Build, FailureKind::EngineLost);
    let page = server.deploy_to_the_end("shop").await;
    assert!(page.text(".failure-sentence").contains("Interrupted 3 times"), "{}", page.body);
    assert_eq!(fake.acts().iter().filter(|act| *act == "build #1").count(), 3);
}

#[tokio::test]
async fn an_interruption_after_the_switch_is_a_success_and_the_old_container_goes() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Remove);
    let path = server.deploy("shop").await;
    fake.until_act("remove c1-of-1").await;
    server.abandon();
    fake.release(Step::Remove);
    server.start_fake(&fake).await;
    server.wait_for(&path, &["Success"]).await;
    fake.until_running((vec![2], vec![])).await;
}

#[tokio::test]
async fn what_should_serve_is_started_when_the_engine_or_we_come_back() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.stop().await;
    fake.stop_all();
    server.start_fake(&fake).await;
    fake.until_running((vec![1], vec![])).await;
}

#[tokio::test]
async fn a_killed_replace_gives_the_port_back_to_the_old_container() {
    let fake = Fake::default();
    let mut server = with_shop_within(&fake, FIXED_PORT, Limits { settle: Duration::from_secs(2), ..quick() }).await;
    server.deploy_to_the_end("shop").await;
    let path = server.kill_while_the_new_container_settles(&fake).await;
    assert_eq!(fake.running(), (vec![2], vec![1]), "killed with the new one on the port");
    fake.hold(Step::Fetch);
    server.start_fake(&fake).await;
    fake.until_running((vec![1], vec![])).await;
    fake.release(Step::Fetch);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn an_old_container_that_cannot_be_started_again_is_tried_until_it_runs() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Start, FailureKind::Final);
    let path = server.deploy("shop").await;
    let page = server.wait_for(&path, &["Failed"]).await;
    assert!(page.text("#journal").contains("The previous version could not be started again"), "{}", page.text("#journal"));
    let failure = page.text(".failure");
    assert!(failure.contains("At that moment #1 could not be started again, for which µPaaS goes on trying:"), "{failure}");
    let state = server.browser.get("/apps/shop").await.text("#app-state");
    assert!(state.contains("The container of #1 does not run. µPaaS tries to start it until it does;"), "{state}");
    fake.mend(Step::Start);
    fake.until_running((vec![1], vec![])).await;
}

#[tokio::test]
async fn what_could_not_be_removed_is_removed_later() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Remove, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    assert_eq!(fake.running(), (vec![2], vec![1]));
    fake.mend(Step::Remove);
    fake.until_running((vec![2], vec![])).await;
}

#[tokio::test]
async fn a_container_stopped_by_hand_stays_stopped_while_other_things_are_put_in_order() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    server.deploy_to_the_end("blog").await;
    fake.stop_all();
    fake.fail(Step::Remove, FailureKind::Final);
    fake.fail(Step::Settle, FailureKind::Final);
    server.deploy_to_the_end("blog").await;
    assert_eq!(fake.running(), (vec![], vec![1, 1, 2]));
    fake.mend(Step::Remove);
    fake.until_running((vec![], vec![1, 1])).await;
}

#[tokio::test]
async fn the_old_container_of_a_killed_replace_is_started_first_whatever_its_restart_policy() {
    let fake = Fake::default();
    let mut server = with_shop_within(&fake, FIXED_PORT, Limits { settle: Duration::from_secs(2), ..quick() }).await;
    server.configure("shop", |config| config.run.restart.policy = RestartPolicy::Never).await;
    server.deploy_to_the_end("shop").await;
    let path = server.kill_while_the_new_container_settles(&fake).await;
    let before = fake.acts().len();
    server.start_fake(&fake).await;
    server.wait_for(&path, &["Success"]).await;
    let acts = fake.acts().split_off(before);
    let place = |act: &str| acts.iter().position(|it| it == act).unwrap_or_else(|| panic!("{act}: {acts:?}"));
    assert!(place("remove c2-of-2") < place("start c1-of-1") && place("start c1-of-1") < place("fetch"), "{acts:?}");
}

#[tokio::test]
async fn what_the_engine_does_not_show_after_an_absence_is_started_when_it_does() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    server.stop().await;
    fake.stop_all();
    fake.hide("c1-of-1");
    server.start_fake(&fake).await;
    let page = server.deploy_to_the_end("blog").await;
    assert_eq!(page.text(".summary .badge"), "Success", "others do not wait for it");
    assert_eq!(fake.running(), (vec![1], vec![1]));
    fake.hide_none();
    fake.until_running((vec![1, 1], vec![])).await;
}

#[tokio::test]
async fn a_container_whose_configuration_cannot_be_read_does_not_keep_other_apps_waiting() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    server.create_shop(&[("slug", "blog")]).await.expect(303);
    server.stop().await;
    fake.stop_all();
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("UPDATE config_snapshots SET config = '{}'").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    server.start_fake(&fake).await;
    let page = server.deploy_to_the_end("blog").await;
    assert_eq!(page.text(".summary .badge"), "Success");
    assert_eq!(fake.running(), (vec![1], vec![1]), "what is not known to be wanted is left alone");
}

#[tokio::test]
async fn a_start_is_owed_to_a_container_also_while_the_engine_does_not_show_it() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.fail(Step::Start, FailureKind::Final);
    fake.fail(Step::Remove, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    assert_eq!(fake.running(), (vec![], vec![1, 2]));
    fake.hide("c1-of-1");
    fake.mend(Step::Remove);
    fake.until_running((vec![], vec![1])).await;
    fake.mend(Step::Start);
    fake.hide_none();
    fake.until_running((vec![1], vec![])).await;
}

#[tokio::test]
async fn what_an_interrupted_attempt_has_built_goes_before_the_next_one_builds() {
    let fake = Fake::default();
    let mut server = with_running_shop(&fake).await;
    fake.hold(Step::Start);
    let path = server.deploy("shop").await;
    fake.reached(Step::Start).await;
    server.abandon();
    fake.release(Step::Start);
    assert_eq!(fake.images(), [1, 2]);
    // Until the deployment is at work again, nothing can be removed.
    fake.fail(Step::Remove, FailureKind::Final);
    fake.hold(Step::Fetch);
    server.start_fake(&fake).await;
    fake.reached(Step::Fetch).await;
    assert_eq!(fake.images(), [1, 2]);
    fake.mend(Step::Remove);
    fake.hold(Step::Build);
    fake.release(Step::Fetch);
    fake.reached(Step::Build).await;
    assert_eq!(fake.images(), [1], "what serves stays");
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn a_new_container_is_removed_although_the_engine_does_not_show_another_one_of_its_app() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    fake.hold(Step::Start);
    let path = server.deploy("shop").await;
    fake.reached(Step::Start).await;
    fake.hide("c1-of-1");
    fake.fail(Step::Start, FailureKind::Final);
    fake.release(Step::Start);
    let said = server.wait_for(&path, &["Failed"]).await.text("#journal");
    assert!(said.contains("The new container could not be removed: The engine does not show the container c1-of-1."), "{said}");
    assert_eq!(fake.running(), (vec![1], vec![]));
}

#[tokio::test]
async fn a_new_container_that_the_engine_does_not_show_is_removed_when_it_does() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    fake.hide("c2-of-2");
    fake.fail(Step::Start, FailureKind::Final);
    let said = server.deploy_to_the_end("shop").await.text("#journal");
    assert!(said.contains("The new container could not be removed: The engine does not show the container c2-of-2."), "{said}");
    assert_eq!(fake.running(), (vec![1], vec![2]));
    fake.hide_none();
    // Without a loss of the engine that is seen to within a minute.
    fake.cut_events();
    fake.until_running((vec![1], vec![])).await;
}

//! The way back: to which deployments it leads, what it takes along, what it says before and after, and how pushes wait for it.

use upaas::{
    deploy::platform::FailureKind,
    domain::{
        commit::{Between, CommitFacts, Commits},
        moment::Moment,
    },
};

use super::support::{
    browser::Reply,
    eventually,
    fake::{Fake, Step},
    gitea::{Hook, ZEROS, commit},
    server::Server,
    shop::with_shop,
};

const ROLLBACKS: &str = "/apps/shop/rollbacks";
const ENVIRONMENT: &str = "/apps/shop/settings/environment";

/// A server with so many successful deployments of `shop`, each of a commit of its own and with a value of its own in `TOKEN`.
async fn with_deployments(fake: &Fake, count: u32) -> Server {
    let mut server = with_shop(fake, &[]).await;
    for number in 1..=count {
        set_token(&mut server, number == 1, &format!("token of {number}")).await;
        fake.set_tip(&commit(char::from_digit(number, 16).unwrap()));
        server.deploy_to_the_end("shop").await;
    }
    server
}

async fn set_token(server: &mut Server, is_new: bool, value: &str) {
    let (act, fields) = match is_new {
        true => ("addition", [("env_name", "TOKEN"), ("env_value", value)]),
        false => ("change", [("name", "TOKEN"), ("env_new_value", value)]),
    };
    server.browser.post(&format!("{ENVIRONMENT}/{act}"), &fields).await.expect(303);
}

async fn roll_back(server: &mut Server, to: &str, values: &str) -> Reply {
    server.browser.post(ROLLBACKS, &[("deployment", to), ("values", values)]).await
}

/// What the last container has in its environment under `TOKEN`.
fn token(fake: &Fake) -> String {
    fake.wanted().env.iter().find(|(name, _)| name == "TOKEN").unwrap().1.reveal().to_owned()
}

fn page_of(number: i64) -> String {
    format!("/apps/shop/deployments/{number}")
}

#[tokio::test]
async fn a_rollback_takes_image_commit_and_configuration_over_and_asks_no_git_server() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    fake.fail(Step::Fetch, FailureKind::Final);
    fake.fail(Step::Build, FailureKind::Final);
    let link = server.browser.get("/apps/shop").await.attribute("#overview .panel-head a.button", "href").unwrap();
    assert_eq!(link, page_of(2) + "/rollback", "the newest kept one");
    let shown = server.browser.get(&(page_of(1) + "/rollback")).await.expect(200);
    assert_eq!(shown.text("#rollback button"), "Roll back to #1");
    assert!(shown.text(".diff").contains("Variable TOKEN") && !shown.body.contains("token of"), "{}", shown.text("main"));
    let said = shown.text("#rollback");
    assert!(
        said.contains("Auto-deploy is paused: pushes wait until you resume it.") && said.contains("1 setting differs: see below."),
        "{said}"
    );

    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    assert_eq!(path, page_of(4));
    let page = server.wait_for(&path, &["Success"]).await;
    assert_eq!(page.text(".summary .commit code"), "11111111");
    assert_eq!(page.texts(".phase-word"), ["queued", "deployed"], "nothing is fetched or built");
    assert!(page.text("#back-to").starts_with("Went back to #1"), "{}", page.text("main"));
    let journal = page.text("#journal");
    assert!(journal.contains("Rolling back to #1: nothing is fetched and nothing is built"), "{journal}");
    assert_eq!((fake.wanted().image.as_str(), token(&fake).as_str()), ("sha256:1", "token of 1"));
    assert_eq!(fake.running(), (vec![4], vec![]));

    let pending = server.browser.get("/apps/shop/settings").await.text("#pending");
    assert!(pending.contains("1 change is not applied yet") && pending.contains("#4 went back to #1"), "{pending}");
    let path = server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Success"]).await;
    assert_eq!((fake.wanted().image.as_str(), token(&fake).as_str()), ("sha256:1", "token of 3"));
    assert!(page.text("#journal").contains("Applying the settings to the image of #4"), "{}", page.text("#journal"));
}

#[tokio::test]
async fn current_values_are_kept_where_the_app_still_has_them() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 1).await;
    let gone = [("env_name", "GONE"), ("env_value", "of then")];
    server.browser.post(&format!("{ENVIRONMENT}/addition"), &gone).await.expect(303);
    server.deploy_to_the_end("shop").await;
    server.browser.post(&format!("{ENVIRONMENT}/removal"), &[("name", "GONE")]).await.expect(303);
    set_token(&mut server, false, "replaced since").await;
    server.deploy_to_the_end("shop").await;
    let shown = server.browser.get(&(page_of(2) + "/rollback")).await.expect(200);
    assert_eq!(shown.text("#rollback legend"), "Secrets that have another value today: Variable TOKEN");
    let path = roll_back(&mut server, "#2", "current").await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text("#back-to").contains("with the current values of secrets"), "{}", page.text("#back-to"));
    let env: Vec<_> = fake.wanted().env.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
    assert!(env.contains(&"TOKEN=replaced since".to_owned()) && env.contains(&"GONE=of then".to_owned()), "{env:?}");
}

#[tokio::test]
async fn what_cannot_be_gone_back_to_is_refused_in_words_and_the_page_says_so_before() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 7).await;
    fake.fail(Step::Build, FailureKind::Final);
    let failing = server.deploy("shop").await;
    server.wait_for(&failing, &["Failed"]).await;
    let db = server.db().await;
    sqlx::query("UPDATE deployments SET image_removed_at = 1 WHERE number = 5").execute(db.write()).await.unwrap();
    db.close().await;
    for number in [1, 2] {
        eventually("the clean-up", async || {
            let page = server.browser.get(&format!("/apps/shop/deployments/{number}/rollback")).await.expect(200).text("main");
            if page.contains("was removed") { Ok(()) } else { Err(page) }
        })
        .await;
    }
    for (number, sentence) in [
        ("1", "The image of #1 was removed. Deploy commit 1111"),
        ("5", "The image of #5 was removed. Deploy commit 5555"),
        ("7", "#7 is what serves now, with this configuration."),
        ("8", "#8 has never served. It ended as failed"),
    ] {
        let refused = roll_back(&mut server, number, "kept").await.expect(409);
        assert!(refused.text("main").contains(sentence), "{}", refused.text("main"));
        let page = server.browser.get(&format!("/apps/shop/deployments/{number}/rollback")).await.expect(200);
        assert!(page.text("main").contains(sentence) && page.text("#rollback").is_empty(), "{}", page.text("main"));
    }
    for (deployment, values, sentence) in [
        ("99", "kept", "“shop” has no deployment #99."),
        ("x", "kept", "“x” is no deployment's number."),
        ("", "kept", "“deployment” is missing: the number of the one to go back to."),
        ("6", "old", "“values” is either “kept”"),
    ] {
        let refused = roll_back(&mut server, deployment, values).await.expect(400);
        assert!(refused.text("main").contains(sentence), "{}", refused.text("main"));
    }
    assert!(server.browser.get("/apps/shop").await.text("#webhook .paused").is_empty(), "what was refused pauses nothing");
    let kept = server.browser.get("/apps/shop/deployments").await;
    let offered = kept.texts(".deployment-row:has(a[href$=rollback]) .number");
    assert_eq!(offered, ["#6", "#4", "#3"], "the last five images, but the one that serves, and the one that was removed");
}

#[tokio::test]
async fn pushes_wait_from_the_moment_a_rollback_is_asked_for_until_auto_deploy_is_resumed() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Build);
    fake.set_tip(&commit('a'));
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
    server.wait_for(&page_of(4), &["Building"]).await;
    hook.push("main", ZEROS, &commit('b')).await;
    let shown = server.browser.get(&(page_of(2) + "/rollback")).await.text("#rollback");
    assert!(shown.contains("#4 is building, because of a push. It is cancelled.") && shown.contains("#5 is queued, because"), "{shown}");

    let path = roll_back(&mut server, "2", "kept").await.expect(303).location().to_owned();
    assert_eq!(path, page_of(6));
    server.wait_for(&page_of(5), &["Cancelled"]).await;
    let cancelled = server.wait_for(&page_of(4), &["Cancelled"]).await;
    assert!(cancelled.text(".note").contains("Cancelled for #6, the rollback to #2 that ada asked for"), "{}", cancelled.text(".note"));
    let ignored = hook.push("main", ZEROS, &commit('c')).await;
    assert_eq!(ignored.status, 200);
    assert!(ignored.text.starts_with("ignored: auto-deploy is paused (by the rollback to #2 by ada). Resume it"), "{}", ignored.text);
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
    let page = server.browser.get("/apps/shop").await;
    assert!(page.text("#app-state").contains("auto-deploy paused"));
    assert!(page.text("#webhook .paused").contains("By the rollback to #2 by ada"), "{}", page.text("#webhook .paused"));
    assert!(server.browser.get("/apps/shop/deliveries").await.text("main").contains("auto-deploy is paused (by the rollback to #2"));

    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    let again = hook.push("main", ZEROS, &commit('2')).await;
    assert!(again.text.starts_with("ignored: already live as #6."), "{}", again.text);
    fake.set_tip(&commit('c'));
    assert_eq!(hook.push("main", ZEROS, &commit('c')).await.status, 202);
    let page = server.wait_for(&page_of(7), &["Success"]).await;
    assert_eq!(page.text(".summary .commit code"), "cccccccc");
    assert_eq!(token(&fake), "token of 3", "with the app's own settings");
}

#[tokio::test]
async fn while_a_rollback_runs_a_push_of_its_commit_is_known_and_another_one_deploys() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Create);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Deploying"]).await;
    assert!(page.text("#back-to").starts_with("Goes back to #1"), "{}", page.text("#back-to"));
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    let known = hook.push("main", ZEROS, &commit('1')).await;
    assert!(known.text.starts_with("ignored: already running as #3."), "{}", known.text);
    assert_eq!(hook.push("main", ZEROS, &commit('2')).await.status, 202, "what is live now will not be");
    fake.release(Step::Create);
    server.wait_for(&page_of(4), &["Success"]).await;
}

#[tokio::test]
async fn a_second_press_finds_the_first_and_another_wish_replaces_it_and_a_pause_by_hand_stays_that() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "paused")]).await.expect(303);
    fake.hold(Step::Build);
    let building = server.deploy("shop").await;
    server.wait_for(&building, &["Building"]).await;
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    assert_eq!(roll_back(&mut server, "1", "kept").await.expect(303).location(), path);
    let plan = server.browser.get(&(page_of(1) + "/rollback")).await.text("#rollback");
    assert!(plan.contains("#5 waits for its turn and goes back there already"), "{plan}");
    let plan = server.browser.get(&(page_of(2) + "/rollback")).await.text("#rollback");
    assert!(plan.contains("#5, another rollback, waits for its turn. It is cancelled."), "{plan}");
    assert_ne!(roll_back(&mut server, "1", "current").await.expect(303).location(), path);
    fake.release(Step::Build);
    server.wait_for(&building, &["Success"]).await;
    let cancelled = server.wait_for(&path, &["Cancelled"]).await.text("main");
    assert!(cancelled.contains("Cancelled for #6, the rollback to #1"), "{cancelled}");
    server.wait_for(&page_of(6), &["Success"]).await;
    assert!(server.browser.get("/apps/shop").await.text("#webhook .paused").contains("By ada,"));
}

#[tokio::test]
async fn the_way_back_after_a_rollback_does_not_lead_to_what_was_left() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    let begins_at =
        async |server: &mut Server| server.browser.get("/apps/shop").await.attribute("#overview a[href$=rollback]", "href").unwrap();
    assert_eq!(begins_at(&mut server).await, page_of(2) + "/rollback");
    let path = roll_back(&mut server, "2", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(begins_at(&mut server).await, page_of(1) + "/rollback", "and not to #3, which was left");
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(begins_at(&mut server).await, page_of(4) + "/rollback", "nothing older is kept: the newest with another image");
}

#[tokio::test]
async fn the_way_back_stays_the_same_when_settings_are_applied_after_a_rollback() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 5).await;
    let path = roll_back(&mut server, "2", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    // Then #2 is not kept any more: its image is that of two newer ones.
    server.configure("shop", |config| config.run.env.clear()).await;
    let path = server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    let begins_at = server.browser.get("/apps/shop").await.attribute("#overview a[href$=rollback]", "href");
    assert_eq!(begins_at, Some(page_of(1) + "/rollback"), "and not at #5, which was left");
}

#[tokio::test]
async fn a_second_press_finds_the_rollback_that_runs() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    fake.hold(Step::Create);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Deploying"]).await;
    assert_eq!(roll_back(&mut server, "1", "kept").await.expect(303).location(), path);
    fake.release(Step::Create);
    server.wait_for(&path, &["Success"]).await;
    assert_eq!(server.browser.get(&page_of(4)).await.status, 404, "one switch for one wish");
}

#[tokio::test]
async fn a_second_press_pauses_again_and_cancels_what_pushes_have_asked_for_since() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Create);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Deploying"]).await;
    server.browser.post("/apps/shop/auto-deploy", &[("auto_deploy", "on")]).await.expect(303);
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
    assert_eq!(roll_back(&mut server, "1", "kept").await.expect(303).location(), path);
    let cancelled = server.wait_for(&page_of(4), &["Cancelled"]).await.text(".note");
    assert!(cancelled.contains("Cancelled for #3, the rollback to #1 that ada asked for"), "{cancelled}");
    assert!(server.browser.get("/apps/shop").await.text("#webhook .paused").contains("By the rollback to #1 by ada"));
    fake.release(Step::Create);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn an_image_that_somebody_has_removed_is_said_before_anything_is_cancelled_for_it() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    fake.remove_image("sha256:1");
    let refused = roll_back(&mut server, "1", "current").await.expect(409).text("main");
    assert!(refused.contains("The image of #1 is not on the engine any more: somebody has removed it."), "{refused}");
    assert!(refused.contains("Deploy commit 1111111111111111111111111111111111111111 instead"), "{refused}");
    assert!(server.browser.get("/apps/shop").await.text("#webhook .paused").is_empty(), "nothing was paused for it");
    let page = server.browser.get(&(page_of(1) + "/rollback")).await.expect(200).text("main");
    assert!(page.contains("The image of #1 was removed."), "{page}");
}

#[tokio::test]
async fn an_image_that_goes_while_the_rollback_waits_is_said_and_what_serves_stays() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    fake.hold(Step::Create);
    let before = roll_back(&mut server, "2", "kept").await.expect(303).location().to_owned();
    server.wait_for(&before, &["Deploying"]).await;
    let path = roll_back(&mut server, "1", "current").await.expect(303).location().to_owned();
    fake.remove_image("sha256:1");
    fake.release(Step::Create);
    server.wait_for(&before, &["Success"]).await;
    let page = server.wait_for(&path, &["Failed"]).await;
    let failure = page.text(".failure");
    assert!(failure.contains("The image of #1 is not on the engine any more: somebody has removed it."), "{failure}");
    assert!(failure.contains("Deploy commit 1111111111111111111111111111111111111111 instead"), "{failure}");
    assert_eq!(fake.running(), (vec![4], vec![]));
    assert_eq!(page.attribute("#retry", "action").as_deref(), Some(ROLLBACKS));
    let field = |name: &str| page.attribute(&format!("#retry input[name={name}]"), "value");
    assert_eq!((field("deployment").as_deref(), field("values").as_deref()), (Some("1"), Some("current")));
}

#[tokio::test]
async fn a_version_that_does_not_start_any_more_leaves_what_serves() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    fake.fail(Step::Settle, FailureKind::Final);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    let page = server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure").contains("#2 still serves."), "{}", page.text(".failure"));
    assert_eq!(fake.running(), (vec![2], vec![]));
    assert!(
        server.browser.get(&(page_of(1) + "/rollback")).await.expect(200).text("#rollback").contains("Roll back to #1"),
        "its image stays"
    );
}

#[tokio::test]
async fn an_interrupted_rollback_goes_on_after_a_restart_and_keeps_one_configuration() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    fake.hold(Step::Create);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Deploying"]).await;
    server.abandon();
    fake.release(Step::Create);
    server.start_fake(&fake).await;
    let page = server.wait_for(&path, &["Success"]).await;
    assert!(page.text(".page-meta").contains("attempt 2"), "{}", page.text(".page-meta"));
    assert_eq!((fake.wanted().image.as_str(), token(&fake).as_str()), ("sha256:1", "token of 1"));
    let db = server.db().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM config_snapshots").fetch_one(db.read()).await.unwrap();
    db.close().await;
    assert_eq!(kept, 4);
}

#[tokio::test]
async fn a_rollback_of_a_stopped_app_starts_it() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test]
async fn a_program_with_a_token_rolls_back_and_hears_how_it_stands() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    let token = server.make_token("ci", "deploy").await;
    let answer = server.program(&token).post(ROLLBACKS, &[("deployment", "1")]).await.expect(202).json();
    assert_eq!(answer["number"], 3);
    let page = server.wait_for(&page_of(3), &["Success"]).await;
    assert!(page.text(".page-meta").contains("rollback by ada (token ci)"), "{}", page.text(".page-meta"));
}

#[tokio::test]
async fn a_pinned_deployment_stays_kept_until_it_is_unpinned() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    let pin = |number: i64| page_of(number) + "/pin";
    server.browser.post(&pin(1), &[("pinned", "yes")]).await.expect(303);
    server.browser.post(&pin(1), &[("pinned", "yes")]).await.expect(303);
    for number in 4..=9 {
        fake.set_tip(&commit(char::from_digit(number, 16).unwrap()));
        server.deploy_to_the_end("shop").await;
    }
    let list = server.browser.get("/apps/shop/deployments").await;
    assert_eq!(list.texts(".deployment-row:has(a[href$=rollback]) .number"), ["#8", "#7", "#6", "#5", "#1"]);
    assert_eq!(list.text("#deployment-row-1 .tag"), "pinned");
    let asking = server.browser.get(&page_of(1)).await.text("#unpin");
    assert!(asking.contains("Else the next clean-up removes its image and its configuration."), "{asking}");
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    server.browser.post(&pin(1), &[("pinned", "no")]).await.expect(303);
    assert!(server.browser.get(&page_of(1)).await.text(".page-title").split_whitespace().all(|word| word != "pinned"));
    server.browser.post(&pin(1), &[("pinned", "maybe")]).await.expect(400);
}

#[tokio::test]
async fn of_one_app_twenty_deployments_can_be_pinned_and_only_those_that_have_served() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    fake.fail(Step::Build, FailureKind::Final);
    let failing = server.deploy("shop").await;
    let page = server.wait_for(&failing, &["Failed"]).await;
    assert!(page.text("#pin").is_empty());
    let refused = server.browser.post(&format!("{failing}/pin"), &[("pinned", "yes")]).await.expect(409);
    assert!(refused.text("main").contains("#3 has never served."), "{}", refused.text("main"));
    fake.mend(Step::Build);
    let db = server.db().await;
    let copy = "INSERT INTO deployments (id, app_id, number, \"trigger\", status, image, pinned_at, queued_at, finished_at)
                SELECT printf('019aa000-0000-7000-8000-%012d', value), app_id, 100 + value, 'manual', 'success', image, 1, 1, 1
                FROM deployments, json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]') WHERE number = 1";
    sqlx::query(copy).execute(db.write()).await.unwrap();
    db.close().await;
    let refused = server.browser.post(&(page_of(2) + "/pin"), &[("pinned", "yes")]).await.expect(409);
    assert!(refused.text("main").contains("20 deployments of “shop” are pinned, and more cannot be."), "{}", refused.text("main"));
    server.browser.post(&(page_of(110) + "/pin"), &[("pinned", "no")]).await.expect(303);
    server.browser.post(&(page_of(2) + "/pin"), &[("pinned", "yes")]).await.expect(303);
}

fn log_of(count: usize, digit: char) -> Vec<CommitFacts> {
    let facts = |number| CommitFacts {
        id: commit(digit).parse().unwrap(),
        message: format!("Change {number}"),
        author: "dev".to_owned(),
        committed_at: Moment::now(),
    };
    (0..count).map(facts).collect()
}

#[tokio::test]
async fn two_deployments_are_compared_by_what_is_known_of_them() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 3).await;
    let page = server.browser.get(&page_of(2)).await;
    assert_eq!(page.texts(".ways a"), ["Compare with #3, which is live", "Compare with #1, the one before"]);
    let link = page.attribute(".ways a", "href").unwrap();
    let page = server.browser.get(&link).await.expect(200);
    assert_eq!(page.text("h1"), "#3 and #2 compared");
    assert!(page.text("main").contains("cannot be told: µPaaS's copy of the repository does not have both."), "{}", page.text("main"));
    let ahead = Commits { newest: log_of(2, 'a'), more: false };
    fake.set_between(Between { ahead, behind: Commits { newest: log_of(50, 'b'), more: true } });
    let page = server.browser.get("/apps/shop/compare?from=1&to=%233").await.expect(200);
    assert_eq!(page.texts(".commit-diff h3"), ["Only in #1: more than 50 commits", "Only in #3: 2 commits"]);
    assert!(page.text(".diff").contains("Variable TOKEN") && !page.body.contains("token of"));
    assert_eq!(page.texts(".side-facts code").len(), 4, "{}", page.text(".sides"));
    let same = server.browser.get("/apps/shop/compare?from=1&to=1").await.expect(200).text("main");
    assert!(same.contains("No setting differs.") && same.contains("Both have the same commit."), "{same}");

    let db = server.db().await;
    sqlx::query("UPDATE deployments SET snapshot_id = NULL WHERE number = 1").execute(db.write()).await.unwrap();
    db.close().await;
    let page = server.browser.get("/apps/shop/compare?from=1&to=3").await.expect(200);
    assert!(page.text("main").contains("The configuration of #1 is not kept any more."), "{}", page.text("main"));
    let refused = roll_back(&mut server, "1", "kept").await.expect(409);
    assert!(refused.text("main").contains("The configuration of #1 is not kept any more. Deploy commit 1111"));
    for (query, sentence) in [
        ("?from=1&to=99", "“shop” has no deployment #99."),
        ("?from=1&to=x", "“x” is no deployment's number."),
        ("?from=1&to=%2B3", "“+3” is no deployment's number."),
        ("?from=1", "Type a deployment's number."),
    ] {
        let refused = server.browser.get(&format!("/apps/shop/compare{query}")).await.expect(422);
        assert!(refused.text("#to-error").contains(sentence), "{query}: {}", refused.text("main"));
        assert_eq!((refused.value("from").as_deref(), refused.text("#from-error")), (Some("1"), String::new()), "{query}");
    }
    let form = server.browser.get("/apps/shop/compare").await.expect(200);
    assert_eq!((form.text("h1").as_str(), form.text(".field-error").as_str()), ("Compare deployments", ""));
    server.browser.get("/apps/none/compare?from=1&to=2").await.expect(404);
}

#[tokio::test]
async fn a_rollback_waits_for_no_build_of_another_app() {
    let fake = Fake::default();
    let mut server = with_deployments(&fake, 2).await;
    let hook = Hook::of(&mut server, "shop").await;
    fake.hold(Step::Build);
    for slug in ["a", "b"] {
        server.create_shop(&[("slug", slug)]).await.expect(303);
        let path = server.deploy(slug).await;
        server.wait_for(&path, &["Building"]).await;
    }
    hook.push("main", ZEROS, &commit('c')).await;
    let path = roll_back(&mut server, "1", "kept").await.expect(303).location().to_owned();
    server.wait_for(&path, &["Success"]).await;
    server.wait_for(&page_of(3), &["Cancelled"]).await;
    fake.release(Step::Build);
    for slug in ["a", "b"] {
        server.wait_for(&format!("/apps/{slug}/deployments/1"), &["Success"]).await;
    }
}

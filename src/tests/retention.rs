//! What is too old goes, in small pieces; what is kept stays, and nobody waits.

use upaas::{
    db::{self, Db},
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        moment::Moment,
    },
};

use super::support::{
    eventually,
    fake::Fake,
    gitea::{Hook, ZEROS, commit},
    server::Server,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn db(server: &Server) -> Db {
    Db::open(&server.data().join("upaas.db")).await.unwrap()
}

/// Entries from so many days ago.
async fn record_old(db: &Db, days: i64, count: usize) {
    let mut tx = db.begin().await.unwrap();
    let act = Act::done(Action::Login, &Actor::upaas(), Subject::new(Resource::User, 1, "ada"));
    for _ in 0..count {
        db::audit::insert(&mut *tx, Moment::now().before(days * DAY_MS), &act).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// As if everything so far had happened so many days ago.
async fn grow_old(server: &Server, days: i64) {
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&file).await.unwrap();
    for statement in [
        "UPDATE deployments SET finished_at = finished_at - ? WHERE app_id IN (SELECT id FROM apps)",
        "UPDATE deliveries SET received_at = received_at - ? WHERE app_id IN (SELECT id FROM apps)",
    ] {
        sqlx::query(statement).bind(days * DAY_MS).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_too_old_goes_and_is_told_and_the_rest_stays() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    let db = db(&server).await;
    record_old(&db, 91, 450).await;
    record_old(&db, 89, 3).await;
    let audit = server.data().join("audit");
    let day = |days: i64| audit.join(format!("{}.jsonl", Moment::now().before(days * DAY_MS).date()));
    eventually("the entries to be copied", async || if day(89).exists() { Ok(()) } else { Err(String::new()) }).await;
    assert!(day(91).exists());
    server.browser.post("/settings/retention/run", &[]).await.expect(303);
    assert!(!day(91).exists() && day(89).exists());
    let said = server.browser.get("/settings").await.expect(200).text("#retention");
    assert!(said.contains("450 audit entries"), "{said}");
    let newest = db::audit::newest(db.read(), &db::audit::Filter::default(), None, 500).await.unwrap();
    assert_eq!(newest.len(), 1 + 3 + 1, "setup, what is not too old, and the run itself");
    assert_eq!((newest[0].act.action, newest[0].act.actor.name.as_str()), (Action::Retention, "ada"));
    db.close().await;
}

#[tokio::test]
async fn entries_that_are_not_copied_yet_are_not_removed() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    eventually("setup to be copied", async || if server.data().join("audit").is_dir() { Ok(()) } else { Err(String::new()) }).await;
    let db = db(&server).await;
    // The place of the copy is moved back behind them: as if the copying had been stuck.
    let today = server.data().join("audit");
    std::fs::rename(&today, today.with_extension("away")).unwrap();
    std::fs::write(&today, "").unwrap();
    record_old(&db, 100, 5).await;
    let run = server.browser.post("/settings/retention/run", &[]).await;
    std::fs::remove_file(&today).unwrap();
    let left =
        db::audit::newest(db.read(), &db::audit::Filter { action: Some(Action::Login), ..Default::default() }, None, 9).await.unwrap();
    assert_eq!(left.len(), 5, "{}", run.status);
    db.close().await;
}

#[tokio::test]
async fn journals_outside_the_kept_set_go_and_their_pages_say_so() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    for _ in 1..=7 {
        server.deploy_to_the_end("shop").await;
    }
    let hook = Hook::of(&mut server, "shop").await;
    hook.push("other", ZEROS, &commit('a')).await;
    grow_old(&server, 200).await;
    server.browser.post("/settings/retention/run", &[]).await.expect(303);
    for number in 1..=7 {
        let page = server.browser.get(&format!("/apps/shop/deployments/{number}")).await.expect(200).text("#journal");
        assert_eq!(page.contains("Removed by retention"), number <= 2, "#{number}: the live one and the last five stay: {page}");
    }
    let journals = std::fs::read_dir(server.data().join("logs")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(journals).unwrap().count(), 5);
    assert!(server.browser.get("/apps/shop/deliveries").await.expect(200).text("main").contains("No delivery yet"), "old deliveries go");
    server.browser.get("/apps/shop/deployments/1/journal").await.expect(404);
}

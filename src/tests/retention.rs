//! What is too old goes, in small pieces; what is kept stays, and nobody waits.

use upaas::{
    db::{self, Db, audit::Filter},
    domain::{
        audit::{Act, Action, Actor, Entry, Outcome, Resource, Subject},
        moment::Moment,
    },
};

use super::support::{
    eventually,
    fake::Fake,
    gitea::{Hook, ZEROS, commit},
    server::Server,
    shop::with_shop,
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

/// Runs retention to its end; returns the newest entry about it.
async fn run(server: &mut Server, db: &Db) -> Entry {
    let of_runs = Filter { action: Some(Action::Retention), ..Filter::default() };
    let before = db::audit::newest(db.read(), &of_runs, None, 1).await.unwrap().pop().map_or(0, |entry| entry.id);
    server.browser.post("/settings/retention/run", &[]).await.expect(303);
    eventually("the run to end", async || {
        let newest = db::audit::newest(db.read(), &of_runs, None, 1).await.unwrap().pop();
        newest.filter(|entry| entry.id > before).ok_or_else(String::new)
    })
    .await
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
    // Of what is written from beside µPaaS hears with its own next act.
    server
        .browser
        .post("/settings/retention", &[("audit_days", "90"), ("deliveries_days", "30"), ("journals_days", "90")])
        .await
        .expect(303);
    let audit = server.data().join("audit");
    let day = |days: i64| audit.join(format!("{}.jsonl", Moment::now().before(days * DAY_MS).date()));
    // Only what is in the log and in the files goes.
    eventually("the entries to be logged and copied", async || {
        let query = sqlx::query_scalar("SELECT min(logged, copied) >= (SELECT max(id) FROM audit_log) FROM audit_copy");
        let done: bool = query.fetch_one(db.read()).await.unwrap();
        if done { Ok(()) } else { Err(String::new()) }
    })
    .await;
    assert!(day(91).exists() && day(89).exists());
    let ran = run(&mut server, &db).await;
    assert_eq!((ran.act.actor.name.as_str(), ran.act.outcome), ("ada", Outcome::Success));
    assert_eq!(ran.act.detail, "450 audit entries, 1 audit file went");
    assert!(!day(91).exists() && day(89).exists());
    let said = server.browser.get("/settings").await.expect(200).text("#retention");
    assert!(said.contains("450 audit entries"), "{said}");
    let left = db::audit::newest(db.read(), &Filter::default(), None, 500).await.unwrap();
    assert_eq!(left.len(), 1 + 3 + 1 + 1, "setup, what is not too old, the settings, and the run itself");
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
    let ran = run(&mut server, &db).await;
    assert_eq!(ran.act.outcome, Outcome::Failure, "a folder that is a file cannot be looked through");
    assert!(ran.act.detail.starts_with("ended early, µPaaS's log says why; nothing was old enough"), "{}", ran.act.detail);
    let logins = Filter { action: Some(Action::Login), ..Filter::default() };
    assert_eq!(db::audit::newest(db.read(), &logins, None, 9).await.unwrap().len(), 5);
    std::fs::remove_file(&today).unwrap();
    server
        .browser
        .post("/settings/retention", &[("audit_days", "90"), ("deliveries_days", "30"), ("journals_days", "90")])
        .await
        .expect(303);
    eventually("the entries to be copied", async || {
        let backlog = db::audit::backlog(db.read()).await.unwrap().entries;
        if backlog == 0 { Ok(()) } else { Err(backlog.to_string()) }
    })
    .await;
    run(&mut server, &db).await;
    assert!(db::audit::newest(db.read(), &logins, None, 9).await.unwrap().is_empty(), "copied, they may go");
    db.close().await;
}

#[tokio::test]
async fn journals_outside_the_kept_set_go_and_their_pages_say_so() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    for _ in 1..=8 {
        server.deploy_to_the_end("shop").await;
    }
    let hook = Hook::of(&mut server, "shop").await;
    hook.push("other", ZEROS, &commit('a')).await;
    grow_old(&server, 200).await;
    let db = db(&server).await;
    let pin = sqlx::query("UPDATE deployments SET pinned_at = ? WHERE number = 1").bind(Moment::now());
    pin.execute(db.write()).await.unwrap();
    let ran = run(&mut server, &db).await;
    assert_eq!(ran.act.detail, "1 delivery, 2 journals went");
    db.close().await;
    for number in 1..=8 {
        let page = server.browser.get(&format!("/apps/shop/deployments/{number}")).await.expect(200).text("#journal");
        assert_eq!(
            page.contains("Removed by retention"),
            [2, 3].contains(&number),
            "#{number}: the pinned one and the last five stay: {page}"
        );
    }
    let journals = std::fs::read_dir(server.data().join("logs")).unwrap().next().unwrap().unwrap().path();
    // While one is being compressed it is there twice.
    eventually("six journals to be left", async || {
        let left = std::fs::read_dir(&journals).unwrap().count();
        if left == 6 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    assert!(server.browser.get("/apps/shop/deliveries").await.expect(200).text("main").contains("No delivery yet"), "old deliveries go");
    server.browser.get("/apps/shop/deployments/2/journal").await.expect(404);
}

#[tokio::test]
async fn a_journal_whose_deployment_is_pinned_while_retention_runs_stays() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    for _ in 1..=8 {
        server.deploy_to_the_end("shop").await;
    }
    grow_old(&server, 200).await;
    let db = db(&server).await;
    // The first one's removal is the moment at which somebody pins the second one.
    let pinning = "CREATE TRIGGER pin AFTER UPDATE OF journal_removed_at ON deployments WHEN NEW.number = 1
                   BEGIN UPDATE deployments SET pinned_at = 1 WHERE number = 2; END;";
    sqlx::query(pinning).execute(db.write()).await.unwrap();
    let ran = run(&mut server, &db).await;
    assert_eq!(ran.act.detail, "2 journals went");
    db.close().await;
    let journal = server.browser.get("/apps/shop/deployments/2").await.expect(200).text("#journal");
    assert!(!journal.contains("Removed by retention"), "{journal}");
}

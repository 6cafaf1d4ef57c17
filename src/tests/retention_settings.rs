//! How long what happened is kept is a setting.

use upaas::{
    db::{self, Db},
    domain::{moment::Moment, retention::LastRun},
};

use super::support::{fake::Fake, server::Server};

const PATH: &str = "/settings/retention";

async fn server() -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    server
}

#[tokio::test]
async fn days_are_saved_and_shown() {
    let mut server = server().await;
    let page = server.browser.get("/settings").await.expect(200);
    let shown = |page: &super::support::browser::Reply| {
        ["audit_days", "deliveries_days", "journals_days"].map(|field| page.attribute(&format!("#{field}"), "value").unwrap())
    };
    assert_eq!(shown(&page), ["90", "30", "90"]);
    assert_eq!(page.text("#retention-last-run"), "It has not run yet.");
    let days = [("audit_days", "365"), ("deliveries_days", " 7 "), ("journals_days", "1")];
    let reply = server.browser.post(PATH, &days).await.expect(303);
    let page = server.browser.get(reply.location()).await.expect(200);
    assert_eq!(shown(&page), ["365", "7", "1"]);
    assert!(page.text("#alerts").starts_with("Saved."), "{}", page.text("#alerts"));
    let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
    let kept = db::settings::retention(db.read()).await.unwrap();
    assert_eq!([kept.audit, kept.deliveries, kept.journals].map(|days| days.to_string()), ["365", "7", "1"]);
}

#[tokio::test]
async fn what_is_no_number_of_days_is_explained_and_nothing_is_saved() {
    let mut server = server().await;
    let days = [("audit_days", "0"), ("deliveries_days", "a week"), ("journals_days", "7")];
    let page = server.browser.post(PATH, &days).await.expect(422);
    for (field, typed) in &days[..2] {
        assert_eq!(page.text(&format!("#{field}-error")), "Write a whole number of days, from 1 to 3650.");
        assert_eq!(page.attribute(&format!("#{field}"), "value").as_deref(), Some(*typed));
    }
    assert_eq!(page.attribute("#journals_days", "value").as_deref(), Some("7"));
    assert_eq!(page.text("#journals_days-error"), "");
    let page = server.browser.get("/settings").await.expect(200);
    assert_eq!(page.attribute("#journals_days", "value").as_deref(), Some("90"));
}

#[tokio::test]
async fn the_last_run_says_when_it_was_and_what_went() {
    let mut server = server().await;
    let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
    let run = LastRun { at: Moment::from_unix_ms(Moment::now().unix_ms() - 200_000), audit: 1200, files: 2, deliveries: 0, journals: 1 };
    db::settings::set_retention_last_run(db.write(), &run).await.unwrap();
    assert_eq!(db::settings::retention_last_run(db.read()).await.unwrap(), Some(run));
    let page = server.browser.get("/settings").await.expect(200);
    assert_eq!(page.text("#retention-last-run"), "Last run 3 min ago: 1200 audit entries, 2 audit files, 1 journal went.");
}

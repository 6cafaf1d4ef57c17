//! Years of use, written into a database of an app that is not running.

use std::path::Path;

use upaas::{
    db::{self, Db, deployments::NewDeployment},
    domain::{
        app::App,
        audit::{Act, Action, Actor, Outcome, Resource, Subject},
        deployment::{Cause, Ending, Status, Trigger},
        moment::Moment,
    },
};

/// So many rows are written in one transaction.
const ROWS_AT_ONCE: usize = 5_000;
/// How far apart two entries are.
const APART_MS: i64 = 30_000;

pub(crate) async fn fill(file: &Path, deployments: usize, entries: usize) {
    let db = Db::open(file).await.unwrap();
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    fill_deployments(&db, &app, deployments).await;
    fill_audit(&db, &app, entries).await;
    db.close().await;
}

async fn fill_deployments(db: &Db, app: &App, count: usize) {
    for begin in (0..count).step_by(ROWS_AT_ONCE) {
        let mut tx = db.begin().await.unwrap();
        for number in begin..count.min(begin + ROWS_AT_ONCE) {
            let new = NewDeployment {
                app: app.id,
                trigger: Trigger::Webhook,
                requested_by: Some("dev"),
                commit: None,
                no_cache: false,
                rollback: None,
            };
            let row = db::deployments::enqueue(&mut tx, &new).await.unwrap();
            db::deployments::advance(&mut *tx, &row, Status::Cloning, 1).await.unwrap();
            let row = db::deployments::get(&mut *tx, row.id).await.unwrap();
            let failed = Ending { cause: Some(Cause::User), phase: Status::Cloning, sentence: format!("Failure {number}."), hint: None };
            db::deployments::finish(&mut *tx, &row, Status::Failed, Some(&failed)).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

async fn fill_audit(db: &Db, app: &App, count: usize) {
    let now = Moment::now();
    for begin in (0..count).step_by(ROWS_AT_ONCE) {
        let mut tx = db.begin().await.unwrap();
        for number in begin..count.min(begin + ROWS_AT_ONCE) {
            let at = now.before(APART_MS * (count - number) as i64);
            db::audit::insert(&mut *tx, at, &act(app, number)).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    // As if every entry had been copied when it was made.
    let last = db::audit::last(db.read()).await.unwrap();
    db::audit::set_copied(db.write(), last).await.unwrap();
}

/// A mixture as a busy year makes it: mostly deliveries and deployments, some logins, few failures.
fn act(app: &App, number: usize) -> Act {
    let name = match number % 10 {
        0..=5 => "dev",
        9 if number % 1_000 == 9 => "eve",
        _ => "ada",
    };
    let actor =
        Actor { user: (name == "ada").then_some(1), name: name.to_owned(), address: Some([203, 0, 113, (number % 250) as u8].into()) };
    let subject = Subject::new(Resource::Deployment, number, format!("shop#{number}"));
    let act = match number % 10 {
        0..=3 => Act::done(Action::WebhookReceived, &actor, Subject::app(app)).detail(format!("deploy: #{number} of “shop” is queued")),
        4..=7 => Act::done(Action::Deploy, &actor, subject).detail("success after 12 s (webhook, 0c79164d)"),
        _ => Act::done(Action::Login, &actor, Subject::new(Resource::User, 1, name)),
    };
    Act { outcome: if number % 1_000 == 9 { Outcome::Failure } else { Outcome::Success }, ..act }
}

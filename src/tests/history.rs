//! The history of an app: what each row tells, what the filters find, and what the last deployments come to.

use sqlx::{Connection, SqliteConnection};
use upaas::{
    db::{self, deployments::NewDeployment},
    deploy::platform::FailureKind,
    domain::{
        commit::CommitFacts,
        deployment::{Cause, Ending, Rollback, Status, Trigger},
        moment::Moment,
    },
};

use super::support::{
    browser::Reply,
    fake::{Fake, Step},
    server::Server,
    shop::with_shop,
};

const HISTORY: &str = "/apps/shop/deployments";
const MESSAGE: &str = "<img src=x onerror=alert(1)> \u{202e}gpj.exe\n\nbody";

/// A deployment of the past.
#[derive(Clone, Copy)]
struct Past {
    trigger: Trigger,
    end: Status,
    cause: Option<Cause>,
    commit: char,
    back_to: Option<i64>,
}

const WORKED: Past = Past { trigger: Trigger::Webhook, end: Status::Success, cause: None, commit: 'a', back_to: None };

fn failed(cause: Cause) -> Past {
    Past { end: Status::Failed, cause: Some(cause), ..WORKED }
}

fn ended(end: Status) -> Past {
    Past { end, ..WORKED }
}

/// Writes them into the history, each a second long, of which the build takes half.
async fn add(server: &Server, past: &[Past]) {
    let db = server.db().await;
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    let mut tx = db.begin().await.unwrap();
    for it in past {
        let rollback = it.back_to.map(|to| Rollback { to, keeps_values: false });
        let new = NewDeployment { app: app.id, trigger: it.trigger, requested_by: Some("dev"), commit: None, no_cache: false, rollback };
        let row = db::deployments::enqueue(&mut tx, &new).await.unwrap();
        let id = it.commit.to_string().repeat(40).parse().unwrap();
        let commit = CommitFacts { id, message: MESSAGE.to_owned(), author: "dev".to_owned(), committed_at: Moment::now() };
        db::deployments::set_commit(&mut *tx, row.id, &commit).await.unwrap();
        for next in [Status::Cloning, Status::Building, Status::Deploying] {
            let row = db::deployments::get(&mut *tx, row.id).await.unwrap();
            db::deployments::advance(&mut *tx, &row, next, 1).await.unwrap();
        }
        let row = db::deployments::get(&mut *tx, row.id).await.unwrap();
        let sentence = "It ended <b>so</b>.".to_owned();
        let ending = Ending { cause: it.cause, phase: Status::Deploying, sentence, hint: None };
        db::deployments::finish(&mut *tx, &row, it.end, (it.end != Status::Success).then_some(&ending)).await.unwrap();
    }
    tx.commit().await.unwrap();
    db.close().await;
    change(
        server,
        "UPDATE deployments SET queued_at = finished_at - 1400, cloning_at = finished_at - 1000, building_at = finished_at - 750, deploying_at = finished_at - 250 WHERE finished_at IS NOT NULL",
    )
    .await;
}

/// Changes what is stored, beside the server.
async fn change(server: &Server, statement: &str) {
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

/// The numbers of the rows that a page shows.
fn numbers(page: &Reply) -> Vec<String> {
    page.texts(".deployment-row .row-link")
}

async fn found(server: &mut Server, filter: &str) -> Vec<String> {
    numbers(&server.browser.get(&format!("{HISTORY}?{filter}")).await.expect(200))
}

#[tokio::test]
async fn each_filter_and_all_of_them_find_what_is_so_the_newest_first() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    add(
        &server,
        &[
            WORKED,
            failed(Cause::User),
            Past { trigger: Trigger::Manual, commit: 'b', ..failed(Cause::Forge) },
            ended(Status::Cancelled),
            Past { trigger: Trigger::Poll, ..ended(Status::Superseded) },
            ended(Status::Superseded),
            Past { trigger: Trigger::Rollback, commit: 'b', back_to: Some(1), ..WORKED },
            Past { trigger: Trigger::Replay, ..failed(Cause::User) },
        ],
    )
    .await;
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    for (filter, wanted) in [
        ("", "#9 #8 #7 #6 #5 #4 #3 #2 #1"),
        ("status=&trigger=&cause=&commit=", "#9 #8 #7 #6 #5 #4 #3 #2 #1"),
        ("status=success", "#7 #1"),
        ("status=failed", "#8 #3 #2"),
        ("status=cancelled", "#4"),
        ("status=superseded", "#6 #5"),
        ("status=skipped", ""),
        ("status=unfinished", "#9"),
        ("trigger=webhook", "#6 #4 #2 #1"),
        ("trigger=manual", "#9 #3"),
        ("trigger=rollback", "#7"),
        ("cause=user", "#8 #2"),
        ("cause=engine", ""),
        ("commit=BBBB", "#7 #3"),
        ("commit=0c79164d", "#9"),
        ("commit=bbbc", ""),
        ("status=failed&trigger=replay&cause=user&commit=aaaaaaaa", "#8"),
        ("status=unfinished&trigger=manual&commit=0c79", "#9"),
        ("status=unfinished&trigger=webhook", ""),
        ("status=success&cause=user", ""),
        ("cause=user&before=8", "#2"),
        ("trigger=webhook&before=4", "#2 #1"),
    ] {
        assert_eq!(found(&mut server, filter).await.join(" "), wanted, "{filter}");
    }
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test]
async fn pages_keep_the_filter_and_join_without_a_gap_or_a_double() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    let past: Vec<Past> = (0..120).map(|number| if number % 2 == 0 { WORKED } else { failed(Cause::User) }).collect();
    add(&server, &past).await;
    let mut page = server.browser.get(&format!("{HISTORY}?status=failed&commit=aaaa")).await.expect(200);
    let mut all = numbers(&page);
    assert_eq!(all.len(), 50);
    assert!(page.attribute(".pager a[rel=prev]", "href").is_none());
    assert!(page.body.contains(&format!("{HISTORY}/events?status=failed&amp;commit=aaaa\"")), "the stream keeps the filter");
    let older = page.attribute(".pager-older", "href").unwrap();
    assert_eq!(older, format!("{HISTORY}?status=failed&commit=aaaa&before=22"));
    page = server.browser.get(&older).await.expect(200);
    all.extend(numbers(&page));
    let wanted: Vec<String> = (1..=60).rev().map(|number| format!("#{}", number * 2)).collect();
    assert_eq!(all, wanted);
    assert!(page.attribute(".pager-older", "href").is_none());
    assert_eq!(page.attribute(".pager a[rel=prev]", "href").as_deref(), Some("/apps/shop/deployments?status=failed&commit=aaaa"));
    assert_eq!((page.value("status").as_deref(), page.value("commit").as_deref()), (Some("failed"), Some("aaaa")));
    let end = server.browser.get(&format!("{HISTORY}?status=failed&before=1")).await.expect(200);
    assert!(end.text("main").contains("No older deployments."), "{}", end.text("main"));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_understood_is_said() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    let page = server.browser.get(HISTORY).await.expect(200);
    assert!(page.text("main").contains("No deployment yet.") && !page.text("#filters").is_empty() && page.text("#record").is_empty());
    add(&server, &[ended(Status::Cancelled)]).await;
    let page = server.browser.get(&format!("{HISTORY}?status=success")).await.expect(200);
    assert!(page.text("main").contains("No deployment matches."));
    assert_eq!(page.attribute(".empty a", "href").as_deref(), Some(HISTORY));
    assert!(page.text("#record").is_empty(), "none has succeeded or failed");

    let page = server.browser.get(&format!("{HISTORY}?status=broken&commit=main&trigger=manual")).await.expect(422);
    assert!(page.text("main").contains("Nothing was looked for."));
    assert_eq!(page.text("#status-error"), "Choose one from the list.");
    assert!(page.attribute("#status", "autofocus").is_some());
    assert_eq!(page.text("#commit-error"), "Commit is 4 to 64 of the digits 0 to 9 and a to f.");
    assert_eq!((page.value("status").as_deref(), page.value("trigger").as_deref()), (Some("broken"), Some("manual")));
    let page = server.browser.get(&format!("{HISTORY}?before=x&page=2")).await.expect(422);
    assert!(page.text("#filters [role=alert]").contains("In the address, "), "{}", page.text("#filters"));
    let page = server.browser.get(&format!("{HISTORY}?status=failed&status=failed")).await.expect(422);
    assert!(page.text("#filters [role=alert]").contains("status is said twice; say it once."), "{}", page.text("#filters"));
    let stream = server.browser.get(&format!("{HISTORY}/events?status=broken")).await.expect(400);
    assert!(stream.body.contains("status is one of unfinished, success"), "{}", stream.body);
    server.browser.get(&format!("{HISTORY}/1")).await.expect(200);
    for otherwise in ["01", "+1", "%2B1", "x"] {
        server.browser.get(&format!("{HISTORY}/{otherwise}")).await.expect(404);
    }
    add(&server, &[WORKED]).await;
    assert_eq!(server.browser.get("/apps/shop").await.text(".recent-record").split(" · ").next(), Some("The only one succeeded"));
}

#[tokio::test]
async fn an_open_page_keeps_its_filter_as_deployments_come_and_end() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    add(&server, &[failed(Cause::User), WORKED]).await;
    let mut unfinished = server.browser.watch(&format!("{HISTORY}/events?status=unfinished")).await;
    let mut failures = server.browser.watch(&format!("{HISTORY}/events?cause=user")).await;
    assert!(unfinished.fragment("deployments").await.contains("No deployment matches."));
    let first = failures.fragment("deployments").await;
    assert!(first.contains("deployment-row-1") && !first.contains("deployment-row-2"));
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    while !unfinished.fragment("deployments").await.contains("deployment-row-3") {}
    fake.fail(Step::Build, FailureKind::Final);
    fake.release(Step::Build);
    server.wait_for(&path, &["Failed"]).await;
    while !unfinished.fragment("deployments").await.contains("No deployment matches.") {}
    let later = failures.fragment("deployments").await;
    assert!(later.contains("deployment-row-3") && later.contains("deployment-row-1") && !later.contains("deployment-row-2"), "{later}");
}

#[tokio::test]
async fn a_row_says_who_asked_what_it_took_and_how_it_ended_and_nothing_in_it_is_markup() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    add(
        &server,
        &[
            WORKED,
            failed(Cause::Forge),
            Past { trigger: Trigger::Rollback, back_to: Some(1), ..WORKED },
            Past { trigger: Trigger::Config, ..WORKED },
        ],
    )
    .await;
    change(&server, "UPDATE deployments SET attempt = 2, journal_removed_at = finished_at WHERE number = 2").await;
    let page = server.browser.get(HISTORY).await.expect(200);
    let of = |number: i64, what: &str| format!("#deployment-row-{number} {what}");
    assert_eq!(page.text(&of(1, ".deployment-trigger")), "webhook by dev");
    assert_eq!(
        page.attribute(&of(1, ".time-bar"), "aria-label").as_deref(),
        Some("waited 0.4 s, cloned 0.2 s, built 0.5 s, deployed 0.2 s")
    );
    assert_eq!(page.text(&of(1, ".time-bar title")), page.attribute(&of(1, ".time-bar"), "aria-label").unwrap());
    assert_eq!(page.texts(&of(1, ".time-bar rect")).len(), 4);
    assert!(page.text(&of(1, ".deployment-duration")).starts_with("took 1.0 s"));
    assert_eq!(page.texts(&of(1, ".deployment-marks > span")), Vec::<String>::new());
    assert_eq!(page.text(&of(2, ".badge")), "Failed");
    assert_eq!(page.text(&of(2, ".deployment-reason")), "Cause: git host It ended <b>so</b>.");
    assert_eq!(page.texts(&of(2, ".deployment-marks > span")), ["attempt 2", "journal removed"]);
    assert!(page.attribute(&of(2, ".time-bar"), "aria-label").unwrap().starts_with("waited, with the attempts before, 0.4 s, cloned"));
    assert_eq!(page.texts(&of(3, ".deployment-marks > span")), ["rollback to #1"]);
    assert_eq!(page.texts(&of(4, ".deployment-marks > span")), ["settings applied"]);
    assert_eq!(page.attribute(&of(4, ".time-bar"), "aria-label").as_deref(), Some("waited 0.4 s, deployed 0.2 s"));
    assert_eq!(page.text(&of(1, "q")), "<img src=x onerror=alert(1)> [U+202E]gpj.exe");
    assert!(page.texts("main img").is_empty() && page.texts("main b").is_empty(), "{}", page.body);

    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    let queued = server.deploy("shop").await;
    let page = server.browser.get(HISTORY).await.expect(200);
    assert_eq!((page.text(&of(5, ".badge")), page.text(&of(6, ".badge"))), ("Building".to_owned(), "Queued".to_owned()));
    assert!(page.attribute(&of(5, ".time-bar"), "aria-label").unwrap().contains(", building for "));
    assert!(page.attribute(&of(6, ".time-bar"), "aria-label").unwrap().starts_with("waiting for "));
    assert!(page.text(&of(6, ".deployment-duration > span")).is_empty(), "what has not begun has taken no time");
    server.browser.post(&format!("{queued}/cancellation"), &[]).await.expect(303);
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
    let page = server.browser.get(HISTORY).await.expect(200);
    assert!(page.attribute(&of(6, ".time-bar"), "aria-label").unwrap().starts_with("stopped while waiting after "));
}

#[tokio::test]
async fn what_the_last_hundred_come_to_counts_only_what_succeeded_or_failed() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    add(&server, &[WORKED, WORKED, failed(Cause::User), ended(Status::Cancelled), ended(Status::Superseded)]).await;
    let page = server.browser.get(HISTORY).await.expect(200);
    let said = page.text("#record");
    assert!(said.contains("of all 3 that succeeded or failed"), "{said}");
    assert_eq!(page.texts("#record dt"), ["Success rate", "Median duration", "Median build", "Failed because of"]);
    assert_eq!(page.texts("#record dd"), ["66 % 2 of 3", "1.0 s", "0.5 s", "1 app"]);
    let overview = server.browser.get("/apps/shop").await.expect(200);
    assert_eq!(overview.text(".recent-record"), "66 % of all 3 succeeded · median 1.0 s");

    let mut past = vec![WORKED; 96];
    past.extend([failed(Cause::Forge), ended(Status::Cancelled), failed(Cause::Engine), failed(Cause::Forge), failed(Cause::Internal)]);
    add(&server, &past).await;
    let page = server.browser.get(&format!("{HISTORY}?status=cancelled")).await.expect(200);
    let said = page.text("#record");
    assert!(said.contains("of the last 100 that succeeded or failed"), "whatever is filtered: {said}");
    assert_eq!(page.texts("#record dd"), ["96 % 96 of 100", "1.0 s 9 of 10 within 1.0 s", "0.5 s", "2 git host, 1 engine, 1 µPaaS"]);
}

//! What a filter finds beside what the same filter finds in a plain list, and what it costs among a hundred thousand deployments.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::{Row as _, SqliteConnection};
use tempfile::TempDir;

use super::*;
use crate::{
    db::{Db, deployments},
    domain::{commit::CommitId, deployment::Status},
};

/// So many steps of SQLite's machine a page may cost, however many deployments there are: a few hundred a row.
const STEPS_MAX: usize = 30_000;
const STEPS_APART: i32 = 100;
const MANY: i64 = 100_000;

/// A database with one app, whose deployments are made by one statement: of each `n` up to `count`, these values.
async fn filled(count: i64, status: &str, trigger: &str, cause: &str) -> (TempDir, Db, AppId) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::open(&folder.path().join("upaas.db")).await.expect("opens");
    let app = AppId::new();
    let mut connection = db.write().acquire().await.expect("a connection");
    // What the app itself is like does not matter here.
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *connection).await.expect("is set");
    let commit = "CASE WHEN n % 2 THEN printf('%08x%032x', n * 2654435761 % 4294967296, n) END";
    sqlx::query(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}),
                many AS (SELECT n, {status} AS status, {trigger} AS asked, {cause} AS cause FROM numbers)
         INSERT INTO deployments (id, app_id, number, \"trigger\", status, requested_commit, commit_id, commit_message, commit_author, committed_at,
                                  queued_at, cloning_at, finished_at, failure_cause, ending)
         SELECT printf('018f0000-0000-7000-8000-%012x', n), ?, n, asked, status, printf('%08x%032x', n * 2654435761 % 4294967296, n),
                {commit}, iif(n % 2, 'Work', NULL), iif(n % 2, 'dev', NULL), iif(n % 2, n, NULL),
                n, iif(status = 'queued', NULL, n + 1), iif(status IN ('queued', 'building'), NULL, n + 11), iif(status = 'failed', cause, NULL),
                iif(status IN ('queued', 'building', 'success'), NULL, 'Ended.')
         FROM many"
    ))
    .bind(app)
    .execute(&mut *connection)
    .await
    .expect("inserts");
    drop(connection);
    (folder, db, app)
}

/// Every choice of filters: none, each alone, and so on to all at once.
fn every_filter(commit: &str) -> Vec<Filter> {
    fn any<T: Copy>(all: &[T]) -> Vec<Option<T>> {
        std::iter::once(None).chain(all.iter().copied().map(Some)).collect()
    }
    let commit: CommitPrefix = commit.parse().expect("a prefix");
    let mut filters = Vec::new();
    for outcome in any(Outcome::ALL) {
        for trigger in any(Trigger::ALL) {
            for cause in any(Cause::ALL) {
                for commit in [None, Some(commit.clone())] {
                    filters.push(Filter { outcome, trigger, cause, commit });
                }
            }
        }
    }
    filters
}

fn lets_through(filter: &Filter, deployment: &Deployment) -> bool {
    let commit = deployment.commit.as_ref().map(|it| &it.id).or(deployment.requested_commit.as_ref());
    let status = deployment.status;
    filter.outcome.is_none_or(|it| it.status().map_or(!status.is_end(), |end| end == status))
        && filter.trigger.is_none_or(|it| it == deployment.trigger)
        && filter.cause.is_none_or(|it| deployment.ending.as_ref().and_then(|ending| ending.cause) == Some(it))
        && filter.commit.as_ref().is_none_or(|it| commit.is_some_and(|id| id.as_str().starts_with(it.as_str())))
}

#[tokio::test]
async fn every_filter_finds_what_is_so_and_nothing_else_page_by_page() {
    let words = |all: &[&str]| all.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let nth = |all: &[&str], by: &str| format!("json_extract(json_array({}), '$[' || (({by}) % {}) || ']')", words(all), all.len());
    let statuses: Vec<&str> = Status::ALL.iter().map(|it| it.as_str()).filter(|it| !["cloning", "deploying"].contains(it)).collect();
    let triggers: Vec<&str> = Trigger::ALL.iter().map(|it| it.as_str()).collect();
    let causes: Vec<&str> = Cause::ALL.iter().map(|it| it.as_str()).collect();
    let (_folder, db, app) = filled(420, &nth(&statuses, "n"), &nth(&triggers, "n / 7"), &nth(&causes, "n / 42")).await;
    let all = deployments::before(db.read(), app, i64::MAX, 1000).await.expect("reads");
    assert_eq!(all.len(), 420);
    let one: CommitId = all[3].requested_commit.clone().expect("each asks for a commit");
    let mut found = 0;
    for filter in every_filter(&one.as_str()[..4]) {
        let wanted: Vec<i64> = all.iter().filter(|it| lets_through(&filter, it)).map(|it| it.number).collect();
        let mut pages = Vec::new();
        loop {
            let place = pages.last().copied().unwrap_or(i64::MAX);
            let page = before(db.read(), app, &filter, place, 7).await.expect("reads");
            pages.extend(page.iter().map(|it| it.number));
            if page.len() < 7 {
                break;
            }
        }
        assert_eq!(pages, wanted, "{filter:?}");
        found += usize::from(!wanted.is_empty());
    }
    assert!(found > 60, "only {found} filters find anything");
    assert!(before(db.read(), AppId::new(), &Filter::default(), i64::MAX, 7).await.expect("reads").is_empty(), "another app has others");
}

/// How many steps SQLite's machine makes meanwhile, to the next hundred.
async fn steps(connection: &mut SqliteConnection, read: impl AsyncFnOnce(&mut SqliteConnection)) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    connection.lock_handle().await.expect("a handle").set_progress_handler(STEPS_APART, move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    read(&mut *connection).await;
    connection.lock_handle().await.expect("a handle").remove_progress_handler();
    (count.load(Ordering::Relaxed) + 1) * STEPS_APART as usize
}

#[tokio::test]
async fn among_a_hundred_thousand_deployments_no_filter_reads_more_than_it_shows() {
    // Years of pushes that worked, after a few failures of another kind in the first days, which every search has to find at the far end.
    let early = |word: &str, otherwise: &str| format!("CASE WHEN n <= 20 THEN '{word}' ELSE '{otherwise}' END");
    let rare_failures = (early("failed", "success"), early("manual", "webhook"), "'forge'".to_owned());
    // And years of the same failure.
    let rare_successes = (early("success", "failed"), early("poll", "manual"), early("user", "user"));
    for (status, trigger, cause) in [rare_failures, rare_successes] {
        let (_folder, db, app) = filled(MANY, &status, &trigger, &cause).await;
        let mut connection = db.read().acquire().await.expect("a connection");
        for filter in every_filter("0c79") {
            for number in [i64::MAX, MANY / 2] {
                let steps = steps(&mut connection, async |connection| {
                    before(connection, app, &filter, number, 51).await.expect("reads");
                })
                .await;
                assert!(steps <= STEPS_MAX, "{steps} steps for {filter:?}");
            }
        }
        let steps = steps(&mut connection, async |connection| {
            let record = record(connection, app).await.expect("reads");
            assert_eq!(record.runs, Record::RUNS_MAX);
        })
        .await;
        assert!(steps <= STEPS_MAX, "{steps} steps for the record");
    }
}

#[tokio::test]
async fn only_a_commits_deployments_are_sorted() {
    let (_folder, db, app) = filled(1, "'success'", "'webhook'", "NULL").await;
    for filter in every_filter("0c79").into_iter().filter(|it| !it.is_contradictory()) {
        let sql = format!("EXPLAIN QUERY PLAN {}", select(app, &filter, 9, 51).sql());
        let plan = sqlx::query(&sql).bind(app).fetch_all(db.read()).await.expect("is planned");
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        let by_commit = filter.commit.is_some() && filter.outcome != Some(Outcome::Unfinished);
        assert!(steps[0].starts_with("SEARCH deployments USING INDEX"), "{filter:?}: {steps:?}");
        assert_eq!(steps.len() > 1, by_commit, "{filter:?}: {steps:?}");
    }
}

#[tokio::test]
async fn the_record_is_that_of_the_newest_hundred_that_succeeded_or_failed() {
    let (_folder, db, app) = filled(
        400,
        "CASE n % 4 WHEN 0 THEN 'success' WHEN 1 THEN 'failed' WHEN 2 THEN 'skipped' ELSE 'cancelled' END",
        "'webhook'",
        "iif(n > 380, 'engine', 'user')",
    )
    .await;
    let record = record(db.read(), app).await.expect("reads");
    assert_eq!((record.runs, record.successes, record.median), (100, 50, Some(10)));
    assert_eq!(record.causes, [(Cause::User, 45), (Cause::Engine, 5)]);
}

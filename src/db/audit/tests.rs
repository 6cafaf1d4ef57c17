//! What a filter finds, on a migrated database, beside what the same filter finds in a plain list.

use tempfile::TempDir;

use super::*;
use crate::db::Db;

const USERS: [&str; 4] = ["ada", "Ada", "-", "eve \"the\" µ"];
const ACTIONS: [Action; 3] = [Action::Login, Action::Deploy, Action::WebhookReceived];
const RESOURCES: [Resource; 3] = [Resource::User, Resource::Deployment, Resource::Delivery];
const ENTRIES: usize = 240;

async fn empty() -> (TempDir, Db) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::open(&folder.path().join("upaas.db")).await.expect("opens");
    (folder, db)
}

fn act(action: Action, outcome: Outcome, user: &str, resource: Resource, name: &str, detail: &str) -> Act {
    let actor = Actor { user: Some(1), name: user.to_owned(), address: Some([203, 0, 113, 9].into()) };
    Act { action, outcome, actor, subject: Subject::new(resource, 7, name), detail: detail.to_owned() }
}

/// Many entries of every kind; the clock is set back in the middle.
async fn filled() -> (TempDir, Db, Vec<Entry>) {
    let (folder, db) = empty().await;
    let mut tx = db.begin().await.expect("begins");
    let mut entries = Vec::new();
    for number in 0..ENTRIES {
        // Steps that have nothing in common, so that every combination occurs.
        let outcome = if number % 7 == 0 { Outcome::Failure } else { Outcome::Success };
        let (action, resource) = (ACTIONS[number % 3], RESOURCES[(number / 3 + number / 50) % 3]);
        let name = format!("shop#{number}");
        let act = act(action, outcome, USERS[(number / 5) % 4], resource, &name, "success after 12 s");
        let at = Moment::from_unix_ms(if number < ENTRIES / 2 { 10_000 + number as i64 } else { 9_960 + number as i64 });
        insert(&mut *tx, at, &act).await.expect("inserts");
        entries.push(Entry { id: number as i64 + 1, at, act });
    }
    tx.commit().await.expect("commits");
    entries.reverse();
    (folder, db, entries)
}

fn lets_through(filter: &Filter, entry: &Entry) -> bool {
    let act = &entry.act;
    filter.action.is_none_or(|it| it == act.action)
        && filter.outcome.is_none_or(|it| it == act.outcome)
        && filter.resource.is_none_or(|it| it == act.subject.kind)
        && filter.user.as_ref().is_none_or(|it| *it == act.actor.name)
        && filter.from.is_none_or(|it| entry.at >= it)
        && filter.until.is_none_or(|it| entry.at < it)
        && filter.words.iter().all(|word| word.starts_with("succ") || word == "-")
}

/// Every choice of filters: each alone, all pairs, and so on to all at once.
fn every_filter() -> Vec<Filter> {
    let time = |ms| Some(Moment::from_unix_ms(ms));
    let choices = |chosen: usize, user: &str| Filter {
        action: (chosen & 1 != 0).then_some(Action::Deploy),
        outcome: (chosen & 2 != 0).then_some(Outcome::Failure),
        resource: (chosen & 4 != 0).then_some(Resource::Deployment),
        user: (chosen & 8 != 0).then(|| user.to_owned()),
        from: time(10_090).filter(|_| chosen & 16 != 0),
        until: time(10_110).filter(|_| chosen & 32 != 0),
        words: if chosen & 64 != 0 { vec!["succ".to_owned()] } else { Vec::new() },
    };
    let mut filters: Vec<Filter> = (0..128).flat_map(|chosen| USERS.map(|user| choices(chosen, user))).collect();
    filters.extend((0..128).map(|chosen| Filter { outcome: Some(Outcome::Success), ..choices(chosen, "ada") }));
    filters
}

#[tokio::test]
async fn every_combination_of_filters_finds_what_it_says_newest_first() {
    let (_folder, db, entries) = filled().await;
    let mut found = 0;
    for filter in every_filter() {
        let wanted: Vec<&Entry> = entries.iter().filter(|entry| lets_through(&filter, entry)).collect();
        let got = newest(db.read(), &filter, None, ENTRIES as i64).await.expect("finds");
        assert_eq!(got.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
        found += got.len();
    }
    assert!(found > 1000, "the filters find something: {found}");
}

#[tokio::test]
async fn pages_join_without_a_gap_or_a_double() {
    let (_folder, db, entries) = filled().await;
    for filter in every_filter() {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = newest(db.read(), &filter, before, 7).await.expect("finds");
            assert!(page.len() <= 7);
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            pages.extend(page);
        }
        let wanted: Vec<Entry> = entries.iter().filter(|entry| lets_through(&filter, entry)).cloned().collect();
        assert_eq!(pages, wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn a_time_begins_with_its_first_moment_and_ends_before_its_last() {
    let (_folder, db) = empty().await;
    for at in [10, 20, 20, 30, 5] {
        insert(db.write(), Moment::from_unix_ms(at), &act(Action::Login, Outcome::Success, "ada", Resource::User, "ada", ""))
            .await
            .expect("inserts");
    }
    for (from, until, wanted) in [
        (None, None, &[5, 4, 3, 2, 1][..]),
        (Some(20), None, &[4, 3, 2]),
        (None, Some(20), &[5, 1]),
        (Some(20), Some(30), &[3, 2]),
        (Some(20), Some(21), &[3, 2]),
        (Some(31), None, &[]),
        (None, Some(5), &[]),
        (Some(i64::MIN), Some(i64::MAX), &[5, 4, 3, 2, 1]),
    ] {
        let filter = Filter { from: from.map(Moment::from_unix_ms), until: until.map(Moment::from_unix_ms), ..Filter::default() };
        let got = newest(db.read(), &filter, None, 9).await.expect("finds");
        assert_eq!(got.iter().map(|entry| entry.id).collect::<Vec<_>>(), wanted, "{from:?} {until:?}");
    }
}

#[tokio::test]
async fn the_search_takes_words_as_words_whatever_stands_in_them() {
    let (_folder, db) = empty().await;
    let details = ["commit 0c79164d on main", "größe NOT ok", "say \"hello\" AND go", "50 % (done) a*b", "nul\0byte", "日本語 テスト"];
    for detail in details {
        insert(
            db.write(),
            Moment::from_unix_ms(1),
            &act(Action::DeployCancel, Outcome::Success, "ada", Resource::Deployment, "shop#12", detail),
        )
        .await
        .expect("inserts");
    }
    let all = &[6, 5, 4, 3, 2, 1][..];
    for (words, wanted) in [
        ("0c79", &[1][..]),
        ("79164d", &[]),
        ("main commit", &[1]),
        ("GRÖß", &[2]),
        ("große", &[2]),
        ("NOT", &[2]),
        ("AND", &[3]),
        ("\"hello\"", &[3]),
        ("\"hello", &[3]),
        ("hello AND nothing", &[]),
        ("a*b", &[4]),
        ("(done)", &[4]),
        ("50 %", &[4]),
        ("nul\0byte", &[5]),
        ("日本", &[6]),
        ("shop#12", all),
        ("shop#1", all),
        ("hop", &[]),
        ("203.0.113", all),
        ("deploy_cancel", all),
        ("detail:commit", &[]),
        ("-", all),
        ("*", all),
        ("\"", all),
        ("- ^ \" : ( ) + * 😀", all),
        ("- commit", &[1]),
        ("NEAR( ) commit", &[]),
    ] {
        let filter = Filter { words: words.split(' ').map(str::to_owned).collect(), ..Filter::default() };
        let got = newest(db.read(), &filter, None, 9).await.unwrap_or_else(|err| panic!("{words}: {err:?}"));
        assert_eq!(got.iter().map(|entry| entry.id).collect::<Vec<_>>(), wanted, "{words}");
    }
}

#[tokio::test]
async fn a_name_is_the_whole_name_and_its_letters_count() {
    let (_folder, db, _) = filled().await;
    for (user, action) in USERS.iter().flat_map(|user| [(user, None), (user, Some(Action::Login))]) {
        let filter = Filter { user: Some((*user).to_owned()), action, ..Filter::default() };
        let got = newest(db.read(), &filter, None, 500).await.expect("finds");
        assert!(!got.is_empty() && got.iter().all(|entry| entry.act.actor.name == *user), "{user}");
    }
    for nobody in ["ad", "ADA", "", "ada\0", "'", "eve"] {
        for action in [None, Some(Action::Login)] {
            let filter = Filter { user: Some(nobody.to_owned()), action, ..Filter::default() };
            assert_eq!(newest(db.read(), &filter, None, 500).await.expect("finds"), [], "{nobody}");
        }
    }
}

/// The plan of a query: a line a step.
async fn plan(db: &Db, sql: &str) -> Vec<String> {
    let steps: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(&format!("EXPLAIN QUERY PLAN {sql}")).fetch_all(db.read()).await.expect("is explained");
    steps.into_iter().map(|(.., step)| step).collect()
}

#[tokio::test]
async fn no_filter_reads_all_entries_or_sorts_them() {
    let (folder, db, _) = filled().await;
    // Also not when SQLite has counted and thinks that it knows better.
    for analyse in ["SELECT 1", "ANALYZE"] {
        sqlx::query(analyse).execute(db.write()).await.expect("runs");
        // What was counted is read by who opens the file: a connection that only explains does not look for it again.
        let db = Db::open(&folder.path().join("upaas.db")).await.expect("opens");
        for filter in every_filter() {
            let plan = plan(&db, select(&filter, Span::ALL, 51).sql()).await;
            let starts = match search(&filter) {
                None => vec!["SEARCH audit_log USING"],
                Some(_) => vec!["SCAN audit_search VIRTUAL TABLE INDEX", "SEARCH audit_log USING INTEGER PRIMARY KEY (rowid=?)"],
            };
            let good = plan.len() == starts.len() && plan.iter().zip(starts).all(|(step, start)| step.starts_with(start));
            assert!(good, "{filter:?}: {plan:?}");
        }
        let span = plan(&db, "SELECT min(id), max(id) FROM audit_log WHERE at >= 1 AND at < 2").await;
        assert_eq!(span, ["SEARCH audit_log USING COVERING INDEX audit_log_by_time (at>? AND at<?)"]);
    }
}

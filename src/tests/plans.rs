//! No statement reads a whole table that grows: every one that a day in the life runs is looked at as SQLite plans it.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    process::Command,
    sync::{Mutex, OnceLock},
};

use sqlx::{Connection, Row, SqliteConnection};
use tokio::runtime::Runtime;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, prelude::*};

use super::{
    audit::do_everything,
    support::{fake::Fake, server::Server},
};

/// Tables whose rows are few by their nature: the administrator, the apps, what was set, who may ask, who is signed in.
const SMALL: &[&str] = &[
    "users",
    "apps",
    "settings",
    "tokens",
    "host_keys",
    "registries",
    "deletions",
    "tower_sessions",
    "_sqlx_migrations",
    "sqlite_master",
    "sqlite_schema",
];

/// Every statement that this process has run.
fn statements() -> &'static Mutex<BTreeSet<String>> {
    static STATEMENTS: OnceLock<Mutex<BTreeSet<String>>> = OnceLock::new();
    STATEMENTS.get_or_init(Mutex::default)
}

struct Listening;

impl<S: Subscriber> Layer<S> for Listening {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let statement = if said.statement.trim().is_empty() { said.summary } else { said.statement };
        statements().lock().unwrap().insert(statement.trim().to_owned());
    }
}

/// What sqlx tells of a statement: its beginning, and the whole when that is longer.
#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// What a plan reads from end to end, or sorts, of a table that grows.
fn offence(step: &str) -> bool {
    let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split_whitespace().next());
    // The index of words, and one that holds unfinished deployments only.
    let by_words = step.contains("VIRTUAL TABLE INDEX") && step.contains(":M");
    let of_few = step.ends_with("USING INDEX deployments_unfinished");
    scanned.is_some_and(|table| {
        !table.starts_with('(') && table != "CONSTANT" && !table.starts_with("pragma_") && !SMALL.contains(&table) && !by_words && !of_few
    })
}

/// What other tests ask a database beside µPaaS is none of its statements: the test starts itself once more, to be alone in its process.
#[test]
fn no_statement_reads_a_whole_table_that_grows() {
    const ALONE: &str = "TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return Runtime::new().unwrap().block_on(look_at_every_statement());
    }
    let this = "plans::no_statement_reads_a_whole_table_that_grows";
    let ended = Command::new(std::env::current_exe().unwrap()).args(["--exact", this, "--nocapture"]).env(ALONE, "yes").output().unwrap();
    let said = [ended.stdout, ended.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    assert!(ended.status.success(), "{said}");
}

async fn look_at_every_statement() {
    let listening = Listening.with_filter(filter_fn(|metadata| metadata.target() == "sqlx::query"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(listening)).unwrap();

    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    do_everything(&mut server, &fake).await;
    fake.add_commit(&fake.tip(), "Add b");
    for page in [
        "/",
        "/apps/shop",
        "/apps/shop/commits",
        "/apps/shop/settings",
        "/apps/shop/deployments",
        "/apps/shop/deployments?before=3",
        "/apps/shop/deployments/1",
        "/apps/shop/deployments/4/rollback",
        "/apps/shop/compare?from=1&to=4",
        "/apps/shop/deliveries",
        "/apps/shop/deliveries?before=019aa000-0000-7000-8000-000000000001",
        "/system",
        "/settings",
        "/audit",
        "/health",
        "/health/ready",
        "/metrics",
    ] {
        server.browser.get(page).await;
    }
    for filter in [
        "",
        "action=LOGIN",
        "result=FAILURE",
        "result=SUCCESS",
        "resource=app",
        "user=ada",
        "q=shop",
        "from=2026-01-01",
        "until=2026-12-31",
    ] {
        for other in ["before=9", "action=DEPLOY", "result=FAILURE", "user=ada", "q=shop+ada", "from=2026-01-01&until=2027-01-01"] {
            server.browser.get(&format!("/api/audit?{filter}&{other}")).await;
        }
    }

    for filter in ["", "status=success", "status=failed", "status=unfinished"] {
        for other in ["", "trigger=manual", "cause=user", "commit=0c79", "trigger=webhook&cause=forge", "trigger=manual&commit=0c79164d"] {
            server.browser.get(&format!("/apps/shop/deployments?{filter}&{other}&before=9")).await.expect(200);
        }
    }

    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    let ran = statements().lock().unwrap().clone();
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    // Scripts with several statements are those of tests and migrations.
    let single = ran.iter().filter(|it| !it.contains(';'));
    for statement in single.filter(|it| ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| it.starts_with(verb))) {
        looked_at += 1;
        let plan = sqlx::query(&format!("EXPLAIN QUERY PLAN {statement}")).fetch_all(&mut database).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        // The first row of all is one row.
        let takes_the_first = statement.ends_with("LIMIT 1") && !statement.contains("WHERE");
        if !takes_the_first && steps.iter().any(|step| offence(step)) {
            wrong.push(format!("{statement}\n{}", steps.join("\n")));
        }
    }
    assert!(looked_at > 60, "{looked_at} statements were heard of");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

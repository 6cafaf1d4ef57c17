//! Every version's filled database opens in this one, with everything in it.

use std::borrow::Cow;

use sqlx::{Connection, SqliteConnection, migrate::Migrator};
use upaas::{
    db::{self, Db, MIGRATOR},
    domain::{
        app::DesiredState,
        deployment::{PhaseLines, Status},
        retention::Retention,
    },
};

/// A database as the first version left it.
const FILLED_1: &str = "
    INSERT INTO settings VALUES ('instance_id', '7b1ea4b6-5f0a-4c3e-9a55-94ad3a0b2c11'), ('base_url', 'http://deploy.example.org');
    INSERT INTO users (id, username, password_hash, created_at) VALUES (1, 'ada', '$argon2id$', 1);
    INSERT INTO secret_versions VALUES ('019aa000-0000-7000-8000-000000000001', x'00', 1), ('019aa000-0000-7000-8000-000000000002', x'01', 1);
    INSERT INTO apps (id, slug, name, config, desired_state, last_number, deploy_key_public, deploy_key_id, webhook_uuid, webhook_secret_id, created_at)
    VALUES ('019aa000-0000-7000-8000-000000000003', 'shop', 'shop',
            '{\"repo_url\":\"git@git.example.org:dev/shop.git\",\"branch\":\"main\",\"dockerfile_path\":\"Dockerfile\",\"context_path\":\".\",
              \"publish\":{\"host_address\":\"127.0.0.1\",\"host_port\":{\"fixed\":8081},\"container_port\":80}}',
            'running', 2, 'ssh-ed25519 AAAA', '019aa000-0000-7000-8000-000000000001', 'b7c2d5a0-7d43-4b8a-8a8b-3f1c1d1e2f30',
            '019aa000-0000-7000-8000-000000000002', 1);
    INSERT INTO deployments (id, app_id, number, \"trigger\", requested_by, status, commit_id, commit_message, commit_author, committed_at, image,
                             container, queued_at, cloning_at, building_at, deploying_at, finished_at)
    VALUES ('019aa000-0000-7000-8000-000000000004', '019aa000-0000-7000-8000-000000000003', 1, 'manual', 'ada', 'success',
            '0c79164d00000000000000000000000000000000', 'Add b', 'dev', 1, 'sha256:1', 'c1', 1, 2, 3, 4, 5);
    INSERT INTO deployments (id, app_id, number, \"trigger\", requested_by, status, queued_at, cloning_at, cancel_requested_at)
    VALUES ('019aa000-0000-7000-8000-000000000005', '019aa000-0000-7000-8000-000000000003', 2, 'manual', 'ada', 'cloning', 6, 7, 8);
    UPDATE apps SET live_deployment_id = '019aa000-0000-7000-8000-000000000004';";

#[tokio::test]
async fn a_database_of_the_first_version_opens_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upaas.db");
    let first = MIGRATOR.iter().filter(|migration| migration.version == 1).cloned().collect();
    let mut old = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT }.run(&mut old).await.unwrap();
    sqlx::raw_sql(FILLED_1).execute(&mut old).await.unwrap();
    sqlx::raw_sql("ANALYZE").execute(&mut old).await.unwrap();
    old.close().await.unwrap();

    let db = Db::open(&file).await.unwrap();
    let app = db::apps::by_slug(db.read(), &"shop".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((app.desired_state, app.auto_deploy_paused, app.halted), (DesiredState::Running, None, None));
    let port = app.config.run.ports[0];
    assert_eq!((port.container_port, port.held().unwrap().to_string()), (80, "port 8081 on 127.0.0.1".to_owned()));
    assert_eq!((app.config.source.branch.as_str(), app.config.build.time_limit.minutes()), ("main", 30));
    let rows = db::deployments::before(db.read(), app.id, i64::MAX, 9).await.unwrap();
    assert_eq!(rows.iter().map(|it| (it.number, it.status)).collect::<Vec<_>>(), [(2, Status::Cloning), (1, Status::Success)]);
    assert_eq!(rows[0].cancel.as_deref(), Some("Cancelled"), "a cancellation without a reason stays one");
    assert_eq!(app.live_deployment, Some(rows[1].id));
    assert_eq!((rows[1].lines, rows[1].times.building.is_some()), (PhaseLines::default(), true));
    assert_eq!(
        db::journals::next_to_compress(db.read(), None).await.unwrap(),
        Some((rows[1].id, app.id, 1)),
        "what has ended is compressed"
    );
    assert!(db::deliveries::newest(db.read(), app.id).await.unwrap().is_none());
    assert_eq!((rows[1].journal_removed, db::audit::last(db.read()).await.unwrap()), (None, 0));
    assert_eq!(db::settings::retention(db.read()).await.unwrap(), Retention::default());
    let statistics: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'").fetch_one(db.read()).await.unwrap();
    assert_eq!(statistics, 0, "plans depend on statements alone");
    assert_eq!(db::settings::base_url(db.read()).await.unwrap().as_deref(), Some("http://deploy.example.org"));
}

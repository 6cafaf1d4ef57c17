//! Apps. Of one that was deleted nobody finds anything any more, though its row stays for a while ([`super::deletions`]).

use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Error, secrets};
use crate::domain::{
    app::{App, DesiredState, Pause},
    app_config::AppConfig,
    ids::{AppId, DeploymentId, SecretId, WebhookId},
    moment::Moment,
    slug::Slug,
};

/// The columns of [`Row`], as a literal for `concat!`.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, slug, name, config, desired_state, auto_deploy_paused_at, auto_deploy_paused_by, halted, live_deployment_id,
                    deploy_key_public, deploy_key_id, webhook_uuid, webhook_secret_id, created_at
             FROM apps WHERE id NOT IN (SELECT app_id FROM deletions) ",
            $tail
        )
    };
}

#[derive(FromRow)]
struct Row {
    id: AppId,
    slug: String,
    name: String,
    config: String,
    desired_state: DesiredState,
    auto_deploy_paused_at: Option<Moment>,
    auto_deploy_paused_by: Option<String>,
    halted: Option<String>,
    live_deployment_id: Option<DeploymentId>,
    deploy_key_public: String,
    deploy_key_id: SecretId,
    webhook_uuid: WebhookId,
    webhook_secret_id: SecretId,
    created_at: Moment,
}

impl TryFrom<Row> for App {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            slug: row.slug.parse()?,
            name: row.name,
            config: serde_json::from_str(&row.config)?,
            desired_state: row.desired_state,
            auto_deploy_paused: row.auto_deploy_paused_at.zip(row.auto_deploy_paused_by).map(|(since, by)| Pause { since, by }),
            halted: row.halted,
            live_deployment: row.live_deployment_id,
            deploy_key_public: row.deploy_key_public,
            deploy_key: row.deploy_key_id,
            webhook: row.webhook_uuid,
            webhook_secret: row.webhook_secret_id,
            created_at: row.created_at,
        })
    }
}

/// Creates an app, of which no configuration refers to secrets yet; [`Error::Taken`] when its slug is in use. Its own secrets must be
/// there already.
pub async fn insert(db: impl SqliteExecutor<'_>, app: &App) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO apps (id, slug, name, config, desired_state, deploy_key_public, deploy_key_id, webhook_uuid, webhook_secret_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(app.id)
    .bind(app.slug.as_str())
    .bind(&app.name)
    .bind(serde_json::to_string(&app.config)?)
    .bind(app.desired_state)
    .bind(&app.deploy_key_public)
    .bind(app.deploy_key)
    .bind(app.webhook)
    .bind(app.webhook_secret)
    .bind(app.created_at)
    .execute(db)
    .await?;
    Ok(())
}

/// The app with this slug.
pub async fn by_slug(db: impl SqliteExecutor<'_>, slug: &Slug) -> Result<Option<App>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("AND slug = ?")).bind(slug.as_str()).fetch_optional(db).await?;
    row.map(App::try_from).transpose()
}

/// The app with this id, if there is one.
pub async fn find(db: impl SqliteExecutor<'_>, id: AppId) -> Result<Option<App>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("AND id = ?")).bind(id).fetch_optional(db).await?;
    row.map(App::try_from).transpose()
}

/// The app with this id; [`Error::Stale`] when it was deleted meanwhile.
pub async fn get(db: impl SqliteExecutor<'_>, id: AppId) -> Result<App, Error> {
    find(db, id).await?.ok_or(Error::Stale("app"))
}

/// The app that a webhook URL belongs to.
pub async fn by_webhook(db: impl SqliteExecutor<'_>, webhook: WebhookId) -> Result<Option<App>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("AND webhook_uuid = ?")).bind(webhook).fetch_optional(db).await?;
    row.map(App::try_from).transpose()
}

/// All apps, by slug.
pub async fn all(db: impl SqliteExecutor<'_>) -> Result<Vec<App>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("ORDER BY slug")).fetch_all(db).await?;
    rows.into_iter().map(App::try_from).collect()
}

/// Takes the next deployment number of an app. Numbers are never given twice. [`Error::Stale`] when the app was deleted meanwhile.
pub async fn next_number(tx: &mut SqliteConnection, app: AppId) -> Result<i64, Error> {
    let next = sqlx::query_scalar(
        "UPDATE apps SET last_number = last_number + 1 WHERE id = ? AND id NOT IN (SELECT app_id FROM deletions) RETURNING last_number",
    );
    next.bind(app).fetch_optional(tx).await?.ok_or(Error::Stale("app"))
}

/// Notes that an app has had a deployment with this number.
pub async fn raise_last_number(db: impl SqliteExecutor<'_>, app: AppId, number: i64) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET last_number = max(last_number, ?) WHERE id = ?").bind(number).bind(app).execute(db).await?;
    Ok(())
}

/// Replaces the configuration; the next deployment uses it. The secrets that it refers to must be there already; those that nothing
/// refers to any more go.
pub async fn set_config(tx: &mut SqliteConnection, app: AppId, config: &AppConfig) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET config = ? WHERE id = ?").bind(serde_json::to_string(config)?).bind(app).execute(&mut *tx).await?;
    let before: Vec<SecretId> =
        sqlx::query_scalar("DELETE FROM app_secrets WHERE app_id = ? RETURNING secret_id").bind(app).fetch_all(&mut *tx).await?;
    for (name, secret) in config.secrets() {
        let insert = sqlx::query("INSERT INTO app_secrets (app_id, name, secret_id) VALUES (?, ?, ?)");
        insert.bind(app).bind(name).bind(secret).execute(&mut *tx).await?;
    }
    for secret in before {
        secrets::remove_unused(&mut *tx, secret).await?;
    }
    Ok(())
}

/// Gives an app another name on pages.
pub async fn set_name(db: impl SqliteExecutor<'_>, app: AppId, name: &str) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET name = ? WHERE id = ?").bind(name).bind(app).execute(db).await?;
    Ok(())
}

/// Gives an app another deploy key, which must be there already; the old one goes.
pub async fn set_deploy_key(tx: &mut SqliteConnection, app: &App, public: &str, key: SecretId) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET deploy_key_public = ?, deploy_key_id = ? WHERE id = ?")
        .bind(public)
        .bind(key)
        .bind(app.id)
        .execute(&mut *tx)
        .await?;
    secrets::remove_unused(tx, app.deploy_key).await
}

/// Gives an app another webhook secret, which must be there already; the old one goes.
pub async fn set_webhook_secret(tx: &mut SqliteConnection, app: &App, secret: SecretId) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET webhook_secret_id = ? WHERE id = ?").bind(secret).bind(app.id).execute(&mut *tx).await?;
    secrets::remove_unused(tx, app.webhook_secret).await
}

/// Records what the operator wants of an app.
pub async fn set_desired_state(db: impl SqliteExecutor<'_>, app: AppId, desired: DesiredState) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET desired_state = ? WHERE id = ?").bind(desired).bind(app).execute(db).await?;
    Ok(())
}

/// Pauses auto-deploy, or resumes it.
pub async fn set_auto_deploy_paused(db: impl SqliteExecutor<'_>, app: AppId, pause: Option<&Pause>) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET auto_deploy_paused_at = ?, auto_deploy_paused_by = ? WHERE id = ?")
        .bind(pause.map(|it| it.since))
        .bind(pause.map(|it| &it.by))
        .bind(app)
        .execute(db)
        .await?;
    Ok(())
}

/// Notes why µPaaS has stopped an app's container, or that it runs again.
pub async fn set_halted(db: impl SqliteExecutor<'_>, app: AppId, why: Option<&str>) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET halted = ? WHERE id = ?").bind(why).bind(app).execute(db).await?;
    Ok(())
}

/// Moves the live pointer: from here on this deployment's container is the one that serves, and should.
pub async fn set_live(db: impl SqliteExecutor<'_>, app: AppId, deployment: DeploymentId) -> Result<(), Error> {
    sqlx::query("UPDATE apps SET live_deployment_id = ?, halted = NULL, desired_state = 'running' WHERE id = ?")
        .bind(deployment)
        .bind(app)
        .execute(db)
        .await?;
    Ok(())
}

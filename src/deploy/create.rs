//! A new app: its row, its deploy key and its webhook secret, all or nothing.

use super::{Error, Shared};
use crate::{
    audit, db,
    domain::{
        app::{App, AppConfig, DesiredState},
        audit::{Act, Action, Actor, Subject},
        ids::{AppId, SecretId, WebhookId},
        moment::Moment,
        secret::Secret,
        slug::Slug,
    },
    vault,
};

pub(super) async fn create(shared: &Shared, slug: Slug, config: AppConfig, by: &Actor) -> Result<App, Error> {
    let created_at = Moment::now();
    let key = vault::new_deploy_key(&format!("upaas_{}_{slug}", created_at.date()))?;
    let mut tx = shared.db.begin().await?;
    let deploy_key = keep(shared, &mut tx, &key.private).await?;
    let webhook_secret = keep(shared, &mut tx, &vault::random_secret()).await?;
    let app = App {
        id: AppId::new(),
        name: slug.to_string(),
        slug,
        config,
        desired_state: DesiredState::Running,
        auto_deploy_paused: None,
        halted: None,
        live_deployment: None,
        deploy_key_public: key.public,
        deploy_key,
        webhook: WebhookId::new(),
        webhook_secret,
        created_at,
    };
    match db::apps::insert(&mut *tx, &app).await {
        Ok(()) => {}
        Err(db::Error::Taken(_)) => return Err(Error::SlugTaken),
        Err(err) => return Err(err.into()),
    }
    let detail = format!("{} of {}", app.config.branch, app.config.repo_url);
    audit::record(&mut tx, &Act::done(Action::AppCreate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(app)
}

async fn keep(shared: &Shared, tx: &mut db::Transaction, secret: &Secret) -> Result<SecretId, Error> {
    let id = SecretId::new();
    db::secrets::insert(&mut **tx, id, &shared.vault.seal(id, secret)).await?;
    Ok(id)
}

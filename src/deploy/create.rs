//! A new app: its row, its deploy key and its webhook secret, all or nothing.

use super::{Error, Shared, keys};
use crate::{
    audit, db,
    domain::{
        app::{App, DesiredState},
        app_config::AppConfig,
        audit::{Act, Action, Actor, Subject},
        ids::{AppId, WebhookId},
        moment::Moment,
        slug::Slug,
    },
    vault,
};

pub(super) async fn create(shared: &Shared, slug: Slug, config: AppConfig, by: &Actor) -> Result<App, Error> {
    let created_at = Moment::now();
    let key = keys::new_deploy_key(&slug)?;
    let mut tx = shared.db.begin().await?;
    let deploy_key = shared.keep(&mut tx, &key.private).await?;
    let webhook_secret = shared.keep(&mut tx, &vault::random_secret()).await?;
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
    let detail = format!("{} of {}", app.config.source.branch, app.config.source.repo_url);
    audit::record(&mut tx, &Act::done(Action::AppCreate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(app)
}

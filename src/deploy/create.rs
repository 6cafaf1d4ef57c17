//! A new app: its row, its deploy key and its webhook secret, all or nothing.

use super::{
    Error, Shared,
    adopt::{self, Orphan},
    keys, lifecycle,
    seat::Seat,
};
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

/// Creates an app. Around an orphan it has the id that is on the orphan's label, so that files and volumes of that id are its own again,
/// and the orphan is its live container.
pub(super) async fn create(shared: &Shared, slug: Slug, config: AppConfig, around: Option<&str>, by: &Actor) -> Result<App, Error> {
    let (orphan, _seat) = match around {
        Some(container) => {
            let (orphan, seat) = reserve(shared, container).await?;
            (Some(orphan), Some(seat))
        }
        None => (None, None),
    };
    let created_at = Moment::now();
    let key = keys::new_deploy_key(&slug)?;
    let mut tx = shared.db.begin().await?;
    let deploy_key = shared.keep(&mut tx, &key.private).await?;
    let webhook_secret = shared.keep(&mut tx, &vault::random_secret()).await?;
    let app = App {
        id: orphan.as_ref().map_or_else(AppId::new, |it| it.seen.app),
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
        Err(db::Error::Taken(_)) if db::apps::find(&mut *tx, app.id).await?.is_some() => {
            return Err(Error::Refused("The container's app is in the database by now. Adopt it on the page “System”.".to_owned()));
        }
        Err(db::Error::Taken(_)) => return Err(Error::SlugTaken),
        Err(err) => return Err(err.into()),
    }
    let mut detail = format!("{} of {}", app.config.source.branch, app.config.source.repo_url);
    if let Some(orphan) = &orphan {
        let deployment = adopt::take_in(&mut tx, &app, orphan, by).await?;
        detail = format!("{detail}; adopted container {} as #{}", orphan.seen.id, deployment.number);
    }
    audit::record(&mut tx, &Act::done(Action::AppCreate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    if let Some(orphan) = &orphan {
        adopt::settle_in(shared, orphan).await;
    }
    Ok(app)
}

/// An orphan, and the seat of its app: nobody can adopt or remove it meanwhile.
async fn reserve(shared: &Shared, container: &str) -> Result<(Orphan, Seat), Error> {
    let orphan = adopt::find(shared, container).await?;
    let seat = shared.seats.try_take(orphan.seen.app).ok_or_else(lifecycle::somebody_else)?;
    // Once more, now that it stays as it is.
    Ok((adopt::find(shared, container).await?, seat))
}

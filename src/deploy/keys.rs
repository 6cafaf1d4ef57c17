//! Another deploy key, another webhook secret: each takes the place of the old one in one transaction. What runs keeps what it has opened.

use super::{Error, Shared};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Actor, Subject},
        moment::Moment,
        secret::Secret,
        slug::Slug,
    },
    vault::{self, DeployKey},
};

/// A new deploy key, whose comment says in Gitea whose it is.
pub(super) fn new_deploy_key(slug: &Slug) -> Result<DeployKey, Error> {
    Ok(vault::new_deploy_key(&format!("upaas_{}_{slug}", Moment::now().date()))?)
}

/// Gives the app another deploy key. What the last connection test found is not true of it.
pub(super) async fn rotate_deploy_key(shared: &Shared, app: &App, by: &Actor) -> Result<(), Error> {
    let key = new_deploy_key(&app.slug)?;
    let mut tx = shared.db.begin().await?;
    let app = db::apps::get(&mut *tx, app.id).await?;
    let private = shared.keep(&mut tx, &key.private).await?;
    db::apps::set_deploy_key(&mut tx, &app, &key.public, private).await?;
    db::connections::forget_check(&mut *tx, app.id).await?;
    let detail = "a new deploy key; the old one is not used any more";
    audit::record(&mut tx, &Act::done(Action::KeyRotate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(())
}

/// Gives the app another webhook secret, and returns it in clear: for the page of the person who asks for it.
pub(super) async fn rotate_webhook_secret(shared: &Shared, app: &App, by: &Actor) -> Result<Secret, Error> {
    let secret = vault::random_secret();
    let mut tx = shared.db.begin().await?;
    let app = db::apps::get(&mut *tx, app.id).await?;
    let sealed = shared.keep(&mut tx, &secret).await?;
    db::apps::set_webhook_secret(&mut tx, &app, sealed).await?;
    let detail = "a new webhook secret; what the old one signs is rejected";
    audit::record(&mut tx, &Act::done(Action::SecretRotate, by, Subject::app(&app)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(secret)
}

//! An app's environment variables, by name, their values sealed.

use super::{
    Difference, Edit, Error, Shared,
    sealed_items::{self, Decision},
};
use crate::{
    audit, db,
    domain::{
        app::App,
        app_config::env::{self, EnvName, EnvVar},
        audit::{Act, Action, Actor, Subject},
        ids::SecretId,
    },
};

pub(super) fn stored(app: &App) -> Vec<(EnvName, SecretId)> {
    app.config.run.env.iter().map(|var| (var.name.clone(), var.value)).collect()
}

pub(super) async fn preview(shared: &Shared, app: &App, edit: &Edit<EnvName>) -> Result<Difference<EnvName>, Error> {
    let mut tx = shared.db.begin_reading().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    Ok(decide(shared, &mut tx, &now, edit).await?.difference)
}

pub(super) async fn edit(shared: &Shared, app: &App, edit: &Edit<EnvName>, by: &Actor) -> Result<Difference<EnvName>, Error> {
    let mut tx = shared.db.begin().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    let decision = decide(shared, &mut tx, &now, edit).await?;
    let difference = decision.difference.clone();
    let mut config = now.config.clone();
    let kept = decision.keep(shared, &mut tx).await?;
    config.run.env = kept.into_iter().map(|(name, value)| EnvVar { name, value }).collect();
    db::apps::set_config(&mut tx, app.id, &config).await?;
    let detail = format!("environment: {}", difference.said());
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(&now)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(difference)
}

async fn decide<'a>(shared: &Shared, tx: &mut db::Transaction, now: &App, edit: &'a Edit<EnvName>) -> Result<Decision<'a, EnvName>, Error> {
    let decision = sealed_items::decide(shared, tx, now.id, stored(now), edit).await?;
    if decision.len() > env::VARIABLES_MAX {
        return Err(Error::Refused(format!("An app has at most {} variables. Delete some that it does not need.", env::VARIABLES_MAX)));
    }
    if decision.bytes > env::TOTAL_MAX_BYTES {
        return Err(Error::Refused("All variables together have at most 1 MB. Put long texts into files, under Files.".to_owned()));
    }
    Ok(decision)
}

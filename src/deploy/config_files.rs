//! The text files that an app's container finds, by path, their contents sealed.

use super::{Difference, Edit, Error, Shared, sealed_items};
use crate::{
    audit, db,
    domain::{
        app::App,
        app_config::config_file::{self, ConfigFile, ContainerPath},
        audit::{Act, Action, Actor, Subject},
        ids::SecretId,
    },
};

pub(super) fn stored(app: &App) -> Vec<(ContainerPath, SecretId)> {
    app.config.run.files.iter().map(|file| (file.path.clone(), file.content)).collect()
}

pub(super) async fn edit(shared: &Shared, app: &App, edit: &Edit<ContainerPath>, by: &Actor) -> Result<Difference<ContainerPath>, Error> {
    let mut tx = shared.db.begin().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    if let Edit::Add(path, _) = edit {
        let run = &now.config.run;
        config_file::check_place(path, &run.files, &run.volumes).map_err(|wrong| Error::Refused(wrong.0))?;
    }
    let decision = sealed_items::decide(shared, &mut tx, now.id, stored(&now), edit).await?;
    if decision.len() > config_file::FILES_MAX {
        return Err(Error::Refused(format!("An app has at most {} files. Put more into a volume.", config_file::FILES_MAX)));
    }
    if decision.bytes > config_file::TOTAL_MAX_BYTES {
        return Err(Error::Refused("All files together have at most 1 MB. Put longer ones into a volume.".to_owned()));
    }
    let difference = decision.difference.clone();
    let mut config = now.config.clone();
    let kept = decision.keep(shared, &mut tx).await?;
    config.run.files = kept.into_iter().map(|(path, content)| ConfigFile { path, content }).collect();
    db::apps::set_config(&mut tx, app.id, &config).await?;
    let detail = format!("files: {}", difference.said());
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(&now)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(difference)
}

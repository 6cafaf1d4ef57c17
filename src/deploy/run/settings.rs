//! The configuration that a deployment uses.

use super::{Run, Stop};
use crate::{
    db,
    deploy::{
        Error, adopt,
        platform::Failure,
        rollback::{self, Heritage},
    },
    domain::{
        app::App,
        app_config::AppConfig,
        commit::CommitFacts,
        deployment::{Cause, Rollback},
    },
};

impl Run<'_> {
    /// Decides which configuration this deployment uses, from the app as it is now, and keeps it; one that an earlier attempt has kept
    /// goes.
    pub(super) async fn keep_config(&mut self, choose: impl FnOnce(&App) -> AppConfig) -> Result<(), Stop> {
        let mut tx = self.shared.db.begin().await?;
        // In the transaction: a secret that is replaced meanwhile would be gone.
        self.app = db::apps::get(&mut *tx, self.app.id).await?;
        self.config = choose(&self.app);
        let snapshot = db::snapshots::take(&mut tx, self.app.id, &self.config).await?;
        db::deployments::set_snapshot(&mut *tx, self.row.id, Some(snapshot)).await?;
        if let Some(before) = self.row.snapshot.replace(snapshot) {
            db::snapshots::remove(&mut tx, &[before]).await?;
        }
        tx.commit().await.map_err(db::Error::from)?;
        self.journal.hide(&self.shared.values_of(&self.config).await.map_err(Failure::from)?);
        Ok(())
    }

    /// What was skipped has used no configuration.
    pub(super) async fn forget_config(&mut self) -> Result<(), db::Error> {
        let Some(kept) = self.row.snapshot.take() else { return Ok(()) };
        let mut tx = self.shared.db.begin().await?;
        db::deployments::set_snapshot(&mut *tx, self.row.id, None).await?;
        db::snapshots::remove(&mut tx, &[kept]).await?;
        Ok(tx.commit().await?)
    }

    /// Takes over commit and image of the live deployment, for another configuration: nothing is fetched and nothing is built.
    pub(super) async fn take_over(&mut self) -> Result<(CommitFacts, String), Stop> {
        let live = self.old().await?;
        if let Some(adopted) = live.as_ref().filter(|old| old.row.commit.is_none()) {
            let unknown = Failure::new(Cause::User, adopt::commit_is_unknown(adopted.row.number));
            return Err(Stop::Failed(unknown.hint(adopt::BUILD_ANEW)));
        }
        let parts = live.and_then(|old| Some((old.row.number, old.config, old.row.commit?, old.row.image?)));
        let nothing = || Failure::new(Cause::User, "Nothing is deployed yet to which the settings could be applied.");
        let Some((number, built_with, commit, image)) = parts else {
            return Err(Stop::Failed(nothing().hint("“Deploy now” builds and starts the app.")));
        };
        self.keep_config(|app| app.config.with_image_of(&built_with)).await?;
        self.note_image(&commit, &image).await?;
        self.journal.say(&format!("Applying the settings to the image of #{number}"));
        Ok((commit, image))
    }

    /// Takes over commit, image and configuration of an older deployment.
    pub(super) async fn go_back(&mut self, rollback: Rollback) -> Result<(CommitFacts, String), Stop> {
        let to = rollback.to;
        let target = db::deployments::by_number(self.shared.db.read(), self.app.id, to).await?;
        let gone = || Failure::new(Cause::User, format!("There is no deployment #{to} any more."));
        let heritage = rollback::heritage(self.shared, &target.ok_or_else(gone)?).await.map_err(refused)?;
        let Heritage { image, commit, .. } = &heritage;
        if !self.within(self.shared.limits.deploy, self.shared.platform.builder.has_image(image)).await? {
            let sentence = format!("The image of #{to} is not on the engine any more: somebody has removed it.");
            return Err(Stop::Failed(
                Failure::new(Cause::Engine, sentence).hint(format!("Deploy commit {} instead: that builds it again.", commit.id)),
            ));
        }
        self.keep_config(|app| heritage.config_for(app, rollback)).await?;
        self.note_image(commit, image).await?;
        let subject = commit.message.lines().next().unwrap_or_default();
        self.journal.say(&format!("Rolling back to #{to}: nothing is fetched and nothing is built"));
        self.journal.say(&format!("Commit {} “{subject}” by {}, image {image}", commit.id, commit.author));
        self.journal.say(&match rollback.keeps_values {
            true => format!("Configuration of #{to}, with the current values of variables, files and build secrets"),
            false => format!("Configuration of #{to}, with the values of then"),
        });
        Ok((heritage.commit, heritage.image))
    }

    /// Notes which commit and image were taken over.
    async fn note_image(&mut self, commit: &CommitFacts, image: &str) -> Result<(), Stop> {
        db::deployments::set_commit(self.shared.db.write(), self.row.id, commit).await?;
        db::deployments::set_image(self.shared.db.write(), self.row.id, image).await?;
        (self.row.commit, self.row.image) = (Some(commit.clone()), Some(image.to_owned()));
        Ok(())
    }
}

/// What could be gone back to when it was asked for, and cannot be any more.
fn refused(err: Error) -> Failure {
    match err {
        Error::Refused(sentence) => Failure::new(Cause::Engine, sentence),
        err => Failure::from(err),
    }
}

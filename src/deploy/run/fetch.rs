//! The fetch: what a deployment deploys, and whether it has to.

use super::{Run, Stop};
use crate::{
    db,
    deploy::platform::{Failure, Origin},
    domain::{
        commit::{CommitFacts, CommitId},
        connection::Verdict,
        deployment::Status,
    },
};

impl Run<'_> {
    pub(super) async fn fetch(&mut self) -> Result<CommitFacts, Stop> {
        self.begin(Status::Cloning).await?;
        self.keep_config(|app| app.config.clone()).await?;
        let source = &self.config.source;
        self.journal.say(&format!("Fetching {} of {}", source.branch, source.repo_url));
        let origin = self.shared.origin(&self.app).await.map_err(Failure::from)?;
        let source = &self.shared.platform.source;
        let wanted = self.row.requested_commit.as_ref().filter(|_| !self.row.trigger.builds_the_tip());
        let commit = self.within(self.shared.limits.fetch, source.fetch(&origin, wanted, &self.journal)).await?;
        db::deployments::set_commit(self.shared.db.write(), self.row.id, &commit).await?;
        self.row.commit = Some(commit.clone());
        self.forget_failed_check().await?;
        let subject = commit.message.lines().next().unwrap_or_default();
        self.journal.say(&format!("Commit {} “{subject}” by {}", commit.id, commit.author));
        if let Some(pushed) = self.row.requested_commit.as_ref().filter(|pushed| **pushed != commit.id) {
            self.journal.say(&format!("The branch has moved on since {} was pushed: deploying its tip.", pushed.short()));
        }

        self.skip_what_is_not_watched(&commit.id).await?;
        self.export(&origin, &commit.id).await?;
        Ok(commit)
    }

    /// What a connection test has found wrong is mended: the fetch has worked.
    async fn forget_failed_check(&self) -> Result<(), Stop> {
        let check = db::connections::check(self.shared.db.read(), self.app.id).await?;
        if check.is_some_and(|check| check.verdict != Verdict::Ok) {
            db::connections::forget_check(self.shared.db.write(), self.app.id).await?;
        }
        Ok(())
    }

    /// Ends what a push asked for when nothing that is watched differs from what serves. What a person asked for is built.
    async fn skip_what_is_not_watched(&self, commit: &CommitId) -> Result<(), Stop> {
        let watch_paths = &self.config.policy.watch_paths;
        if watch_paths.is_empty() || !self.row.trigger.is_automatic() {
            return Ok(());
        }
        let Some(live) = self.old().await?.and_then(|old| old.row.commit) else { return Ok(()) };
        let source = &self.shared.platform.source;
        let compared = self.within(self.shared.limits.fetch, source.changed(self.app.id, &live.id, commit)).await?;
        let Some(changed) = compared else {
            self.journal.say(&format!("What has changed since {} cannot be told, so this is deployed.", live.id.short()));
            return Ok(());
        };
        if let Some(path) = watch_paths.first_watched(changed.iter().map(String::as_str)) {
            self.journal.say(&format!("{path} has changed since {}, and is watched.", live.id.short()));
            return Ok(());
        }
        let files = match changed.len() {
            0 => "no file has changed".to_owned(),
            1 => "the one file that has changed is not watched".to_owned(),
            many => format!("none of the {many} files that have changed is watched"),
        };
        Err(Stop::Skipped(format!("Skipped: since {}, which serves, {files}.", live.id.short())))
    }

    /// Writes the commit's files, and if they are wanted its submodules', into the build's folder.
    async fn export(&self, origin: &Origin, commit: &CommitId) -> Result<(), Stop> {
        let (source, limit) = (&self.shared.platform.source, self.shared.limits.fetch);
        let checkout = self.shared.files.checkout(self.app.id, self.row.number);
        self.within(limit, source.export(self.app.id, commit, &checkout)).await?;
        if self.config.source.submodules {
            let known = db::connections::known_hosts(self.shared.db.read()).await?;
            self.within(limit, source.fill_submodules(origin, &known, commit, &checkout, &self.journal)).await?;
        }
        Ok(())
    }
}

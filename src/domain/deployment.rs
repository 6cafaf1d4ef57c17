//! A deployment: one attempt to make a commit live. Its life is one table.

use super::{
    commit::{CommitFacts, CommitId},
    ids::{AppId, DeploymentId, SnapshotId},
    moment::Moment,
    text_enum::text_enum,
};

text_enum! {
    /// Where a deployment stands. The last five are ends.
    Status {
        /// Waits for its turn.
        Queued = "queued",
        /// Fetches the commit.
        Cloning = "cloning",
        /// Builds the image.
        Building = "building",
        /// Starts the container and switches to it.
        Deploying = "deploying",
        /// Became live.
        Success = "success",
        /// Ended with a cause; the previous version serves.
        Failed = "failed",
        /// Ended by the operator.
        Cancelled = "cancelled",
        /// A newer push replaced it, while it waited, was fetched or was built.
        Superseded = "superseded",
        /// Nothing that is watched had changed.
        Skipped = "skipped",
    }
}

text_enum! {
    /// What asked for a deployment.
    Trigger {
        /// A push, told by the forge.
        Webhook = "webhook",
        /// A person, on the app's page.
        Manual = "manual",
        /// A push that no delivery told of.
        Poll = "poll",
        /// A person, back to an older deployment.
        Rollback = "rollback",
        /// A kept delivery, decided anew.
        Replay = "replay",
        /// A changed configuration.
        Config = "config",
    }
}

text_enum! {
    /// Who has to do something about a failure.
    Cause {
        /// The app's author: Dockerfile, branch, an app that does not start.
        User = "user",
        /// The git host: unreachable, or its key.
        Forge = "forge",
        /// The container engine: unreachable, disk full.
        Engine = "engine",
        /// µPaaS itself.
        Internal = "internal",
    }
}

text_enum! {
    /// How the new container takes over from the old one.
    Switch {
        /// Both run for a moment: no gap.
        Overlap = "overlap",
        /// The old one stops before the new one starts, because both need the same host port.
        Replace = "replace",
    }
}

impl Trigger {
    /// Whether a push asked for it, not a person: a newer push or a person's act replaces it.
    pub fn is_automatic(self) -> bool {
        matches!(self, Self::Webhook | Self::Poll)
    }

    /// Whether it builds the branch's tip as it is at the fetch, whatever commit was asked for.
    pub fn builds_the_tip(self) -> bool {
        self.is_automatic() || self == Self::Replay
    }

    /// Whether it takes over the image of another deployment: nothing is fetched, and nothing is built.
    pub fn takes_an_image_over(self) -> bool {
        matches!(self, Self::Rollback | Self::Config)
    }
}

impl Status {
    /// Whether the row may move from here to `next`. `Queued` after a start is an interrupted attempt that is tried again.
    pub fn may_become(self, next: Self) -> bool {
        use Status::{Building, Cancelled, Cloning, Deploying, Failed, Queued, Skipped, Success, Superseded};
        matches!(
            (self, next),
            (Queued, Cloning | Deploying | Failed | Cancelled | Superseded)
                | (Cloning, Building | Queued | Failed | Cancelled | Superseded | Skipped)
                | (Building, Deploying | Queued | Failed | Cancelled | Superseded)
                | (Deploying, Success | Queued | Failed | Cancelled | Superseded)
        )
    }

    /// Whether the deployment is over.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled | Self::Superseded | Self::Skipped)
    }
}

/// A deployment, as stored.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its identity.
    pub id: DeploymentId,
    /// Its app.
    pub app: AppId,
    /// Its number within the app: `#12`.
    pub number: i64,
    /// What asked for it.
    pub trigger: Trigger,
    /// Who asked for it, when a person did.
    pub requested_by: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// The commit that was asked for; none means the branch's tip at fetch.
    pub requested_commit: Option<CommitId>,
    /// The commit that is deployed, known after the fetch.
    pub commit: Option<CommitFacts>,
    /// The configuration it uses, from its start on.
    pub snapshot: Option<SnapshotId>,
    /// The image of its container: built by it, or taken over.
    pub image: Option<String>,
    /// The container it made.
    pub container: Option<String>,
    /// The host port its container got, when one is published.
    pub host_port: Option<u16>,
    /// How it took over; none where no other version ran.
    pub switch: Option<Switch>,
    /// How long nothing served during a replace, in milliseconds.
    pub gap_ms: Option<u64>,
    /// When each phase began, and the end.
    pub times: Times,
    /// Where in the journal each phase began.
    pub lines: PhaseLines,
    /// Why it is to be cancelled, once that was asked for: `Cancelled by ada`.
    pub cancel: Option<String>,
    /// How it ended, when it did not succeed.
    pub ending: Option<Ending>,
    /// When retention removed its journal.
    pub journal_removed: Option<Moment>,
    /// Whether its build uses nothing of earlier ones.
    pub no_cache: bool,
    /// The newer deployment for which its build was cancelled.
    pub superseded_by: Option<i64>,
    /// To which older deployment it goes back.
    pub rollback: Option<Rollback>,
    /// Since when it is pinned: kept, whatever the clean-up says.
    pub pinned: Option<Moment>,
    /// When the clean-up removed its image.
    pub image_removed: Option<Moment>,
}

/// A way back to an older deployment of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollback {
    /// Its number.
    pub to: i64,
    /// Whether secret values are those of today, where the app still has them, and not those of then.
    pub keeps_values: bool,
}

impl Deployment {
    /// Whether its container was adopted and not made by it: then it went through no phase.
    pub fn is_adopted(&self) -> bool {
        self.status == Status::Success && self.times.began().is_none()
    }

    /// How it ends when it is cancelled: a newer push that is to run in its place supersedes it.
    pub fn end_of_cancellation(&self) -> Status {
        if self.superseded_by.is_some() { Status::Superseded } else { Status::Cancelled }
    }
}

/// When each phase of a deployment's present attempt began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Asked for.
    pub queued: Moment,
    /// Fetch began.
    pub cloning: Option<Moment>,
    /// Build began.
    pub building: Option<Moment>,
    /// Container work began.
    pub deploying: Option<Moment>,
    /// Over.
    pub finished: Option<Moment>,
}

impl Times {
    /// When its first phase began.
    pub fn began(&self) -> Option<Moment> {
        self.cloning.or(self.building).or(self.deploying)
    }

    /// The phases that began, in order: each with its beginning, and with the beginning of the next or the end.
    pub fn phases(&self) -> Vec<(Status, Moment, Option<Moment>)> {
        let began = [(Status::Cloning, self.cloning), (Status::Building, self.building), (Status::Deploying, self.deploying)];
        let began: Vec<_> = began.into_iter().filter_map(|(phase, at)| Some((phase, at?))).collect();
        let end = |index: usize| began.get(index + 1).map(|(_, at)| *at).or(self.finished);
        began.iter().enumerate().map(|(index, (phase, at))| (*phase, *at, end(index))).collect()
    }
}

/// The numbers of the journal's lines at which the phases of a deployment's present attempt begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhaseLines {
    /// Of the fetch.
    pub cloning: Option<i64>,
    /// Of the build.
    pub building: Option<i64>,
    /// Of the container work.
    pub deploying: Option<i64>,
}

/// Why a deployment ended otherwise than well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Who has to act; set exactly when it failed.
    pub cause: Option<Cause>,
    /// The phase it ended in.
    pub phase: Status,
    /// What happened, for people.
    pub sentence: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Ending {
    /// An end that is nobody's fault: cancelled, superseded, skipped.
    pub fn without_fault(phase: Status, sentence: impl Into<String>) -> Self {
        Self { cause: None, phase, sentence: sentence.into(), hint: None }
    }

    /// With one more thing to know.
    #[must_use]
    pub fn and_hint(self, more: String) -> Self {
        let hint = match self.hint {
            Some(hint) => format!("{hint} {more}"),
            None => more,
        };
        Self { hint: Some(hint), ..self }
    }
}

#[cfg(test)]
impl Deployment {
    /// One of which nothing is known but its app, where it stands, and when it came there.
    pub(crate) fn bare(app: AppId, status: Status, times: Times) -> Self {
        Self {
            id: DeploymentId::new(),
            app,
            number: 1,
            trigger: Trigger::Manual,
            requested_by: None,
            status,
            attempt: 1,
            requested_commit: None,
            commit: None,
            snapshot: None,
            image: None,
            container: None,
            host_port: None,
            switch: None,
            gap_ms: None,
            times,
            lines: PhaseLines::default(),
            cancel: None,
            ending: None,
            journal_removed: None,
            no_cache: false,
            superseded_by: None,
            rollback: None,
            pinned: None,
            image_removed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_table() {
        let table: String = Status::ALL
            .iter()
            .map(|from| {
                let next: Vec<&str> = Status::ALL.iter().filter(|next| from.may_become(**next)).map(|next| next.as_str()).collect();
                format!("{from} -> {}\n", if next.is_empty() { "(end)".to_owned() } else { next.join(" ") })
            })
            .collect();
        insta::assert_snapshot!(table.trim_end(), @r"
        queued -> cloning deploying failed cancelled superseded
        cloning -> queued building failed cancelled superseded skipped
        building -> queued deploying failed cancelled superseded
        deploying -> queued success failed cancelled superseded
        success -> (end)
        failed -> (end)
        cancelled -> (end)
        superseded -> (end)
        skipped -> (end)
        ");
    }

    #[test]
    fn a_phase_ends_where_the_next_one_begins() {
        let at = Moment::from_unix_ms;
        let times = Times { queued: at(0), cloning: Some(at(1)), building: None, deploying: Some(at(5)), finished: Some(at(9)) };
        assert_eq!(times.phases(), [(Status::Cloning, at(1), Some(at(5))), (Status::Deploying, at(5), Some(at(9)))]);
        assert_eq!(times.began(), Some(at(1)));
        let waiting = Times { cloning: None, deploying: None, finished: None, ..times };
        assert_eq!((waiting.began(), waiting.phases()), (None, vec![]));
    }

    #[test]
    fn an_end_is_what_leads_nowhere() {
        for status in Status::ALL {
            assert_eq!(status.is_end(), Status::ALL.iter().all(|next| !status.may_become(*next)), "{status}");
        }
    }
}

//! Two deployments side by side: what they were made of, which settings differ, which commits lie between.

use serde::Serialize;

use crate::{
    db,
    domain::{
        app::App,
        app_config::{AppConfig, difference::differences},
        commit,
        deployment::{Deployment, Status},
    },
    web::{
        AppState,
        error::Error,
        frame::When,
        present::{self, Badge, Change, Commit},
    },
};

/// So many commits are listed on either side.
const COMMITS_MAX: usize = 50;

/// One of two deployments.
#[derive(Serialize)]
pub(super) struct Side {
    number: i64,
    url: String,
    badge: Badge,
    live: bool,
    pinned: bool,
    commit: Option<Commit>,
    when: When,
    took: Option<String>,
    image: Option<String>,
    image_removed: bool,
    served: Option<Served>,
}

/// When a deployment served.
#[derive(Serialize)]
struct Served {
    from: When,
    until: Option<When>,
}

impl Side {
    pub(super) async fn load(state: &AppState, app: &App, deployment: &Deployment) -> Result<Self, Error> {
        let live = app.live_deployment == Some(deployment.id);
        let served = match deployment.times.finished {
            Some(from) if deployment.status == Status::Success => {
                let until = db::deployments::next_success_after(state.db.read(), app.id, from).await?;
                Some(Served { from: from.into(), until: until.filter(|_| !live).map(When::from) })
            }
            _ => None,
        };
        Ok(Self {
            number: deployment.number,
            url: present::deployment_url(app, deployment.number),
            badge: deployment.status.into(),
            live,
            pinned: deployment.pinned.is_some(),
            commit: present::commit(deployment),
            when: deployment.times.queued.into(),
            took: present::took(deployment),
            image: deployment.image.as_deref().map(present::short_id),
            image_removed: deployment.image_removed.is_some(),
            served,
        })
    }
}

/// Which settings differ, or why that is not known.
#[derive(Serialize)]
pub(super) struct Settings {
    changes: Vec<Change>,
    unknown: Option<String>,
}

impl Settings {
    /// From one configuration to another.
    pub(super) fn between(from: &AppConfig, to: &AppConfig) -> Self {
        Self { changes: differences(from, to).into_iter().map(Change::from).collect(), unknown: None }
    }

    /// From what one deployment was made with to what another was made with.
    pub(super) async fn of(state: &AppState, from: &Deployment, to: &Deployment) -> Result<Self, Error> {
        let mut configs = Vec::new();
        for it in [from, to] {
            let Some(snapshot) = it.snapshot else {
                let why = match it.status {
                    status if !status.is_end() => format!("#{} has not begun yet, so its configuration is not decided.", it.number),
                    Status::Skipped => format!("#{} was skipped and has used no configuration.", it.number),
                    _ if it.times.began().is_none() => format!("#{} ended before it began and has used no configuration.", it.number),
                    _ => format!("The configuration of #{} is not kept any more.", it.number),
                };
                return Ok(Self { changes: Vec::new(), unknown: Some(why) });
            };
            configs.push(db::snapshots::get(state.db.read(), snapshot).await?);
        }
        Ok(Self::between(&configs[0], &configs[1]))
    }
}

/// Which commits lie between, or why there is no list.
#[derive(Serialize)]
pub(super) struct Commits {
    /// What the first has and the second has not, and the other way round.
    gone: Listed,
    come: Listed,
    remark: Option<String>,
}

#[derive(Default, Serialize)]
struct Listed {
    /// `4 commits`; nothing when there is none.
    many: Option<String>,
    commits: Vec<LoggedCommit>,
    more: bool,
}

#[derive(Serialize)]
struct LoggedCommit {
    commit: Commit,
    when: When,
}

impl From<&commit::Commits> for Listed {
    fn from(commits: &commit::Commits) -> Self {
        let many = match (commits.newest.len(), commits.more) {
            (0, _) => None,
            (1, false) => Some("1 commit".to_owned()),
            (count, false) => Some(format!("{count} commits")),
            (count, true) => Some(format!("more than {count} commits")),
        };
        let logged = |it: &commit::CommitFacts| LoggedCommit { commit: Commit::from(it), when: it.committed_at.into() };
        Self { many, commits: commits.newest.iter().map(logged).collect(), more: commits.more }
    }
}

impl Commits {
    pub(super) async fn between(state: &AppState, from: &Deployment, to: &Deployment) -> Self {
        let remark = |remark: String| Self { gone: Listed::default(), come: Listed::default(), remark: Some(remark) };
        let (first, second) = match (&from.commit, &to.commit) {
            (None, _) => {
                return remark(format!("#{} has no commit: it ended before one was fetched, or has not come so far.", from.number));
            }
            (_, None) => return remark(format!("#{} has no commit: it ended before one was fetched, or has not come so far.", to.number)),
            (Some(first), Some(second)) if first.id == second.id => return remark("Both have the same commit.".to_owned()),
            (Some(first), Some(second)) => (&first.id, &second.id),
        };
        match state.deployer.commits_between(from.app, first, second, COMMITS_MAX).await {
            Ok(None) => remark("Which commits lie between cannot be told: µPaaS's copy of the repository does not have both.".to_owned()),
            Err(failure) => {
                tracing::warn!(app = %from.app, reason = %failure.sentence, error = failure.chain(), "commits could not be compared");
                remark(format!("{} µPaaS's log says why.", failure.sentence))
            }
            Ok(Some(between)) => Self { gone: (&between.behind).into(), come: (&between.ahead).into(), remark: None },
        }
    }
}

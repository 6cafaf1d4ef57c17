//! What to do about the containers that are there, as a pure plan: rows and what the engine shows go in, actions come out.
//!
//! | the row says | the engine shows | what is done |
//! |---|---|---|
//! | should run | exited while the engine or µPaaS was away | start |
//! | should run | exited otherwise | nothing: restarting is the engine's; pages show it, and a crash loop is stopped ([`super::watch`]) |
//! | should run | gone | nothing: pages show it and offer to start it again |
//! | should be stopped, or was stopped by us for crashing | running | nothing: pages show it |
//! | lost the switch, failed or was cancelled | there | remove |
//! | unknown | ours by label | nothing: an orphan, which only a person removes |
//!
//! Containers of another installation, or of nobody, are never seen here.

use crate::domain::{app::DesiredState, container::Observed, ids::AppId};

/// What the database knows of a deployment whose container may exist.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) app: AppId,
    pub(super) number: i64,
    pub(super) standing: Standing,
}

/// Where such a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its container serves, or should.
    Live(DesiredState),
    /// It is the live one, and its container was stopped because it kept crashing.
    Halted,
    /// It will be tried again, or it is over and lost the switch.
    Over,
}

/// What to do about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Start it: it should serve.
    Start(String),
    /// Remove it: nothing will ever need it.
    Remove(String),
}

impl Action {
    /// The container it is about.
    pub(super) fn container(&self) -> &str {
        match self {
            Self::Start(container) | Self::Remove(container) => container,
        }
    }
}

/// The plan. Removals come first: what lost may hold the port that the one to be started needs.
pub(super) fn plan(known: &[Known], seen: &[Observed]) -> Vec<Action> {
    let standing = |it: &Observed| known.iter().find(|row| row.app == it.app && row.number == it.deployment).map(|row| row.standing);
    let removals = seen.iter().filter(|it| standing(it) == Some(Standing::Over));
    let starts = seen.iter().filter(|it| !it.running && !it.restarting && standing(it) == Some(Standing::Live(DesiredState::Running)));
    let removals = removals.map(|it| Action::Remove(it.id.clone()));
    removals.chain(starts.map(|it| Action::Start(it.id.clone()))).collect()
}

/// Containers of ours that no row knows.
pub(super) fn orphans(known: &[Known], seen: Vec<Observed>) -> Vec<Observed> {
    let unknown = |it: &Observed| !known.iter().any(|row| row.app == it.app && row.number == it.deployment);
    seen.into_iter().filter(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::container::Health;

    fn seen(app: AppId, deployment: i64, running: bool) -> Observed {
        Observed {
            id: format!("c{deployment}"),
            app,
            deployment,
            running,
            restarting: false,
            restarts: 0,
            exit_code: (!running).then_some(137),
            out_of_memory: false,
            health: Health::Unchecked,
            started_at: None,
            host_port: None,
        }
    }

    #[test]
    fn the_lost_container_goes_before_the_old_one_starts_because_it_may_hold_its_port() {
        let app = AppId::new();
        let known =
            [Known { app, number: 1, standing: Standing::Live(DesiredState::Running) }, Known { app, number: 2, standing: Standing::Over }];
        let plan = plan(&known, &[seen(app, 1, false), seen(app, 2, true)]);
        assert_eq!(plan, [Action::Remove("c2".to_owned()), Action::Start("c1".to_owned())]);
    }

    #[test]
    fn what_runs_restarts_is_stopped_or_unknown_is_left_alone() {
        let app = AppId::new();
        let stopped = [Known { app, number: 1, standing: Standing::Live(DesiredState::Stopped) }];
        assert_eq!(plan(&stopped, &[seen(app, 1, false), seen(app, 3, true), seen(AppId::new(), 1, false)]), []);
        let halted = [Known { app, number: 1, standing: Standing::Halted }];
        assert_eq!(plan(&halted, &[seen(app, 1, false)]), [], "what kept crashing is not started by itself");
        let live = [Known { app, number: 1, standing: Standing::Live(DesiredState::Running) }];
        let restarting = Observed { restarting: true, ..seen(app, 1, false) };
        assert_eq!(plan(&live, &[seen(app, 1, true), restarting]), []);
    }

    #[test]
    fn an_orphan_is_what_no_row_knows() {
        let (app, other) = (AppId::new(), AppId::new());
        let known = [Known { app, number: 1, standing: Standing::Over }];
        let orphans = orphans(&known, vec![seen(app, 1, true), seen(app, 2, true), seen(other, 1, false)]);
        assert_eq!(orphans.iter().map(|it| (it.app, it.deployment)).collect::<Vec<_>>(), [(app, 2), (other, 1)]);
    }
}

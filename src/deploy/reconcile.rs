//! What to do about the containers that are there, as a pure plan: rows and what the engine shows go in, actions come out.
//!
//! What is not in the plan is not touched: containers of another installation are never seen here, and one of ours that the database
//! does not know (an older backup, a fresh database) is an orphan, which only a person adopts or removes.

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
        let live = [Known { app, number: 1, standing: Standing::Live(DesiredState::Running) }];
        let restarting = Observed { restarting: true, ..seen(app, 1, false) };
        assert_eq!(plan(&live, &[seen(app, 1, true), restarting]), []);
    }
}

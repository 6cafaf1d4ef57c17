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
    /// A worker is at it now: hands off.
    InWork,
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

/// The plan, what brings service back first.
pub(super) fn plan(known: &[Known], seen: &[Observed]) -> Vec<Action> {
    let standing = |it: &Observed| known.iter().find(|row| row.app == it.app && row.number == it.deployment).map(|row| row.standing);
    let starts =
        seen.iter().filter(|it| !it.running && it.restarts_are_over() && standing(it) == Some(Standing::Live(DesiredState::Running)));
    let removals = seen.iter().filter(|it| standing(it) == Some(Standing::Over));
    let starts = starts.map(|it| Action::Start(it.id.clone()));
    starts.chain(removals.map(|it| Action::Remove(it.id.clone()))).collect()
}

impl Observed {
    /// Whether the engine has given up on it, rather than being about to restart it.
    fn restarts_are_over(&self) -> bool {
        self.exit_code.is_some()
    }
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
            restarts: 0,
            exit_code: (!running).then_some(137),
            out_of_memory: false,
            health: Health::Unchecked,
            started_at: None,
            host_port: None,
        }
    }

    #[test]
    fn the_old_container_is_started_before_the_lost_one_is_removed() {
        let app = AppId::new();
        let known =
            [Known { app, number: 1, standing: Standing::Live(DesiredState::Running) }, Known { app, number: 2, standing: Standing::Over }];
        let plan = plan(&known, &[seen(app, 2, true), seen(app, 1, false)]);
        assert_eq!(plan, [Action::Start("c1".to_owned()), Action::Remove("c2".to_owned())]);
    }

    #[test]
    fn what_runs_is_in_work_stopped_or_unknown_is_left_alone() {
        let app = AppId::new();
        let known = [
            Known { app, number: 1, standing: Standing::Live(DesiredState::Stopped) },
            Known { app, number: 2, standing: Standing::InWork },
        ];
        assert_eq!(plan(&known, &[seen(app, 1, false), seen(app, 2, false), seen(app, 3, true), seen(AppId::new(), 1, false)]), []);
        let live = [Known { app, number: 1, standing: Standing::Live(DesiredState::Running) }];
        assert_eq!(plan(&live, &[seen(app, 1, true)]), []);
    }
}

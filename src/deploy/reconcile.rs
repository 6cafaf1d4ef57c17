//! What to do about the containers that are there, as a pure plan: rows and what the engine shows go in, actions come out.
//!
//! | the row says | the engine shows | what is done |
//! |---|---|---|
//! | should run | exited while the engine or µPaaS was away | start, unless its restart policy says otherwise |
//! | should run | exited otherwise | nothing: restarting is the engine's; pages show it, and a crash loop is stopped ([`super::watch`]) |
//! | should run | gone | nothing: pages show it and offer to start it again |
//! | should be stopped, or was stopped by us for crashing | running | nothing: pages show it |
//! | lost the switch, failed or was cancelled | there | remove |
//! | unknown | ours by label | nothing: an orphan, which only a person removes |
//!
//! Containers of another installation, or of nobody, are never seen here. What somebody has made by hand from an image of ours has the
//! image's labels but not that of our containers, and no row names it: it is nobody's, and no orphan.

use crate::domain::{app::DesiredState, container::Observed};

/// What the database knows of a container.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) container: String,
    pub(super) standing: Standing,
}

/// Where the deployment of a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its container serves, or should.
    Live(DesiredState),
    /// It is the live one, and its container was stopped because it kept crashing.
    Halted,
    /// It will be tried again, or it is over and lost the switch.
    Over,
    /// Its app is being deleted, and it goes with that.
    Leaving,
}

/// What to do about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Start it: it should serve.
    Start(String),
    /// Remove it: nothing will ever need it.
    Remove(String),
}

impl Remedy {
    /// The container it is about.
    pub(super) fn container(&self) -> &str {
        match self {
            Self::Start(container) | Self::Remove(container) => container,
        }
    }
}

/// The plan. Removals come first: what lost may hold the port that the one to be started needs.
pub(super) fn plan(known: &[Known], seen: &[Observed]) -> Vec<Remedy> {
    let standing = |it: &Observed| standing(known, &it.id);
    let removals = seen.iter().filter(|it| standing(it) == Some(Standing::Over));
    let starts = seen.iter().filter(|it| !it.running && !it.restarting && standing(it) == Some(Standing::Live(DesiredState::Running)));
    let removals = removals.map(|it| Remedy::Remove(it.id.clone()));
    removals.chain(starts.map(|it| Remedy::Start(it.id.clone()))).collect()
}

/// What the database knows of a container; none when it is an orphan.
pub(super) fn standing(known: &[Known], container: &str) -> Option<Standing> {
    known.iter().find(|it| it.container == container).map(|it| it.standing)
}

/// Containers that we made and no row knows.
pub(super) fn orphans(known: &[Known], seen: Vec<Observed>) -> Vec<Observed> {
    seen.into_iter().filter(|it| it.made_by_upaas && standing(known, &it.id).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, running: bool) -> Observed {
        Observed { running, exit_code: (!running).then_some(137), ..Observed::bare(id) }
    }

    fn known(container: &str, standing: Standing) -> Known {
        Known { container: container.to_owned(), standing }
    }

    #[test]
    fn the_lost_container_goes_before_the_old_one_starts_because_it_may_hold_its_port() {
        let known = [known("c1", Standing::Live(DesiredState::Running)), known("c2", Standing::Over)];
        let plan = plan(&known, &[seen("c1", false), seen("c2", true)]);
        assert_eq!(plan, [Remedy::Remove("c2".to_owned()), Remedy::Start("c1".to_owned())]);
    }

    #[test]
    fn what_runs_restarts_is_stopped_halted_or_unknown_is_left_alone() {
        let stopped = [known("c1", Standing::Live(DesiredState::Stopped))];
        assert_eq!(plan(&stopped, &[seen("c1", false), seen("c3", true), seen("c4", false)]), []);
        let leaving = [known("c1", Standing::Leaving)];
        assert_eq!(plan(&leaving, &[seen("c1", false), seen("c3", true)]), [], "whoever deletes its app sees to it");
        let halted = [known("c1", Standing::Halted)];
        assert_eq!(plan(&halted, &[seen("c1", false)]), [], "what kept crashing is not started by itself");
        let live = [known("c1", Standing::Live(DesiredState::Running)), known("c2", Standing::Live(DesiredState::Running))];
        let restarting = Observed { restarting: true, ..seen("c2", false) };
        assert_eq!(plan(&live, &[seen("c1", true), restarting]), []);
    }

    #[test]
    fn an_orphan_is_what_no_row_knows() {
        let known = [known("c1", Standing::Over)];
        let by_hand = Observed { made_by_upaas: false, ..seen("c4", true) };
        let orphans = orphans(&known, vec![seen("c1", true), seen("c2", true), seen("c3", false), by_hand]);
        assert_eq!(orphans.iter().map(|it| &*it.id).collect::<Vec<_>>(), ["c2", "c3"]);
    }
}

//! What happens when the container exits.

use super::{Draft, FormView, SavedAsOne, Section, Typed};
use crate::domain::app_config::restart;

pub(super) struct Restart;

impl Section for Restart {
    fn id(&self) -> &'static str {
        "restart"
    }

    fn title(&self) -> &'static str {
        "Restart"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_restart.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let restart = &draft.config.run.restart;
        FormView::new(&[("restart_policy", restart.policy.as_str()), ("restart_cap", &restart.cap.get().to_string())])
    }
}

impl SavedAsOne for Restart {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let policy = form.check("restart_policy", typed.text("restart_policy").parse());
        let cap = form.check("restart_cap", typed.text("restart_cap").parse());
        if let (Some(policy), Some(cap)) = (policy, cap) {
            draft.config.run.restart = restart::Restart { policy, cap };
        }
    }
}

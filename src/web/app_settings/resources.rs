//! What the container may use.

use super::{
    Draft, FormView, SavedAsOne, Section, Typed,
    fields::{optional, shown_or_empty},
};
use crate::domain::app_config::resources::{self, parse_memory};

pub(super) struct Resources;

impl Section for Resources {
    fn id(&self) -> &'static str {
        "resources"
    }

    fn title(&self) -> &'static str {
        "Resources"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_resources.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let resources = &draft.config.run.resources;
        FormView::new(&[
            ("resources_cpus", &shown_or_empty(resources.cpus)),
            ("resources_memory", &shown_or_empty(resources.memory)),
            ("resources_pids", &shown_or_empty(resources.pids.map(resources::Pids::get))),
            ("resources_shm", &shown_or_empty(resources.shm)),
        ])
    }
}

impl SavedAsOne for Resources {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let cpus = optional(typed, form, "resources_cpus", str::parse);
        let memory = optional(typed, form, "resources_memory", parse_memory);
        let pids = optional(typed, form, "resources_pids", str::parse);
        let shm = optional(typed, form, "resources_shm", str::parse);
        if let (Some(cpus), Some(memory), Some(pids), Some(shm)) = (cpus, memory, pids, shm) {
            draft.config.run.resources = resources::Resources { cpus, memory, pids, shm };
        }
    }
}

//! What is fetched: repository, branch, submodules.

use super::{Draft, FormView, SavedAsOne, Section, Typed};
use crate::{domain::app_config, web::app_form};

pub(super) struct Source;

impl Section for Source {
    fn id(&self) -> &'static str {
        "source"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_source.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let source = &draft.config.source;
        FormView::new(&[
            ("repo_url", source.repo_url.as_str()),
            ("branch", source.branch.as_str()),
            ("submodules", if source.submodules { "yes" } else { "" }),
        ])
    }
}

impl SavedAsOne for Source {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let submodules = typed.text("submodules") == "yes";
        if let Some(source) = app_form::source(typed, form) {
            draft.config.source = app_config::Source { submodules, ..source };
        }
    }
}

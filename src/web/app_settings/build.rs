//! How the image is built.

use super::{Draft, FormView, SavedAsOne, Section, Typed};
use crate::web::app_form;

pub(super) struct Build;

impl Section for Build {
    fn id(&self) -> &'static str {
        "build"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_build.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let build = &draft.config.build;
        FormView::new(&[("dockerfile_path", build.dockerfile_path.as_str()), ("context_path", build.context_path.as_str())])
    }
}

impl SavedAsOne for Build {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        if let Some((dockerfile_path, context_path)) = app_form::paths(typed, form) {
            let build = &mut draft.config.build;
            (build.dockerfile_path, build.context_path) = (dockerfile_path, context_path);
        }
    }
}

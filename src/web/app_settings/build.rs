//! How the image is built.

use super::{
    Draft, FormView, SavedAsOne, Section, Typed,
    fields::{lines, optional, shown_or_empty, yes},
};
use crate::{
    domain::app_config::build::{BuildConfig, parse_args},
    web::app_form,
};

pub(super) struct Build;

impl Section for Build {
    fn id(&self) -> &'static str {
        "build"
    }

    fn title(&self) -> &'static str {
        "Build"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_build.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let build = &draft.config.build;
        FormView::new(&[
            ("dockerfile_path", build.dockerfile_path.as_str()),
            ("context_path", build.context_path.as_str()),
            ("build_target", &shown_or_empty(build.target.as_ref())),
            ("build_args", &lines(&build.args)),
            ("build_pull", yes(build.pull)),
            ("build_time_limit", &build.time_limit.minutes().to_string()),
            ("build_context_limit", &build.context_limit.megabytes().to_string()),
        ])
    }
}

impl SavedAsOne for Build {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let paths = app_form::paths(typed, form);
        let target = optional(typed, form, "build_target", str::parse);
        let args = form.check("build_args", parse_args(typed.text("build_args")));
        let time_limit = form.check("build_time_limit", typed.text("build_time_limit").parse());
        let context_limit = form.check("build_context_limit", typed.text("build_context_limit").parse());
        let pull = typed.text("build_pull") == "yes";
        if let (Some((dockerfile_path, context_path)), Some(target), Some(args), Some(time_limit), Some(context_limit)) =
            (paths, target, args, time_limit, context_limit)
        {
            let secrets = draft.config.build.secrets.clone();
            draft.config.build = BuildConfig { dockerfile_path, context_path, target, args, secrets, pull, time_limit, context_limit };
        }
    }
}

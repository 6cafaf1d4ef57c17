//! What an app is called on pages, and where people reach it.

use super::{Draft, FormView, SavedAsOne, Section, Typed, fields::optional};
use crate::domain::app;

pub(super) struct General;

impl Section for General {
    fn id(&self) -> &'static str {
        "general"
    }

    fn title(&self) -> &'static str {
        "General"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_general.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let url = draft.config.public_url.as_ref();
        FormView::new(&[("general_name", &draft.name), ("general_public_url", url.map_or("", |url| url.as_str()))])
    }
}

impl SavedAsOne for General {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let name = form.check("general_name", app::parse_name(typed.text("general_name")));
        let url = optional(typed, form, "general_public_url", str::parse);
        if let (Some(name), Some(url)) = (name, url) {
            draft.name = name;
            draft.config.public_url = url;
        }
    }
}

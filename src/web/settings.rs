//! The page with the settings of the installation: its sections, each with its own forms.

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{
    account,
    error::Error,
    extract::Asked,
    form::FormView,
    frame::When,
    registries, retention,
    tokens::{self, Made},
    ui::Ui,
    view::View,
};

#[derive(Serialize)]
struct Show {
    account: Account,
    form: FormView,
    tokens: tokens::Section,
    registries: registries::Section,
    retention: retention::Section,
}

impl View for Show {
    const TEMPLATE: &'static str = "settings/show.html";
}

#[derive(Serialize)]
struct Account {
    username: String,
    since: When,
}

/// What is not as it is when the page is opened: forms that came back, and what was just made.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) password: Option<FormView>,
    pub(super) token: Option<FormView>,
    pub(super) made: Option<Made>,
    pub(super) registry: Option<FormView>,
    pub(super) retention: Option<FormView>,
}

#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    changed: Option<String>,
}

pub(super) async fn show(ui: Ui, Asked(said): Asked<Said>) -> Result<Response, Error> {
    let news = match said.changed.as_deref() {
        Some("password") => Some("The password is changed. Every other session is logged out."),
        Some("tokens") => Some("The token is revoked: nobody can use it any more."),
        Some("registries") => Some("Saved. The next build logs in with it."),
        Some("registry-replaced") => Some("The login that was there is replaced. The next build uses the new one."),
        Some("registry-removed") => Some("The login is removed. The next build goes without it."),
        Some("retention") => Some("Saved. What is too old by now goes at the next run."),
        _ => None,
    };
    let ui = match news {
        Some(news) => ui.good_news(news),
        None => ui,
    };
    page(&ui, Shown::default()).await
}

pub(super) async fn page(ui: &Ui, shown: Shown) -> Result<Response, Error> {
    let user = ui.user.as_ref().ok_or_else(|| Error::Internal(anyhow::anyhow!("a private route without a user")))?;
    let account = Account { username: user.0.username.clone(), since: user.0.created_at.into() };
    let form = shown.password.unwrap_or_else(account::form);
    let tokens = tokens::Section::load(ui, shown.token.unwrap_or_else(tokens::form), shown.made).await?;
    let registries = registries::Section::load(&ui.state, shown.registry).await?;
    let retention = retention::Section::load(&ui.state, shown.retention).await?;
    ui.page("Settings", &Show { account, form, tokens, registries, retention })
}

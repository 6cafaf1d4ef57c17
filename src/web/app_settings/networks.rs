//! The engine's networks that the app's container joins, and a new one.

use async_trait::async_trait;
use axum::response::Response;
use serde_json::{Value, json};

use super::{
    Draft, FormView, SavedAsOne, Section, Typed, came_back, given,
    rows::{Row, Rows, wrong},
    saved, shown,
};
use crate::{
    deploy,
    domain::{
        Invalid,
        app::App,
        app_config::network::{NetworkName, NetworkUse},
    },
    web::{apps, error::Error, extract::At, ui::Ui},
};

const ROWS: Rows = Rows { prefix: "network", fields: &[("name", ""), ("alias", "")], decisive: &["name", "alias"] };

/// The field of the form that makes a network.
const NEW: &str = "new_network";

pub(super) struct Networks;

#[async_trait]
impl Section for Networks {
    fn id(&self) -> &'static str {
        "networks"
    }

    fn title(&self) -> &'static str {
        "Networks"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_networks.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let row =
            |network: &NetworkUse| vec![network.name.to_string(), network.alias.as_ref().map(ToString::to_string).unwrap_or_default()];
        with_new(ROWS.form(draft.config.run.networks.iter().map(row)), "")
    }

    async fn extra(&self, ui: &Ui, app: &App, form: &FormView) -> Result<Value, Error> {
        let known = ui.state.deployer.networks().await;
        let away = known.is_none();
        let known: Vec<[String; 3]> = known.unwrap_or_default().into_iter().map(|it| [it.name, it.driver, it.scope]).collect();
        Ok(json!({ "rows": ROWS.places(form), "known": known, "away": away, "slug": app.slug.as_str() }))
    }
}

#[async_trait]
impl SavedAsOne for Networks {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        if let Some(networks) = ROWS.read(typed, form, read) {
            draft.config.run.networks = networks;
        }
    }

    async fn check(&self, ui: &Ui, _: &App, draft: &Draft, form: &mut FormView) -> Result<(), Error> {
        // An engine that is away says so when the container is to join them.
        let Some(known) = ui.state.deployer.networks().await else { return Ok(()) };
        for (place, network) in draft.config.run.networks.iter().enumerate() {
            let name = &network.name;
            if known.iter().all(|it| it.name != name.as_str()) {
                let missing = Invalid::because(format!("There is no network “{name}” on the engine. Create it below first."));
                form.check::<()>(&ROWS.name(place, "name"), Err(missing));
            }
        }
        Ok(())
    }

    fn typed(&self, typed: &Typed, _: &Draft) -> FormView {
        with_new(ROWS.typed(typed), "")
    }

    fn recorded(&self, draft: &Draft) -> FormView {
        let one = |network: &NetworkUse| match &network.alias {
            Some(alias) => format!("{} as {alias}", network.name),
            None => network.name.to_string(),
        };
        FormView::new(&[("networks", &draft.config.run.networks.iter().map(one).collect::<Vec<_>>().join(", "))])
    }
}

fn with_new(mut form: FormView, typed: &str) -> FormView {
    form.add(NEW, typed);
    form
}

fn read(row: &Row<'_>, before: &[NetworkUse], form: &mut FormView) -> Option<NetworkUse> {
    let name = form.check(&row.name("name"), row.text("name").parse::<NetworkName>());
    let alias = Some(row.text("alias")).filter(|text| !text.is_empty()).map(str::parse).transpose();
    let network = NetworkUse { alias: form.check(&row.name("alias"), alias)?, name: name? };
    match before.iter().position(|other| other.name == network.name) {
        Some(place) => wrong(form, row, "name", Invalid::because(format!("Row {} joins this network already.", place + 1))),
        None => Some(network),
    }
}

/// Makes a network on the engine, for this app and others to join. What was typed into the rows comes back, unsaved.
pub(in crate::web) async fn create(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let stored = Networks.form(&Draft::of(&app));
    let rows = if ROWS.came(&typed) { with_new(ROWS.typed(&typed), "") } else { stored.clone() };
    let mut form = rows.clone().with(NEW, typed.text(NEW));
    let Some(name) = form.check(NEW, typed.text(NEW).parse::<NetworkName>()) else { return came_back(&ui, &app, &Networks, form).await };
    match ui.state.deployer.create_network(&app, &name, &ui.actor()).await {
        Ok(()) if rows == stored => saved(&ui, &app, &Networks).await,
        Ok(()) => given(&ui, &app, shown(&ui, &app, &Networks, rows).await?).await,
        Err(deploy::Error::Refused(why) | deploy::Error::EngineAway(why)) => {
            form.check::<()>(NEW, Err(Invalid::because(why)));
            came_back(&ui, &app, &Networks, form).await
        }
        Err(err) => Err(err.into()),
    }
}

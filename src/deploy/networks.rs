//! The engine's networks.

use super::{Error, Shared};
use crate::{
    audit,
    domain::{
        app::App,
        app_config::network::NetworkName,
        audit::{Act, Action, Actor, Subject},
        engine::Network,
    },
};

pub(super) async fn all(shared: &Shared) -> Option<Vec<Network>> {
    if !shared.engine_is_up() {
        return None;
    }
    match shared.platform.runtime.networks().await {
        Ok(networks) => Some(networks),
        Err(failure) => {
            tracing::debug!(reason = %failure.sentence, error = failure.chain(), "the engine's networks are not known");
            None
        }
    }
}

/// Makes a network, from the page of an app.
pub(super) async fn create(shared: &Shared, app: &App, name: &NetworkName, by: &Actor) -> Result<(), Error> {
    if !shared.engine_is_up() {
        return Err(Error::engine_away("no network can be made now"));
    }
    let runtime = &shared.platform.runtime;
    if runtime.networks().await.map_err(Error::from_engine)?.iter().any(|it| it.name == name.as_str()) {
        return Err(Error::Refused(format!("There is a network “{name}” already. Choose it above, or another name.")));
    }
    runtime.create_network(name).await.map_err(Error::from_engine)?;
    let act = Act::done(Action::SettingsChange, by, Subject::app(app)).detail(format!("network {name} made"));
    Ok(audit::record_alone(&shared.db, &act).await?)
}

//! Ports of the engine's host that somebody else holds, or is going to.

use super::{Error, Shared, platform::Failure};
use crate::{
    db,
    domain::{
        app::App,
        app_config::AppConfig,
        ids::AppId,
        port::{Held, Holder, Port, Taken},
    },
};

/// What the other apps claim comes before what the host shows: it has their names.
pub(super) async fn taken(shared: &Shared, app: Option<AppId>, wanted: &[Port]) -> Result<Vec<Taken>, Error> {
    let wanted: Vec<Held> = wanted.iter().filter_map(Port::held).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = claimed(shared, app).await?;
    if shared.engine_is_up() {
        match shown(shared, &wanted).await {
            Ok(shown) => taken.extend(shown),
            Err(failure) => tracing::debug!(reason = %failure.sentence, error = failure.chain(), "taken ports are not known"),
        }
    }
    Ok(taken)
}

/// What the engine's host shows. Containers of older versions do not say whose they are: their rows do.
pub(super) async fn shown(shared: &Shared, wanted: &[Held]) -> Result<Vec<Taken>, Failure> {
    let mut taken = shared.platform.runtime.taken_ports(wanted).await?;
    for it in taken.iter_mut().filter(|it| wanted.iter().any(|held| held.clashes(&it.held))) {
        if let Holder::Container { id, .. } = &it.by
            && let Some(row) = db::deployments::by_container(shared.db.read(), id).await.map_err(Failure::internal)?
            && let Some(app) = db::apps::find(shared.db.read(), row.app).await.map_err(Failure::internal)?
        {
            it.by = Holder::App { id: app.id, name: app.name };
        }
    }
    Ok(taken)
}

/// What the other apps hold by their configurations.
async fn claimed(shared: &Shared, app: Option<AppId>) -> Result<Vec<Taken>, Error> {
    let mut taken = Vec::new();
    for other in db::apps::all(shared.db.read()).await?.iter().filter(|it| Some(it.id) != app) {
        taken.extend(by(other, &other.config));
        if let Some(live) = other.live_deployment {
            let live = db::deployments::get(shared.db.read(), live).await?;
            taken.extend(by(other, &db::snapshots::of(shared.db.read(), other, Some(&live)).await?));
        }
    }
    Ok(taken)
}

fn by(app: &App, config: &AppConfig) -> impl Iterator<Item = Taken> {
    let holder = Holder::App { id: app.id, name: app.name.clone() };
    config.run.ports.iter().filter_map(Port::held).map(|held| Taken { held, by: holder.clone() }).collect::<Vec<_>>().into_iter()
}

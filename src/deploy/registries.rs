//! Logins at registries: kept sealed, and opened for a build.

use super::{
    Error, Shared,
    platform::{RegistryLogin, Tried},
};
use crate::{
    audit, db,
    domain::{
        audit::{Act, Action, Actor, Resource, Subject},
        moment::Moment,
        registry::{Registry, RegistryHost},
        secret::Secret,
    },
};

/// So many are kept; they are made by hand, and each goes to the engine with each build.
const REGISTRIES_MAX: usize = 50;

/// A registry, as what somebody does something to.
pub(super) fn subject(host: &RegistryHost) -> Subject {
    Subject::new(Resource::Setting, "", format!("registry {host}"))
}

/// A login that is kept now.
#[derive(Debug)]
pub struct LoginKept {
    /// Whether it is in the place of another one.
    pub replaced: bool,
    /// Why nobody knows whether it is right, in words for the page; none when it was tried and is.
    pub untried: Option<String>,
}

pub(super) async fn set(shared: &Shared, host: RegistryHost, username: String, password: &Secret, by: &Actor) -> Result<LoginKept, Error> {
    let login = RegistryLogin { host, username, password: password.clone() };
    let untried = match try_login(shared, &login).await {
        Tried::Good => None,
        Tried::Unknown(why) => Some(why),
        Tried::Refused(why) => return Err(Error::LoginRefused(why)),
    };
    let replaced = keep(shared, login, by).await?;
    Ok(LoginKept { replaced, untried })
}

async fn try_login(shared: &Shared, login: &RegistryLogin) -> Tried {
    if !shared.engine_is_up() {
        return Tried::Unknown("The engine cannot be reached.".to_owned());
    }
    shared.platform.builder.try_login(login).await
}

/// Keeps a login instead of the one that was there for its host. Says whether there was one.
async fn keep(shared: &Shared, login: RegistryLogin, by: &Actor) -> Result<bool, Error> {
    let RegistryLogin { host, username, password } = login;
    let mut tx = shared.db.begin().await?;
    let there = db::registries::all(&mut *tx).await?;
    if there.len() >= REGISTRIES_MAX && there.iter().all(|it| it.host != host) {
        return Err(Error::Refused(format!("There are {REGISTRIES_MAX} logins already. Remove those that are not needed.")));
    }
    let password = shared.keep(&mut tx, &password).await?;
    let registry = Registry { host, username, password, set_at: Moment::now() };
    let replaced = db::registries::set(&mut tx, &registry).await?;
    let detail = if replaced { "login replaced" } else { "login set" };
    audit::record(&mut tx, &Act::done(Action::SettingsChange, by, subject(&registry.host)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(replaced)
}

pub(super) async fn remove(shared: &Shared, host: &RegistryHost, by: &Actor) -> Result<(), Error> {
    let mut tx = shared.db.begin().await?;
    if db::registries::remove(&mut tx, host).await? {
        audit::record(&mut tx, &Act::done(Action::SettingsChange, by, subject(host)).detail("login removed")).await?;
    }
    tx.commit().await.map_err(db::Error::from)?;
    Ok(())
}

impl Shared {
    /// All logins, opened, for a build.
    pub(super) async fn registry_logins(&self) -> Result<Vec<RegistryLogin>, Error> {
        let registries = db::registries::with_passwords(self.db.read()).await?;
        let open = |(registry, sealed): (Registry, _)| {
            let password = self.vault.open_sealed(registry.password, &sealed)?;
            Ok(RegistryLogin { host: registry.host, username: registry.username, password })
        };
        registries.into_iter().map(open).collect()
    }
}

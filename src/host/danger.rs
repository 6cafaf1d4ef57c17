//! Which mounts need a person's confirmation, as far as this machine and the engine show what lies behind them.

use std::{path::PathBuf, time::Duration};

use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout, timeout_at};

use super::{EngineHost, failures::engine_failure, here};
use crate::{
    deploy::platform::{Failure, FailureKind},
    docker::{self, Mount, Volume},
    domain::{
        app_config::volume::{Danger, Mounted, Sensitive, VolumeSource},
        engine::Address,
        ids::AppId,
    },
    machine::mounts::Mounts,
};

/// How long it may take to look at all mounts of an app.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);
/// How long the engine may take to say for a page where it keeps things, and what the own container has mounted.
const KNOW_DEADLINE: Duration = Duration::from_secs(1);

impl EngineHost {
    /// Where an app's relative volumes lie, as the engine's host sees it. Without a word about that, the machine around µPaaS has to be
    /// that host.
    pub(super) async fn folder_of(&self, app: AppId) -> Option<PathBuf> {
        let known = self.place.host_data_dir.is_some() || here::shares_host(self.engine.address()).await;
        self.place.at_the_engine(&self.place.files.volumes(app)).ok().filter(|_| known)
    }

    /// What of this installation is dangerous to mount; a failure where the engine does not say what its own container has mounted.
    pub(super) async fn sensitive(&self) -> Result<Sensitive, Failure> {
        let (mounts, root) = join(self.own_mounts(), self.engine.root()).await;
        let sensitive = self.place.sensitive(&self.sockets().await, &mounts.map_err(engine_failure)?);
        Ok(sensitive.with_engine_root(root.ok().flatten().as_deref()))
    }

    /// The same for a page, which does not wait long: without whatever the engine does not say in time.
    pub(super) async fn sensitive_soon(&self) -> Sensitive {
        let (mounts, root) = join(timeout(KNOW_DEADLINE, self.own_mounts()), timeout(KNOW_DEADLINE, self.engine.root())).await;
        let mounts = mounts.ok().and_then(Result::ok).unwrap_or_default();
        let root = root.ok().and_then(Result::ok).flatten();
        self.place.sensitive(&self.sockets().await, &mounts).with_engine_root(root.as_deref())
    }

    /// The engine's socket, by the name that was said and by where that leads.
    async fn sockets(&self) -> Vec<PathBuf> {
        let Address::Unix(socket) = self.engine.address() else { return Vec::new() };
        let real = tokio::fs::canonicalize(socket).await.ok();
        [PathBuf::from(socket)].into_iter().chain(real).collect()
    }

    /// What the container of µPaaS has from its host, volumes also by what they stand for; nothing where it runs in none, or in one of
    /// another engine.
    async fn own_mounts(&self) -> Result<Vec<Mount>, docker::Error> {
        let Some(own) = &self.place.container else { return Ok(Vec::new()) };
        let mut mounts = self.engine.mounts_of(own).await?.unwrap_or_default();
        for mount in mounts.clone() {
            let Some(name) = &mount.volume else { continue };
            // Where it lies is known already: a driver that does not answer is no reason to make no containers.
            let stands_for = match self.engine.volume(name).await {
                Ok(volume) => volume.map(|volume| volume.stands_for).unwrap_or_default(),
                Err(err) => {
                    tracing::warn!(volume = name, error = %err, "what a volume of µPaaS's own stands for is not known");
                    continue;
                }
            };
            mounts.extend(stands_for.into_iter().map(|source| Mount { source, ..mount.clone() }));
        }
        Ok(mounts)
    }

    /// Why mounting each of these needs a confirmation; a failure where the engine does not say what a volume of its own is.
    pub(super) async fn judge(&self, app: AppId, mounted: &[Mounted], sensitive: Sensitive) -> Vec<Result<Option<Danger>, Failure>> {
        let until = Instant::now() + LOOK_DEADLINE;
        let visible = here::shares_host(self.engine.address()).await;
        let mounts = Mounts { folder: self.folder_of(app).await, sensitive, visible };
        let judged = join_all(mounted.iter().map(|it| self.judge_one(&mounts, it, until))).await;
        // What is dangerous by itself is asked about as such: it has that power with and without the others.
        let harmless = |at: usize| matches!(judged[at], Ok(None));
        let beside = mounts.dangers_beside(mounted, harmless, until).await;
        judged.into_iter().zip(beside).map(|(judged, beside)| Ok(judged?.or(beside))).collect()
    }

    async fn judge_one(&self, mounts: &Mounts, mounted: &Mounted, until: Instant) -> Result<Option<Danger>, Failure> {
        let VolumeSource::Named(name) = &mounted.source else { return Ok(mounts.danger(mounted, until).await) };
        let looked = timeout_at(until, self.engine.volume(name)).await.unwrap_or(Err(docker::Error::TimedOut("inspect volume")));
        match looked {
            Ok(Some(volume)) => Ok(danger_of(mounts, &volume, mounted.read_only, until).await),
            Ok(None) => Ok(None),
            Err(err) => match engine_failure(err) {
                // It is there, and will not say what it is: a driver that does not answer, for example.
                failure if failure.kind == FailureKind::Final => Ok(Some(Danger::Unseen)),
                failure => Err(failure),
            },
        }
    }
}

/// Why mounting a volume of the engine's needs a confirmation: it stands for a path of the host, or µPaaS's own data lie in it.
async fn danger_of(mounts: &Mounts, volume: &Volume, read_only: bool, until: Instant) -> Option<Danger> {
    if let Some(why) = mounts.sensitive.danger_of_data(&volume.mountpoint) {
        return Some(Danger::Power(why));
    }
    for path in &volume.stands_for {
        let mounted = Mounted { source: VolumeSource::Host(path.clone()), read_only };
        match mounts.danger(&mounted, until).await {
            Some(Danger::Power(why)) => return Some(Danger::Power(format!("this volume stands for {}, and {why}", path.display()))),
            Some(Danger::Unseen) => return Some(Danger::Unseen),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    async fn why(mountpoint: &str, stands_for: &[&str]) -> Option<String> {
        let sensitive = Sensitive::new([], [Path::new("/var/lib/docker/volumes/upaas/_data")]);
        let mounts = Mounts { folder: None, sensitive, visible: false };
        let volume = Volume { mountpoint: mountpoint.into(), stands_for: stands_for.iter().map(PathBuf::from).collect() };
        let danger = danger_of(&mounts, &volume, false, Instant::now() + LOOK_DEADLINE).await?;
        Some(danger.why().to_owned())
    }

    #[tokio::test]
    async fn a_volume_is_judged_by_what_lies_behind_its_name() {
        assert_eq!(why("/var/lib/docker/volumes/pgdata/_data", &[]).await, None, "an ordinary one is its app's");
        assert_eq!(why("/var/lib/docker/volumes/files/_data", &["/srv/files"]).await, None);
        let own = why("/var/lib/docker/volumes/upaas/_data", &[]).await.expect("dangerous");
        assert!(own.starts_with("µPaaS keeps its keys"), "{own}");
        let root = why("/var/lib/docker/volumes/all/_data", &["/"]).await.expect("dangerous");
        assert_eq!(root, "this volume stands for /, and everything on this machine is in /");
        assert!(why("/var/lib/docker/volumes/x/_data", &["/srv/a", "/var/lib/docker/volumes/upaas"]).await.is_some());
    }
}

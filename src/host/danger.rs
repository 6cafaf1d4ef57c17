//! Which mounts need a person's confirmation, as far as this machine and the engine show what lies behind them.

use std::{path::PathBuf, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{EngineHost, engine::engine_failure, here};
use crate::{
    deploy::platform::{Failure, FailureKind},
    docker::{self, Volume},
    domain::{
        app_config::volume::{Danger, VolumeSource},
        ids::AppId,
    },
    machine::mounts::Mounts,
};

/// How long it may take to look at all mounts of an app.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

impl EngineHost {
    /// Where an app's relative volumes lie, as the engine's host sees it. Without a word about that, the machine around µPaaS has to be
    /// that host.
    pub(super) async fn folder_of(&self, app: AppId) -> Option<PathBuf> {
        let known = self.place.host_data_dir.is_some() || here::shares_host(self.engine.address()).await;
        self.place.at_the_engine(&self.place.files.volumes(app)).ok().filter(|_| known)
    }

    /// Why mounting each of these needs a confirmation; a failure where the engine does not say what a volume of its own is.
    pub(super) async fn judge(&self, app: AppId, sources: &[VolumeSource]) -> Vec<Result<Option<Danger>, Failure>> {
        let until = Instant::now() + LOOK_DEADLINE;
        let mounts = Mounts {
            folder: self.folder_of(app).await,
            sensitive: self.place.sensitive(self.engine.address()),
            visible: here::shares_host(self.engine.address()).await,
        };
        join_all(sources.iter().map(|source| self.judge_one(&mounts, source, until))).await
    }

    async fn judge_one(&self, mounts: &Mounts, source: &VolumeSource, until: Instant) -> Result<Option<Danger>, Failure> {
        let VolumeSource::Named(name) = source else { return Ok(mounts.danger(source, until).await) };
        let looked = timeout_at(until, self.engine.volume(name)).await.unwrap_or(Err(docker::Error::TimedOut("inspect volume")));
        match looked {
            Ok(Some(volume)) => Ok(danger_of(mounts, &volume, until).await),
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
async fn danger_of(mounts: &Mounts, volume: &Volume, until: Instant) -> Option<Danger> {
    if let Some(why) = mounts.sensitive.danger_of_data(&volume.mountpoint) {
        return Some(Danger::Power(why));
    }
    for path in &volume.stands_for {
        match mounts.danger(&VolumeSource::Host(path.clone()), until).await {
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
    use crate::domain::app_config::volume::Sensitive;

    async fn why(mountpoint: &str, stands_for: &[&str]) -> Option<String> {
        let sensitive = Sensitive::new([], [Path::new("/var/lib/docker/volumes/upaas/_data")]);
        let mounts = Mounts { folder: None, sensitive, visible: false };
        let volume = Volume { mountpoint: mountpoint.into(), stands_for: stands_for.iter().map(PathBuf::from).collect() };
        let danger = danger_of(&mounts, &volume, Instant::now() + LOOK_DEADLINE).await?;
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

//! Making a container: its text files, its mounts, its spec; and what is left of it on this machine when it is gone.

use std::io;

use tokio::task::spawn_blocking;

use super::{
    EngineHost,
    config_files::Written,
    failures::{engine_failure, start_failure},
    volumes,
};
use crate::{
    deploy::platform::{Failure, Wanted},
    docker::spec::{ContainerSpec, MountSource, MountSpec},
    domain::{
        app_config::{
            health_check::Probe,
            volume::{Mounted, Volume},
        },
        container::Created,
        deployment::Cause,
    },
};

impl EngineHost {
    /// Makes a container as it is wanted, with its text files and the folders of its volumes.
    pub(super) async fn make(&self, wanted: &Wanted) -> Result<Created, Failure> {
        if matches!(wanted.run.health.probe, Probe::Http(_)) {
            self.reach()?;
        }
        self.refuse_unconfirmed(wanted).await?;
        let written = self.write_files(wanted).await?;
        let created = self.create_with(wanted, written.as_ref()).await;
        if created.is_err() {
            drop(written);
            self.sweep_up().await;
        }
        created
    }

    /// What gives power over the machine needs a person's confirmation, also when it has become so since the settings were saved: by a
    /// link that the app itself has made, for example.
    async fn refuse_unconfirmed(&self, wanted: &Wanted) -> Result<(), Failure> {
        let volumes = &wanted.run.volumes;
        if volumes.iter().all(|volume| volume.confirmed) {
            return Ok(());
        }
        let mounted: Vec<Mounted> = volumes.iter().map(Volume::mounted).collect();
        let judged = self.judge(wanted.target.app, &mounted, self.sensitive().await?).await;
        for (volume, danger) in volumes.iter().zip(judged).filter(|(volume, _)| !volume.confirmed) {
            if let Some(danger) = danger? {
                let (source, why) = (&volume.source, danger.sentence());
                let sentence = format!("The volume {source} needs a confirmation, and has none. {why}");
                return Err(Failure::new(Cause::User, sentence).hint("Remove the volume from the app's settings, or confirm it there."));
            }
        }
        Ok(())
    }

    /// Writes the text files of a container that is to be made.
    async fn write_files(&self, wanted: &Wanted) -> Result<Option<Written>, Failure> {
        if wanted.files.is_empty() {
            return Ok(None);
        }
        let (config_files, app) = (self.config_files.clone(), wanted.target.app);
        let contents: Vec<_> = wanted.files.iter().map(|(_, content)| content.clone()).collect();
        let written = spawn_blocking(move || config_files.write(app, &contents)).await.map_err(Failure::internal)?;
        let failed = "The app's config files could not be written to µPaaS's data directory.";
        let written =
            written.map_err(|err| Failure::new(Cause::Internal, failed).hint("Is its disk full? The log has the details.").source(err))?;
        Ok(Some(written))
    }

    /// What is mounted into a container: its volumes and its text files.
    async fn mounts(&self, wanted: &Wanted, written: Option<&Written>) -> Result<Vec<MountSpec>, Failure> {
        let mut mounts = volumes::mounts(&self.place, wanted.target.app, &wanted.run.volumes).await?;
        let files = written.map(|it| &*it.files).unwrap_or_default();
        for ((target, _), file) in wanted.files.iter().zip(files) {
            let source = MountSource::Bind(self.place.at_the_engine(file)?);
            mounts.push(MountSpec { source, target: target.clone(), read_only: true });
        }
        Ok(mounts)
    }

    async fn create_with(&self, wanted: &Wanted, written: Option<&Written>) -> Result<Created, Failure> {
        let spec = ContainerSpec {
            owner: self.owner(&wanted.target),
            image: wanted.image.clone(),
            env: wanted.env.clone(),
            mounts: self.mounts(wanted, written).await?,
            files: written.map(|it| it.folder.clone()),
            run: wanted.run.clone(),
        };
        self.engine.create_container(&spec).await.map_err(|err| start_failure(err, &wanted.run.ports))
    }

    /// As [`EngineHost::sweep_files`], after something that does not depend on it.
    pub(super) async fn sweep_up(&self) {
        if let Err(failure) = self.sweep_files().await {
            tracing::debug!(reason = %failure.sentence, error = failure.chain(), "config files of containers that are gone are left for later");
        }
    }

    /// Removes the text files of containers that are gone.
    pub(super) async fn sweep_files(&self) -> Result<(), Failure> {
        let config_files = self.config_files.clone();
        let finished = spawn_blocking(move || config_files.finished()).await.map_err(Failure::internal)?;
        if finished.is_empty() {
            return Ok(());
        }
        let in_use = self.engine.files_in_use().await.map_err(engine_failure)?;
        let config_files = self.config_files.clone();
        let leftovers = finished.into_iter().filter(move |(name, _)| !in_use.contains(name));
        // One that cannot be removed must not keep the others.
        let remove = move || leftovers.map(|(_, folder)| config_files.remove(&folder)).fold(Ok(()), io::Result::and);
        spawn_blocking(remove).await.map_err(Failure::internal)?.map_err(Failure::internal)
    }
}

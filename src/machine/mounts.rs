//! What is dangerous about mounting a path of this machine, wherever links lead from there.

use std::{io, path::PathBuf, time::Duration};

use tokio::time::timeout;

use crate::domain::app_config::volume::{self, Sensitive, VolumeSource};

/// How long it may take to see where links lead: they may lead to a file system that does not answer.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

/// Where an app's volumes lie, and what is dangerous there.
#[derive(Debug, Clone)]
pub struct Mounts {
    /// The folder of relative volumes as the engine sees it, when that is known.
    pub folder: Option<PathBuf>,
    /// What of this installation is dangerous to mount.
    pub sensitive: Sensitive,
    /// Whether the paths of the engine's host are those of this machine.
    pub visible: bool,
}

impl Mounts {
    /// The path of the host that is mounted, unless the engine keeps it or where it is is not known.
    pub fn resolved(&self, source: &VolumeSource) -> Option<PathBuf> {
        match source {
            VolumeSource::Host(path) => Some(path.clone()),
            VolumeSource::Data(path) => Some(self.folder.as_ref()?.join(path)),
            VolumeSource::Named(_) => None,
        }
    }

    /// Why a mount gives power over the machine: by its path as written, or by where links lead from there.
    pub async fn danger(&self, source: &VolumeSource) -> Option<String> {
        if let Some(why) = volume::danger(source, &self.sensitive) {
            return Some(why);
        }
        let path = self.resolved(source).filter(|_| self.visible)?;
        let real = timeout(LOOK_DEADLINE, real_path(path.clone())).await.ok()?.ok()?;
        let leads_elsewhere = match (source, &self.folder) {
            (VolumeSource::Data(_), Some(folder)) => {
                !real.starts_with(timeout(LOOK_DEADLINE, real_path(folder.clone())).await.ok()?.unwrap_or_else(|_| folder.clone()))
            }
            _ => real != path,
        };
        let why = volume::danger(&VolumeSource::Host(real.clone()), &self.sensitive).filter(|_| leads_elsewhere)?;
        Some(format!("it leads to {}, and {why}", real.display()))
    }
}

/// Where a path leads, as far as it is there; what is not there yet has no links.
async fn real_path(path: PathBuf) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut there = path.as_path();
    loop {
        match tokio::fs::canonicalize(there).await {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else { return Err(err) };
                missing.push(name.to_owned());
                there = parent;
            }
            Err(err) => return Err(err),
        }
    }
}

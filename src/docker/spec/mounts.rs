//! What is mounted into a container.

use std::path::PathBuf;

use bollard::models::{Mount, MountType, MountVolumeOptions};

use super::Owner;
use crate::domain::app_config::config_file::ContainerPath;

/// Something that is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSpec {
    /// What is mounted.
    pub source: MountSource,
    /// Where the container finds it.
    pub target: ContainerPath,
    /// Whether the container cannot write to it.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A path of the engine's host, which has to exist.
    Bind(PathBuf),
    /// One of the engine's volumes, which it makes when there is none.
    Volume(String),
}

/// By the engine's newer interface for mounts: the older one makes a folder of every path that is misspelled. A volume that the
/// engine has to make is labelled as ours; one that is there already stays as it is.
pub(super) fn mount(spec: &MountSpec, owner: &Owner) -> Mount {
    let (typ, source, volume_options) = match &spec.source {
        MountSource::Bind(path) => (MountType::BIND, path.display().to_string(), None),
        MountSource::Volume(name) => {
            let labels = Some(owner.lasting_labels());
            (MountType::VOLUME, name.clone(), Some(MountVolumeOptions { labels, ..MountVolumeOptions::default() }))
        }
    };
    Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(spec.target.to_string()),
        read_only: Some(spec.read_only),
        volume_options,
        ..Mount::default()
    }
}

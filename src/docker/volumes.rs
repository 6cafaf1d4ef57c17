//! The engine's volumes: what lies behind their names.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::models;

use super::{Engine, Error, containers::within};

/// How long the engine may take to show a volume: a page waits for it.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);
/// What is named by the mount options of a file system that lies over folders.
const LAYERS: [&str; 3] = ["lowerdir", "upperdir", "workdir"];

/// A volume of the engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where its files lie on the engine's host.
    pub mountpoint: PathBuf,
    /// The folders and devices of the engine's host that it stands for.
    pub stands_for: Vec<PathBuf>,
}

/// What a container has from its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it lies on the engine's host.
    pub source: PathBuf,
    /// Where the container finds it.
    pub target: PathBuf,
    /// The name of the engine's volume that it is, if it is one.
    pub volume: Option<String>,
}

impl Engine {
    /// What a container has from its host, whoever it belongs to; none when there is no such container.
    pub async fn mounts_of(&self, container: &str) -> Result<Option<Vec<Mount>>, Error> {
        let client = self.client()?;
        match within(LOOK_DEADLINE, "inspect", client.inspect_container(container, None)).await {
            Ok(seen) => Ok(Some(seen.mounts.unwrap_or_default().into_iter().filter_map(mount).collect())),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// A volume by its name; none when there is none.
    pub async fn volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        let client = self.client()?;
        match within(LOOK_DEADLINE, "inspect volume", client.inspect_volume(name)).await {
            Ok(seen) => Ok(Some(of(&seen))),
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }
}

/// None of what is not on the host: memory.
fn mount(seen: models::MountPoint) -> Option<Mount> {
    let source = seen.source.filter(|source| !source.is_empty())?;
    Some(Mount { source: source.into(), target: seen.destination?.into(), volume: seen.name.filter(|name| !name.is_empty()) })
}

fn of(seen: &models::Volume) -> Volume {
    Volume { mountpoint: PathBuf::from(&seen.mountpoint), stands_for: stands_for(&seen.options) }
}

/// The paths of the host in a driver's options, which are those of `mount`: `device`, and the layers in `o`.
fn stands_for(options: &HashMap<String, String>) -> Vec<PathBuf> {
    let mount_options: Vec<&str> = options.get("o").map(|it| it.split(',').map(str::trim).collect()).unwrap_or_default();
    let is_bind = mount_options.iter().any(|it| ["bind", "rbind"].contains(it));
    let device = options.get("device").filter(|device| is_bind || Path::new(device).is_absolute());
    let layers = mount_options.iter().filter_map(|it| it.split_once('=')).filter(|(name, _)| LAYERS.contains(name));
    let layers = layers.flat_map(|(_, paths)| paths.split(':'));
    // The engine's own folder is the root.
    device.map(String::as_str).into_iter().chain(layers).map(|path| Path::new("/").join(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_volume_stands_for_is_read_from_its_options() {
        let read = |options: &[(&str, &str)]| {
            let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            stands_for(&options).iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(read(&[]), Vec::<String>::new());
        assert_eq!(read(&[("type", "none"), ("o", "bind"), ("device", "/")]), ["/"]);
        assert_eq!(read(&[("o", "ro,rbind"), ("device", "etc")]), ["/etc"]);
        assert_eq!(read(&[("type", "ext4"), ("device", "/dev/sda1")]), ["/dev/sda1"]);
        assert_eq!(read(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")]), Vec::<String>::new());
        assert_eq!(read(&[("type", "nfs"), ("device", ":/export"), ("o", "addr=192.0.2.1,rw")]), Vec::<String>::new());
        assert_eq!(
            read(&[("type", "overlay"), ("device", "overlay"), ("o", "lowerdir=/a:/b,upperdir=/c,workdir=/d")]),
            ["/a", "/b", "/c", "/d"]
        );
    }
}

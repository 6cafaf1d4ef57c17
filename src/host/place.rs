//! Where this process and its files are, as the engine sees them.

use std::path::{Path, PathBuf};

use crate::{
    deploy::{files::Files, platform::Failure},
    docker::Mount,
    domain::{app_config::volume::Sensitive, deployment::Cause, engine::Address},
};

/// Where this process and its files are, as the engine sees them.
#[derive(Debug, Clone)]
pub struct Place {
    /// The data directory.
    pub files: Files,
    /// The same folder as the engine's host sees it, where that was said.
    pub host_data_dir: Option<PathBuf>,
    /// The container that this process runs in, by id.
    pub container: Option<String>,
    /// Whether the engine is reached over the network: then it may be on another machine.
    pub is_remote: bool,
}

impl Place {
    /// Of this process, with an engine at this address.
    pub fn here(files: Files, host_data_dir: Option<PathBuf>, engine: &Address) -> Self {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self { files, host_data_dir, container: own_container(&mounts), is_remote: matches!(engine, Address::Tcp(_)) }
    }

    /// What of this installation is dangerous to mount, by its paths on the engine's host. A container has paths of its own: its mounts
    /// tell what lies behind them. The engine's socket may have several names.
    pub(super) fn sensitive(&self, sockets: &[PathBuf], mounts: &[Mount]) -> Sensitive {
        let at_the_host = |path: &Path| if self.container.is_some() { behind(path, mounts) } else { vec![path.to_owned()] };
        let data_dirs: Vec<PathBuf> = at_the_host(self.files.root()).into_iter().chain(self.host_data_dir.clone()).collect();
        let sockets: Vec<PathBuf> = sockets.iter().flat_map(|socket| at_the_host(socket)).chain(sockets.iter().cloned()).collect();
        Sensitive::new(sockets.iter().map(PathBuf::as_path), data_dirs.iter().map(PathBuf::as_path))
    }

    /// A path in the data directory, as the engine's host sees it.
    pub(super) fn at_the_engine(&self, path: &Path) -> Result<PathBuf, Failure> {
        let root = self.files.root();
        if let Some(seen) = &self.host_data_dir {
            return Ok(seen.join(path.strip_prefix(root).map_err(Failure::internal)?));
        }
        if self.is_remote {
            let sentence = "The engine is reached over the network, so it cannot mount relative volumes and config files: \
                            they lie on µPaaS's machine.";
            return Err(Failure::new(Cause::User, sentence).hint(
                "Mount an absolute path of the engine's host or a named volume. If the engine is on this machine all the same, set UPAAS_HOST_DATA_DIR to µPaaS's data directory.",
            ));
        }
        if self.container.is_some() {
            let sentence = "µPaaS runs in a container, and UPAAS_HOST_DATA_DIR does not say where its data directory is on the host: \
                            relative volumes and config files cannot be mounted.";
            return Err(Failure::new(Cause::User, sentence).hint(format!(
                "Set UPAAS_HOST_DATA_DIR to the host's path of what is mounted at {} in µPaaS's container, and start µPaaS again.",
                root.display()
            )));
        }
        Ok(path.to_owned())
    }
}

/// Where what a container has at a path lies on its host: in what is mounted there or next above, and whatever is mounted beneath.
fn behind(path: &Path, mounts: &[Mount]) -> Vec<PathBuf> {
    let depth = |mount: &Mount| mount.target.components().count();
    let over = mounts.iter().filter(|mount| path.starts_with(&mount.target)).map(depth).max();
    let place = |mount: &Mount| match path.strip_prefix(&mount.target) {
        Ok(rest) => (Some(depth(mount)) == over).then(|| mount.source.join(rest)),
        Err(_) => mount.target.starts_with(path).then(|| mount.source.clone()),
    };
    mounts.iter().filter_map(place).collect()
}

/// The id of the container that a process with these mounts runs in. Engines put files of theirs over those of the image, and these
/// lie in a folder that has the container's id for a name. (The file `/.dockerenv` is no sign: virtual machines that are made of
/// images have it, too.)
fn own_container(mountinfo: &str) -> Option<String> {
    const OF_THE_ENGINE: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (source, target) = (fields.next()?, fields.next()?);
        OF_THE_ENGINE.contains(&target).then(|| source.split('/').find(is_id).map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::app_config::volume::{Mounted, danger};

    const ID: &str = "0f3c8e4b1d2a59670f3c8e4b1d2a59670f3c8e4b1d2a59670f3c8e4b1d2a5967";

    fn place(host_data_dir: Option<&str>, container: Option<&str>, is_remote: bool) -> Place {
        let (files, host_data_dir) = (Files::new(Path::new("/data")), host_data_dir.map(PathBuf::from));
        Place { files, host_data_dir, container: container.map(str::to_owned), is_remote }
    }

    #[test]
    fn the_own_container_is_known_by_the_files_that_the_engine_puts_into_it() {
        let line = |target: &str| format!("611 590 254:0 /var/lib/docker/containers/{ID}/hostname {target} rw - ext4 /dev/vda rw");
        let root = "590 500 0:40 / / rw,relatime - overlay overlay rw";
        assert_eq!(own_container(&format!("{root}\n{}", line("/etc/hostname"))).as_deref(), Some(ID));
        assert_eq!(own_container(&format!("{root}\n{}", line("/mnt"))), None, "a container's folder that is mounted elsewhere");
        assert_eq!(own_container("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"), None);
    }

    #[test]
    fn paths_of_the_own_container_are_none_of_the_host() {
        let mount = |source: &str, target: &str| Mount { source: source.into(), target: target.into(), volume: None };
        let mounts =
            [mount("/vol/all", "/"), mount("/vol/upaas", "/data"), mount("/vol/backups", "/data/backups"), mount("/vol/etc", "/etc")];
        let why_with = |place: Place, mounts: &[Mount], path: &str| place.sensitive(&[], mounts).danger_of_data(Path::new(path));
        let why = |place: Place, path: &str| why_with(place, &[], path);
        assert!(why(place(None, None, false), "/data/x").is_some());
        assert!(why(place(Some("/srv/upaas"), None, false), "/data").is_some());
        assert_eq!(why(place(Some("/srv/upaas"), Some(ID), false), "/data/x"), None);
        assert!(why(place(Some("/srv/upaas"), Some(ID), false), "/srv").is_some());
        assert_eq!(why(place(None, Some(ID), false), "/data"), None);
        for (path, is_own) in [
            ("/vol/upaas", true),
            ("/vol/upaas/upaas.db", true),
            ("/vol", true),
            ("/vol/backups/a", true),
            ("/vol/all/data", false),
            ("/vol/etc", false),
            ("/data", false),
        ] {
            assert_eq!(why_with(place(None, Some(ID), false), &mounts, path).is_some(), is_own, "{path}");
        }
        assert_eq!(why_with(place(None, None, false), &mounts, "/vol/upaas"), None, "no container, no mounts of one");
        assert!(why_with(place(None, Some(ID), false), &mounts[..1], "/vol/all/data/upaas.db").is_some(), "in a part of what is mounted");
    }

    #[test]
    fn the_engine_s_socket_is_known_by_its_place_on_the_host() {
        let mounts = [Mount { source: "/srv/rootless/engine.sock".into(), target: "/run/docker.sock".into(), volume: None }];
        let sensitive = place(None, Some(ID), false).sensitive(&["/run/docker.sock".into()], &mounts);
        let mounted = Mounted { source: "/srv/rootless".parse().expect("valid"), read_only: true };
        assert!(danger(&mounted, &sensitive).is_some_and(|why| why.contains("/srv/rootless/engine.sock")));
    }

    #[test]
    fn a_path_is_told_as_the_engines_host_sees_it() {
        let told = |place: Place| place.at_the_engine(Path::new("/data/volumes/a")).map_err(|failure| failure.sentence);
        assert_eq!(told(place(None, None, false)), Ok(PathBuf::from("/data/volumes/a")));
        assert_eq!(told(place(Some("/srv/upaas"), Some(ID), false)), Ok(PathBuf::from("/srv/upaas/volumes/a")));
        assert!(told(place(None, Some(ID), false)).is_err_and(|sentence| sentence.contains("UPAAS_HOST_DATA_DIR")));
        assert!(told(place(None, None, true)).is_err_and(|sentence| sentence.contains("reached over the network")));
    }
}

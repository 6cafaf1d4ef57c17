//! The volumes of an app, as the engine is told of them. Folders of the app's own are made here.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, Permissions, set_permissions, symlink_metadata},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::place::Place;
use crate::{
    deploy::platform::Failure,
    docker::spec::{MountSource, MountSpec},
    domain::{
        app_config::volume::{self, Volume, VolumeSource},
        deployment::Cause,
        ids::AppId,
    },
};

/// Where the folders of an app's own lie: for nobody else to look into.
const PARENT_MODE: u32 = 0o700;
/// Whoever the container runs as may write there. Nobody else gets as far: the parent keeps them out.
const FOLDER_MODE: u32 = 0o777;

/// The mounts of an app's volumes; relative ones have their folders then.
pub(super) async fn mounts(place: &Place, app: AppId, volumes: &[Volume]) -> Result<Vec<MountSpec>, Failure> {
    refuse_nested(volumes)?;
    let mut mounts = Vec::with_capacity(volumes.len());
    for volume in volumes {
        let source = match &volume.source {
            VolumeSource::Host(path) => MountSource::Bind(path.clone()),
            VolumeSource::Named(name) => MountSource::Volume(name.clone()),
            VolumeSource::Data(path) => MountSource::Bind(folder(place, app, path).await?),
        };
        mounts.push(MountSpec { source, target: volume.path.clone(), read_only: volume.read_only });
    }
    Ok(mounts)
}

/// Those that were saved before this was refused when they are saved.
fn refuse_nested(volumes: &[Volume]) -> Result<(), Failure> {
    let sources = || volumes.iter().map(|it| &it.source);
    let nested = sources().find_map(|one| sources().find_map(|other| volume::nested(one, other)));
    match nested {
        Some((inner, outer)) => {
            let sentence = format!("The volume {inner} lies within the volume {outer}.");
            Err(Failure::new(Cause::User, sentence).hint("Mount the outer one only, or give each a folder of its own."))
        }
        None => Ok(()),
    }
}

/// A folder of the app's own, made where it is missing, as the engine's host sees it.
async fn folder(place: &Place, app: AppId, path: &Path) -> Result<PathBuf, Failure> {
    let parent = place.files.volumes(app);
    let told = place.at_the_engine(&parent.join(path))?;
    let relative = path.to_owned();
    let made = spawn_blocking(move || make(&parent, &relative)).await.map_err(Failure::internal)?;
    made.map_err(|err| match err.kind() {
        io::ErrorKind::NotADirectory => Failure::new(Cause::User, format!("The volume ./{} is not a folder.", path.display()))
            .hint("In its place, or on the way to it, is a file or a link. Choose another folder, or remove what is there.")
            .source(err),
        _ => Failure::new(
            Cause::Internal,
            format!("The folder of the volume ./{} could not be made in µPaaS's data directory.", path.display()),
        )
        .hint("Is its disk full? The log has the details.")
        .source(err),
    })?;
    Ok(told)
}

/// Makes each folder on the way. None of them may be a link: the container may have put it there.
fn make(parent: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PARENT_MODE).create(parent)?;
    let mut folder = parent.to_owned();
    for part in path.iter().filter(|part| *part != OsStr::new(".")) {
        folder.push(part);
        match symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().create(&folder)?;
                set_permissions(&folder, Permissions::from_mode(FOLDER_MODE))?;
            }
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        symlink_metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn a_folder_is_for_its_container_and_a_link_is_not_followed() {
        let root = tempfile::tempdir().expect("a folder");
        let parent = root.path().join("volumes/app");
        make(&parent, Path::new("a/b")).expect("made");
        make(&parent, Path::new("a/b")).expect("there already");
        assert_eq!((mode(&parent), mode(&parent.join("a/b"))), (PARENT_MODE, FOLDER_MODE));
        symlink(root.path(), parent.join("out")).expect("linked");
        for way in ["out", "out/a"] {
            assert_eq!(make(&parent, Path::new(way)).expect_err("refused").kind(), io::ErrorKind::NotADirectory);
        }
        assert!(!root.path().join("a").exists(), "nothing is made behind the link");
    }

    #[test]
    fn a_volume_within_a_volume_is_refused() {
        let volume = |source: &str, path: &str| Volume {
            source: source.parse().expect("valid"),
            path: path.parse().expect("valid"),
            read_only: false,
            confirmed: false,
        };
        let refused = |sources: [&str; 2]| refuse_nested(&[volume(sources[0], "/a"), volume(sources[1], "/b")]).err();
        assert_eq!(refused(["./a/b", "./a"]).expect("refused").sentence, "The volume ./a/b lies within the volume ./a.");
        assert!(refused(["./a", "./ab"]).is_none());
    }
}

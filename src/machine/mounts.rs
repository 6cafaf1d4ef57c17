//! What is dangerous about mounting a path of this machine, wherever links lead from there.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::domain::app_config::volume::{self, Danger, Mounted, Sensitive, VolumeSource};

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

    /// Why a mount needs a confirmation: by its path as written, or by where links lead from there. What is not seen until then counts as
    /// dangerous. Volumes that the engine keeps are another's matter.
    pub async fn danger(&self, mounted: &Mounted, until: Instant) -> Option<Danger> {
        let Mounted { source, read_only } = mounted;
        if let Some(why) = volume::danger(mounted, &self.sensitive) {
            return Some(Danger::Power(why));
        }
        let path = self.resolved(source).filter(|_| self.visible)?;
        let Some(real) = seen(&path, until).await else { return Some(Danger::Unseen) };
        let leads_elsewhere = match (source, &self.folder) {
            (VolumeSource::Data(_), Some(folder)) => match seen(folder, until).await {
                Some(folder) => !real.starts_with(folder),
                None => return Some(Danger::Unseen),
            },
            _ => real != path,
        };
        let there = Mounted { source: VolumeSource::Host(real.clone()), read_only: *read_only };
        let why = volume::danger(&there, &self.sensitive).filter(|_| leads_elsewhere)?;
        Some(Danger::Power(format!("it leads to {}, and {why}", real.display())))
    }

    /// Why mounting each of these needs a confirmation because of another one that has no power by itself: the app can write to a folder of
    /// the host in which it lies. It could put a link to anywhere in its place, and the engine would follow that at the next start.
    pub async fn dangers_beside(&self, mounted: &[Mounted], harmless: impl Fn(usize) -> bool, until: Instant) -> Vec<Option<Danger>> {
        let places = join_all(mounted.iter().map(|it| self.places(&it.source, until))).await;
        let holds = |outer: &[PathBuf], inner: &[PathBuf]| {
            inner.iter().any(|inner| outer.iter().any(|outer| inner != outer && inner.starts_with(outer)))
        };
        let beside = |own: &Vec<PathBuf>| {
            let is_outer = |(at, other): &(usize, &Mounted)| !other.read_only && harmless(*at) && holds(&places[*at], own);
            let (_, outer) = mounted.iter().enumerate().find(is_outer)?;
            let why = format!("it lies in {}, where this app can put a link to anywhere in its place", outer.source);
            Some(Danger::Power(why))
        };
        places.iter().map(beside).collect()
    }

    /// The path of a folder of the host as it is written, and where links lead from there, as far as that is seen.
    async fn places(&self, source: &VolumeSource, until: Instant) -> Vec<PathBuf> {
        let VolumeSource::Host(path) = source else { return Vec::new() };
        let real = if self.visible { seen(path, until).await } else { None };
        [path.clone()].into_iter().chain(real).collect()
    }
}

/// Where a path leads; none when that cannot be seen, or not in time: it may lead to a file system that does not answer.
async fn seen(path: &Path, until: Instant) -> Option<PathBuf> {
    in_time(real_path(path), until).await
}

async fn in_time<T>(look: impl Future<Output = io::Result<T>>, until: Instant) -> Option<T> {
    timeout_at(until, look).await.ok()?.ok()
}

/// Where a path leads, as far as it is there; what is not there yet has no links.
async fn real_path(path: &Path) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        match tokio::fs::canonicalize(there).await {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                // A link to what is not there leads there all the same, as soon as somebody makes it.
                if tokio::fs::symlink_metadata(there).await.is_ok() {
                    return Err(err);
                }
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else { return Err(err) };
                missing.push(name);
                there = parent;
            }
            Err(err) => return Err(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, time::Duration};

    use super::*;

    fn mounts(folder: &Path) -> Mounts {
        Mounts { folder: Some(folder.to_owned()), sensitive: Sensitive::new([], []), visible: true }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn mounted(source: &str, read_only: bool) -> Mounted {
        Mounted { source: source.parse().expect("valid"), read_only }
    }

    async fn asked(mounts: &Mounts, source: &str) -> Option<Danger> {
        mounts.danger(&mounted(source, false), soon()).await
    }

    #[tokio::test]
    async fn a_folder_in_another_one_is_dangerous_where_the_app_can_write_to_that() {
        let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
        std::fs::create_dir(folder.path().join("real")).expect("made");
        symlink(folder.path().join("real"), folder.path().join("link")).expect("linked");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mounts = mounts(folder.path());
        let said = async |sources: [(String, bool); 2]| {
            let both = sources.map(|(source, read_only)| mounted(&source, read_only));
            mounts.dangers_beside(&both, |_| true, soon()).await.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(said([(at("real"), false), (at("real/in"), true)]).await, [false, true]);
        assert_eq!(said([(at("real/in"), false), (at("link"), false)]).await, [true, false], "by where links lead, too");
        assert_eq!(said([(at("real"), true), (at("real/in"), false)]).await, [false, false], "the app cannot put anything there");
        assert_eq!(said([(at("real"), false), (at("real"), false)]).await, [false, false], "the same folder at two places");
        assert_eq!(said([(at("real"), false), (at("really"), false)]).await, [false, false]);
        let both = [mounted(&at("real"), false), mounted(&at("real/in"), true)];
        assert_eq!(mounts.dangers_beside(&both, |at| at != 0, soon()).await, [None, None], "the outer one is asked about itself");
    }

    #[tokio::test]
    async fn where_links_lead_is_judged_and_what_is_not_there_yet_is_harmless() {
        let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
        symlink("/etc", folder.path().join("out")).expect("linked");
        let mounts = mounts(folder.path());
        for source in [folder.path().join("out/new").display().to_string(), "./out".to_owned(), "./out/new".to_owned()] {
            let said = asked(&mounts, &source).await.expect("dangerous");
            assert!(said.why().starts_with("it leads to /etc"), "{source}: {}", said.why());
        }
        for source in [folder.path().join("a/b").display().to_string(), "./a/b".to_owned(), "named".to_owned()] {
            assert_eq!(asked(&mounts, &source).await, None, "{source}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_seen_is_not_taken_for_harmless() {
        let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
        symlink("round", folder.path().join("round")).expect("linked");
        symlink("not-there", folder.path().join("nowhere")).expect("linked");
        std::fs::write(folder.path().join("file"), "").expect("written");
        let mounts = mounts(folder.path());
        for name in ["round", "round/a", "file/a", "nowhere", "nowhere/a"] {
            assert_eq!(asked(&mounts, &folder.path().join(name).display().to_string()).await, Some(Danger::Unseen), "{name}");
            assert_eq!(asked(&mounts, &format!("./{name}")).await, Some(Danger::Unseen), "./{name}");
        }
        let elsewhere = Mounts { visible: false, ..mounts };
        assert_eq!(asked(&elsewhere, "/srv/files").await, None, "another machine's paths are judged as they are written");
        assert!(asked(&elsewhere, "/etc").await.is_some());
    }

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_not_waited_for() {
        let silent = std::future::pending::<io::Result<PathBuf>>();
        assert_eq!(in_time(silent, Instant::now()).await, None);
    }
}

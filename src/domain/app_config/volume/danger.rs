//! Mounts that give an app power over the whole machine, or over µPaaS. They need a person's confirmation.

use std::path::{Component, Path, PathBuf};

use super::{Mounted, VolumeSource};

/// Where the engine listens unless it is told otherwise.
const USUAL_SOCKETS: &[&str] = &["/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock"];

/// Folders of the host with power over it, and why. Whatever contains one of them has that power, too.
const POWERFUL: &[(&str, &str)] = &[
    ("/etc", "what stands in /etc decides who may log in and what runs as root"),
    ("/root", "the keys and start-up files of root are in /root"),
    ("/boot", "the kernel that this machine starts with is in /boot"),
    ("/proc", "/proc reaches into every process"),
    ("/sys", "/sys controls the kernel and the hardware"),
    ("/dev", "/dev has the machine's disks"),
    ("/bin", "root runs the programs in /bin"),
    ("/sbin", "root runs the programs in /sbin"),
    ("/lib", "every program loads what is in /lib"),
    ("/lib64", "every program loads what is in /lib64"),
    ("/usr/bin", "root runs the programs in /usr/bin"),
    ("/usr/sbin", "root runs the programs in /usr/sbin"),
    ("/usr/lib", "every program loads what is in /usr/lib"),
    ("/usr/lib64", "every program loads what is in /usr/lib64"),
    ("/usr/libexec", "root runs the programs in /usr/libexec"),
    ("/usr/local/bin", "root runs the programs in /usr/local/bin"),
    ("/usr/local/sbin", "root runs the programs in /usr/local/sbin"),
    ("/usr/local/lib", "every program loads what is in /usr/local/lib"),
    ("/var/lib/docker", "the files of all containers are in /var/lib/docker"),
    ("/var/lib/containerd", "the files of all containers are in /var/lib/containerd"),
    ("/var/lib/kubelet", "the files and keys of all pods are in /var/lib/kubelet"),
    ("/run/dbus", "programs of root take orders in /run/dbus"),
    ("/run/systemd", "systemd takes orders in /run/systemd"),
    ("/var/spool/cron", "what stands in /var/spool/cron runs by itself"),
];

/// As the above, but a folder in one of them is its owner's matter.
const POWERFUL_AS_A_WHOLE: &[(&str, &str)] = &[("/home", "everybody's keys and start-up files are in /home")];

/// Files in those folders that apps often need and that have no power.
const HARMLESS: &[&str] = &["/etc/localtime", "/etc/timezone"];
/// The same of what may be read: who writes there decides which servers root's programs believe.
const HARMLESS_TO_READ: &[&str] = &["/etc/ssl/certs"];

/// Why a mount needs a person's confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Danger {
    /// It gives power over the whole machine, for this reason.
    Power(String),
    /// Nobody can tell: µPaaS cannot see what lies there.
    Unseen,
}

impl Danger {
    /// The reason, as a part of a sentence.
    pub fn why(&self) -> &str {
        match self {
            Self::Power(why) => why,
            Self::Unseen => "what lies there cannot be seen by µPaaS, so it may be anything",
        }
    }

    /// What is said of a mount.
    pub fn sentence(&self) -> String {
        match self {
            Self::Power(why) => format!("This gives the app power over the whole machine: {why}."),
            Self::Unseen => "This may give the app power over the whole machine: what lies there cannot be seen by µPaaS.".to_owned(),
        }
    }
}

/// What of this installation gives power to whoever has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensitive {
    sockets: Vec<PathBuf>,
    data_dirs: Vec<PathBuf>,
    engine_root: Option<PathBuf>,
}

impl Sensitive {
    /// The engine's socket and the data directory, by each of their names; the usual sockets are known.
    pub fn new<'a>(sockets: impl IntoIterator<Item = &'a Path>, data_dirs: impl IntoIterator<Item = &'a Path>) -> Self {
        let usual = USUAL_SOCKETS.iter().map(Path::new);
        Self {
            sockets: sockets.into_iter().chain(usual).map(normal).collect(),
            data_dirs: data_dirs.into_iter().map(normal).collect(),
            engine_root: None,
        }
    }

    /// With the folder in which the engine keeps everything, when it has said so.
    pub fn with_engine_root(self, root: Option<&Path>) -> Self {
        Self { engine_root: root.map(normal), ..self }
    }

    /// Why it is dangerous to mount what lies at this path of the host: it has µPaaS's data in it, or is a part of them.
    pub fn danger_of_data(&self, path: &Path) -> Option<String> {
        let path = normal(path);
        let dir = self.data_dirs.iter().find(|dir| dir.starts_with(&path) || path.starts_with(dir))?;
        Some(format!("µPaaS keeps its keys and everybody's secrets in {}", dir.display()))
    }
}

/// Why what is mounted gives an app power over the whole machine; none when it does not. Paths are taken as they are written: who can
/// see where links lead asks again for that place.
pub fn danger(mounted: &Mounted, sensitive: &Sensitive) -> Option<String> {
    let VolumeSource::Host(path) = &mounted.source else { return None };
    let path = normal(path);
    if path == Path::new("/") {
        return Some("everything on this machine is in /".to_owned());
    }
    if let Some(socket) = sensitive.sockets.iter().find(|socket| socket.starts_with(&path)) {
        return Some(format!("who reaches the engine's socket {} is root on its machine", socket.display()));
    }
    if let Some(why) = sensitive.danger_of_data(&path) {
        return Some(why);
    }
    if let Some(root) = sensitive.engine_root.as_ref().filter(|root| path.starts_with(root) || root.starts_with(&path)) {
        return Some(format!("the files of all containers are in {}", root.display()));
    }
    let to_read = HARMLESS_TO_READ.iter().filter(|_| mounted.read_only);
    if HARMLESS.iter().chain(to_read).any(|harmless| path.starts_with(harmless)) {
        return None;
    }
    let contains = |folder: &str| Path::new(folder).starts_with(&path);
    let powerful = POWERFUL.iter().find(|(folder, _)| path.starts_with(folder) || contains(folder));
    let found = powerful.or_else(|| POWERFUL_AS_A_WHOLE.iter().find(|(folder, _)| contains(folder)));
    found.map(|(_, why)| (*why).to_owned())
}

/// Without `.`, `..` and double slashes, and with the one name of two for what is the same place everywhere.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => {
                normal.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    match normal.strip_prefix("/var/run") {
        Ok(rest) => Path::new("/run").join(rest),
        Err(_) => normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(source: &str) -> Option<String> {
        judged(source, true)
    }

    fn judged(source: &str, read_only: bool) -> Option<String> {
        let sockets = [Path::new("/run/user/1000/docker.sock")];
        let data_dirs = [Path::new("/srv/upaas/data"), Path::new("/mnt/host/../upaas//")];
        let sensitive = Sensitive::new(sockets, data_dirs).with_engine_root(Some(Path::new("/mnt/disk/docker")));
        danger(&Mounted { source: source.parse().expect("valid"), read_only }, &sensitive)
    }

    #[test]
    fn power_over_the_machine_is_known_by_every_name() {
        for source in [
            "/",
            "/run",
            "/var/run",
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/user",
            "/run/user/1000/docker.sock",
            "/run/containerd",
            "/srv",
            "/srv/upaas",
            "/srv/upaas/data",
            "/srv/upaas/data/upaas.db",
            "/mnt",
            "/mnt/upaas/repos",
            "/etc",
            "/etc/shadow",
            "/etc/ssl",
            "/root/.ssh",
            "/boot",
            "/proc/1",
            "/sys",
            "/dev/sda",
            "/usr",
            "/usr/local",
            "/usr/lib/systemd",
            "/var",
            "/var/lib",
            "/var/lib/docker/volumes",
            "/home",
            "/bin",
            "/lib64",
            "/usr/lib64",
            "/usr/libexec/sudo",
            "/var/run/dbus/system_bus_socket",
            "/run/systemd/private",
            "/run/crio",
            "/var/lib/kubelet/pods",
            "/mnt/disk",
            "/mnt/disk/docker/overlay2",
        ] {
            assert!(asked(source).is_some(), "{source}");
        }
    }

    #[test]
    fn ordinary_folders_are_not_asked_about() {
        for source in [
            "/srv/www",
            "/srv/upaas2",
            "/home/ada/photos",
            "/var/www",
            "/var/lib/postgres",
            "/usr/share/zoneinfo",
            "/etc/localtime",
            "/etc/ssl/certs",
            "/opt/app",
            "/run/user/1000/app",
            "/data",
            "./uploads",
            "pgdata",
            "/rootless",
            "/mnt/disk/docker2",
        ] {
            assert_eq!(asked(source), None, "{source}");
        }
    }

    #[test]
    fn whom_root_s_programs_believe_may_be_read_and_not_written() {
        assert_eq!(judged("/etc/localtime", false), None);
        assert!(judged("/etc/ssl/certs", false).expect("dangerous").contains("/etc"));
    }

    #[test]
    fn the_reason_names_the_thing() {
        assert!(asked("/var/run").expect("dangerous").contains("/run/user/1000/docker.sock"));
        assert!(asked("/mnt/upaas/x").expect("dangerous").contains("µPaaS keeps its keys and everybody's secrets in /mnt/upaas"));
    }
}

//! An engine of the test's own, to be stopped, killed and frozen. It lives in namespaces of its own: its network, its iptables, its
//! mounts and its `/run` are nobody else's, and the kernel ends everything in them, also what is frozen, when the test ends or dies.
//! Needs root and an installed dockerd. The ports that its containers publish are open only inside: see [`Daemon::get`].

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use bollard::{Docker, errors::Error};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{engine::BUSYBOX, eventually};

/// The first process of the namespaces: it reaps what is orphaned there, and ends when its standard input does.
const KEEPER: &str = "set -e; mount -t tmpfs tmpfs /run; /bin/busybox ifconfig lo up; exec 3<&0; cat <&3 & echo ready; wait $!";
/// Where dockerd keeps its process id, and its containerd's. Inside, both are its defaults.
const PID: &str = "run/docker.pid";
const CONTAINERD_PID: &str = "run/docker/containerd/containerd.pid";
/// The kernel's control groups are the one thing that is not apart: below here, or in each folder here, lies a tree of ours.
const CGROUPS: &str = "/sys/fs/cgroup";

pub(crate) struct Daemon {
    folder: TempDir,
    keeper: Child,
    /// Of dockerd; like every process id here, as it is called inside.
    pid: u32,
}

impl Daemon {
    pub(crate) async fn start() -> Self {
        Self::start_on(None).await
    }

    /// On a disk of its own of so many megabytes.
    pub(crate) async fn start_on_a_disk_of(megabytes: u64) -> Self {
        Self::start_on(Some(megabytes)).await
    }

    async fn start_on(megabytes: Option<u64>) -> Self {
        let folder = tempfile::Builder::new().prefix("upaas-engine-").tempdir().unwrap();
        let mut keeper = Command::new("unshare");
        keeper.args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", KEEPER]);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let mut daemon = Self { folder, keeper, pid: 0 };
        assert_eq!(said, "ready\n", "an engine of the test's own needs root");
        let config = serde_json::json!({
            "hosts": [daemon.address()],
            "data-root": daemon.folder.path().join("data"),
            "cgroup-parent": format!("/{}", daemon.name()),
        });
        fs::write(daemon.folder.path().join("daemon.json"), config.to_string()).unwrap();
        if let Some(megabytes) = megabytes {
            daemon.mount_a_disk(megabytes);
        }
        daemon.start_again().await;
        daemon
    }

    /// Mounted inside only: it is given back with the namespaces.
    fn mount_a_disk(&self, megabytes: u64) {
        let (disk, data) = (self.folder.path().join("disk"), self.folder.path().join("data"));
        fs::File::create(&disk).unwrap().set_len(megabytes * 1_000_000).unwrap();
        fs::create_dir(&data).unwrap();
        let (disk, data) = (disk.display(), data.display());
        let mounted = self.inside(&format!("mkfs.ext4 -q -F -m 0 {disk} && mount -o loop {disk} {data}"));
        assert!(mounted.status.success(), "{mounted:?}");
    }

    /// For `UPAAS_DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn client(&self) -> Docker {
        self.connect().unwrap()
    }

    /// What a container answers on a port that it publishes on 127.0.0.1.
    pub(crate) fn get(&self, port: u16) -> Result<String, String> {
        let output = self.inside(&format!("timeout 5 {BUSYBOX} wget -q -O - http://127.0.0.1:{port}/"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Ends it in an orderly way, with its containers: those that ignore their stop signal take ten seconds.
    pub(crate) async fn terminate(&self) {
        self.signal("TERM");
        self.gone().await;
    }

    /// Its containers run on, until the next start ends them.
    pub(crate) async fn kill(&self) {
        self.signal("KILL");
        self.gone().await;
    }

    /// From now on connections are taken and nothing is answered. Its containers run on.
    pub(crate) async fn freeze(&self) {
        self.signal("STOP");
        let status = self.seen_from_outside(format!("proc/{}/status", self.pid));
        eventually("the engine to be frozen", async || {
            let status = fs::read_to_string(&status).unwrap();
            if status.contains("State:\tT") { Ok(()) } else { Err(status) }
        })
        .await;
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// After [`Self::terminate`] or [`Self::kill`]; returns when it answers.
    pub(crate) async fn start_again(&mut self) {
        // A killed one leaves these, and the next one would wait for whoever has the numbers now.
        for file in [PID, CONTAINERD_PID] {
            let _ = fs::remove_file(self.seen_from_outside(file));
        }
        let folder = self.folder.path().display();
        let launched = self.inside(&format!("dockerd --config-file {folder}/daemon.json </dev/null >>{folder}/log 2>&1 & echo $!"));
        self.pid = String::from_utf8(launched.stdout).unwrap().trim().parse().unwrap();
        eventually("the engine to answer", async || {
            assert!(self.is_there(self.pid), "dockerd ended: {}", self.log());
            let ping = async { self.connect()?.ping().await };
            match timeout(Duration::from_secs(1), ping).await {
                Ok(Ok(_)) => Ok(()),
                silent => Err(format!("{silent:?}: {}", self.log())),
            }
        })
        .await;
    }

    /// Waits until dockerd and its containerd, which ends with it, are gone.
    async fn gone(&self) {
        let containerd = fs::read_to_string(self.seen_from_outside(CONTAINERD_PID)).unwrap_or_default().parse().unwrap_or(self.pid);
        eventually("the engine to be gone", async || {
            let there = self.is_there(self.pid) || self.is_there(containerd);
            if there { Err(self.log()) } else { Ok(()) }
        })
        .await;
    }

    /// Also a corpse that nobody has reaped yet is there.
    fn is_there(&self, pid: u32) -> bool {
        self.seen_from_outside(format!("proc/{pid}")).exists()
    }

    fn signal(&self, name: &str) {
        let sent = self.inside(&format!("kill -{name} {}", self.pid));
        assert!(sent.status.success(), "{sent:?}");
    }

    /// Runs a shell script in the namespaces.
    fn inside(&self, script: &str) -> Output {
        let keeper = self.keeper.id();
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={keeper}")).args(["--mount", "--net"]).arg(format!("--pid=/proc/{keeper}/ns/pid_for_children"));
        command.args(["sh", "-c", script]).output().unwrap()
    }

    /// The path, from outside, of what is inside at `/` and this.
    fn seen_from_outside(&self, path: impl AsRef<Path>) -> PathBuf {
        Path::new("/proc").join(self.keeper.id().to_string()).join("root").join(path)
    }

    fn connect(&self) -> Result<Docker, Error> {
        Docker::connect_with_unix(&self.socket().display().to_string(), 60, bollard::API_DEFAULT_VERSION)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// All of its control groups, the deepest first.
    fn cgroups(&self) -> Vec<PathBuf> {
        let hierarchies = fs::read_dir(CGROUPS).into_iter().flatten().flatten().map(|entry| entry.path());
        hierarchies.chain([CGROUPS.into()]).flat_map(|hierarchy| folders_in(hierarchy.join(self.name()))).collect()
    }

    fn name(&self) -> String {
        self.folder.path().file_name().unwrap().to_string_lossy().into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where a container is paused, not even the kernel can end it.
        for cgroup in self.cgroups() {
            let _ = fs::write(cgroup.join("freezer.state"), "THAWED");
        }
        // With its first process a namespace loses all the others, and then its mounts; only then is the folder taken away.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // A control group goes with its files, but not with its folders.
        for cgroup in self.cgroups() {
            let _ = fs::remove_dir(cgroup);
        }
    }
}

/// All folders below this one, the deepest first, and this one.
fn folders_in(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir())).flat_map(|entry| folders_in(entry.path()));
    below.chain([folder]).collect()
}

//! A git server: a real sshd on a free loopback port, bare repositories, and deploy keys that may read one of them.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

pub(crate) struct Forge {
    folder: TempDir,
    port: u16,
    sshd: Option<Child>,
}

impl Forge {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut forge = Self { folder, port, sshd: None };
        fs::write(forge.path("authorized_keys"), "").unwrap();
        forge.write_gate();
        forge.new_host_key();
        forge.up().await;
        forge
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The forced command of every key: reads one repository and nothing else. A deploy key's view of Gitea.
    fn write_gate(&self) {
        let gate = "#!/bin/sh\ncase \"$SSH_ORIGINAL_COMMAND\" in\n \"git-upload-pack '$1'\") exec git-upload-pack \"$1\";;\n \
                    *) echo \"refused: this key may only read ${1##*/}\" >&2; exit 1;;\nesac\n";
        fs::write(self.path("gate"), gate).unwrap();
        fs::set_permissions(self.path("gate"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes a new host key; takes effect when sshd is started next.
    pub(crate) fn new_host_key(&self) {
        let key = self.path("host_key");
        let _ = fs::remove_file(&key);
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
    }

    /// The fingerprint that the server's administrator would read out.
    pub(crate) fn fingerprint(&self) -> String {
        let printed = Command::new("ssh-keygen").arg("-lf").arg(self.path("host_key.pub")).output().unwrap().stdout;
        String::from_utf8(printed).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    pub(crate) async fn up(&mut self) {
        // sshd as root insists on this folder.
        let _ = fs::create_dir_all("/run/sshd");
        let config = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n",
            self.port,
            self.path("host_key").display(),
            self.path("authorized_keys").display(),
        );
        fs::write(self.path("sshd_config"), config).unwrap();
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.arg("-D").arg("-f").arg(self.path("sshd_config")).arg("-E").arg(self.path("log"));
        self.sshd = Some(sshd.stdin(Stdio::null()).spawn().unwrap());
        let port = self.port;
        super::eventually("sshd to listen", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|err| err.to_string())
        })
        .await;
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut sshd) = self.sshd.take() {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }

    fn repository_path(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.git"))
    }

    /// Creates an empty repository with a working copy beside it.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let bare = self.repository_path(name);
        run(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&bare));
        let work = self.path(&format!("{name}-work"));
        run(Command::new("git").args(["init", "-q", "-b", "main"]).arg(&work));
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        Repository { url: format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, bare.display()), bare, work }
    }

    /// Lets a public key read a repository.
    pub(crate) fn allow(&self, repository: &Repository, public_key: &str) {
        let line = format!("restrict,command=\"{} {}\" {public_key}\n", self.path("gate").display(), repository.bare.display());
        let keys = fs::read_to_string(self.path("authorized_keys")).unwrap();
        fs::write(self.path("authorized_keys"), keys + &line).unwrap();
    }

    /// Forgets every key.
    pub(crate) fn forget_keys(&self) {
        fs::write(self.path("authorized_keys"), "").unwrap();
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.down();
    }
}

pub(crate) struct Repository {
    pub(crate) url: String,
    bare: PathBuf,
    work: PathBuf,
}

impl Repository {
    /// Writes files, commits and pushes them to a branch; returns the commit's id.
    pub(crate) fn push(&self, branch: &str, files: &[(&str, &str)]) -> String {
        for (name, content) in files {
            let file = self.work.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        self.commit_and_push(branch)
    }

    /// The working copy, for what is more than text.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    pub(crate) fn commit_and_push(&self, branch: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "--allow-empty", "-m", "Change the page"]);
        self.git(&["push", "-q", "--force", &self.bare.display().to_string(), &format!("HEAD:refs/heads/{branch}")]);
        let id = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(&self.work).output().unwrap().stdout;
        String::from_utf8(id).unwrap().trim().to_owned()
    }

    pub(crate) fn delete_branch(&self, branch: &str) {
        run(Command::new("git").arg("--git-dir").arg(&self.bare).args(["update-ref", "-d", &format!("refs/heads/{branch}")]));
    }

    fn git(&self, arguments: &[&str]) {
        run(Command::new("git").args(arguments).current_dir(&self.work));
    }
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

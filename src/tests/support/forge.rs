//! A git server: a real sshd on a free loopback port, bare repositories, and deploy keys that may read one of them. A repository tells
//! its webhook of every push exactly as Gitea does, by the same scripts as in the browser tests (`e2e/forge/gitea.mjs`).

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::ports::free_port;

/// The forge's side of webhooks: git runs the first, a person the second.
const POST_RECEIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/forge/post-receive.mjs");
const DELIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/forge/deliver.mjs");

pub(crate) struct Forge {
    folder: TempDir,
    port: u16,
    sshd: Option<Child>,
}

impl Forge {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
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

    /// The forced command of every key: reads its repositories and nothing else. A deploy key's view of Gitea. While fetches are held it
    /// waits, unless its client has gone, and with it sshd's process for the connection.
    fn write_gate(&self) {
        let gate = r#"#!/bin/sh
here=${0%/*}
for repository do
  if [ "$SSH_ORIGINAL_COMMAND" = "git-upload-pack '$repository'" ]; then
    if true >"$here/hold/arrived"; then
      while [ -e "$here/hold" ] && kill -0 "$PPID"; do sleep 0.02; done
    fi 2>/dev/null
    exec git-upload-pack "$repository"
  fi
done
echo "refused: this key may only read ${1##*/}" >&2
exit 1
"#;
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

    /// From now on no fetch gets an answer, and no look at the branches either: to the forge both begin alike.
    pub(crate) fn hold_fetches(&self) {
        fs::create_dir(self.path("hold")).unwrap();
    }

    /// Whether a fetch has arrived since they are held.
    pub(crate) fn fetch_is_held(&self) -> bool {
        self.path("hold/arrived").exists()
    }

    /// Lets the held ones go on.
    pub(crate) fn release_fetches(&self) {
        // Moved away first, so that a fetch that arrives now can leave no mark in it.
        let released = self.path("released");
        fs::rename(self.path("hold"), &released).unwrap();
        fs::remove_dir_all(released).unwrap();
    }

    fn repository_path(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.git"))
    }

    /// Creates an empty repository with a working copy beside it.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let bare = self.repository_path(name);
        run(git().args(["init", "-q", "--bare", "-b", "main"]).arg(&bare));
        // A push may delete any branch: nobody has to change the default branch first.
        run(git().arg("--git-dir").arg(&bare).args(["config", "receive.denyDeleteCurrent", "ignore"]));
        let work = self.path(&format!("{name}-work"));
        run(git().args(["init", "-q", "-b", "main"]).arg(&work));
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        Repository { url: format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, bare.display()), bare, work }
    }

    /// Lets a public key read a repository.
    pub(crate) fn allow(&self, repository: &Repository, public_key: &str) {
        self.allow_all(&[repository], public_key);
    }

    /// Lets a public key read these repositories; only the first such call counts for a key.
    pub(crate) fn allow_all(&self, repositories: &[&Repository], public_key: &str) {
        let paths: Vec<String> = repositories.iter().map(|it| it.bare.display().to_string()).collect();
        let line = format!("restrict,command=\"{} {}\" {public_key}\n", self.path("gate").display(), paths.join(" "));
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
        self.commit_locally(files);
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
        self.git(&["rev-parse", "HEAD"])
    }

    /// As [`Repository::push`], without the push.
    pub(crate) fn commit_locally(&self, files: &[(&str, &str)]) {
        for (name, content) in files {
            let file = self.work.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        self.commit_all();
    }

    fn commit_all(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "Change the page"]);
    }

    /// Pushes a commit that changes nothing, with this message as it is.
    pub(crate) fn push_saying(&self, branch: &str, message: &str) -> String {
        self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
        self.git(&["rev-parse", "HEAD"])
    }

    /// As [`Repository::push_saying`], with a message that may be longer than an argument.
    pub(crate) fn push_message(&self, branch: &str, message: &str) {
        let file = self.work.with_extension("message");
        fs::write(&file, message).unwrap();
        self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", file.to_str().unwrap()]);
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
    }

    /// The working copy, for what is more than text.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    pub(crate) fn commit_and_push(&self, branch: &str) -> String {
        self.commit_all();
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a folder a submodule at a commit of another repository, from the next commit on; `.gitmodules` is not written.
    pub(crate) fn set_submodule(&self, path: &str, commit: &str) {
        fs::create_dir_all(self.work.join(path)).unwrap();
        self.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
    }

    /// Pushes a commit of a tree made by hand: no working copy could hold it.
    pub(crate) fn push_tree(&self, branch: &str, tree: &str) -> String {
        let commit = self.git(&["commit-tree", "-m", "Make it by hand", tree]);
        self.push_to(&format!("{commit}:refs/heads/{branch}"));
        commit
    }

    /// Makes a tree of modes, names and ids, in this order, whether git would or not. Returns its id.
    pub(crate) fn make_tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut tree = Vec::new();
        for (mode, name, id) in entries {
            tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            tree.extend((0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
        }
        self.write_object("tree", &tree)
    }

    /// Returns the id of a file's content.
    pub(crate) fn make_blob(&self, content: &str) -> String {
        self.write_object("blob", content.as_bytes())
    }

    /// Merges a branch of the working copy into the current one, always with a commit of its own, and pushes that.
    pub(crate) fn merge(&self, other: &str, branch: &str) -> String {
        self.git(&["merge", "-q", "--no-ff", "-m", "Merge", other]);
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a branch end at another commit, as a forced push does; the working copy goes there too.
    pub(crate) fn reset_to(&self, commit: &str, branch: &str) {
        self.git(&["reset", "-q", "--hard", commit]);
        self.push_to(&format!("HEAD:refs/heads/{branch}"));
    }

    /// Tags what was committed last, with a tag that is an object of its own; returns that object's id.
    pub(crate) fn tag(&self, name: &str) -> String {
        let tag = format!("refs/tags/{name}");
        self.git(&["tag", "-f", "-a", "-m", "Name it", name]);
        self.push_to(&tag);
        self.git(&["rev-parse", &tag])
    }

    pub(crate) fn delete_branch(&self, branch: &str) {
        self.push_to(&format!(":refs/heads/{branch}"));
    }

    /// Tells this URL, and no other, of pushes. From now on a push returns when its delivery is over, after five seconds at the latest:
    /// who receives it must not need the thread that pushes.
    pub(crate) fn connect_webhook(&self, url: &str, secret: &str) {
        let webhooks = json!({
            "flavour": "gitea",
            "root_url": "http://git.example.org",
            "owner": "dev",
            "repo": self.bare.file_stem().unwrap().to_str().unwrap(),
            "pusher": "ada",
            "ssh_url": self.url,
            "hooks": [{ "url": url, "secret": secret }],
        });
        fs::write(self.bare.join("webhooks.json"), webhooks.to_string()).unwrap();
        let hook = self.bare.join("hooks/post-receive");
        if !hook.exists() {
            symlink(POST_RECEIVE, hook).unwrap();
        }
    }

    /// The webhook's history, oldest first: `uuid`, `event`, `ref`, `after`, `url`, `status` and `answer` or `error`, `body`, `headers`.
    pub(crate) fn deliveries(&self) -> Vec<Value> {
        let history = fs::read_to_string(self.bare.join("deliveries.jsonl")).unwrap_or_default();
        history.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Presses “Redeliver” at the latest delivery: the same body under a new id. Returns how it went.
    pub(crate) fn redeliver(&self) -> Value {
        self.press("redeliver")
    }

    /// Presses “Test delivery”. Returns how it went.
    pub(crate) fn test_delivery(&self) -> Value {
        self.press("test")
    }

    fn press(&self, button: &str) -> Value {
        serde_json::from_str(&run(Command::new(DELIVER).arg(&self.bare).arg(button))).unwrap()
    }

    fn push_to(&self, refspec: &str) {
        self.git(&["push", "-q", "--force", &self.bare.display().to_string(), refspec]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        run(git().args(arguments).current_dir(&self.work))
    }

    fn write_object(&self, kind: &str, content: &[u8]) -> String {
        let mut writing = git();
        writing.args(["hash-object", "-t", kind, "-w", "--stdin", "--literally"]).current_dir(&self.work);
        let mut writing = writing.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writing.stdin.take().unwrap().write_all(content).unwrap();
        let ended = writing.wait_with_output().unwrap();
        assert!(ended.status.success(), "{kind}");
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }
}

/// As Ada, with nothing of this machine's configuration.
fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@example.org");
    }
    git
}

/// Returns what it prints.
fn run(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

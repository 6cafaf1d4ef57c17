//! git as a deployment sees it, on a forge, with nothing else around it.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;
use tokio::sync::watch;
use upaas::{
    deploy::{
        files::Files,
        platform::{Failure, Origin, Source},
    },
    domain::{
        commit::{CommitId, Commits},
        connection::KnownHost,
        ids::AppId,
        secret::Secret,
    },
    git::Git,
    host::GitHost,
    logs::journal::Journal,
};

use crate::support::forge::{Forge, Repository};

pub(crate) struct Sources {
    pub(crate) forge: Forge,
    pub(crate) shop: Repository,
    pub(crate) origin: Origin,
    pub(crate) known: Vec<KnownHost>,
    pub(crate) files: Files,
    pub(crate) host: GitHost,
    public_key: String,
    journal: Journal,
    data: TempDir,
}

impl Sources {
    /// A forge with an empty repository `shop`, and an app whose key and host key are in place.
    pub(crate) async fn of_shop() -> Self {
        let forge = Forge::start().await;
        let shop = forge.repository("shop");
        let data = tempfile::tempdir().unwrap();
        let files = Files::new(data.path());
        files.prepare().unwrap();
        let key = data.path().join("key");
        assert!(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
        let public_key = std::fs::read_to_string(key.with_extension("pub")).unwrap().trim().to_owned();
        forge.allow(&shop, &public_key);
        let host = GitHost::new(Git::new(files.scratch(), env!("CARGO_BIN_EXE_upaas").into()), files.clone());
        let app = AppId::new();
        let url: upaas::domain::repo_url::RepoUrl = shop.url.parse().unwrap();
        let host_key = host.host_key(&url).await.unwrap();
        let known = vec![KnownHost { host: url.host().to_owned(), port: url.port(), key: host_key.clone() }];
        let key = Secret::new(std::fs::read_to_string(key).unwrap());
        let origin = Origin { app, url, branch: "main".parse().unwrap(), key, host_key: Some(host_key) };
        let journal = Journal::open(&files.journal(app, 1), watch::Sender::new(0)).unwrap();
        Self { forge, shop, origin, known, files, host, public_key, journal, data }
    }

    /// Lets the app's key read these repositories beside the app's own.
    pub(crate) fn allow(&self, more: &[&Repository]) {
        self.forge.forget_keys();
        self.forge.allow_all(&[&[&self.shop], more].concat(), &self.public_key);
    }

    /// Fetches the tip.
    pub(crate) async fn fetch(&self) -> CommitId {
        self.host.fetch(&self.origin, None, &self.journal).await.unwrap().id
    }

    /// Fetches exactly this commit, and exports it.
    pub(crate) async fn export_exactly(&self, commit: &str) -> Result<PathBuf, Failure> {
        let commit = commit.parse().unwrap();
        self.host.fetch(&self.origin, Some(&commit), &self.journal).await?;
        self.host.export(self.origin.app, &commit, &self.checkout()).await?;
        Ok(self.checkout())
    }

    /// What differs, as a deployment learns it.
    pub(crate) async fn changed(&self, from: &str, to: &str) -> Option<Vec<String>> {
        self.host.changed(self.origin.app, &from.parse().unwrap(), &to.parse().unwrap()).await.unwrap()
    }

    /// The subjects of the commits that only the second has, and of those that only the first has, at most two of each.
    pub(crate) async fn between(&self, from: &str, to: &str) -> Option<(Vec<String>, Vec<String>)> {
        let between = self.host.between(self.origin.app, &from.parse().unwrap(), &to.parse().unwrap(), 2).await.unwrap()?;
        let subjects = |commits: Commits| {
            let more = commits.more.then(|| "…".to_owned());
            commits.newest.into_iter().map(|it| it.message).chain(more).collect()
        };
        Some((subjects(between.ahead), subjects(between.behind)))
    }

    /// Fetches the tip, and exports it with its submodules.
    pub(crate) async fn export_with_submodules(&self) -> Result<PathBuf, Failure> {
        let commit = self.fetch().await;
        let checkout = self.checkout();
        let _ = std::fs::remove_dir_all(&checkout);
        self.host.export(self.origin.app, &commit, &checkout).await?;
        self.host.fill_submodules(&self.origin, &self.known, &commit, &checkout, &self.journal).await?;
        Ok(checkout)
    }

    /// The app's mirror.
    pub(crate) fn mirror(&self) -> PathBuf {
        self.files.mirror(self.origin.app)
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.files.checkout(self.origin.app, 1)
    }

    /// Everything that was said.
    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(self.files.journal(self.origin.app, 1)).unwrap()
    }

    /// A folder beside everything that is the app's.
    pub(crate) fn outside(&self) -> PathBuf {
        let outside = self.data.path().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        outside
    }
}

//! The container of a deployment, as it is to be made: configuration, image and commit, with its secrets opened.

use super::{
    Error, Shared,
    platform::{Target, Wanted},
};
use crate::{
    db,
    domain::{
        app_config::{RunConfig, env::COMMIT_VARIABLE},
        commit::CommitFacts,
        ids::SecretId,
        secret::Secret,
    },
};

impl Shared {
    /// What is to be made. Nothing of it exists yet.
    pub(super) async fn wanted(&self, target: Target, image: &str, commit: &CommitFacts, run: &RunConfig) -> Result<Wanted, Error> {
        let mut env = vec![(COMMIT_VARIABLE.to_owned(), Secret::new(commit.id.to_string()))];
        for var in &run.env {
            env.push((var.name.to_string(), self.open(var.value).await?));
        }
        let mut files = Vec::with_capacity(run.files.len());
        for file in &run.files {
            files.push((file.path.clone(), self.open(file.content).await?));
        }
        Ok(Wanted { target, image: image.to_owned(), env, files, run: run.clone() })
    }

    /// A sealed value, opened.
    pub(super) async fn open(&self, id: SecretId) -> Result<Secret, Error> {
        let sealed = db::secrets::get(self.db.read(), id).await?;
        Ok(self.vault.open_sealed(id, &sealed)?)
    }

    /// Seals a value and keeps it.
    pub(super) async fn keep(&self, tx: &mut db::Transaction, secret: &Secret) -> Result<SecretId, Error> {
        let id = SecretId::new();
        db::secrets::insert(&mut **tx, id, &self.vault.seal(id, secret)).await?;
        Ok(id)
    }
}

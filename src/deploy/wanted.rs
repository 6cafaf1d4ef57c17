//! What a deployment makes, as it is to be made: its image and its container, from configuration and commit, with their secrets opened.

use super::{
    Error, Shared,
    platform::{Recipe, Target, Wanted},
};
use crate::{
    db,
    domain::{
        app_config::{AppConfig, RunConfig, env::COMMIT_VARIABLE},
        commit::{CommitFacts, CommitId},
        ids::SecretId,
        secret::Secret,
    },
};

impl Shared {
    /// The image of a deployment, as it is to be built, its secrets opened.
    pub(super) async fn recipe(&self, target: Target, commit: &CommitId, config: &AppConfig, no_cache: bool) -> Result<Recipe, Error> {
        let mut secrets = Vec::with_capacity(config.build.secrets.len());
        for secret in &config.build.secrets {
            secrets.push((secret.id.clone(), self.open(secret.value).await?));
        }
        let logins = self.registry_logins().await?;
        Ok(Recipe { target, commit: commit.clone(), config: config.clone(), no_cache, secrets, logins })
    }

    /// What is to be made. Nothing of it exists yet. What a person has confirmed since this configuration was kept is confirmed.
    pub(super) async fn wanted(&self, target: Target, image: &str, commit: &CommitFacts, run: &RunConfig) -> Result<Wanted, Error> {
        let mut env = vec![(COMMIT_VARIABLE.to_owned(), Secret::new(commit.id.to_string()))];
        for var in &run.env {
            env.push((var.name.to_string(), self.open(var.value).await?));
        }
        let mut files = Vec::with_capacity(run.files.len());
        for file in &run.files {
            files.push((file.path.clone(), self.open(file.content).await?));
        }
        let now = db::apps::get(self.db.read(), target.app).await?;
        let run = run.clone().with_confirmations_of(&now.config.run);
        Ok(Wanted { target, image: image.to_owned(), env, files, run })
    }

    /// What programs may come to print and no journal may show: variables, build secrets, and the passwords of registries. Files are not
    /// among it: they may have lines that anything has. Nor are the deploy key and the webhook secret: no build and no container gets them.
    pub(super) async fn values_of(&self, config: &AppConfig) -> Result<Vec<Secret>, Error> {
        let variables = config.run.env.iter().map(|var| var.value);
        let mut values = self.opened(variables.chain(config.build.secrets.iter().map(|secret| secret.value))).await?;
        values.extend(self.registry_logins().await?.into_iter().map(|login| login.password));
        Ok(values)
    }

    async fn opened(&self, sealed: impl Iterator<Item = SecretId>) -> Result<Vec<Secret>, Error> {
        let mut values = Vec::new();
        for id in sealed {
            values.push(self.open(id).await?);
        }
        Ok(values)
    }

    /// A sealed value, opened.
    pub(super) async fn open(&self, id: SecretId) -> Result<Secret, Error> {
        let sealed = db::secrets::get(self.db.read(), id).await?;
        Ok(self.vault.open_sealed(id, &sealed)?)
    }

    /// As [`Shared::open`], as a transaction sees it.
    pub(super) async fn open_within(&self, tx: &mut db::Transaction, id: SecretId) -> Result<Secret, Error> {
        let sealed = db::secrets::get(&mut **tx, id).await?;
        Ok(self.vault.open_sealed(id, &sealed)?)
    }

    /// Seals a value and keeps it.
    pub(super) async fn keep(&self, tx: &mut db::Transaction, secret: &Secret) -> Result<SecretId, Error> {
        let id = SecretId::new();
        db::secrets::insert(&mut **tx, id, &self.vault.seal(id, secret)).await?;
        Ok(id)
    }
}

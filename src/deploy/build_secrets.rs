//! Secrets that the steps of an app's build may ask for, by id, their values sealed.

use super::sealed_items::Key;
use crate::domain::{
    Invalid,
    app_config::{
        AppConfig,
        build::{BuildSecret, BuildSecretId, SECRETS_MAX},
    },
    ids::SecretId,
};

impl Key for BuildSecretId {
    const RECORDED_AS: &'static str = "build secrets";

    fn stored(config: &AppConfig) -> Vec<(Self, SecretId)> {
        config.build.secrets.iter().map(|secret| (secret.id.clone(), secret.value)).collect()
    }

    fn store(config: &mut AppConfig, items: Vec<(Self, SecretId)>) {
        config.build.secrets = items.into_iter().map(|(id, value)| BuildSecret { id, value }).collect();
    }

    /// Their number and the limit of each bound the bytes, too.
    fn check_size(count: usize, _: usize) -> Result<(), Invalid> {
        if count > SECRETS_MAX {
            return Err(Invalid::because(format!("An app has at most {SECRETS_MAX} build secrets. Delete some that no step needs.")));
        }
        Ok(())
    }
}

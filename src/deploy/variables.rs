//! An app's environment variables, by name, their values sealed.

use super::sealed_items::Key;
use crate::domain::{
    Invalid,
    app_config::{
        AppConfig,
        env::{self, EnvName, EnvVar},
    },
    ids::SecretId,
};

impl Key for EnvName {
    const RECORDED_AS: &'static str = "environment";

    fn stored(config: &AppConfig) -> Vec<(Self, SecretId)> {
        config.run.env.iter().map(|var| (var.name.clone(), var.value)).collect()
    }

    fn store(config: &mut AppConfig, items: Vec<(Self, SecretId)>) {
        config.run.env = items.into_iter().map(|(name, value)| EnvVar { name, value }).collect();
    }

    fn check_size(count: usize, bytes: usize) -> Result<(), Invalid> {
        if count > env::VARIABLES_MAX {
            return Err(Invalid::because(format!(
                "An app has at most {} variables. Delete some that it does not need.",
                env::VARIABLES_MAX
            )));
        }
        if bytes > env::TOTAL_MAX_BYTES {
            return Err(Invalid::because("All variables together have at most 1 MB. Put long texts into files, under Files."));
        }
        Ok(())
    }
}

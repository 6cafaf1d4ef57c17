//! The text files that an app's container finds, by path, their contents sealed.

use super::sealed_items::Key;
use crate::domain::{
    Invalid,
    app_config::{
        AppConfig,
        config_file::{self, ConfigFile, ContainerPath},
    },
    ids::SecretId,
};

impl Key for ContainerPath {
    const RECORDED_AS: &'static str = "files";

    fn stored(config: &AppConfig) -> Vec<(Self, SecretId)> {
        config.run.files.iter().map(|file| (file.path.clone(), file.content)).collect()
    }

    fn store(config: &mut AppConfig, items: Vec<(Self, SecretId)>) {
        config.run.files = items.into_iter().map(|(path, content)| ConfigFile { path, content }).collect();
    }

    fn check_size(count: usize, bytes: usize) -> Result<(), Invalid> {
        if count > config_file::FILES_MAX {
            return Err(Invalid::because(format!("An app has at most {} files. Put more into a volume.", config_file::FILES_MAX)));
        }
        if bytes > config_file::TOTAL_MAX_BYTES {
            return Err(Invalid::because("All files together have at most 1 MB. Put longer ones into a volume."));
        }
        Ok(())
    }

    fn check_place(&self, config: &AppConfig) -> Result<(), Invalid> {
        config_file::check_place(self, &config.run.files, &config.run.volumes)
    }
}

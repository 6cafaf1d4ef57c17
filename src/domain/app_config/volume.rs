//! What is mounted into a container.

use std::{fmt, path::PathBuf, str::FromStr};

use super::{config_file::ContainerPath, network::is_docker_name};
use crate::domain::{Invalid, is_deceptive};

/// Something that is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Volume {
    /// What is mounted.
    pub source: VolumeSource,
    /// Where the container finds it.
    pub path: ContainerPath,
    /// Whether the container cannot write to it.
    pub read_only: bool,
    /// Whether the operator has confirmed that the container may see what lies there, though it gives power over the machine.
    #[serde(default)]
    pub confirmed: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeSource {
    /// A folder or file of the engine's host, absolute and normalised.
    Host(PathBuf),
    /// A folder of the app's own in µPaaS's data directory, relative and normalised: `uploads`.
    Data(PathBuf),
    /// One of the engine's volumes, which it makes when there is none.
    Named(String),
}

const SOURCE_MAX: usize = 1024;

impl FromStr for VolumeSource {
    type Err = Invalid;

    /// `/srv/files` is a path of the host, `./uploads` and `a/b` are relative to the app's folder, `pgdata` is a named volume.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("What is to be mounted? Write a path of the host, ./folder, or the name of a volume."));
        }
        if text.len() > SOURCE_MAX || text.contains(|c: char| is_deceptive(c) || c == '\\') {
            return Err(Invalid::because("This is neither a path nor the name of a volume."));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(Invalid::because("Write the path without “..”."));
        }
        if text.starts_with('/') {
            return Ok(Self::Host(PathBuf::from(format!("/{}", parts.join("/")))));
        }
        if text.contains('/') || text == "." {
            if parts.is_empty() {
                return Err(Invalid::because("Name a folder, such as ./uploads."));
            }
            return Ok(Self::Data(parts.iter().collect()));
        }
        if text.len() < 2 || !is_docker_name(text) {
            return Err(Invalid::because(
                "A volume's name has at least two letters, digits, dots, hyphens or underscores. A relative folder is written ./folder.",
            ));
        }
        Ok(Self::Named(text.to_owned()))
    }
}

impl fmt::Display for VolumeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(path) => write!(f, "{}", path.display()),
            Self::Data(path) => write!(f, "./{}", path.display()),
            Self::Named(name) => f.write_str(name),
        }
    }
}

//! How an image is built.

use std::{fmt, str::FromStr, time::Duration};

use crate::domain::{Invalid, ids::SecretId, is_deceptive, repo_path::RepoPath};

/// How an image is built from the repository's files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildConfig {
    /// The Dockerfile, relative to the repository's root.
    pub dockerfile_path: RepoPath,
    /// The build context, relative to the repository's root.
    pub context_path: RepoPath,
    /// The stage of the Dockerfile that is built; none: the last one.
    #[serde(default)]
    pub target: Option<StageName>,
    /// Build arguments, in order.
    #[serde(default)]
    pub args: Vec<BuildArg>,
    /// Secrets that steps of the build may ask for, by id.
    #[serde(default)]
    pub secrets: Vec<BuildSecret>,
    /// Whether base images are pulled even when the engine has them.
    #[serde(default)]
    pub pull: bool,
    /// How long a build may take, in minutes.
    #[serde(default)]
    pub time_limit: TimeLimit,
    /// How large the build context may be.
    #[serde(default)]
    pub context_limit: ContextLimit,
}

impl BuildConfig {
    /// A build with everything but its paths at its default.
    pub fn new(dockerfile_path: RepoPath, context_path: RepoPath) -> Self {
        Self {
            dockerfile_path,
            context_path,
            target: None,
            args: Vec::new(),
            secrets: Vec::new(),
            pull: false,
            time_limit: TimeLimit::default(),
            context_limit: ContextLimit::default(),
        }
    }
}

/// A build argument. It is no secret: it stands in the image's history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildArg {
    /// Its name.
    pub name: super::env::EnvName,
    /// Its value.
    pub value: String,
}

/// A secret that a step of the build may ask for: `RUN --mount=type=secret,id=npm`. It is in no image and in no history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildSecret {
    /// Its id.
    pub id: BuildSecretId,
    /// Its value.
    pub value: SecretId,
}

/// Under which id a step asks for a build secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BuildSecretId(String);

const BUILD_SECRET_ID_MAX: usize = 64;

impl BuildSecretId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BuildSecretId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("Name the secret as the Dockerfile does, for example npm."));
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if text.len() > BUILD_SECRET_ID_MAX || !text.as_bytes()[0].is_ascii_alphanumeric() || !text.bytes().all(good) {
            return Err(Invalid::because(
                "An id begins with a letter or digit and has letters, digits, dots, hyphens and underscores only.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BuildSecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a stage in a Dockerfile, or its number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct StageName(String);

const STAGE_NAME_MAX: usize = 128;

impl StageName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StageName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.len() > STAGE_NAME_MAX || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(good) {
            return Err(Invalid::because(
                "A stage's name has letters, digits, dots, hyphens and underscores, as after AS in the Dockerfile.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a build may take, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct TimeLimit(u32);

const TIME_LIMIT_MAX: u32 = 24 * 60;

impl TimeLimit {
    /// In minutes.
    pub fn minutes(self) -> u32 {
        self.0
    }
}

impl Default for TimeLimit {
    fn default() -> Self {
        Self(30)
    }
}

impl From<TimeLimit> for Duration {
    fn from(limit: TimeLimit) -> Self {
        Self::from_secs(u64::from(limit.0) * 60)
    }
}

impl FromStr for TimeLimit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(minutes @ 1..=TIME_LIMIT_MAX) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(minutes)),
            _ => Err(Invalid::because(format!("Write a number of minutes from 1 to {TIME_LIMIT_MAX}."))),
        }
    }
}

/// How large a build context may be, in MB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ContextLimit(u32);

const CONTEXT_LIMIT_MAX: u32 = 64 * 1024;

impl ContextLimit {
    /// In MB of 1,048,576 bytes.
    pub fn megabytes(self) -> u32 {
        self.0
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) * 1024 * 1024
    }
}

impl Default for ContextLimit {
    fn default() -> Self {
        Self(4 * 1024)
    }
}

impl FromStr for ContextLimit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(megabytes @ 1..=CONTEXT_LIMIT_MAX) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(megabytes)),
            _ => Err(Invalid::because(format!("Write a number of MB from 1 to {CONTEXT_LIMIT_MAX}."))),
        }
    }
}

/// Reads build arguments, one a line: `NAME=value`. Lines without anything are passed over.
pub fn parse_args(text: &str) -> Result<Vec<BuildArg>, Invalid> {
    let mut args: Vec<BuildArg> = Vec::new();
    for (number, line) in super::label::lines(text) {
        let at = |sentence: &str| Invalid::because(format!("Line {number}: {sentence}"));
        let (name, value) = line.split_once('=').ok_or_else(|| at("write NAME=value."))?;
        let name: super::env::EnvName = name.trim().parse().map_err(|err: Invalid| at(&err.0))?;
        if name.as_str() == super::env::COMMIT_VARIABLE {
            return Err(at(&format!("{name} is given by µPaaS itself.")));
        }
        if value.contains(is_deceptive) {
            return Err(at("the value has characters that cannot be seen."));
        }
        if args.iter().any(|arg| arg.name == name) {
            return Err(at(&format!("{name} is there twice.")));
        }
        args.push(BuildArg { name, value: value.to_owned() });
    }
    Ok(args)
}

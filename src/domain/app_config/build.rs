//! How an image is built.

mod secret;

pub use secret::{BuildSecret, BuildSecretId, SECRETS_MAX, check_secret};

use std::{fmt, str::FromStr, time::Duration};

use crate::domain::{Invalid, is_hidden, repo_path::RepoPath};

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

impl Default for BuildConfig {
    /// From the Dockerfile in the repository's root, which sees the whole repository.
    fn default() -> Self {
        let path = |text: &str| text.parse().expect("a path inside the repository");
        Self::new(path("Dockerfile"), path("."))
    }
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

/// As it is typed.
impl fmt::Display for BuildArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
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
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let is_name =
            text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if text.is_empty() || text.len() > STAGE_NAME_MAX || !(is_number || is_name) {
            return Err(Invalid::because(
                "A stage's name begins with a letter and has letters, digits, dots, hyphens and underscores, as after AS in the Dockerfile.",
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

const ARGS_MAX: usize = 100;
const ARG_VALUE_MAX: usize = 4096;
/// All of them go to the engine in the address of one request, each byte there as three: longer addresses cannot be sent.
const ARGS_MAX_BYTES: usize = 16 * 1024;

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
        if value.len() > ARG_VALUE_MAX || value.contains(is_hidden) {
            return Err(at(&format!("a value has at most {ARG_VALUE_MAX} characters, all of which can be seen.")));
        }
        if args.iter().any(|arg| arg.name == name) {
            return Err(at(&format!("{name} is there twice.")));
        }
        args.push(BuildArg { name, value: value.to_owned() });
    }
    if args.len() > ARGS_MAX {
        return Err(Invalid::because(format!("There are more than {ARGS_MAX} build arguments.")));
    }
    if args.iter().map(sent_bytes).sum::<usize>() > ARGS_MAX_BYTES {
        return Err(Invalid::because(
            "Together the names and values of build arguments have at most 16 KB, in which each \" and each \\ counts twice. \
             Put longer texts into the repository.",
        ));
    }
    Ok(args)
}

/// What an argument takes as JSON, without the signs around its name and its value.
fn sent_bytes(arg: &BuildArg) -> usize {
    let escaped = arg.value.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    arg.name.as_str().len() + arg.value.len() + escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_a_name_or_a_number() {
        for good in ["runtime", "Build-1", "a.b_c", "0", "12"] {
            assert_eq!(good.parse::<StageName>().expect(good).to_string(), good);
        }
        for bad in ["", "-x", "1st", "_x", "a b", "a/b", "ä", "--target", &"a".repeat(129)] {
            assert!(bad.parse::<StageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_plain_numbers_within_their_range() {
        assert_eq!("1440".parse().map(TimeLimit::minutes), Ok(1440));
        assert_eq!("65536".parse().map(ContextLimit::megabytes), Ok(65536));
        for bad in ["", "0", "-1", "+1", "1.5", "１", "30 min", "99999999999"] {
            assert!(bad.parse::<TimeLimit>().is_err() && bad.parse::<ContextLimit>().is_err(), "{bad}");
        }
        assert!("1441".parse::<TimeLimit>().is_err() && "65537".parse::<ContextLimit>().is_err());
    }

    #[test]
    fn build_arguments_read_back_as_they_are_shown() {
        let args = parse_args("A=1\r\n\n  VERSION=1.2=x \"y\" #z\nEMPTY=").expect("good");
        let shown: Vec<String> = args.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["A=1", "VERSION=1.2=x \"y\" #z", "EMPTY="]);
        assert_eq!(parse_args(&shown.join("\n")), Ok(args));
    }

    #[test]
    fn a_bad_build_argument_is_named_by_its_line() {
        let said = |text: &str| parse_args(text).expect_err(text).0;
        assert_eq!(said("A=1\n\nB"), "Line 3: write NAME=value.");
        assert_eq!(said("A=1\nA=2"), "Line 2: A is there twice.");
        assert_eq!(said("UPAAS_COMMIT=x"), "Line 1: UPAAS_COMMIT is given by µPaaS itself.");
        assert!(said("1A=x").starts_with("Line 1: A name has letters"));
        for value in ["\u{202e}", "\u{ad}", "\u{0}", "a\tb", &"x".repeat(ARG_VALUE_MAX + 1)] {
            assert!(said(&format!("A={value}")).starts_with("Line 1: a value has at most"));
        }
        let many: String = (0..=ARGS_MAX).map(|number| format!("A{number}=\n")).collect();
        assert_eq!(said(&many), "There are more than 100 build arguments.");
        let of = |count: usize, value: &str| (0..count).map(|number| format!("A{number}={value}\n")).collect::<String>();
        assert!(parse_args(&of(4, &"x".repeat(ARG_VALUE_MAX - 2))).is_ok());
        for long in [of(4, &"x".repeat(ARG_VALUE_MAX - 1)), of(2, &"\"".repeat(ARG_VALUE_MAX))] {
            assert!(said(&long).starts_with("Together the names and values of build arguments have at most 16 KB"));
        }
    }
}

//! What the body of a push says.
//!
//! Only what a deployment needs is read, whatever else is there and of whatever type: Gitea adds fields with every version. Nothing
//! in it names a repository to fetch from; that is the operator's to say.

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::cut;
use crate::domain::commit::CommitId;

/// One ref moved: a `git push` of three refs arrives as three of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// What moved.
    pub reference: Ref,
    /// Where it pointed before; zeros for a new branch, and for every tag that is set, even one that was moved.
    pub before: CommitId,
    /// Where it points now; zeros when it was deleted. For an annotated tag this is the tag, which is no commit.
    pub after: CommitId,
    /// Who pushed, by login; for a push with a deploy key, the repository's owner. At most [`PUSHER_MAX_BYTES`].
    pub pusher: Option<String>,
    /// `owner/name`. At most [`REPOSITORY_MAX_BYTES`].
    pub repository: Option<String>,
}

/// Longer refs are refused: half a ref is another ref.
pub const REF_MAX_BYTES: usize = 1024;

/// The name of a pusher is cut here.
pub const PUSHER_MAX_BYTES: usize = 255;

/// The name of a repository is cut here.
pub const REPOSITORY_MAX_BYTES: usize = 511;

/// Why a body is no push, in words that continue a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It cannot be parsed; what the parser says.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// There is no ref, or it is empty.
    #[error("the push has no ref")]
    NoRef,
    /// The ref is longer than [`REF_MAX_BYTES`].
    #[error("the push's ref is longer than {REF_MAX_BYTES} bytes")]
    LongRef,
    /// A field is missing, or something else than a commit id; which one.
    #[error("`{0}` is no commit id")]
    NoCommitId(&'static str),
}

impl Push {
    /// Reads the JSON of a push. Gitea before 1.26 passes file names on that are not UTF-8: they are read with U+FFFD.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let fields: Fields = json(body).map_err(|error| Malformed::NotJson(error.to_string()))?;
        let reference = fields.reference.as_str().filter(|text| !text.is_empty()).ok_or(Malformed::NoRef)?;
        if reference.len() > REF_MAX_BYTES {
            return Err(Malformed::LongRef);
        }
        let commit_id = |value: &Value, name| value.as_str().and_then(|id| id.parse().ok()).ok_or(Malformed::NoCommitId(name));
        let pusher = [(&fields.pusher, "login"), (&fields.pusher, "username"), (&fields.sender, "login")];
        Ok(Self {
            reference: Ref::from(reference),
            before: commit_id(&fields.before, "before")?,
            after: commit_id(&fields.after, "after")?,
            pusher: pusher.iter().find_map(|(user, field)| text(user, field)).map(|name| cut(name, PUSHER_MAX_BYTES).to_owned()),
            repository: text(&fields.repository, "full_name").map(|name| cut(name, REPOSITORY_MAX_BYTES).to_owned()),
        })
    }

    /// Whether this is a test delivery: no real push leaves a ref where it was. From Gitea 1.24 on, both ids are zeros.
    pub fn is_test(&self) -> bool {
        self.before == self.after
    }

    /// Whether the ref is gone.
    pub fn is_deletion(&self) -> bool {
        !self.is_test() && self.after.as_str().bytes().all(|digit| digit == b'0')
    }
}

/// The fields that are read. The others, among them long lists of files, are skipped without being kept.
#[derive(Deserialize)]
struct Fields {
    #[serde(default, rename = "ref")]
    reference: Value,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    pusher: Value,
    #[serde(default)]
    sender: Value,
    #[serde(default)]
    repository: Value,
}

/// The body without the secret that Gitea before 1.15 wrote into it; the bytes as they are when there is none, or no JSON.
pub fn without_secret(body: &[u8]) -> Cow<'_, [u8]> {
    // Names only, first: the whole of a large body takes many times its size.
    if !json::<HashMap<String, IgnoredAny>>(body).is_ok_and(|fields| fields.contains_key("secret")) {
        return Cow::Borrowed(body);
    }
    let Ok(Value::Object(mut fields)) = json(body) else { return Cow::Borrowed(body) };
    fields.remove("secret");
    Cow::Owned(Value::Object(fields).to_string().into_bytes())
}

/// Reads an object; a list of values in the order of its fields does not pass for one.
fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let text = String::from_utf8_lossy(body);
    if !text.trim_start().starts_with('{') {
        serde_json::from_str::<IgnoredAny>(&text)?;
        return Err(serde::de::Error::custom("an object is expected"));
    }
    serde_json::from_str(&text)
}

/// The text in a field of an object, unless it is empty.
fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// What a push moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ref {
    /// A branch, by its short name: `feature/login`.
    Branch(String),
    /// A tag, by its short name: `v1.0`.
    Tag(String),
    /// Anything else, in full. A test delivery through the API has whatever its caller gave.
    Other(String),
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

impl Ref {
    /// The short name of a branch or tag; anything else in full.
    pub fn name(&self) -> &str {
        match self {
            Self::Branch(name) | Self::Tag(name) | Self::Other(name) => name,
        }
    }
}

impl From<&str> for Ref {
    fn from(full: &str) -> Self {
        let below = |folder| full.strip_prefix(folder).filter(|name| !name.is_empty()).map(str::to_owned);
        below(BRANCHES).map(Self::Branch).or_else(|| below(TAGS).map(Self::Tag)).unwrap_or_else(|| Self::Other(full.to_owned()))
    }
}

impl fmt::Display for Ref {
    /// The full ref, as it was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = match self {
            Self::Branch(_) => BRANCHES,
            Self::Tag(_) => TAGS,
            Self::Other(_) => "",
        };
        write!(f, "{folder}{}", self.name())
    }
}

#[cfg(test)]
mod tests;

//! A delivery: one HTTP request to an app's webhook URL, and what became of it.

use super::{
    commit::CommitId,
    ids::{AppId, DeliveryId},
    moment::Moment,
    text_enum::text_enum,
};

text_enum! {
    /// What was decided about a delivery.
    Verdict {
        /// It queued a deployment.
        Deploy = "deploy",
        /// It is in order and asks for nothing.
        Ignored = "ignored",
        /// It is not believed, or not understood.
        Rejected = "rejected",
    }
}

/// Why a delivery was rejected: an HTTP status for the forge, a sentence for whoever reads its delivery history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The body is not announced as JSON.
    NotJson,
    /// The body is larger than what is read.
    TooLarge,
    /// The body did not arrive whole and in time.
    Incomplete,
    /// There is no signature: the forge has no secret.
    Unsigned,
    /// The signature is not the one of this body under the app's secret.
    WrongSignature,
    /// Signed, but not understood; why, in words.
    Malformed(String),
}

impl Rejection {
    /// The HTTP status that answers it.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotJson => 415,
            Self::TooLarge => 413,
            Self::Incomplete => 408,
            Self::Unsigned | Self::WrongSignature => 401,
            Self::Malformed(_) => 400,
        }
    }

    /// What is wrong and what to do, for the app with this slug.
    pub fn sentence(&self, slug: &str) -> String {
        match self {
            Self::NotJson => {
                "the content type is not application/json: choose it as “POST content type” in the webhook's settings.".to_owned()
            }
            Self::TooLarge => format!("the body is larger than {} MiB.", BODY_MAX_BYTES / 1024 / 1024),
            Self::Incomplete => "the body did not arrive whole and in time.".to_owned(),
            Self::Unsigned => format!("there is no signature: enter the secret from the page of “{slug}” in the webhook's settings."),
            Self::WrongSignature => {
                format!("the signature does not match: is the webhook's secret the one on the page of “{slug}”?")
            }
            Self::Malformed(why) => format!("the signature is valid, but {why}."),
        }
    }
}

/// The largest body that is read. A push of 20,000 new files has 3 MB.
pub const BODY_MAX_BYTES: usize = 25 * 1024 * 1024;

/// A delivery as a list shows it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its identity here.
    pub id: DeliveryId,
    /// The app whose URL it came to.
    pub app: AppId,
    /// When.
    pub received_at: Moment,
    /// What the forge calls it.
    pub forge_id: Option<String>,
    /// What it tells of: `push`.
    pub event: String,
    /// The full ref it is about.
    pub reference: Option<String>,
    /// What the ref points to now.
    pub commit: Option<CommitId>,
    /// Who pushed.
    pub pusher: Option<String>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why, as the forge was told.
    pub reason: String,
    /// The HTTP status of the answer.
    pub answered: u16,
    /// The number of the deployment it queued.
    pub deployment: Option<i64>,
    /// Why that deployment was skipped, once it was.
    pub skipped: Option<String>,
    /// How long its body was.
    pub body_bytes: u64,
}

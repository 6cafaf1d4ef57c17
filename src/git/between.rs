//! The commits between two others.

use std::{path::Path, time::Duration};

use super::{Error, Git, arguments};
use crate::domain::{
    commit::{Between, CommitFacts, CommitId, Commits},
    moment::Moment,
};

/// How long git may take to find them.
const WALK_DEADLINE: Duration = Duration::from_secs(10);
/// What [`arguments::log`] tells of a commit: id, author, seconds, subject.
const TEXTS: usize = 4;

impl Git {
    /// The commits that one of two has in its history and the other has not, at most `limit` of either. None when that cannot be told: the
    /// mirror does not have both.
    pub async fn between(&self, mirror: &Path, from: &CommitId, to: &CommitId, limit: usize) -> Result<Option<Between>, Error> {
        let walking = async {
            if !(self.has(mirror, from).await && self.has(mirror, to).await) {
                return Ok(None);
            }
            let ahead = self.log(mirror, from, to, limit).await?;
            let behind = self.log(mirror, to, from, limit).await?;
            Ok(Some(Between { ahead, behind }))
        };
        tokio::time::timeout(WALK_DEADLINE, walking).await.map_err(|_| Error::TimedOut)?
    }

    async fn log(&self, mirror: &Path, from: &CommitId, to: &CommitId, limit: usize) -> Result<Commits, Error> {
        let mut texts = Vec::new();
        let mut keep = |text: &[u8]| texts.push(String::from_utf8_lossy(text).into_owned());
        // One more tells whether there are more.
        self.call(arguments::log(mirror, from, to, limit + 1)).run_and_list(&mut keep).await?;
        let read: Option<Vec<CommitFacts>> = texts.chunks(TEXTS).map(parse).collect();
        let mut newest = read.ok_or_else(|| Error::Unexpected("log".to_owned()))?;
        let more = newest.len() > limit;
        newest.truncate(limit);
        Ok(Commits { newest, more })
    }
}

/// git fills its columns up with spaces.
fn parse(texts: &[String]) -> Option<CommitFacts> {
    let [id, author, seconds, subject] = texts else { return None };
    let seconds: i64 = seconds.parse().ok()?;
    Some(CommitFacts {
        id: id.parse().ok()?,
        message: subject.trim_end().to_owned(),
        author: author.trim_end().to_owned(),
        committed_at: Moment::from_unix_ms(seconds.saturating_mul(1000)),
    })
}

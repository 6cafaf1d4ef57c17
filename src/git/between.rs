//! The commits between two others.

use std::{path::Path, time::Duration};

use super::{Error, Git, arguments};
use crate::domain::commit::{Between, CommitId, Commits};

/// How long git may take to find them.
const WALK_DEADLINE: Duration = Duration::from_secs(10);

impl Git {
    /// The commits that one of two has in its history and the other has not, at most `limit` of either. None when that cannot be told: the
    /// mirror does not have both, or not all that leads to them.
    pub async fn between(&self, mirror: &Path, from: &CommitId, to: &CommitId, limit: usize) -> Result<Option<Between>, Error> {
        let walking = async {
            if !(self.has(mirror, from).await && self.has(mirror, to).await) {
                return Ok(None);
            }
            let ahead = self.missing(mirror, from, to, limit).await?;
            let behind = self.missing(mirror, to, from, limit).await?;
            Ok::<_, Error>(Some(Between { ahead, behind }))
        };
        match tokio::time::timeout(WALK_DEADLINE, walking).await.map_err(|_| Error::TimedOut)? {
            Err(err) if err.is_about_the_mirror() => Ok(None),
            told => told,
        }
    }

    /// The commits that `to` has in its history and `from` has not.
    async fn missing(&self, mirror: &Path, from: &CommitId, to: &CommitId, limit: usize) -> Result<Commits, Error> {
        // One more tells whether there are more.
        let mut newest = self.log(mirror, &arguments::from_to(from, to), limit + 1).await?;
        let more = newest.len() > limit;
        newest.truncate(limit);
        Ok(Commits { newest, more })
    }
}

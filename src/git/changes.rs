//! What differs between two commits.

use std::{path::Path, time::Duration};

use super::{Error, Git, arguments};
use crate::domain::commit::CommitId;

/// How long a comparison may take.
const COMPARE_DEADLINE: Duration = Duration::from_secs(60);
/// So many bytes of paths are listed.
const LIST_MAX_BYTES: usize = 8 * 1024 * 1024;

impl Git {
    /// The paths whose entries differ between the trees of two commits, however the commits are related; what is not UTF-8 in a path is
    /// replaced. None when that cannot be told: the mirror does not have the first one, or not all of it, or the list is too long.
    ///
    /// Fetching removes no objects, so a mirror has commits of other branches, too, and those that a force push has left behind. Tidying up
    /// forgets those, two weeks after nothing leads to them, and perhaps not all of one at once.
    pub async fn changed(&self, mirror: &Path, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Error> {
        tokio::time::timeout(COMPARE_DEADLINE, self.compare(mirror, from, to)).await.map_err(|_| Error::TimedOut)?
    }

    async fn compare(&self, mirror: &Path, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Error> {
        if !self.has(mirror, from).await {
            return Ok(None);
        }
        let mut paths = Vec::new();
        let mut bytes = 0;
        let mut list = |path: &[u8]| {
            bytes += path.len();
            if bytes <= LIST_MAX_BYTES {
                paths.push(String::from_utf8_lossy(path).into_owned());
            }
        };
        match self.call(arguments::changed(mirror, from, to)).run_and_list(&mut list).await {
            Err(err) if err.is_about_the_mirror() => Ok(None),
            compared => compared.map(|()| (bytes <= LIST_MAX_BYTES).then_some(paths)),
        }
    }
}

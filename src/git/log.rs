//! What a mirror knows already, without the network: the recent commits of the branch, and which commit a beginning of an id means.

use std::{path::Path, time::Duration};

use super::{Error, Git, arguments, mirror};
use crate::domain::{
    branch::Branch,
    commit::{CommitFacts, CommitId},
    moment::Moment,
    repo_url::RepoUrl,
};

/// How long git may take to look into a mirror.
const LOOK_DEADLINE: Duration = Duration::from_secs(20);
/// What [`arguments::log`] tells of a commit: id, author, seconds, subject; and [`arguments::facts`], with the whole message.
const TEXTS: usize = 4;

/// Which commit the beginning of an id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This one.
    One(CommitId),
    /// Several begin so.
    Several,
    /// The mirror has none that begins so.
    None,
}

impl Git {
    /// The newest commits of the branch as it was when it was last fetched, newest first, each with the first line of its message. None
    /// when the mirror is of another repository or branch, or there is none yet.
    pub async fn recent(&self, mirror: &Path, url: &RepoUrl, branch: &Branch, limit: usize) -> Result<Vec<CommitFacts>, Error> {
        if !mirror::is_of(mirror, url.as_str(), branch.as_str()) {
            return Ok(Vec::new());
        }
        tokio::time::timeout(LOOK_DEADLINE, self.to_the_tip(mirror, limit)).await.map_err(|_| Error::TimedOut)?
    }

    async fn to_the_tip(&self, mirror: &Path, limit: usize) -> Result<Vec<CommitFacts>, Error> {
        if self.tip(mirror).await.is_err() {
            return Ok(Vec::new());
        }
        self.log(mirror, &arguments::to_the_tip(), limit).await
    }

    /// The newest commits of a range, newest first.
    pub(super) async fn log(&self, mirror: &Path, range: &str, limit: usize) -> Result<Vec<CommitFacts>, Error> {
        self.told(arguments::log(mirror, range, limit)).await
    }

    /// What is known of one commit, with its whole message.
    pub(super) async fn facts(&self, mirror: &Path, commit: &CommitId) -> Result<CommitFacts, Error> {
        let told = self.told(arguments::facts(mirror, commit)).await?;
        told.into_iter().next().ok_or_else(|| Error::Unexpected("show".to_owned()))
    }

    async fn told(&self, arguments: Vec<String>) -> Result<Vec<CommitFacts>, Error> {
        let mut texts = Vec::new();
        let mut keep = |text: &[u8]| texts.push(String::from_utf8_lossy(text).into_owned());
        self.call(arguments).run_and_list_texts(&mut keep).await?;
        let commits: Option<Vec<CommitFacts>> = texts.chunks(TEXTS).map(parse).collect();
        commits.ok_or_else(|| Error::Unexpected("what is known of commits".to_owned()))
    }

    /// Which commit of the mirror has an id that begins with these hexadecimal digits; none when it is of another repository.
    pub async fn meant(&self, mirror: &Path, url: &RepoUrl, beginning: &str) -> Result<Meant, Error> {
        if !mirror::is_of_repository(mirror, url.as_str()) {
            return Ok(Meant::None);
        }
        let looking = self.call(arguments::resolve(mirror, beginning)).run_whatever_it_exits_with();
        let output = tokio::time::timeout(LOOK_DEADLINE, looking).await.map_err(|_| Error::TimedOut)??;
        Ok(match output.stdout.trim().parse() {
            Ok(id) if CommitId::as_str(&id).starts_with(beginning) => Meant::One(id),
            Err(_) if output.stderr.contains("is ambiguous") => Meant::Several,
            _ => Meant::None,
        })
    }
}

/// git fills its columns up with spaces.
fn parse(texts: &[String]) -> Option<CommitFacts> {
    let [id, author, seconds, subject] = texts else { return None };
    let seconds: i64 = seconds.parse().ok()?;
    Some(CommitFacts {
        id: id.trim().parse().ok()?,
        message: beginning(subject.trim()),
        author: beginning(author.trim_end()),
        committed_at: Moment::from_unix_ms(seconds.saturating_mul(1000)),
    })
}

fn beginning(text: &str) -> String {
    let mut cut = CommitFacts::MESSAGE_MAX_BYTES.min(text.len());
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text[..cut].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_messages_of_any_length() {
        let told = ["a".repeat(40), "Ada  ".to_owned(), "1700000000".to_owned(), format!("{}\n", "ä".repeat(5000))];
        let facts = parse(&told).expect("facts");
        assert_eq!((&*facts.author, facts.message.len()), ("Ada", 4096));
        assert_eq!(facts.committed_at, Moment::from_unix_ms(1_700_000_000_000));
    }
}

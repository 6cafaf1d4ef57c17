//! Whether the file is sound, how large it is, and whether it answers at all.

use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection, SqliteConnection, SqliteExecutor};

use super::{Db, Error};
use crate::domain::integrity::{Integrity, Thoroughness};

/// So many findings are told; after the first nobody counts.
const FINDINGS_MAX: i64 = 5;
/// A check asks whether its time is up each time it has done so much, in instructions of SQLite's machine.
const INSTRUCTIONS_PER_LOOK: i32 = 10_000;
/// The file is damaged, or it is none (SQLITE_CORRUPT and SQLITE_NOTADB with all that belongs to them).
const DAMAGED: [i32; 2] = [11, 26];

/// Checks the whole file, on a connection of its own: those of the pool stay free for the pages. Ends at the deadline.
pub async fn check(db: &Db, how: Thoroughness, deadline: Duration) -> Result<Integrity, Error> {
    let mut connection = db.reader.connect_options().as_ref().clone().connect().await?;
    let until = Instant::now() + deadline;
    connection.lock_handle().await?.set_progress_handler(INSTRUCTIONS_PER_LOOK, move || Instant::now() < until);
    let found = findings(&mut connection, how).await;
    let _ = connection.close().await;
    match found {
        Ok(findings) if findings == ["ok"] => Ok(Integrity::Sound),
        Ok(findings) => Ok(Integrity::Damaged(findings.join("; "))),
        Err(_) if Instant::now() >= until => Ok(Integrity::Unfinished(format!("It took longer than {} s.", deadline.as_secs()))),
        Err(err) => match damage(&err) {
            Some(said) => Ok(Integrity::Damaged(said)),
            None => Err(err.into()),
        },
    }
}

async fn findings(connection: &mut SqliteConnection, how: Thoroughness) -> Result<Vec<String>, sqlx::Error> {
    let pragma = match how {
        Thoroughness::Quick => "quick_check",
        Thoroughness::Full => "integrity_check",
    };
    sqlx::query_scalar(&format!("PRAGMA {pragma}({FINDINGS_MAX})")).fetch_all(connection).await
}

/// What SQLite says of a damage that keeps it from looking any further.
fn damage(err: &sqlx::Error) -> Option<String> {
    let err = err.as_database_error()?;
    let code: i32 = err.code()?.parse().ok()?;
    // The lower byte is the kind; what is above it only says more.
    DAMAGED.contains(&(code & 0xff)).then(|| err.message().to_owned())
}

/// How large the file is, in bytes, as SQLite counts it: what still waits in the WAL included.
pub async fn size(db: impl SqliteExecutor<'_>) -> Result<u64, Error> {
    let bytes: i64 = sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").fetch_one(db).await?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Whether a write could begin: the writer is free, and nobody else holds the file. Nothing is written.
pub async fn could_write(db: &Db) -> Result<(), Error> {
    db.writer.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Seek, SeekFrom, Write},
        path::PathBuf,
    };

    use tempfile::TempDir;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A database with a hundred tokens, closed again, and the number of the page where the index of their hashes begins.
    async fn closed() -> (TempDir, PathBuf, u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("upaas.db");
        let db = Db::open(&file).await.expect("opens");
        for number in 0..100 {
            let statement =
                sqlx::query("INSERT INTO tokens (id, name, scope, hash, created_at) VALUES (?, 'x', 'read', randomblob(32), 0)");
            statement.bind(number.to_string()).execute(db.write()).await.expect("inserted");
        }
        let page: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'tokens' AND type = 'index' LIMIT 1")
            .fetch_one(db.read())
            .await
            .expect("an index");
        db.close().await;
        (folder, file, u64::try_from(page).expect("positive"))
    }

    #[tokio::test]
    async fn a_sound_file_is_sound_however_thorough_the_check() {
        let (_folder, file, _) = closed().await;
        let db = Db::open(&file).await.expect("opens");
        for how in [Thoroughness::Quick, Thoroughness::Full] {
            assert_eq!(check(&db, how, LONG).await.expect("checked"), Integrity::Sound, "{how:?}");
        }
        let size = size(db.read()).await.expect("read");
        assert_eq!(size % 4096, 0);
        assert!(size > 4096, "{size}");
    }

    #[tokio::test]
    async fn a_broken_page_is_found_and_named() {
        let (_folder, file, page) = closed().await;
        let mut broken = File::options().write(true).open(&file).expect("opens");
        broken.seek(SeekFrom::Start((page - 1) * 4096)).expect("seeks");
        broken.write_all(&[0xff; 4096]).expect("written");
        let db = Db::open(&file).await.expect("opens");
        let found = check(&db, Thoroughness::Full, LONG).await.expect("checked");
        assert!(matches!(&found, Integrity::Damaged(said) if !said.is_empty()), "{found:?}");
    }

    #[tokio::test]
    async fn a_check_ends_at_its_deadline() {
        let (_folder, file, _) = closed().await;
        let db = Db::open(&file).await.expect("opens");
        let rows = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)";
        let fill =
            format!("{rows} INSERT INTO tokens (id, name, scope, hash, created_at) SELECT 'n' || x, 'x', 'read', randomblob(32), 0 FROM n");
        sqlx::query(&fill).execute(db.write()).await.expect("filled");
        let found = check(&db, Thoroughness::Full, Duration::ZERO).await.expect("checked");
        assert_eq!(found, Integrity::Unfinished("It took longer than 0 s.".to_owned()));
    }
}

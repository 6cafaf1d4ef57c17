//! What is asked when somebody asks how µPaaS is.

use std::{fs, io, path::PathBuf, time::Duration};

use crate::{
    config::Config,
    db::{self, Db},
    deploy::Deployer,
    domain::{
        deployment::Status,
        integrity::{Integrity, Thoroughness},
        moment::Moment,
    },
    health::{Check, Checks, Component, Facts, Health, IntegrityWatch, Lane, check_by},
    machine,
};

/// How long a check of the whole database may take.
const INTEGRITY_DEADLINE: Duration = Duration::from_secs(60);
/// Something that waits so long while nothing runs is stuck.
const QUEUE_STUCK_AFTER_SECONDS: u64 = 10 * 60;
/// An entry that is not in the files after so long is held up.
const AUDIT_STUCK_AFTER_SECONDS: u64 = 5 * 60;
/// What is written into the data directory, and removed.
const WRITE_TEST: &str = ".write-test";

/// Everything that is asked, on these parts.
pub(super) fn health(config: &Config, db: &Db, deployer: &Deployer) -> Health {
    let integrity = IntegrityWatch::default();
    let checks = Checks {
        database: database(db.clone(), integrity.clone()),
        data_directory: data_directory(config.data(WRITE_TEST)),
        docker: docker(deployer.clone()),
        disk: disk(config.data_dir.clone()),
        queue: queue(db.clone()),
        git: git(deployer.clone()),
        audit: audit(db.clone()),
        notifications: not_configured(),
        forge: not_configured(),
    };
    Health::new(checks, integrity)
}

/// Checks the database for [`IntegrityWatch::keep`].
pub(super) async fn check_integrity(db: &Db, how: Thoroughness) -> Integrity {
    match db::integrity::check(db, how, INTEGRITY_DEADLINE).await {
        Ok(found) => found,
        Err(err) => {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(err)), "the check of the database failed");
            Integrity::Unfinished("The check itself failed; the log has the details.".to_owned())
        }
    }
}

fn database(db: Db, integrity: IntegrityWatch) -> Check {
    check_by(move || {
        let (db, integrity) = (db.clone(), integrity.clone());
        async move {
            let asked = async {
                db::integrity::could_write(&db).await?;
                db::integrity::size(db.read()).await
            };
            match asked.await {
                Ok(size_bytes) => database_says(&integrity, size_bytes),
                Err(err) => fails("The database does not answer as it should.", err),
            }
        }
    })
}

fn database_says(integrity: &IntegrityWatch, size_bytes: u64) -> Component {
    let seen = integrity.seen();
    let problem = seen.damage.map(|_| "The database file is damaged.".to_owned());
    let checked_at = seen.last.as_ref().map(|(_, when)| when.iso());
    let integrity = match seen.last {
        Some((Integrity::Sound, _)) => "ok".to_owned(),
        Some((Integrity::Damaged(said), _)) => format!("failed: {said}"),
        Some((Integrity::Unfinished(_), _)) | None => "unchecked".to_owned(),
    };
    Component::unless(problem, Facts::Database { integrity, checked_at, size_bytes })
}

/// Permissions and space say less than trying it.
fn data_directory(file: PathBuf) -> Check {
    let lane = Lane::default();
    check_by(move || {
        let (lane, file) = (lane.clone(), file.clone());
        async move {
            match lane.run(move || write_and_remove(&file)).await {
                Ok(Ok(())) => Component::well(Facts::None {}),
                Ok(Err(err)) => Component::failing(format!("The data directory cannot be written to: {err}."), Facts::None {}),
                Err(err) => fails("The data directory could not be looked at.", err),
            }
        }
    })
}

fn write_and_remove(file: &std::path::Path) -> io::Result<()> {
    fs::write(file, "Written and removed to see whether that is possible.\n")?;
    fs::remove_file(file)
}

fn docker(deployer: Deployer) -> Check {
    check_by(move || {
        let deployer = deployer.clone();
        async move {
            match deployer.ask_engine().await {
                Ok(engine) => Component::well(Facts::Docker { version: engine.version, api_version: engine.api }),
                Err(failure) => Component::failing(failure.sentence, Facts::None {}),
            }
        }
    })
}

fn disk(data_dir: PathBuf) -> Check {
    let lane = Lane::default();
    check_by(move || {
        let (lane, data_dir) = (lane.clone(), data_dir.clone());
        async move {
            match lane.run(move || machine::space(&data_dir)).await {
                Ok(Ok(space)) => {
                    let problem = space.is_low().then(|| "Little space is left on the disk of the data directory.".to_owned());
                    Component::unless(problem, Facts::Disk { free_bytes: space.free, total_bytes: space.total })
                }
                Ok(Err(err)) => fails("The disk of the data directory could not be looked at.", err),
                Err(err) => fails("The disk of the data directory could not be looked at.", err),
            }
        }
    })
}

fn queue(db: Db) -> Check {
    check_by(move || {
        let db = db.clone();
        async move {
            match db::deployments::all_unfinished(db.read()).await {
                Ok(unfinished) => {
                    let queued = unfinished.iter().filter(|it| it.status == Status::Queued);
                    let oldest = queued.clone().map(|it| it.times.queued).min();
                    let waiting = queued.count();
                    queue_says(waiting, unfinished.len() - waiting, seconds_since(oldest))
                }
                Err(err) => fails("The queue could not be read.", err),
            }
        }
    })
}

fn queue_says(waiting: usize, running: usize, oldest_seconds: u64) -> Component {
    let stuck = running == 0 && oldest_seconds >= QUEUE_STUCK_AFTER_SECONDS;
    let problem = stuck.then(|| format!("Deployments have been waiting for {} min, and none runs.", oldest_seconds / 60));
    Component::unless(problem, Facts::Queue { waiting, running, oldest_seconds })
}

fn git(deployer: Deployer) -> Check {
    check_by(move || {
        let deployer = deployer.clone();
        async move {
            match deployer.git_version().await {
                Ok(version) => Component::well(Facts::Git { version }),
                Err(failure) => Component::failing(failure.sentence, Facts::None {}),
            }
        }
    })
}

fn audit(db: Db) -> Check {
    check_by(move || {
        let db = db.clone();
        async move {
            match db::audit::backlog(db.read()).await {
                Ok(backlog) => audit_says(u64::try_from(backlog.entries).unwrap_or(0), seconds_since(backlog.oldest)),
                Err(err) => fails("The audit log could not be read.", err),
            }
        }
    })
}

fn audit_says(backlog: u64, oldest_seconds: u64) -> Component {
    let stuck = oldest_seconds >= AUDIT_STUCK_AFTER_SECONDS;
    let problem = stuck.then(|| format!("Entries have been waiting for {} min to be copied to the files.", oldest_seconds / 60));
    Component::unless(problem, Facts::Audit { backlog, oldest_seconds })
}

fn not_configured() -> Check {
    check_by(|| async { Component::well(Facts::Optional { configured: false }) })
}

fn seconds_since(moment: Option<Moment>) -> u64 {
    moment.map_or(0, |moment| Moment::now().since(moment) / 1000)
}

/// Something of µPaaS's own does not work. Probes may come often, so this is told to those who look for it.
fn fails(sentence: &str, err: impl Into<anyhow::Error>) -> Component {
    tracing::debug!(error = format!("{:#}", err.into()), "{sentence}");
    Component::failing(sentence, Facts::None {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_in_which_nothing_runs_for_long_is_stuck() {
        assert!(queue_says(0, 0, 0).ok);
        assert!(queue_says(3, 1, 3600).ok, "it is busy");
        assert!(queue_says(3, 0, 599).ok);
        assert_eq!(queue_says(3, 0, 720).problem.as_deref(), Some("Deployments have been waiting for 12 min, and none runs."));
    }

    #[test]
    fn an_entry_that_does_not_reach_the_files_is_a_problem_after_a_while() {
        assert!(audit_says(12, 299).ok);
        assert!(!audit_says(1, 300).ok);
    }
}

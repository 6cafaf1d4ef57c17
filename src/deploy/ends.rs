//! The end of a deployment: the row, its audit entry and its counts belong together, whoever ends it.

use super::{Error, Shared};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Actor, Subject},
        deployment::{Deployment, Ending, Status, Trigger},
        moment::duration,
    },
};

/// Deployments that were ended in a transaction, and are told of once it is committed.
#[must_use]
#[derive(Default)]
pub(super) struct Ended(Vec<Deployment>);

impl Ended {
    /// Ends a deployment. [`db::Error::Stale`] when it is not where the caller believes.
    pub(super) async fn end(
        &mut self,
        tx: &mut db::Transaction,
        app: &App,
        row: &Deployment,
        end: Status,
        ending: Option<&Ending>,
    ) -> Result<(), db::Error> {
        db::deployments::finish(&mut **tx, row, end, ending).await?;
        let ended = db::deployments::get(&mut **tx, row.id).await?;
        self.record(tx, app, ended).await
    }

    /// Ends what pushes have queued before a deployment.
    pub(super) async fn supersede(&mut self, tx: &mut db::Transaction, app: &App, newer: &Deployment) -> Result<(), db::Error> {
        for row in db::deployments::supersede(tx, newer).await? {
            self.record(tx, app, row).await?;
        }
        Ok(())
    }

    async fn record(&mut self, tx: &mut db::Transaction, app: &App, ended: Deployment) -> Result<(), db::Error> {
        let by = requester(tx, &ended).await?;
        let act = Act::done(Action::Deploy, &by, Subject::deployment(app, &ended));
        let act = match ended.status {
            Status::Failed => act.failed(said(&ended)),
            _ => act.detail(said(&ended)),
        };
        audit::record(tx, &act).await?;
        self.0.push(ended);
        Ok(())
    }

    /// Counts and logs them. Call it after the commit.
    pub(super) fn tell(self, shared: &Shared, app: &App) {
        for ended in self.0 {
            shared.metrics.deployment_ended(&app.slug, &ended);
            if ended.times.began().is_some() {
                shared.clean_up_after(app.id);
            }
            let duration_ms = ended.times.finished.map(|at| at.since(ended.times.queued));
            tracing::info!(app = %app.slug, deployment = ended.number, status = %ended.status, duration_ms, "deployment ended");
        }
    }
}

/// Ends a deployment in a transaction of its own.
pub(super) async fn end(shared: &Shared, app: &App, row: &Deployment, end: Status, ending: Option<&Ending>) -> Result<(), db::Error> {
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    ended.end(&mut tx, app, row, end, ending).await?;
    tx.commit().await?;
    ended.tell(shared, app);
    Ok(())
}

/// Who asked for it: its end is recorded under that name.
async fn requester(tx: &mut db::Transaction, row: &Deployment) -> Result<Actor, db::Error> {
    let Some(name) = row.requested_by.clone() else { return Ok(Actor::upaas()) };
    let administrator = match row.trigger {
        Trigger::Webhook | Trigger::Poll => None,
        _ => db::users::administrator(&mut **tx).await?,
    };
    Ok(Actor { user: administrator.map(|it| it.id), name, address: None })
}

/// `success after 12 s: 0c79164d, asked for by webhook`.
fn said(ended: &Deployment) -> String {
    let after = ended.times.finished.map(|at| format!(" after {}", duration(at.since(ended.times.queued)))).unwrap_or_default();
    let commit = ended.commit.as_ref().map(|commit| format!(", {}", commit.id.short())).unwrap_or_default();
    let why = ended.ending.as_ref().map(|ending| format!(": {}", ending.sentence)).unwrap_or_default();
    format!("{}{after} ({}{commit}){why}", ended.status, ended.trigger)
}

impl Shared {
    /// Records an act that was refused or failed, beside its error.
    pub(super) async fn or_record<T>(&self, done: Result<T, Error>, act: impl FnOnce() -> Act) -> Result<T, Error> {
        if let Err(err) = &done {
            let why = match err {
                Error::Refused(sentence) => sentence.clone(),
                err => err.to_string(),
            };
            if let Err(err) = audit::record_alone(&self.db, &act().failed(why)).await {
                tracing::error!(error = ?err, "a failed act could not be recorded");
            }
        }
        done
    }
}

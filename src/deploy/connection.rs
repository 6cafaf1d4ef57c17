//! The connection test: what a fetch would meet, found out before the first deployment, in plain words.

use super::{
    Error, Shared,
    platform::{Failure, FailureKind, Origin},
};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Actor, Resource, Subject},
        connection::{ConnectionCheck, Verdict},
        moment::Moment,
    },
};

pub(super) async fn test(shared: &Shared, app: &App) -> Result<ConnectionCheck, Error> {
    let origin = shared.origin(app).await?;
    let check = if origin.url.is_ssh() && origin.host_key.is_none() {
        offer_key(shared, &origin, false).await
    } else {
        look(shared, &origin).await
    };
    let mut tx = shared.db.begin().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    // It may have got another key or another repository meanwhile, of which this says nothing.
    if now.deploy_key == app.deploy_key && now.config.source == app.config.source {
        db::connections::keep_check(&mut *tx, &check).await?;
    }
    tx.commit().await.map_err(db::Error::from)?;
    Ok(check)
}

pub(super) async fn confirm_host_key(shared: &Shared, app: &App, fingerprint: &str, by: &Actor) -> Result<ConnectionCheck, Error> {
    let check = db::connections::check(shared.db.read(), app.id).await?;
    let offered = check.and_then(|check| check.offered).filter(|key| key.fingerprint == fingerprint);
    let Some(key) = offered else {
        return Err(Error::Refused("That is not the key the server showed last. Test the connection again.".to_owned()));
    };
    let url = &app.config.source.repo_url;
    let mut tx = shared.db.begin().await?;
    db::connections::confirm_host_key(&mut *tx, url.host(), url.port(), &key).await?;
    audit::record(&mut tx, &Act::done(Action::SettingsChange, by, server(app)).detail(format!("confirmed {fingerprint}"))).await?;
    tx.commit().await.map_err(db::Error::from)?;
    test(shared, app).await
}

/// The git server of an app, as what somebody does something to.
pub(super) fn server(app: &App) -> Subject {
    let url = &app.config.source.repo_url;
    Subject::new(Resource::HostKey, "", format!("{}:{}", url.host(), url.port()))
}

async fn look(shared: &Shared, origin: &Origin) -> ConnectionCheck {
    match shared.platform.source.look(origin).await {
        Ok(Some(tip)) => {
            let sentence = format!("{} is at {}.", origin.branch, tip.short());
            ConnectionCheck { tip: Some(tip), ..check(origin, Verdict::Ok, sentence) }
        }
        Ok(None) => ConnectionCheck {
            hint: Some("Push the branch, or choose another one for this app. An empty repository has no branches yet.".to_owned()),
            ..check(origin, Verdict::Failed, format!("The repository can be read, but it has no branch “{}”.", origin.branch))
        },
        Err(failure) if failure.kind == FailureKind::HostKeyChanged => offer_key(shared, origin, true).await,
        Err(failure) => failed(origin, failure),
    }
}

/// Shows the operator the key that the server has now.
async fn offer_key(shared: &Shared, origin: &Origin, changed: bool) -> ConnectionCheck {
    let server = format!("{}:{}", origin.url.host(), origin.url.port());
    match shared.platform.source.host_key(&origin.url).await {
        Ok(key) if changed => ConnectionCheck {
            hint: Some("If the server was set up anew, compare the fingerprint with its administrator and confirm it. If not, somebody may be between you and it.".to_owned()),
            offered: Some(key),
            ..check(origin, Verdict::Changed, format!("{server} shows another host key than the one you confirmed."))
        },
        Ok(key) => ConnectionCheck {
            hint: Some("Compare the fingerprint with the one the server's administrator gives you, then confirm it. This is asked once for a server.".to_owned()),
            offered: Some(key),
            ..check(origin, Verdict::Unconfirmed, format!("{server} answered with a host key that is not confirmed yet."))
        },
        Err(failure) => failed(origin, failure),
    }
}

fn failed(origin: &Origin, failure: Failure) -> ConnectionCheck {
    tracing::info!(app = %origin.app, reason = %failure.sentence, error = failure.chain(), "connection test failed");
    ConnectionCheck { hint: failure.hint, ..check(origin, Verdict::Failed, failure.sentence) }
}

fn check(origin: &Origin, verdict: Verdict, sentence: String) -> ConnectionCheck {
    ConnectionCheck { app: origin.app, checked_at: Moment::now(), verdict, sentence, hint: None, tip: None, offered: None }
}

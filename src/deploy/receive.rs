//! Deliveries: believed or not, decided, kept, and queued, in one transaction of milliseconds.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;

use super::{
    Error, Shared,
    ends::Ended,
    verdict::{self, Decision, Standing},
};
use crate::{
    audit,
    db::{self, deliveries::Kept, deployments::NewDeployment},
    domain::{
        app::App,
        audit::{Act, Action, Actor, Resource, Subject},
        commit::CommitId,
        delivery::{Delivery, Rejection, Verdict},
        deployment::{Deployment, Trigger},
        ids::DeliveryId,
        moment::Moment,
        secret::Secret,
    },
    gitea::{
        head::Head,
        push::{self, Push},
        signature,
    },
};

/// A body is kept when it is not larger than this, compressed.
const KEPT_BODY_MAX_BYTES: usize = 64 * 1024;
/// A larger one would not fit however well it is compressed, so that is not tried.
const COMPRESSED_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How hard it is compressed.
const ZSTD_LEVEL: i32 = 3;
/// Of a header's value so much is kept, and of all headers together.
const HEADER_KEPT_CHARS: usize = 512;
const HEADERS_KEPT_BYTES: usize = 16 * 1024;
/// Headers that may carry secrets of the forge's or of a proxy's are not kept.
const HEADERS_NOT_KEPT: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// A request to an app's webhook URL.
pub struct Arrival {
    /// The client that sent it.
    pub from: IpAddr,
    /// Its headers.
    pub headers: Headers,
    /// Its body, or why there is none to look at.
    pub body: Result<Bytes, Rejection>,
    /// How long the body was, as far as it came.
    pub length: u64,
}

/// Headers in order, names in lower case.
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// Whether a signature is announced that could be right.
    pub fn have_signature(&self) -> bool {
        self.head().signature.is_some()
    }

    fn head(&self) -> Head {
        Head::read(|name| self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str()))
    }

    /// As they are kept: without credentials, and not more than a page of them.
    fn kept(&self) -> String {
        let mut kept = serde_json::Map::new();
        let mut bytes = 0;
        for (name, value) in self.0.iter().filter(|(name, _)| !HEADERS_NOT_KEPT.contains(&name.as_str())) {
            let value: String = value.chars().take(HEADER_KEPT_CHARS).collect();
            bytes += name.len() + value.len();
            if bytes > HEADERS_KEPT_BYTES {
                break;
            }
            kept.entry(name).or_insert(value.into());
        }
        serde_json::Value::Object(kept).to_string()
    }
}

/// What was understood of an arrival that is believed.
struct Understood {
    /// What it tells, when it is a push.
    push: Option<Push>,
    /// Its body as it is kept.
    body: Option<Vec<u8>>,
}

/// Decides about an arrival and keeps it.
pub(super) async fn receive(shared: &Arc<Shared>, app: App, arrival: Arrival) -> Result<Delivery, Error> {
    let head = arrival.headers.head();
    let secret = webhook_secret(shared, &app).await?;
    let (from, length) = (arrival.from, arrival.length);
    let headers = arrival.headers.kept();
    let at = head.clone();
    // A body may be large: this is work for a thread that may be kept busy.
    let understood = tokio::task::spawn_blocking(move || understand(&secret, &at, &arrival)).await;
    let understood = understood.map_err(|err| Error::Internal(err.into()))?;
    let delivery = match understood {
        Ok(understood) => accept(shared, &app, from, head, headers, understood, length).await?,
        Err(rejection) => reject(shared, &app, from, head, headers, &rejection, length).await?,
    };
    shared.metrics.delivery(app.id, &app.slug, &delivery.event, delivery.verdict);
    Ok(delivery)
}

/// The app's webhook secret in clear.
pub(super) async fn webhook_secret(shared: &Shared, app: &App) -> Result<Secret, Error> {
    let (id, sealed) = db::secrets::webhook_secret(shared.db.read(), app.id).await?;
    Ok(shared.vault.open_sealed(id, &sealed)?)
}

/// Believes what is signed, and reads it when it is a push.
fn understand(secret: &Secret, head: &Head, arrival: &Arrival) -> Result<Understood, Rejection> {
    let body = arrival.body.as_ref().map_err(Clone::clone)?;
    let signature = head.signature.as_deref().ok_or(Rejection::Unsigned)?;
    if !signature::verifies(secret, body, signature) {
        return Err(Rejection::WrongSignature);
    }
    let push = (head.event == "push").then(|| Push::parse(body)).transpose();
    let push = push.map_err(|malformed| Rejection::Malformed(malformed.to_string()))?;
    Ok(Understood { push, body: compressed(body) })
}

/// Decides about what is believed, keeps it and queues what it asks for: all or nothing.
async fn accept(
    shared: &Arc<Shared>,
    app: &App,
    from: IpAddr,
    head: Head,
    headers: String,
    understood: Understood,
    length: u64,
) -> Result<Delivery, Error> {
    let push = understood.push.as_ref();
    let mut ended = Ended::default();
    let mut tx = shared.db.begin().await?;
    // As it is now: the app may have been stopped, paused or pointed elsewhere since the request began.
    let app = db::apps::get(&mut *tx, app.id).await?;
    let decision = match push {
        Some(push) => decide(&mut tx, &app, push).await?,
        None => Decision::Ignore(verdict::other_event(&head.event)),
    };
    let queued = match &decision {
        Decision::Deploy(commit) => Some(queue(&mut tx, &mut ended, &app, commit, push.and_then(|push| push.pusher.as_deref())).await?),
        Decision::Ignore(_) => None,
    };
    let making_way = match &queued {
        Some(newer) if app.config.policy.newer_push_cancels => db::deployments::request_making_way(&mut tx, newer).await?,
        _ => Vec::new(),
    };
    let delivery = delivery(&app, head, push, &decision, queued.as_ref(), length);
    let kept = Kept { headers, body: understood.body };
    db::deliveries::insert(&mut *tx, &delivery, queued.as_ref().map(|it| it.id), &kept).await?;
    audit::record(&mut tx, &act(&app, &delivery, from)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    ended.tell(shared, &app);
    shared.tell_to_cancel(&making_way);
    if queued.is_some() {
        shared.wake(app.id);
    }
    Ok(delivery)
}

/// Queues what was pushed, in the place of what pushes have queued before.
async fn queue(
    tx: &mut db::Transaction,
    ended: &mut Ended,
    app: &App,
    commit: &CommitId,
    pusher: Option<&str>,
) -> Result<Deployment, db::Error> {
    let new = NewDeployment {
        app: app.id,
        trigger: Trigger::Webhook,
        requested_by: pusher,
        commit: Some(commit),
        no_cache: false,
        rollback: None,
    };
    let queued = db::deployments::enqueue(tx, &new).await?;
    ended.supersede(tx, app, &queued).await?;
    Ok(queued)
}

async fn decide(tx: &mut db::Transaction, app: &App, push: &Push) -> Result<Decision, db::Error> {
    let live = match app.live_deployment {
        Some(live) => Some(db::deployments::get(&mut **tx, live).await?),
        None => None,
    };
    let unfinished = db::deployments::unfinished(&mut **tx, app.id).await?;
    // What is being cancelled will not deploy it, and what applies settings deploys no commit.
    let deploys = |it: &&Deployment| it.cancel.is_none() && it.trigger != Trigger::Config;
    let newest_unfinished = unfinished.iter().filter(deploys).max_by_key(|it| it.number);
    Ok(verdict::decide(push, &Standing { app, live: live.as_ref(), newest_unfinished }))
}

fn delivery(app: &App, head: Head, push: Option<&Push>, decision: &Decision, queued: Option<&Deployment>, length: u64) -> Delivery {
    let (verdict, answered, reason) = match (decision, queued) {
        (Decision::Ignore(reason), _) => (Verdict::Ignored, 200, reason.clone()),
        (Decision::Deploy(commit), queued) => {
            let number = queued.map(|it| it.number).unwrap_or_default();
            (Verdict::Deploy, 202, format!("#{number} of “{}” is queued: {} on {}.", app.slug, commit.short(), app.config.source.branch))
        }
    };
    Delivery {
        id: DeliveryId::new(),
        app: app.id,
        received_at: Moment::now(),
        forge_id: head.delivery,
        event: head.event,
        reference: push.map(|push| push.reference.to_string()),
        commit: push.map(|push| push.after.clone()),
        pusher: push.and_then(|push| push.pusher.clone()),
        verdict,
        reason,
        answered,
        deployment: queued.map(|it| it.number),
        skipped: None,
        body_bytes: length,
    }
}

/// Keeps that something came which is not believed, without its body, unless too many such come.
async fn reject(
    shared: &Shared,
    app: &App,
    from: IpAddr,
    head: Head,
    headers: String,
    rejection: &Rejection,
    length: u64,
) -> Result<Delivery, Error> {
    let delivery = Delivery {
        id: DeliveryId::new(),
        app: app.id,
        received_at: Moment::now(),
        forge_id: head.delivery,
        event: head.event,
        reference: None,
        commit: None,
        pusher: None,
        verdict: Verdict::Rejected,
        reason: rejection.sentence(app.slug.as_str()),
        answered: rejection.status(),
        deployment: None,
        skipped: None,
        body_bytes: length,
    };
    if let Some(others) = shared.rejections.admit(app.id) {
        let mut tx = shared.db.begin().await?;
        db::deliveries::insert(&mut *tx, &delivery, None, &Kept { headers, body: None }).await?;
        db::deliveries::forget_old_rejected(&mut *tx, app.id).await?;
        if let Some(missed) = shared.recorded_rejections.admit_after(app.id, others) {
            let act = act(app, &delivery, from);
            let detail = audit::with_missed(&act.detail, missed);
            audit::record(&mut tx, &act.failed(detail)).await?;
        }
        tx.commit().await.map_err(db::Error::from)?;
    }
    Ok(delivery)
}

/// As it is recorded. Who pushed is what a signed delivery says.
fn act(app: &App, delivery: &Delivery, from: IpAddr) -> Act {
    let name = delivery.pusher.clone().unwrap_or_else(|| "webhook".to_owned());
    let actor = Actor { user: None, name, address: Some(from) };
    let act = Act::done(Action::WebhookReceived, &actor, Subject::new(Resource::Delivery, delivery.id, app.slug.as_str()));
    match delivery.verdict {
        Verdict::Deploy | Verdict::Ignored => act.detail(format!("{}: {}", delivery.verdict, delivery.reason)),
        Verdict::Rejected => act.failed(format!("rejected: {}", delivery.reason)),
    }
}

/// The body as it is kept: without a secret in it, compressed, and only when it is small enough then.
fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > COMPRESSED_MAX_BYTES {
        return None;
    }
    let compressed = zstd::bulk::compress(&push::without_secret(body), ZSTD_LEVEL).ok()?;
    (compressed.len() <= KEPT_BODY_MAX_BYTES).then_some(compressed)
}

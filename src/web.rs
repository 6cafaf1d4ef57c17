//! The pages: all of axum. A handler reads, asks the [`Deployer`](crate::deploy::Deployer) or the database, and shows; it holds no
//! SQL, no engine and no git. Every URL stands in [`routes`], with who may see it.

pub mod setup_code;

mod accepted;
mod access;
mod account;
mod app_form;
mod app_page;
mod app_settings;
mod apps;
mod assets;
mod audit;
mod auth_token;
mod bearer;
mod body;
mod client;
mod commits;
mod connection;
mod credentials;
mod deliveries;
mod deployments;
mod error;
mod extract;
mod form;
mod frame;
mod health;
mod journal;
mod live;
mod login;
mod metrics;
mod observe;
mod password;
mod present;
mod query;
mod registries;
mod retention;
mod security;
mod serve;
mod settings;
mod setup;
mod standing;
mod state;
mod system;
mod theme;
mod throttle;
mod tokens;
mod ui;
mod view;
mod webhook;

pub use serve::serve;
pub use state::AppState;

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    middleware::{from_fn, from_fn_with_state, map_request},
    routing::{MethodRouter, get, post},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate},
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};
use tower_sessions::{
    Expiry, SessionManagerLayer,
    cookie::{Key, SameSite},
};
use tower_sessions_sqlx_store::SqliteStore;

use crate::{domain::token::Scope, health::LIVE_PATH};
use app_settings::{BuildSecrets, Environment, Files, environment, sealed};
use form::LongForm;

/// A body that is no form and no delivery is never larger.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// A session ends after this long without use.
const SESSION_LIFE: time::Duration = time::Duration::days(14);
/// How often sessions that have ended are removed from the database.
const SESSION_SWEEP: Duration = Duration::from_secs(60 * 60);
const SESSION_COOKIE: &str = "upaas";

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// The signed-in administrator.
    Administrator,
    /// The signed-in administrator, and who has a token that allows so much.
    Token(Scope),
}

/// A line of the URL table.
pub struct Route {
    /// The path, with `{app}` for a slug and `{n}` for a number.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    handler: MethodRouter<AppState>,
}

fn public(path: &'static str, handler: MethodRouter<AppState>) -> Route {
    Route { path, access: Access::Public, handler }
}

fn private(path: &'static str, handler: MethodRouter<AppState>) -> Route {
    Route { path, access: Access::Administrator, handler }
}

fn with_token(scope: Scope, path: &'static str, handler: MethodRouter<AppState>) -> Route {
    Route { path, access: Access::Token(scope), handler }
}

/// Takes a form with long texts.
fn long_post<H: Handler<T, AppState>, T: 'static>(handler: H) -> MethodRouter<AppState> {
    post(handler).layer(Extension(LongForm))
}

/// The whole URL table.
pub fn routes() -> Vec<Route> {
    vec![
        public(LIVE_PATH, get(health::live)),
        public("/health/ready", get(health::ready)),
        with_token(Scope::Read, "/health", get(health::show)),
        public("/static/{hash}/{*file}", get(assets::show)),
        public("/setup", get(setup::show).post(setup::create)),
        public("/login", get(login::show).post(login::create)),
        public("/auth/token", post(auth_token::create)),
        public("/theme", post(theme::update)),
        public("/metrics", get(metrics::show)),
        public("/webhook/{uuid}", post(deliveries::receive).fallback(deliveries::only_post)),
        private("/logout", post(login::destroy)),
        private("/", get(apps::index)),
        private("/events", get(apps::index_events)),
        private("/apps", post(apps::create)),
        private("/apps/new", get(apps::new)),
        private("/apps/{app}", get(app_page::show)),
        private("/apps/{app}/events", get(app_page::events)),
        private("/apps/{app}/settings", get(app_settings::show)),
        private("/apps/{app}/apply", post(deployments::apply)),
        private("/apps/{app}/settings/{section}", long_post(app_settings::update).get(app_settings::to_section)),
        private("/apps/{app}/settings/build-secrets/addition", long_post(sealed::add::<BuildSecrets>)),
        private("/apps/{app}/settings/build-secrets/change", long_post(sealed::change::<BuildSecrets>)),
        private("/apps/{app}/settings/build-secrets/removal", post(sealed::remove::<BuildSecrets>)),
        private("/apps/{app}/settings/build-secrets/reveal", post(sealed::reveal::<BuildSecrets>)),
        private("/apps/{app}/settings/environment/addition", long_post(sealed::add::<Environment>)),
        private("/apps/{app}/settings/environment/change", long_post(sealed::change::<Environment>)),
        private("/apps/{app}/settings/environment/removal", post(sealed::remove::<Environment>)),
        private("/apps/{app}/settings/environment/reveal", post(sealed::reveal::<Environment>)),
        private("/apps/{app}/settings/environment/preview", long_post(environment::preview)),
        private("/apps/{app}/settings/environment/import", long_post(environment::import)),
        private("/apps/{app}/settings/files/addition", long_post(sealed::add::<Files>)),
        private("/apps/{app}/settings/files/change", long_post(sealed::change::<Files>)),
        private("/apps/{app}/settings/files/removal", post(sealed::remove::<Files>)),
        private("/apps/{app}/settings/files/reveal", post(sealed::reveal::<Files>)),
        private("/apps/{app}/networks", post(app_settings::create_network)),
        private("/apps/{app}/commits", get(commits::index).post(commits::look)),
        private("/apps/{app}/connection-test", post(connection::test)),
        private("/apps/{app}/host-key", post(connection::confirm_host_key)),
        private("/apps/{app}/stop", post(app_page::stop)),
        private("/apps/{app}/start", post(app_page::start)),
        private("/apps/{app}/restart", post(app_page::restart)),
        private("/apps/{app}/deletion", post(app_settings::delete).get(app_settings::to_deletion)),
        private("/apps/{app}/auto-deploy", post(webhook::set_auto_deploy)),
        private("/apps/{app}/webhook-secret", post(webhook::reveal_secret)),
        private("/apps/{app}/webhook-secret/rotation", post(app_settings::rotate_webhook_secret)),
        private("/apps/{app}/deploy-key/rotation", post(app_settings::rotate_deploy_key)),
        private("/apps/{app}/deliveries", get(deliveries::index)),
        private("/apps/{app}/deliveries/events", get(deliveries::index_events)),
        private("/apps/{app}/deployments", get(deployments::index)),
        with_token(Scope::Deploy, "/apps/{app}/deployments", post(deployments::create)),
        private("/apps/{app}/deployments/events", get(deployments::index_events)),
        private("/apps/{app}/deployments/{n}", get(deployments::show)),
        private("/apps/{app}/deployments/{n}/events", get(deployments::events)),
        with_token(Scope::Deploy, "/apps/{app}/deployments/{n}/cancellation", post(deployments::cancel)),
        private("/apps/{app}/deployments/{n}/pin", post(deployments::set_pinned)),
        private("/apps/{app}/deployments/{n}/rollback", get(deployments::show_rollback)),
        with_token(Scope::Deploy, "/apps/{app}/rollbacks", post(deployments::roll_back)),
        private("/apps/{app}/compare", get(deployments::compare)),
        private("/apps/{app}/deployments/{n}/journal", get(journal::download)),
        private("/apps/{app}/deployments/{n}/lines", get(journal::more)),
        private("/audit", get(audit::index)),
        private("/audit/events", get(audit::index_events)),
        private("/audit/export", get(audit::export)),
        with_token(Scope::Read, "/api/audit", get(audit::api)),
        private("/system", get(system::show)),
        private("/system/events", get(system::events)),
        private("/system/clean-up", post(system::clean_up)),
        private("/system/builder-cache/pruning", post(system::prune_builder_cache)),
        private("/system/images/removal", post(system::remove_image)),
        private("/system/integrity-check", post(system::check_integrity)),
        private("/system/orphans/adoption", post(system::adopt_orphan)),
        private("/system/orphans/removal", post(system::remove_orphan)),
        private("/settings", get(settings::show)),
        private("/settings/password", post(account::change_password)),
        private("/settings/registries", post(registries::set)),
        private("/settings/registries/removal", post(registries::remove)),
        private("/settings/retention", post(retention::update)),
        private("/settings/retention/run", post(retention::run)),
        private("/settings/tokens", post(tokens::create)),
        private("/settings/tokens/{id}/revocation", post(tokens::revoke)),
    ]
}

/// The router: the URL table inside its layers.
pub fn router(state: AppState, sessions: SqliteStore, session_key: &[u8]) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, route| router.merge(guarded(route, &state)));
    let sessions = SessionManagerLayer::new(sessions)
        .with_name(SESSION_COOKIE)
        .with_same_site(SameSite::Lax)
        // `client::secure_cookies` adds it on https requests: on plain http a browser would drop the cookie.
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(SESSION_LIFE))
        .with_signed(Key::from(session_key));
    let layers = ServiceBuilder::new()
        .layer(map_request(observe::own_request_id))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(from_fn_with_state(state.clone(), client::identify))
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .layer(from_fn(security::headers))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(security::may_be_compressed)))
        .layer(sessions)
        .layer(from_fn_with_state(state.clone(), access::recognise))
        .layer(from_fn_with_state(state.clone(), error::render))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(CsrfLayer::new().with_rejection_response(error::cross_site))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
    router.fallback(error::not_found).method_not_allowed_fallback(error::method_not_allowed).with_state(state).layer(layers)
}

/// A route behind what lets only those through who may use it.
fn guarded(route: Route, state: &AppState) -> Router<AppState> {
    let router = Router::new().route(route.path, route.handler);
    match route.access {
        Access::Public => router,
        Access::Administrator => router.route_layer(from_fn_with_state(state.clone(), access::require_administrator)),
        Access::Token(scope) => router.route_layer(from_fn_with_state((state.clone(), scope), bearer::require)),
    }
}

/// Removes ended sessions until `stop` is cancelled.
pub async fn sweep_sessions(sessions: SqliteStore, stop: CancellationToken) {
    use tower_sessions::ExpiredDeletion;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SESSION_SWEEP) => {}
        }
        if let Err(err) = sessions.delete_expired().await {
            tracing::warn!(error = %err, "ended sessions could not be removed; tried again later");
        }
    }
}

//! An app: a repository, a branch and a configuration that run as one container.

use super::{
    app_config::AppConfig,
    ids::{AppId, DeploymentId, SecretId, WebhookId},
    moment::Moment,
    slug::Slug,
    text_enum::text_enum,
};

text_enum! {
    /// What the operator wants of an app.
    DesiredState {
        /// Its container runs.
        Running = "running",
        /// It is stopped, and stays so.
        Stopped = "stopped",
    }
}

/// An app, as stored.
#[derive(Debug, Clone)]
pub struct App {
    /// Keys its files and labels.
    pub id: AppId,
    /// Its name in URLs, container names and image tags; never changes.
    pub slug: Slug,
    /// Its name on pages.
    pub name: String,
    /// What is deployed and how.
    pub config: AppConfig,
    /// What the operator wants.
    pub desired_state: DesiredState,
    /// Set while pushes do not deploy.
    pub auto_deploy_paused: Option<Pause>,
    /// Why µPaaS has stopped its container, in words; until it is started or deployed again.
    pub halted: Option<String>,
    /// The deployment whose container serves now.
    pub live_deployment: Option<DeploymentId>,
    /// The public half of the deploy key, in OpenSSH form.
    pub deploy_key_public: String,
    /// The private half, sealed.
    pub deploy_key: SecretId,
    /// The unguessable part of its webhook URL.
    pub webhook: WebhookId,
    /// What signs its deliveries, sealed.
    pub webhook_secret: SecretId,
    /// When it was created.
    pub created_at: Moment,
}

/// A pause of auto-deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Moment,
    /// Who or what asked for it.
    pub by: String,
}

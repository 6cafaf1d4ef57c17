//! The audit log's words: who did what to what, when, from where, and whether it worked. Secrets never appear in it.

use std::net::IpAddr;

use super::{app::App, deployment::Deployment, moment::Moment, text_enum::text_enum};

text_enum! {
    /// What was done. The words are an interface: other programs filter by them.
    Action {
        /// The administrator was made.
        Setup = "SETUP",
        /// Somebody logged in.
        Login = "LOGIN",
        /// Somebody logged out.
        Logout = "LOGOUT",
        /// The password was changed.
        PasswordChange = "PASSWORD_CHANGE",
        /// Another session was ended.
        SessionRevoke = "SESSION_REVOKE",
        /// The second factor was switched on.
        TotpEnable = "TOTP_ENABLE",
        /// The second factor was switched off.
        TotpDisable = "TOTP_DISABLE",
        /// A token for another program was made.
        TokenCreate = "TOKEN_CREATE",
        /// A token was made worthless.
        TokenRevoke = "TOKEN_REVOKE",
        /// An app was made.
        AppCreate = "APP_CREATE",
        /// An app's configuration was changed, or auto-deploy was paused or resumed.
        AppUpdate = "APP_UPDATE",
        /// An app was deleted.
        AppDelete = "APP_DELETE",
        /// An app got a new deploy key.
        KeyRotate = "KEY_ROTATE",
        /// An app got a new webhook secret.
        SecretRotate = "SECRET_ROTATE",
        /// A deployment was asked for, or ended.
        Deploy = "DEPLOY",
        /// A deployment was to be cancelled.
        DeployCancel = "DEPLOY_CANCEL",
        /// An older deployment was asked for again.
        Rollback = "ROLLBACK",
        /// An app's container was started.
        ContainerStart = "CONTAINER_START",
        /// An app's container was stopped.
        ContainerStop = "CONTAINER_STOP",
        /// An app's container was restarted.
        ContainerRestart = "CONTAINER_RESTART",
        /// A delivery came to an app's webhook URL.
        WebhookReceived = "WEBHOOK_RECEIVED",
        /// A delivery was decided anew.
        WebhookReplay = "WEBHOOK_REPLAY",
        /// A setting of the installation was changed.
        SettingsChange = "SETTINGS_CHANGE",
        /// A forge was connected.
        ForgeConnect = "FORGE_CONNECT",
        /// Something that is not needed any more was removed from the engine.
        Cleanup = "CLEANUP",
        /// What is too old was removed.
        Retention = "RETENTION",
        /// A backup was made.
        Backup = "BACKUP",
        /// A backup was brought back.
        Restore = "RESTORE",
    }
}

text_enum! {
    /// Whether it worked.
    Outcome {
        /// It did.
        Success = "SUCCESS",
        /// It was refused, or it failed.
        Failure = "FAILURE",
    }
}

text_enum! {
    /// What kind of thing it was done to.
    Resource {
        /// The administrator.
        User = "user",
        /// A token for another program.
        Token = "token",
        /// An app.
        App = "app",
        /// A deployment.
        Deployment = "deployment",
        /// A container.
        Container = "container",
        /// An image at the engine.
        Image = "image",
        /// The engine, with what lies there.
        Engine = "engine",
        /// A delivery.
        Delivery = "delivery",
        /// The key of a git server.
        HostKey = "host_key",
        /// A setting of the installation.
        Setting = "setting",
    }
}

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The administrator's id; none for everybody and everything else.
    pub user: Option<i64>,
    /// The name: what was typed at a login, who pushed, or what did it by itself.
    pub name: String,
    /// The client's address, when a request did it.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// µPaaS, by itself.
    pub fn upaas() -> Self {
        Self { user: None, name: "µPaaS".to_owned(), address: None }
    }

    /// Somebody at the engine, past µPaaS.
    pub fn at_the_engine() -> Self {
        Self { user: None, name: "engine".to_owned(), address: None }
    }
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its kind.
    pub kind: Resource,
    /// Its id; empty when it has none.
    pub id: String,
    /// Its name as people know it: an app's slug, `shop#12`.
    pub name: String,
}

impl Subject {
    /// From its parts.
    pub fn new(kind: Resource, id: impl ToString, name: impl Into<String>) -> Self {
        Self { kind, id: id.to_string(), name: name.into() }
    }
}

/// Something that was done, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What.
    pub action: Action,
    /// Whether it worked.
    pub outcome: Outcome,
    /// Who.
    pub actor: Actor,
    /// To what.
    pub subject: Subject,
    /// More about it, in words. Never a secret.
    pub detail: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: in the order in which the acts were done.
    pub id: i64,
    /// When.
    pub at: Moment,
    /// What was done.
    pub act: Act,
}

impl Subject {
    /// An app.
    pub fn app(app: &App) -> Self {
        Self::new(Resource::App, app.id, app.slug.as_str())
    }

    /// A deployment: `shop#12`.
    pub fn deployment(app: &App, deployment: &Deployment) -> Self {
        Self::new(Resource::Deployment, deployment.id, format!("{}#{}", app.slug, deployment.number))
    }
}

impl Act {
    /// Something that worked.
    pub fn done(action: Action, actor: &Actor, subject: Subject) -> Self {
        Self { action, outcome: Outcome::Success, actor: actor.clone(), subject, detail: String::new() }
    }

    /// Says more about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// It did not work, and why.
    #[must_use]
    pub fn failed(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Failure;
        self.detail = why.into();
        self
    }
}

//! An app: a repository, a branch and a configuration that run as one container.

use super::{
    Invalid,
    app_config::AppConfig,
    ids::{AppId, DeploymentId, SecretId, WebhookId},
    is_hidden,
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

const NAME_MAX: usize = 100;

/// Reads an app's name for pages.
pub fn parse_name(text: &str) -> Result<String, Invalid> {
    if !(1..=NAME_MAX).contains(&text.chars().count()) {
        return Err(Invalid::because(format!("A name has 1 to {NAME_MAX} characters.")));
    }
    if text.contains(is_hidden) || !text.contains(shows) {
        return Err(Invalid::because("The name has characters that cannot be seen."));
    }
    Ok(text.to_owned())
}

/// Whether a character shows something by itself: not what joins others or chooses how they look, nor the empty cell of Braille.
fn shows(c: char) -> bool {
    !c.is_whitespace() && !is_hidden(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{2800}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_seen() {
        for good in ["Shop", "Bücher & Co. – 2", "店", "👩‍🚀", &"ü".repeat(NAME_MAX)] {
            assert_eq!(parse_name(good).as_deref(), Ok(good));
        }
        let too_long = "ü".repeat(NAME_MAX + 1);
        for bad in ["", "a\u{0}", "a\nb", "a\tb", "\u{202e}pohs", "a\u{200b}", "\u{200d}", "\u{2800}", "\u{3164}", "\u{a0}", &too_long] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
    }
}

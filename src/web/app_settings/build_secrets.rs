//! Secrets that the steps of the build may ask for.

use async_trait::async_trait;
use serde_json::Value;

use super::{
    Draft, FormView, Section,
    sealed::{SealedList, untouched},
};
use crate::{
    domain::{
        Invalid,
        app::App,
        app_config::build::{BuildSecretId, check_secret},
        secret::Secret,
    },
    web::{error::Error, ui::Ui},
};

pub(in crate::web) struct BuildSecrets;

#[async_trait]
impl Section for BuildSecrets {
    fn id(&self) -> &'static str {
        "build-secrets"
    }

    fn title(&self) -> &'static str {
        "Build secrets"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_build_secrets.html"
    }

    fn form(&self, _: &Draft) -> FormView {
        FormView::new(Self::FIELDS)
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        untouched::<Self>(ui, app).await
    }
}

impl SealedList for BuildSecrets {
    type Key = BuildSecretId;

    const SECTION: &'static dyn Section = &Self;
    const FIELDS: &'static [(&'static str, &'static str)] = &[("secret_id", ""), ("secret_value", "")];
    const KEY: &'static str = "secret_id";
    const VALUE: &'static str = "secret_value";
    const NEW_VALUE: &'static str = "secret_new_value";
    const ROW: &'static str = "id";
    const WHICH: &'static str = "Say which build secret.";

    fn check(_: Option<&BuildSecretId>, value: &Secret) -> Result<(), Invalid> {
        check_secret(value)
    }
}

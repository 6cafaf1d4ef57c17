//! Text files that the app's container finds.

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
        app_config::config_file::{self, ContainerPath},
        secret::Secret,
    },
    web::{error::Error, ui::Ui},
};

pub(in crate::web) struct Files;

#[async_trait]
impl Section for Files {
    fn id(&self) -> &'static str {
        "files"
    }

    fn title(&self) -> &'static str {
        "Files"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_files.html"
    }

    fn form(&self, _: &Draft) -> FormView {
        FormView::new(Self::FIELDS)
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        untouched::<Self>(ui, app).await
    }
}

impl SealedList for Files {
    type Key = ContainerPath;

    const SECTION: &'static dyn Section = &Self;
    const FIELDS: &'static [(&'static str, &'static str)] = &[("file_path", ""), ("file_content", "")];
    const KEY: &'static str = "file_path";
    const VALUE: &'static str = "file_content";
    const NEW_VALUE: &'static str = "file_new_content";
    const ROW: &'static str = "path";
    const WHICH: &'static str = "Say which file.";

    fn check(_: Option<&ContainerPath>, content: &Secret) -> Result<(), Invalid> {
        config_file::check_content(content)
    }
}

//! What is mounted into the app's containers.

use std::path::Path;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    Draft, FormView, SavedAsOne, Section, Typed,
    rows::{Row, Rows, wrong},
};
use crate::{
    domain::{
        Invalid,
        app::App,
        app_config::{
            config_file::ConfigFile,
            volume::{self, Mounted, Volume, VolumeSource},
        },
    },
    web::{error::Error, ui::Ui},
};

const ROWS: Rows =
    Rows { prefix: "volume", fields: &[("source", ""), ("path", ""), ("readonly", ""), ("confirmed", "")], decisive: &["source", "path"] };

pub(super) struct Volumes;

#[async_trait]
impl Section for Volumes {
    fn id(&self) -> &'static str {
        "volumes"
    }

    fn title(&self) -> &'static str {
        "Volumes"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_volumes.html"
    }

    /// The tick that confirms a mount holds what it was made for: another source needs another one.
    fn form(&self, draft: &Draft) -> FormView {
        ROWS.form(draft.config.run.volumes.iter().map(|volume| {
            let (source, read_only) = (volume.source.to_string(), if volume.read_only { "yes" } else { "" });
            let confirmed = if volume.confirmed { source.clone() } else { String::new() };
            vec![source, volume.path.to_string(), read_only.to_owned(), confirmed]
        }))
    }

    async fn extra(&self, ui: &Ui, app: &App, form: &FormView) -> Result<Value, Error> {
        let deployer = &ui.state.deployer;
        let folder = deployer.volumes_folder(app.id).await;
        let typed: Vec<(usize, Option<VolumeSource>)> =
            ROWS.places(form).into_iter().map(|place| (place, form.value(&ROWS.name(place, "source")).parse().ok())).collect();
        let read_only = |place: usize| form.value(&ROWS.name(place, "readonly")) == "yes";
        let mounted = typed.iter().filter_map(|(place, source)| Some(Mounted { source: source.clone()?, read_only: read_only(*place) }));
        let mut dangers = deployer.dangers(app.id, &mounted.collect::<Vec<_>>()).await.into_iter();
        let mut rows = Vec::new();
        for (place, source) in typed {
            let danger = source.as_ref().and_then(|_| dangers.next().flatten());
            let resolved = match (&source, &folder) {
                (Some(VolumeSource::Data(path)), Some(folder)) => Some(folder.join(path).display().to_string()),
                _ => None,
            };
            rows.push(json!({
                "place": place,
                "resolved": resolved,
                "danger": danger.map(|danger| danger.why().to_owned()),
                "source": source.map(|it| it.to_string()),
            }));
        }
        Ok(json!({ "rows": rows, "folder": folder.map(|folder| folder.display().to_string()) }))
    }
}

#[async_trait]
impl SavedAsOne for Volumes {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let files = &draft.config.run.files;
        if let Some(volumes) = ROWS.read(typed, form, |row, before, form| read(row, before, files, form)) {
            draft.config.run.volumes = volumes;
        }
    }

    async fn check(&self, ui: &Ui, app: &App, draft: &Draft, form: &mut FormView) -> Result<(), Error> {
        let (deployer, volumes) = (&ui.state.deployer, &draft.config.run.volumes);
        let folder = deployer.volumes_folder(app.id).await;
        let mounted: Vec<Mounted> = volumes.iter().map(Volume::mounted).collect();
        let dangers = deployer.dangers(app.id, &mounted).await;
        for (place, (volume, danger)) in volumes.iter().zip(dangers).enumerate() {
            if matches!(volume.source, VolumeSource::Data(_)) && folder.is_none() {
                form.check::<()>(&ROWS.name(place, "source"), Err(Invalid::because(NO_HOST_DATA_DIR)));
            } else if let Some(danger) = danger.filter(|_| !volume.confirmed) {
                let sentence = format!("{} Tick the box to confirm.", danger.sentence());
                form.check::<()>(&ROWS.name(place, "confirmed"), Err(Invalid::because(sentence)));
            }
        }
        Ok(())
    }

    fn typed(&self, typed: &Typed, _: &Draft) -> FormView {
        ROWS.typed(typed)
    }

    fn recorded(&self, draft: &Draft) -> FormView {
        let one = |volume: &Volume| {
            let read_only = if volume.read_only { ", read-only" } else { "" };
            let confirmed = if volume.confirmed { ", confirmed" } else { "" };
            format!("{} at {}{read_only}{confirmed}", volume.source, volume.path)
        };
        FormView::new(&[("volumes", &draft.config.run.volumes.iter().map(one).collect::<Vec<_>>().join("; "))])
    }
}

const NO_HOST_DATA_DIR: &str = "µPaaS runs in a container, or the engine on another machine, so the engine does not know where µPaaS's data directory is. \
     Start µPaaS with UPAAS_HOST_DATA_DIR, or write a path of the host or the name of a volume.";

fn read(row: &Row<'_>, before: &[Volume], files: &[ConfigFile], form: &mut FormView) -> Option<Volume> {
    let source = form.check(&row.name("source"), row.text("source").parse::<VolumeSource>());
    let path = form.check(&row.name("path"), volume::parse_path(row.text("path")));
    let source = source?;
    let confirmed = row.text("confirmed") == source.to_string();
    let volume = Volume { source, path: path?, read_only: row.text("readonly") == "yes", confirmed };
    let file = files.iter().find(|file| Path::new(volume.path.as_str()).starts_with(file.path.as_str()));
    let over_a_file = file.map(|file| Invalid::because(format!("The config file {} is there already. Choose another path.", file.path)));
    match volume::collision(&volume, before).or(over_a_file) {
        Some(why) => wrong(form, row, "path", why),
        None => Some(volume),
    }
}

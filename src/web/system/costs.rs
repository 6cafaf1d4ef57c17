//! What each app takes on the disk, what a clean-up would do about it, and the acts that free space.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Redirect;
use serde::Serialize;

use super::Listed;
use crate::{
    deploy::{Came, Costs, Fate, Going},
    domain::{
        app::App,
        disk::{Part, Space},
        ids::AppId,
        image::{BuiltImage, CacheUse},
    },
    web::{
        error::Error,
        form::Typed,
        frame::When,
        present::{self, size},
        ui::Ui,
    },
};

/// What each app takes.
#[derive(Serialize)]
pub(super) struct ByApp {
    rows: Vec<AppCosts>,
    measured: Option<When>,
}

#[derive(Serialize)]
struct AppCosts {
    /// Its name; none: of no app.
    name: Option<String>,
    url: Option<String>,
    /// How many images, and what they take; none when that is not known.
    images: Option<Amount>,
    journals: String,
    mirrors: String,
    volumes: String,
    files: String,
    builds: String,
}

/// So many things of so many bytes.
#[derive(Serialize, PartialEq, Eq, Debug)]
struct Amount {
    count: usize,
    size: String,
}

/// What a clean-up would do, and what else could free space.
#[derive(Serialize)]
pub(super) struct CleanUp {
    /// What would go; none when the images are not known.
    preview: Option<Preview>,
    /// When that was measured.
    measured: Option<When>,
    cleaning: GoingView,
    cache: Option<CacheView>,
    pruning: GoingView,
    /// Images that only a person removes.
    strays: Listed<Stray>,
    /// The engine's disk, where it can be seen.
    space: Option<String>,
    low: bool,
}

#[derive(Serialize)]
struct Preview {
    size: String,
    /// Of each app, which images.
    going: Vec<String>,
    /// How many are not needed and stay all the same.
    in_use: usize,
    named: usize,
}

#[derive(Serialize)]
struct CacheView {
    size: String,
    reclaimable: String,
}

#[derive(Serialize)]
struct GoingView {
    since: Option<When>,
    last: Option<LastView>,
}

#[derive(Serialize)]
struct LastView {
    when: When,
    said: String,
    worked: bool,
}

/// An image that belongs to no app.
#[derive(Serialize)]
struct Stray {
    id: String,
    short: String,
    names: Vec<String>,
    app: Option<String>,
    number: Option<i64>,
    size: String,
    in_use: bool,
}

impl ByApp {
    pub(super) fn new(costs: &Costs, apps: &[App]) -> Self {
        let known: BTreeSet<AppId> = apps.iter().map(|app| app.id).collect();
        let mut rows: Vec<AppCosts> = apps.iter().map(|app| row(costs, Some(app), |owner| owner == Some(app.id))).collect();
        let is_stray = |owner: Option<AppId>| owner.is_none_or(|app| !known.contains(&app));
        let folders = costs.apps.iter().flatten().any(|(owner, parts)| is_stray(*owner) && parts.values().any(|bytes| *bytes > 0));
        if folders || costs.images.iter().flatten().any(|(image, _)| is_stray(image.app)) {
            rows.push(row(costs, None, is_stray));
        }
        Self { rows, measured: costs.at.map(When::from) }
    }
}

/// What is taken by whoever `is_it`.
fn row(costs: &Costs, app: Option<&App>, is_it: impl Fn(Option<AppId>) -> bool) -> AppCosts {
    let part = |part: Part| match &costs.apps {
        None => "unknown".to_owned(),
        Some(apps) => {
            let of = apps.iter().filter(|(owner, _)| is_it(**owner)).filter_map(|(_, parts)| parts.get(&part));
            size(of.sum())
        }
    };
    let images = costs.images.as_ref().map(|images| {
        let of: Vec<&BuiltImage> = images.iter().map(|(image, _)| image).filter(|image| is_it(image.app)).collect();
        Amount { count: of.len(), size: size(of.iter().map(|image| image.bytes).sum()) }
    });
    AppCosts {
        name: app.map(|app| app.name.clone()),
        url: app.map(present::app_url),
        images,
        journals: part(Part::Journals),
        mirrors: part(Part::Mirrors),
        volumes: part(Part::Volumes),
        files: part(Part::ConfigFiles),
        builds: part(Part::Builds),
    }
}

impl CleanUp {
    pub(super) fn new(costs: Costs, apps: &[App], space: Option<Space>) -> Self {
        let strays: Vec<&BuiltImage> =
            costs.images.iter().flatten().filter(|(_, fate)| *fate == Fate::Unknown).map(|(image, _)| image).collect();
        Self {
            preview: costs.images.as_deref().map(|images| preview(images, apps)),
            measured: costs.at.map(When::from),
            strays: Listed::new(strays.into_iter().map(|image| stray(image, apps))),
            cleaning: costs.cleaning.into(),
            cache: costs.cache.map(CacheView::from),
            pruning: costs.pruning.into(),
            space: space.map(|space| space.to_string()),
            low: space.is_some_and(Space::is_low),
        }
    }

    /// Whether something is going on.
    pub(super) fn is_busy(&self) -> bool {
        self.cleaning.since.is_some() || self.pruning.since.is_some()
    }
}

fn preview(images: &[(BuiltImage, Fate)], apps: &[App]) -> Preview {
    let going = || images.iter().filter(|(_, fate)| *fate == Fate::Goes).map(|(image, _)| image);
    let mut of: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for image in going() {
        let name = apps.iter().find(|app| Some(app.id) == image.app).map_or("", |app| &app.name);
        of.entry(name).or_default().extend(image.deployment);
    }
    let count = |wanted: Fate| images.iter().filter(|(_, fate)| *fate == wanted).count();
    Preview {
        size: size(going().map(BuiltImage::gives_back).sum()),
        going: of.into_iter().map(|(name, numbers)| format!("{name} {}", listed(&numbers))).collect(),
        in_use: count(Fate::InUse),
        named: count(Fate::Named),
    }
}

/// So many are named; of more it is said how many more.
const NUMBERS_SHOWN: usize = 10;

/// `#1, #2 and 3 more`.
fn listed(numbers: &BTreeSet<i64>) -> String {
    let shown: Vec<String> = numbers.iter().take(NUMBERS_SHOWN).map(|number| format!("#{number}")).collect();
    match numbers.len().saturating_sub(NUMBERS_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn stray(image: &BuiltImage, apps: &[App]) -> Stray {
    let app = image.app.map(|id| apps.iter().find(|app| app.id == id).map_or_else(|| id.to_string(), |app| app.slug.to_string()));
    Stray {
        id: image.id.clone(),
        short: present::short_id(image.id.trim_start_matches("sha256:")),
        names: image.own_tags.iter().chain(&image.foreign_tags).cloned().collect(),
        app,
        number: image.deployment,
        size: size(image.bytes),
        in_use: image.in_use,
    }
}

impl From<CacheUse> for CacheView {
    fn from(cache: CacheUse) -> Self {
        Self { size: size(cache.bytes), reclaimable: size(cache.reclaimable) }
    }
}

impl From<Going> for GoingView {
    fn from(going: Going) -> Self {
        let last = going.last.map(|Came { at, said }| {
            let worked = said.is_ok();
            let (Ok(said) | Err(said)) = said;
            LastView { when: at.into(), said, worked }
        });
        Self { since: going.since.map(When::from), last }
    }
}

/// Removes what no app needs any more.
pub(in crate::web) async fn clean_up(ui: Ui) -> Result<Redirect, Error> {
    ui.state.deployer.clean_up(&ui.actor()).await?;
    Ok(Redirect::to("/system#clean-up"))
}

/// Prunes the engine's builder cache.
pub(in crate::web) async fn prune_builder_cache(ui: Ui) -> Result<Redirect, Error> {
    ui.state.deployer.prune_builder_cache(&ui.actor()).await?;
    Ok(Redirect::to("/system#clean-up"))
}

/// Removes an image of no app.
pub(in crate::web) async fn remove_image(ui: Ui, typed: Typed) -> Result<Redirect, Error> {
    ui.state.deployer.remove_image(typed.text("image"), &ui.actor()).await?;
    Ok(Redirect::to("/system#clean-up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_are_cut_short() {
        assert_eq!(listed(&[3, 1].into()), "#1, #3");
        assert_eq!(listed(&(1..=12).collect()), "#1, #2, #3, #4, #5, #6, #7, #8, #9, #10 and 2 more");
    }
}

//! Sections that are a list of sealed values, each with a key: variables, files, build secrets. A value is in an answer only when somebody
//! asks for it.

use std::{collections::BTreeMap, str::FromStr};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{FormView, Section, Shown, Typed, given, saved};
use crate::{
    deploy::{self, Edit, Item, Key},
    domain::{Invalid, app::App, secret::Secret},
    web::{apps, error::Error, extract::At, frame::When, present, ui::Ui, view},
};

/// What is asked for when all values are.
const ALL: &str = "*";

/// A section that is a list of sealed values.
pub(in crate::web) trait SealedList: Section + 'static {
    /// What finds a value.
    type Key: Key + FromStr<Err = Invalid> + Serialize;
    /// The section.
    const SECTION: &'static dyn Section;
    /// The fields of the section's own forms, beside others those for a new value.
    const FIELDS: &'static [(&'static str, &'static str)];
    /// The field for the key of a new value.
    const KEY: &'static str;
    /// The field for a new value.
    const VALUE: &'static str;
    /// The field of the form that gives a key another value.
    const NEW_VALUE: &'static str;
    /// The field by which a row's forms say which it is.
    const ROW: &'static str;
    /// The answer when they do not.
    const WHICH: &'static str;

    /// The key for a new value.
    fn settable(text: &str) -> Result<Self::Key, Invalid> {
        text.parse()
    }

    /// Whether there may be such a value; without a key, when what was typed is none.
    fn check(key: Option<&Self::Key>, value: &Secret) -> Result<(), Invalid>;
}

/// What of the section is not as it is when the page is opened.
pub(super) struct Look<K> {
    /// The values to be seen.
    revealed: BTreeMap<K, Secret>,
    /// The form of the value that came back with something wrong.
    editing: Option<(K, FormView)>,
    /// What else there is to see.
    preview: Value,
}

impl<K: Ord> Default for Look<K> {
    fn default() -> Self {
        Self { revealed: BTreeMap::new(), editing: None, preview: Value::Null }
    }
}

impl<K: Ord> Look<K> {
    /// With this beside the list.
    pub(super) fn with(preview: Value) -> Self {
        Self { preview, ..Self::default() }
    }
}

/// What the section's template shows beside the form.
#[derive(Serialize)]
struct Extra<K> {
    items: Vec<Row<K>>,
    preview: Value,
}

#[derive(Serialize)]
struct Row<K> {
    key: K,
    size: String,
    set: When,
    value: Option<String>,
    /// Whether every character of the value can be seen.
    plain: bool,
    form: FormView,
    editing: bool,
}

fn row<L: SealedList>(item: Item<L::Key>, look: &Look<L::Key>) -> Row<L::Key> {
    let value = look.revealed.get(&item.key).map(|value| value.reveal().to_owned());
    // A field of a page cannot hold a carriage return: that value would come back as another one.
    let fits = value.clone().filter(|value| !value.contains('\r')).unwrap_or_default();
    let edited = look.editing.as_ref().filter(|(key, _)| *key == item.key).map(|(_, form)| form.clone());
    Row {
        editing: edited.is_some(),
        form: edited.unwrap_or_else(|| FormView::new(&[(L::NEW_VALUE, &fits)])),
        plain: value.as_ref().is_some_and(|value| view::undeceptive(value) == value.as_str()),
        size: present::size(item.bytes as u64),
        key: item.key,
        set: item.set_at.into(),
        value,
    }
}

/// What a section shows when the page is opened.
pub(super) async fn untouched<L: SealedList>(ui: &Ui, app: &App) -> Result<Value, Error> {
    extra::<L>(ui, app, Look::default()).await
}

async fn extra<L: SealedList>(ui: &Ui, app: &App, look: Look<L::Key>) -> Result<Value, Error> {
    let items = ui.state.deployer.items(app).await?;
    let items = items.into_iter().map(|item| row::<L>(item, &look)).collect();
    serde_json::to_value(Extra { items, preview: look.preview }).map_err(|err| Error::Internal(err.into()))
}

/// The section with something to look at.
pub(super) async fn shown<L: SealedList>(ui: &Ui, app: &App, form: FormView, look: Look<L::Key>) -> Result<Response, Error> {
    let extra = extra::<L>(ui, app, look).await?;
    given(ui, app, Shown::of(L::SECTION, form, extra)).await
}

/// The section with something wrong in it.
async fn wrong<L: SealedList>(ui: &Ui, app: &App, form: FormView, look: Look<L::Key>) -> Result<Response, Error> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, shown::<L>(ui, app, form, look).await?).into_response())
}

/// The answer to a form of the section's own.
pub(super) async fn answer<L: SealedList>(ui: &Ui, app: &App, form: FormView) -> Result<Response, Error> {
    if form.is_good() { saved(ui, app, L::SECTION).await } else { wrong::<L>(ui, app, form, Look::default()).await }
}

/// What was refused belongs to what was typed; everything else is an error.
pub(super) fn refused<T>(done: Result<T, deploy::Error>) -> Result<Result<T, Invalid>, Error> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(deploy::Error::Refused(sentence)) => Ok(Err(Invalid(sentence))),
        Err(err) => Err(err.into()),
    }
}

/// Adds a value.
pub(in crate::web) async fn add<L: SealedList>(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let value = typed.exact(L::VALUE);
    let mut form = FormView::new(L::FIELDS).with(L::KEY, typed.text(L::KEY)).with(L::VALUE, value.reveal());
    let key = form.check(L::KEY, L::settable(typed.text(L::KEY)));
    form.check(L::VALUE, L::check(key.as_ref(), &value));
    if let Some(key) = key.filter(|_| form.is_good()) {
        let added = ui.state.deployer.edit_items(&app, Edit::Add(key, value), &ui.actor()).await;
        form.check(L::KEY, refused(added)?);
    }
    answer::<L>(&ui, &app, form).await
}

/// Gives a key another value.
pub(in crate::web) async fn change<L: SealedList>(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let key = key::<L>(&typed)?;
    let value = typed.exact(L::NEW_VALUE);
    let mut form = FormView::new(&[(L::NEW_VALUE, value.reveal())]);
    if form.check(L::NEW_VALUE, L::check(Some(&key), &value)).is_some() {
        let changed = ui.state.deployer.edit_items(&app, Edit::Change(key.clone(), value), &ui.actor()).await;
        form.check(L::NEW_VALUE, refused(changed)?);
    }
    if form.is_good() {
        return saved(&ui, &app, L::SECTION).await;
    }
    let mut whole = FormView::new(L::FIELDS);
    if !L::Key::stored(&app.config).iter().any(|(stored, _)| *stored == key) {
        // There is no row any more beside which the sentence could stand.
        whole = whole.with(L::KEY, key.to_string()).with(L::VALUE, form.value(L::NEW_VALUE));
        whole.reject(form.first_error());
    }
    wrong::<L>(&ui, &app, whole, Look { editing: Some((key, form)), ..Look::default() }).await
}

/// Deletes a value.
pub(in crate::web) async fn remove<L: SealedList>(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.edit_items(&app, Edit::Delete(key::<L>(&typed)?), &ui.actor()).await?;
    saved(&ui, &app, L::SECTION).await
}

/// Shows a value, or all, or none any more. A POST, so that no link and no history shows it.
pub(in crate::web) async fn reveal<L: SealedList>(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let show = typed.text("show");
    let revealed = ui.state.deployer.reveal_items(&app, |key: &L::Key| show == ALL || show == key.to_string()).await?;
    let look = Look { revealed: revealed.into_iter().collect(), ..Look::default() };
    shown::<L>(&ui, &app, FormView::new(L::FIELDS), look).await
}

/// The value that one of the rows is about.
fn key<L: SealedList>(typed: &Typed) -> Result<L::Key, Error> {
    typed.text(L::ROW).parse().map_err(|_| Error::BadRequest(L::WHICH.to_owned()))
}

//! What an app has of sealed values that each have a key: its variables by name, its files by path, its build secrets by id. An edit says
//! what is to become of some of them; a value that stays the same keeps its version, so that nothing counts as changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use super::{Error, Shared};
use crate::{
    audit, db,
    domain::{
        Invalid,
        app::App,
        app_config::AppConfig,
        audit::{Act, Action, Actor, Subject},
        ids::{AppId, SecretId},
        moment::Moment,
        secret::Secret,
    },
    vault,
};

/// In a sentence for the audit log so many keys are named.
const NAMED_MAX: usize = 20;

/// What finds a sealed value of one kind.
pub trait Key: Ord + Clone + Display + Send + Sync + 'static {
    /// What the audit log calls all values of this kind: `environment`.
    const RECORDED_AS: &'static str;
    /// The values of this kind that a configuration has, in its order.
    fn stored(config: &AppConfig) -> Vec<(Self, SecretId)>;
    /// Puts others in their place.
    fn store(config: &mut AppConfig, items: Vec<(Self, SecretId)>);
    /// Whether an app may have so many, with so many bytes of keys and values together.
    fn check_size(count: usize, bytes: usize) -> Result<(), Invalid>;
    /// Whether a configuration has a place for one more under this key.
    fn check_place(&self, _config: &AppConfig) -> Result<(), Invalid> {
        Ok(())
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Edit<K> {
    /// Adds one that is not there.
    Add(K, Secret),
    /// Gives one that is there another value.
    Change(K, Secret),
    /// Deletes one; one that is gone already is as the person wants it.
    Delete(K),
    /// Adds or changes these.
    Import {
        /// Each once.
        items: Vec<(K, Secret)>,
        /// Whether all others are deleted.
        alone: bool,
        /// Which of them were there when a person looked at what this deletes; none: nobody has looked yet.
        expected: Option<BTreeSet<String>>,
    },
}

/// What an edit does, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<K> {
    /// Not there before.
    pub added: Vec<K>,
    /// With another value than before.
    pub changed: Vec<K>,
    /// Among those that the edit names: with the value that it has already.
    pub unchanged: Vec<K>,
    /// Not there any more.
    pub removed: Vec<K>,
}

/// One of them, as a page shows it: sealed.
#[derive(Debug)]
pub struct Item<K> {
    /// Its name, path or id.
    pub key: K,
    /// The bytes of its value.
    pub bytes: usize,
    /// When it was set.
    pub set_at: Moment,
}

/// What is stored where an edit is done with.
enum Slot<'a> {
    Stays(SecretId),
    New(&'a Secret),
}

/// What an edit comes to.
struct Decision<'a, K> {
    difference: Difference<K>,
    slots: BTreeMap<K, Slot<'a>>,
}

impl<K> Difference<K> {
    /// How many are not as they were.
    pub fn changes(&self) -> usize {
        self.added.len() + self.changed.len() + self.removed.len()
    }
}

impl<K: Display> Difference<K> {
    /// `A, B set; C deleted`.
    fn said(&self) -> String {
        let set: Vec<&K> = self.added.iter().chain(&self.changed).collect();
        let removed: Vec<&K> = self.removed.iter().collect();
        let parts = [(set, "set"), (removed, "deleted")].into_iter().filter(|(keys, _)| !keys.is_empty());
        let said: Vec<String> = parts.map(|(keys, what)| format!("{} {what}", listed(&keys))).collect();
        if said.is_empty() { "nothing changed".to_owned() } else { said.join("; ") }
    }
}

fn listed<K: Display>(keys: &[&K]) -> String {
    let named: Vec<String> = keys.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match keys.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl<K: Key> Decision<'_, K> {
    /// Seals what is new, and puts all into the configuration.
    async fn store(self, shared: &Shared, tx: &mut db::Transaction, config: &mut AppConfig) -> Result<(), Error> {
        let mut kept = Vec::with_capacity(self.slots.len());
        for (key, slot) in self.slots {
            let id = match slot {
                Slot::Stays(id) => id,
                Slot::New(value) => shared.keep(tx, value).await?,
            };
            kept.push((key, id));
        }
        K::store(config, kept);
        Ok(())
    }
}

/// What an edit would do to an app as it is now.
pub(super) async fn preview<K: Key>(shared: &Shared, app: AppId, edit: &Edit<K>) -> Result<Difference<K>, Error> {
    let mut tx = shared.db.begin_reading().await?;
    let now = db::apps::get(&mut *tx, app).await?;
    Ok(decide(shared, &mut tx, &now, edit).await?.difference)
}

/// Does it.
pub(super) async fn edit<K: Key>(shared: &Shared, app: AppId, edit: &Edit<K>, by: &Actor) -> Result<Difference<K>, Error> {
    let mut tx = shared.db.begin().await?;
    let now = db::apps::get(&mut *tx, app).await?;
    let decision = decide(shared, &mut tx, &now, edit).await?;
    let difference = decision.difference.clone();
    let mut config = now.config.clone();
    decision.store(shared, &mut tx, &mut config).await?;
    db::apps::set_config(&mut tx, app, &config).await?;
    let detail = format!("{}: {}", K::RECORDED_AS, difference.said());
    audit::record(&mut tx, &Act::done(Action::AppUpdate, by, Subject::app(&now)).detail(detail)).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(difference)
}

async fn decide<'a, K: Key>(shared: &Shared, tx: &mut db::Transaction, now: &App, edit: &'a Edit<K>) -> Result<Decision<'a, K>, Error> {
    if let Edit::Add(key, _) = edit {
        key.check_place(&now.config).map_err(refused)?;
    }
    if let Edit::Import { items, .. } = edit {
        K::check_size(items.len(), 0).map_err(refused)?;
    }
    let stored: BTreeMap<K, SecretId> = K::stored(&now.config).into_iter().collect();
    let mut difference = Difference { added: Vec::new(), changed: Vec::new(), unchanged: Vec::new(), removed: gone(&stored, edit) };
    let mut slots: BTreeMap<K, Slot<'a>> = stored.iter().map(|(key, id)| (key.clone(), Slot::Stays(*id))).collect();
    check_expected(edit, &difference.removed)?;
    slots.retain(|key, _| !difference.removed.contains(key));
    for (key, value) in wanted(&stored, edit)? {
        match stored.get(key) {
            Some(id) if shared.open_within(tx, *id).await? == *value => {
                difference.unchanged.push(key.clone());
                continue;
            }
            Some(_) => difference.changed.push(key.clone()),
            None => difference.added.push(key.clone()),
        }
        slots.insert(key.clone(), Slot::New(value));
    }
    let kept = db::secrets::of_app(&mut **tx, now.id).await?;
    let bytes = |slot: &Slot<'_>| match slot {
        Slot::Stays(id) => kept.get(id).map_or(0, clear_bytes),
        Slot::New(value) => value.reveal().len(),
    };
    let bytes = slots.iter().map(|(key, slot)| key.to_string().len() + bytes(slot)).sum();
    K::check_size(slots.len(), bytes).map_err(refused)?;
    Ok(Decision { difference, slots })
}

fn refused(invalid: Invalid) -> Error {
    Error::Refused(invalid.0)
}

/// What is to have a value, and which.
fn wanted<'a, K: Ord + Display>(stored: &BTreeMap<K, SecretId>, edit: &'a Edit<K>) -> Result<Vec<(&'a K, &'a Secret)>, Error> {
    match edit {
        Edit::Add(key, _) if stored.contains_key(key) => {
            Err(Error::Refused(format!("{key} is set already. Edit it above, or delete it first.")))
        }
        Edit::Change(key, _) if !stored.contains_key(key) => {
            Err(Error::Refused(format!("{key} is not there any more. If it is still needed, add it anew.")))
        }
        Edit::Add(key, value) | Edit::Change(key, value) => Ok(vec![(key, value)]),
        Edit::Delete(_) => Ok(Vec::new()),
        Edit::Import { items, .. } => Ok(items.iter().map(|(key, value)| (key, value)).collect()),
    }
}

/// Whether an import deletes what the person has seen that it does, and nothing else.
fn check_expected<K: Display>(edit: &Edit<K>, removed: &[K]) -> Result<(), Error> {
    match edit {
        Edit::Import { expected: Some(expected), .. } if *expected != removed.iter().map(ToString::to_string).collect() => {
            Err(Error::Refused("They have changed since the preview. Preview it again: others would be deleted now.".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What is to be deleted and is there.
fn gone<K: Ord + Clone>(stored: &BTreeMap<K, SecretId>, edit: &Edit<K>) -> Vec<K> {
    match edit {
        Edit::Delete(key) if stored.contains_key(key) => vec![key.clone()],
        Edit::Import { items, alone: true, .. } => {
            let named: BTreeSet<&K> = items.iter().map(|(key, _)| key).collect();
            stored.keys().filter(|key| !named.contains(key)).cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn clear_bytes(kept: &db::secrets::Kept) -> usize {
    vault::clear_bytes(usize::try_from(kept.sealed_bytes).unwrap_or_default())
}

/// What an app has, as a page shows it.
pub(super) async fn items<K: Key>(shared: &Shared, app: &App) -> Result<Vec<Item<K>>, Error> {
    let kept = db::secrets::of_app(shared.db.read(), app.id).await?;
    let known = K::stored(&app.config).into_iter().filter_map(|(key, id)| Some((key, kept.get(&id)?)));
    Ok(known.map(|(key, kept)| Item { key, bytes: clear_bytes(kept), set_at: kept.created_at }).collect())
}

/// The values of those that are wanted, in clear.
pub(super) async fn reveal<K: Key>(shared: &Shared, app: AppId, wanted: impl Fn(&K) -> bool + Send) -> Result<Vec<(K, Secret)>, Error> {
    let mut tx = shared.db.begin_reading().await?;
    let app = db::apps::get(&mut *tx, app).await?;
    let mut revealed = Vec::new();
    for (key, id) in K::stored(&app.config).into_iter().filter(|(key, _)| wanted(key)) {
        revealed.push((key, shared.open_within(&mut tx, id).await?));
    }
    Ok(revealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_has_keys_and_never_more_of_them_than_can_be_read() {
        let names = |names: std::ops::Range<usize>| names.map(|n| format!("V{n}")).collect::<Vec<_>>();
        let difference = |added, changed, removed| Difference { added, changed, unchanged: names(0..3), removed };
        assert_eq!(difference(names(0..1), names(1..2), names(2..3)).said(), "V0, V1 set; V2 deleted");
        assert_eq!(difference(names(0..0), names(0..0), names(0..0)).said(), "nothing changed");
        let many = difference(names(0..200), names(0..0), names(0..0)).said();
        assert!(many.ends_with("V19 and 180 more set"), "{many}");
    }
}

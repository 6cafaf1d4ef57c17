//! What an app has of sealed values that each have a key: its variables by name, its files by path. An edit says what is to become of
//! some of them; a value that stays the same keeps its version, so that nothing counts as changed.

use std::{collections::BTreeMap, fmt::Display};

use super::{Error, Shared};
use crate::{
    db,
    domain::{
        app::App,
        ids::{AppId, SecretId},
        moment::Moment,
        secret::Secret,
    },
    vault,
};

/// In a sentence for the audit log so many keys are named.
const NAMED_MAX: usize = 20;

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
    /// Its name or path.
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
pub(super) struct Decision<'a, K> {
    pub(super) difference: Difference<K>,
    slots: BTreeMap<K, Slot<'a>>,
    /// Of all keys and values together.
    pub(super) bytes: usize,
}

impl<K> Difference<K> {
    /// How many are not as they were.
    pub fn changes(&self) -> usize {
        self.added.len() + self.changed.len() + self.removed.len()
    }
}

impl<K: Display> Difference<K> {
    /// `A, B set; C deleted`.
    pub(super) fn said(&self) -> String {
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

impl<K: Ord> Decision<'_, K> {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Seals what is new; returns all, by key.
    pub(super) async fn keep(self, shared: &Shared, tx: &mut db::Transaction) -> Result<Vec<(K, SecretId)>, Error> {
        let mut kept = Vec::with_capacity(self.slots.len());
        for (key, slot) in self.slots {
            let id = match slot {
                Slot::Stays(id) => id,
                Slot::New(value) => shared.keep(tx, value).await?,
            };
            kept.push((key, id));
        }
        Ok(kept)
    }
}

/// What an edit comes to where this is stored.
pub(super) async fn decide<'a, K: Ord + Clone + Display>(
    shared: &Shared,
    tx: &mut db::Transaction,
    app: AppId,
    stored: Vec<(K, SecretId)>,
    edit: &'a Edit<K>,
) -> Result<Decision<'a, K>, Error> {
    let stored: BTreeMap<K, SecretId> = stored.into_iter().collect();
    let mut difference = Difference { added: Vec::new(), changed: Vec::new(), unchanged: Vec::new(), removed: gone(&stored, edit) };
    let mut slots: BTreeMap<K, Slot<'a>> = stored.iter().map(|(key, id)| (key.clone(), Slot::Stays(*id))).collect();
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
    let kept = db::secrets::of_app(&mut **tx, app).await?;
    let bytes = |slot: &Slot<'_>| match slot {
        Slot::Stays(id) => kept.get(id).map_or(0, clear_bytes),
        Slot::New(value) => value.reveal().len(),
    };
    let bytes = slots.iter().map(|(key, slot)| key.to_string().len() + bytes(slot)).sum();
    Ok(Decision { difference, slots, bytes })
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

/// What is to be deleted and is there.
fn gone<K: Ord + Clone>(stored: &BTreeMap<K, SecretId>, edit: &Edit<K>) -> Vec<K> {
    match edit {
        Edit::Delete(key) if stored.contains_key(key) => vec![key.clone()],
        Edit::Import { items, alone: true } => stored.keys().filter(|key| items.iter().all(|(named, _)| named != *key)).cloned().collect(),
        _ => Vec::new(),
    }
}

fn clear_bytes(kept: &db::secrets::Kept) -> usize {
    vault::clear_bytes(usize::try_from(kept.sealed_bytes).unwrap_or_default())
}

/// These, as a page shows them.
pub(super) async fn items<K: Clone>(shared: &Shared, app: AppId, stored: &[(K, SecretId)]) -> Result<Vec<Item<K>>, Error> {
    let kept = db::secrets::of_app(shared.db.read(), app).await?;
    let known = stored.iter().filter_map(|(key, id)| Some((key, kept.get(id)?)));
    Ok(known.map(|(key, kept)| Item { key: key.clone(), bytes: clear_bytes(kept), set_at: kept.created_at }).collect())
}

/// The values of those that are wanted, in clear.
pub(super) async fn reveal<K>(
    shared: &Shared,
    app: AppId,
    stored: fn(&App) -> Vec<(K, SecretId)>,
    wanted: impl Fn(&K) -> bool + Send,
) -> Result<Vec<(K, Secret)>, Error> {
    let mut tx = shared.db.begin_reading().await?;
    let app = db::apps::get(&mut *tx, app).await?;
    let mut revealed = Vec::new();
    for (key, id) in stored(&app).into_iter().filter(|(key, _)| wanted(key)) {
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

//! What becomes of each image: decided from the images that the engine shows and what the database knows, and nothing else.

use std::collections::{HashMap, HashSet};

use crate::domain::{ids::AppId, image::BuiltImage};

/// What becomes of an image when a clean-up comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays: a deployment that is kept, or one that has not ended, has it.
    Needed,
    /// It stays: a container is made of it.
    InUse,
    /// It stays: its only names are somebody else's.
    Named,
    /// It stays until a person removes it: the database does not know the deployment that has built it, or it has none of our names and
    /// the database does not know it. Whatever is built on an image of ours has our labels, too.
    Unknown,
    /// It goes.
    Goes,
}

/// What the database knows of an app's images.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Those of deployments that are kept or have not ended.
    pub(super) needed: HashSet<String>,
    /// The deployments that have not ended: what carries their numbers is being made.
    pub(super) unfinished: HashSet<i64>,
    /// Of the numbers that matter, those of which there is a deployment.
    pub(super) numbers: HashSet<i64>,
    /// Those of deployments that have ended: an adopted one has another number than its image.
    pub(super) images: HashSet<String>,
}

/// What becomes of an image.
pub(super) fn fate(image: &BuiltImage, apps: &HashMap<AppId, Known>) -> Fate {
    let known = image.app.and_then(|app| apps.get(&app));
    let Some((known, number)) = known.zip(image.deployment) else { return Fate::Unknown };
    if known.needed.contains(&image.id) || known.unfinished.contains(&number) {
        Fate::Needed
    } else if !known.numbers.contains(&number) && !known.images.contains(&image.id) {
        Fate::Unknown
    } else if image.in_use {
        Fate::InUse
    } else if image.own_tags.is_empty() && !image.foreign_tags.is_empty() {
        Fate::Named
    } else if is_made_here(image, &known.images) {
        Fate::Goes
    } else {
        Fate::Unknown
    }
}

/// Whether we have made an image, as far as that can be seen, and not somebody else from one of ours. `known` are images that rows have.
pub(in crate::deploy) fn is_made_here(image: &BuiltImage, known: &HashSet<String>) -> bool {
    !image.own_tags.is_empty() || known.contains(&image.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_known_and_of_no_use_to_anybody_goes() {
        let app = AppId::new();
        let known = Known {
            needed: HashSet::from(["kept".to_owned()]),
            unfinished: HashSet::from([9]),
            numbers: HashSet::from([1, 3, 9, 16]),
            images: HashSet::from(["kept".to_owned(), "old".to_owned(), "adopted".to_owned()]),
        };
        let apps = HashMap::from([(app, known)]);
        let image = |id: &str, number| BuiltImage {
            id: id.to_owned(),
            app: Some(app),
            deployment: Some(number),
            bytes: 10,
            shared: None,
            own_tags: vec![format!("upaas/shop:{number}")],
            foreign_tags: Vec::new(),
            in_use: false,
        };
        let other = || vec!["mine:1".to_owned()];
        let table = [
            ("of a kept deployment", image("kept", 3), Fate::Needed),
            ("being made", image("new", 9), Fate::Needed),
            ("old", image("old", 3), Fate::Goes),
            ("old, with another name that is not ours", BuiltImage { foreign_tags: other(), ..image("old", 3) }, Fate::Goes),
            ("with that name only", BuiltImage { foreign_tags: other(), own_tags: Vec::new(), ..image("old", 3) }, Fate::Named),
            ("without any name", BuiltImage { own_tags: Vec::new(), ..image("old", 3) }, Fate::Goes),
            ("of a build that failed", image("left", 3), Fate::Goes),
            ("built by somebody else on one of ours", BuiltImage { own_tags: Vec::new(), ..image("theirs", 3) }, Fate::Unknown),
            ("built so and named", BuiltImage { foreign_tags: other(), own_tags: Vec::new(), ..image("theirs", 3) }, Fate::Named),
            ("with a container", BuiltImage { in_use: true, ..image("old", 3) }, Fate::InUse),
            ("of a deployment that is not in the database", image("later", 17), Fate::Unknown),
            ("of one that is not there, though later ones are", image("lost", 15), Fate::Unknown),
            ("of one that is not there and was adopted as another", image("adopted", 14), Fate::Goes),
            ("whose removal was noted before", image("noted", 1), Fate::Goes),
            ("of another app", BuiltImage { app: Some(AppId::new()), ..image("old", 3) }, Fate::Unknown),
            ("of no app", BuiltImage { app: None, ..image("old", 3) }, Fate::Unknown),
            ("without a number", BuiltImage { deployment: None, ..image("old", 3) }, Fate::Unknown),
        ];
        for (what, image, wanted) in table {
            assert_eq!(fate(&image, &apps), wanted, "{what}");
        }
    }
}

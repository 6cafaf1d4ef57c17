//! What a clean-up has removed, and what it could not.

use crate::{
    deploy::platform::Failure,
    domain::{app::App, image::BuiltImage, size::size},
};

/// So many images that could not be removed are named; of more it is said how many more.
const STUCK_NAMED: usize = 5;

#[derive(Default)]
pub(super) struct Removed {
    /// Of each app how many images.
    images: Vec<(String, usize)>,
    /// At most what they gave back.
    bytes: u64,
    /// How many configurations.
    pub(super) snapshots: usize,
    /// The images whose removal failed: `shop #3`.
    stuck: Vec<String>,
    /// Why the first of them did.
    why: Option<Failure>,
}

impl Removed {
    /// An image of this app is gone.
    pub(super) fn image(&mut self, app: &App, image: &BuiltImage) {
        match self.images.iter_mut().find(|(slug, _)| slug == app.slug.as_str()) {
            Some((_, count)) => *count += 1,
            None => self.images.push((app.slug.to_string(), 1)),
        }
        self.bytes += image.gives_back();
    }

    /// The removal of an image of this app has failed.
    pub(super) fn stuck(&mut self, app: &App, image: &BuiltImage, failure: Failure) {
        let number = image.deployment.map(|number| format!(" #{number}"));
        self.stuck.push(format!("{}{}", app.slug, number.unwrap_or_default()));
        self.why.get_or_insert(failure);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.bytes += other.bytes;
        self.snapshots += other.snapshots;
        self.stuck.extend(other.stuck);
        self.why = self.why.take().or(other.why);
    }

    pub(super) fn has_images(&self) -> bool {
        !self.images.is_empty()
    }

    /// `images: 3 of shop, 1 of blog went, up to 12 MB; 4 configurations went`.
    pub(super) fn said(&self) -> String {
        let images: Vec<String> = self.images.iter().map(|(app, count)| format!("{count} of {app}")).collect();
        let images = (!images.is_empty()).then(|| format!("images: {} went, up to {}", images.join(", "), size(self.bytes)));
        let snapshots = match self.snapshots {
            0 => None,
            1 => Some("1 configuration went".to_owned()),
            many => Some(format!("{many} configurations went")),
        };
        let said: Vec<String> = images.into_iter().chain(snapshots).collect();
        if said.is_empty() { "nothing was there to go".to_owned() } else { said.join("; ") }
    }

    /// The failure of the removals that failed, if any did.
    pub(super) fn failure(&mut self) -> Option<Failure> {
        let why = self.why.take()?;
        let mut named = self.stuck.iter().take(STUCK_NAMED).cloned().collect::<Vec<_>>().join(", ");
        if self.stuck.len() > STUCK_NAMED {
            named = format!("{named} and {} more", self.stuck.len() - STUCK_NAMED);
        }
        let sentence = format!("These images could not be removed, and the next clean-up tries again: {named}. {}", why.sentence);
        Some(Failure { sentence, ..why })
    }
}

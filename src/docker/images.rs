//! Our images: what they are, and their removal, which never takes what somebody else uses.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use bollard::{
    models::ImageSummary,
    query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions},
};

use super::{
    Engine, Error,
    containers::within,
    spec::{LABEL_APP, LABEL_DEPLOYMENT, LABEL_INSTANCE, LABEL_SLUG, Owner},
};
use crate::domain::image::{BuiltImage, Removal};

/// How long the engine may take to list our images.
const LIST_DEADLINE: Duration = Duration::from_secs(60);
/// How long the engine may take to list its containers, or to show one image.
const LOOK_DEADLINE: Duration = Duration::from_secs(10);
/// How long the engine may take to remove an image.
const REMOVE_DEADLINE: Duration = Duration::from_secs(60);
/// What the engine says of an image without a name.
const NO_NAME: &str = "<none>:<none>";

impl Engine {
    /// The images of this installation. What each shares with others is left out.
    pub async fn images(&self) -> Result<Vec<BuiltImage>, Error> {
        self.our_images(false).await
    }

    /// The images of this installation, with what each shares with others: the engine looks at every layer of all images for it.
    pub async fn measured_images(&self) -> Result<Vec<BuiltImage>, Error> {
        self.our_images(true).await
    }

    async fn our_images(&self, measured: bool) -> Result<Vec<BuiltImage>, Error> {
        let listed = self.labelled_images(vec![format!("{LABEL_INSTANCE}={}", self.instance)], measured).await?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let in_use = self.images_in_use().await?;
        Ok(listed.into_iter().map(|seen| self.built(seen, &in_use)).collect())
    }

    /// Removes an image of ours, our names first. Never forced: it stays when a container is made of it, when another image is built on it,
    /// and when somebody else has given it a name.
    pub async fn remove_image(&self, image: &BuiltImage) -> Result<Removal, Error> {
        for name in &image.own_tags {
            // A name may have moved to another image since it was listed.
            if self.names_of(name).await?.is_some_and(|(id, _)| id == image.id) && !self.remove_unforced(name).await? {
                return Ok(Removal::Stays);
            }
        }
        match self.names_of(&image.id).await? {
            None => Ok(Removal::Gone),
            Some((_, names)) if !names.is_empty() => Ok(Removal::Stays),
            Some(_) => Ok(if self.remove_unforced(&image.id).await? { Removal::Gone } else { Removal::Stays }),
        }
    }

    /// Removes the images that a deployment of ours left, found by label and name: what somebody else has built on them has the labels, too.
    pub async fn remove_images_of(&self, owner: &Owner) -> Result<(), Error> {
        let labels = vec![
            format!("{LABEL_INSTANCE}={}", owner.instance),
            format!("{}={}", LABEL_APP, owner.app),
            format!("{LABEL_DEPLOYMENT}={}", owner.deployment),
        ];
        let seen = self.labelled_images(labels, false).await?;
        let images = seen.into_iter().map(|seen| self.built(seen, &HashSet::new()));
        for image in images.filter(|image| !image.own_tags.is_empty()) {
            self.remove_image(&image).await?;
        }
        Ok(())
    }

    /// Whether there is an image with this id.
    pub async fn has_image(&self, image: &str) -> Result<bool, Error> {
        Ok(self.names_of(image).await?.is_some())
    }

    async fn labelled_images(&self, labels: Vec<String>, measured: bool) -> Result<Vec<ImageSummary>, Error> {
        let options = ListImagesOptionsBuilder::new().shared_size(measured).filters(&HashMap::from([("label", labels)])).build();
        within(LIST_DEADLINE, "images", self.client()?.list_images(Some(options))).await
    }

    /// Of every container of the engine, its image.
    async fn images_in_use(&self) -> Result<HashSet<String>, Error> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let containers = within(LOOK_DEADLINE, "containers", self.client()?.list_containers(Some(options))).await?;
        Ok(containers.into_iter().filter_map(|container| container.image_id).collect())
    }

    fn built(&self, seen: ImageSummary, in_use: &HashSet<String>) -> BuiltImage {
        let label = |name: &str| seen.labels.get(name);
        let deployment = label(LABEL_DEPLOYMENT).and_then(|number| number.parse().ok());
        let app = label(LABEL_APP).and_then(|id| id.parse().ok());
        let slug = label(LABEL_SLUG).and_then(|slug| slug.parse().ok());
        let names = match (app, slug, deployment) {
            (Some(app), Some(slug), Some(deployment)) => Owner { instance: self.instance, app, slug, deployment }.image_names().to_vec(),
            _ => Vec::new(),
        };
        let tags = seen.repo_tags.into_iter().filter(|tag| tag != NO_NAME);
        let (own_tags, foreign_tags) = tags.partition(|tag| names.contains(tag));
        BuiltImage {
            in_use: in_use.contains(&seen.id),
            id: seen.id,
            app,
            deployment,
            bytes: u64::try_from(seen.size).unwrap_or(0),
            // Of what it has not counted the engine says -1.
            shared: u64::try_from(seen.shared_size).ok(),
            own_tags,
            foreign_tags,
        }
    }

    /// The id and the names of what this names; none when there is no such image.
    async fn names_of(&self, image: &str) -> Result<Option<(String, Vec<String>)>, Error> {
        match within(LOOK_DEADLINE, "inspect image", self.client()?.inspect_image(image)).await {
            Ok(seen) => {
                let names = seen.repo_tags.unwrap_or_default().into_iter().filter(|tag| tag != NO_NAME).collect();
                Ok(Some((seen.id.unwrap_or_default(), names)))
            }
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Removes a name, or an image by its id. False when the engine refuses, because it is used; what is gone already is fine.
    async fn remove_unforced(&self, image: &str) -> Result<bool, Error> {
        let client = self.client()?;
        match within(REMOVE_DEADLINE, "image removal", client.remove_image(image, None::<RemoveImageOptions>, None)).await {
            Err(Error::Refused { status: 409, message }) => {
                tracing::debug!(image, message, "an image stays: it is used");
                Ok(false)
            }
            Err(err) if !err.is_not_found() => Err(err),
            _ => Ok(true),
        }
    }
}

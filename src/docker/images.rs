//! Our images: how much space they take, and their removal.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use tokio::time::timeout;

use super::{
    Engine, Error,
    spec::{LABEL_APP, LABEL_DEPLOYMENT, LABEL_INSTANCE, Owner},
};

/// How long the engine may take to list our images.
const LIST_DEADLINE: Duration = Duration::from_secs(10);
/// How long the engine may take to remove an image.
const REMOVE_DEADLINE: Duration = Duration::from_secs(60);

impl Engine {
    /// The bytes of all images of this installation. Layers that they share are counted for each of them.
    pub async fn images_size(&self) -> Result<u64, Error> {
        let label = format!("{LABEL_INSTANCE}={}", self.instance);
        let options = ListImagesOptionsBuilder::new().filters(&HashMap::from([("label", vec![label])])).build();
        let client = self.client()?;
        let images = timeout(LIST_DEADLINE, client.list_images(Some(options))).await.map_err(|_| Error::TimedOut("images"))??;
        Ok(images.iter().filter_map(|image| u64::try_from(image.size).ok()).sum())
    }

    /// Removes an image of ours by id; an image that is gone already is fine.
    pub async fn remove_image(&self, image: &str) -> Result<(), Error> {
        let client = self.client()?;
        let removal = client.remove_image(image, Some(RemoveImageOptionsBuilder::new().force(true).build()), None);
        match timeout(REMOVE_DEADLINE, removal).await.map_err(|_| Error::TimedOut("image removal"))?.map_err(Error::from) {
            Err(err) if !err.is_not_found() => Err(err),
            _ => Ok(()),
        }
    }

    /// Removes the images that a deployment of ours left, found by label.
    pub async fn remove_images_of(&self, owner: &Owner) -> Result<(), Error> {
        let labels = vec![
            format!("{LABEL_INSTANCE}={}", owner.instance),
            format!("{}={}", LABEL_APP, owner.app),
            format!("{LABEL_DEPLOYMENT}={}", owner.deployment),
        ];
        let options = ListImagesOptionsBuilder::new().filters(&HashMap::from([("label", labels)])).build();
        for image in self.client()?.list_images(Some(options)).await? {
            self.remove_image(&image.id).await?;
        }
        Ok(())
    }
}

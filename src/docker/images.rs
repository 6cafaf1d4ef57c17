//! How much space images take.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::ListImagesOptionsBuilder;
use tokio::time::timeout;

use super::{Engine, Error, spec::LABEL_INSTANCE};

/// How long the engine may take to list our images.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

impl Engine {
    /// The bytes of all images of this installation. Layers that they share are counted for each of them.
    pub async fn images_size(&self) -> Result<u64, Error> {
        let label = format!("{LABEL_INSTANCE}={}", self.instance);
        let options = ListImagesOptionsBuilder::new().filters(&HashMap::from([("label", vec![label])])).build();
        let client = self.client()?;
        let images = timeout(LIST_DEADLINE, client.list_images(Some(options))).await.map_err(|_| Error::TimedOut("images"))??;
        Ok(images.iter().filter_map(|image| u64::try_from(image.size).ok()).sum())
    }
}

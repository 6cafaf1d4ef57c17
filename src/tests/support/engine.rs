//! The real engine, seen from outside µPaaS: what is there, and taking away what a test left, also when it failed.

use std::collections::HashMap;

use bollard::{
    Docker,
    models::ContainerSummary,
    query_parameters::{
        ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
        RemoveImageOptionsBuilder,
    },
};

/// A static shell and web server, carried into the images of tests: no registry is needed.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// `FROM scratch` with busybox in it; `more` follows.
pub(crate) fn dockerfile(more: &str) -> String {
    format!("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\n{more}\n")
}

pub(crate) fn client() -> Docker {
    Docker::connect_with_unix("/var/run/docker.sock", 60, bollard::API_DEFAULT_VERSION).unwrap()
}

/// Everything of one installation; taken away when dropped.
pub(crate) struct Leftovers {
    label: String,
}

impl Leftovers {
    pub(crate) fn of(instance: &str) -> Self {
        Self { label: format!("upaas.instance={instance}") }
    }

    fn filters(&self) -> HashMap<&str, Vec<&str>> {
        HashMap::from([("label", vec![self.label.as_str()])])
    }

    pub(crate) async fn containers(&self) -> Vec<ContainerSummary> {
        client().list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&self.filters()).build())).await.unwrap()
    }

    pub(crate) async fn images(&self) -> Vec<String> {
        let images = client().list_images(Some(ListImagesOptionsBuilder::new().filters(&self.filters()).build())).await.unwrap();
        images.into_iter().map(|image| image.id).collect()
    }

    async fn remove(&self) {
        for container in self.containers().await {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let _ = client().remove_container(&container.id.unwrap(), Some(options)).await;
        }
        // Twice: an image that another one is built on goes after that one only.
        for image in [self.images().await, self.images().await].concat() {
            let _ = client().remove_image(&image, Some(RemoveImageOptionsBuilder::new().force(true).build()), None).await;
        }
        let networks = client().list_networks(Some(ListNetworksOptionsBuilder::new().filters(&self.filters()).build())).await;
        for network in networks.unwrap_or_default() {
            let _ = client().remove_network(&network.id.unwrap()).await;
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(self.remove());
            });
        });
    }
}

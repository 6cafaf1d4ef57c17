//! The real engine, seen from outside µPaaS: what is there, and taking away what a test left, also when it failed.

use std::collections::HashMap;

use bollard::{
    Docker,
    config::ExecConfig,
    exec::StartExecResults,
    models::{ContainerInspectResponse, ContainerSummary, NetworkCreateRequest, Volume, VolumeCreateRequest},
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
        ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptions,
    },
};
use futures_util::StreamExt;

/// A static shell and web server, carried into the images of tests: no registry is needed.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// `FROM scratch` with busybox in it; `more` follows.
pub(crate) fn dockerfile(more: &str) -> String {
    format!("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\n{more}\n")
}

/// A server that says which version it is by its variable `VERSION`, that the engine knows to be healthy, and that finishes what it has begun when it is to stop.
pub(crate) const GRACEFUL: &str = r#"RUN mkdir /www
HEALTHCHECK --interval=200ms --timeout=5s --retries=50 CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
CMD ["sh", "-c", "echo $VERSION >/www/index.html; httpd -f -p 80 -h /www & trap 'kill $!; sleep 0.3; exit 0' TERM; wait"]"#;

pub(crate) fn client() -> Docker {
    Docker::connect_with_unix("/var/run/docker.sock", 60, bollard::API_DEFAULT_VERSION).unwrap()
}

/// Runs a program in a container; what it printed, and its exit code.
pub(crate) async fn run_in(container: &str, program: &[&str]) -> (String, i64) {
    let words = program.iter().map(|word| (*word).to_owned()).collect();
    let config = ExecConfig { cmd: Some(words), attach_stdout: Some(true), attach_stderr: Some(true), ..ExecConfig::default() };
    let docker = client();
    let exec = docker.create_exec(container, config).await.unwrap().id;
    let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec, None).await.unwrap() else { panic!("it is attached") };
    let mut printed = String::new();
    while let Some(piece) = output.next().await {
        printed.push_str(&String::from_utf8_lossy(&piece.unwrap().into_bytes()));
    }
    (printed, docker.inspect_exec(&exec).await.unwrap().exit_code.unwrap())
}

pub(crate) async fn inspect(container: &str) -> ContainerInspectResponse {
    client().inspect_container(container, None::<InspectContainerOptions>).await.unwrap()
}

/// Everything of one installation; taken away when dropped.
pub(crate) struct Leftovers {
    label: String,
}

impl Leftovers {
    pub(crate) fn of(instance: &str) -> Self {
        Self { label: format!("upaas.instance={instance}") }
    }

    /// Makes a network that goes with the rest.
    pub(crate) async fn make_network(&self, name: &str) {
        let (label, value) = self.label.split_once('=').unwrap();
        let labels = Some(HashMap::from([(label.to_owned(), value.to_owned())]));
        client().create_network(NetworkCreateRequest { name: name.to_owned(), labels, ..NetworkCreateRequest::default() }).await.unwrap();
    }

    /// Makes a volume that goes with the rest, with these options of the driver.
    pub(crate) async fn make_volume(&self, name: &str, options: &[(&str, &str)]) -> Volume {
        let (label, value) = self.label.split_once('=').unwrap();
        let wanted = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(HashMap::from([(label.to_owned(), value.to_owned())])),
            driver_opts: Some(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()),
            ..VolumeCreateRequest::default()
        };
        client().create_volume(wanted).await.unwrap()
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

    pub(crate) async fn volumes(&self) -> Vec<Volume> {
        let options = ListVolumesOptionsBuilder::new().filters(&self.filters()).build();
        client().list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default()
    }

    async fn networks(&self) -> Vec<String> {
        let networks = client().list_networks(Some(ListNetworksOptionsBuilder::new().filters(&self.filters()).build())).await.unwrap();
        networks.into_iter().filter_map(|network| network.id).collect()
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
        for volume in self.volumes().await {
            let _ = client().remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
        }
        for network in self.networks().await {
            let _ = client().remove_network(&network).await;
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

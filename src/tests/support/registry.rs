//! A real private registry that wants a login. It listens on loopback, where an engine speaks plain HTTP.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use bollard::{
    auth::DockerCredentials,
    query_parameters::{PushImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder},
};
use futures_util::TryStreamExt;
use tempfile::TempDir;
use upaas::{docker::RegistryLogin, domain::secret::Secret};

use super::{engine::client, eventually, ports::free_port};

const USER: &str = "reader";
/// With letters that base64 writes with its two signs, wherever they fall.
const PASSWORD: &str = "p~~~???>>>w";

/// Who pushes, and the password: bare bollard writes the signs of the other one so that the engine cannot read them.
const PUSHER: &str = "pusher";

pub(crate) struct Registry {
    /// Its configuration, its images and its log.
    folder: TempDir,
    process: Child,
    address: SocketAddr,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        Self::with_user(USER, PASSWORD).await
    }

    /// With somebody else who may read.
    pub(crate) async fn with_user(user: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = [account(user, password), account(PUSHER, PUSHER)].concat();
        fs::write(folder.path().join("users"), users).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let at = folder.path().display();
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {at}/images\nhttp:\n  addr: {address}\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {at}/users\n"
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.path().join("config.yml"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let registry = Self { folder, process, address };
        eventually("the registry to listen", async || {
            tokio::net::TcpStream::connect(address).await.map(drop).map_err(|err| format!("{err}: {}", registry.log()))
        })
        .await;
        registry
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `127.0.0.1:5000`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// An image's name in this registry.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}:latest", self.address)
    }

    pub(crate) fn login(&self) -> RegistryLogin {
        RegistryLogin { host: self.host(), username: USER.to_owned(), password: Secret::new(PASSWORD) }
    }

    pub(crate) fn wrong_login(&self) -> RegistryLogin {
        RegistryLogin { password: Secret::new("wrong"), ..self.login() }
    }

    /// Pushes an image of the engine under a name; the engine forgets that name.
    pub(crate) async fn take(&self, image: &str, name: &str) {
        let repository = format!("{}/{name}", self.address);
        let tag = TagImageOptionsBuilder::new().repo(&repository).tag("latest").build();
        client().tag_image(image, Some(tag)).await.unwrap();
        let login =
            DockerCredentials { username: Some(PUSHER.to_owned()), password: Some(PUSHER.to_owned()), ..DockerCredentials::default() };
        let push = client().push_image(&repository, Some(PushImageOptionsBuilder::new().tag("latest").build()), Some(login));
        let pushed = push.try_collect::<Vec<_>>().await;
        forget(&self.image(name)).await;
        let pushed = pushed.unwrap_or_else(|err| panic!("{err}: {}", self.log()));
        assert!(pushed.iter().all(|info| info.error_detail.is_none()), "{pushed:?}");
    }
}

/// A line of the file of users.
fn account(user: &str, password: &str) -> Vec<u8> {
    let line = Command::new("htpasswd").args(["-Bbn", user, password]).output().unwrap();
    assert!(line.status.success(), "{line:?}");
    line.stdout
}

/// Takes a name from the engine, and the image with it when nothing else holds that.
pub(crate) async fn forget(image: &str) {
    let _ = client().remove_image(image, Some(RemoveImageOptionsBuilder::new().build()), None).await;
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

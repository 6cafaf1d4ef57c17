//! The same image, switched as one does by hand.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::process::Command;

use crate::world::free_port;

/// Its containers have the labels of the image: they go with the world.
pub(crate) struct ByHand {
    image: String,
    pub(crate) address: SocketAddr,
    made: AtomicUsize,
}

impl ByHand {
    /// A container of this image, on a port of its own.
    pub(crate) async fn of(image: &str) -> Self {
        let it = Self { image: image.to_owned(), address: ([127, 0, 0, 1], free_port()).into(), made: AtomicUsize::new(0) };
        it.run(0).await;
        it
    }

    /// `docker stop && docker run`.
    pub(crate) async fn replace(&self) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        docker(&["stop", &self.name(number)]).await;
        self.run(number + 1).await;
        docker(&["rm", &self.name(number)]).await;
    }

    async fn run(&self, number: usize) {
        let publish = format!("{}:80", self.address);
        docker(&["run", "--detach", "--name", &self.name(number), "--publish", &publish, "--env", "VERSION=hand", &self.image]).await;
    }

    fn name(&self, number: usize) -> String {
        format!("upaas-bench-{}-{number}", self.address.port())
    }
}

async fn docker(arguments: &[&str]) {
    let done = Command::new("docker").args(arguments).output().await.unwrap();
    assert!(done.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

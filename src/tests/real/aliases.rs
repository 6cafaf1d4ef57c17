//! Who asks a network for the app by its alias gets versions that are healthy, and no others.

use std::{slice::from_ref, time::Duration};

use bollard::{
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateContainerOptions, InspectContainerOptions, StartContainerOptions},
};
use upaas::{
    deploy::Limits,
    domain::{
        app_config::network::NetworkUse,
        port::{HostPort, Port},
    },
};

use super::world::{SERVE, World, limits};
use crate::support::{
    engine::{client, dockerfile, run_in},
    eventually,
    proxy::{Mode, Proxy},
    server::Server,
};

/// Healthy from when this file is there. The engine looks every second.
const READY: &str = "/ready";

/// A version that says this, and that becomes healthy by itself or when it is told to.
fn version(by_itself: bool) -> String {
    let check = format!("HEALTHCHECK --interval=1s --timeout=5s --retries=100 CMD [\"test\", \"-e\", \"{READY}\"]");
    let begin = if by_itself { format!("RUN touch {READY}\n") } else { String::new() };
    dockerfile(&format!("{begin}{check}\n{SERVE}"))
}

struct Aliased {
    world: World,
    network: String,
    resolver: String,
}

impl Aliased {
    /// The app is live, with the alias `shop` in a network of its own, its only one, and with an automatic port; another container is there.
    async fn new(mut world: World) -> Self {
        let network = format!("upaas-test-alias-{}", &world.server.instance().await[..8]);
        world.left.make_network(&network).await;
        world.repository.push("main", &[("Dockerfile", &version(true))]);
        let networks = vec![NetworkUse { name: network.parse().unwrap(), alias: Some("shop".parse().unwrap()) }];
        let port = Port { host_port: HostPort::Auto, ..world.server.config_of_shop().await.run.ports[0] };
        world.server.configure("shop", |config| (config.run.networks, config.run.ports) = (networks, vec![port])).await;
        world.deploy("Success").await;
        let resolver = resolver(&world, &network).await;
        Self { world, network, resolver }
    }

    /// The addresses that the alias stands for, asked in the network; sorted.
    async fn addresses(&self) -> Vec<String> {
        // busybox's `nslookup` asks by itself: what else in it resolves names does not survive several addresses.
        let (said, _) = run_in(&self.resolver, &["nslookup", "shop", "127.0.0.11"]).await;
        let mut addresses: Vec<String> = said.lines().filter_map(|line| Some(line.strip_prefix("Address: ")?.trim().to_owned())).collect();
        addresses.sort_unstable();
        addresses
    }

    /// The container of a deployment that runs, and its address.
    async fn container(&self, number: i64) -> (String, String) {
        eventually("the container to run", async || {
            for container in self.world.left.containers().await {
                let id = container.id.unwrap();
                // The one that asks has the labels of its image, but for the app's.
                let labels = container.labels.unwrap();
                let of_number = labels["upaas.deployment"] == number.to_string() && !labels["upaas.app"].is_empty();
                if of_number && let Some(address) = self.address_of(&id).await {
                    return Ok((id, address));
                }
            }
            Err(format!("no container of #{number} runs"))
        })
        .await
    }

    async fn address_of(&self, container: &str) -> Option<String> {
        let seen = client().inspect_container(container, None::<InspectContainerOptions>).await.ok()?;
        let networks = seen.network_settings?.networks?;
        networks.get(&self.network)?.ip_address.clone().filter(|it| !it.is_empty())
    }

    async fn resolves_to(&self, mut expected: Vec<String>) {
        expected.sort_unstable();
        eventually(&format!("the alias to stand for {expected:?}"), async || {
            let seen = self.addresses().await;
            if seen == expected { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
    }
}

/// A container in this network that only asks. It carries the label by which tests clean up.
async fn resolver(world: &World, network: &str) -> String {
    let (image, instance) = (world.left.images().await.remove(0), world.server.instance().await);
    let labels = [("upaas.instance".to_owned(), instance), ("upaas.app".to_owned(), String::new())];
    let body = ContainerCreateBody {
        image: Some(image),
        cmd: Some(["sleep", "3600"].map(str::to_owned).into()),
        labels: Some(labels.into()),
        host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let id = client().create_container(None::<CreateContainerOptions>, body).await.unwrap().id;
    client().start_container(&id, None::<StartContainerOptions>).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_leads_to_the_old_version_until_the_new_one_is_healthy_and_then_to_both() {
    let world = World::with_shop_and(Some("auto"), Limits { drain: Duration::from_secs(12), ..limits() }).await;
    let mut shop = Aliased::new(world).await;
    let (_, old) = shop.container(1).await;
    assert_eq!(shop.addresses().await, from_ref(&old), "the first version has its alias at once");

    shop.world.repository.push("main", &[("Dockerfile", &version(false)), ("index.html", "second")]);
    let path = shop.world.server.deploy("shop").await;
    let (_, unready) = shop.container(2).await;
    for _ in 0..5 {
        assert_eq!(shop.addresses().await, from_ref(&old), "nobody is led to {unready}, which is not healthy");
    }
    eventually("the alias to stand for both", async || {
        // Each time: under load the engine may be believed gone, and then the deployment begins anew.
        let (container, new) = shop.container(2).await;
        run_in(&container, &["touch", READY]).await;
        let seen = shop.addresses().await;
        let both = seen.len() == 2 && seen.contains(&new) && seen.contains(&old);
        if both { Ok(()) } else { Err(format!("{seen:?}: {}", shop.world.server.browser.get(&path).await.text("#journal"))) }
    })
    .await;
    let page = shop.world.server.wait_for(&path, &["Success"]).await;
    let (_, new) = shop.container(2).await;
    shop.resolves_to(vec![new]).await;
    let journal = page.text("#journal");
    let said = format!("The new container rejoins {} and answers to the alias shop there from now on", shop.network);
    assert!(journal.contains(&said), "{journal}");
    // The only network of a container with an automatic port: it has another one since it has rejoined.
    let port = journal.split_once("Live on 127.0.0.1:").unwrap().1.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    assert_eq!(shop.world.answer_on(port).await, "second");
}

/// A second version that has left its network to rejoin it with its alias, and may not; and its deployment's path.
async fn held_at_the_rejoining(shop: &mut Aliased, proxy: &Proxy) -> String {
    proxy.set(Mode::Hold("/connect"));
    let path = shop.world.server.deploy("shop").await;
    proxy.has_caught_one().await;
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_while_the_new_version_is_out_of_its_network_leaves_the_old_one_as_it_was() {
    let proxy = Proxy::start(Mode::Pass);
    let mut shop = Aliased::new(World::with_shop_on(Some("auto"), limits(), Some(proxy.address())).await).await;
    let (_, old) = shop.container(1).await;
    let path = held_at_the_rejoining(&mut shop, &proxy).await;
    shop.world.server.browser.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    shop.world.server.wait_for(&path, &["Cancelled"]).await;
    assert_eq!(shop.addresses().await, [old]);
    assert_eq!(shop.world.left.containers().await.len(), 2, "the live one and the one that asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_new_version_is_out_of_its_network_is_no_harm() {
    let proxy = Proxy::start(Mode::Pass);
    let server = Server::binary(Some(proxy.address())).await;
    let mut shop = Aliased::new(World::on(server, Some("auto")).await).await;
    let (_, old) = shop.container(1).await;
    let path = held_at_the_rejoining(&mut shop, &proxy).await;
    shop.world.server.kill();
    assert_eq!(shop.addresses().await, [old], "the old version is as it was");
    proxy.set(Mode::Pass);
    shop.world.server.start_binary().await;
    let page = shop.world.server.wait_for(&path, &["Success"]).await;
    assert!(page.text(".summary").contains("attempt 2"), "{}", page.text(".summary"));
    let (_, new) = shop.container(2).await;
    shop.resolves_to(vec![new]).await;
}

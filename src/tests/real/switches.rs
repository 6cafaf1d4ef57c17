//! Switches behind a reverse proxy lose nothing: no request fails, whichever version gets it.

use std::time::Duration;

use upaas::{
    deploy::Limits,
    domain::{
        app_config::{AppConfig, env::EnvVar, label::parse_labels},
        port::HostPort,
    },
};

use super::world::{World, limits};
use crate::support::{
    balancer::{Balancer, LABEL},
    clients::Clients,
    engine::{GRACEFUL, dockerfile},
};

const SWITCHES: usize = 20;
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_switches_behind_a_proxy_lose_no_request_and_each_version_serves() {
    let mut world = World::with_shop_and(Some("auto"), Limits { drain: Duration::from_secs(1), ..limits() }).await;
    let instance = world.server.instance().await;
    world.repository.push("main", &[("Dockerfile", &dockerfile(GRACEFUL))]);
    let set = async |world: &World, version: usize| {
        let label = parse_labels(&format!("{LABEL}={instance}")).unwrap();
        let env = vec![EnvVar { name: "VERSION".parse().unwrap(), value: world.server.seal(&format!("v{version}")).await }];
        let without_port = |config: &mut AppConfig| {
            config.run.ports[0].host_port = HostPort::None;
            (config.run.labels, config.run.env) = (label, env);
        };
        world.server.configure("shop", without_port).await;
    };
    set(&world, 0).await;
    world.deploy("Success").await;
    let balancer = Balancer::before(&instance).await;
    balancer.knows_one().await;
    let clients = Clients::of(balancer.address, CLIENTS);
    for version in 1..=SWITCHES {
        set(&world, version).await;
        let path = world.server.browser.post("/apps/shop/apply", &[]).await.expect(303).location().to_owned();
        let page = world.server.wait_for(&path, &["Success", "Failed"]).await;
        assert!(page.text(".facts").contains("overlap: no gap"), "{}", page.text("#journal"));
    }
    let got = clients.stop().await;
    assert!(got.lost.is_empty(), "{} lost: {:?}", got.lost.len(), got.lost.first());
    let served: Vec<String> = (0..=SWITCHES).map(|version| format!("v{version}")).filter(|it| got.texts.contains_key(it)).collect();
    assert_eq!(served.len(), SWITCHES + 1, "each version served: {:?}", got.texts);
    let requests: usize = got.texts.values().sum();
    assert!(requests > 500, "{requests} requests");
}

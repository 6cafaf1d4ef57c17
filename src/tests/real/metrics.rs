//! What a real engine says of containers and images, and what becomes of that when it hangs.

use std::time::Instant;

use super::world::{World, limits};
use crate::metrics::SLOWEST;
use crate::support::{
    eventually,
    proxy::{Mode, Proxy},
    scrape::Scrape,
};

const CPU: &str = "upaas_container_cpu_seconds_total{app=\"shop\"}";
const MEMORY: &str = "upaas_container_memory_bytes{app=\"shop\"}";
const IMAGES: &str = "upaas_disk_used_bytes{part=\"images\"}";

/// Scrapes until what is asked of the engine is there.
async fn measured(world: &World) -> Scrape {
    eventually("the container and the images to be measured", async || {
        let scrape = Scrape::of(&world.server).await;
        if scrape.get(CPU).is_some() && scrape.get(IMAGES).is_some() { Ok(scrape) } else { Err(scrape.text) }
    })
    .await
}

#[tokio::test]
async fn a_container_s_numbers_are_plausible() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let scrape = measured(&world).await;
    let (cpu, memory) = (scrape.get(CPU).unwrap(), scrape.get(MEMORY).unwrap());
    assert!(cpu > 0.0 && cpu < 60.0, "{cpu} s");
    assert!((10_000.0..200_000_000.0).contains(&memory), "{memory} bytes for a busybox");
    assert_eq!(scrape.get("upaas_container_healthy{app=\"shop\"}"), Some(1.0));
    let images = scrape.get(IMAGES).unwrap();
    assert!((100_000.0..500_000_000.0).contains(&images), "{images} bytes for a busybox");
    for part in ["journals", "mirrors", "database"] {
        assert!(scrape.get(&format!("upaas_disk_used_bytes{{part=\"{part}\"}}")).unwrap() > 0.0, "{part}");
    }
    world.server.browser.post("/apps/shop/stop", &[]).await.expect(303);
    eventually("nothing to be said of a stopped container", async || {
        let scrape = Scrape::of(&world.server).await;
        if scrape.has_any("upaas_container_") { Err(scrape.text) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_frozen_engine_does_not_freeze_the_metrics() {
    let proxy = Proxy::start(Mode::Pass);
    let mut world = World::with_shop_on(None, limits(), Some(proxy.address())).await;
    world.deploy("Success").await;
    measured(&world).await;
    proxy.set(Mode::Frozen);
    eventually("the metrics to say so", async || {
        let began = Instant::now();
        let scrape = Scrape::of(&world.server).await;
        assert!(began.elapsed() < SLOWEST, "{:?}", began.elapsed());
        if scrape.get("upaas_engine_up") == Some(0.0) { Ok(()) } else { Err(scrape.text) }
    })
    .await;
    let scrape = Scrape::of(&world.server).await;
    assert!(!scrape.has_any("upaas_container_"), "{scrape:?}");
    assert_eq!(scrape.get("upaas_deployments_in_flight{app=\"shop\"}"), Some(0.0));
    proxy.set(Mode::Pass);
    Scrape::until(&world.server, "upaas_container_healthy{app=\"shop\"}", 1.0).await;
}

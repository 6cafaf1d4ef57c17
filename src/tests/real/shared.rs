//! What an app shares with the rest of the engine's host: ports and networks.

use std::{collections::HashMap, net::TcpListener};

use bollard::{
    models::{ContainerCreateBody, HostConfig, PortBinding},
    query_parameters::{CreateContainerOptionsBuilder, InspectNetworkOptions, StartContainerOptions},
};

use super::world::World;
use crate::support::{engine::client, ports::free_port};

/// Starts a container that no µPaaS has made and that holds this port; returns its name. It carries the label by which tests clean up.
async fn strange_container(world: &mut World, port: u16) -> String {
    let (image, instance) = (world.left.images().await.remove(0), world.server.instance().await);
    let name = format!("stranger-{port}");
    let binding = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(port.to_string()) };
    let body = ContainerCreateBody {
        image: Some(image),
        // Those of the image would make it an app's.
        labels: Some(HashMap::from([("upaas.instance".to_owned(), instance), ("upaas.app".to_owned(), String::new())])),
        exposed_ports: Some(vec!["80/tcp".to_owned()]),
        host_config: Some(HostConfig {
            port_bindings: Some(HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    client().create_container(Some(CreateContainerOptionsBuilder::new().name(&name).build()), body).await.unwrap();
    client().start_container(&name, None::<StartContainerOptions>).await.unwrap();
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_port_is_named_when_it_is_chosen() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (ours, by_a_program) = (world.port.to_string(), taken.local_addr().unwrap().port());
    let free = free_port();
    let stranger = strange_container(&mut world, free).await;
    let said = async |world: &mut World, port: &str| {
        let url = world.repository.url.clone();
        let fields = [("slug", "blog"), ("repo_url", url.as_str()), ("container_port", "80"), ("host_port", port)];
        world.server.create_shop(&fields).await.expect(422).text("#host_port-error")
    };
    assert_eq!(said(&mut world, &ours).await, format!("Port {ours} on 127.0.0.1 is used by the app “shop”. Choose another one."));
    let by_the_pages = world.server.address().port().to_string();
    assert!(said(&mut world, &by_the_pages).await.contains("is µPaaS's own"));
    let answer = said(&mut world, &by_a_program.to_string()).await;
    assert!(answer.contains("is taken by another program on this machine."), "{answer}");
    let answer = said(&mut world, &free.to_string()).await;
    assert!(answer.contains(&format!("is taken by the container “{stranger}”, which µPaaS did not make.")), "{answer}");
    // Its own container holds the port, and that is as it should be.
    world.server.browser.post("/apps/shop/settings/ports", &[("port_0_container", "80"), ("port_0_host", &ours)]).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_taken_a_port_meanwhile_is_named_when_the_app_is_deployed() {
    let mut world = World::with_shop(Some("auto")).await;
    world.deploy("Success").await;
    let mut port = world.port;
    for holder in ["program", "container"] {
        world
            .server
            .browser
            .post("/apps/shop/settings/ports", &[("port_0_container", "80"), ("port_0_host", &port.to_string())])
            .await
            .expect(303);
        let by_a_program = (holder == "program").then(|| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let says = match holder {
            "program" => "another program on this machine".to_owned(),
            _ => format!("the container “{}”, which µPaaS did not make", strange_container(&mut world, port).await),
        };
        let page = world.deploy("Failed").await;
        let sentence = page.text(".failure-sentence");
        assert!(sentence.contains(&format!("Port {port} on 127.0.0.1 is taken by {says}.")), "{sentence}");
        drop(by_a_program);
        port = free_port();
    }
    let page = world.server.browser.get("/apps/shop").await;
    assert_eq!(page.text("#app-state .badge"), "Running", "the first version serves as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_made_once_and_carries_the_label_of_the_installation() {
    let mut world = World::with_unconnected_shop(Some("auto")).await;
    world.server.wait_for_the_engine().await;
    let instance = world.server.instance().await;
    let name = format!("upaas-test-{}", &instance[..8]);
    world.server.browser.post("/apps/shop/networks", &[("new_network", &name)]).await.expect(303);
    let made = client().inspect_network(&name, None::<InspectNetworkOptions>).await.unwrap();
    assert_eq!((made.driver.as_deref(), made.labels.unwrap().get("upaas.instance")), (Some("bridge"), Some(&instance)));
    let page = world.server.browser.post("/apps/shop/networks", &[("new_network", &name)]).await.expect(422);
    assert!(page.text("#new_network-error").contains("already"), "{}", page.text("#networks"));
    let page = world.server.browser.get("/apps/shop/settings").await;
    assert!(page.text("#networks .rows-hints").contains(&name));
    assert!(page.attribute("#networks-known option[value=bridge]", "value").is_none(), "the engine's own are not offered");
    world.server.browser.post("/apps/shop/settings/networks", &[("network_0_name", &name), ("network_0_alias", "shop")]).await.expect(303);
}

use serde_json::json;

use super::*;
use crate::{
    docker::{spec::Owner, stub},
    domain::{
        app_config::{RunConfig, network::NetworkUse},
        ids::{AppId, InstanceId},
    },
};

#[tokio::test]
async fn a_container_that_the_engine_does_not_show_is_said_to_be_there() {
    let (app, instance) = (AppId::new(), InstanceId::new());
    let labels = json!({ LABEL_INSTANCE: instance.to_string(), LABEL_APP: app.to_string(), LABEL_DEPLOYMENT: "1" });
    let engine = stub::engine(
        instance,
        vec![
            ("GET /containers/json", 200, json!([{ "Id": "well", "Labels": labels }, { "Id": "sick", "Labels": labels }])),
            ("GET /containers/well/json", 200, json!({ "Id": "well", "Config": { "Labels": labels } })),
            ("GET /containers/sick/json", 500, json!({ "message": "its lock is held" })),
        ],
    )
    .await;
    let ours = engine.ours().await.expect("listed");
    assert_eq!(ours.shown.iter().map(|it| &*it.id).collect::<Vec<_>>(), ["well"]);
    assert_eq!(ours.unshown.iter().map(|it| (&*it.id, it.app)).collect::<Vec<_>>(), [("sick", app)]);
    assert!(ours.hides("sick") && !ours.hides("well"));
}

#[tokio::test]
async fn a_container_that_cannot_join_a_network_says_so_also_when_it_cannot_be_removed() {
    let instance = InstanceId::new();
    let engine = stub::engine(
        instance,
        vec![
            ("POST /containers/create", 201, json!({ "Id": "c1", "Warnings": [] })),
            ("POST /networks/second/connect", 403, json!({ "message": "no address is left" })),
            ("DELETE /containers/c1", 500, json!({ "message": "device or resource busy" })),
        ],
    )
    .await;
    let network = |name: &str| NetworkUse { name: name.parse().expect("valid"), alias: None };
    let wanted = ContainerSpec {
        owner: Owner { instance, app: AppId::new(), slug: "shop".parse().expect("valid"), deployment: 1 },
        image: "sha256:abc".to_owned(),
        env: Vec::new(),
        mounts: Vec::new(),
        files: None,
        run: RunConfig { networks: vec![network("first"), network("second")], ..RunConfig::default() },
    };
    let refused = engine.create_container(&wanted).await.expect_err("refused");
    assert!(matches!(&refused, Error::Refused { message, .. } if message == "no address is left"), "{refused:?}");
}

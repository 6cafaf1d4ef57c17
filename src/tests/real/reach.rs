//! When µPaaS runs in a container itself, or far from the engine: the way to a container that is to be asked whether it works, and to the
//! files that are mounted into one.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use bollard::{
    models::{ContainerCreateBody, HostConfig},
    query_parameters::StartContainerOptions,
};
use upaas::{
    deploy::{
        files::Files,
        platform::{Runtime, Target, Wanted},
    },
    docker::Engine,
    domain::{
        answer::Said,
        app_config::{
            RunConfig,
            health_check::HttpProbe,
            network::NetworkUse,
            volume::{Mounted, Volume, VolumeSource},
        },
        engine::Address,
        ids::AppId,
        port::Holder,
        secret::Secret,
    },
    host::{EngineHost, Place},
};

use super::world::World;
use crate::support::engine;

const DEADLINE: Duration = Duration::from_secs(5);

impl World {
    /// The engine, as a µPaaS in this container sees it.
    async fn engine_from(&self, container: Option<&str>, is_remote: bool) -> EngineHost {
        self.engine_with(None, container, is_remote).await
    }

    async fn engine_with(&self, host_data_dir: Option<PathBuf>, container: Option<&str>, is_remote: bool) -> EngineHost {
        let address = Address::Unix("/var/run/docker.sock".to_owned());
        let instance = self.server.instance().await.parse().unwrap();
        let files = Files::new(&self.server.data());
        let place = Place { files, host_data_dir, container: container.map(str::to_owned), is_remote };
        EngineHost::new(Engine::new(address, instance), instance, place)
    }

    /// A container that stands for µPaaS's own, in the engine's default network.
    async fn own_container(&self) -> String {
        let body = ContainerCreateBody {
            image: Some(self.left.images().await[0].clone()),
            cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
            labels: Some(HashMap::from([("upaas.instance".to_owned(), self.server.instance().await)])),
            ..ContainerCreateBody::default()
        };
        let created = engine::client().create_container(None, body).await.unwrap().id;
        engine::client().start_container(&created, None::<StartContainerOptions>).await.unwrap();
        created
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_upaas_in_a_container_joins_the_network_of_an_app_to_ask_it() {
    let mut world = World::with_shop(None).await;
    let network = format!("upaas-test-{}", world.server.instance().await);
    world.left.make_network(&network).await;
    let networks = vec![NetworkUse { name: network.parse().unwrap(), alias: None }];
    world.server.configure("shop", |config| config.run = RunConfig { networks, ..config.run.clone() }).await;
    world.deploy("Success").await;
    let app = world.left.containers().await[0].id.clone().unwrap();
    let own = world.own_container().await;
    let probe = HttpProbe { path: "/".to_owned(), port: 80, status: 200 };

    let near = world.engine_from(Some(&own), false).await;
    let seen = near.look(&app).await.unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(near.probe(&seen, &probe, DEADLINE).await.unwrap().said, Said::Status(200));
        let mut joined: Vec<_> = engine::inspect(&own).await.network_settings.unwrap().networks.unwrap().into_keys().collect();
        joined.sort();
        assert_eq!(joined, ["bridge", &network]);
    }
    let elsewhere = world.engine_from(Some(&"0f".repeat(32)), false).await;
    assert_eq!(elsewhere.probe(&seen, &probe, DEADLINE).await.unwrap().said, Said::Status(200), "another engine's container");

    let far = world.engine_from(None, true).await;
    let refused = far.probe(&seen, &probe, DEADLINE).await.unwrap_err();
    assert!(refused.sentence.contains("reached over the network"), "{}", refused.sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_with_the_data_of_a_upaas_in_a_container_is_not_given_away() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let image = world.left.images().await[0].clone();
    let name = format!("upaas-test-{}", world.server.instance().await);
    let own = world.left.make_volume(&name, &[]).await;
    let near = world.engine_with(Some(own.mountpoint.into()), Some(&"0f".repeat(32)), false).await;
    let app = AppId::new();
    let sources = [name.as_str(), "upaas-test-not-there", "/data/of/the/host"].map(|source| source.parse::<VolumeSource>().unwrap());
    let mounted = sources.clone().map(|source| Mounted { source, read_only: true });
    let [own, absent, inside] = &near.dangers(app, &mounted).await[..] else { panic!("one each") };
    assert!(own.as_ref().is_some_and(|it| it.why().starts_with("µPaaS keeps its keys")), "{own:?}");
    assert_eq!((absent, inside), (&None, &None));

    // Nobody has to say where the data are: the engine knows what is mounted into the own container.
    let data = world.server.data().display().to_string();
    let body = ContainerCreateBody {
        image: Some(image.clone()),
        labels: Some(HashMap::from([("upaas.instance".to_owned(), world.server.instance().await)])),
        host_config: Some(HostConfig { binds: Some(vec![format!("{name}:{data}")]), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let container = engine::client().create_container(None, body).await.unwrap().id;
    let unsaid = world.engine_with(None, Some(&container), false).await;
    let [own, absent, _] = &unsaid.dangers(app, &mounted).await[..] else { panic!("one each") };
    assert!(own.as_ref().is_some_and(|it| it.why().starts_with("µPaaS keeps its keys")), "{own:?}");
    assert_eq!(absent, &None);

    let volume = Volume { source: sources[0].clone(), path: "/data".parse().unwrap(), read_only: true, confirmed: false };
    let target = Target { app, slug: "thief".parse().unwrap(), number: 1 };
    let run = RunConfig { volumes: vec![volume], ..RunConfig::default() };
    let wanted = Wanted { target, image, env: Vec::new(), files: Vec::new(), run };
    for host in [near, unsaid] {
        let refused = host.create(&wanted).await.unwrap_err();
        assert!(refused.sentence.contains("needs a confirmation, and has none."), "{}", refused.sentence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ports_of_the_own_container_are_upaas_s_own() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let own = world.left.containers().await[0].id.clone().unwrap();
    let by = async |container: Option<&str>| {
        let taken = world.engine_from(container, false).await.taken_ports(&[]).await.unwrap();
        taken.into_iter().find(|it| it.held.port == world.port).unwrap().by
    };
    assert!(matches!(by(None).await, Holder::App { .. }));
    assert_eq!(by(Some(&own)).await, Holder::Upaas);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_mounted_by_their_path_on_the_host_and_go_with_their_own_container_only() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let image = world.left.images().await[0].clone();
    // The data directory has another path on the host than in µPaaS's container.
    let elsewhere = tempfile::tempdir().unwrap();
    let on_the_host = elsewhere.path().join("data");
    std::os::unix::fs::symlink(world.server.data(), &on_the_host).unwrap();
    let engine_host = world.engine_with(Some(on_the_host.clone()), Some(&"0f".repeat(32)), false).await;
    let target = Target { app: AppId::new(), slug: "twins".parse().unwrap(), number: 1 };
    let files = vec![("/app.conf".parse().unwrap(), Secret::new("one file"))];
    let wanted = Wanted { target, image, env: Vec::new(), files, run: RunConfig::default() };
    let (one, twin) = (engine_host.create(&wanted).await.unwrap().id, engine_host.create(&wanted).await.unwrap().id);
    let mounts = engine::inspect(&one).await.mounts.unwrap();
    let source = mounts[0].source.clone().unwrap();
    assert!(source.starts_with(&on_the_host.display().to_string()), "{source}");
    engine_host.remove(&twin).await.unwrap();
    engine_host.start(&one, &[]).await.unwrap();
    assert_eq!(engine::run_in(&one, &["cat", "/app.conf"]).await.0, "one file");
    engine_host.remove(&one).await.unwrap();
    assert!(!std::path::Path::new(&source).exists());

    let unsaid = world.engine_from(Some(&"0f".repeat(32)), false).await;
    let refused = unsaid.create(&wanted).await.unwrap_err();
    assert!(refused.sentence.contains("UPAAS_HOST_DATA_DIR"), "{}", refused.sentence);
    let far = world.engine_from(None, true).await.create(&wanted).await.unwrap_err();
    assert!(far.sentence.contains("reached over the network"), "{}", far.sentence);
    assert_eq!(std::fs::read_dir(world.server.data().join("files")).unwrap().count(), 0, "nothing is left of what was refused");
}

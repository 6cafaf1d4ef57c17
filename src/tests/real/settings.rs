//! Each setting, found in the real container exactly as it was asked for, and not there any more when it is not.

use std::{collections::HashMap, fmt::Debug, path::PathBuf, str::FromStr};

use bollard::models::{ContainerInspectResponse, MountPoint, RestartPolicyNameEnum};
use upaas::domain::{
    app_config::{
        RunConfig,
        config_file::ConfigFile,
        env::EnvVar,
        health_check::{HealthCheck, HttpProbe, Probe, Timing},
        label::parse_labels,
        network::NetworkUse,
        process::{Process, parse_capabilities, parse_extra_hosts},
        resources::Resources,
        restart::{Restart, RestartPolicy},
        volume::Volume,
    },
    port::{HostPort, Port, Protocol},
};

use super::world::World;
use crate::support::{engine, eventually};

/// A valid value of a kind.
fn valid<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

impl World {
    /// Deploys with these settings beside the ports, which stay; returns the container.
    async fn deploy_with(&mut self, run: RunConfig) -> ContainerInspectResponse {
        self.set(run).await;
        self.deploy("Success").await;
        self.container().await
    }

    async fn set(&self, run: RunConfig) {
        self.server.configure("shop", |config| config.run = RunConfig { ports: config.run.ports.clone(), ..run }).await;
    }

    /// The only container.
    async fn container(&self) -> ContainerInspectResponse {
        let [container] = &self.left.containers().await[..] else { panic!("there is one") };
        engine::inspect(container.id.as_deref().unwrap()).await
    }

    /// The folders of text files that there are.
    fn folders_of_files(&self) -> Vec<PathBuf> {
        let within = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        within(self.server.data().join("files")).flat_map(within).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn process_resources_environment_labels_and_restart() {
    let mut world = World::with_shop(None).await;
    let env = vec![EnvVar { name: valid("GREETING"), value: world.server.seal("hello = \"you\"\nand you").await }];
    let wanted = RunConfig {
        env,
        labels: parse_labels("traefik.enable=true").unwrap(),
        resources: Resources { cpus: Some(valid("0.5")), memory: Some(valid("64m")), pids: Some(valid("50")), shm: Some(valid("16m")) },
        restart: Restart { policy: RestartPolicy::OnFailure, ..Restart::default() },
        process: Process {
            entrypoint: Some(valid("/bin/httpd -f")),
            command: Some(valid("-p 80 -h /www")),
            user: Some(valid("1000:1001")),
            init: true,
            extra_hosts: parse_extra_hosts("db:192.0.2.4").unwrap(),
            read_only_root: true,
            dropped: parse_capabilities("NET_RAW CAP_CHOWN").unwrap(),
            stop_signal: Some(valid("SIGINT")),
            stop_grace: valid("3"),
        },
        ..RunConfig::default()
    };
    let seen = world.deploy_with(wanted).await;
    assert_eq!(world.answer().await, "first");
    let (printed, _) =
        engine::run_in(&seen.id.unwrap(), &["sh", "-c", "id; cat /etc/hosts; cat /proc/1/comm; touch /here; echo \"$GREETING\""]).await;
    for expected in ["uid=1000 gid=1001", "192.0.2.4\tdb", "docker-init", "Read-only file system", "hello = \"you\"\nand you"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    let (config, host) = (seen.config.unwrap(), seen.host_config.unwrap());
    assert_eq!(config.labels.as_ref().unwrap()["traefik.enable"], "true");
    assert_eq!(config.entrypoint.as_deref(), Some(&["/bin/httpd".to_owned(), "-f".to_owned()][..]));
    assert_eq!(config.cmd.as_deref(), Some(&["-p", "80", "-h", "/www"].map(str::to_owned)[..]));
    assert_eq!((config.user.as_deref(), config.stop_signal.as_deref(), config.stop_timeout), (Some("1000:1001"), Some("SIGINT"), Some(3)));
    assert_eq!((host.nano_cpus, host.memory, host.memory_swap), (Some(500_000_000), Some(64 << 20), Some(64 << 20)));
    assert_eq!((host.pids_limit, host.shm_size), (Some(50), Some(16 << 20)));
    assert_eq!((host.init, host.readonly_rootfs, host.privileged), (Some(true), Some(true), Some(false)));
    assert_eq!(host.cap_drop.unwrap(), ["NET_RAW", "CHOWN"]);
    assert_eq!(host.restart_policy.unwrap().name, Some(RestartPolicyNameEnum::ON_FAILURE));

    let seen = world
        .deploy_with(RunConfig { restart: Restart { policy: RestartPolicy::Never, ..Restart::default() }, ..RunConfig::default() })
        .await;
    let (config, host) = (seen.config.unwrap(), seen.host_config.unwrap());
    let named = |name: &str| config.env.as_ref().unwrap().iter().any(|var| var.starts_with(name));
    assert!(named("UPAAS_COMMIT=") && !named("GREETING="), "{:?}", config.env);
    assert!(config.labels.unwrap().keys().all(|name| name.starts_with("upaas.")));
    assert_eq!(config.entrypoint, None);
    assert_eq!(config.cmd.unwrap()[0], "httpd", "the image's own");
    assert_eq!((config.user.as_deref(), config.stop_signal.as_deref()), (Some(""), Some("SIGKILL")));
    assert_eq!((host.nano_cpus, host.memory, host.memory_swap), (Some(0), Some(0), Some(0)));
    assert_eq!((host.pids_limit, host.shm_size), (None, Some(64 << 20)));
    assert_eq!((host.init, host.readonly_rootfs, host.cap_drop, host.extra_hosts), (None, Some(false), None, None));
    assert_eq!(host.restart_policy.unwrap().name, Some(RestartPolicyNameEnum::NO));
}

/// The mount at a path.
fn mounted(seen: &ContainerInspectResponse, at: &str) -> Option<MountPoint> {
    seen.mounts.iter().flatten().find(|mount| mount.destination.as_deref() == Some(at)).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_and_config_files() {
    let mut world = World::with_shop(None).await;
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("there"), "from the host").unwrap();
    let name = format!("upaas-test-{}", world.server.instance().await);
    let volume = |source: &str, path: &str, read_only| Volume { source: valid(source), path: valid(path), read_only, confirmed: true };
    let volumes = vec![
        volume(&host.path().display().to_string(), "/host", true),
        volume("./uploads/of/users", "/uploads", false),
        volume(&name, "/named", false),
    ];
    let content = world.server.seal("answer = 42\n").await;
    let files = vec![ConfigFile { path: valid("/etc/shop/app.conf"), content }];
    // Somebody other than root, as many images have it.
    let process = Process { user: Some(valid("1000")), ..Process::default() };
    let wanted = RunConfig { volumes, files, process, ..RunConfig::default() };
    let seen = world.deploy_with(wanted.clone()).await;
    let id = seen.id.clone().unwrap();
    let script = "cat /host/there /etc/shop/app.conf; echo x >/host/x; echo x >/etc/shop/app.conf; echo kept >/uploads/file";
    let (printed, code) = engine::run_in(&id, &["sh", "-c", script]).await;
    // What it prints and what it complains about come in any order.
    assert!(printed.contains("from the host") && printed.contains("answer = 42") && code == 0, "{printed}");
    assert_eq!(printed.matches("Read-only file system").count(), 2, "{printed}");
    assert_eq!(mounted(&seen, "/named").unwrap().name.as_deref(), Some(&*name));
    assert_eq!(mounted(&seen, "/host").unwrap().rw, Some(false));
    let labels = &world.left.volumes().await[0].labels;
    assert!(labels.contains_key("upaas.app") && labels["upaas.slug"] == "shop" && !labels.contains_key("upaas.deployment"), "{labels:?}");
    // Only root may write to a volume that the engine has made.
    world.set(RunConfig { process: Process::default(), ..wanted.clone() }).await;
    world.deploy("Success").await;
    engine::run_in(&world.container().await.id.unwrap(), &["sh", "-c", "echo kept >/named/file"]).await;
    let before = world.folders_of_files();
    assert_eq!(before.len(), 1, "the files of the container before are gone: {before:?}");

    let seen = world.deploy_with(wanted).await;
    let id = seen.id.clone().unwrap();
    assert_eq!(engine::run_in(&id, &["cat", "/uploads/file", "/named/file"]).await.0, "kept\nkept\n");
    let after = world.folders_of_files();
    assert!(after.len() == 1 && after != before, "{after:?}");
    // Stopped and started, it still has them.
    world.server.browser.post("/apps/shop/restart", &[]).await;
    assert_eq!(engine::run_in(&id, &["cat", "/etc/shop/app.conf"]).await.0, "answer = 42\n");

    let leftover = after[0].parent().unwrap().join("leftover");
    std::fs::create_dir(&leftover).unwrap();
    world.server.stop().await;
    world.server.start_real().await;
    eventually("what no container has to be gone", async || if leftover.exists() { Err("there".to_owned()) } else { Ok(()) }).await;
    assert_eq!(world.folders_of_files(), after);

    let seen = world.deploy_with(RunConfig::default()).await;
    assert_eq!(seen.mounts.as_deref(), Some(&[][..]));
    assert_eq!(world.folders_of_files(), Vec::<PathBuf>::new());
    assert_eq!(world.left.volumes().await.len(), 1, "a volume with a name outlives its containers");
    assert!(world.server.data().join("volumes").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_the_engine_s_needs_a_confirmation_for_what_lies_behind_it() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let name = format!("upaas-test-{}", world.server.instance().await);
    let mount = [("volume_0_source", name.as_str()), ("volume_0_path", "/data")];
    world.server.browser.post("/apps/shop/settings/volumes", &mount).await.expect(303);
    // Made between the save and the deployment.
    let data = world.server.data().display().to_string();
    world.left.make_volume(&name, &[("type", "none"), ("o", "bind"), ("device", &data)]).await;
    let why = format!("this volume stands for {data}, and µPaaS keeps its keys");
    world.fails_and_the_first_version_serves(&why).await;
    let page = world.server.browser.post("/apps/shop/settings/volumes", &mount).await.expect(422);
    assert!(page.text("#volume_0_confirmed-error").contains(&why), "{}", page.text("#volumes"));
    let confirmed = [&mount[..], &[("volume_0_confirmed", name.as_str())]].concat();
    world.server.browser.post("/apps/shop/settings/volumes", &confirmed).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_named_and_nothing_is_left_of_the_try() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let volume = Volume { source: valid("/nowhere/at/all"), path: valid("/files"), read_only: false, confirmed: false };
    let files = vec![ConfigFile { path: valid("/app.conf"), content: world.server.seal("x").await }];
    world.set(RunConfig { volumes: vec![volume], files: files.clone(), ..RunConfig::default() }).await;
    world.fails_and_the_first_version_serves("There is no /nowhere/at/all on the engine's host.").await;
    assert_eq!(world.folders_of_files(), Vec::<PathBuf>::new());
    let there = format!("upaas-test-{}", world.server.instance().await);
    for networks in [&["upaas-no-network"][..], &[&there, "upaas-no-network"]] {
        let networks: Vec<_> = networks.iter().map(|name| NetworkUse { name: valid(name), alias: None }).collect();
        if networks.len() > 1 {
            world.left.make_network(&there).await;
        }
        world.set(RunConfig { networks, ..RunConfig::default() }).await;
        world.fails_and_the_first_version_serves("There is no network upaas-no-network at the engine.").await;
    }
    world.set(RunConfig { files: vec![ConfigFile { path: valid("/bin"), ..files[0].clone() }], ..RunConfig::default() }).await;
    world.fails_and_the_first_version_serves("Nothing can be mounted at /bin in the container.").await;
    world.set(RunConfig { process: Process { user: Some(valid("nobody2")), ..Process::default() }, ..RunConfig::default() }).await;
    world.fails_and_the_first_version_serves("The image has no such user").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_with_aliases_and_ports_of_both_protocols() {
    let mut world = World::with_shop(None).await;
    let instance = world.server.instance().await;
    let names = ["front", "back"].map(|name| format!("upaas-test-{name}-{}", &instance[..8]));
    for name in &names {
        world.left.make_network(name).await;
    }
    let networks = vec![
        NetworkUse { name: valid(&names[0]), alias: Some(valid("shop")) },
        NetworkUse { name: valid(&names[1]), alias: Some(valid("shop.back")) },
    ];
    let fixed = world.server_ports().await;
    let port = |container_port, protocol, host_address: [u8; 4], host_port| Port {
        container_port,
        protocol,
        host_address: host_address.into(),
        host_port,
    };
    let more = [
        port(53, Protocol::Udp, [127, 0, 0, 2], HostPort::Auto),
        port(53, Protocol::Tcp, [0, 0, 0, 0], HostPort::Auto),
        port(9000, Protocol::Tcp, [127, 0, 0, 1], HostPort::None),
    ];
    let ports: Vec<Port> = fixed.iter().copied().chain(more).collect();
    let run = RunConfig { networks, ports, ..RunConfig::default() };
    world.server.configure("shop", |config| config.run = run).await;
    world.deploy("Success").await;
    let seen = world.container().await;
    assert_eq!(world.answer().await, "first");
    let settings = seen.network_settings.unwrap();
    let joined = settings.networks.unwrap();
    assert_eq!(joined.len(), 2, "{joined:?}");
    let has = |network: &str, alias: &str| joined[network].aliases.iter().flatten().any(|it| it == alias);
    assert!(has(&names[0], "shop") && has(&names[1], "shop.back"), "{joined:?}");
    assert_eq!(seen.host_config.unwrap().network_mode.as_deref(), Some(&*names[0]));
    let bound: HashMap<String, Vec<String>> = settings
        .ports
        .unwrap()
        .into_iter()
        .map(|(inside, at)| (inside, at.into_iter().flatten().filter_map(|it| it.host_ip).collect()))
        .collect();
    assert_eq!(bound["53/udp"], ["127.0.0.2"]);
    assert_eq!(bound["53/tcp"][0], "0.0.0.0");
    assert_eq!(bound["80/tcp"], ["127.0.0.1"]);
    assert_eq!(bound["9000/tcp"], Vec::<String>::new());

    world.server.configure("shop", |config| config.run = RunConfig { ports: fixed, ..RunConfig::default() }).await;
    world.deploy("Success").await;
    let settings = world.container().await.network_settings.unwrap();
    assert_eq!(settings.networks.unwrap().into_keys().collect::<Vec<_>>(), ["bridge"]);
    assert_eq!(settings.ports.unwrap().into_keys().collect::<Vec<_>>(), ["80/tcp"]);
}

impl World {
    /// The ports with which the app was created.
    async fn server_ports(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        self.server.configure("shop", |config| ports = config.run.ports.clone()).await;
        ports
    }
}

/// Each failure counts at once.
const STRICT: Timing = Timing { interval: 1, timeout: 1, retries: 1, start_period: 0 };

fn checked(probe: Probe, timing: Timing) -> RunConfig {
    RunConfig { health: HealthCheck { probe, timing }, ..RunConfig::default() }
}

fn http(path: &str, status: u16) -> Probe {
    Probe::Http(HttpProbe { path: path.to_owned(), port: 80, status })
}

#[tokio::test(flavor = "multi_thread")]
async fn health_checks_by_http() {
    let mut world = World::with_shop(None).await;
    let seen = world.deploy_with(checked(http("/index.html", 200), Timing::default())).await;
    let id = seen.id.unwrap();
    assert_eq!(seen.config.unwrap().healthcheck.unwrap().test.unwrap(), ["NONE"]);
    let journal = world.server.browser.get("/apps/shop/deployments/1").await.text("#journal");
    assert!(journal.contains("The health check passes: GET http://1") && journal.contains(":80/index.html answered 200."), "{journal}");

    world.set(checked(http("/missing", 200), STRICT)).await;
    world.fails_and_the_first_version_serves(":80/missing answered 404, expected 200.").await;
    world
        .set(RunConfig {
            health: HealthCheck { probe: Probe::Http(HttpProbe { path: "/".to_owned(), port: 81, status: 200 }), timing: STRICT },
            ..RunConfig::default()
        })
        .await;
    world.fails_and_the_first_version_serves(":81/: the connection was refused.").await;

    // Its first answer may be asked for before it listens.
    world.set(checked(http("/index.html", 200), Timing { retries: 5, ..STRICT })).await;
    world.deploy("Success").await;
    world.server.wait_for_app("shop", "Running").await;
    let serving = world.container().await.id.unwrap();
    assert_ne!(serving, id);
    engine::run_in(&serving, &["mv", "/www/index.html", "/www/away"]).await;
    world.server.wait_for_app("shop", "Unhealthy").await;
    engine::run_in(&serving, &["mv", "/www/away", "/www/index.html"]).await;
    world.server.wait_for_app("shop", "Running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_checks_by_a_command_the_image_or_nobody() {
    let mut world = World::with_shop(None).await;
    let timing = Timing { interval: 1, timeout: 2, retries: 2, start_period: 3 };
    let seen = world.deploy_with(checked(Probe::Command("test -e /www/index.html".to_owned()), timing)).await;
    let check = seen.config.unwrap().healthcheck.unwrap();
    assert_eq!(check.test.unwrap(), ["CMD-SHELL", "test -e /www/index.html"]);
    let second = 1_000_000_000;
    assert_eq!(
        (check.interval, check.timeout, check.retries, check.start_period),
        (Some(second), Some(2 * second), Some(2), Some(3 * second))
    );
    let healthy = eventually("the page to show it", async || {
        let seen = world.container().await.state.unwrap().health.unwrap().status;
        seen.map(|it| it.to_string()).ok_or_else(|| "nothing".to_owned())
    });
    assert_eq!(healthy.await, "healthy");
    world.set(checked(Probe::Command("exit 1".to_owned()), STRICT)).await;
    world.fails_and_the_first_version_serves("The container runs, but its health check fails.").await;
    let own = "HEALTHCHECK --interval=1s --retries=1 --start-period=1h CMD [\"test\", \"-e\", \"/www/index.html\"]";
    world.repository.push("main", &[("Dockerfile", &engine::dockerfile(&format!("{}\n{own}", super::world::SERVE)))]);
    let of_the_image = world.deploy_with(RunConfig::default()).await;
    assert_eq!(of_the_image.config.unwrap().healthcheck.unwrap().test.unwrap(), ["CMD", "test", "-e", "/www/index.html"]);
    let ours = world.deploy_with(checked(Probe::Command("test -e /www/index.html".to_owned()), STRICT)).await;
    assert_eq!(ours.config.unwrap().healthcheck.unwrap().start_period, Some(1_000_000), "as good as none, and not the image's hour");
    let off = world.deploy_with(checked(Probe::Off, Timing::default())).await;
    assert_eq!(off.config.unwrap().healthcheck.unwrap().test.unwrap(), ["NONE"]);
    assert!(off.state.unwrap().health.is_none());
}

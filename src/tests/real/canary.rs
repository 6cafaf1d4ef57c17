//! The canary again, on the binary and the real engine: beside pages and files also the engine's own records, the log, and the arguments of
//! every program that µPaaS starts.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{
    recipes::exported,
    registries::push_base,
    world::{SERVE, World},
};
use crate::{
    canary,
    support::{
        engine,
        process::Process,
        registry::{Registry, forget},
        server::Server,
        workshop::Workshop,
    },
};

/// The arguments and the environment of every process below this one, from now until the end is said.
fn watch_programs(below: u32, end: Arc<AtomicBool>) -> thread::JoinHandle<BTreeSet<Vec<u8>>> {
    thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !end.load(Ordering::Relaxed) {
            let mut family = BTreeSet::from([below]);
            // A child has a higher number than its parent, as long as numbers do not begin anew.
            for pid in pids() {
                if parent(pid).is_some_and(|parent| family.contains(&parent)) {
                    family.insert(pid);
                    let read = |what: &str| std::fs::read(Path::new("/proc").join(pid.to_string()).join(what)).unwrap_or_default();
                    seen.insert([read("cmdline"), read("environ")].concat());
                }
            }
        }
        seen
    })
}

fn pids() -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// On the private base image, with a step that needs the build secret.
fn dockerfile(base: &str) -> String {
    let step = "RUN --mount=type=secret,id=canary,required=true sha256sum /run/secrets/canary > /sum";
    format!(
        "FROM {base}\nRUN [\"/busybox\", \"mkdir\", \"/bin\"]\nRUN [\"/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\n{step}\n{SERVE}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_value_is_nowhere_but_where_it_is_needed() {
    let (workshop, registry) = (Workshop::open().await, Registry::with_user("ci", canary::PASSWORD).await);
    push_base(&workshop, &registry).await;
    let base = registry.image("base");
    let mut world = World::on(Server::binary_that_says_all().await, None).await;
    world.repository.push("main", &[("Dockerfile", &dockerfile(&base))]);
    let end = Arc::new(AtomicBool::new(false));
    let programs = watch_programs(world.server.process.as_ref().unwrap().child.id(), end.clone());
    let failure = world.deploy("Failed").await.text(".failure");
    let sentence = format!("The registry {} wants a login for “{base}”, and got none or a wrong one.", registry.host());
    assert!(failure.contains(&sentence), "{failure}");
    canary::set(&mut world.server, &registry.host()).await;
    world.deploy("Success").await;
    forget(&base).await;
    end.store(true, Ordering::Relaxed);
    let programs = programs.join().unwrap();
    assert!(programs.iter().any(|it| it.starts_with(b"git\0") || it.starts_with(b"/usr/bin/git\0")), "git is looked at: {programs:?}");
    programs.iter().for_each(|program| canary::is_not_in("a program's arguments or environment", program));

    let mounted = looked_at_containers(&world).await;
    looked_at_images(&world).await;
    canary::is_on_no_page(&mut world.server).await;
    canary::is_in_no_file(&world.server.data(), &[mounted]);
    let log = std::fs::read(Process::log(&world.server.data())).unwrap();
    assert!(String::from_utf8_lossy(&log).contains("DEBUG"), "the log says all");
    canary::is_not_in("the log", &log);
}

/// The one container has the variable in its environment and the file in its place, and nothing of either elsewhere. Returns where the file
/// lies on the host.
async fn looked_at_containers(world: &World) -> String {
    let containers = world.left.containers().await;
    let [container] = &containers[..] else { panic!("{containers:?}") };
    let id = container.id.as_deref().unwrap();
    let mut seen = engine::inspect(id).await;
    canary::is_in_the_environment(&seen.config.as_mut().unwrap().env.take().unwrap());
    canary::is_not_in("the container's record", serde_json::to_string(&seen).unwrap().as_bytes());
    assert_eq!(engine::run_in(id, &["cat", "/etc/canary"]).await, (canary::FILE.to_owned(), 0));
    let sources: Vec<String> = seen.mounts.iter().flatten().filter_map(|mount| mount.source.clone()).collect();
    let [source] = &sources[..] else { panic!("{sources:?}") };
    assert!(Path::new(source).starts_with(world.server.data().join("files")), "{source}");
    assert_eq!(std::fs::read_to_string(source).unwrap(), canary::FILE);
    source.clone()
}

async fn looked_at_images(world: &World) {
    let docker = engine::client();
    let images = world.left.images().await;
    assert_eq!(images.len(), 1);
    for image in images {
        let history = docker.image_history(&image).await.unwrap();
        canary::is_not_in("the image's history", serde_json::to_string(&history).unwrap().as_bytes());
        canary::is_not_in("the image", serde_json::to_string(&docker.inspect_image(&image).await.unwrap()).unwrap().as_bytes());
        canary::is_not_in("the image's layers", &exported(&image).await);
    }
}

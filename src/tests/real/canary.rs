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

use bollard::query_parameters::InspectContainerOptions;

use super::world::World;
use crate::{
    canary,
    support::{engine, process::Process, server::Server},
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

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_value_is_nowhere_but_in_the_containers_environment() {
    let mut world = World::on(Server::binary_that_says_all().await, None).await;
    let end = Arc::new(AtomicBool::new(false));
    let programs = watch_programs(world.server.process.as_ref().unwrap().child.id(), end.clone());
    canary::set(&mut world.server).await;
    world.deploy("Success").await;
    end.store(true, Ordering::Relaxed);
    let programs = programs.join().unwrap();
    assert!(programs.iter().any(|it| it.starts_with(b"git\0") || it.starts_with(b"/usr/bin/git\0")), "git is looked at: {programs:?}");
    programs.iter().for_each(|program| canary::is_not_in("a program's arguments or environment", program));

    let docker = engine::client();
    let mut mounted = Vec::new();
    for container in world.left.containers().await {
        let mut seen = docker.inspect_container(&container.id.unwrap(), None::<InspectContainerOptions>).await.unwrap();
        canary::is_in_the_environment(&seen.config.as_mut().unwrap().env.take().unwrap());
        mounted.extend(seen.mounts.iter().flatten().filter_map(|mount| mount.source.clone()));
        canary::is_not_in("the container's record", serde_json::to_string(&seen).unwrap().as_bytes());
    }
    for image in world.left.images().await {
        let history = docker.image_history(&image).await.unwrap();
        canary::is_not_in("the image's history", serde_json::to_string(&history).unwrap().as_bytes());
        canary::is_not_in("the image", serde_json::to_string(&docker.inspect_image(&image).await.unwrap()).unwrap().as_bytes());
    }
    canary::is_on_no_page(&mut world.server).await;
    canary::is_in_no_file(&world.server.data(), &mounted);
    let log = std::fs::read(Process::log(&world.server.data())).unwrap();
    assert!(String::from_utf8_lossy(&log).contains("DEBUG"), "the log says all");
    canary::is_not_in("the log", &log);
}

//! What is built from what: contexts, links, ignore files, chosen commits.

use std::os::unix::fs::symlink;

use super::world::{SERVE, World};
use crate::support::engine::dockerfile;

#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_out_of_the_repository_are_not_followed() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let dockerfile_path = world.repository.work().join("Dockerfile");
    std::fs::remove_file(&dockerfile_path).unwrap();
    symlink("/etc/hostname", &dockerfile_path).unwrap();
    world.repository.commit_and_push("main");
    world.fails_and_the_first_version_serves("leads out of the repository").await;

    std::fs::remove_file(&dockerfile_path).unwrap();
    symlink("/etc/passwd", world.repository.work().join("www-link")).unwrap();
    let copies_a_link =
        dockerfile("COPY www-link /www/index.html\nRUN test -h /www/index.html\nCMD [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/www\"]");
    world.repository.push("main", &[("Dockerfile", &copies_a_link)]);
    let page = world.server.deploy_to_the_end("shop").await;
    assert!(!page.body.contains("root:x:0"), "the host's file is nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_is_not_sent_and_paths_are_those_of_the_app() {
    let mut world = World::with_shop(None).await;
    let checks = "COPY . /ctx\nRUN test ! -e /ctx/secret.env && test -e /ctx/kept/keep.txt && test ! -e /ctx/kept/drop.txt\n";
    let files = [
        ("Dockerfile", dockerfile(&format!("{checks}{SERVE}"))),
        (".dockerignore", "*.env\nkept/*\n!kept/keep.txt\n".to_owned()),
        ("secret.env", "x".to_owned()),
        ("kept/keep.txt", "x".to_owned()),
        ("kept/drop.txt", "x".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    world.repository.push("main", &files);
    world.deploy("Success").await;
    assert_eq!(world.answer().await, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_may_lie_outside_of_its_context() {
    let mut world = World::with_unconnected_shop(Some("auto")).await;
    std::fs::create_dir_all(world.repository.work().join("web")).unwrap();
    std::fs::rename(world.repository.work().join("busybox"), world.repository.work().join("web/busybox")).unwrap();
    world.repository.push("main", &[("docker/app.Dockerfile", &dockerfile(SERVE)), ("web/index.html", "from web")]);
    let fields = [
        ("slug", "web"),
        ("repo_url", world.repository.url.as_str()),
        ("dockerfile_path", "docker/app.Dockerfile"),
        ("context_path", "web"),
        ("container_port", "80"),
        ("host_port", &world.port.to_string()),
    ];
    world.server.create_shop(&fields).await.expect(303);
    world.connect("web").await;
    let page = world.server.deploy_to_the_end("web").await;
    assert_eq!(page.text(".summary .badge"), "Success", "{}", page.text("#journal"));
    assert_eq!(world.answer().await, "from web");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_dockerfile_says_where_one_is() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    std::fs::remove_file(world.repository.work().join("Dockerfile")).unwrap();
    world.repository.commit_and_push("main");
    world.fails_and_the_first_version_serves("There is no file `Dockerfile` in the repository").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_commit_is_deployed_exactly_also_when_no_branch_points_at_it_any_more() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let first = world.repository.push("main", &[("index.html", "older")]);
    world.repository.push("main", &[("index.html", "newer")]);
    world.deploy("Success").await;
    assert_eq!(world.answer().await, "newer");
    let path = world.server.browser.post("/apps/shop/deployments", &[("commit", &first)]).await.expect(303).location().to_owned();
    world.server.wait_for(&path, &["Success"]).await;
    assert_eq!(world.answer().await, "older");

    let unknown = "1234567890123456789012345678901234567890";
    let path = world.server.browser.post("/apps/shop/deployments", &[("commit", unknown)]).await.expect(303).location().to_owned();
    let page = world.server.wait_for(&path, &["Failed"]).await;
    assert!(page.text(".failure-sentence").contains("does not have this commit"), "{}", page.text(".failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commit_is_known_to_the_build_and_to_the_app() {
    let mut world = World::with_shop(None).await;
    let shows = "ARG UPAAS_COMMIT\nRUN mkdir -p /www && echo -n \"built $UPAAS_COMMIT\" > /www/built\n\
                 CMD [\"sh\", \"-c\", \"echo -n \\\"$(cat /www/built) runs $UPAAS_COMMIT\\\" > /www/index.html; exec httpd -f -p 80 -h /www\"]";
    let commit = world.repository.push("main", &[("Dockerfile", &dockerfile(shows))]);
    world.deploy("Success").await;
    assert_eq!(world.answer().await, format!("built {commit} runs {commit}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_a_killed_git_left_is_no_obstacle() {
    let mut world = World::with_shop(None).await;
    world.deploy("Success").await;
    let mirror = std::fs::read_dir(world.server.data().join("repos")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(mirror.join("refs/upaas/tip.lock"), "").unwrap();
    std::fs::remove_dir_all(mirror.join("objects/info")).unwrap();
    world.repository.push("main", &[("index.html", "second")]);
    world.deploy("Success").await;
    assert_eq!(world.answer().await, "second");
}

//! How an image is built, on the real engine: stages, the cache, arguments, secrets, the limit of the context.

use bollard::models::ImageInspect;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use upaas::{
    docker::{BuildRequest, BuildSecret},
    domain::secret::Secret,
};

use crate::support::{
    engine::client,
    eventually,
    proxy::{Mode, Proxy},
    workshop::Workshop,
};

const SECRET: &str = "token-0451-of-the-npm-registry";

fn secret() -> BuildSecret {
    BuildSecret { id: "npm".to_owned(), value: Secret::new(SECRET) }
}

/// A step that fails unless it can read the secret, and does not tell it.
fn reads_the_secret() -> String {
    let sum: String = Sha256::digest(SECRET.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("RUN --mount=type=secret,id=npm,required=true sha256sum /run/secrets/npm | grep {sum} && echo it was read")
}

fn env(image: ImageInspect) -> Vec<String> {
    image.config.unwrap().env.unwrap()
}

/// The whole image as a tar, layers and configuration.
pub(super) async fn exported(image: &str) -> Vec<u8> {
    client().export_image(image).try_collect::<Vec<_>>().await.unwrap().concat()
}

pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_reads_a_build_secret_and_nothing_else_knows_it() {
    let workshop = Workshop::open().await;
    let request = workshop.busybox(&format!("RUN echo findable > /found\n{}", reads_the_secret()));
    let built = workshop.build(BuildRequest { secrets: vec![secret()], ..request }).await;
    let image = built.image();
    assert!(built.said.contains("it was read"), "{}", built.said);
    assert!(!built.said.contains(SECRET), "{}", built.said);
    let whole = exported(image).await;
    assert!(holds(&whole, "findable"), "layers are searched as they are");
    assert!(!holds(&whole, SECRET));
    let history = format!("{:?}", client().image_history(image).await.unwrap());
    assert!(history.contains("sha256sum /run/secrets/npm"), "{history}");
    assert!(!history.contains(SECRET), "{history}");
    assert!(!format!("{:?}", built.inspect().await).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_secret_that_the_app_does_not_have_fails_the_step_that_needs_it() {
    let workshop = Workshop::open().await;
    let request = workshop.busybox(&format!("ENV TRY={}\n{}", uuid::Uuid::new_v4(), reads_the_secret()));
    let built = workshop.build(request).await;
    let explained = built.explained();
    assert_eq!(
        explained.sentence, "A step needs the build secret “npm”, and the app has none of that name.",
        "{:?}\n{}",
        built.result, built.said
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_says_that_it_knows_no_build_secrets() {
    let proxy = Proxy::start(Mode::OldApi);
    let workshop = Workshop::classic(&proxy).await;
    let built = workshop.build(BuildRequest { secrets: vec![secret()], ..workshop.busybox("RUN test ! -e /run/secrets/npm") }).await;
    built.image();
    assert!(built.said.contains("cannot hand build secrets to steps"), "{}", built.said);
    let built = workshop.build(BuildRequest { secrets: vec![secret()], ..workshop.busybox(&reads_the_secret()) }).await;
    assert!(built.explained().sentence.contains("BuildKit"), "{:?}", built.result);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_build_with_secrets_cancels_it() {
    let workshop = Workshop::open().await;
    let mark = format!("{}.5", 3000 + rand());
    let request = workshop.busybox(&format!("{}\nRUN echo begun && sleep {mark}", reads_the_secret()));
    let request = BuildRequest { secrets: vec![secret()], ..request };
    let sleeping = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .any(|process| std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line == format!("sleep\0{mark}\0").as_bytes()))
    };
    tokio::select! {
        built = workshop.build(request) => panic!("{:?}\n{}", built.result, built.said),
        () = eventually("the step to run", async || if sleeping() { Ok(()) } else { Err("no process".to_owned()) }) => {}
    }
    eventually("the step to be ended", async || if sleeping() { Err("it still runs".to_owned()) } else { Ok(()) }).await;
}

fn rand() -> u32 {
    uuid::Uuid::new_v4().as_fields().0 % 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asked_for_stage_is_built() {
    let workshop = Workshop::open().await;
    let stages = "FROM scratch AS first\nENV STAGE=first\nCOPY busybox /\nFROM first AS last\nENV STAGE=last\n";
    assert_eq!(env(workshop.build(workshop.request(stages)).await.inspect().await).last().unwrap(), "STAGE=last");
    let of = |target: &str| BuildRequest { target: Some(target.to_owned()), ..workshop.request(stages) };
    assert_eq!(env(workshop.build(of("first")).await.inspect().await).last().unwrap(), "STAGE=first");
    let built = workshop.build(of("middle")).await;
    assert_eq!(built.explained().sentence, "The Dockerfile has no stage “middle”.", "{:?}", built.result);

    let proxy = Proxy::start(Mode::OldApi);
    let old = Workshop::classic(&proxy).await;
    let of = |target: &str| BuildRequest { target: Some(target.to_owned()), ..old.request(stages) };
    assert_eq!(env(old.build(of("first")).await.inspect().await).last().unwrap(), "STAGE=first");
    let built = old.build(of("middle")).await;
    assert_eq!(built.explained().sentence, "The Dockerfile has no stage “middle”.", "{:?}", built.result);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_every_step_runs_again() {
    let workshop = Workshop::open().await;
    let request = || workshop.busybox("RUN cat /proc/sys/kernel/random/uuid > /id");
    let first = workshop.build(request()).await.layers().await;
    assert_eq!(workshop.build(request()).await.layers().await, first);
    let again = workshop.build(BuildRequest { no_cache: true, ..request() }).await;
    assert_ne!(again.layers().await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn build_arguments_reach_the_steps() {
    let workshop = Workshop::open().await;
    let request = workshop.busybox("ARG COLOUR=none\nENV SEEN=${COLOUR}");
    let args = [("COLOUR".to_owned(), "blue & \"green\" = 1+1".to_owned())].into();
    let built = workshop.build(BuildRequest { args, ..request }).await;
    assert_eq!(env(built.inspect().await).last().unwrap(), "SEEN=blue & \"green\" = 1+1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_above_the_app_s_limit_is_refused_in_words() {
    let workshop = Workshop::open().await;
    std::fs::write(workshop.folder().join("large"), vec![0; 3 << 20]).unwrap();
    let built = workshop.build(BuildRequest { context_limit: 1 << 20, ..workshop.busybox("") }).await;
    let err = built.result.unwrap_err().error.to_string();
    assert_eq!(err, "The build context is larger than 1 MiB. List what the build does not need in `.dockerignore`.");
}

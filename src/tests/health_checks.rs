//! HTTP health checks, on a platform whose containers say what a test wants.

use std::time::Duration;

use upaas::{
    deploy::Limits,
    domain::{
        answer::Said,
        app_config::health_check::{HealthCheck, HttpProbe, Probe, Timing},
    },
};

use crate::support::{
    eventually,
    fake::Fake,
    server::{Server, quick},
    shop::{with_shop, with_shop_within},
};

/// A server whose app `shop` is asked over HTTP.
async fn asking(fake: &Fake, timing: Timing) -> Server {
    let server = with_shop_within(fake, &[], Limits { settle: Duration::from_secs(60), ..quick() }).await;
    let probe = Probe::Http(HttpProbe { path: "/healthz".to_owned(), port: 80, status: 200 });
    server.configure("shop", |config| config.run.health = HealthCheck { probe, timing }).await;
    server
}

/// Each failure counts at once.
const STRICT: Timing = Timing { interval: 1, timeout: 1, retries: 1, start_period: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_answers_as_expected_is_live_without_waiting() {
    let fake = Fake::default();
    let mut server = asking(&fake, Timing::default()).await;
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Success");
    let journal = page.text("#journal");
    assert!(journal.contains("The health check passes: GET http://172.17.0.5:80/healthz answered 200."), "{journal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_status_fails_and_the_old_version_serves() {
    let fake = Fake::default();
    let mut server = asking(&fake, STRICT).await;
    server.deploy_to_the_end("shop").await;
    fake.say(Said::Status(503));
    let page = server.deploy_to_the_end("shop").await;
    assert_eq!(page.text(".summary .badge"), "Failed");
    let sentence = page.text(".failure-sentence");
    assert!(sentence.contains("The health check GET http://172.17.0.5:80/healthz answered 503, expected 200."), "{sentence}");
    assert_eq!(fake.running().0, [1]);
    fake.say(Said::Refused);
    let page = server.deploy_to_the_end("shop").await;
    assert!(page.text(".failure").contains("the connection was refused."), "{}", page.text(".failure"));
    assert!(page.text(".failure").contains("0.0.0.0"), "it says what to try: {}", page.text(".failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_the_start_period_do_not_count() {
    let fake = Fake::default();
    let mut server = asking(&fake, Timing { start_period: 3600, ..STRICT }).await;
    fake.say(Said::Refused);
    let path = server.deploy("shop").await;
    eventually("some questions", async || {
        let asked = fake.acts().iter().filter(|act| act.starts_with("ask ")).count();
        if asked >= 3 { Ok(()) } else { Err(format!("{asked}")) }
    })
    .await;
    let page = server.wait_for(&path, &["Deploying"]).await;
    let waiting = "Waiting for the health check: GET http://172.17.0.5:80/healthz: the connection was refused.";
    assert_eq!(page.text("#journal").matches(waiting).count(), 1, "{}", page.text("#journal"));
    fake.say(Said::Status(200));
    server.wait_for(&path, &["Success"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_container_is_asked_on_and_the_pages_say_how_it_is() {
    let fake = Fake::default();
    let mut server = asking(&fake, STRICT).await;
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    fake.say(Said::TimedOut);
    server.wait_for_app("shop", "Unhealthy").await;
    let metrics = server.browser.get("/metrics").await.body;
    assert!(metrics.contains("upaas_container_healthy{app=\"shop\"} 0"), "{metrics}");
    fake.say(Said::Status(200));
    server.wait_for_app("shop", "Running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_upaas_live_containers_are_asked_again() {
    let fake = Fake::default();
    let mut server = asking(&fake, STRICT).await;
    server.deploy_to_the_end("shop").await;
    server.stop().await;
    fake.say(Said::NotHttp);
    server.start_fake(&fake).await;
    server.wait_for_app("shop", "Unhealthy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_http_check_nothing_is_asked() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    fake.say(Said::Refused);
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    assert!(!fake.acts().iter().any(|act| act.starts_with("ask ")), "{:?}", fake.acts());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_its_container_an_app_is_asked_on() {
    let fake = Fake::default();
    let mut server = asking(&fake, STRICT).await;
    server.deploy_to_the_end("shop").await;
    fake.say(Said::TimedOut);
    server.wait_for_app("shop", "Unhealthy").await;
    fake.say(Said::Status(200));
    server.browser.post("/apps/shop/restart", &[]).await.expect(303);
    server.wait_for_app("shop", "Running").await;
    fake.say(Said::TimedOut);
    server.wait_for_app("shop", "Unhealthy").await;
}

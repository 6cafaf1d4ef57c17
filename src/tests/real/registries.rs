//! Base images from a private registry that wants a login.

use bollard::query_parameters::RemoveImageOptionsBuilder;
use upaas::{
    deploy::Limits,
    docker::{BuildRequest, RegistryLogin, explain},
};

use crate::support::{
    browser::Reply,
    engine::client,
    ports::free_port,
    proxy::{Mode, Proxy},
    registry::{Registry, forget},
    server::Server,
    workshop::{Built, Workshop},
};

/// Fills the registry with a base image of its own content, and forgets it here.
pub(super) async fn push_base(workshop: &Workshop, registry: &Registry) {
    let content = format!("FROM scratch\nCOPY busybox /busybox\nENV BASE={}", uuid::Uuid::new_v4());
    let base = workshop.build(workshop.request(&content)).await;
    registry.take(base.image(), "base").await;
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    client().remove_image(base.image(), Some(force), None).await.unwrap();
}

async fn build_from(workshop: &Workshop, registry: &Registry, login: Option<RegistryLogin>, pull: bool) -> Built {
    let dockerfile = format!("FROM {}\nENV MINE=1", registry.image("base"));
    let request = BuildRequest { registries: login.into_iter().collect(), pull, ..workshop.request(&dockerfile) };
    workshop.build(request).await
}

async fn base_of(built: &Built) -> String {
    let env = built.inspect().await.config.unwrap().env.unwrap();
    env.into_iter().find_map(|line| line.strip_prefix("BASE=").map(str::to_owned)).unwrap()
}

async fn logins_decide(workshop: &Workshop) {
    let registry = Registry::start().await;
    push_base(workshop, &registry).await;
    let image = registry.image("base");

    for login in [None, Some(registry.wrong_login())] {
        let built = build_from(workshop, &registry, login, false).await;
        let explained = built.explained();
        let sentence = format!("The registry {} wants a login for “{image}”, and got none or a wrong one.", registry.host());
        assert_eq!(explained.sentence, sentence, "{:?}", built.result);
        assert_eq!(explained.hint, "Add or correct its credentials under Settings → Registries.");
    }

    let elsewhere = RegistryLogin { host: "registry.example.org".to_owned(), ..registry.login() };
    let built = build_from(workshop, &registry, Some(elsewhere), false).await;
    assert!(built.result.is_err(), "a login goes to its own registry only");

    let built = build_from(workshop, &registry, Some(registry.login()), false).await;
    base_of(&built).await;
    forget(&image).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_image_behind_a_login_is_built_from_with_the_right_login_only() {
    logins_decide(&Workshop::open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_logs_in_as_well() {
    let proxy = Proxy::start(Mode::OldApi);
    logins_decide(&Workshop::classic(&proxy).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_base_image_is_taken_when_it_is_asked_for() {
    let proxy = Proxy::start(Mode::OldApi);
    for workshop in [Workshop::open().await, Workshop::classic(&proxy).await] {
        let registry = Registry::start().await;
        push_base(&workshop, &registry).await;
        let old = base_of(&build_from(&workshop, &registry, Some(registry.login()), true).await).await;
        push_base(&workshop, &registry).await;
        let new = base_of(&build_from(&workshop, &registry, Some(registry.login()), true).await).await;
        assert_ne!(new, old);
        forget(&registry.image("base")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_tried_before_it_is_relied_on() {
    let workshop = Workshop::open().await;
    let registry = Registry::start().await;
    workshop.engine.try_registry(&registry.login()).await.unwrap();
    let refused = workshop.engine.try_registry(&registry.wrong_login()).await.unwrap_err();
    assert_eq!(
        explain::login(&registry.host(), &refused).sentence,
        format!("The registry {} refused the login.", registry.host()),
        "{refused:?}"
    );

    let nobody = format!("127.0.0.1:{}", free_port());
    let absent = workshop.engine.try_registry(&RegistryLogin { host: nobody.clone(), ..registry.login() }).await.unwrap_err();
    let sentence = explain::login(&nobody, &absent).sentence;
    assert!(sentence.starts_with(&format!("The engine could not log in to the registry {nobody}")), "{sentence} of {absent:?}");
}

/// Sets a login on the page.
async fn set_login(server: &mut Server, login: &RegistryLogin) -> Reply {
    let fields =
        [("registry_host", login.host.as_str()), ("registry_username", &login.username), ("registry_password", login.password.reveal())];
    server.browser.post("/settings/registries", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_kept_once_the_registry_takes_it_or_when_nobody_can_ask() {
    let registry = Registry::start().await;
    let mut server = Server::real(Limits::default(), None).await;
    server.set_up().await;
    server.wait_for_the_engine().await;
    let page = set_login(&mut server, &registry.wrong_login()).await.expect(422);
    let sentence = format!("The registry {} refused the login. Correct the user name, or the password or token.", registry.host());
    assert_eq!(page.text("#registry_password-error"), sentence);
    assert!(page.text("#registries").contains("No logins yet."));
    set_login(&mut server, &registry.login()).await.expect(303);

    let nobody = format!("127.0.0.1:{}", free_port());
    let page = set_login(&mut server, &RegistryLogin { host: nobody.clone(), ..registry.login() }).await.expect(200);
    let news = page.text("#alerts");
    let expected = format!("Saved. It could not be tried: The engine could not log in to the registry {nobody}");
    assert!(news.contains(&expected), "{news}");
    assert_eq!(page.texts("#registries .item-row code").len(), 2);
}

//! The app `shop` on a stand-in platform: what most tests begin with.

use upaas::{
    db,
    deploy::Limits,
    domain::{app::App, slug::Slug},
};

use super::{
    fake::Fake,
    server::{Server, quick},
};

/// Published at one port of the machine, so that one container makes room before the next one starts.
pub(crate) const FIXED_PORT: &[(&str, &str)] = &[("container_port", "80"), ("host_port", "8081")];

/// Published wherever there is room, so that two containers may run beside each other.
pub(crate) const ANY_PORT: &[(&str, &str)] = &[("container_port", "80"), ("host_port", "auto")];

/// A server that has the app, with these fields beside those that every app needs.
pub(crate) async fn with_shop(fake: &Fake, fields: &[(&str, &str)]) -> Server {
    with_shop_within(fake, fields, quick()).await
}

/// The same, with limits of its own.
pub(crate) async fn with_shop_within(fake: &Fake, fields: &[(&str, &str)], limits: Limits) -> Server {
    let mut server = Server::fake_with(fake, limits).await;
    server.set_up().await;
    server.create_shop(fields).await.expect(303);
    server
}

/// With a fixed port, deployed once, and seen to run.
pub(crate) async fn with_running_shop(fake: &Fake) -> Server {
    let mut server = with_shop(fake, FIXED_PORT).await;
    server.deploy_to_the_end("shop").await;
    server.wait_for_app("shop", "Running").await;
    server
}

/// An app as it is stored.
pub(crate) async fn app_row(server: &Server, slug: &str) -> App {
    let db = server.db().await;
    let slug: Slug = slug.parse().unwrap();
    let app = db::apps::by_slug(db.read(), &slug).await.unwrap().unwrap_or_else(|| panic!("no app {slug}"));
    db.close().await;
    app
}

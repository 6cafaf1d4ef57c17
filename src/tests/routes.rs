//! What is true of every address: who may use it, what every answer carries, what another site's page may not do.

use http::Method;
use upaas::{
    domain::token::Scope,
    web::{Access, routes},
};

use super::support::{browser::Reply, fake::Fake, server::Server};

/// The path of a route with something in its holes.
fn filled(path: &str) -> String {
    let id = "00000000-0000-7000-8000-000000000000";
    path.replace("{app}", "shop").replace("{n}", "1").replace("{hash}", "0").replace("{*file}", "app.css").replace("{id}", id)
}

#[tokio::test]
async fn every_route_that_is_not_public_asks_for_a_sign_in() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    let mut stranger = server.new_browser();
    let closed: Vec<String> = routes().iter().filter(|route| route.access != Access::Public).map(|route| filled(route.path)).collect();
    assert!(closed.len() > 10, "the table is walked");
    for path in closed {
        stranger.headers = vec![("accept", "text/html".to_owned())];
        for method in [Method::GET, Method::POST] {
            let reply = stranger.send(method.clone(), &path, (method == Method::POST).then(String::new)).await;
            let to_login = reply.status == 303 && reply.location().starts_with("/login");
            assert!(to_login || reply.status == 405, "{method} {path}: {} {}", reply.status, reply.location());
        }
        stranger.headers = vec![("hx-request", "true".to_owned())];
        let reply = stranger.send(Method::GET, &path, None).await;
        assert!(
            reply.status == 405 || (reply.status == 401 && reply.header("hx-redirect").starts_with("/login")),
            "{path}: {}",
            reply.status
        );
        stranger.headers.clear();
    }
}

#[tokio::test]
async fn a_token_opens_what_its_scope_allows_and_nothing_else() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    let read = server.make_token("read", "read").await;
    let deploy = server.make_token("deploy", "deploy").await;
    let for_programs: Vec<_> = routes().iter().filter(|route| matches!(route.access, Access::Token(_))).map(|route| route.path).collect();
    assert_eq!(
        for_programs,
        ["/health", "/apps/{app}/deployments", "/apps/{app}/deployments/{n}/cancellation", "/apps/{app}/rollbacks", "/api/audit"]
    );
    for route in routes() {
        for method in [Method::GET, Method::POST] {
            let path = filled(route.path);
            let form = (method == Method::POST).then(String::new);
            let said = format!("{method} {path}");
            match route.access {
                Access::Public => {}
                // The list of deployments is for people; what makes one is at the same address.
                Access::Administrator if method == Method::POST && for_programs.contains(&route.path) => {}
                Access::Administrator => {
                    let reply = server.program(&deploy).send(method, &path, form).await;
                    // A redirect to the login would look like success to a program.
                    assert!(reply.status == 405 || reply.status == 403, "{said}: {}", reply.status);
                }
                Access::Token(scope) => {
                    let stranger = server.new_browser().send(method.clone(), &path, form.clone()).await;
                    let opens = |reply: &Reply| !matches!(reply.status.as_u16(), 401 | 403) && !reply.location().starts_with("/login");
                    assert!(!opens(&stranger) || stranger.status == 405, "{said}");
                    if stranger.status == 401 {
                        assert_eq!(stranger.header("www-authenticate"), "Bearer", "{said}");
                        assert!(stranger.json()["error"].as_str().unwrap().contains("Send a token"), "{said}");
                        let by = async |token: &str| opens(&server.program(token).send(method.clone(), &path, form.clone()).await);
                        assert!(by(&deploy).await, "{said}");
                        assert_eq!(by(&read).await, scope == Scope::Read, "{said}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_public_list_is_short() {
    let public: Vec<&str> = routes().iter().filter(|route| route.access == Access::Public).map(|route| route.path).collect();
    assert_eq!(
        public,
        [
            "/health/live",
            "/health/ready",
            "/static/{hash}/{*file}",
            "/setup",
            "/login",
            "/auth/token",
            "/theme",
            "/metrics",
            "/webhook/{uuid}"
        ]
    );
}

#[tokio::test]
async fn a_post_from_another_site_is_refused_everywhere() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    let foreign = [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")];
    for (name, value) in foreign {
        server.browser.headers = vec![(name, value.to_owned())];
        for route in routes() {
            let reply = server.browser.post(&filled(route.path), &[]).await;
            assert_eq!(reply.status, 403, "{} with {name}: {value}", route.path);
            assert!(reply.body.contains("another site"), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_post_from_our_own_page_or_from_no_page_is_carried_out() {
    let mut server = Server::fake(&Fake::default()).await;
    let address = server.browser.get("/login").await.expect(303).header("location").to_owned();
    assert_eq!(address, "/setup");
    server.browser.headers = vec![("sec-fetch-site", "same-origin".to_owned())];
    server.set_up().await;
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    for path in ["/", "/login", "/apps/new", "/nowhere", "/health/live", "/static/0/none.css"] {
        let reply = server.browser.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!reply.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn assets_are_addressed_by_their_content_and_kept_by_the_browser() {
    let mut server = Server::fake(&Fake::default()).await;
    let page = server.browser.get("/setup").await.expect(200);
    let style = page.attribute("link[rel=stylesheet]", "href").unwrap();
    let reply = server.browser.get(&style).await.expect(200);
    assert!(reply.header("content-type").starts_with("text/css"));
    assert!(reply.header("cache-control").contains("immutable"));
    let outdated = format!("/static/0123456789abcdef/{}", style.rsplit('/').next().unwrap());
    server.browser.get(&outdated).await.expect(404);
    for hostile in ["/static/x/../Cargo.toml", "/static/x/%2e%2e/Cargo.toml", "/static/x/src/app.css", "/static/x//etc/passwd"] {
        server.browser.get(hostile).await.expect(404);
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_page_with_a_way_home() {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    for path in ["/nowhere", "/apps/none", "/apps/NONE", "/apps/shop/deployments/1", "/apps/shop/deployments/x"] {
        let reply = server.browser.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.attribute("main a[href='/']", "href").is_some(), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn pages_contain_no_inline_script_or_style() {
    let mut server = Server::fake(&Fake::default()).await;
    let setup = server.browser.get("/setup").await.body;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    let mut pages = vec![("/setup".to_owned(), setup)];
    for path in [
        "/",
        "/apps/new",
        "/apps/shop",
        "/apps/shop/deployments",
        "/apps/shop/deployments/1",
        "/apps/shop/deployments/1/rollback",
        "/apps/shop/compare?from=1&to=1",
        "/audit",
        "/settings",
        "/system",
        "/nowhere",
    ] {
        pages.push((path.to_owned(), server.browser.get(path).await.body));
    }
    for (path, body) in pages {
        for inline in ["<style", " style=", "javascript:", " onclick", " onload", "hx-on", "<script>"] {
            assert!(!body.contains(inline), "{path} contains {inline}");
        }
    }
}

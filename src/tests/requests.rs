//! What the log says of requests, and the ids that tie its lines together.

use serde_json::Value;

use super::support::{eventually, fake::Fake, process::Process, server::Server};

/// The binary, without an engine: its log is a file.
async fn started() -> Server {
    Server::binary(Some("unix:///nowhere/docker.sock".to_owned())).await
}

/// The lines of the log of a binary that tell of requests to this path.
fn lines(server: &Server, path: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(Process::log(&server.data())).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == "request" && line["path"] == path).collect()
}

#[tokio::test]
async fn every_request_is_one_line_with_who_asked_and_what_came_of_it() {
    let mut server = started().await;
    server.set_up().await;
    let long = "Mozilla ".repeat(100);
    server.browser.headers =
        vec![("user-agent", long.clone()), ("x-forwarded-for", "203.0.113.9".to_owned()), ("x-request-id", "trace-7".to_owned())];
    let reply = server.browser.get("/nowhere?password=hunter2").await.expect(404);
    assert_eq!(reply.header("x-request-id"), "trace-7");
    let line = eventually("the line", async || lines(&server, "/nowhere").pop().ok_or_else(String::new)).await;
    assert_eq!((&line["method"], &line["status"], &line["level"]), (&"GET".into(), &404.into(), &"INFO".into()), "{line}");
    assert_eq!((&line["client"], &line["request_id"]), (&"203.0.113.9".into(), &"trace-7".into()), "{line}");
    assert_eq!(line["user_agent"], long[..256], "{line}");
    assert!(line["latency_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    assert_eq!(line["bytes"].as_u64(), Some(reply.body.len() as u64), "{line}");
    let log = std::fs::read_to_string(Process::log(&server.data())).unwrap();
    assert!(!log.contains("hunter2"), "queries are not logged");
}

#[tokio::test]
async fn what_machines_ask_all_the_time_is_not_logged_unless_it_goes_wrong() {
    let mut server = started().await;
    for path in ["/health/live", "/metrics"] {
        server.browser.get(path).await.expect(200);
    }
    server.browser.get("/static/0/none.css").await.expect(404);
    eventually("the line of what went wrong", async || lines(&server, "/static/0/none.css").pop().ok_or_else(String::new)).await;
    assert_eq!(lines(&server, "/health/live").len() + lines(&server, "/metrics").len(), 0);
}

#[tokio::test]
async fn what_is_logged_meanwhile_carries_the_request_s_id() {
    let mut server = started().await;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    server.browser.headers = vec![("x-request-id", "test-42".to_owned())];
    server.browser.post("/apps/shop/connection-test", &[]).await.expect(303);
    eventually("the line of the test", async || {
        let log = std::fs::read_to_string(Process::log(&server.data())).unwrap();
        let failed =
            log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| line["message"] == "connection test failed");
        failed.filter(|line| line["request_id"] == "test-42").ok_or(log)
    })
    .await;
}

#[tokio::test]
async fn an_id_that_could_do_harm_is_replaced() {
    let mut server = Server::fake(&Fake::default()).await;
    for harmful in ["a b", "<script>", &"x".repeat(65)] {
        server.browser.headers = vec![("x-request-id", harmful.to_owned())];
        let id = server.browser.get("/login").await.header("x-request-id").to_owned();
        assert!(id.len() == 36 && id != harmful, "{id}");
    }
}

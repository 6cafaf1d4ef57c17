//! An engine that says what a test wants.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::Engine;
use crate::domain::{engine::Address, ids::InstanceId};

/// The method and path of a request, and what is said to it: the status and the body.
type Answer = (&'static str, u16, Value);

/// An engine that gives these answers, as this installation sees it. It ends with the test.
pub(super) async fn engine(instance: InstanceId, answers: Vec<Answer>) -> Engine {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = Address::Tcp(listener.local_addr().expect("bound").to_string());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let say = service_fn(|request: Request<Incoming>| {
                let answer = answer(&request, &answers);
                async move { Ok::<_, Infallible>(answer) }
            });
            // Who asks may have hung up.
            let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), say).await;
        }
    });
    Engine::new(address, instance)
}

fn answer(request: &Request<Incoming>, answers: &[Answer]) -> Response<Full<Bytes>> {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let (status, said) = match answers.iter().find(|(about, ..)| *about == asked) {
        Some((_, status, said)) => (*status, said.to_string()),
        None => (404, format!("{{\"message\":\"nobody knows {asked}\"}}")),
    };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::new(said.into())).expect("a status and text")
}

//! Connections: taken up to a number, cut off when a request's headers do not come or an answer is not taken, ended in order at shutdown.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a client may take for a request's headers, and how long a connection may rest between two requests.
const HEADERS_DEADLINE: Duration = Duration::from_secs(20);
/// How long a client may take nothing of an answer.
const TAKING_DEADLINE: Duration = Duration::from_secs(30);
/// How long an open request may still take when µPaaS stops.
const STOP_DEADLINE: Duration = Duration::from_secs(3);
/// What a connection holds back for a client that takes an answer more slowly than it is made.
const BUFFER_MAX_BYTES: usize = 64 * 1024;
/// More connections wait until one of these ends.
const CONNECTIONS_MAX: usize = 4000;
/// How long nothing is accepted after that has failed, for example because the process has no file descriptors left.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled and the open requests have ended.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    while let Some(place) = stop.run_until_cancelled(places.clone().acquire_owned()).await {
        match stop.run_until_cancelled(listener.accept()).await {
            Some(Ok((stream, peer))) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, peer, router, stop).await;
                });
            }
            Some(Err(err)) => {
                tracing::warn!(error = %err, "a connection could not be accepted");
                sleep(PAUSE_AFTER_FAILURE).await;
            }
            None => break,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Answers are small and whole: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKING_DEADLINE));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_DEADLINE).max_buf_size(BUFFER_MAX_BYTES);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => Ok(ended),
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            timeout(STOP_DEADLINE, serving).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::debug!(%peer, error = %err, "a connection ended early"),
        Err(_) => tracing::debug!(%peer, "a connection is cut off: µPaaS stops"),
    }
}

//! One request to a container: is it well?

use std::{io::ErrorKind, net::SocketAddr, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::domain::{answer::Said, app_config::health_check::HttpProbe};

/// Asks once. Redirects are answers like others, and the body is not read.
pub(super) async fn ask(address: SocketAddr, probe: &HttpProbe, deadline: Duration) -> Said {
    timeout(deadline, answer(address, probe)).await.unwrap_or(Said::TimedOut)
}

async fn answer(address: SocketAddr, probe: &HttpProbe) -> Said {
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(err) => return unconnected(err.kind()),
    };
    match exchange(stream, address, probe).await {
        Ok(status) => Said::Status(status),
        Err(err) if err.is_parse() => Said::NotHttp,
        Err(_) => Said::Closed,
    }
}

async fn exchange(stream: TcpStream, address: SocketAddr, probe: &HttpProbe) -> Result<u16, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = http::Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = probe.path.parse().unwrap_or_default();
    if let Ok(host) = address.to_string().parse() {
        request.headers_mut().insert(http::header::HOST, host);
    }
    request.headers_mut().insert(http::header::USER_AGENT, http::HeaderValue::from_static("upaas"));
    request.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    let answered = match select(pin!(sender.send_request(request)), pin!(connection)).await {
        Either::Left((answered, _)) => answered,
        Either::Right((_, answering)) => answering.await,
    };
    Ok(answered?.status().as_u16())
}

fn unconnected(kind: ErrorKind) -> Said {
    match kind {
        ErrorKind::ConnectionRefused => Said::Refused,
        ErrorKind::TimedOut => Said::TimedOut,
        ErrorKind::ConnectionReset => Said::Closed,
        _ => Said::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    /// For what answers: also on a machine that is busy with something else.
    const LONG: Duration = Duration::from_secs(30);

    fn probe() -> HttpProbe {
        HttpProbe { path: "/healthz?deep=1".to_owned(), port: 80, status: 200 }
    }

    /// What is said when this is answered to the first request; and the request.
    async fn said(answer: &'static str) -> (Said, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("asked");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("read");
            stream.write_all(answer.as_bytes()).await.expect("written");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let said = ask(address, &probe(), LONG).await;
        (said, server.await.expect("no panic"))
    }

    #[tokio::test]
    async fn the_status_is_told_and_neither_body_nor_redirect_matters() {
        let (ok, request) = said("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\nstart").await;
        assert_eq!(ok, Said::Status(200));
        assert!(request.starts_with("GET /healthz?deep=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
        assert_eq!(said("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n").await.0, Said::Status(302));
        assert_eq!(said("HTTP/1.0 503 Service Unavailable\r\n\r\n").await.0, Said::Status(503));
    }

    #[tokio::test]
    async fn what_is_no_answer_has_its_reason() {
        assert_eq!(said("SSH-2.0-OpenSSH_9.2\r\n").await.0, Said::NotHttp);
        assert_eq!(said("").await.0, Said::Closed);
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
        assert_eq!(ask(free, &probe(), LONG).await, Said::Refused);
    }

    #[tokio::test]
    async fn silence_ends_with_the_deadline() {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        assert_eq!(ask(silent.local_addr().expect("bound"), &probe(), SHORT).await, Said::TimedOut);
    }
}

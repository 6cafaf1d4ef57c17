//! Requests that bollard does not make: one request on a connection of its own.

use std::{future::Future, time::Duration};

use bollard::errors::Error as Bollard;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{body::Incoming, client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_util::either::Either;

use super::{Engine, Error};
use crate::domain::engine::Address;

/// The longest refusal that is read, in bytes.
const REFUSAL_MAX_BYTES: usize = 64 << 10;

impl Engine {
    /// Sends a request and returns its connection when the engine gives it away. `what` says whose time is up after the deadline.
    pub(super) async fn upgrade(&self, request: Request<String>, deadline: Duration, what: &'static str) -> Result<Upgraded, Error> {
        let upgraded = self.exchange(request, async |response| {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                Ok(hyper::upgrade::on(response).await.map_err(Bollard::from)?)
            } else {
                Err(refusal(response).await)
            }
        });
        timeout(deadline, upgraded).await.map_err(|_| Error::TimedOut(what))?
    }

    /// Sends a request whose answer is only whether it went well.
    pub(super) async fn order(&self, request: Request<String>, deadline: Duration, what: &'static str) -> Result<(), Error> {
        let ordered =
            self.exchange(request, async |response| if response.status().is_success() { Ok(()) } else { Err(refusal(response).await) });
        timeout(deadline, ordered).await.map_err(|_| Error::TimedOut(what))?
    }

    /// Sends a request and returns its answer, at most so long.
    pub(super) async fn ask(
        &self,
        request: Request<String>,
        max_bytes: usize,
        deadline: Duration,
        what: &'static str,
    ) -> Result<Bytes, Error> {
        let asked = self.exchange(request, async |response| {
            if !response.status().is_success() {
                return Err(refusal(response).await);
            }
            let read = Limited::new(response.into_body(), max_bytes).collect().await;
            let read = read.map_err(|err| match err.is::<LengthLimitError>() {
                true => Error::TooLong(what),
                false => Bollard::from(std::io::Error::other(err)).into(),
            })?;
            Ok(read.to_bytes())
        });
        timeout(deadline, asked).await.map_err(|_| Error::TimedOut(what))?
    }

    async fn exchange<T, F>(&self, mut request: Request<String>, take: impl FnOnce(Response<Incoming>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("docker"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.dial().await?)).await.map_err(Bollard::from)?;
        let answered = async move { take(sender.send_request(request).await.map_err(Bollard::from)?).await };
        let (taken, _) = tokio::join!(answered, connection.with_upgrades());
        taken
    }

    async fn dial(&self) -> Result<Either<UnixStream, TcpStream>, Error> {
        let stream = match &self.address {
            Address::Unix(path) => UnixStream::connect(path).await.map(Either::Left),
            Address::Tcp(address) => TcpStream::connect(address).await.map(Either::Right),
        };
        Ok(stream.map_err(Bollard::from)?)
    }
}

/// The engine's no, in its words.
async fn refusal(response: Response<Incoming>) -> Error {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), REFUSAL_MAX_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let message = said.and_then(|said| said.get("message")?.as_str().map(str::to_owned));
    Error::Refused { status, message: message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{docker::stub, domain::ids::InstanceId};

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_no_lost_engine() {
        let engine = stub::engine(InstanceId::new(), vec![("GET /long", 200, json!("0123456789"))]).await;
        let ask = async |max_bytes| {
            let request = Request::get("/long").body(String::new()).expect("a request");
            engine.ask(request, max_bytes, Duration::from_secs(10), "long").await
        };
        assert_eq!(ask(12).await.expect("read").len(), 12);
        let refused = ask(11).await.expect_err("too long");
        assert!(matches!(refused, Error::TooLong("long")), "{refused:?}");
    }
}

//! The session of a BuildKit build: while it builds, the builder asks over it for registry logins and build secrets.
//!
//! bollard would open a session itself, but one that serves no secrets. This one is a connection that the engine has turned round:
//! the engine is the gRPC client on it and µPaaS the server. What is asked for is given from memory; nothing lies in a file.

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bollard::{
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
    moby::{
        buildkit::secrets::v1::{
            GetSecretRequest, GetSecretResponse,
            secrets_server::{Secrets, SecretsServer},
        },
        filesync::v1::{
            CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
            GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
            auth_server::{Auth, AuthServer},
        },
    },
};
use http::header;
use hyper::server::conn::http2;
use hyper_util::{rt::TokioExecutor, service::TowerToHyperService};
use tonic::{Request, Response, Status, service::Routes};

use super::{Engine, Error, REQUEST_DEADLINE, registry::RegistryLogin};
use crate::domain::secret::Secret;

/// What the builder may ask for.
const METHODS: [&str; 3] =
    ["/grpc.health.v1.Health/Check", "/moby.filesync.v1.Auth/Credentials", "/moby.buildkit.secrets.v1.Secrets/GetSecret"];

/// A value that a step may read while it runs: `RUN --mount=type=secret,id=npm …`. It becomes part of neither the image nor the cache,
/// and a changed value alone does not run a cached step again.
#[derive(Debug, Clone)]
pub struct BuildSecret {
    /// The name by which the Dockerfile asks for it.
    pub id: String,
    /// What the step reads.
    pub value: Secret,
}

/// What a build's session gives away.
#[derive(Clone)]
struct Keeper {
    logins: Arc<[RegistryLogin]>,
    secrets: Arc<[BuildSecret]>,
}

impl Engine {
    /// Opens the session with an id and returns what serves it. The session ends when that is dropped.
    pub(super) async fn open_session(
        &self,
        id: &str,
        logins: &[RegistryLogin],
        secrets: &[BuildSecret],
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let mut request = http::Request::post("/session")
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "h2c")
            .header("X-Docker-Expose-Session-Uuid", id);
        for method in METHODS {
            request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
        }
        let request = request.body(String::new()).expect("constant headers and an id of hexadecimal digits");
        let connection = self.upgrade(request, REQUEST_DEADLINE, "build session").await.map_err(named)?;
        let keeper = Keeper { logins: logins.into(), secrets: secrets.into() };
        let services =
            Routes::new(HealthServer::new(Well)).add_service(AuthServer::new(keeper.clone())).add_service(SecretsServer::new(keeper));
        let server = http2::Builder::new(TokioExecutor::new()).serve_connection(connection, TowerToHyperService::new(services));
        Ok(async move { drop(server.await) })
    }
}

/// A refusal that says what was refused.
fn named(err: Error) -> Error {
    match err {
        Error::Refused { status, message } => Error::Refused { status, message: format!("no session for BuildKit: {message}") },
        err => err,
    }
}

#[async_trait]
impl Secrets for Keeper {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        match self.secrets.iter().find(|secret| secret.id == *id) {
            Some(secret) => Ok(Response::new(GetSecretResponse { data: secret.value.reveal().as_bytes().to_vec() })),
            None => Err(Status::not_found(format!("the app has no build secret {id}"))),
        }
    }
}

#[async_trait]
impl Auth for Keeper {
    /// No login is an answer, too: then the builder asks the registry as anybody.
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let login = self.logins.iter().find(|login| login.is_for(&request.get_ref().host));
        let credentials =
            login.map(|login| CredentialsResponse { username: login.username.clone(), secret: login.password.reveal().to_owned() });
        Ok(Response::new(credentials.unwrap_or_default()))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    /// Without an authority here, the builder asks for the login and fetches its tokens itself.
    async fn get_token_authority(&self, _: Request<GetTokenAuthorityRequest>) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }
}

/// The builder asks every few seconds whether the session is well, and gives it up otherwise.
struct Well;

#[async_trait]
impl Health for Well {
    type WatchStream = Pin<Box<dyn futures_util::Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only checks are answered"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only checks are answered"))
    }
}

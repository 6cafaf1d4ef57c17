//! What is asked of a builder, and how the engine is asked for it.

use std::collections::HashMap;

use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};

use crate::docker::{
    context::{CONTEXT_MAX_BYTES, Context},
    go_to,
    registry::RegistryLogin,
    session::BuildSecret,
    spec::Owner,
};

/// What is built.
#[derive(Debug)]
pub struct BuildRequest {
    /// Whose image it will be.
    pub owner: Owner,
    /// The files.
    pub context: Context,
    /// Build arguments. They are not secret: the image's history shows them.
    pub args: HashMap<String, String>,
    /// The stage that is built; the last one unless given.
    pub target: Option<String>,
    /// Run every step again.
    pub no_cache: bool,
    /// Ask the registries for newer base images, also when there are some here.
    pub pull: bool,
    /// Logins for the registries of base images.
    pub registries: Vec<RegistryLogin>,
    /// What steps may read while they run. The classic builder has no such thing.
    pub secrets: Vec<BuildSecret>,
    /// The largest tar that is sent, in bytes; at most [`CONTEXT_MAX_BYTES`].
    pub context_limit: u64,
}

impl BuildRequest {
    /// The last stage, with the cache, from what base images are here, with no arguments, logins or secrets.
    pub fn new(owner: Owner, context: Context) -> Self {
        Self {
            owner,
            context,
            args: HashMap::new(),
            target: None,
            no_cache: false,
            pull: false,
            registries: Vec::new(),
            secrets: Vec::new(),
            context_limit: CONTEXT_MAX_BYTES,
        }
    }
}

/// The request as the classic builder gets it.
pub(super) fn options(request: &BuildRequest, name: &str) -> BuildImageOptionsBuilder {
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(request.context.dockerfile_name())
        .t(name)
        .rm(true)
        .forcerm(true)
        .nocache(request.no_cache)
        .target(request.target.as_deref().unwrap_or_default())
        .labels(&request.owner.labels())
        .buildargs(&request.args)
        .version(BuilderVersion::BuilderV1);
    if request.pull { options.pull("1") } else { options }
}

/// Makes a request for a classic build one for BuildKit.
pub(super) fn with_buildkit<B>(mut request: http::Request<B>) -> http::Request<B> {
    let uri = request.uri();
    let Some(query) = uri.query() else { return request };
    let query: Vec<&str> = query.split('&').map(|field| if field == "version=1" { "version=2" } else { field }).collect();
    let path = format!("{}?{}", uri.path(), query.join("&"));
    go_to(&mut request, &path);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classic_request_becomes_one_for_buildkit_and_nothing_else_changes() {
        let asked = "/v1.41/build?t=shop%3A1&version=1&session=abc&buildargs=%7B%22version%22%3A%221%22%7D";
        let request = http::Request::post(asked).body(()).expect("a request");
        assert_eq!(with_buildkit(request).uri().to_string(), asked.replace("version=1&", "version=2&"));
    }
}

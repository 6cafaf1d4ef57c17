//! Image builds: the context streams in, the builder's words stream out, dropping the future cancels the build.

use std::{collections::HashMap, io, time::Duration};

use bollard::{
    body_try_stream,
    models::{BuildInfo, BuildInfoAux},
    query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, ListImagesOptionsBuilder, RemoveImageOptionsBuilder},
};
use futures_util::StreamExt;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Engine, Error,
    context::{CONTEXT_MAX_BYTES, Context, ContextError},
    progress::Progress,
    spec::{LABEL_DEPLOYMENT, LABEL_INSTANCE, Owner},
};

/// The context travels in pieces (of 64 KiB), at most this many ahead of the engine.
const CHUNKS_IN_FLIGHT: usize = 8;
/// BuildKit came to the API with this version.
const BUILDKIT_SINCE: (usize, usize) = (1, 39);
/// How long the engine may take to remove an image.
const REMOVE_DEADLINE: Duration = Duration::from_secs(60);

/// What is built.
#[derive(Debug)]
pub struct BuildRequest {
    /// Whose image it will be.
    pub owner: Owner,
    /// The files.
    pub context: Context,
    /// Build arguments.
    pub args: HashMap<String, String>,
}

/// What a build says while it runs.
#[derive(Debug, PartialEq, Eq)]
pub enum BuildEvent<'a> {
    /// A line of the builder's output, without its line feed.
    Line(&'a [u8]),
    /// µPaaS's own remark.
    Remark(&'a str),
}

/// Why a build failed, and the step it was at.
#[derive(Debug)]
pub struct BuildError {
    /// The error.
    pub error: Error,
    /// The failed step as the builder names it: `[2/3] RUN npm ci`.
    pub step: Option<String>,
}

impl<E: Into<Error>> From<E> for BuildError {
    fn from(error: E) -> Self {
        Self { error: error.into(), step: None }
    }
}

impl Engine {
    /// Builds an image and returns its id. With BuildKit, or with the classic builder where the engine has no other.
    pub async fn build(&self, request: BuildRequest, mut say: impl FnMut(BuildEvent<'_>) + Send) -> Result<String, BuildError> {
        let name = self.free_image_name(&request.owner).await?;
        if self.spoken_api() < BUILDKIT_SINCE {
            say(BuildEvent::Remark("This engine has no BuildKit: building with its classic builder."));
            return self.build_with(BuilderVersion::BuilderV1, &request, &name, &mut say).await;
        }
        match self.build_with(BuilderVersion::BuilderBuildKit, &request, &name, &mut say).await {
            Err(BuildError { error: Error::Refused { message, .. }, .. }) if message.to_lowercase().contains("buildkit") => {
                say(BuildEvent::Remark("The engine refused to use BuildKit: building with its classic builder."));
                self.build_with(BuilderVersion::BuilderV1, &request, &name, &mut say).await
            }
            result => result,
        }
    }

    async fn build_with(
        &self,
        version: BuilderVersion,
        request: &BuildRequest,
        name: &str,
        say: &mut (impl FnMut(BuildEvent<'_>) + Send),
    ) -> Result<String, BuildError> {
        let client = self.client()?;
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let context = request.context.clone();
        let packing = tokio::task::spawn_blocking(move || pack(&context, sender));
        let mut stream = client.build_image(options(version, request, name), None, Some(body_try_stream(ReceiverStream::new(receiver))));
        let mut progress = Progress::default();
        let mut image = None;
        let mut failure = None;
        while let Some(message) = stream.next().await {
            match message {
                Ok(info) => take(info, &mut progress, &mut image, say),
                Err(err) => {
                    failure = Some(Error::from(err));
                    break;
                }
            }
        }
        drop(stream);
        progress.finish(&mut |line| say(BuildEvent::Line(line)));
        let step = progress.failed_step();
        // The packer's own error explains a broken request better than the engine's view of it.
        let packed = packing.await.map_err(|_| Error::BuildLost).and_then(|packed| packed.map_err(Error::from));
        match (packed, failure) {
            (Err(Error::Context(cause)), _) if !is_hang_up(&cause) => Err(Error::Context(cause).into()),
            (_, Some(error)) => Err(BuildError { error, step }),
            _ => image.ok_or(BuildError { error: Error::BuildLost, step }),
        }
    }

    /// Removes an image of ours by id; an image that is gone already is fine.
    pub async fn remove_image(&self, image: &str) -> Result<(), Error> {
        let client = self.client()?;
        let removal = client.remove_image(image, Some(RemoveImageOptionsBuilder::new().force(true).build()), None);
        match timeout(REMOVE_DEADLINE, removal).await.map_err(|_| Error::TimedOut("image removal"))?.map_err(Error::from) {
            Err(err) if !err.is_not_found() => Err(err),
            _ => Ok(()),
        }
    }

    /// Removes the images that a deployment of ours left, found by label.
    pub async fn remove_images_of(&self, owner: &Owner) -> Result<(), Error> {
        let labels = vec![
            format!("{LABEL_INSTANCE}={}", owner.instance),
            format!("{}={}", super::spec::LABEL_APP, owner.app),
            format!("{LABEL_DEPLOYMENT}={}", owner.deployment),
        ];
        let options = ListImagesOptionsBuilder::new().filters(&HashMap::from([("label", labels)])).build();
        for image in self.client()?.list_images(Some(options)).await? {
            self.remove_image(&image.id).await?;
        }
        Ok(())
    }

    /// The image's name, made unique when another installation on this engine has taken it.
    async fn free_image_name(&self, owner: &Owner) -> Result<String, Error> {
        let name = owner.image_name();
        let theirs = match self.client()?.inspect_image(&name).await.map_err(Error::from) {
            Ok(image) => {
                image.config.and_then(|config| config.labels).and_then(|labels| labels.get(LABEL_INSTANCE).cloned())
                    != Some(owner.instance.to_string())
            }
            Err(err) if err.is_not_found() => false,
            Err(err) => return Err(err),
        };
        let instance = owner.instance.to_string();
        Ok(if theirs { format!("{name}-{}", &instance[..8]) } else { name })
    }
}

fn options(version: BuilderVersion, request: &BuildRequest, name: &str) -> BuildImageOptions {
    let builder = BuildImageOptionsBuilder::new()
        .dockerfile(request.context.dockerfile_name())
        .t(name)
        .rm(true)
        .forcerm(true)
        .labels(&request.owner.labels())
        .buildargs(&request.args)
        .version(version);
    match version {
        BuilderVersion::BuilderBuildKit => builder.session(&uuid::Uuid::new_v4().to_string()).build(),
        BuilderVersion::BuilderV1 => builder.build(),
    }
}

/// Handles one message of the builder, of either generation.
fn take(info: BuildInfo, progress: &mut Progress, image: &mut Option<String>, say: &mut impl FnMut(BuildEvent<'_>)) {
    match info.aux {
        Some(BuildInfoAux::BuildKit(status)) => progress.buildkit(&status, &mut |line| say(BuildEvent::Line(line))),
        Some(BuildInfoAux::Default(id)) => *image = id.id.or(image.take()),
        None => {}
    }
    if let Some(text) = info.stream.as_deref().or(info.status.as_deref().filter(|_| info.progress_detail.is_none())) {
        progress.classic(text, &mut |line| say(BuildEvent::Line(line)));
    }
}

/// Packs the context into the channel, on a blocking thread; stops when the engine stops reading.
fn pack(context: &Context, sender: mpsc::Sender<io::Result<bytes::Bytes>>) -> Result<(), ContextError> {
    match context.write_tar(ChannelWriter(&sender), CONTEXT_MAX_BYTES) {
        Ok(_) => Ok(()),
        Err(err) => {
            // The engine must see a broken request, never a shorter context.
            let _ = sender.blocking_send(Err(io::Error::other("the build context could not be packed")));
            Err(err)
        }
    }
}

/// Whether packing stopped because the engine stopped reading: then the engine knows better why.
fn is_hang_up(err: &ContextError) -> bool {
    matches!(err, ContextError::Io(err) if err.kind() == io::ErrorKind::BrokenPipe)
}

struct ChannelWriter<'a>(&'a mpsc::Sender<io::Result<bytes::Bytes>>);

impl io::Write for ChannelWriter<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(bytes::Bytes::copy_from_slice(piece)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine stopped reading"))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

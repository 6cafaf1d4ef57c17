//! Image builds: the context streams in, the builder's words stream out, dropping the future cancels the build.

mod request;

pub use request::BuildRequest;

use std::{future, io};

use bollard::{
    body_try_stream,
    errors::Error as Bollard,
    models::{BuildInfo, BuildInfoAux},
};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::request::{options, with_buildkit};
use super::{
    Engine, Error,
    context::{CONTEXT_MAX_BYTES, Context, ContextError},
    progress::Progress,
    registry,
    spec::{LABEL_INSTANCE, Owner},
};

/// The context travels in pieces (of 64 KiB), at most this many ahead of the engine.
const CHUNKS_IN_FLIGHT: usize = 8;
/// BuildKit came to the API with this version.
const BUILDKIT_SINCE: (usize, usize) = (1, 39);

/// The context on its way.
type Tar = ReceiverStream<io::Result<bytes::Bytes>>;

/// What a build says while it runs.
#[derive(Debug, PartialEq, Eq)]
pub enum BuildEvent<'a> {
    /// A line of the builder's output, without its line feed.
    Line {
        /// What is kept of it: its beginning, or all of it.
        text: &'a [u8],
        /// How long it is, in bytes.
        bytes: usize,
    },
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
            return self.build_classic(&request, &name, &mut say).await;
        }
        match self.build_with_buildkit(&request, &name, &mut say).await {
            Err(BuildError { error: Error::Refused { message, .. }, .. }) if message.to_lowercase().contains("buildkit") => {
                say(BuildEvent::Remark("The engine refused to use BuildKit: building with its classic builder."));
                self.build_classic(&request, &name, &mut say).await
            }
            result => result,
        }
    }

    /// bollard is asked for a classic build, as it would open a session of its own otherwise; on its way out the request becomes one
    /// for BuildKit with our session.
    async fn build_with_buildkit(
        &self,
        request: &BuildRequest,
        name: &str,
        say: &mut (impl FnMut(BuildEvent<'_>) + Send),
    ) -> Result<String, BuildError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let serving = self.open_session(&id, &request.registries, &request.secrets).await?;
        let engine = self.clone();
        let client = self.client()?.with_request_modifier(move |request| with_buildkit(engine.corrected(request)));
        let stream_of = |tar| client.build_image(options(request, name).session(&id).build(), None, Some(body_try_stream(tar))).boxed();
        tokio::select! {
            built = follow(request, stream_of, say) => built,
            // The engine ends a build whose session is lost, and says so in the build's own stream.
            () = async { serving.await; future::pending().await } => unreachable!("pending never ends"),
        }
    }

    async fn build_classic(
        &self,
        request: &BuildRequest,
        name: &str,
        say: &mut (impl FnMut(BuildEvent<'_>) + Send),
    ) -> Result<String, BuildError> {
        if !request.secrets.is_empty() {
            say(BuildEvent::Remark("The classic builder cannot hand build secrets to steps: this build goes without them."));
        }
        let client = self.client()?;
        let logins = registry::credentials(&request.registries);
        let stream_of = |tar| client.build_image(options(request, name).build(), Some(logins), Some(body_try_stream(tar))).boxed();
        follow(request, stream_of, say).await
    }

    /// The image's name, made unique when another installation on this engine has taken it.
    async fn free_image_name(&self, owner: &Owner) -> Result<String, Error> {
        let [name, unique] = owner.image_names();
        let theirs = match self.client()?.inspect_image(&name).await.map_err(Error::from) {
            Ok(image) => {
                image.config.and_then(|config| config.labels).and_then(|labels| labels.get(LABEL_INSTANCE).cloned())
                    != Some(owner.instance.to_string())
            }
            Err(err) if err.is_not_found() => false,
            Err(err) => return Err(err),
        };
        Ok(if theirs { unique } else { name })
    }
}

/// Sends the context, passes on what the builder says, and returns the image's id.
async fn follow<'a>(
    request: &BuildRequest,
    stream_of: impl FnOnce(Tar) -> BoxStream<'a, Result<BuildInfo, Bollard>>,
    say: &mut (impl FnMut(BuildEvent<'_>) + Send),
) -> Result<String, BuildError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let (context, limit) = (request.context.clone(), request.context_limit.min(CONTEXT_MAX_BYTES));
    let packing = tokio::task::spawn_blocking(move || pack(&context, limit, sender));
    let mut stream = stream_of(ReceiverStream::new(receiver));
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
    progress.finish(&mut |text, bytes| say(BuildEvent::Line { text, bytes }));
    let step = progress.failed_step();
    // The packer's own error explains a broken request better than the engine's view of it.
    let packed = packing.await.map_err(|_| Error::BuildLost).and_then(|packed| packed.map_err(Error::from));
    match (packed, failure) {
        (Err(Error::Context(cause)), _) if !is_hang_up(&cause) => Err(Error::Context(cause).into()),
        (_, Some(error)) => Err(BuildError { error, step }),
        _ => image.ok_or(BuildError { error: Error::BuildLost, step }),
    }
}

/// Handles one message of the builder, of either generation.
fn take(info: BuildInfo, progress: &mut Progress, image: &mut Option<String>, say: &mut impl FnMut(BuildEvent<'_>)) {
    match info.aux {
        Some(BuildInfoAux::BuildKit(status)) => progress.buildkit(&status, &mut |text, bytes| say(BuildEvent::Line { text, bytes })),
        Some(BuildInfoAux::Default(id)) => *image = id.id.or(image.take()),
        None => {}
    }
    if let Some(text) = info.stream.as_deref().or(info.status.as_deref().filter(|_| info.progress_detail.is_none())) {
        progress.classic(text, &mut |text, bytes| say(BuildEvent::Line { text, bytes }));
    }
}

/// Packs the context into the channel, on a blocking thread; stops when the engine stops reading.
fn pack(context: &Context, limit: u64, sender: mpsc::Sender<io::Result<bytes::Bytes>>) -> Result<(), ContextError> {
    match context.write_tar(ChannelWriter(&sender), limit) {
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

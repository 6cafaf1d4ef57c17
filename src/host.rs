//! The seam's traits on real git and a real engine: the place where their errors become sentences.

mod ask;
mod config_files;
mod here;
mod make;
mod place;
mod reach;
mod submodules;
mod volumes;

pub use place::Place;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use config_files::ConfigFiles;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    deploy::{
        files::Files,
        platform::{Builder, Failure, FailureKind, Origin, Recipe, Runtime, Source, Target, Wanted},
    },
    docker::{
        self, BuildEvent, BuildRequest, BuildSecret, Engine, RegistryLogin,
        context::{Context, ContextError},
        explain::{self, Explained},
        spec::Owner,
    },
    domain::{
        answer::Answer,
        app_config::{env::COMMIT_VARIABLE, health_check::HttpProbe, network::NetworkName, restart::RestartPolicy},
        branch::Branch,
        commit::{CommitFacts, CommitId},
        connection::{HostKey, KnownHost},
        container::{Happening, Observed, Usage},
        deployment::Cause,
        engine::{EngineVersion, Network},
        ids::{AppId, InstanceId},
        port::{self, Held, Holder, Port, Taken},
        repo_url::RepoUrl,
    },
    git::{self, Access, Git, Said, Submodules, Want},
    logs::journal::Journal,
};

/// So long git is believed to be the one it was.
const VERSION_KEPT: Duration = Duration::from_secs(60);

/// What runs where: git on this machine.
pub struct GitHost {
    git: Git,
    files: Files,
    /// Its version, and when it was asked. Held for a look-up.
    version: Mutex<Option<(Instant, String)>>,
}

impl GitHost {
    /// git with the mirrors in these files.
    pub fn new(git: Git, files: Files) -> Self {
        Self { git, files, version: Mutex::default() }
    }
}

fn access(origin: &Origin) -> Access {
    Access { url: origin.url.clone(), key: origin.key.clone(), host_key: origin.host_key.clone() }
}

#[async_trait]
impl Source for GitHost {
    async fn fetch(&self, origin: &Origin, commit: Option<&CommitId>, journal: &Journal) -> Result<CommitFacts, Failure> {
        let want = commit.map_or_else(|| Want::Tip(origin.branch.clone()), |commit| Want::Commit(commit.clone()));
        let mirror = self.files.mirror(origin.app);
        let fetched = self.git.fetch(&mirror, &access(origin), &want, &mut |line| journal.output(line.as_bytes())).await;
        match fetched {
            // Nothing was asked of the server yet: one that cannot be reached is to be told apart from one that waits for its confirmation.
            Err(unconfirmed @ git::Error::HostKeyUnconfirmed) => match self.git.host_key(origin.url.host(), origin.url.port()).await {
                Ok(_) => Err(git_failure(unconfirmed, origin)),
                Err(err) => Err(git_failure(err, origin)),
            },
            fetched => fetched.map_err(|err| git_failure(err, origin)),
        }
    }

    async fn export(&self, app: AppId, commit: &CommitId, into: &Path) -> Result<(), Failure> {
        self.git.export(&self.files.mirror(app), commit, into).await.map_err(export_failure)
    }

    async fn changed(&self, app: AppId, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Failure> {
        self.git.changed(&self.files.mirror(app), from, to).await.map_err(|err| {
            let failure = Failure::new(Cause::Internal, "The commit could not be compared with the one that is live.");
            failure.hint("The log has the details.").source(err)
        })
    }

    async fn fill_submodules(
        &self,
        origin: &Origin,
        known: &[KnownHost],
        commit: &CommitId,
        checkout: &Path,
        journal: &Journal,
    ) -> Result<(), Failure> {
        let (mirror, mirrors) = (self.files.mirror(origin.app), self.files.submodule_mirrors(origin.app));
        let of = Submodules { mirror: &mirror, url: &origin.url, key: &origin.key, known, mirrors: &mirrors };
        let mut say = |said: Said<'_>| match said {
            Said::Git(line) => journal.output(line.as_bytes()),
            Said::Remark(remark) => journal.say(&remark),
        };
        self.git.fill_submodules(&of, commit, checkout, &mut say).await.map_err(submodules::failure)
    }

    async fn look(&self, origin: &Origin) -> Result<Option<CommitId>, Failure> {
        self.git.look(&access(origin), &origin.branch).await.map_err(|err| git_failure(err, origin))
    }

    async fn version(&self) -> Result<String, Failure> {
        let known = self.version.lock().expect("no panic while held").clone();
        if let Some((_, version)) = known.filter(|(asked, _)| asked.elapsed() < VERSION_KEPT) {
            return Ok(version);
        }
        let version = self.git.version().await.map_err(no_git)?;
        *self.version.lock().expect("no panic while held") = Some((Instant::now(), version.clone()));
        Ok(version)
    }

    async fn host_key(&self, url: &RepoUrl) -> Result<HostKey, Failure> {
        self.git.host_key(url.host(), url.port()).await.map_err(|err| server_failure(err, url, None))
    }
}

fn export_failure(err: git::Error) -> Failure {
    let failure = match &err {
        // A path that git writes nowhere, such as `.git/config`, or a link with a name that must be a file's.
        git::Error::Other(said) if said.contains("invalid path") => {
            Failure::new(Cause::User, format!("git refuses to write the commit's files: {said}")).hint("Mend the commit and push.")
        }
        _ => Failure::new(Cause::Internal, "The commit's files could not be written to µPaaS's data directory.")
            .hint("Is its disk full? The log has the details."),
    };
    failure.source(err)
}

/// Why git does not even say its version.
fn no_git(err: git::Error) -> Failure {
    match err {
        git::Error::NotInstalled { .. } => Failure::new(Cause::Internal, "git is missing on the machine where µPaaS runs."),
        err => Failure::new(Cause::Internal, "git does not work on the machine where µPaaS runs.").source(err),
    }
}

fn git_failure(err: git::Error, origin: &Origin) -> Failure {
    server_failure(err, &origin.url, Some(&origin.branch))
}

/// What stands in the way to a repository, and what to do about it.
fn server_failure(err: git::Error, url: &RepoUrl, branch: Option<&Branch>) -> Failure {
    use git::Error;
    let server = format!("{}:{}", url.host(), url.port());
    let failure =
        match &err {
            Error::HostKeyUnconfirmed | Error::HostKeyChanged => host_key_failure(&err, &server),
            Error::HostUnknown(_) | Error::Unreachable(_) | Error::TimedOut | Error::Certificate(_) => unreachable(&err, url, &server),
            Error::KeyRefused(_) | Error::RepositoryRefused(_) | Error::PasswordWanted => refused(&err, &server),
            Error::NoSuchBranch => {
                let sentence = branch
                    .map_or_else(|| "The branch does not exist.".to_owned(), |branch| format!("The repository has no branch “{branch}”."));
                Failure::new(Cause::User, sentence)
                    .hint("Push the branch, or choose another one for this app. An empty repository has no branches yet.")
            }
            Error::NoSuchCommit | Error::NotAdvertised => Failure::new(Cause::User, "The repository does not have this commit.")
                .hint("Was it pushed, and not removed by a force push?"),
            Error::DiskFull => Failure::new(Cause::Internal, "The disk of µPaaS's data directory is full.")
                .hint("Free some space there, then deploy again."),
            Error::NotInstalled { program, .. } => {
                Failure::new(Cause::Internal, format!("The program {program} is missing on the machine where µPaaS runs."))
                    .hint("Install git and the OpenSSH client.")
            }
            Error::Other(said) => Failure::new(Cause::Forge, format!("git failed: {said}")).hint("The journal has git's output."),
            Error::Unexpected(_) | Error::Io(_) => return Failure::internal(err),
        };
    failure.source(err)
}

fn host_key_failure(err: &git::Error, server: &str) -> Failure {
    if matches!(err, git::Error::HostKeyUnconfirmed) {
        return Failure::new(Cause::Forge, format!("The host key of {server} is not confirmed yet."))
            .hint("On the app's page press “Test connection”, compare the fingerprint and confirm it. This is asked once for a server.")
            .kind(FailureKind::HostKeyUnconfirmed);
    }
    Failure::new(Cause::Forge, format!("{server} shows another host key than the one you confirmed."))
        .hint("If the server was set up anew, press “Test connection” on the app's page and confirm the new fingerprint. If not, somebody may be between you and it.")
        .kind(FailureKind::HostKeyChanged)
}

fn unreachable(err: &git::Error, url: &RepoUrl, server: &str) -> Failure {
    let (sentence, hint) = match err {
        git::Error::HostUnknown(_) => {
            (format!("The server's name {} cannot be resolved.", url.host()), "Is it spelled right, and does this machine's DNS know it?")
        }
        git::Error::Certificate(said) => (
            format!("The certificate of {server} is not trusted: {said}"),
            "Renew it, or add its authority to this machine's certificates.",
        ),
        git::Error::Unreachable(said) => {
            (format!("{server} cannot be reached: {said}"), "Is the server up, the port right, and no firewall in between?")
        }
        _ => (format!("{server} did not answer in time."), "Is the server up, the port right, and no firewall in between?"),
    };
    Failure::new(Cause::Forge, sentence).hint(hint)
}

fn refused(err: &git::Error, server: &str) -> Failure {
    let (sentence, hint) = match err {
        git::Error::KeyRefused(_) => (
            format!("{server} does not know this app's deploy key."),
            "Add the app's deploy key to the repository: in Gitea under Settings → Deploy keys, without write access. Its public half is on the app's page.",
        ),
        git::Error::RepositoryRefused(said) => (
            format!("{server} answers, but this repository cannot be read: {said}"),
            "Is the repository's path right? If the key belongs to another repository or user there, remove it and add it to this repository's deploy keys.",
        ),
        _ => (
            "The repository does not exist or is private: over https only public repositories can be read.".to_owned(),
            "Give the app the repository's SSH address; then its deploy key is used.",
        ),
    };
    Failure::new(Cause::User, sentence).hint(hint)
}

/// What runs where: the engine, and in its name this installation.
pub struct EngineHost {
    engine: Engine,
    instance: InstanceId,
    place: Place,
    config_files: ConfigFiles,
}

impl EngineHost {
    /// The engine; what it makes belongs to this installation.
    pub fn new(engine: Engine, instance: InstanceId, place: Place) -> Self {
        let config_files = ConfigFiles::new(place.files.config_files());
        Self { engine, instance, place, config_files }
    }

    /// Why a container with these ports could not be started: who holds one of them, when that can be seen.
    async fn taken_port(&self, ports: &[Port]) -> Option<Failure> {
        let wanted: Vec<Held> = ports.iter().filter_map(Port::held).collect();
        let taken = self.taken_ports(&wanted).await.ok()?;
        let (_, held, it) = port::clashes(ports, None, &taken).into_iter().next()?;
        Some(Failure::new(Cause::User, it.sentence(&held)).hint("Then deploy again."))
    }

    fn owner(&self, target: &Target) -> Owner {
        Owner { instance: self.instance, app: target.app, slug: target.slug.clone(), deployment: target.number }
    }
}

#[async_trait]
impl Builder for EngineHost {
    async fn build(&self, recipe: &Recipe, checkout: &Path, journal: &Journal) -> Result<String, Failure> {
        let build = &recipe.config.build;
        let context = Context::open(checkout, build.context_path.as_str(), build.dockerfile_path.as_str()).map_err(context_failure)?;
        if !recipe.config.source.submodules && checkout.join(".gitmodules").exists() {
            journal.say(
                "The repository has submodules. They are not fetched, as the app's settings say: their folders are empty in this build.",
            );
        }
        let mut args: HashMap<String, String> = build.args.iter().map(|arg| (arg.name.to_string(), arg.value.clone())).collect();
        args.insert(COMMIT_VARIABLE.to_owned(), recipe.commit.to_string());
        let secrets = recipe.secrets.iter().map(|(id, value)| BuildSecret { id: id.to_string(), value: value.clone() });
        let registries = recipe.logins.iter().map(|login| RegistryLogin {
            host: login.host.to_string(),
            username: login.username.clone(),
            password: login.password.clone(),
        });
        let request = BuildRequest {
            args,
            registries: registries.collect(),
            target: build.target.as_ref().map(ToString::to_string),
            no_cache: recipe.no_cache,
            pull: build.pull,
            secrets: secrets.collect(),
            context_limit: build.context_limit.bytes(),
            ..BuildRequest::new(self.owner(&recipe.target), context)
        };
        let built = self.engine.build(request, |event| match event {
            BuildEvent::Line(line) => journal.output(line),
            BuildEvent::Remark(remark) => journal.say(remark),
        });
        built.await.map_err(|failed| match failed.error {
            docker::Error::Context(err) => context_failure(err),
            docker::Error::Build(message) => {
                explained(explain::build(failed.step.as_deref(), &message)).source(docker::Error::Build(message))
            }
            docker::Error::Refused { status, message } => {
                explained(explain::build(failed.step.as_deref(), &message)).source(docker::Error::Refused { status, message })
            }
            err => engine_failure(err),
        })
    }

    async fn discard(&self, target: &Target) -> Result<(), Failure> {
        self.engine.remove_images_of(&self.owner(target)).await.map_err(engine_failure)
    }

    async fn images_size(&self) -> Result<u64, Failure> {
        self.engine.images_size().await.map_err(engine_failure)
    }
}

#[async_trait]
impl Runtime for EngineHost {
    async fn hello(&self) -> Result<EngineVersion, Failure> {
        self.engine.hello().await.map_err(engine_failure)
    }

    async fn create(&self, wanted: &Wanted) -> Result<String, Failure> {
        self.make(wanted).await
    }

    async fn start(&self, container: &str, ports: &[Port]) -> Result<(), Failure> {
        match self.engine.start_container(container).await {
            Ok(()) => Ok(()),
            Err(docker::Error::Refused { status, message }) if explain::is_about_a_taken_port(&message) => {
                let refused = docker::Error::Refused { status, message };
                Err(self.taken_port(ports).await.unwrap_or_else(|| start_failure(refused, ports)))
            }
            Err(err) => Err(start_failure(err, ports)),
        }
    }

    async fn keep_running(&self, container: &str, policy: RestartPolicy) -> Result<(), Failure> {
        self.engine.keep_running(container, policy).await.map_err(engine_failure)
    }

    async fn stop(&self, container: &str, grace: Duration) -> Result<(), Failure> {
        self.engine.stop_container(container, grace).await.map_err(engine_failure)
    }

    async fn remove(&self, container: &str) -> Result<(), Failure> {
        self.engine.remove_container(container).await.map_err(engine_failure)?;
        self.sweep_up().await;
        Ok(())
    }

    async fn sweep(&self) -> Result<(), Failure> {
        self.sweep_files().await
    }

    async fn probe(&self, container: &Observed, probe: &HttpProbe, deadline: Duration) -> Result<Answer, Failure> {
        let address = SocketAddr::new(self.address_of(container).await?, probe.port);
        Ok(Answer { address, said: ask::ask(address, probe, deadline).await })
    }

    async fn look(&self, container: &str) -> Result<Option<Observed>, Failure> {
        self.engine.look(container).await.map_err(engine_failure)
    }

    async fn ours(&self) -> Result<Vec<Observed>, Failure> {
        self.engine.ours().await.map_err(engine_failure)
    }

    fn events(&self) -> BoxStream<'static, Result<Happening, Failure>> {
        self.engine.events().map(|event| event.map_err(engine_failure)).boxed()
    }

    async fn last_lines(&self, container: &str, count: usize) -> Result<Vec<Vec<u8>>, Failure> {
        self.engine.last_lines(container, count).await.map_err(engine_failure)
    }

    async fn usage(&self, container: &str) -> Result<Option<Usage>, Failure> {
        self.engine.usage(container).await.map_err(engine_failure)
    }

    async fn taken_ports(&self, wanted: &[Held]) -> Result<Vec<Taken>, Failure> {
        let mut taken = self.engine.published().await.map_err(engine_failure)?;
        if self.shares_host().await {
            let of_containers = |held: &Held| taken.iter().any(|it| it.held.clashes(held));
            let by_programs = wanted.iter().filter(|held| !of_containers(held) && here::is_taken(held));
            let by_programs: Vec<Taken> = by_programs.map(|held| Taken { held: *held, by: Holder::Program }).collect();
            taken.extend(by_programs);
        }
        Ok(taken)
    }

    async fn shares_host(&self) -> bool {
        here::shares_host(self.engine.address()).await
    }

    async fn networks(&self) -> Result<Vec<Network>, Failure> {
        self.engine.networks().await.map_err(engine_failure)
    }

    async fn create_network(&self, name: &NetworkName) -> Result<(), Failure> {
        self.engine.create_network(name).await.map_err(engine_failure)
    }
}

fn engine_failure(err: docker::Error) -> Failure {
    let failure = match &err {
        docker::Error::Unreachable(_) | docker::Error::BuildLost => Failure::engine_lost(),
        docker::Error::TimedOut(what) => Failure::new(Cause::Engine, format!("The engine did not answer in time ({what})."))
            .hint("Is the machine overloaded?")
            .kind(FailureKind::EngineSlow),
        docker::Error::Refused { message, .. } => Failure::new(Cause::Engine, format!("The engine refused: {message}")),
        docker::Error::Build(message) => Failure::new(Cause::Engine, format!("The engine reported: {message}")),
        docker::Error::Context(_) | docker::Error::Protocol(_) => return Failure::internal(err),
    };
    failure.source(err)
}

fn start_failure(err: docker::Error, ports: &[Port]) -> Failure {
    match err {
        docker::Error::Refused { status, message } => {
            let held: Vec<String> = ports.iter().filter_map(Port::held).map(|held| held.to_string()).collect();
            explained(explain::start(&message, &held.join(", "))).source(docker::Error::Refused { status, message })
        }
        err => engine_failure(err),
    }
}

fn explained(it: Explained) -> Failure {
    Failure::new(if it.by_author { Cause::User } else { Cause::Engine }, it.sentence).hint(it.hint)
}

fn context_failure(err: ContextError) -> Failure {
    match err {
        ContextError::Io(_) => {
            Failure::new(Cause::Internal, "The build context could not be read from µPaaS's data directory.").source(err)
        }
        err => Failure::new(Cause::User, err.to_string())
            .hint("Mend it in the repository and push, or change the app's Dockerfile and context paths."),
    }
}

//! A platform that does what a test says: fails at a step, waits at a step, or just pretends.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use upaas::{
    config::Config,
    deploy::platform::{
        Builder, Failure, FailureKind, Meant, Origin, Origins, Platform, Recipe, RegistryLogin, Runtime, Source, Target, Tried, Wanted,
    },
    domain::{
        answer::{Answer, Said},
        app_config::{
            build::BuildSecretId,
            health_check::HttpProbe,
            network::{NetworkName, NetworkUse},
            restart::RestartPolicy,
            volume::{self, Danger, Mounted, Sensitive, VolumeSource},
        },
        branch::Branch,
        commit::{Between, CommitFacts, CommitId},
        connection::{HostKey, KnownHost},
        container::{Act, Bound, Created, Happening, Health, Listed, Observed, Unshown, Usage},
        deployment::Cause,
        disk::Space,
        drift::Shape,
        engine::{Address, EngineVersion, Network},
        ids::AppId,
        image::{BuiltImage, CacheUse, Removal},
        moment::Moment,
        port::{Held, HostPort, Port, Protocol, Taken},
        repo_url::RepoUrl,
        secret::Secret,
    },
    logs::journal::Journal,
    machine::mounts::Mounts,
};

/// A place where something can go wrong, or be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    Hello,
    Fetch,
    /// Two commits are compared.
    Compare,
    /// An abbreviated id is looked up.
    LookUp,
    /// Submodules are fetched.
    Submodules,
    Build,
    Create,
    Start,
    /// The container is seen exited.
    Settle,
    Stop,
    Remove,
    /// The engine measures a container.
    Usage,
    /// The engine lists images.
    Images,
    /// The engine looks at what images share.
    Measure,
    /// An image is removed.
    RemoveImage,
    /// The engine measures its builder's cache, or prunes it.
    Cache,
    /// git tidies up a mirror.
    Compact,
    /// The engine lists networks, or makes one.
    Networks,
    /// A container that runs is given an alias.
    Alias,
    /// A container has said where it comes from, and the answer is on its way.
    Origins,
    /// The engine shows a volume.
    Volumes,
}

/// What every container that runs uses.
pub(crate) const USAGE: Usage = Usage { cpu: Duration::from_millis(1500), memory_bytes: 42 * 1024 * 1024 };
/// What an image takes.
pub(crate) const IMAGE_SIZE: u64 = 123_456;
/// What the builder keeps.
pub(crate) const CACHE_SIZE: u64 = 7_000_000;
/// Of this many bytes the engine's disk is.
pub(crate) const DISK_SIZE: u64 = 400_000_000;

/// An image with this installation's label and that of an app that no database knows.
pub(crate) fn stray_image(id: &str) -> BuiltImage {
    BuiltImage {
        id: id.to_owned(),
        app: Some(AppId::new()),
        deployment: Some(1),
        bytes: IMAGE_SIZE,
        shared: None,
        own_tags: vec!["upaas/gone:1".to_owned()],
        foreign_tags: Vec::new(),
        in_use: false,
    }
}

#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<World>);

#[derive(Default)]
struct World {
    /// The branch's tip, once a test has set it.
    tip: Mutex<Option<String>>,
    /// What was fetched, newest first.
    commits: Mutex<Vec<CommitFacts>>,
    /// What differs between any two commits; none when that cannot be told.
    changed: Mutex<Option<Vec<String>>>,
    /// Which commits lie between any two; none when that cannot be told.
    between: Mutex<Option<Between>>,
    /// Images that somebody has removed.
    removed_images: Mutex<HashSet<String>>,
    containers: Mutex<BTreeMap<String, Observed>>,
    /// Those that the engine does not show.
    hidden: Mutex<HashSet<String>>,
    /// Whether containers are still there when their removal was answered.
    lingering: AtomicBool,
    failing: Mutex<HashMap<Step, FailureKind>>,
    held: Mutex<HashMap<Step, watch::Sender<bool>>>,
    /// Where it panics, once, and what it says.
    exploding: Mutex<HashMap<Step, String>>,
    /// What was done, in order.
    acts: Mutex<Vec<String>>,
    made: Mutex<u32>,
    /// The logins that the last build had.
    logins: Mutex<Vec<RegistryLogin>>,
    /// The build secrets that the last build had, each with its id.
    secrets: Mutex<Vec<(BuildSecretId, Secret)>>,
    /// What the last container was made of.
    wanted: Mutex<Option<Wanted>>,
    /// What builds print, line by line, once a test has taken the other end.
    prints: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
    /// Ports of the engine's host that others hold.
    taken: Mutex<Vec<Taken>>,
    /// What is dangerous on the engine's host, and where µPaaS's data are there.
    place: Mutex<Option<(Sensitive, PathBuf)>>,
    /// Volumes of the engine's that stand for paths of its host.
    volumes: Mutex<HashMap<String, PathBuf>>,
    /// What comes of trying a login; none: it is good.
    tried: Mutex<Option<Tried>>,
    /// Whether the engine's host is another machine than µPaaS's.
    elsewhere: AtomicBool,
    /// Whether µPaaS was told where its data are on the engine's host.
    elsewhere_but_said: AtomicBool,
    /// The networks that users have defined.
    networks: Mutex<Vec<String>>,
    /// What containers answer over HTTP; none: 200.
    said: Mutex<Option<Said>>,
    /// The images that are there.
    images: Mutex<Vec<BuiltImage>>,
    /// Those of them whose removal fails.
    stuck: Mutex<HashSet<String>>,
    /// Whether the builder's cache was pruned.
    pruned: AtomicBool,
    /// What is left of the engine's disk; none: that cannot be seen.
    left: Mutex<Option<u64>>,
    /// Whether containers do not say their commit.
    silent: AtomicBool,
    /// What the engine warns of when it makes a container.
    warnings: Mutex<Vec<String>>,
    /// Who listens to the engine's events.
    listeners: Mutex<Vec<mpsc::UnboundedSender<Happening>>>,
}

impl Fake {
    pub(crate) fn platform(&self) -> Platform {
        let it = Arc::new(self.clone());
        Platform { source: it.clone(), builder: it.clone(), runtime: it }
    }

    /// The next build prints what is sent here, and ends when the sender is dropped.
    pub(crate) fn printer(&self) -> mpsc::UnboundedSender<String> {
        let (print, prints) = mpsc::unbounded_channel();
        *self.0.prints.lock().unwrap() = Some(prints);
        print
    }

    /// From now on the branch points here.
    pub(crate) fn set_tip(&self, commit: &str) {
        *self.0.tip.lock().unwrap() = Some(commit.to_owned());
    }

    /// From now on this was fetched, after what was before.
    pub(crate) fn add_commit(&self, id: &str, message: &str) {
        let facts =
            CommitFacts { id: id.parse().unwrap(), message: message.to_owned(), author: "dev".to_owned(), committed_at: Moment::now() };
        self.0.commits.lock().unwrap().insert(0, facts);
    }

    /// Where the branch points.
    pub(crate) fn tip(&self) -> String {
        self.0.tip.lock().unwrap().clone().unwrap_or_else(|| "0c79164d00000000000000000000000000000000".to_owned())
    }

    /// From now on these paths differ between any two commits. Until then it cannot be told what does.
    pub(crate) fn set_changed(&self, paths: &[&str]) {
        *self.0.changed.lock().unwrap() = Some(paths.iter().map(|path| (*path).to_owned()).collect());
    }

    /// From now on these commits lie between any two. Until then it cannot be told which do.
    pub(crate) fn set_between(&self, between: Between) {
        *self.0.between.lock().unwrap() = Some(between);
    }

    /// As a person with `docker rmi`.
    pub(crate) fn remove_image(&self, image: &str) {
        self.0.removed_images.lock().unwrap().insert(image.to_owned());
    }

    /// From now on this step fails.
    pub(crate) fn fail(&self, step: Step, kind: FailureKind) {
        self.0.failing.lock().unwrap().insert(step, kind);
    }

    /// From now on somebody else holds this port.
    pub(crate) fn take_port(&self, taken: Taken) {
        self.0.taken.lock().unwrap().push(taken);
    }

    /// As an engine that sees µPaaS's data directory.
    pub(crate) fn settle_down(&self, config: &Config) {
        let data_dir = config.host_data_dir.as_ref().unwrap_or(&config.data_dir);
        let socket = match &config.docker {
            Address::Unix(socket) => Some(Path::new(socket)),
            Address::Tcp(_) => None,
        };
        let sensitive = Sensitive::new(socket, [&*config.data_dir, data_dir]);
        *self.0.place.lock().unwrap() = Some((sensitive, data_dir.clone()));
        self.0.elsewhere_but_said.store(config.host_data_dir.is_some(), Ordering::Relaxed);
    }

    /// As a person with `docker volume create --opt o=bind --opt device=…`.
    pub(crate) fn add_volume(&self, name: &str, stands_for: &str) {
        self.0.volumes.lock().unwrap().insert(name.to_owned(), stands_for.into());
    }

    /// From now on this comes of trying a login.
    pub(crate) fn try_logins(&self, tried: Tried) {
        *self.0.tried.lock().unwrap() = Some(tried);
    }

    /// From now on the engine is on another machine.
    pub(crate) fn move_elsewhere(&self) {
        self.0.elsewhere.store(true, Ordering::Relaxed);
    }

    /// As a person with `docker network create`.
    pub(crate) fn add_network(&self, name: &str) {
        self.0.networks.lock().unwrap().push(name.to_owned());
    }

    /// The networks that there are.
    pub(crate) fn networks(&self) -> Vec<String> {
        self.0.networks.lock().unwrap().clone()
    }

    /// The images that are there: the deployments that they were built for.
    pub(crate) fn images(&self) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.0.images.lock().unwrap().iter().filter_map(|image| image.deployment).collect();
        numbers.sort_unstable();
        numbers
    }

    /// An image with this installation's label.
    pub(crate) fn add_image(&self, image: BuiltImage) {
        self.0.images.lock().unwrap().push(image);
    }

    /// As a person with `docker tag`.
    pub(crate) fn name(&self, image: &str, name: &str) {
        let mut images = self.0.images.lock().unwrap();
        images.iter_mut().filter(|it| it.id == image).for_each(|it| it.foreign_tags.push(name.to_owned()));
    }

    /// From now on the removal of this image fails.
    pub(crate) fn stick(&self, image: &str) {
        self.0.stuck.lock().unwrap().insert(image.to_owned());
    }

    /// From now on the removal of any image works again.
    pub(crate) fn unstick(&self) {
        self.0.stuck.lock().unwrap().clear();
    }

    /// From now on so many bytes of the engine's disk are left, until images go or its builder's cache is pruned.
    pub(crate) fn leave(&self, bytes: u64) {
        *self.0.left.lock().unwrap() = Some(bytes);
    }

    fn give_back(&self, bytes: u64) {
        if let Some(left) = &mut *self.0.left.lock().unwrap() {
            *left += bytes;
        }
    }

    /// From now on the engine warns of this when it makes a container.
    pub(crate) fn warn(&self, warning: &str) {
        self.0.warnings.lock().unwrap().push(warning.to_owned());
    }

    /// From now on this step works again.
    pub(crate) fn mend(&self, step: Step) {
        self.0.failing.lock().unwrap().remove(&step);
    }

    /// This step panics the next time.
    pub(crate) fn explode(&self, step: Step, said: &str) {
        self.0.exploding.lock().unwrap().insert(step, said.to_owned());
    }

    /// From now on this step waits until [`Fake::release`].
    pub(crate) fn hold(&self, step: Step) {
        self.0.held.lock().unwrap().insert(step, watch::Sender::new(false));
    }

    /// Lets through who waits at a step that is held; who comes next waits.
    pub(crate) fn let_through(&self, step: Step) {
        if let Some(held) = self.0.held.lock().unwrap().insert(step, watch::Sender::new(false)) {
            held.send_replace(true);
        }
    }

    /// Waits until somebody waits at a step that is held.
    pub(crate) async fn reached(&self, step: Step) {
        super::eventually(&format!("{step:?} to be reached"), async || {
            let waiting = self.0.held.lock().unwrap().get(&step).map_or(0, watch::Sender::receiver_count);
            if waiting > 0 { Ok(()) } else { Err(format!("{:?}", self.acts())) }
        })
        .await;
    }

    /// Waits until something was done; each act as [`Self::acts`] tells it.
    pub(crate) async fn until_act(&self, act: &str) {
        super::eventually(act, async || {
            let acts = self.acts();
            if acts.iter().any(|it| it == act) { Ok(()) } else { Err(format!("{acts:?}")) }
        })
        .await;
    }

    /// Waits until these containers, and no others, run and are there; as [`Self::running`] tells them.
    pub(crate) async fn until_running(&self, expected: (Vec<i64>, Vec<i64>)) {
        super::eventually(&format!("{expected:?} to run and to be there"), async || {
            let there = self.running();
            if there == expected { Ok(()) } else { Err(format!("{there:?}: {:?}", self.acts())) }
        })
        .await;
    }

    pub(crate) fn release(&self, step: Step) {
        if let Some(held) = self.0.held.lock().unwrap().remove(&step) {
            held.send_replace(true);
        }
    }

    /// The build secrets that the last build had, each with its id.
    pub(crate) fn secrets(&self) -> Vec<(BuildSecretId, Secret)> {
        self.0.secrets.lock().unwrap().clone()
    }

    /// The logins that the last build had.
    pub(crate) fn logins(&self) -> Vec<RegistryLogin> {
        self.0.logins.lock().unwrap().clone()
    }

    /// What the last container was made of.
    pub(crate) fn wanted(&self) -> Wanted {
        self.0.wanted.lock().unwrap().clone().unwrap()
    }

    /// What was done so far.
    pub(crate) fn acts(&self) -> Vec<String> {
        self.0.acts.lock().unwrap().clone()
    }

    /// The deployments whose containers run, and those whose containers are there but stopped.
    pub(crate) fn running(&self) -> (Vec<i64>, Vec<i64>) {
        let containers = self.0.containers.lock().unwrap();
        let (running, stopped): (Vec<&Observed>, Vec<&Observed>) = containers.values().partition(|it| it.running);
        let numbers = |them: Vec<&Observed>| {
            let mut numbers: Vec<i64> = them.iter().map(|it| it.deployment).collect();
            numbers.sort_unstable();
            numbers
        };
        (numbers(running), numbers(stopped))
    }

    /// As after a crash.
    pub(crate) fn crash_all(&self) {
        self.change_all(Act::Changed, |container| {
            container.running = false;
            container.exit_code = Some(137);
        });
    }

    /// As an engine that waits to restart what has exited again and again: it shows no ports of that.
    pub(crate) fn loop_all(&self) {
        self.change_all(Act::Changed, |container| {
            (container.running, container.restarting, container.exit_code) = (false, true, Some(1));
            container.ports.clear();
        });
    }

    /// From now on the engine lists this container, but does not show it.
    pub(crate) fn hide(&self, container: &str) {
        self.0.hidden.lock().unwrap().insert(container.to_owned());
    }

    /// From now on the engine shows every container again.
    pub(crate) fn hide_none(&self) {
        self.0.hidden.lock().unwrap().clear();
    }

    /// From now on, or no more, what the engine has removed is there for a while.
    pub(crate) fn linger(&self, lingering: bool) {
        self.0.lingering.store(lingering, Ordering::Relaxed);
    }

    /// As a person with `docker stop`.
    pub(crate) fn stop_all(&self) {
        self.change_all(Act::Stopped, |container| {
            container.running = false;
            container.exit_code = Some(137);
        });
    }

    /// As a person with `docker start`.
    pub(crate) fn start_all(&self) {
        self.change_all(Act::Started, |container| container.running = true);
    }

    /// As a person with `docker update`, `docker rename` or `docker network connect`.
    pub(crate) fn reshape_all(&self, change: impl Fn(&mut Shape)) {
        self.change_all(Act::Changed, |container| change(&mut container.shape));
    }

    /// As a person with `docker pause` and `docker unpause`.
    pub(crate) fn pause_all(&self, paused: bool) {
        self.change_all(Act::Changed, |container| container.paused = paused);
    }

    /// From now on every container says this over HTTP.
    pub(crate) fn say(&self, said: Said) {
        *self.0.said.lock().unwrap() = Some(said);
    }

    /// As an engine that has restarted a container so often because it keeps exiting.
    pub(crate) fn restart_all(&self, times: i64) {
        self.change_all(Act::Changed, |container| {
            container.restarts += times;
            container.exit_code = Some(1);
        });
    }

    fn change_all(&self, act: Act, change: impl Fn(&mut Observed)) {
        let mut containers = self.0.containers.lock().unwrap();
        containers.values_mut().for_each(change);
        let changed: Vec<Observed> = containers.values().cloned().collect();
        drop(containers);
        changed.iter().for_each(|container| self.tell(container, act));
    }

    /// As a person with `docker rm`.
    pub(crate) fn forget_all(&self) {
        let gone = std::mem::take(&mut *self.0.containers.lock().unwrap());
        gone.values().for_each(|container| self.tell(container, Act::Changed));
    }

    /// A container with our labels that no database knows.
    pub(crate) fn add_orphan(&self, app: AppId, running: bool) {
        let mut containers = self.0.containers.lock().unwrap();
        let id = if containers.contains_key("orphan") { "orphan-2" } else { "orphan" };
        let orphan = Observed { running, ..observed(id, app, 7, Vec::new()) };
        containers.insert(orphan.id.clone(), orphan.clone());
        drop(containers);
        self.tell(&orphan, Act::Changed);
    }

    /// The container publishes its port 80 on this port of the host.
    pub(crate) fn publish(&self, container: &str, host_port: u16) {
        let bound = Bound { container_port: 80, protocol: Protocol::Tcp, host_address: Some([127, 0, 0, 1].into()), host_port };
        let mut containers = self.0.containers.lock().unwrap();
        containers.get_mut(container).unwrap().ports = vec![bound];
        let published = containers[container].clone();
        drop(containers);
        self.tell(&published, Act::Changed);
    }

    /// From now on containers do not say of which commit they are.
    pub(crate) fn keep_commits_to_itself(&self) {
        self.0.silent.store(true, Ordering::Relaxed);
    }

    /// Another container of a deployment, as after a creation whose answer came too late.
    pub(crate) fn add_twin(&self, of: i64) {
        self.add_like(of, "twin", |_| {});
    }

    /// A container of the deployment after this one, from before an older backup was restored.
    pub(crate) fn add_older_successor(&self, of: i64) {
        self.add_like(of, "older", |container| {
            container.deployment += 1;
            container.created_at = Some(Moment::from_unix_ms(1));
        });
    }

    /// A container that somebody has made by hand from the image of this deployment: it runs, and has the image's labels.
    pub(crate) fn add_hand_made(&self, of: i64) {
        self.add_like(of, "hand-made", |container| {
            container.made_by_upaas = false;
            container.running = true;
            container.ports.clear();
        });
    }

    /// From now on the containers that there are do not say that we made them, as those of an older version.
    pub(crate) fn age_all(&self) {
        self.change_all(Act::Changed, |container| container.made_by_upaas = false);
    }

    fn add_like(&self, deployment: i64, id: &str, change: impl FnOnce(&mut Observed)) {
        let mut containers = self.0.containers.lock().unwrap();
        let like = containers.values().find(|it| it.deployment == deployment).unwrap();
        let mut added = Observed { id: id.to_owned(), created_at: Some(Moment::now()), running: false, ..like.clone() };
        change(&mut added);
        containers.insert(id.to_owned(), added.clone());
        drop(containers);
        self.tell(&added, Act::Changed);
    }

    fn tell(&self, container: &Observed, act: Act) {
        let happening = Happening { container: container.id.clone(), act };
        self.0.listeners.lock().unwrap().retain(|listener| listener.send(happening.clone()).is_ok());
    }

    /// As an engine that is gone and back before anybody has noticed.
    pub(crate) fn cut_events(&self) {
        self.0.listeners.lock().unwrap().clear();
    }

    fn port_is_held_by_another(&self, container: &str) -> bool {
        let containers = self.0.containers.lock().unwrap();
        let wanted = containers.get(container).and_then(host_port).filter(|port| *port < 32768);
        wanted.is_some() && containers.values().any(|it| it.id != container && it.running && host_port(it) == wanted)
    }

    async fn pass(&self, step: Step, act: String) -> Result<(), Failure> {
        self.0.acts.lock().unwrap().push(act);
        self.may(step).await
    }

    /// As [`Fake::pass`], of what is no act.
    async fn may(&self, step: Step) -> Result<(), Failure> {
        let exploding = self.0.exploding.lock().unwrap().remove(&step);
        if let Some(said) = exploding {
            panic!("{said}");
        }
        self.wait_while_held(step).await;
        match self.0.failing.lock().unwrap().get(&step) {
            Some(kind) => Err(Failure::new(Cause::User, format!("It failed at {step:?}.")).hint("Mend it.").kind(*kind)),
            None => Ok(()),
        }
    }
}

impl Fake {
    async fn wait_while_held(&self, step: Step) {
        let held = self.0.held.lock().unwrap().get(&step).map(watch::Sender::subscribe);
        if let Some(mut held) = held {
            let _ = held.wait_for(|released| *released).await;
        }
    }
}

/// The host port of the first port that is published.
fn host_port(container: &Observed) -> Option<u16> {
    container.ports.first().map(|it| it.host_port)
}

fn observed(id: &str, app: AppId, deployment: i64, ports: Vec<Bound>) -> Observed {
    Observed {
        id: id.to_owned(),
        app,
        deployment,
        made_by_upaas: true,
        running: false,
        paused: false,
        restarting: false,
        restarts: 0,
        exit_code: None,
        out_of_memory: false,
        health: Health::Unchecked,
        created_at: Some(Moment::now()),
        started_at: None,
        ports,
        networks: Vec::new(),
        shape: Shape::default(),
    }
}

#[async_trait]
impl Source for Fake {
    async fn fetch(&self, _: &Origin, commit: Option<&CommitId>, journal: &Journal) -> Result<CommitFacts, Failure> {
        self.pass(Step::Fetch, "fetch".to_owned()).await?;
        journal.output(b"\x1b[32mfetched\x1b[0m <b>&");
        let id = commit.cloned().unwrap_or_else(|| self.tip().parse().unwrap());
        Ok(CommitFacts { id, message: "Add b\n\nand more".to_owned(), author: "dev".to_owned(), committed_at: Moment::now() })
    }

    async fn export(&self, _: AppId, _: &CommitId, into: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(into).unwrap();
        Ok(())
    }

    async fn changed(&self, _: AppId, from: &CommitId, to: &CommitId) -> Result<Option<Vec<String>>, Failure> {
        self.pass(Step::Compare, format!("compare {} with {}", from.short(), to.short())).await?;
        Ok(self.0.changed.lock().unwrap().clone())
    }

    async fn fill_submodules(&self, _: &Origin, _: &[KnownHost], _: &CommitId, _: &Path, _: &Journal) -> Result<(), Failure> {
        self.pass(Step::Submodules, "fill submodules".to_owned()).await
    }

    async fn look(&self, _: &Origin) -> Result<Option<CommitId>, Failure> {
        self.pass(Step::Fetch, "look".to_owned()).await?;
        Ok(Some(self.tip().parse().unwrap()))
    }

    async fn version(&self) -> Result<String, Failure> {
        Ok("2.47.3".to_owned())
    }

    async fn host_key(&self, _: &RepoUrl) -> Result<HostKey, Failure> {
        Ok(HostKey { public_key: "ssh-ed25519 AAAA".to_owned(), fingerprint: "SHA256:abc".to_owned() })
    }

    async fn compact(&self, _: AppId) -> Result<bool, Failure> {
        self.may(Step::Compact).await?;
        Ok(true)
    }

    async fn close(&self, _: AppId) {}

    async fn between(&self, _: AppId, from: &CommitId, to: &CommitId, _: usize) -> Result<Option<Between>, Failure> {
        self.pass(Step::Compare, format!("list between {} and {}", from.short(), to.short())).await?;
        Ok(self.0.between.lock().unwrap().clone())
    }

    async fn recent(&self, _: AppId, _: &RepoUrl, _: &Branch, limit: usize) -> Result<Vec<CommitFacts>, Failure> {
        Ok(self.0.commits.lock().unwrap().iter().take(limit).cloned().collect())
    }

    async fn refresh(&self, _: &Origin) -> Result<(), Failure> {
        self.pass(Step::Fetch, "refresh".to_owned()).await
    }

    async fn meant(&self, _: AppId, _: &RepoUrl, beginning: &str) -> Result<Meant, Failure> {
        self.may(Step::LookUp).await?;
        let commits = self.0.commits.lock().unwrap();
        let mut meant = commits.iter().map(|it| &it.id).filter(|id| id.as_str().starts_with(beginning));
        Ok(match (meant.next(), meant.next()) {
            (Some(one), None) => Meant::One(one.clone()),
            (Some(_), Some(_)) => Meant::Several,
            (None, _) => Meant::None,
        })
    }
}

#[async_trait]
impl Builder for Fake {
    async fn build(&self, recipe: &Recipe, _: &Path, journal: &Journal) -> Result<String, Failure> {
        *self.0.logins.lock().unwrap() = recipe.logins.clone();
        *self.0.secrets.lock().unwrap() = recipe.secrets.clone();
        let prints = self.0.prints.lock().unwrap().take();
        if let Some(mut prints) = prints {
            while let Some(line) = prints.recv().await {
                journal.output(line.as_bytes());
            }
        }
        let cache = if recipe.no_cache { " without cache" } else { "" };
        self.pass(Step::Build, format!("build #{}{cache}", recipe.target.number)).await?;
        let Target { app, slug, number } = &recipe.target;
        let image = BuiltImage {
            id: format!("sha256:{number}"),
            app: Some(*app),
            deployment: Some(*number),
            bytes: IMAGE_SIZE,
            shared: None,
            own_tags: vec![format!("upaas/{slug}:{number}")],
            foreign_tags: Vec::new(),
            in_use: false,
        };
        self.add_image(image.clone());
        Ok(image.id)
    }

    async fn discard(&self, target: &Target) -> Result<(), Failure> {
        self.pass(Step::Remove, format!("discard image #{}", target.number)).await?;
        let is_its =
            |image: &BuiltImage| image.app == Some(target.app) && image.deployment == Some(target.number) && !image.own_tags.is_empty();
        self.0.images.lock().unwrap().retain(|image| !is_its(image));
        Ok(())
    }

    async fn try_login(&self, _: &RegistryLogin) -> Tried {
        self.0.tried.lock().unwrap().clone().unwrap_or(Tried::Good)
    }

    async fn images(&self) -> Result<Vec<BuiltImage>, Failure> {
        self.may(Step::Images).await?;
        Ok(self.0.images.lock().unwrap().clone())
    }

    async fn measured_images(&self) -> Result<Vec<BuiltImage>, Failure> {
        self.may(Step::Measure).await?;
        Builder::images(self).await
    }

    async fn remove_image(&self, image: &BuiltImage) -> Result<Removal, Failure> {
        self.may(Step::RemoveImage).await?;
        if self.0.stuck.lock().unwrap().contains(&image.id) {
            return Err(Failure::new(Cause::Engine, "The engine refused: no."));
        }
        if image.in_use || !image.foreign_tags.is_empty() {
            let mut images = self.0.images.lock().unwrap();
            images.iter_mut().filter(|it| it.id == image.id && !it.foreign_tags.is_empty()).for_each(|it| it.own_tags.clear());
            return Ok(Removal::Stays);
        }
        self.0.images.lock().unwrap().retain(|it| (&it.id, it.app) != (&image.id, image.app));
        self.give_back(image.bytes);
        Ok(Removal::Gone)
    }

    async fn cache(&self) -> Result<CacheUse, Failure> {
        self.may(Step::Cache).await?;
        let bytes = if self.0.pruned.load(Ordering::Relaxed) { 0 } else { CACHE_SIZE };
        Ok(CacheUse { bytes, reclaimable: bytes })
    }

    async fn prune_cache(&self) -> Result<u64, Failure> {
        self.may(Step::Cache).await?;
        self.0.pruned.store(true, Ordering::Relaxed);
        self.give_back(DISK_SIZE / 2);
        Ok(CACHE_SIZE)
    }

    async fn has_image(&self, image: &str) -> Result<bool, Failure> {
        self.pass(Step::Images, format!("look for image {image}")).await?;
        Ok(!self.0.removed_images.lock().unwrap().contains(image))
    }
}

#[async_trait]
impl Runtime for Fake {
    async fn hello(&self) -> Result<EngineVersion, Failure> {
        self.wait_while_held(Step::Hello).await;
        if let Some(kind) = self.0.failing.lock().unwrap().get(&Step::Hello) {
            return Err(Failure::new(Cause::Engine, "No engine.").kind(*kind));
        }
        Ok(EngineVersion { version: "20.10.24".to_owned(), api: "1.41".to_owned() })
    }

    async fn create(&self, wanted: &Wanted) -> Result<Created, Failure> {
        let target = &wanted.target;
        *self.0.wanted.lock().unwrap() = Some(wanted.clone());
        self.pass(Step::Create, format!("create #{}", target.number)).await?;
        let made = {
            let mut made = self.0.made.lock().unwrap();
            *made += 1;
            *made
        };
        let id = format!("c{made}-of-{}", target.number);
        let bound = |port: &Port| {
            let host_port = match port.host_port {
                HostPort::None => return None,
                HostPort::Auto => 32768,
                HostPort::Fixed(port) => port,
            };
            Some(Bound { container_port: port.container_port, protocol: port.protocol, host_address: Some(port.host_address), host_port })
        };
        let ports = wanted.run.ports.iter().filter_map(bound).collect();
        let shape = Shape::of(&target.slug, target.number, &wanted.run);
        let container = Observed { shape, ..observed(&id, target.app, target.number, ports) };
        self.0.containers.lock().unwrap().insert(id.clone(), container);
        Ok(Created { id, warnings: self.0.warnings.lock().unwrap().clone() })
    }

    async fn start(&self, container: &str, _: &[Port]) -> Result<(), Failure> {
        self.pass(Step::Start, format!("start {container}")).await?;
        if self.port_is_held_by_another(container) {
            return Err(Failure::new(Cause::User, "Something else on this machine already uses the port."));
        }
        let dies = self.0.failing.lock().unwrap().contains_key(&Step::Settle);
        let started = self.0.containers.lock().unwrap().get_mut(container).map(|it| {
            (it.running, it.restarting) = (!dies, false);
            it.exit_code = dies.then_some(3);
            it.started_at = Some(Moment::now());
            it.clone()
        });
        started.iter().for_each(|container| self.tell(container, Act::Started));
        // A container that dies does so once: the old one, started again, runs.
        self.mend(Step::Settle);
        Ok(())
    }

    async fn keep_running(&self, container: &str, _: RestartPolicy) -> Result<(), Failure> {
        self.0.acts.lock().unwrap().push(format!("keep {container} running"));
        Ok(())
    }

    async fn stop(&self, container: &str, _: Duration) -> Result<(), Failure> {
        self.pass(Step::Stop, format!("stop {container}")).await?;
        let stopped = self.0.containers.lock().unwrap().get_mut(container).map(|it| {
            (it.running, it.restarting, it.paused) = (false, false, false);
            it.exit_code = Some(0);
            it.clone()
        });
        stopped.iter().for_each(|container| self.tell(container, Act::Stopped));
        Ok(())
    }

    async fn remove(&self, container: &str) -> Result<(), Failure> {
        self.pass(Step::Remove, format!("remove {container}")).await?;
        if self.0.lingering.load(Ordering::Relaxed) {
            return Ok(());
        }
        let removed = self.0.containers.lock().unwrap().remove(container);
        removed.iter().for_each(|container| self.tell(container, Act::Changed));
        Ok(())
    }

    async fn look(&self, container: &str) -> Result<Option<Observed>, Failure> {
        if self.0.hidden.lock().unwrap().contains(container) {
            return Err(Failure::new(Cause::Engine, "It is not shown.").kind(FailureKind::EngineSlow));
        }
        Ok(self.0.containers.lock().unwrap().get(container).cloned())
    }

    async fn ours(&self) -> Result<Listed, Failure> {
        let containers: Vec<Observed> = self.0.containers.lock().unwrap().values().cloned().collect();
        let hidden = self.0.hidden.lock().unwrap();
        let (unshown, shown): (Vec<Observed>, Vec<Observed>) = containers.into_iter().partition(|it| hidden.contains(&it.id));
        Ok(Listed { shown, unshown: unshown.into_iter().map(|it| Unshown { id: it.id, app: it.app }).collect() })
    }

    async fn sweep(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn can_ask(&self) -> Result<(), Failure> {
        match self.0.elsewhere.load(Ordering::Relaxed) {
            true => Err(Failure::new(Cause::User, "The engine is elsewhere.").hint("Choose a command.")),
            false => Ok(()),
        }
    }

    async fn probe(&self, container: &Observed, probe: &HttpProbe, _: Duration) -> Result<Answer, Failure> {
        self.0.acts.lock().unwrap().push(format!("ask {}", container.id));
        let said = self.0.said.lock().unwrap().unwrap_or(Said::Status(200));
        Ok(Answer { address: ([172, 17, 0, 5], probe.port).into(), said })
    }

    fn events(&self) -> BoxStream<'static, Result<Happening, Failure>> {
        let (listener, happenings) = mpsc::unbounded_channel();
        self.0.listeners.lock().unwrap().push(listener);
        stream::unfold(happenings, |mut happenings| async move { Some((Ok(happenings.recv().await?), happenings)) }).boxed()
    }

    async fn last_lines(&self, _: &str, _: usize) -> Result<Vec<Vec<u8>>, Failure> {
        Ok(vec![b"its last words".to_vec()])
    }

    async fn usage(&self, container: &str) -> Result<Option<Usage>, Failure> {
        self.pass(Step::Usage, format!("measure {container}")).await?;
        let runs = self.0.containers.lock().unwrap().get(container).is_some_and(|it| it.running);
        Ok(runs.then_some(USAGE))
    }

    async fn taken_ports(&self, _: &[Held]) -> Result<Vec<Taken>, Failure> {
        Ok(self.0.taken.lock().unwrap().clone())
    }

    async fn shares_host(&self) -> bool {
        !self.0.elsewhere.load(Ordering::Relaxed)
    }

    async fn volumes_folder(&self, app: AppId) -> Option<PathBuf> {
        let known = self.shares_host().await || self.0.elsewhere_but_said.load(Ordering::Relaxed);
        let place = self.0.place.lock().unwrap();
        place.as_ref().filter(|_| known).map(|(_, data_dir)| volume::folder(data_dir, app))
    }

    async fn dangers(&self, app: AppId, mounted: &[Mounted]) -> Vec<Option<Danger>> {
        let (sensitive, _) = self.0.place.lock().unwrap().clone().unwrap();
        let mounts = Mounts { folder: self.volumes_folder(app).await, sensitive, visible: self.shares_host().await };
        let until = Instant::now() + Duration::from_secs(10);
        let mut dangers = Vec::new();
        for mounted in mounted {
            let stands_for = match &mounted.source {
                VolumeSource::Named(_) if self.0.failing.lock().unwrap().contains_key(&Step::Volumes) => {
                    dangers.push(None);
                    continue;
                }
                VolumeSource::Named(name) => self.0.volumes.lock().unwrap().get(name).cloned().map(VolumeSource::Host),
                _ => None,
            };
            let real = Mounted { source: stands_for.unwrap_or_else(|| mounted.source.clone()), ..*mounted };
            dangers.push(mounts.danger(&real, until).await);
        }
        let beside = mounts.dangers_beside(mounted, |at| dangers[at].is_none(), until).await;
        dangers.into_iter().zip(beside).map(|(danger, beside)| danger.or(beside)).collect()
    }

    async fn networks(&self) -> Result<Vec<Network>, Failure> {
        if let Some(kind) = self.0.failing.lock().unwrap().get(&Step::Networks) {
            return Err(Failure::new(Cause::Engine, "No networks.").kind(*kind));
        }
        let network = |name: String| Network { name, driver: "bridge".to_owned(), scope: "local".to_owned() };
        Ok(self.networks().into_iter().map(network).collect())
    }

    async fn create_network(&self, name: &NetworkName) -> Result<(), Failure> {
        self.pass(Step::Networks, format!("create network {name}")).await?;
        self.add_network(name.as_str());
        Ok(())
    }

    async fn data_space(&self) -> Option<Space> {
        Some(Space { free: DISK_SIZE / 2, total: DISK_SIZE })
    }

    async fn engine_space(&self) -> Option<Space> {
        self.0.left.lock().unwrap().map(|free| Space { free, total: DISK_SIZE })
    }

    async fn origins(&self, container: &str) -> Result<Option<Origins>, Failure> {
        let there = self.0.containers.lock().unwrap().contains_key(container);
        let commit = (!self.0.silent.load(Ordering::Relaxed)).then(|| self.tip().parse().unwrap());
        self.may(Step::Origins).await?;
        Ok(there.then(|| Origins { image: "sha256:old".to_owned(), slug: Some("shop".parse().unwrap()), commit }))
    }

    async fn give_alias(&self, container: &str, network: &NetworkUse) -> Result<(), Failure> {
        let alias = network.alias.as_ref().map(ToString::to_string).unwrap_or_default();
        self.pass(Step::Alias, format!("{container} answers to {alias} in {}", network.name)).await
    }
}

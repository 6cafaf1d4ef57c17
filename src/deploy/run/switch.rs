//! The switch from the old container to the new one.
//!
//! *Overlap* where nothing exclusive is held: start new, settled, pointer moves, drain, stop old: no gap. *Replace* where both need the
//! same host port: stop old, start new, settled, pointer moves; the gap is measured. Until the pointer moves everything can be undone.
//!
//! In an overlap the new container joins its networks without its aliases, so that nobody who asks for the app by an alias gets a version
//! that is not ready. It is given them when it has settled; the old one keeps its own until it stops.

use std::{net::SocketAddr, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Run, Stop, undo::Made};
use crate::{
    db,
    deploy::{platform::Failure, ports, settle},
    domain::{
        app_config::{AppConfig, health_check::Probe, network::NetworkUse},
        commit::CommitFacts,
        container::{Created, Health, Observed},
        deployment::{Cause, Deployment, Switch},
        moment::duration,
        port::{self, Held, Port},
    },
};

/// The live deployment, as it was made.
#[derive(Clone)]
pub(super) struct Old {
    pub(super) row: Deployment,
    pub(super) config: AppConfig,
}

impl Old {
    /// How long its container may take to stop before it is killed.
    pub(super) fn grace(&self) -> Duration {
        self.config.run.process.stop_grace.into()
    }
}

impl Run<'_> {
    pub(super) async fn switch(&mut self, commit: &CommitFacts, image: &str) -> Result<(), Stop> {
        self.seat = Some(self.within(self.shared.limits.deploy, async { Ok(self.shared.seats.take(self.app.id).await) }).await?);
        let old = self.old().await?;
        let switch = match &old {
            Some(old) => self.kind_of_switch(old).await?,
            None => None,
        };
        let container = self.create(commit, image, switch).await?;
        let (seen, gap) = match (switch, &old) {
            (Some(Switch::Replace), Some(old)) => self.replace(&container, old).await?,
            (Some(Switch::Overlap), _) => (self.overlap(&container).await?, None),
            _ => (self.start(&container).await?.0, None),
        };
        self.within(self.shared.limits.deploy, self.shared.platform.runtime.keep_running(&container, self.config.run.restart.policy))
            .await?;
        let seen = self.as_it_is(&container, seen).await?;
        self.within(self.shared.limits.deploy, self.note_switch(switch, &seen, gap)).await?;
        self.shared.picture.note(seen.clone());
        self.promote().await?;
        if let Probe::Http(_) = self.config.run.health.probe {
            self.shared.picture.note_health(&seen, seen.health);
        }
        if let Some((port, host_port)) = seen.first_published(&self.config.run.ports) {
            self.journal.say(&format!("Live on {}", SocketAddr::new(port.host_address, host_port)));
        }
        self.retire(switch, old).await;
        Ok(())
    }

    /// The live deployment.
    pub(super) async fn old(&self) -> Result<Option<Old>, Stop> {
        let app = db::apps::get(self.shared.db.read(), self.app.id).await?;
        let Some(live) = app.live_deployment else { return Ok(None) };
        let row = db::deployments::get(self.shared.db.read(), live).await?;
        let config = db::snapshots::of(self.shared.db.read(), &app, Some(&row)).await?;
        Ok(Some(Old { row, config }))
    }

    /// By what the old container really holds: an automatic port that is to be fixed is held already. None where none runs.
    async fn kind_of_switch(&self, old: &Old) -> Result<Option<Switch>, Stop> {
        let seen = match &old.row.container {
            Some(container) => self.within(self.shared.limits.deploy, self.shared.platform.runtime.look(container)).await?,
            None => None,
        };
        let running = seen.filter(|seen| seen.running || seen.restarting);
        let clashes = |seen: Observed| port::clash(&self.config.run.ports, &seen.held(&old.config.run.ports)).is_some();
        Ok(running.map(|seen| if clashes(seen) { Switch::Replace } else { Switch::Overlap }))
    }

    /// The container as the engine shows it now; how healthy it is was found out before.
    async fn as_it_is(&self, container: &str, seen: Observed) -> Result<Observed, Stop> {
        let now = self.within(self.shared.limits.deploy, self.shared.platform.runtime.look(container)).await?;
        Ok(now.map_or_else(|| seen.clone(), |now| Observed { health: seen.health, ..now }))
    }

    async fn expect_networks(&self) -> Result<(), Stop> {
        let wanted = &self.config.run.networks;
        if wanted.is_empty() {
            return Ok(());
        }
        let there = self.within(self.shared.limits.deploy, self.shared.platform.runtime.networks()).await?;
        match wanted.iter().find(|wanted| there.iter().all(|network| network.name != wanted.name.as_str())) {
            Some(missing) => {
                let failure = Failure::new(Cause::User, format!("There is no network {} at the engine.", missing.name));
                Err(Stop::Failed(failure.hint("Create it, or choose another one in the app's settings. Then deploy again.")))
            }
            None => Ok(()),
        }
    }

    /// Whether the new container will get its ports and networks is known before the old one is stopped for it.
    async fn expect_ports_and_networks(&self) -> Result<(), Stop> {
        self.expect_networks().await?;
        let ports = &self.config.run.ports;
        let wanted: Vec<Held> = ports.iter().filter_map(Port::held).collect();
        let taken = self.within(self.shared.limits.deploy, ports::shown(self.shared, &wanted)).await?;
        match port::clashes(ports, Some(self.app.id), &taken).into_iter().next() {
            Some((_, held, it)) => Err(Stop::Failed(Failure::new(Cause::User, it.sentence(&held)).hint("Then deploy again."))),
            None => Ok(()),
        }
    }

    async fn create(&mut self, commit: &CommitFacts, image: &str, switch: Option<Switch>) -> Result<String, Stop> {
        let mut wanted = self.shared.wanted(self.target(), image, commit, &self.config.run).await.map_err(Failure::from)?;
        if switch == Some(Switch::Overlap) {
            wanted.run.networks.iter_mut().for_each(|network| network.alias = None);
        }
        let creating = self.shared.platform.runtime.create(&wanted);
        self.made.container = true;
        let Created { id: container, warnings } = self.steadily(self.shared.limits.deploy, creating).await?;
        warnings.iter().for_each(|warning| self.journal.say(&format!("The engine warns: {warning}")));
        db::deployments::set_container(self.shared.db.write(), self.row.id, &container).await?;
        self.row.container = Some(container.clone());
        Ok(container)
    }

    /// Starts the new container and waits until it is there to stay; says since when it runs, too.
    async fn start(&self, container: &str) -> Result<(Observed, Instant), Stop> {
        self.journal.say("Starting the new container");
        let (runtime, limits) = (&*self.shared.platform.runtime, &self.shared.limits);
        self.within(limits.deploy, runtime.start(container, &self.config.run.ports)).await?;
        let runs_since = Instant::now();
        Ok((self.settled(container, limits.settle).await?, runs_since))
    }

    /// The container, once its health check passes; one that has none, when it runs after this time.
    async fn settled(&self, container: &str, unchecked_time: Duration) -> Result<Observed, Stop> {
        let check = &self.config.run.health;
        let limit = self.shared.limits.deploy.max(settle::patience(check) * 2);
        self.within(limit, settle::settle(&*self.shared.platform.runtime, container, check, unchecked_time, &self.journal)).await
    }

    /// As [`Run::start`], and then lets it answer to its aliases.
    async fn overlap(&self, container: &str) -> Result<Observed, Stop> {
        let (seen, _) = self.start(container).await?;
        let networks: Vec<NetworkUse> = self.config.run.networks.iter().filter(|network| network.alias.is_some()).cloned().collect();
        if networks.is_empty() {
            return Ok(seen);
        }
        let (runtime, limits) = (&*self.shared.platform.runtime, &self.shared.limits);
        for network in &networks {
            if let Some(alias) = &network.alias {
                self.journal.say(&format!("The new container rejoins {} and answers to the alias {alias} there from now on", network.name));
            }
            self.within(limits.deploy, runtime.give_alias(container, network)).await?;
        }
        // It may have not survived that, and its addresses and automatic ports may be others now.
        self.settled(container, Duration::ZERO).await
    }

    async fn replace(&mut self, container: &str, old: &Old) -> Result<(Observed, Option<u64>), Stop> {
        let runtime = self.shared.platform.runtime.clone();
        let Some(old_container) = &old.row.container else { return Ok((self.start(container).await?.0, None)) };
        let seen = self.within(self.shared.limits.deploy, runtime.look(old_container)).await?;
        let serves = seen.as_ref().is_some_and(|old| old.running);
        // What the engine waits to restart would come back in between and take the port.
        let stops = serves || seen.is_some_and(|old| old.restarting);
        if stops {
            self.expect_ports_and_networks().await?;
            self.journal.say(&format!("Stopping #{}: both versions need the same host port", old.row.number));
            // Kept before it is done: who finds the row after an interruption knows that the old one was being stopped.
            db::deployments::set_switch(self.shared.db.write(), self.row.id, Some(Switch::Replace), None, None).await?;
        }
        // What is asked to stop may serve until its grace period ends, or not at all: the gap is counted from here.
        let stopped_at = Instant::now();
        if stops {
            self.made.stopped = Some((old.clone(), stopped_at));
            self.steadily(self.shared.limits.deploy, self.shared.stop_container(old_container, old.grace())).await?;
        }
        let (seen, runs_since) = self.start(container).await?;
        // With a health check the app answers when that passes; without one the start is all that can be known.
        let answers_since = if seen.health == Health::Healthy { Instant::now() } else { runs_since };
        Ok((seen, serves.then(|| millis(answers_since - stopped_at))))
    }

    async fn note_switch(&self, switch: Option<Switch>, seen: &Observed, gap: Option<u64>) -> Result<(), Failure> {
        let host_port = seen.first_published(&self.config.run.ports).map(|(_, host_port)| host_port);
        db::deployments::set_switch(self.shared.db.write(), self.row.id, switch, host_port, gap).await.map_err(Failure::internal)
    }

    /// Moves the live pointer: from here on nothing is undone any more.
    async fn promote(&mut self) -> Result<(), Stop> {
        let mut tx = self.shared.db.begin().await?;
        if !db::deployments::promote(&mut tx, &self.row).await? {
            return Err(Stop::Cancelled);
        }
        tx.commit().await.map_err(db::Error::from)?;
        self.made = Made::default();
        Ok(())
    }

    /// Takes the old container away. Trouble here does not undo the switch: what stays is removed at the next reconciliation.
    async fn retire(&self, switch: Option<Switch>, old: Option<Old>) {
        let Some((number, container, grace)) = old.and_then(|old| Some((old.row.number, old.row.container.clone()?, old.grace()))) else {
            return;
        };
        if switch == Some(Switch::Overlap) {
            self.journal.say(&format!("#{number} keeps running for {} more", duration(millis(self.shared.limits.drain))));
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = sleep(self.shared.limits.drain) => {}
            }
        }
        let runtime = &self.shared.platform.runtime;
        let removed = match self.shared.stop_container(&container, grace).await {
            Ok(()) => runtime.remove(&container).await,
            Err(failure) => Err(failure),
        };
        match removed {
            Ok(()) => self.journal.say(&format!("Removed the container of #{number}")),
            Err(failure) => {
                let failure = self.without_secrets(failure);
                self.journal.say(&format!("The container of #{number} could not be removed yet: {}", failure.sentence));
                tracing::warn!(app = %self.app.slug, deployment = number, error = failure.chain(), "an old container could not be removed");
                self.shared.tidy_later();
            }
        }
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

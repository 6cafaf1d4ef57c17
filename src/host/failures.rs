//! What the engine could not do, in sentences: who has to act, what happened, and what to do about it.

use crate::{
    deploy::platform::{Failure, FailureKind},
    docker::{
        self, BuildError,
        context::ContextError,
        explain::{self, Explained},
    },
    domain::{
        app_config::network::NetworkUse,
        deployment::Cause,
        port::{self, Holder, Port, Taken},
    },
};

pub(super) fn build_failure(failed: BuildError) -> Failure {
    match failed.error {
        docker::Error::Context(err) => context_failure(err),
        docker::Error::Build(message) => {
            said(explain::build(failed.step.as_deref(), &message), &message).source(docker::Error::Build(message))
        }
        docker::Error::Refused { status, message } => {
            said(explain::build(failed.step.as_deref(), &message), &message).source(docker::Error::Refused { status, message })
        }
        err => engine_failure(err),
    }
}

pub(super) fn engine_failure(err: docker::Error) -> Failure {
    let failure = match &err {
        docker::Error::Unreachable(_) | docker::Error::BuildLost => Failure::engine_lost(),
        docker::Error::TimedOut(what) => Failure::new(Cause::Engine, format!("The engine did not answer in time ({what})."))
            .hint("Is the machine overloaded?")
            .kind(FailureKind::EngineSlow),
        docker::Error::Refused { message, .. } => Failure::new(Cause::Engine, format!("The engine refused: {message}")),
        docker::Error::Build(message) => Failure::new(Cause::Engine, format!("The engine reported: {message}")),
        docker::Error::Context(_) | docker::Error::Protocol(_) | docker::Error::TooLong(_) => return Failure::internal(err),
    };
    failure.source(err)
}

pub(super) fn start_failure(err: docker::Error, ports: &[Port]) -> Failure {
    match err {
        docker::Error::Refused { status, message } => {
            let held: Vec<String> = ports.iter().filter_map(Port::held).map(|held| held.to_string()).collect();
            said(explain::start(&message, &held.join(", ")), &message).source(docker::Error::Refused { status, message })
        }
        err => engine_failure(err),
    }
}

/// Who holds one of these ports, as far as `taken` shows it, when a container could not be started because of `message`.
pub(super) fn taken_port(ports: &[Port], taken: &[Taken], message: &str) -> Option<Failure> {
    let clashes = port::clashes(ports, None, taken);
    let shown = clashes.iter().find(|(.., it)| it.by != Holder::Program);
    if let (Some(address), None) = (explain::given_away(message), shown) {
        let sentence = format!("The engine keeps {address} for a container that it does not show.");
        let hint = "After a crash it may keep the ports of containers that are gone. If this stays so, restart the engine.";
        return Some(Failure::new(Cause::Engine, sentence).hint(hint));
    }
    let (_, held, it) = shown.or(clashes.first())?;
    Some(Failure::new(Cause::User, it.sentence(held)).hint("Then try again."))
}

/// Why a container could not be given its alias.
pub(super) fn rejoin_failure(err: docker::Error, network: &NetworkUse) -> Failure {
    let failure = engine_failure(err);
    if failure.kind != FailureKind::Final {
        return failure;
    }
    let sentence = format!("The new container could not rejoin the network {} to answer to its alias there.", network.name);
    let hint = format!("Is the network still there, with a free address? {} Then deploy again.", failure.sentence);
    Failure { sentence, hint: Some(hint), ..failure }
}

/// What the engine has said, explained.
fn said(it: Explained, message: &str) -> Failure {
    let failure = Failure::new(if it.by_author { Cause::User } else { Cause::Engine }, it.sentence).hint(it.hint);
    if explain::is_about_space(message.as_bytes()) { failure.kind(FailureKind::NoSpace) } else { failure }
}

pub(super) fn context_failure(err: ContextError) -> Failure {
    match err {
        ContextError::Io(_) => {
            Failure::new(Cause::Internal, "The build context could not be read from µPaaS's data directory.").source(err)
        }
        err => Failure::new(Cause::User, err.to_string())
            .hint("Mend it in the repository and push, or change the app's Dockerfile and context paths."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::{HostPort, Protocol};

    #[test]
    fn a_port_that_the_engine_keeps_for_nobody_is_its_own_fault_and_another_one_names_its_holder() {
        let address = [127, 0, 0, 1].into();
        let ports = [Port { container_port: 80, protocol: Protocol::Tcp, host_address: address, host_port: HostPort::Fixed(8081) }];
        let held = ports[0].held().expect("fixed");
        let by = |by| vec![Taken { held, by }];
        let container = Holder::Container { id: "0c79".to_owned(), name: "gitea".to_owned() };
        let given_away = "driver failed programming external connectivity: Bind for 127.0.0.1:8081 failed: port is already allocated";
        let bound = "listen tcp4 127.0.0.1:8081: bind: address already in use";
        let said = |taken: &[Taken], message| taken_port(&ports, taken, message).map(|it| (it.cause, it.sentence));
        let kept = (Cause::Engine, "The engine keeps 127.0.0.1:8081 for a container that it does not show.".to_owned());
        assert_eq!(said(&by(Holder::Program), given_away), Some(kept.clone()), "its own proxy listens there");
        assert_eq!(said(&[], given_away), Some(kept));
        let (cause, sentence) = said(&by(container), given_away).expect("told");
        assert!(cause == Cause::User && sentence.contains("taken by the container “gitea”"), "{sentence}");
        let (cause, sentence) = said(&by(Holder::Program), bound).expect("told");
        assert!(cause == Cause::User && sentence.contains("another program on this machine"), "{sentence}");
        assert_eq!(said(&[], bound), None, "it was free a moment later");
    }
}

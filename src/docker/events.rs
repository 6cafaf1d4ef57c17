//! What the engine tells of our containers, as it happens.

use std::collections::HashMap;

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream},
};

use super::{Engine, Error, spec::LABEL_INSTANCE};
use crate::domain::container::{Act, Happening};

/// What is asked for. Health checks make three `exec_*` events each time they run; nobody needs those.
const ACTIONS: [&str; 12] =
    ["create", "start", "restart", "die", "stop", "oom", "pause", "unpause", "update", "rename", "destroy", "health_status"];
/// What is asked for of networks.
const MOVES: [&str; 2] = ["connect", "disconnect"];

impl Engine {
    /// The events of this installation's containers from now on, and which containers join or leave networks, whosever they are. The
    /// stream's end, with or without an error, means that the engine or the connection to it is gone; what happens meanwhile is not told
    /// later.
    pub fn events(&self) -> BoxStream<'static, Result<Happening, Error>> {
        let client = match self.client() {
            Ok(client) => client,
            Err(err) => return stream::once(async { Err(err) }).boxed(),
        };
        let ours = format!("{LABEL_INSTANCE}={}", self.instance);
        let of_containers = HashMap::from([("type", vec!["container"]), ("label", vec![ours.as_str()]), ("event", ACTIONS.to_vec())]);
        // These carry no labels of the container.
        let of_networks = HashMap::from([("type", vec!["network"]), ("event", MOVES.to_vec())]);
        let asked = |filters| {
            let events = client.events(Some(EventsOptionsBuilder::new().filters(filters).build()));
            // The end of one is the end of both.
            events.map(Some).chain(stream::once(async { None }))
        };
        stream::select(asked(&of_containers), asked(&of_networks))
            .take_while(|event| ready(event.is_some()))
            .filter_map(|event| async {
                match event? {
                    Ok(event) => happening(event).map(Ok),
                    Err(err) => Some(Err(Error::from(err))),
                }
            })
            .boxed()
    }
}

fn happening(event: EventMessage) -> Option<Happening> {
    let actor = event.actor?;
    let (container, act) = match event.action.as_deref() {
        Some("connect" | "disconnect") => (actor.attributes?.remove("container")?, Act::Moved),
        Some("stop") => (actor.id?, Act::Stopped),
        Some("start") => (actor.id?, Act::Started),
        _ => (actor.id?, Act::Changed),
    };
    Some(Happening { container, act })
}

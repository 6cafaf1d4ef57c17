//! What the engine tells of our containers, as it happens.

use std::collections::HashMap;

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{
    Engine, Error,
    spec::{LABEL_APP, LABEL_INSTANCE},
};
use crate::domain::container::{Act, Happening};

/// What is asked for. Health checks make three `exec_*` events each time they run; nobody needs those.
const ACTIONS: [&str; 11] = ["create", "start", "restart", "die", "stop", "oom", "pause", "unpause", "update", "destroy", "health_status"];

impl Engine {
    /// The events of this installation's containers from now on. The stream's end, with or without an error, means that the engine or
    /// the connection to it is gone; what happens meanwhile is not told later.
    pub fn events(&self) -> BoxStream<'static, Result<Happening, Error>> {
        let client = match self.client() {
            Ok(client) => client,
            Err(err) => return stream::once(async { Err(err) }).boxed(),
        };
        let ours = format!("{LABEL_INSTANCE}={}", self.instance);
        let filters = HashMap::from([("type", vec!["container"]), ("label", vec![ours.as_str()]), ("event", ACTIONS.to_vec())]);
        let events = client.events(Some(EventsOptionsBuilder::new().filters(&filters).build()));
        events
            .filter_map(|event| async {
                match event {
                    Ok(event) => happening(event).map(Ok),
                    Err(err) => Some(Err(Error::from(err))),
                }
            })
            .boxed()
    }
}

fn happening(event: EventMessage) -> Option<Happening> {
    let actor = event.actor?;
    let app = actor.attributes?.get(LABEL_APP)?.parse().ok()?;
    let act = match event.action.as_deref() {
        Some("stop") => Act::Stopped,
        Some("start") => Act::Started,
        _ => Act::Changed,
    };
    Some(Happening { container: actor.id?, app, act })
}

//! The database's integrity: what the last check found, and the button for another one.

use axum::response::Redirect;
use serde::Serialize;

use crate::{
    domain::integrity,
    health::Seen,
    web::{frame::When, present::Badge, ui::Ui},
};

/// What is known of it.
#[derive(Serialize)]
pub(super) struct Integrity {
    badge: Badge,
    sentence: String,
    when: Option<When>,
    pub(super) checking: bool,
    damaged: bool,
}

impl From<Seen> for Integrity {
    fn from(seen: Seen) -> Self {
        let (badge, sentence) = match &seen.last {
            None => (
                Badge { kind: "idle", icon: "clock", word: "Not checked yet" },
                "It is checked shortly after each start, and daily.".to_owned(),
            ),
            Some((integrity::Integrity::Sound, _)) => {
                (Badge { kind: "success", icon: "check", word: "Sound" }, "Nothing is wrong with the file.".to_owned())
            }
            Some((integrity::Integrity::Damaged(said), _)) => (Badge { kind: "failed", icon: "cross", word: "Damaged" }, said.clone()),
            Some((integrity::Integrity::Unfinished(why), _)) => {
                (Badge { kind: "warning", icon: "alert", word: "Not finished" }, why.clone())
            }
        };
        Self {
            badge: if seen.checking { Badge { kind: "running", icon: "spinner", word: "Checking" } } else { badge },
            sentence,
            damaged: seen.damage.is_some(),
            when: seen.last.map(|(_, when)| when.into()),
            checking: seen.checking,
        }
    }
}

/// Checks the database now. It changes nothing.
pub(in crate::web) async fn check(ui: Ui) -> Redirect {
    ui.state.health.integrity().check_now().await;
    Redirect::to("/system#integrity")
}

//! Who did what: recorded in the transaction of the act, then copied in order to files and to the process's log, and counted.
//!
//! An entry exists when its act does, whatever happens to the process: the copies follow the rows from a stored place, and catch up.

mod copy;
mod files;
mod flood;
mod line;

pub use copy::Copier;
pub use flood::{Flood, with_missed};
pub use line::{Line, json};

use std::{io, path::Path};

use crate::{
    db::{self, Db},
    domain::{audit::Act, moment::Moment},
};

/// Of a detail, a name or an id from outside, so much is recorded.
const TEXT_MAX_CHARS: usize = 1000;

/// Records an act in its own transaction: it is there when the act is.
pub async fn record(tx: &mut db::Transaction, act: &Act) -> Result<(), db::Error> {
    db::audit::insert(&mut **tx, Moment::now(), &cut(act)).await
}

/// Records a try that changed nothing: it was refused, or it failed.
pub async fn record_alone(db: &Db, act: &Act) -> Result<(), db::Error> {
    db::audit::insert(db.write(), Moment::now(), &cut(act)).await
}

/// Removes the files of days that ended before `moment`; returns how many. Blocks.
pub fn remove_files(folder: &Path, moment: Moment) -> io::Result<u64> {
    files::remove_before(folder, moment)
}

fn cut(act: &Act) -> Act {
    let mut act = act.clone();
    for text in [&mut act.actor.name, &mut act.subject.id, &mut act.subject.name, &mut act.detail] {
        if let Some((end, _)) = text.char_indices().nth(TEXT_MAX_CHARS) {
            text.truncate(end);
            text.push('…');
        }
    }
    act
}

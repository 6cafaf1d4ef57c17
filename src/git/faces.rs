//! The other faces of this binary: started under one of these names it becomes git or ssh, and ends when whoever started it ends.
//!
//! A killed µPaaS must leave no git behind that goes on in a mirror for hours. The system ends a child with its parent only if the
//! child asks for it (prctl(2), PR_SET_PDEATHSIG), and asking between fork and exec would need unsafe code; so the child is this
//! binary first, asks, and then becomes the program.

use std::{ffi::OsString, io, os::unix::process::CommandExt, path::PathBuf, process::Command};

use rustix::process::{Signal, set_parent_process_death_signal};

use super::ssh;

/// Started under this name, the binary becomes git.
pub(super) const GIT_FACE: &str = "upaas-git";
/// Started under this name, it becomes ssh, with the key in the folder of that name.
pub(super) const SSH_FACE: &str = "upaas-ssh";

/// When this process was started under one of the names, it becomes that program and never returns; the error says why it could not.
/// Otherwise nothing happens.
pub fn put_on(mut arguments: impl Iterator<Item = OsString>) -> Option<io::Error> {
    let started_as = PathBuf::from(arguments.next()?);
    let mut program = match started_as.file_name()?.to_str()? {
        GIT_FACE => Command::new("git"),
        SSH_FACE => {
            if let Err(err) = std::env::set_current_dir(started_as.parent()?) {
                return Some(err);
            }
            let mut program = Command::new("ssh");
            program.args(ssh::OPTIONS);
            program
        }
        _ => return None,
    };
    if let Err(err) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return Some(err.into());
    }
    Some(program.args(arguments).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_changes_nothing() {
        assert!(put_on(["/usr/bin/upaas".into(), "serve".into()].into_iter()).is_none());
        assert!(put_on(std::iter::empty()).is_none());
    }
}

//! The other faces of this binary: started under one of these names it becomes git or ssh, and ends when whoever started it ends.
//!
//! A killed µPaaS must leave no git behind that goes on in a mirror for hours. The system ends a child with its parent only if the
//! child asks for it (prctl(2), PR_SET_PDEATHSIG), and asking between fork and exec would need unsafe code; so the child is this
//! binary first, asks, and then becomes the program.

use std::{ffi::OsString, io, os::unix::process::CommandExt, path::PathBuf, process::Command};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::ssh;

/// Started under this name, the binary becomes git.
pub(super) const GIT_FACE: &str = "upaas-git";
/// Started under this name, it becomes ssh, with the key in the folder of that name.
pub(super) const SSH_FACE: &str = "upaas-ssh";
/// Tells git's face who started it, by process id: that one may have been killed before its end could be asked for.
pub(super) const STARTED_BY: &str = "UPAAS_STARTED_BY";

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
    if std::env::var(STARTED_BY).is_ok_and(|starter| !is_parent(&starter)) {
        return Some(io::Error::other("whoever started it is gone"));
    }
    Some(program.args(arguments).env_remove(STARTED_BY).exec())
}

fn is_parent(starter: &str) -> bool {
    starter.parse() == Ok(Pid::as_raw(getppid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parent_is_the_parent() {
        assert!(is_parent(&Pid::as_raw(getppid()).to_string()));
        assert!(!is_parent(&std::process::id().to_string()) && !is_parent("1x"));
    }

    #[test]
    fn another_name_changes_nothing() {
        assert!(put_on(["/usr/bin/upaas".into(), "serve".into()].into_iter()).is_none());
        assert!(put_on(std::iter::empty()).is_none());
    }
}

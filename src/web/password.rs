//! Password hashes: argon2id, off the async threads, few at a time.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};

use super::{AppState, error::Error};
use crate::domain::{Invalid, secret::Secret};

/// More than 32 MiB: glibc gives such a piece back to the system at once, whatever thread it was for; smaller ones it may keep for
/// each thread (mallopt(3), M_MMAP_THRESHOLD).
const MEMORY_KIB: u32 = 40 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const MIN_CHARS: usize = 12;
const MAX_BYTES: usize = 1024;

/// Checks what a new password must be, and that it was typed the same twice.
pub(super) fn check_new(password: &str, confirmation: &str) -> (Result<(), Invalid>, Result<(), Invalid>) {
    let long_enough = password.chars().count() >= MIN_CHARS;
    let password_ok = match password.len() {
        0 => Err(Invalid::because("Choose a password.")),
        _ if !long_enough => Err(Invalid::because(format!("Use at least {MIN_CHARS} characters; a few words are fine."))),
        length if length > MAX_BYTES => Err(Invalid::because(format!("Use at most {MAX_BYTES} bytes."))),
        _ => Ok(()),
    };
    let same =
        if password == confirmation { Ok(()) } else { Err(Invalid::because("The two passwords are not the same. Type them again.")) };
    (password_ok, same)
}

/// Hashes a password, in PHC form.
pub(super) async fn hash(state: &AppState, password: Secret) -> Result<Secret, Error> {
    off_the_async_threads(state, move || {
        let hash = argon2id().hash_password(password.reveal().as_bytes()).map_err(|err| anyhow::anyhow!("hashing: {err}"))?;
        Ok(Secret::new(hash.to_string()))
    })
    .await
}

/// Whether the password belongs to the hash. Without a hash it takes as long, and is wrong.
pub(super) async fn verify(state: &AppState, password: Secret, hash: Option<Secret>) -> Result<bool, Error> {
    off_the_async_threads(state, move || {
        let Some(hash) = hash else {
            let _ = argon2id().hash_password(password.reveal().as_bytes());
            return Ok(false);
        };
        let parsed = PasswordHash::new(hash.reveal()).map_err(|err| anyhow::anyhow!("a stored password hash is unreadable: {err}"))?;
        Ok(password.reveal().len() <= MAX_BYTES && argon2id().verify_password(password.reveal().as_bytes(), &parsed).is_ok())
    })
    .await
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None).expect("valid parameters"))
}

async fn off_the_async_threads<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let place = state.hashing_queue.clone().try_acquire_owned().map_err(|_| Error::TooMany)?;
    let permit = state.hashing.clone().acquire_owned().await.map_err(|err| Error::Internal(err.into()))?;
    // Kept by the work itself, which goes on when whoever wanted it hangs up.
    let work = move || {
        let _kept = (place, permit);
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|err| Error::Internal(err.into()))?.map_err(Error::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_is_long_enough_and_typed_twice() {
        assert_eq!(check_new("correct horse", "correct horse"), (Ok(()), Ok(())));
        assert!(check_new("short", "short").0.is_err());
        assert!(check_new("", "").0.is_err());
        assert!(check_new("correct horse", "correct house").1.is_err());
        assert!(check_new(&"x".repeat(1025), &"x".repeat(1025)).0.is_err());
    }
}

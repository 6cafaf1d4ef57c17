//! Files with key material: made once from the system's randomness, readable by their owner only.

use std::{
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

const OWNER_ONLY: u32 = 0o600;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there although what it protects is.
    #[error("{0} is missing, but the database holds values that need it: put it back from the backup")]
    Missing(PathBuf),
    /// It has another length than the key.
    #[error("{0} is damaged: put it back from the backup")]
    Damaged(PathBuf),
    /// It cannot be read or written.
    #[error("{0} cannot be used")]
    Io(PathBuf, #[source] io::Error),
}

/// Reads a key of N bytes; makes it first when it is missing and `may_create`.
pub fn load<const N: usize>(file: &Path, may_create: bool) -> Result<Zeroizing<[u8; N]>, Error> {
    let failed = |err| Error::Io(file.to_owned(), err);
    match std::fs::read(file) {
        Ok(bytes) => {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(OWNER_ONLY)).map_err(failed)?;
            let bytes = Zeroizing::new(bytes);
            let key: [u8; N] = bytes.as_slice().try_into().map_err(|_| Error::Damaged(file.to_owned()))?;
            Ok(Zeroizing::new(key))
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound && may_create => {
            let key = Zeroizing::new(random::<N>());
            write_private(file, &*key).map_err(failed)?;
            Ok(key)
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Error::Missing(file.to_owned())),
        Err(err) => Err(failed(err)),
    }
}

/// Writes a new file that only its owner can read: whole or not at all, also across a crash.
pub fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    let _ = std::fs::remove_file(&unfinished);
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&unfinished)?;
    out.write_all(content)?;
    out.sync_all()?;
    std::fs::rename(&unfinished, file)
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random source works");
    bytes
}

//! Seals and opens secrets: XChaCha20-Poly1305 under `secret.key`, with the row's id as associated data,
//! so that a value moved to another row does not open. Knows no database and no page.

use std::{fmt::Write, path::Path};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use ssh_key::{Algorithm, LineEnding, PrivateKey, rand_core::OsRng};

use crate::{
    domain::{
        ids::SecretId,
        secret::{Sealed, Secret},
    },
    keyfile,
};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// What the cipher adds so that a change is noticed.
const TAG_BYTES: usize = 16;

/// What can go wrong with a seal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The value was sealed with another key or for another row, or was changed.
    #[error("a sealed value cannot be opened: secret.key does not belong to this database, or the value was changed")]
    DoesNotOpen,
    /// A key pair could not be made.
    #[error("a deploy key could not be made")]
    DeployKey(#[from] ssh_key::Error),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] keyfile::Error),
}

/// The key in use.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// Reads the key, or makes it when `may_create`: without it a missing key is an error, because sealed values need the old one.
    pub fn open(file: &Path, may_create: bool) -> Result<Self, Error> {
        let key = keyfile::load::<KEY_BYTES>(file, may_create)?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&(*key).into()) })
    }

    /// Seals a value for the row with this id.
    pub fn seal(&self, id: SecretId, secret: &Secret) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = keyfile::random();
        let row = id.to_string();
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: row.as_bytes() };
        let ciphertext = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is shorter than the cipher's 256 GiB limit");
        Sealed([&nonce[..], &ciphertext].concat())
    }

    /// Opens what was sealed for the row with this id.
    pub fn open_sealed(&self, id: SecretId, sealed: &Sealed) -> Result<Secret, Error> {
        let (nonce, ciphertext) = sealed.0.split_first_chunk::<NONCE_BYTES>().ok_or(Error::DoesNotOpen)?;
        let row = id.to_string();
        let payload = Payload { msg: ciphertext, aad: row.as_bytes() };
        let clear = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| Error::DoesNotOpen)?;
        String::from_utf8(clear).map(Secret::new).map_err(|_| Error::DoesNotOpen)
    }
}

/// The bytes of what is sealed, by those of the sealed value.
pub fn clear_bytes(sealed_bytes: usize) -> usize {
    sealed_bytes.saturating_sub(NONCE_BYTES + TAG_BYTES)
}

/// A new random secret: 64 hexadecimal digits.
pub fn random_secret() -> Secret {
    let bytes: [u8; 32] = keyfile::random();
    let mut text = String::with_capacity(64);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string");
    }
    Secret::new(text)
}

/// A key pair that reads one repository.
pub struct DeployKey {
    /// `ssh-ed25519 AAAA… COMMENT`, for the forge.
    pub public: String,
    /// In OpenSSH form, for ssh.
    pub private: Secret,
}

/// Makes an Ed25519 key pair with a comment.
pub fn new_deploy_key(comment: &str) -> Result<DeployKey, Error> {
    let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)?;
    key.set_comment(comment);
    let private = key.to_openssh(LineEnding::LF)?;
    Ok(DeployKey { public: key.public_key().to_openssh()?, private: Secret::new(private.as_str()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_where_it_belongs() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::open(&folder.path().join("secret.key"), true).expect("a key");
        let (here, elsewhere) = (SecretId::new(), SecretId::new());
        let sealed = vault.seal(here, &Secret::new("geheim"));
        assert_eq!(vault.open_sealed(here, &sealed).expect("opens").reveal(), "geheim");
        assert_eq!(clear_bytes(sealed.0.len()), "geheim".len());
        assert!(vault.open_sealed(elsewhere, &sealed).is_err());
        let mut changed = sealed.clone();
        *changed.0.last_mut().expect("bytes") ^= 1;
        assert!(vault.open_sealed(here, &changed).is_err());
        assert!(vault.open_sealed(here, &Sealed(vec![1, 2, 3])).is_err());
        assert!(!format!("{sealed:?}").contains("geheim"));
    }

    #[test]
    fn a_deploy_key_is_ed25519_in_openssh_form_with_its_comment() {
        let key = new_deploy_key("upaas_2026-11-22_shop").expect("made");
        assert!(key.public.starts_with("ssh-ed25519 ") && key.public.ends_with(" upaas_2026-11-22_shop"), "{}", key.public);
        assert!(key.private.reveal().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    }

    #[test]
    fn the_key_stays_the_same_and_is_never_replaced_behind_sealed_values() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret.key");
        assert!(Vault::open(&file, false).is_err());
        let id = SecretId::new();
        let sealed = Vault::open(&file, true).expect("made").seal(id, &Secret::new("x"));
        assert!(Vault::open(&file, false).expect("read").open_sealed(id, &sealed).is_ok());
    }
}

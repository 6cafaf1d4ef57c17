//! The text of a token: made of randomness, shown once, kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{db::tokens::Hash, domain::secret::Secret};

/// How every token begins, so that people and scanners know one when they see it.
const PREFIX: &str = "upaas_";
const RANDOM_BYTES: usize = 32;
/// 32 bytes in base64url, without padding.
const RANDOM_CHARS: usize = 43;

/// A new token: `upaas_` and 43 characters.
pub(in crate::web) fn new() -> Secret {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).expect("the system's random source works");
    Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The hash of what could be a token. It needs no salt and no slowness: nobody guesses 32 random bytes.
pub(in crate::web) fn hash(token: &Secret) -> Option<Hash> {
    let random = token.reveal().strip_prefix(PREFIX)?;
    (random.len() == RANDOM_CHARS).then(|| Sha256::digest(token.reveal()).into())
}

/// Whether a text looks like a token of ours, and not of a proxy's.
pub(in crate::web) fn is_ours(token: &Secret) -> bool {
    token.reveal().starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_random_and_known_by_its_beginning() {
        let (one, other) = (new(), new());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), PREFIX.len() + RANDOM_CHARS);
        assert!(one.reveal().starts_with("upaas_"));
        assert!(hash(&one).is_some() && hash(&one) != hash(&other));
    }

    #[test]
    fn what_cannot_be_a_token_has_no_hash() {
        for text in ["", "upaas_", "upaas_short", "ghp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(hash(&Secret::new(text)), None, "{text}");
        }
    }
}

//! Whether a body comes from someone who knows the secret.
//!
//! The signature is over the bytes of the body as they arrive: it has to be checked before anything is decoded or parsed. It covers
//! neither the headers nor a time: who has seen a delivery can repeat it, under another event name.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::secret::Secret;

/// Bytes of a SHA-256.
const DIGEST_LEN: usize = 32;

/// Whether `signature` is the HMAC-SHA256 of `body` under `secret`, as Gitea writes it: 64 hexadecimal digits, lower case.
///
/// An empty secret verifies nothing: anybody can sign with it.
#[must_use]
pub fn verifies(secret: &Secret, body: &[u8], signature: &str) -> bool {
    let key = secret.reveal().as_bytes();
    let (Some(claimed), Ok(mac)) = (digest(signature), Hmac::<Sha256>::new_from_slice(key)) else {
        return false;
    };
    !key.is_empty() && mac.chain_update(body).verify_slice(&claimed).is_ok()
}

fn digest(signature: &str) -> Option<[u8; DIGEST_LEN]> {
    let (pairs, rest) = signature.as_bytes().as_chunks::<2>();
    if pairs.len() != DIGEST_LEN || !rest.is_empty() {
        return None;
    }
    let mut digest = [0; DIGEST_LEN];
    for (byte, &[high, low]) in digest.iter_mut().zip(pairs) {
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    fn sign(secret: &str, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do").chain_update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// HMAC fills a key up with NULs, so that `a` and `a\0` are one key. Secrets are therefore printable here.
    const SECRET: &str = "[!-~]{1,80}";

    fn body() -> impl Strategy<Value = Vec<u8>> {
        vec(any::<u8>(), 0..200)
    }

    #[test]
    fn the_test_case_of_rfc_4231_verifies() {
        let signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(verifies(&secret("Jefe"), b"what do ya want for nothing?", signature));
    }

    #[test]
    fn an_empty_secret_or_signature_never_verifies() {
        assert!(!verifies(&secret(""), b"body", &sign("", b"body")));
        assert!(!verifies(&secret("topsecret"), b"body", ""));
        assert!(!verifies(&secret(""), b"", ""));
    }

    #[test]
    fn a_prefix_or_a_space_is_no_part_of_a_signature() {
        let good = sign("topsecret", b"body");
        assert!(verifies(&secret("topsecret"), b"body", &good));
        for bad in [format!("sha256={good}"), format!(" {good}"), format!("{good} "), format!("{good}\n"), format!("+{}", &good[1..])] {
            assert!(!verifies(&secret("topsecret"), b"body", &bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies(key in SECRET, body in body()) {
            prop_assert!(verifies(&secret(&key), &body, &sign(&key, &body)));
        }

        #[test]
        fn a_changed_byte_of_the_body_does_not(key in SECRET, body in vec(any::<u8>(), 1..200), at: Index, flip in 1..=u8::MAX) {
            let signature = sign(&key, &body);
            let mut changed = body;
            *at.get_mut(&mut changed) ^= flip;
            prop_assert!(!verifies(&secret(&key), &changed, &signature));
        }

        #[test]
        fn a_longer_or_shorter_body_does_not(key in SECRET, body in body(), extra: u8) {
            let longer = [body.as_slice(), &[extra]].concat();
            prop_assert!(!verifies(&secret(&key), &longer, &sign(&key, &body)));
            prop_assert!(!verifies(&secret(&key), &body, &sign(&key, &longer)));
        }

        #[test]
        fn a_changed_digit_does_not(key in SECRET, body in body(), at in 0..2 * DIGEST_LEN, digit in "[0-9a-f]") {
            let mut signature = sign(&key, &body);
            prop_assume!(signature[at..=at] != digit);
            signature.replace_range(at..=at, &digit);
            prop_assert!(!verifies(&secret(&key), &body, &signature));
        }

        #[test]
        fn another_secret_does_not(key in SECRET, other in SECRET, body in body()) {
            prop_assume!(key != other);
            prop_assert!(!verifies(&secret(&other), &body, &sign(&key, &body)));
        }

        #[test]
        fn a_cut_extended_or_upper_case_signature_does_not(key in SECRET, body in body(), end in 0..2 * DIGEST_LEN, more in "[0-9a-f]{1,3}") {
            let signature = sign(&key, &body);
            let upper = signature.to_ascii_uppercase();
            prop_assume!(upper != signature);
            for bad in [&signature[..end], &format!("{signature}{more}"), &upper] {
                prop_assert!(!verifies(&secret(&key), &body, bad), "{}", bad);
            }
        }

        #[test]
        fn no_signature_panics(key in ".{0,80}", body in body(), signature in "(\\PC|[0-9a-fA-F]){0,70}") {
            prop_assert!(!verifies(&secret(&key), &body, &signature));
        }
    }
}

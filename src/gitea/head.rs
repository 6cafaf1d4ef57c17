//! What the headers of a delivery say.

use super::cut;

/// The headers of a delivery that matter here. Only the signature is worth believing: nothing signs the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it tells of (`push`, `create`, `pull_request`); empty when no header says so. At most [`EVENT_MAX_BYTES`].
    pub event: String,
    /// Its id at the sender, another one each time it is sent. At most [`DELIVERY_MAX_BYTES`].
    pub delivery: Option<String>,
    /// The signature of the body; none when the sender has no secret, or says nothing.
    pub signature: Option<String>,
}

/// Event names are cut here. Gitea's longest has 30 bytes.
pub const EVENT_MAX_BYTES: usize = 64;

/// Delivery ids are cut here. A UUID has 36 bytes.
pub const DELIVERY_MAX_BYTES: usize = 64;

/// Who names headers after themselves, in the order in which they are asked.
const SENDERS: [&str; 3] = ["gitea", "forgejo", "gogs"];

impl Head {
    /// Reads the headers, given a way to find one by its name in lower case.
    ///
    /// Without a secret, Gitea sends the headers of the signature all the same, but empty. An empty header is a missing one.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let find = |name: &str| header(name).map(str::trim).filter(|value| !value.is_empty());
        let first = |what: &str| SENDERS.iter().find_map(|sender| find(&format!("x-{sender}-{what}")));
        let hub_signature = || find("x-hub-signature-256")?.strip_prefix("sha256=").filter(|value| !value.is_empty());
        Self {
            event: cut(first("event").unwrap_or_default(), EVENT_MAX_BYTES).to_owned(),
            delivery: first("delivery").map(|id| cut(id, DELIVERY_MAX_BYTES).to_owned()),
            signature: first("signature").or_else(hub_signature).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &'static str)]) -> Head {
        Head::read(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    #[test]
    fn gitea_is_asked_before_forgejo_and_forgejo_before_gogs() {
        let gogs = [("x-gogs-event", "c"), ("x-gogs-delivery", "3"), ("x-gogs-signature", "cc")];
        let forgejo = [("x-forgejo-event", "b"), ("x-forgejo-delivery", "2"), ("x-forgejo-signature", "bb")];
        let gitea = [("x-gitea-event", "a"), ("x-gitea-delivery", "1"), ("x-gitea-signature", "aa")];
        let read = |event: &str, delivery: &str, signature: &str| Head {
            event: event.to_owned(),
            delivery: Some(delivery.to_owned()),
            signature: Some(signature.to_owned()),
        };
        assert_eq!(head(&gogs), read("c", "3", "cc"));
        assert_eq!(head(&[gogs, forgejo].concat()), read("b", "2", "bb"));
        assert_eq!(head(&[gogs, forgejo, gitea].concat()), read("a", "1", "aa"));
    }

    #[test]
    fn the_signature_of_the_hub_is_the_last_resort() {
        assert_eq!(head(&[("x-hub-signature-256", "sha256=dd")]).signature.as_deref(), Some("dd"));
        assert_eq!(head(&[("x-gitea-signature", ""), ("x-hub-signature-256", "sha256=dd")]).signature.as_deref(), Some("dd"));
        assert_eq!(head(&[("x-gogs-signature", "cc"), ("x-hub-signature-256", "sha256=dd")]).signature.as_deref(), Some("cc"));
        for none in ["sha256=", "", "dd", "sha1=dd", "SHA256=dd"] {
            assert_eq!(head(&[("x-hub-signature-256", none)]).signature, None, "{none}");
        }
    }

    #[test]
    fn what_is_empty_or_blank_is_missing() {
        let nothing = Head { event: String::new(), delivery: None, signature: None };
        assert_eq!(head(&[]), nothing);
        assert_eq!(head(&[("x-gitea-event", " "), ("x-gitea-delivery", ""), ("x-gitea-signature", "\t")]), nothing);
        assert_eq!(head(&[("x-gitea-event", ""), ("x-gogs-event", " push ")]).event, "push");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "äöü€äöü€äöü€äöü€äöü€äöü€äöü€äöü€äöü€äöü€";
        let Head { event, delivery, .. } = head(&[("x-gitea-event", long), ("x-gitea-delivery", long)]);
        assert_eq!(event.len(), 63);
        assert!(long.starts_with(&event));
        assert_eq!(delivery, Some(event));
    }
}

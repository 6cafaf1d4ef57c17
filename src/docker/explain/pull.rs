//! Base images that could not be had, and registries that did not take a login.

use super::{Explained, about_engine, after, by_author, quote};
use crate::docker::Error;

const TO_SETTINGS: &str = "Add or correct its credentials under Settings → Registries.";

/// Whether a registry was asked and did not take a login, as opposed to one that could not be tried.
pub fn is_a_refused_login(err: &Error) -> bool {
    const DENIED: &[&str] = &["denied:", "403 Forbidden"];
    match err {
        Error::Refused { status: 401 | 403, .. } => true,
        Error::Refused { message, .. } => wants_login(message) || DENIED.iter().any(|pattern| message.contains(pattern)),
        _ => false,
    }
}

/// Why a registry did not take a login that was tried.
pub fn login(host: &str, err: &Error) -> Explained {
    match err {
        err if is_a_refused_login(err) => {
            by_author(format!("The registry {host} refused the login."), "Correct the user name, or the password or token.")
        }
        Error::Refused { message, .. } => by_author(
            format!("The engine could not log in to the registry {host}: {}", quote(message)),
            "Is the host right, with its port?",
        ),
        Error::TimedOut(_) => by_author(
            format!("The registry {host} did not answer the engine in time."),
            "Is the host right, with its port, and can the engine reach it?",
        ),
        _ => about_engine("The engine did not say whether the login is right.", "Is the engine there? Then try again."),
    }
}

/// What is wrong with the base image, when that is what the message is about.
pub(super) fn failure(message: &str, step: Option<&str>) -> Option<Explained> {
    if wants_login(message) {
        let image = image(message, step);
        let (registry, image) = image.map_or(("of a base image", "it".to_owned()), |image| (host(image), format!("“{image}”")));
        let sentence = format!("The registry {registry} wants a login for {image}, and got none or a wrong one.");
        return Some(by_author(sentence, TO_SETTINGS));
    }
    cannot_be_pulled(message).then(|| {
        let image = image(message, step).map_or_else(|| "that the Dockerfile names".to_owned(), |image| format!("“{image}”"));
        by_author(
            format!("The base image {image} could not be pulled."),
            "Is its name right? Can the engine reach its registry? If it needs a login, add it under Settings → Registries.",
        )
    })
}

/// Whether a registry asked for a login, or did not take the one that it was given. Docker Hub also denies what does not exist: that is
/// not meant here.
fn wants_login(message: &str) -> bool {
    ["no basic auth credentials", "401 Unauthorized", "unauthorized:"].iter().any(|pattern| message.contains(pattern))
}

fn cannot_be_pulled(message: &str) -> bool {
    const PATTERNS: &[&str] = &[
        "pull access denied",
        "manifest unknown",
        "manifest for",
        "failed to do request",
        "failed to resolve source metadata",
        "repository does not exist",
        "no such host",
        "insufficient_scope",
    ];
    PATTERNS.iter().any(|pattern| message.contains(pattern))
}

/// The image that the step or the message is about.
fn image<'a>(message: &'a str, step: Option<&'a str>) -> Option<&'a str> {
    let of_step = step.and_then(|step| after(step, "FROM ").or_else(|| after(step, "load metadata for ")));
    let denied = after(message, "pull access denied for ").and_then(|rest| rest.split(',').next());
    of_step.or(denied)?.split_whitespace().next()
}

/// The registry of an image: what stands before the first slash, if that can be a host.
fn host(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first == "localhost" || first.contains(['.', ':']) => first,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_wants_a_login_is_named_with_the_image() {
        let said: Vec<String> = [
            (
                Some("[internal] load metadata for r.example.org/base:1"),
                "pulling from host r.example.org failed with status code [manifests 1]: 401 Unauthorized",
            ),
            (Some("[1/6] FROM 127.0.0.1:5000/base"), "Head \"http://127.0.0.1:5000/v2/base/manifests/latest\": no basic auth credentials"),
            (Some("[1/6] FROM me/base"), "unauthorized: incorrect username or password"),
            (None, "401 Unauthorized"),
        ]
        .iter()
        .map(|(step, message)| failure(message, *step).expect("a failed pull").sentence)
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        The registry r.example.org wants a login for “r.example.org/base:1”, and got none or a wrong one.
        The registry 127.0.0.1:5000 wants a login for “127.0.0.1:5000/base”, and got none or a wrong one.
        The registry docker.io wants a login for “me/base”, and got none or a wrong one.
        The registry of a base image wants a login for it, and got none or a wrong one.
        ");
    }

    #[test]
    fn a_tried_login_is_refused_or_could_not_be_tried() {
        let refused = |status, message: &str| login("r.org", &Error::Refused { status, message: message.to_owned() }).sentence;
        assert_eq!(refused(401, "login attempt failed"), "The registry r.org refused the login.");
        assert_eq!(refused(500, "Get https://r.org/v2/: unauthorized: no"), "The registry r.org refused the login.");
        assert_eq!(refused(500, "Get \"https://r.org/v2/\": denied: denied"), "The registry r.org refused the login.");
        assert_eq!(refused(500, "no such host"), "The engine could not log in to the registry r.org: no such host");
        assert!(login("r.org", &Error::TimedOut("registry login")).sentence.contains("in time"));
        assert!(!login("r.org", &Error::BuildLost).by_author);
    }
}

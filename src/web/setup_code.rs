//! The one-time code that opens the setup page: printed at the first start and kept in a file that only the operator can read.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use subtle::ConstantTimeEq;

use crate::{domain::secret::Secret, keyfile};

/// Letters and digits that cannot be mistaken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 5;

/// The code, as long as setup is open.
pub struct SetupCode {
    file: PathBuf,
    /// Held for a comparison; nothing awaits under it.
    code: Mutex<Option<Secret>>,
}

impl SetupCode {
    /// Before setup: takes the code from its file, or makes one, and prints it. After setup: makes sure that no code is left.
    pub fn prepare(file: &Path, setup_done: bool) -> io::Result<Self> {
        let this = Self { file: file.to_owned(), code: Mutex::new(None) };
        if setup_done {
            this.close();
            return Ok(this);
        }
        let kept = std::fs::read_to_string(file).ok().map(|code| code.trim().to_owned()).filter(|code| !code.is_empty());
        let code = match kept {
            Some(code) => code,
            None => {
                let code = new_code();
                keyfile::write_private(file, format!("{code}\n").as_bytes())?;
                code
            }
        };
        tracing::info!("setup code: {code}");
        *this.code.lock().expect("no panic while held") = Some(Secret::new(code));
        Ok(this)
    }

    /// Where the operator finds the code.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether this is the code. Compared in constant time; spaces around it and capitals are forgiven.
    pub fn matches(&self, typed: &str) -> bool {
        let typed = typed.trim().to_ascii_lowercase();
        let code = self.code.lock().expect("no panic while held");
        code.as_ref().is_some_and(|code| code.reveal().as_bytes().ct_eq(typed.as_bytes()).into())
    }

    /// Setup is done: the code is worth nothing from here on, and its file goes.
    pub fn close(&self) {
        *self.code.lock().expect("no panic while held") = None;
        if let Err(err) = std::fs::remove_file(&self.file)
            && err.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(error = %err, "the file with the setup code could not be removed; the code is worth nothing any more");
        }
    }
}

fn new_code() -> String {
    let random: [u8; GROUPS * GROUP_CHARS] = keyfile::random();
    let letters = random.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    let groups: Vec<String> = letters.chunks(GROUP_CHARS).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_code_survives_a_restart_and_is_gone_after_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("setup-code");
        SetupCode::prepare(&file, false).expect("made");
        let code = std::fs::read_to_string(&file).expect("readable");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);

        let again = SetupCode::prepare(&file, false).expect("read");
        assert!(again.matches(&format!("  {} ", code.trim().to_uppercase())));
        assert!(!again.matches("") && !again.matches("wrong"));

        again.close();
        assert!(!again.matches(&code) && !file.exists());
        assert!(!SetupCode::prepare(&file, true).expect("closed").matches(&code));
    }
}

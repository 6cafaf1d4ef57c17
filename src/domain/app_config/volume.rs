//! What is mounted into a container.

mod danger;

pub use danger::{Danger, Sensitive, danger};

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    config_file::{self, ContainerPath, PART_MAX},
    network::is_docker_name,
};
use crate::domain::{Invalid, ids::AppId, is_hidden};

/// Something that is mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Volume {
    /// What is mounted.
    pub source: VolumeSource,
    /// Where the container finds it.
    pub path: ContainerPath,
    /// Whether the container cannot write to it.
    pub read_only: bool,
    /// Whether the operator has confirmed that the container may see what lies there, though it gives power over the machine.
    #[serde(default)]
    pub confirmed: bool,
}

impl Volume {
    /// What of it decides whether it is dangerous.
    pub fn mounted(&self) -> Mounted {
        Mounted { source: self.source.clone(), read_only: self.read_only }
    }
}

/// What is mounted, and how: by that it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// What is mounted.
    pub source: VolumeSource,
    /// Whether the container cannot write to it.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeSource {
    /// A folder or file of the engine's host, absolute and normalised.
    Host(PathBuf),
    /// A folder of the app's own in µPaaS's data directory, relative and normalised: `uploads`.
    Data(PathBuf),
    /// One of the engine's volumes, which it makes when there is none.
    Named(String),
}

const SOURCE_MAX: usize = 1024;

impl FromStr for VolumeSource {
    type Err = Invalid;

    /// `/srv/files` is a path of the host, `./uploads` and `a/b` are relative to the app's folder, `pgdata` is a named volume.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("What is to be mounted? Write a path of the host, ./folder, or the name of a volume."));
        }
        if text.len() > SOURCE_MAX || text.contains(|c: char| is_hidden(c) || c == '\\') {
            return Err(Invalid::because("This is neither a path nor the name of a volume."));
        }
        if text.contains(':') {
            return Err(Invalid::because("Write what is mounted here without a colon; where the container finds it has its own field."));
        }
        if text.starts_with(['~', '$']) {
            return Err(Invalid::because("Write the path out: the engine knows no home folders and no variables."));
        }
        if !text.contains('/') && text.len() > PART_MAX {
            return Err(Invalid::because(format!("A volume's name has at most {PART_MAX} characters.")));
        }
        let parts = config_file::parts(text)?;
        if text.starts_with('/') {
            return Ok(Self::Host(PathBuf::from(format!("/{}", parts.join("/")))));
        }
        if text.contains('/') || text == "." {
            if parts.is_empty() {
                return Err(Invalid::because("Name a folder, such as ./uploads."));
            }
            return Ok(Self::Data(parts.iter().collect()));
        }
        if text.len() < 2 || !is_docker_name(text) {
            return Err(Invalid::because(
                "A volume's name has at least two letters, digits, dots, hyphens or underscores. A relative folder is written ./folder.",
            ));
        }
        Ok(Self::Named(text.to_owned()))
    }
}

/// The folder of an app's own for relative volumes, in µPaaS's data directory as the engine's host sees it.
pub fn folder(data_dir: &Path, app: AppId) -> PathBuf {
    data_dir.join("volumes").join(app.to_string())
}

/// Reads where the container finds a volume.
pub fn parse_path(text: &str) -> Result<ContainerPath, Invalid> {
    let path: ContainerPath = text.parse()?;
    if text.contains(':') {
        return Err(Invalid::because("The path has a colon. Read-only has its own box."));
    }
    if Path::new(path.as_str()).starts_with("/proc") {
        return Err(Invalid::because("/proc is the container's own: choose another path."));
    }
    Ok(path)
}

/// Of two folders of an app's own, the one that lies within the other, and then that one. A container could put a link to anywhere in
/// place of a folder within a folder of its own, and the engine would follow it at the next start.
pub fn nested<'a>(one: &'a VolumeSource, other: &'a VolumeSource) -> Option<(&'a VolumeSource, &'a VolumeSource)> {
    let (VolumeSource::Data(a), VolumeSource::Data(b)) = (one, other) else { return None };
    match (a.starts_with(b), b.starts_with(a)) {
        (true, false) => Some((one, other)),
        (false, true) => Some((other, one)),
        _ => None,
    }
}

/// Why a volume cannot stand beside those before it, each with its place among them.
pub fn collision(volume: &Volume, before: &[Volume]) -> Option<Invalid> {
    let path = |it: &Volume| PathBuf::from(it.path.as_str());
    before.iter().enumerate().find_map(|(place, other)| {
        let row = place + 1;
        if volume.path == other.path {
            return Some(Invalid::because(format!("Row {row} is mounted at {} already.", other.path)));
        }
        if let Some((inner, outer)) = nested(&volume.source, &other.source) {
            return Some(Invalid::because(format!(
                "Row {row} has {}, and {inner} lies within {outer}. Mount the outer one only, or give each a folder of its own.",
                other.source
            )));
        }
        let nested = path(volume).starts_with(path(other)) || path(other).starts_with(path(volume));
        (nested && volume.source == other.source)
            .then(|| Invalid::because(format!("Row {row} has {} already: it would be mounted inside of itself.", volume.source)))
    })
}

impl fmt::Display for VolumeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(path) => write!(f, "{}", path.display()),
            Self::Data(path) => write!(f, "./{}", path.display()),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<VolumeSource, String> {
        text.parse().map_err(|err: Invalid| err.0)
    }

    #[test]
    fn a_slash_tells_paths_from_names() {
        assert_eq!(read("/srv//files/./a/"), Ok(VolumeSource::Host("/srv/files/a".into())));
        assert_eq!(read("/"), Ok(VolumeSource::Host("/".into())));
        assert_eq!(read("./uploads/"), Ok(VolumeSource::Data("uploads".into())));
        assert_eq!(read("a/b"), Ok(VolumeSource::Data("a/b".into())));
        assert_eq!(read("pgdata"), Ok(VolumeSource::Named("pgdata".to_owned())));
        for text in ["/srv/a", "./uploads", "pgdata"] {
            assert_eq!(read(text).expect("valid").to_string(), text);
        }
    }

    #[test]
    fn what_is_no_source_says_why() {
        let cases = [
            ("", "What is to be mounted?"),
            ("..", "without “..”"),
            ("/srv/../etc", "without “..”"),
            ("./..", "without “..”"),
            (".", "Name a folder"),
            ("./", "Name a folder"),
            ("a", "at least two"),
            ("-x", "A volume's name"),
            ("größe", "A volume's name"),
            ("/srv/a:/data:ro", "without a colon"),
            ("C:\\data", "neither a path"),
            ("~/data", "Write the path out"),
            ("$HOME/data", "Write the path out"),
            ("/srv/\0a", "neither a path"),
            ("/srv/\u{202e}a", "neither a path"),
            ("/srv/a\u{ad}b", "neither a path"),
            ("./a\u{2060}b", "neither a path"),
            ("/srv/a /", "end with a space"),
            ("a/b /.", "end with a space"),
        ];
        for (text, says) in cases {
            assert!(read(text).expect_err(text).contains(says), "{text}: {:?}", read(text));
        }
        assert!(read(&format!("/{}", "a/".repeat(SOURCE_MAX))).is_err());
        let long = "a".repeat(PART_MAX + 1);
        for path in [format!("/srv/{long}/b"), format!("./{long}")] {
            assert_eq!(read(&path), Err("A name in the path has at most 255 characters.".to_owned()));
        }
        assert_eq!(read(&long), Err("A volume's name has at most 255 characters.".to_owned()));
        assert!(read(&long[1..]).is_ok() && read(&format!("/{}", &long[1..])).is_ok());
        for path in ["/proc", "/proc/sys", "/a:ro", "a", "/", "/a/../b"] {
            assert!(parse_path(path).is_err(), "{path}");
        }
        assert_eq!(parse_path("/data//x/").expect("valid").as_str(), "/data/x");
    }

    #[test]
    fn two_volumes_are_not_mounted_at_one_path_nor_one_inside_of_itself() {
        let volume = |source: &str, path: &str| Volume {
            source: read(source).expect("valid"),
            path: parse_path(path).expect("valid"),
            read_only: false,
            confirmed: false,
        };
        let said = |one, other| collision(&other, &[volume("other", "/other"), one]).map(|it| it.0);
        assert_eq!(said(volume("a1", "/data"), volume("b1", "/data/")), Some("Row 2 is mounted at /data already.".to_owned()));
        assert!(said(volume("./a", "/data"), volume("./a", "/data/a")).expect("refused").contains("inside of itself"));
        assert_eq!(said(volume("a1", "/data"), volume("b1", "/data/b")), None);
        assert_eq!(said(volume("a1", "/data"), volume("a1", "/data2")), None);
    }

    #[test]
    fn a_folder_of_the_app_s_own_is_not_mounted_beside_one_within_it() {
        let volume = |source: &str, path: &str| Volume {
            source: read(source).expect("valid"),
            path: parse_path(path).expect("valid"),
            read_only: false,
            confirmed: false,
        };
        let said = |one: &str, other: &str| collision(&volume(other, "/b"), &[volume(one, "/a")]).map(|it| it.0);
        let sentence = "Row 1 has ./a, and ./a/b lies within ./a. Mount the outer one only, or give each a folder of its own.";
        assert_eq!(said("./a", "./a/b").as_deref(), Some(sentence));
        assert!(said("./a/b", "./a").is_some_and(|it| it.starts_with("Row 1 has ./a/b, and ./a/b lies within ./a.")));
        assert_eq!(said("./a", "./ab"), None);
        assert_eq!(said("./a", "./a"), None, "the same folder at two places");
        assert_eq!(said("/srv", "/srv/a"), None, "the host's folders are the operator's");
    }
}

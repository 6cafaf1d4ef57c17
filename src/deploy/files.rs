//! Where the files of apps and deployments lie in the data directory. Keyed by id, so that a re-created slug inherits nothing.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use crate::domain::{disk::Part, ids::AppId};

/// The data directory, as deployments see it.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// The files under a data directory.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The data directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What a file or folder of this name in the data directory is part of.
    pub fn part_of(&self, name: &OsStr) -> Part {
        match name.to_str() {
            Some("logs") => Part::Journals,
            Some("repos") => Part::Mirrors,
            Some("builds") => Part::Builds,
            Some("audit") => Part::Audit,
            Some("volumes") => Part::Volumes,
            Some("files") => Part::ConfigFiles,
            Some(name) if name.starts_with("upaas.db") => Part::Database,
            _ => Part::Other,
        }
    }

    /// The mirrors of all apps.
    pub fn mirrors(&self) -> PathBuf {
        self.root.join("repos")
    }

    /// The bare mirror of an app's repository.
    pub fn mirror(&self, app: AppId) -> PathBuf {
        self.mirrors().join(format!("{app}.git"))
    }

    /// The folder of the mirrors of an app's submodules: nothing is shared between apps.
    pub fn submodule_mirrors(&self, app: AppId) -> PathBuf {
        self.mirrors().join(format!("{app}.sub"))
    }

    /// What lies here of an app, but for its volumes and for what is being built.
    pub fn of_app(&self, app: AppId) -> Vec<PathBuf> {
        let (journals, config_files) = (self.root.join("logs").join(app.to_string()), self.config_files().join(app.to_string()));
        vec![self.mirror(app), self.submodule_mirrors(app), journals, config_files]
    }

    /// The folder of a deployment that is being built: its checkout and what is needed to make it.
    pub fn build(&self, app: AppId, number: i64) -> PathBuf {
        self.builds().join(format!("{app}-{number}"))
    }

    /// The checkout of a deployment that is being built.
    pub fn checkout(&self, app: AppId, number: i64) -> PathBuf {
        self.build(app, number).join("tree")
    }

    /// The journal of a deployment.
    pub fn journal(&self, app: AppId, number: i64) -> PathBuf {
        self.root.join("logs").join(app.to_string()).join(format!("{number}.journal"))
    }

    /// The copies of audit entries.
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// The folders that an app's relative volumes are in.
    pub fn volumes(&self, app: AppId) -> PathBuf {
        self.root.join("volumes").join(app.to_string())
    }

    /// The text files of the containers of all apps: a folder for each app, and in it one for each container.
    pub fn config_files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// Keys in use.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Creates the folders, and empties those whose content never outlives the process.
    pub fn prepare(&self) -> io::Result<()> {
        for transient in [self.scratch(), self.builds()] {
            match std::fs::remove_dir_all(&transient) {
                Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
                _ => std::fs::create_dir_all(&transient)?,
            }
        }
        std::fs::create_dir_all(self.mirrors())?;
        std::fs::create_dir_all(self.root.join("logs"))
    }

    /// The folders of all deployments that are being built.
    pub fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }
}

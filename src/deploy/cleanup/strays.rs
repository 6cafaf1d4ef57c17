//! Mirrors of apps that are no more. Nothing makes any now; a look for new commits beside a deletion once did.
//!
//! Only mirrors: what is fetched can be fetched again. Journals and text files without an app stay, since the database may be an older
//! backup that does not know the app yet whose containers use them.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use crate::{
    db,
    deploy::{Shared, files::Files, platform::Failure},
    domain::ids::AppId,
};

/// Removes the mirrors of apps that the database does not know, nor as being deleted.
pub(super) async fn remove(shared: &Shared) {
    if let Err(failure) = try_to(shared).await {
        tracing::warn!(reason = %failure.sentence, error = failure.chain(), "mirrors of no app could not be removed; it is tried again with the next clean-up");
    }
}

async fn try_to(shared: &Shared) -> Result<(), Failure> {
    let files = shared.files.clone();
    // Listed before the database is asked: the mirror of an app that comes meanwhile is not among them.
    let mirrors = spawn_blocking(move || all(&files)).await.map_err(Failure::internal)?.map_err(Failure::internal)?;
    for (app, mirror) in mirrors {
        if is_known(shared, app).await.map_err(Failure::internal)? {
            continue;
        }
        tracing::info!(mirror = %mirror.display(), "a mirror of no app is removed");
        spawn_blocking(move || std::fs::remove_dir_all(mirror)).await.map_err(Failure::internal)?.map_err(Failure::internal)?;
    }
    Ok(())
}

async fn is_known(shared: &Shared, app: AppId) -> Result<bool, db::Error> {
    Ok(db::apps::find(shared.db.read(), app).await?.is_some() || db::deletions::is_pending(shared.db.read(), app).await?)
}

/// The folders that are called as an app's mirrors are.
fn all(files: &Files) -> io::Result<Vec<(AppId, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(files.mirrors())? {
        let entry = entry?;
        let path = entry.path();
        if let Some(app) = app_of(files, &path)
            && entry.file_type()?.is_dir()
        {
            found.push((app, path));
        }
    }
    Ok(found)
}

fn app_of(files: &Files, path: &Path) -> Option<AppId> {
    let app = path.file_stem()?.to_str()?.parse().ok()?;
    (files.mirror(app) == path || files.submodule_mirrors(app) == path).then_some(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_with_the_very_names_of_mirrors_are_found() {
        let data = tempfile::tempdir().expect("a folder");
        let (files, app) = (Files::new(data.path()), AppId::new());
        files.prepare().expect("prepared");
        let named = |name: &str| files.mirrors().join(name);
        let upper = app.to_string().to_uppercase();
        for name in
            [format!("{app}.git"), format!("{app}.sub"), format!("{app}"), format!("{app}.old"), format!("{upper}.git"), "a.git".to_owned()]
        {
            std::fs::create_dir(named(&name)).expect("a folder");
        }
        std::fs::write(files.mirror(AppId::new()), "").expect("a file");
        std::os::unix::fs::symlink(data.path(), files.mirror(AppId::new())).expect("a link");
        let mut found = all(&files).expect("listed");
        found.sort();
        assert_eq!(found, [(app, files.mirror(app)), (app, files.submodule_mirrors(app))]);
    }
}

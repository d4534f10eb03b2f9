//! Handing a result back as a new folder.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Error;
use crate::bundle::unpack;
use crate::git::Git;
use crate::repository::Repository;

/// Makes `dir` a git repository with the commit and its history on branch `main`, and no remote.
///
/// # Errors
/// [`Error::FolderTaken`] unless `dir` is missing or empty. A failure leaves no half-made folder there.
pub async fn to_new_folder(dir: &Path, repo: &Repository, commit: &str) -> Result<(), Error> {
    let io = |doing| move |source| Error::Io { doing, path: dir.to_owned(), source };
    // Also refuses a tree that holds a path which must not be written.
    repo.list(commit).await?;
    if dir.exists() && std::fs::read_dir(dir).map_err(io("open"))?.next().is_some() {
        return Err(Error::FolderTaken(dir.to_owned()));
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(io("make"))?;
    let new = tempfile::Builder::new().prefix(".codegod-").tempdir_in(parent).map_err(io("make"))?;
    let git = |name: &str| Git::within(new.path(), name);
    git("init").args(["--quiet", "--template=", "--initial-branch=main", "."]).run().await?;
    unpack(git("index-pack"), &repo.pack(commit, &[]).await?).await?;
    git("update-ref").args(["refs/heads/main", commit]).run().await?;
    git("reset").args(["--quiet", "--hard", "main"]).run().await?;
    std::fs::set_permissions(new.path(), PermissionsExt::from_mode(0o755)).map_err(io("open"))?;
    let made = new.keep();
    std::fs::rename(&made, dir).map_err(|source| {
        let _ = std::fs::remove_dir_all(&made);
        Error::Io { doing: "make", path: dir.to_owned(), source }
    })
}

//! How much room a disk has, in bytes and in files.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The room on the disk that a folder lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder.
    pub folder: PathBuf,
    /// Bytes that may still be written by who asks.
    pub free_bytes: u64,
    /// Its size in bytes.
    pub total_bytes: u64,
    /// Files that can still be made; none where the file system sets no number.
    pub free_files: Option<u64>,
}

impl Disk {
    /// Looks at the disk that `folder`, or the nearest folder above it that exists, lies on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let figures = rustix::fs::statvfs(there).map_err(|error| {
            Error::io(format!("look at the disk of {}", there.display()), std::io::Error::from(error))
        })?;
        Ok(Self {
            folder: folder.to_path_buf(),
            free_bytes: figures.f_bavail.saturating_mul(figures.f_frsize),
            total_bytes: figures.f_blocks.saturating_mul(figures.f_frsize),
            free_files: (figures.f_files > 0).then_some(figures.f_favail),
        })
    }
}

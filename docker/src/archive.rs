//! Small tar archives made in memory: the only way in which files get into a container.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tar::{Builder, EntryType, Header};

use super::error::Error;

/// The user and group as which commands run; 0 is root.
pub(crate) const AGENT_ID: u64 = 10001;

/// A tar archive being made.
pub(crate) struct Archive {
    builder: Builder<Vec<u8>>,
    modified: u64,
}

impl Archive {
    pub(crate) fn new() -> Self {
        let modified = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        Self { builder: Builder::new(Vec::new()), modified }
    }

    /// Adds a folder; one that exists keeps its content and takes the owner.
    pub(crate) fn folder(&mut self, path: &str, owner: u64, mode: u32) -> Result<&mut Self, Error> {
        self.entry(path, owner, mode, EntryType::Directory, &[])
    }

    /// Adds a file.
    pub(crate) fn file(
        &mut self,
        path: &str,
        owner: u64,
        mode: u32,
        content: &[u8],
    ) -> Result<&mut Self, Error> {
        self.entry(path, owner, mode, EntryType::Regular, content)
    }

    fn entry(
        &mut self,
        path: &str,
        owner: u64,
        mode: u32,
        kind: EntryType,
        content: &[u8],
    ) -> Result<&mut Self, Error> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(self.modified);
        header.set_size(content.len() as u64);
        self.builder
            .append_data(&mut header, path, content)
            .map_err(|source| Error::io(format!("pack {path}"), source))?;
        Ok(self)
    }

    /// The finished archive.
    pub(crate) fn finish(self) -> Result<Bytes, Error> {
        let bytes = self.builder.into_inner().map_err(|source| Error::io("finish an archive", source))?;
        Ok(Bytes::from(bytes))
    }

    /// The entries without the end mark, to be put in front of another archive.
    pub(crate) fn prefix(self) -> Result<Bytes, Error> {
        let whole = self.finish()?;
        Ok(whole.slice(..whole.len().saturating_sub(1024)))
    }
}

/// The folders that every sandbox has, owned by the agent's user.
pub(crate) fn layout() -> Result<Bytes, Error> {
    let mut archive = Archive::new();
    for path in ["workspace", "env", "home/agent", "cache/pip", "cache/npm"] {
        archive.folder(path, AGENT_ID, 0o755)?;
    }
    archive.finish()
}

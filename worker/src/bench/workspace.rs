//! The bench's workspace: as files for a sandbox, as a build's context, and as a commit.

use std::os::unix::ffi::OsStrExt;

use bytes::Bytes;
use codegod_docker::{CommandSpec, Sandbox};
use codegod_protocol::client::now_ms;
use codegod_protocol::task::TaskKind;
use codegod_source::Message;

use super::files::{self, AGENT_UID, quote};
use super::{Bench, COLLECT_DEADLINE, aside};
use crate::error::Error;

/// Files that are made by installing and running, and never belong into a commit, whatever the
/// project's own `.gitignore` says.
const NEVER_COMMITTED: [&str; 8] =
    ["node_modules/", ".venv/", "venv/", "__pycache__/", "*.pyc", ".pytest_cache/", ".vite/", ".coverage"];

impl Bench<'_> {
    /// The tracked files of the workspace as they stand, as an archive.
    ///
    /// # Errors
    /// [`Error`] when Docker or git fail, or the workspace is too large.
    pub(super) async fn workspace(&self) -> Result<Bytes, Error> {
        if let Some(sandbox) = &self.sandbox {
            return self.collect(sandbox).await;
        }
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        let commit = self.context.repository.to_tar(&self.commit, AGENT_UID, AGENT_UID, limit).await?;
        if self.overlay.is_empty() {
            return Ok(commit.into());
        }
        files::lay_over(&commit, &self.overlay, AGENT_UID)
    }

    /// The files that an image is built from, owned by root: always those of a commit. A container's
    /// files differ from it in owner and order, which would cost the daemon's builder its cache; and
    /// a task that changes nothing builds from what was published, whatever its checks left behind.
    ///
    /// # Errors
    /// As [`Bench::commit`].
    pub async fn build_context(&mut self, message: &Message) -> Result<Bytes, Error> {
        let commit = match (self.context.task.kind, &self.sandbox) {
            (TaskKind::Check | TaskKind::Verification, Some(_)) => self.commit.clone(),
            (TaskKind::Check | TaskKind::Verification, None) | (TaskKind::Work | TaskKind::Merge, _) => {
                self.commit(message).await?
            }
        };
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        Ok(self.context.repository.to_tar(&commit, 0, 0, limit).await?.into())
    }

    /// Reads the workspace back out of the sandbox: what the commit had, and what is new and not
    /// ignored by the project.
    async fn collect(&self, sandbox: &Sandbox) -> Result<Bytes, Error> {
        let tracked = self.context.repository.list(&self.commit).await?;
        let mut list = Vec::new();
        for entry in &tracked {
            list.extend_from_slice(entry.path.as_os_str().as_bytes());
            list.push(0);
        }
        let excluded: String = NEVER_COMMITTED
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .chain(self.private.keys().map(|path| format!("/{path}")))
            .fold(String::new(), |all, pattern| format!("{all} -x {}", quote(&pattern)));
        sandbox.upload(aside("codegod-tracked", &list)?, "/tmp").await?;
        let script = format!(
            "set -e; export GIT_DIR=/tmp/codegod-git GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1; \
             rm -rf $GIT_DIR; git init -q; \
             {{ git --work-tree=/workspace ls-files -z -o --exclude-standard{excluded}; cat /tmp/codegod-tracked; }} \
             | sort -zu | tar --null --no-recursion --ignore-failed-read --warning=no-failed-read \
             --owner={AGENT_UID} --group={AGENT_UID} --mtime=@0 -cf - -T -"
        );
        let limit = self.context.engine.settings().max_tar_bytes;
        let spec = CommandSpec::new(script, COLLECT_DEADLINE);
        let raw = sandbox.run_raw(&spec, self.context.stop.token(), limit).await?;
        if raw.exit_code != 0 {
            let why = String::from_utf8_lossy(&raw.stderr).trim().to_owned();
            return Err(Error::Invalid(format!("read the workspace back: {why}")));
        }
        Ok(raw.stdout)
    }

    /// Commits the workspace as it stands; the commit itself when nothing changed.
    ///
    /// # Errors
    /// [`Error`] when Docker or git fail.
    pub async fn commit(&mut self, message: &Message) -> Result<String, Error> {
        if self.sandbox.is_none() && self.overlay.is_empty() {
            return Ok(self.commit.clone());
        }
        let workspace = self.workspace().await?;
        let repository = &self.context.repository;
        let date = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
        let limit = self.context.engine.settings().max_tar_bytes as u64;
        Ok(repository.commit_tar(&[&self.commit], &workspace, message, date, limit).await?)
    }
}

//! Commits on the way between hosts: bundles written, and untrusted bundles read.

use crate::Error;
use crate::git::Git;
use crate::repository::{Repository, is_id, reference};

/// Findings of git's fsck that old honest histories have and that can do no harm.
const HARMLESS: &str = "--strict=missingEmail=ignore,missingNameBeforeEmail=ignore,missingSpaceBeforeEmail=ignore,\
missingSpaceBeforeDate=ignore,badTimezone=ignore,badDate=ignore,zeroPaddedDate=ignore,badEmail=ignore,\
zeroPaddedFilemode=ignore,multipleAuthors=ignore,nulInCommit=ignore,missingTaggerEntry=ignore";

/// What a bundle's head says.
struct Header {
    prerequisites: Vec<String>,
    tips: Vec<String>,
    /// Where the pack begins.
    pack: usize,
}

/// The commits that a bundle builds on, read from its head without trusting or importing it.
///
/// # Errors
/// [`Error::BadBundle`] when the bytes are no bundle of version 2.
pub fn bundle_prerequisites(bundle: &[u8]) -> Result<Vec<String>, Error> {
    Ok(parse(bundle)?.prerequisites)
}

impl Repository {
    /// Takes the commits of a bundle in, after git's own checks of every object in it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above `limit` bytes, [`Error::BadBundle`] for anything that is not a whole and
    /// well-formed bundle, [`Error::MissingPrerequisites`] when it builds on commits that are not here.
    pub async fn import_bundle(&self, bundle: &[u8], limit: u64) -> Result<(), Error> {
        let bytes = bundle.len() as u64;
        if bytes > limit {
            return Err(Error::TooLarge { what: "a bundle".to_owned(), bytes, limit });
        }
        let header = parse(bundle)?;
        let mut missing = Vec::new();
        for commit in &header.prerequisites {
            if !self.has(commit).await? {
                missing.push(commit.clone());
            }
        }
        if !missing.is_empty() {
            return Err(Error::MissingPrerequisites(missing));
        }
        unpack(self.git("index-pack"), &bundle[header.pack..]).await?;
        // The pack may be sound and still not hold all that its tips need.
        let list = self.git("rev-list").args(["--objects", "--quiet"]).args(&header.tips).arg("--not");
        let walked = list.args(&header.prerequisites).finish().await?;
        if walked.code != 0 {
            return Err(Error::BadBundle(walked.stderr.trim().to_owned()));
        }
        for tip in &header.tips {
            self.require(tip).await.map_err(|_| Error::BadBundle(format!("{tip} is not a commit in it")))?;
            self.keep(tip).await?;
        }
        Ok(())
    }

    /// A bundle with all that leads to `commit` and not to one of the `known` commits; None when nothing
    /// is left to send. Known commits that are not here are passed over.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`]; [`Error::TooLarge`] above `limit` bytes.
    pub async fn export_bundle(
        &self,
        commit: &str,
        known: &[&str],
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let without = self.without(commit, known).await?;
        let count = self.git("rev-list").args(["--count", commit]).args(&without).text().await?;
        if count == "0" {
            return Ok(None);
        }
        self.keep(commit).await?;
        let create = self.git("bundle").args(["create", "--quiet", "--version=2", "-", &reference(commit)]);
        create.args(&without).limit(limit).run().await.map(Some)
    }

    /// The pack with all that leads to `commit` and not to one of the `known` commits.
    pub(crate) async fn pack(&self, commit: &str, known: &[&str]) -> Result<Vec<u8>, Error> {
        let mut wanted = format!("{commit}\n");
        for without in self.without(commit, known).await? {
            wanted.push_str(&without);
            wanted.push('\n');
        }
        let pack = self.git("pack-objects").args(["--quiet", "--revs", "--stdout", "--thin"]);
        pack.input(wanted).run().await
    }

    async fn without(&self, commit: &str, known: &[&str]) -> Result<Vec<String>, Error> {
        self.require(commit).await?;
        let mut without = Vec::new();
        for id in known {
            if self.has(id).await? {
                without.push(format!("^{id}"));
            }
        }
        Ok(without)
    }
}

/// Lets `index-pack` check a pack and put it into the repository the command is about.
pub(crate) async fn unpack(index_pack: Git, pack: &[u8]) -> Result<(), Error> {
    let done = index_pack.args(["--stdin", "--fix-thin", HARMLESS]).input(pack).finish().await?;
    if done.code == 0 { Ok(()) } else { Err(Error::BadBundle(done.stderr.trim().to_owned())) }
}

fn parse(bundle: &[u8]) -> Result<Header, Error> {
    let bad = |why: &str| Error::BadBundle(why.to_owned());
    let signature: &[u8] = b"# v2 git bundle\n";
    if !bundle.starts_with(signature) {
        return Err(bad("it does not begin like a bundle of version 2"));
    }
    let mut header = Header { prerequisites: Vec::new(), tips: Vec::new(), pack: signature.len() };
    loop {
        let rest = &bundle[header.pack..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| bad("its head has no end"))?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        header.pack += end + 1;
        if line.is_empty() {
            break;
        }
        let (list, text) = match line.strip_prefix('-') {
            Some(text) => (&mut header.prerequisites, text),
            None => (&mut header.tips, line.as_str()),
        };
        let id = text.split(' ').next().filter(|id| is_id(id)).ok_or_else(|| bad("a line has no commit"))?;
        list.push(id.to_owned());
    }
    if header.tips.is_empty() {
        return Err(bad("it holds no commit"));
    }
    Ok(header)
}

//! The files of a build, as a tar: looked into, and with the ignore file that belongs to the Dockerfile.

use std::io::Read;

use bytes::Bytes;

use crate::error::Error;

/// The file by which the daemon leaves files out.
const IGNORE: &str = ".dockerignore";

/// The text of one file of a tar.
pub(super) fn find_file(context: &[u8], path: &str) -> Result<Option<String>, Error> {
    let wanted = path.trim_start_matches("./");
    let mut archive = tar::Archive::new(context);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if name(&entry)? == wanted {
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(failed)?;
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(None)
}

/// The context with `<dockerfile>.dockerignore` in the place of `.dockerignore`, when there is one: newer
/// builders do that by themselves, the daemon's own does not.
pub(super) fn with_own_ignore(context: &Bytes, dockerfile: &str) -> Result<Bytes, Error> {
    let Some(own) = find_file(context, &format!("{dockerfile}{IGNORE}"))? else { return Ok(context.clone()) };
    let mut rewritten = tar::Builder::new(Vec::with_capacity(context.len() + 1024));
    let mut archive = tar::Archive::new(context.as_ref());
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if name(&entry)? == IGNORE {
            continue;
        }
        copy(&mut rewritten, &mut entry).map_err(failed)?;
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(own.len() as u64);
    header.set_mode(0o644);
    rewritten.append_data(&mut header, IGNORE, own.as_bytes()).map_err(failed)?;
    rewritten.into_inner().map(Bytes::from).map_err(failed)
}

fn copy(to: &mut tar::Builder<Vec<u8>>, entry: &mut tar::Entry<'_, &[u8]>) -> std::io::Result<()> {
    let mut header = entry.header().clone();
    let path = entry.path()?.into_owned();
    match entry.link_name()? {
        Some(target) => to.append_link(&mut header, path, &target),
        None => to.append_data(&mut header, path, entry),
    }
}

fn name(entry: &tar::Entry<'_, &[u8]>) -> Result<String, Error> {
    let path = entry.path().map_err(failed)?.to_string_lossy().into_owned();
    Ok(path.trim_start_matches("./").to_owned())
}

fn failed(source: std::io::Error) -> Error {
    Error::io("read the build's files", source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(files: &[(&str, &str)]) -> Bytes {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o755);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, "link", "../elsewhere").unwrap();
        tar.into_inner().unwrap().into()
    }

    fn entries(context: &[u8]) -> Vec<(String, u32, String)> {
        let mut archive = tar::Archive::new(context);
        let entry = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let target = entry.link_name().unwrap().map(|target| target.display().to_string());
            (
                entry.path().unwrap().display().to_string(),
                entry.header().mode().unwrap(),
                target.unwrap_or(text),
            )
        };
        archive.entries().unwrap().map(entry).collect()
    }

    #[test]
    fn a_dockerfiles_own_ignore_file_takes_the_place_of_the_projects() {
        let long = format!("{}/file", "folder".repeat(30));
        let files = [(".dockerignore", "tests"), ("a/Dockerfile.dockerignore", ".git"), (&*long, "x")];
        let context = context(&files);
        let rewritten = entries(&with_own_ignore(&context, "a/Dockerfile").unwrap());
        assert_eq!(
            rewritten,
            [
                ("a/Dockerfile.dockerignore".to_owned(), 0o755, ".git".to_owned()),
                (long.clone(), 0o755, "x".to_owned()),
                ("link".to_owned(), 0o777, "../elsewhere".to_owned()),
                (".dockerignore".to_owned(), 0o644, ".git".to_owned()),
            ]
        );
        assert_eq!(with_own_ignore(&context, "Dockerfile").unwrap(), context);
    }
}

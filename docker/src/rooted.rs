//! Archives whose links lead out of the folder that they are unpacked into. The daemon refuses them there, for a
//! link that leads anywhere below its root it takes: so they are unpacked from the root.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use tar::{Archive, Builder, Entry, EntryType, Header};

use crate::error::Error;

/// Where an archive is unpacked, and what of it.
pub(crate) fn unpacked_at(tar: Bytes, path: &str) -> Result<(Bytes, &str), Error> {
    match leads_out(&tar).map_err(failed)? {
        false => Ok((tar, path)),
        true => Ok((below_root(&tar, path).map_err(failed)?, "/")),
    }
}

/// Whether a relative link leads out of the archive's folder.
fn leads_out(tar: &[u8]) -> std::io::Result<bool> {
    for entry in Archive::new(tar).entries()? {
        let entry = entry?;
        if entry.header().entry_type() == EntryType::Symlink
            && let Some(target) = entry.link_name_bytes()
            && !target.starts_with(b"/")
            && escapes(&entry.path_bytes(), &target)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn escapes(path: &[u8], target: &[u8]) -> bool {
    let mut depth = parts(path).count().saturating_sub(1);
    for part in parts(target) {
        match (part, depth) {
            (b"..", 0) => return true,
            (b"..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// The archive with every name below `folder`, which is absolute.
fn below_root(tar: &[u8], folder: &str) -> std::io::Result<Bytes> {
    let folder = folder.trim_matches('/').as_bytes();
    let mut builder = Builder::new(Vec::with_capacity(tar.len() + tar.len() / 8));
    for entry in Archive::new(tar).entries()? {
        let mut entry = entry?;
        let name: Vec<u8> = entry.path_bytes().into_owned();
        let name = parts(&name).fold(folder.to_vec(), |all, part| [&all, part].join(&b'/'));
        append(&mut builder, &mut entry, &name)?;
    }
    builder.into_inner().map(Bytes::from)
}

/// Adds an entry byte for byte under another name; the tar crate's own way would rewrite paths.
fn append(builder: &mut Builder<Vec<u8>>, entry: &mut Entry<'_, &[u8]>, name: &[u8]) -> std::io::Result<()> {
    let mut header = entry.header().clone();
    let link = entry.link_name_bytes().map_or_else(Vec::new, Cow::into_owned);
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    for (kind, text) in [(EntryType::GNULongLink, &link[..]), (EntryType::GNULongName, name)] {
        if text.len() > 100 {
            let mut long = Header::new_gnu();
            long.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
            long.set_entry_type(kind);
            long.set_size(text.len() as u64 + 1);
            long.set_cksum();
            builder.append(&long, [text, b"\0"].concat().as_slice())?;
        }
    }
    if let Some(header) = header.as_ustar_mut() {
        // A name's first part may stand here.
        header.prefix.fill(0);
    }
    let old = header.as_old_mut();
    old.name.fill(0);
    let length = name.len().min(100);
    old.name[..length].copy_from_slice(&name[..length]);
    header.set_cksum();
    builder.append(&header, content.as_slice())
}

fn failed(source: std::io::Error) -> Error {
    Error::io("read the files to upload", source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryType, name: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name);
        old.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        let mut builder = Builder::new(Vec::new());
        builder.append(&header, content).unwrap();
        let mut tar = builder.into_inner().unwrap();
        tar.truncate(tar.len() - 1024);
        tar
    }

    fn entries(tar: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let one = |entry: std::io::Result<Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut content = entry.link_name_bytes().map_or_else(Vec::new, Cow::into_owned);
            entry.read_to_end(&mut content).unwrap();
            (entry.path_bytes().into_owned(), content)
        };
        Archive::new(tar).entries().unwrap().map(one).collect()
    }

    #[test]
    fn links_are_followed_by_their_names_alone() {
        for (path, target, expected) in [
            ("a", "..", true),
            ("a/b", "..", false),
            ("a/b", "../../c", true),
            ("./a/b", "../c/../..", true),
            ("a", "b/../../c", true),
            ("a", "b/..", false),
        ] {
            assert_eq!(escapes(path.as_bytes(), target.as_bytes()), expected, "{path} → {target}");
        }
    }

    #[test]
    fn an_archive_with_a_link_that_leads_out_is_unpacked_from_the_root_with_the_same_names() {
        let long = [&[b'x'; 98][..], b"\xe9"].concat();
        let files = [
            entry(EntryType::Directory, b"d/", b"", b""),
            entry(EntryType::Regular, &long, b"", b"text"),
            entry(EntryType::Symlink, b"d/absolute", b"/etc/passwd", b""),
        ];
        let plain = Bytes::from(files.concat());
        assert_eq!(unpacked_at(plain.clone(), "/workspace").unwrap(), (plain.clone(), "/workspace"));
        let out = [plain.to_vec(), entry(EntryType::Symlink, b"d/out", b"../../a/../b", b"")].concat();
        let (tar, path) = unpacked_at(out.into(), "/workspace").unwrap();
        let named = |name: &[u8], content: &[u8]| ([b"workspace/", name].concat(), content.to_vec());
        assert_eq!(path, "/");
        assert_eq!(
            entries(&tar),
            [
                named(b"d", b""),
                named(&long, b"text"),
                named(b"d/absolute", b"/etc/passwd"),
                named(b"d/out", b"../../a/../b"),
            ]
        );
    }
}

//! The content of many files at once.

use crate::Error;
use crate::repository::{Entry, Kind, Repository};

impl Repository {
    /// The content of regular files, in their order, with one process of git for all. Other entries and files
    /// that are not there give nothing at their place.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when they have more than `limit` bytes together; the errors of git.
    pub async fn read_many(&self, entries: &[&Entry], limit: u64) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let wanted: Vec<bool> =
            entries.iter().map(|entry| matches!(entry.kind, Kind::File | Kind::Executable)).collect();
        let files = || entries.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(entry, _)| *entry);
        let bytes = files().map(|entry| entry.size).fold(0, u64::saturating_add);
        if bytes > limit {
            return Err(Error::TooLarge { what: "the files that were asked for".to_owned(), bytes, limit });
        }
        let ids: String = files().map(|entry| format!("{}\n", entry.object)).collect();
        let most = bytes + ids.len() as u64 * 2 + 1024;
        let out = match ids.is_empty() {
            true => Vec::new(),
            false => self.git("cat-file").args(["--batch"]).input(ids).limit(most).run().await?,
        };
        let mut rest = out.as_slice();
        Ok(wanted.into_iter().map(|wanted| if wanted { next(&mut rest) } else { None }).collect())
    }
}

/// The next answer of `git cat-file --batch`: `<id> blob <size>`, a line break, the content, a line break.
fn next(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = (String::from_utf8_lossy(&rest[..end]).into_owned(), rest.get(end + 1..)?);
    *rest = after;
    let size: usize =
        line.strip_suffix(" missing").is_none().then(|| line.rsplit_once(' '))??.1.parse().ok()?;
    let content = after.get(..size)?.to_vec();
    *rest = after.get(size + 1..)?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_after_the_other_also_when_one_is_missing() {
        let mut rest: &[u8] = b"aa blob 3\na\nb\nbb missing\ncc blob 0\n\n";
        assert_eq!(next(&mut rest), Some(b"a\nb".to_vec()));
        assert_eq!(next(&mut rest), None);
        assert_eq!(next(&mut rest), Some(Vec::new()));
        assert_eq!(next(&mut rest), None);
    }
}
